/**
 * Expression text cut into tokens, each with its position, and the cursor over them that both parsers share. A syntax error
 * says what the service says (the token and the text around it) and, besides, at which character.
 */
import { validation } from "../service-error.ts";
import type { ServiceError } from "../service-error.ts";

export interface Token {
  readonly kind: "word" | "name" | "value" | "number" | "symbol" | "end";
  readonly text: string;
  /** Index of the first character. */
  readonly at: number;
}

/** DynamoDB's limit on one expression. */
export const maxExpressionBytes = 4_096;
/** Bounds the parser's own stack. */
const maxDepth = 100;

const pattern = /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|(#[A-Za-z0-9_]+)|(:[A-Za-z0-9_]+)|([0-9]+)|(<>|<=|>=|[()[\].,=<>+-]))/y;

export class Scanner {
  private readonly text: string;
  private readonly expression: string;
  private readonly tokens: Token[] = [];
  private position = 0;
  private depth = 0;
  /** Token indexes of the first and last token inside the parentheses closed last. */
  private lastGroup = { first: -1, last: -1 };
  /** Whether the parentheses closed last held nothing but another pair. */
  groupIsRedundant = false;

  /** `expression` is the name of the parameter, for messages. */
  constructor(text: string, expression: string) {
    this.text = text;
    this.expression = expression;
    if (text === "") throw this.invalid("The expression can not be empty;");
    if (text.length > maxExpressionBytes) {
      throw this.invalid(`Expression size has exceeded the maximum allowed size; expression size: ${text.length}`);
    }
    this.cut();
  }

  private cut(): void {
    const { text } = this;
    const end = text.trimEnd().length;
    pattern.lastIndex = 0;
    while (pattern.lastIndex < end) {
      const at = pattern.lastIndex;
      const match = pattern.exec(text);
      if (match === null) throw this.syntax(this.characterAt(at));
      const [whole, word, name, value, number, symbol] = match;
      const token = word ?? name ?? value ?? number ?? symbol;
      this.tokens.push({ kind: kindOf(word, name, value, number), text: token, at: at + whole.length - token.length });
    }
    this.tokens.push({ kind: "end", text: "<EOF>", at: end });
  }

  private characterAt(from: number): Token {
    let at = from;
    while (this.text[at].trim() === "") at++;
    return { kind: "symbol", text: this.text[at], at };
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.position + ahead, this.tokens.length - 1)];
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.position++;
    return token;
  }

  /** Consumes the next token if it is this symbol. */
  take(symbol: string): boolean {
    const token = this.peek();
    if (token.kind !== "symbol" || token.text !== symbol) return false;
    this.position++;
    return true;
  }

  /** Consumes the next token if it is this word, in any case. */
  takeWord(word: string): boolean {
    if (!this.atWord(word)) return false;
    this.position++;
    return true;
  }

  atWord(word: string): boolean {
    const token = this.peek();
    return token.kind === "word" && token.text.toUpperCase() === word;
  }

  expect(symbol: string): void {
    if (!this.take(symbol)) throw this.syntax();
  }

  expectEnd(): void {
    if (this.peek().kind !== "end") throw this.syntax();
  }

  /** Runs one level of nesting. */
  nested<T>(parse: () => T): T {
    if (++this.depth > maxDepth) throw this.invalid(`The expression is nested more than ${maxDepth} deep`);
    const result = parse();
    this.depth--;
    return result;
  }

  /** Parses up to and past the closing parenthesis; the opening one has been taken. */
  group<T>(parse: () => T): T {
    const first = this.position;
    const result = this.nested(parse);
    const last = this.position - 1;
    this.expect(")");
    this.groupIsRedundant = this.lastGroup.first === first + 1 && this.lastGroup.last === last - 1;
    this.lastGroup = { first, last };
    return result;
  }

  /** The service quotes the offending token and, as `near`, it with its neighbours. */
  syntax(token: Token = this.peek()): ServiceError {
    const index = this.tokens.indexOf(token);
    const before = index < 0 ? this.tokens.at(-1) : this.tokens[index - 1];
    const after = index < 0 ? undefined : this.tokens[index + 1];
    const from = before?.at ?? token.at;
    const to = after === undefined ? token.at + token.text.length : after.at + after.text.length;
    const near = this.text.slice(from, to).trimEnd();
    return this.invalid(`Syntax error; token: "${token.text}", near: "${near}", at character ${token.at + 1}`);
  }

  invalid(message: string): ServiceError {
    return validation(`Invalid ${this.expression}: ${message}`);
  }
}

function kindOf(word?: string, name?: string, value?: string, number?: string): Token["kind"] {
  if (word !== undefined) return "word";
  if (name !== undefined) return "name";
  if (value !== undefined) return "value";
  return number === undefined ? "symbol" : "number";
}
