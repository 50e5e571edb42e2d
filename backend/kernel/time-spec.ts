/**
 * What the clocks of a simulated deployment are made of: quartz that drifts, time masters that are asked now and then, and what
 * happens at a leap second. The defaults are Spanner's (OSDI 2012, section 3): a poll every 30 s, 200 us/s of drift and 1 ms of
 * communication, so that the error bound saws from 1 to 7 ms.
 */
import type { Delay } from "./topology.ts";
import type { Micros, NodeId } from "./units.ts";

export type TimeSpec = PolledTime | FixedTime;

/** Clocks that claim one constant error, as good ones do between two polls that are close. The threads claim it too. */
export interface FixedTime {
  readonly kind: "fixed";
  /** Half the width of what every clock claims. */
  readonly errorUs: Micros;
  readonly disturbed?: readonly DisturbedClock[];
}

/** Simulation only: what a "clock" fault at the beginning of the run would leave behind. */
export interface DisturbedClock {
  readonly nodes: readonly NodeId[];
  /** How far the clock is off: within the claimed error it is honest. */
  readonly stepUs: Micros;
  readonly driftPpm: number;
  /** False: it never polls again, so that its drift adds up. */
  readonly polls?: boolean;
}

/** Each node polls time masters, and its error bound grows from poll to poll. */
export interface PolledTime {
  readonly kind: "polled";
  /** Between two polls, by the node's own quartz. 30 s. */
  readonly pollUs?: Micros;
  /**
   * The drift that every node allows for, microseconds a second; 200. Each node's true drift is constant, drawn evenly from what
   * lies within it, less the rate at which the leap second's smear moves the reference away from the quartz.
   */
  readonly driftBoundPpm?: number;
  /** The least error that a node claims, right after a poll: what Spanner's millisecond of communication stands for. 1 ms. */
  readonly leastErrorUs?: Micros;
  /** Four honest ones when absent. */
  readonly masters?: readonly TimeMaster[];
  /** How nodes treat a leap second. No leap second when absent. */
  readonly leap?: LeapSecond;
  readonly disturbed?: readonly DisturbedClock[];
}

/** Says what time it is, +- `errorUs`; both ends of the interval are offset by `offsetUs`. */
export interface TimeMaster {
  /** Half the width of its own interval. 100 us. */
  readonly errorUs?: Micros;
  /** From asking to hearing. The master reads its clock at an instant in between. From 0.2 to 1.8 ms, evenly. */
  readonly roundTrip?: Delay;
  /** How far what it says is off. Other than 0: a liar. */
  readonly offsetUs?: Micros;
  /** How this master treats the leap second; as the nodes do when absent. Other than they do: refused, a mixed fleet. */
  readonly leap?: LeapSecond;
}

/**
 * A second inserted into UTC when the day ends, at true time `atUs`.
 *
 * - "ignored": nobody counts it. A control, and what a fleet on TAI or GPS time does.
 * - "step": clocks are set back by a second: each node at a moment of its own, at most `spreadUs` (100 ms) after `atUs`.
 * - "linear": clocks run slow at a constant rate over `windowUs` (24 h: noon to noon, 11.574 ppm), half of it before `atUs`.
 * - "cosine": clocks run slow by (1 - cos(pi t / w)) / 2 over `windowUs` (20 h) that end at `atUs`.
 */
export type LeapSecond =
  | { readonly kind: "ignored"; readonly atUs: Micros }
  | { readonly kind: "step"; readonly atUs: Micros; readonly spreadUs?: Micros }
  | { readonly kind: "linear"; readonly atUs: Micros; readonly windowUs?: Micros }
  | { readonly kind: "cosine"; readonly atUs: Micros; readonly windowUs?: Micros };
