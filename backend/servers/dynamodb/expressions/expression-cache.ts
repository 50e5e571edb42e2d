/**
 * Parsed expressions by their text. Programs use few texts, each many times; a client that makes up new ones must not grow
 * the memory of the door, so the oldest entry leaves when a bound is reached.
 */
export class ExpressionCache<Syntax> {
  private readonly parse: (text: string) => Syntax;
  private readonly limit: number;
  private readonly entries = new Map<string, Syntax>();

  constructor(parse: (text: string) => Syntax, limit = 1_000) {
    this.parse = parse;
    this.limit = limit;
  }

  /** Throws what the parser throws; a text that does not parse is not kept. */
  get(text: string): Syntax {
    const known = this.entries.get(text);
    if (known !== undefined) return known;
    const syntax = this.parse(text);
    if (this.entries.size >= this.limit) {
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest);
        break;
      }
    }
    this.entries.set(text, syntax);
    return syntax;
  }
}
