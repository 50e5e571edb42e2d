/**
 * Counts the zones' answers to one write, as EVCacheLatch does, and says when its client may be told, and what.
 *
 *     NONE 0    ONE 1    QUORUM n/2 + 1 (1 when n <= 2)    ALL_MINUS_1 n - 1    ALL n
 *
 * Departures from EVCache: a compare-and-swap is told as done only when a majority of all zones accepted it, or two clients could both have won; what
 * can no longer be reached fails at once instead of when time is up.
 */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { LatchPolicy } from "../../api-zones.ts";

/** Zones to wait for. */
export function latchCount(policy: LatchPolicy, zones: number): number {
  switch (policy) {
    case "none":
      return 0;
    case "one":
      return 1;
    case "quorum":
      return zones <= 2 ? 1 : Math.floor(zones / 2) + 1;
    case "all-minus-1":
      return Math.max(0, zones - 1);
    case "all":
      return zones;
  }
}

/** Is it carried out only if the item is the one its client saw? */
export function compares(operation: CacheOperation): boolean {
  return "compareCas" in operation && operation.compareCas !== undefined;
}

export class Latch {
  readonly needed: number;
  /** By place in the list of zones. */
  readonly answers: (CacheOutcome | undefined)[];
  private readonly compares: boolean;
  private readonly silent = new Set<number>();

  constructor(operation: CacheOperation, policy: LatchPolicy, zones: number) {
    this.compares = compares(operation);
    this.needed = Math.max(latchCount(policy, zones), leastAnswers(operation));
    this.answers = Array.from({ length: zones }, () => undefined);
  }

  /** The zone at `place` answered. False: it had before. */
  record(place: number, outcome: CacheOutcome): boolean {
    if (this.answers[place] !== undefined) return false;
    this.answers[place] = outcome;
    this.silent.delete(place);
    return true;
  }

  /** The zone at `place` is not expected to answer; it may do so all the same. */
  giveUp(place: number): void {
    if (this.answers[place] === undefined) this.silent.add(place);
  }

  get answered(): number {
    return this.answers.reduce((sum, answer) => (answer === undefined ? sum : sum + 1), 0);
  }

  /** What its client is told; undefined while that is open. */
  verdict(): CacheOutcome | undefined {
    const known = this.answers.filter((answer) => answer !== undefined);
    if (this.compares) return this.winner(known);
    if (this.answered >= this.needed) return combined(known);
    if (this.answers.length - this.silent.size < this.needed) return this.failure();
    return undefined;
  }

  failure(): CacheOutcome {
    const message = `${this.answered} of ${this.answers.length} zones answered; the latch waits for ${this.needed}`;
    return { kind: "failed", happened: "unknown", message };
  }

  private winner(known: readonly CacheOutcome[]): CacheOutcome | undefined {
    const majority = Math.floor(this.answers.length / 2) + 1;
    const accepted = known.filter(isDone);
    const refusal = known.find((outcome) => !isDone(outcome));
    if (accepted.length >= majority && this.answered >= this.needed) return accepted[0];
    if (this.answers.length - (known.length - accepted.length) < majority) return refusal;
    const reachable = this.answers.length - this.silent.size;
    const most = reachable - (known.length - accepted.length);
    return most < majority || reachable < this.needed ? this.failure() : undefined;
  }
}

/** Did it change what is stored? */
export function isDone({ kind }: CacheOutcome): boolean {
  return kind === "stored" || kind === "counted" || kind === "deleted" || kind === "touched" || kind === "flushed";
}

/** What can be known only from an answer needs one. */
function leastAnswers(operation: CacheOperation): number {
  if (operation.kind === "arithmetic") return 1;
  return operation.kind === "store" && operation.mode !== "set" ? 1 : 0;
}

/** What most of the zones say; of as many, what was done. */
function combined(known: readonly CacheOutcome[]): CacheOutcome {
  const count = ({ kind }: CacheOutcome): number => known.filter((other) => other.kind === kind).length;
  const weight = (outcome: CacheOutcome): number => count(outcome) + (isDone(outcome) ? 0.5 : 0);
  // Deleted anywhere is deleted.
  const deleted = known.find(({ kind }) => kind === "deleted");
  if (deleted !== undefined) return deleted;
  const best = known.reduce((a, b) => (weight(b) > weight(a) ? b : a));
  if (best.kind !== "counted") return best;
  return known.reduce((a, b) => (a.kind === "counted" && b.kind === "counted" && b.value > a.value ? b : a), best);
}

/** What a client that waits for nobody is told. */
export function assumed(operation: CacheOperation, cas: number): CacheOutcome {
  switch (operation.kind) {
    case "store":
      return { kind: "stored", cas };
    case "delete":
      return { kind: "deleted" };
    case "touch":
      return { kind: "touched" };
    default:
      return { kind: "flushed" };
  }
}
