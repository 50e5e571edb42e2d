/**
 * Is there an order of the operations, each at one instant between its invocation and its completion, in which a model would
 * have given the same answers? (Herlihy and Wing, TOPLAS 1990.)
 *
 * A history is linearizable if and only if it is so for each key alone (Horn and Kroening, "Faster linearizability checking via
 * P-compositionality", FORTE 2015), so each key is a search of its own (`key-search.ts`). The searches take turns, with
 * allowances that grow eightfold: a violation on one key is found soon, whatever the others cost. The worst case stays
 * exponential in the number of concurrent operations, so steps are bounded and there are three verdicts: one that is undecided
 * proves nothing.
 *
 * The searches remember by hashes, which can only make an order be missed. So before a violation is reported the key is
 * searched again with an exact memo; one too long for that, with other hashes.
 */
import type { History, Operation } from "./history.ts";
import { assertOperation } from "./history.ts";
import type { Memo, SearchResult } from "./key-search.ts";
import { KeySearch } from "./key-search.ts";
import type { Model } from "./model.ts";
import type { Prefix } from "./longest-prefix.ts";
import { longestPrefix, tellViolation } from "./longest-prefix.ts";

export interface LinearizabilityOptions {
  /** Of all keys together, one to four million a second. Default 10 million, which bounds memory near half a gigabyte. */
  readonly steps?: number;
  /** Of the memo's hashes; a test makes them collide with few. Default 53. */
  readonly hashBits?: number;
  readonly salt?: number;
}

export type LinearizabilityVerdict<State, Input, Output> =
  | { readonly kind: "linearizable"; readonly keys: number; readonly operations: number; readonly steps: number }
  | LinearizabilityViolation<State, Input, Output>
  | {
      readonly kind: "undecided";
      /** Those for which neither an order was found nor its absence proven. */
      readonly keys: readonly string[];
      readonly steps: number;
      readonly text: string;
    };

export interface LinearizabilityViolation<State, Input, Output> extends Prefix<State, Input, Output> {
  readonly kind: "violation";
  readonly key: string;
  readonly steps: number;
  /** What a person reads. */
  readonly text: string;
}

const firstAllowance = 2_000;
const allowanceGrowth = 8;
/** Steps of a search up to which it is repeated with the exact memo, which takes some hundred bytes a step. */
const mostExact = 1_000_000;

/** Throws a RangeError for an operation that cannot be (see `assertOperation`). */
export function checkLinearizability<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: History<Input, Output>,
  options: LinearizabilityOptions = {},
): LinearizabilityVerdict<State, Input, Output> {
  return new Check(model, history, options).run();
}

/** Throws an Error that tells why, unless the history was proven linearizable. */
export function assertLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: History<Input, Output>,
  options: LinearizabilityOptions = {},
): void {
  const verdict = checkLinearizability(model, history, options);
  if (verdict.kind !== "linearizable") throw new Error(verdict.text);
}

interface KeyCheck<State, Input, Output> {
  readonly key: string;
  readonly operations: readonly Operation<Input, Output>[];
  search: KeySearch<State, Input, Output> | undefined;
  /** An earlier search found none. */
  again: boolean;
}

class Check<State, Input, Output> {
  private readonly model: Model<State, Input, Output>;
  private readonly history: History<Input, Output>;
  private readonly limit: number;
  private readonly hashBits: number;
  private readonly salt: number;
  private steps = 0;

  constructor(model: Model<State, Input, Output>, history: History<Input, Output>, options: LinearizabilityOptions) {
    this.model = model;
    this.history = history;
    this.limit = options.steps ?? 10_000_000;
    this.hashBits = options.hashBits ?? 53;
    this.salt = options.salt ?? 1;
  }

  run(): LinearizabilityVerdict<State, Input, Output> {
    const checks = this.byKey();
    let pending = checks;
    for (let allowance = firstAllowance; pending.length > 0 && this.steps < this.limit; allowance *= allowanceGrowth) {
      const unfinished: KeyCheck<State, Input, Output>[] = [];
      for (const check of pending) {
        const result = this.goOn(check, allowance);
        if (result === "none") return this.violation(check);
        if (result === "unfinished") unfinished.push(check);
        else check.search = undefined;
      }
      pending = unfinished;
    }
    if (pending.length > 0) return this.undecided(pending);
    return { kind: "linearizable", keys: checks.length, operations: this.history.length, steps: this.steps };
  }

  private byKey(): KeyCheck<State, Input, Output>[] {
    const keys = new Map<string, Operation<Input, Output>[]>();
    for (const operation of this.history) {
      assertOperation(operation);
      const key = this.model.keyOf(operation.input);
      const operations = keys.get(key);
      if (operations === undefined) keys.set(key, [operation]);
      else operations.push(operation);
    }
    return [...keys].map(([key, operations]) => ({ key, operations, search: undefined, again: false }));
  }

  /** "none" only if a second search says so too. */
  private goOn(check: KeyCheck<State, Input, Output>, allowance: number): SearchResult {
    check.search ??= this.search(check, { kind: "hashed", bits: this.hashBits, salt: this.salt });
    const result = this.spend(check.search, allowance);
    if (result !== "none" || check.again) return result;
    const { steps } = check.search;
    const memo =
      steps <= mostExact ? ({ kind: "exact" } as const) : ({ kind: "hashed", bits: 53, salt: this.salt + 1 } as const);
    check.search = this.search(check, memo);
    check.again = true;
    return this.spend(check.search, Math.max(allowance, 2 * steps));
  }

  private search({ operations }: KeyCheck<State, Input, Output>, memo: Memo): KeySearch<State, Input, Output> {
    return new KeySearch(this.model, operations, memo);
  }

  private spend(search: KeySearch<State, Input, Output>, allowance: number): SearchResult {
    const before = search.steps;
    const result = search.run(Math.min(allowance, this.limit - this.steps));
    this.steps += search.steps - before;
    return result;
  }

  private violation({
    key,
    operations,
  }: KeyCheck<State, Input, Output>): LinearizabilityViolation<State, Input, Output> {
    const prefix = longestPrefix(this.model, operations);
    const text = tellViolation(this.model, key, operations, prefix);
    return { kind: "violation", key, steps: this.steps, text, ...prefix };
  }

  private undecided(pending: readonly KeyCheck<State, Input, Output>[]): LinearizabilityVerdict<State, Input, Output> {
    const keys = pending.map(({ key }) => key);
    const shown = keys.slice(0, 5).join(", ") + (keys.length > 5 ? ", ..." : "");
    const text =
      `linearizability is undecided: ${this.steps} steps did not decide ${keys.length} keys (${shown}); nothing is proven; ` +
      `expected a verdict within ${this.limit} steps; fix: fewer clients or operations a key, or more steps`;
    return { kind: "undecided", keys, steps: this.steps, text };
  }
}
