/**
 * One node's two clocks as functions of true time. The monotonic clock only drifts; the wall clock also has an offset and may
 * jump, and claims an error bound that is either true or a lie.
 *
 *     monotonic(t) = m0 + (t - t0) (1 + drift)          wall(t) = monotonic(t) + offset, +- bound
 */
import type { Micros } from "../../kernel/units.ts";

export class SimulatedClock {
  private anchorTrue: Micros = 0;
  private anchorLocal: Micros = 0;
  private rate = 1;
  private offsetUs: Micros = 0;
  private boundUs: Micros;

  constructor(boundUs: Micros) {
    this.boundUs = boundUs;
  }

  monotonic(trueUs: Micros): Micros {
    if (this.rate === 1) return this.anchorLocal + (trueUs - this.anchorTrue);
    return Math.floor(this.anchorLocal + (trueUs - this.anchorTrue) * this.rate);
  }

  earliest(trueUs: Micros): Micros {
    return this.monotonic(trueUs) + this.offsetUs - this.boundUs;
  }

  latest(trueUs: Micros): Micros {
    return this.monotonic(trueUs) + this.offsetUs + this.boundUs;
  }

  /** How long a local delay takes in true time, at least one microsecond of progress a timer. */
  trueDelay(localUs: Micros): Micros {
    return this.rate === 1 ? localUs : Math.ceil(localUs / this.rate);
  }

  /** The wall clock jumps by `stepUs` and both clocks run `driftPpm` fast from now on. */
  disturb(trueUs: Micros, stepUs: Micros, driftPpm: number, boundUs?: Micros): void {
    this.anchorLocal = this.monotonic(trueUs);
    this.anchorTrue = trueUs;
    this.rate = 1 + driftPpm / 1e6;
    this.offsetUs += stepUs;
    if (boundUs !== undefined) this.boundUs = boundUs;
  }
}
