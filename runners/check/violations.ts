/**
 * What a checker found: every violation counted by the rule that it breaks, and the first of each rule told in words. A run
 * that breaks a rule a million times must neither stop at the first nor fill the memory.
 */

const examplesPerRule = 10;

export interface Violation<Rule extends string = string> {
  readonly rule: Rule;
  /** What happened, to which operation, and why it may not. */
  readonly detail: string;
}

export class Violations<Rule extends string = string> {
  /** Of all rules. */
  count = 0;
  /** The first few of each rule, in the order found. */
  readonly examples: Violation<Rule>[] = [];
  private readonly counts = new Map<Rule, number>();

  /** `detail` is called only for an example that is kept. */
  add(rule: Rule, detail: () => string): void {
    const before = this.of(rule);
    this.count++;
    this.counts.set(rule, before + 1);
    if (before < examplesPerRule) this.examples.push({ rule, detail: detail() });
  }

  /** How often `rule` was broken. */
  of(rule: Rule): number {
    return this.counts.get(rule) ?? 0;
  }

  /** One line for each example, and for each rule how many more there were. Empty when there was none. */
  text(): string {
    const lines = this.examples.map(({ rule, detail }) => `${rule}: ${detail}`);
    for (const [rule, count] of this.counts)
      if (count > examplesPerRule) lines.push(`${rule}: ${count - examplesPerRule} more`);
    return lines.join("\n");
  }
}
