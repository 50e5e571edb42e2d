/**
 * Hedged reads: a copy to another server when the first takes too long, and whoever answers first is the answer. Dean and
 * Barroso, "The Tail at Scale", CACM 2013; what failures and servers may say after gRPC proposal A6.
 *
 *     begin ── copy 1 ──────────────────────────── answer      won by the first copy: no hedge, or one that lost
 *         `-- hedgeAtUs: isDue? budget? ── copy 2 ─── answer    won by a hedge
 *                                            `── failed: the next copy at once; fatal: all are called off
 *
 * One policy serves one class of reads: its running quantile is what reads of that class take. It decides and never acts: whoever
 * calls sends, arms a timer for `hedgeAtUs` and calls off losers. Writes pass through it and are never hedged: a copy of a write is a
 * second write.
 */
import type { HedgeSpec } from "../api-tails.ts";
import type { Micros } from "../kernel/units.ts";
import { millisecond } from "../kernel/units.ts";
import { checkHedge } from "./hedge-check.ts";
import type { HedgeBudget } from "./hedge-budget.ts";
import { createHedgeBudget } from "./hedge-budget.ts";
import { RunningQuantile } from "./running-quantile.ts";

/** EVCache's and others' seed strategy: to three replicas at 0, 5 and 10 ms, as long as none has answered. */
export const seedStrategy: HedgeSpec = {
  copies: 3,
  delay: { kind: "fixed", afterUs: [5 * millisecond, 10 * millisecond] },
};

/** Only what changes nothing may be asked twice. */
export type HedgeEffect = "read" | "write";

/** One request, as its driver keeps it. Only the policy changes it. */
export interface HedgedCall {
  readonly startedAtUs: Micros;
  /** Copies sent. */
  sent: number;
  /** Copies that failed. */
  failed: number;
  /** When the next copy is due; Infinity when there will be none. */
  hedgeAtUs: Micros;
  /** Answered, or failed for good. */
  done: boolean;
}

export type CopyOutcome =
  | { readonly kind: "ok" }
  /** Another server may do better. `pushbackUs`: the server says when to try next, at all if it is not negative. */
  | { readonly kind: "failed"; readonly pushbackUs?: Micros }
  /** The request itself is at fault. */
  | { readonly kind: "fatal" };

/** "done": the call is over, call off the other copies. "hedge": send one now. "wait": nothing to do before `hedgeAtUs`. */
export type HedgeDecision = "done" | "hedge" | "wait";

export interface HedgeCounts {
  /** Reads and writes that began. */
  reads: number;
  writes: number;
  /** Copies sent beyond the first. */
  sent: number;
  /** Reads whose answer came from a hedge. */
  won: number;
  /** Hedges in vain: another copy answered first. */
  lost: number;
  /** Reads of which a second copy answered as well, so both had run. */
  both: number;
  /** Copies that were called off before they answered. */
  cancelled: number;
  /** Hedges that were due and that the budget, or a server's pushback, did not allow. */
  refused: number;
}

export class Hedge {
  readonly counts: HedgeCounts = { reads: 0, writes: 0, sent: 0, won: 0, lost: 0, both: 0, cancelled: 0, refused: 0 };
  private readonly spec: HedgeSpec;
  private readonly budget: HedgeBudget | null;
  private readonly usual: RunningQuantile | null;

  /** @throws RangeError when the spec breaks one of its own rules */
  constructor(spec: HedgeSpec) {
    checkHedge(spec);
    this.spec = spec;
    this.budget = spec.budget === undefined ? null : createHedgeBudget(spec.budget);
    this.usual = spec.delay.kind === "quantile" ? new RunningQuantile(spec.delay.quantile, spec.delay.window) : null;
  }

  /** The first copy is being sent. */
  begin(nowUs: Micros, effect: HedgeEffect): HedgedCall {
    const call: HedgedCall = { startedAtUs: nowUs, sent: 1, failed: 0, hedgeAtUs: Infinity, done: false };
    if (!this.mayHedge(effect)) {
      this.counts.writes++;
      return call;
    }
    this.counts.reads++;
    this.budget?.onRead();
    call.hedgeAtUs = this.dueAtUs(call);
    return call;
  }

  /**
   * Whether a copy must be sent now. True counts it as sent; when the next is due is in `hedgeAtUs`. A budget that refuses one copy ends
   * the hedging of this read, and with it the read if all of its copies have failed.
   */
  tryHedge(call: HedgedCall, nowUs: Micros): boolean {
    if (call.done || nowUs < call.hedgeAtUs) return false;
    if (this.budget !== null && !this.budget.tryHedge()) {
      this.counts.refused++;
      call.hedgeAtUs = Infinity;
      call.done = call.failed >= call.sent;
      return false;
    }
    this.counts.sent++;
    call.sent++;
    call.hedgeAtUs = this.dueAtUs(call, call.hedgeAtUs);
    return true;
  }

  /** Copy number `copy`, 1 the first, has ended. After "hedge" the driver calls `tryHedge`. */
  onCopyEnded(call: HedgedCall, copy: number, outcome: CopyOutcome, nowUs: Micros): HedgeDecision {
    if (outcome.kind === "ok") this.budget?.onSuccess();
    else if (outcome.kind === "failed") this.budget?.onFailure();
    if (call.done) {
      if (outcome.kind === "ok") this.counts.both++;
      return "done";
    }
    if (outcome.kind === "failed") return this.afterFailure(call, outcome.pushbackUs, nowUs);
    call.done = true;
    call.hedgeAtUs = Infinity;
    if (outcome.kind === "ok") this.onAnswer(call, copy, nowUs);
    return "done";
  }

  /** So many copies were called off. */
  onCancelled(copies: number): void {
    this.counts.cancelled += copies;
  }

  /** From a read's first send to its second, now. */
  get delayUs(): Micros {
    const { delay } = this.spec;
    if (delay.kind === "fixed") return delay.afterUs[0];
    return this.usual!.size * 10 < delay.window ? delay.initialUs : this.usual!.value();
  }

  /** The seam at which a mutant hedges writes. */
  protected mayHedge(effect: HedgeEffect): boolean {
    return effect === "read";
  }

  private onAnswer(call: HedgedCall, copy: number, nowUs: Micros): void {
    const hedges = call.sent - 1;
    if (copy > 1) {
      this.counts.won++;
      this.counts.lost += hedges - 1;
    } else {
      this.counts.lost += hedges;
    }
    this.usual?.add(nowUs - call.startedAtUs);
  }

  /** A6: a failure brings the next copy forward to now, unless the server says when, or never. */
  private afterFailure(call: HedgedCall, pushbackUs: Micros | undefined, nowUs: Micros): HedgeDecision {
    call.failed++;
    if (pushbackUs !== undefined) {
      if (pushbackUs < 0 && call.hedgeAtUs !== Infinity) this.counts.refused++;
      call.hedgeAtUs = pushbackUs < 0 || call.hedgeAtUs === Infinity ? Infinity : nowUs + pushbackUs;
    } else if (call.hedgeAtUs !== Infinity) {
      call.hedgeAtUs = nowUs;
      return "hedge";
    }
    if (call.failed < call.sent || call.hedgeAtUs !== Infinity) return "wait";
    call.done = true;
    return "done";
  }

  /** `lastUs`: when the last copy was due. Late timers add nothing up; a failure or a pushback moves all that follow. */
  private dueAtUs(call: HedgedCall, lastUs = call.startedAtUs): Micros {
    const { copies, delay } = this.spec;
    if (call.sent >= copies) return Infinity;
    if (delay.kind === "quantile") return lastUs + this.delayUs;
    const { afterUs } = delay;
    const at = Math.min(call.sent, afterUs.length) - 1;
    return lastUs + afterUs[at] - (at === 0 ? 0 : afterUs[at - 1]);
  }
}

/** As a node reports them: "hedgeSent", "hedgeWon" ... */
export function hedgeCounters(hedge: Hedge | null): Record<string, number> {
  const counters: Record<string, number> = {};
  if (hedge === null) return counters;
  for (const [name, value] of Object.entries(hedge.counts))
    counters[`hedge${name[0].toUpperCase()}${name.slice(1)}`] = value;
  return counters;
}
