/**
 * One node's two clocks as functions of true time: a monotonic one that only drifts, and a wall clock that claims bounds on true
 * time, honestly or not. The simulation takes any `NodeClock`; its own claims a constant error:
 *
 *     monotonic(t) = m0 + (t - t0) (1 + drift)          wall(t) = monotonic(t) + offset, +- bound
 */
import type { ClockChange, MastersChange } from "../../kernel/fault.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";

export interface NodeClock {
  /** Writes what the wall clock claims into `wall`; returns what the monotonic clock shows. True times never decrease. */
  read(trueUs: Micros, wall: { earliest: Micros; latest: Micros }): Micros;
  /** How long a delay by the monotonic clock takes in true time, rounded up. */
  trueDelay(localUs: Micros): Micros;
  /** A clock fault begins. */
  disturb(trueUs: Micros, change: ClockChange): void;
}

/** Where clocks come from that depend on something outside their node. */
export interface TimeSource {
  createClock(node: NodeId): NodeClock;
  /** A fault of the time masters begins. */
  disturbMasters(trueUs: Micros, change: MastersChange): void;
}

export class SimulatedClock implements NodeClock {
  private anchorTrue: Micros = 0;
  private anchorLocal: Micros = 0;
  private rate = 1;
  private offsetUs: Micros = 0;
  private boundUs: Micros;

  constructor(boundUs: Micros) {
    this.boundUs = boundUs;
  }

  read(trueUs: Micros, wall: { earliest: Micros; latest: Micros }): Micros {
    const localUs = this.monotonic(trueUs);
    wall.earliest = localUs + this.offsetUs - this.boundUs;
    wall.latest = localUs + this.offsetUs + this.boundUs;
    return localUs;
  }

  trueDelay(localUs: Micros): Micros {
    return this.rate === 1 ? localUs : Math.ceil(localUs / this.rate);
  }

  disturb(trueUs: Micros, { stepUs, driftPpm, boundUs }: ClockChange): void {
    this.anchorLocal = this.monotonic(trueUs);
    this.anchorTrue = trueUs;
    this.rate = 1 + driftPpm / 1e6;
    this.offsetUs += stepUs;
    if (boundUs !== undefined) this.boundUs = boundUs;
  }

  private monotonic(trueUs: Micros): Micros {
    if (this.rate === 1) return this.anchorLocal + (trueUs - this.anchorTrue);
    return Math.floor(this.anchorLocal + (trueUs - this.anchorTrue) * this.rate);
  }
}
