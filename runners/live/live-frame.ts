/**
 * What the live view says, as plain data: between the process that measures, the thread that serves, and the page.
 *
 *     state   which run of which plan is under way, and how far the suite is; sent when that changes
 *     frame   what one run did since the frame before; kept, so that a page opened late shows the past
 *     series  cumulative figures of one kind of operation, for whoever scrapes
 */
import type { Band } from "../results.ts";

/** Milliseconds; null where nothing ended ok. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

export interface LiveFrame {
  /** Number of the run in the suite, from 1. */
  readonly run: number;
  /** The run's last: of all of its load, `latest` too. */
  readonly whole?: true;
  /** Seconds since the load began; virtual ones in the simulation. */
  readonly atS: number;
  /** How much of that this frame is about. */
  readonly overS: number;
  /** Operations a second over `overS`. */
  readonly rate: { readonly offered: number; readonly ok: number; readonly refused: number; readonly unknown: number };
  /** Of what ended ok in `overS`, and since the load began. */
  readonly latest: Percentiles;
  readonly soFar: Percentiles;
  /** How each operation ended, since the load began: `ok`, `refused: throttled`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of the sends since the load began; null before the first. */
  readonly lateP99Ms: number | null;
  readonly dropped: number;
  /** What is broken on purpose at `atS`. */
  readonly faults: readonly string[];
}

export interface LiveState {
  readonly title: string;
  readonly status: "running" | "finished";
  /** Runs planned and ended. */
  readonly planned: number;
  readonly ended: number;
  /** The one under way or, between runs, the last; null before the first. */
  readonly run: LiveRun | null;
}

export interface LiveRun {
  readonly number: number;
  readonly experiment: string;
  readonly tank: string;
  readonly design: string;
  /** From 1. */
  readonly round: number;
  readonly totalS: number;
  readonly faults: readonly Band[];
}

export interface LiveSeries {
  readonly experiment: string;
  readonly tank: string;
  readonly design: string;
  readonly operation: string;
  readonly outcome: string;
  /** Empty when ok. */
  readonly code: string;
  readonly count: number;
  readonly sumS: number;
  /** Seconds at .5, .9, .99 and .999. */
  readonly quantiles: readonly (readonly [number, number])[];
}

/** From the process that measures to the thread that serves. */
export type LiveMessage =
  | { readonly kind: "state"; readonly state: LiveState }
  | { readonly kind: "frame"; readonly frame: LiveFrame; readonly series: readonly LiveSeries[] }
  | { readonly kind: "end" };
