/**
 * The operations of one request and what became of them. An operation waits for the one before it on the same key; one that is about all keys waits for all
 * before it, and all behind it wait for it.
 */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { Answer } from "../../api.ts";
import type { RequestId } from "../../kernel/env.ts";

export class Batch {
  readonly request: RequestId;
  readonly operations: readonly CacheOperation[];
  private readonly outcomes: (CacheOutcome | undefined)[];
  private left: number;
  private answered = false;
  /** By operation: how many it waits for, and who waits for it. Absent when there is only one. */
  private readonly waits: number[] = [];
  private readonly followers: number[][] = [];

  constructor(request: RequestId, operations: readonly CacheOperation[]) {
    this.request = request;
    this.operations = operations;
    this.left = operations.length;
    this.outcomes = operations.map(() => undefined);
    if (operations.length > 1) this.order();
  }

  /** Operations that wait for nothing. */
  ready(): number[] {
    return this.operations.flatMap((_, index) => ((this.waits[index] ?? 0) === 0 ? [index] : []));
  }

  /** Those that may begin now. */
  finish(index: number, outcome: CacheOutcome): number[] {
    this.outcomes[index] = outcome;
    this.left--;
    return (this.followers[index] ?? []).filter((follower) => --this.waits[follower] === 0);
  }

  /** The answer, once, when all are over. A single operation's failure is the request's. */
  takeAnswer(): Answer | undefined {
    if (this.left > 0 || this.answered) return undefined;
    this.answered = true;
    const outcomes = this.outcomes as CacheOutcome[];
    const [only] = outcomes;
    if (outcomes.length === 1 && only.kind === "failed") {
      const code = this.operations[0].kind === "get" ? "timeout" : "quorum-lost";
      return { kind: "unknown", code, message: only.message };
    }
    return { kind: "ok", result: { kind: "cached", outcomes } };
  }

  private order(): void {
    const lastOf = new Map<string, number>();
    let barrier = -1;
    this.operations.forEach((operation, index) => {
      const before = new Set<number>(barrier < 0 ? [] : [barrier]);
      if ("key" in operation) {
        const last = lastOf.get(operation.key);
        if (last !== undefined) before.add(last);
        lastOf.set(operation.key, index);
      } else {
        for (const last of lastOf.values()) before.add(last);
        lastOf.clear();
        barrier = index;
      }
      this.waits[index] = before.size;
      this.followers[index] = [];
      for (const earlier of before) this.followers[earlier].push(index);
    });
  }
}
