/**
 * One hot key and many clients that ask for it: who finds it gone, or is told that it is due, recomputes it and sets it. What is counted is how often
 * that is done for one expiry.
 *
 *     plain      missing: recompute                       everybody who asks until the first has set it
 *     coalesced  missing: the first wins, others ask again after a while (memcached's meta get with N)
 *     stale      nearly gone: the first wins, others take what is there (R)
 */
import type { Request } from "../backend/api.ts";
import type { CacheOperation } from "../backend/api-cache.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { outcomeOf } from "./cache-values.ts";
import { Parameters } from "./parameters.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

export interface HerdParameters {
  /** "plain", "coalesced" or "stale". Default "plain". */
  readonly by?: string;
  /** Whole seconds that a value lives. Default 3. */
  readonly ttlS?: number;
  /** With "stale": it is due when it has less than this to live. Default 2. */
  readonly recacheS?: number;
  /** How long recomputing takes. Default 50 ms. */
  readonly recomputeUs?: Micros;
  /** With "coalesced": when to ask again. Default 10 ms. */
  readonly againUs?: Micros;
}

export const herdDefaults = {
  by: "plain",
  ttlS: 3,
  recacheS: 2,
  recomputeUs: 50_000,
  againUs: 10_000,
} satisfies Required<HerdParameters>;

export function herd(parameters: HerdParameters = {}): WorkloadSpec {
  return { name: "herd", parameters: { ...herdDefaults, ...parameters } };
}

const key = "hot";

export class Herd implements Workload {
  readonly name = "herd";
  private readonly by: string;
  private readonly ttlS: number;
  private readonly recacheS: number;
  private readonly recomputeUs: Micros;
  private readonly againUs: Micros;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("herd", herdDefaults, given);
    this.by = parameters.text("by");
    const ways = ["plain", "coalesced", "stale"];
    if (!ways.includes(this.by)) throw parameters.mistake("by", this.by, `one of ${ways.join(", ")}`, '"stale"');
    this.ttlS = parameters.whole("ttlS", 1, 1_000_000);
    this.recacheS = parameters.whole("recacheS", 1, this.ttlS);
    this.recomputeUs = parameters.whole("recomputeUs", 1, Infinity);
    this.againUs = parameters.whole("againUs", 1, Infinity);
  }

  setup(): readonly Request[] {
    return [{ kind: "cache", operations: [this.storing()] }];
  }

  begin(client: number): Session {
    let storing = false;
    return {
      next: (previous) => {
        if (previous === null) return this.step(client, "get", this.getting(), 0);
        if (storing) return null;
        const outcome = outcomeOf(previous);
        if (outcome === undefined) return null;
        if (outcome.kind === "missing" || (outcome.kind === "hit" && outcome.won)) {
          storing = true;
          return this.step(client, "recompute", this.storing(), this.recomputeUs);
        }
        const waits = outcome.kind === "hit" && outcome.bytes === 0;
        return waits ? this.step(client, "again", this.getting(), this.againUs) : null;
      },
    };
  }

  finalReads(): readonly Request[] {
    return [];
  }

  /** Counts: recomputations, and expiries (recomputations that did not overlap). Figure: mostPerExpiry. */
  check(history: readonly HistoryEntry[]): CheckResult {
    const findings = new Findings("recomputations", "expiries");
    const starts: Micros[] = [];
    for (const { fact, startUs, endUs, arrival } of history) {
      findings.examine();
      if (endUs < startUs) findings.violate(`client ${arrival} was answered before it asked`);
      if (fact.operation === "recompute") starts.push(startUs);
    }
    const groups: number[] = [];
    let first = -Infinity;
    for (const start of starts.toSorted((a, b) => a - b)) {
      if (start - first > 2 * this.recomputeUs) {
        groups.push(0);
        first = start;
      }
      groups[groups.length - 1]++;
    }
    findings.count("recomputations", starts.length);
    findings.count("expiries", groups.length);
    findings.figure("mostPerExpiry", Math.max(0, ...groups));
    return findings.result("every client is answered after it asked");
  }

  private step(client: number, operation: string, asked: CacheOperation, thinkUs: Micros): Step {
    const request: Request = { kind: "cache", operations: [asked] };
    return { operation, request, thinkUs, fact: { kind: "herd", client, operation } };
  }

  private getting(): CacheOperation {
    if (this.by === "coalesced") return { kind: "get", key, vivifyS: this.ttlS };
    return this.by === "stale" ? { kind: "get", key, recacheS: this.recacheS } : { kind: "get", key };
  }

  private storing(): CacheOperation {
    return { kind: "store", mode: "set", key, value: new Uint8Array(100).fill(65), flags: 0, ttlS: this.ttlS };
  }
}
