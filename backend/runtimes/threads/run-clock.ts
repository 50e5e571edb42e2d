/**
 * Microseconds since the run began, the same on every thread of the process. `performance.now` is the cheap clock, but each thread
 * has its own zero; the offset to the run's zero is taken once, through the process-wide `hrtime`.
 */
import type { Micros } from "../../kernel/units.ts";

export interface Clock {
  now(): Micros;
}

export class RunClock implements Clock {
  private readonly offsetMs: number;

  /** @param epoch `process.hrtime.bigint()` at the moment the run began. */
  constructor(epoch: bigint) {
    let offsetMs = -Infinity;
    // A preemption between the two readings only makes the offset smaller than it is: the largest of a few is the right one.
    for (let i = 0; i < 8; i++) {
      const sinceEpochMs = Number(process.hrtime.bigint() - epoch) / 1e6;
      offsetMs = Math.max(offsetMs, sinceEpochMs - performance.now());
    }
    this.offsetMs = offsetMs;
  }

  now(): Micros {
    return Math.floor((performance.now() + this.offsetMs) * 1_000);
  }
}
