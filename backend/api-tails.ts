/**
 * Cures of the tail, as data: when a second copy of a read is sent, what limits such copies, and how a read is spread over many
 * servers. Dean and Barroso, "The Tail at Scale", CACM 56(2), 2013; budget and pushback after gRPC's proposal A6.
 */
import type { Micros } from "./kernel/units.ts";

export type HedgeDelay =
  /** `afterUs[i]`: from the first copy's send to that of copy i + 2; the last step is repeated for further copies. */
  | { readonly kind: "fixed"; readonly afterUs: readonly Micros[] }
  /** What `quantile` of the last `window` first answers took; `initialUs` until `window / 10` of them are known. */
  | { readonly kind: "quantile"; readonly quantile: number; readonly window: number; readonly initialUs: Micros };

export type HedgeBudgetSpec =
  /** gRPC A6: a failed copy costs 1 of `max` tokens, a success returns `ratio`; hedges while more than half of `max` are left. */
  | { readonly kind: "tokens"; readonly max: number; readonly ratio: number }
  /** Each read earns `share`, each hedge costs 1; at most `burst` are saved up. Extra load is at most `share`. */
  | { readonly kind: "share"; readonly share: number; readonly burst: number };

export interface HedgeSpec {
  /** Copies of one read in all, the first included; 2 or more. */
  readonly copies: number;
  readonly delay: HedgeDelay;
  /** Absent: whatever waits too long is sent again. */
  readonly budget?: HedgeBudgetSpec;
}

/** Survival of a service time: (microseconds, P(time > that)), log-log linear between points, the last slope extended. */
export type SurvivalCurve = readonly (readonly [atUs: Micros, survival: number])[];

/**
 * The same copy at several servers' queues, each of which knows the others: whoever begins it tells them to drop it. `staggerUs`
 * lies between sends; the paper takes twice the network's delay, because two idle servers would otherwise both begin.
 */
export interface TieSpec {
  readonly copies: number;
  readonly staggerUs: Micros;
}

/** Stations that answer for each other: each node takes requests, spreads them over all nodes' queues and serves its own. */
export interface FanOutSpec {
  /** Parts of a read that does not say; each goes to a server of its own as long as there are enough. */
  readonly parts: number;
  /** "queues": every part waits at its server. "delays": servers never make anybody wait, so their times are drawn where they are awaited. */
  readonly leaves: "queues" | "delays";
  /** Each server's service times; the station's own when absent. Every copy draws for itself. */
  readonly curve?: SurvivalCurve;
  readonly hedge?: HedgeSpec;
  /** Instead of `hedge`; queues only. */
  readonly tied?: TieSpec;
  /** Copies that nobody needs any more are called off. True by default. */
  readonly cancel?: boolean;
}
