/**
 * A node's clocks as Spanner's time daemon keeps them (OSDI 2012, section 3), as functions of the simulation's true time. A quartz
 * drifts; every 30 s by the quartz the daemon asks its masters and takes the interval they agree on; in between the error grows at
 * the claimed drift, so the bound saws.
 *
 *     error   1 ms ──╱│╱│╱│╱────────────╱│      no majority: no new bearing, and the bound grows on, past 7 ms
 *             at     └ └ └   polls      └
 *
 * Nothing is scheduled: a reading first takes the polls that have come due since the last one, newest first, until one succeeds.
 * Each poll draws from a stream named by its number, so polls nobody saw cost nothing and change nothing.
 *
 * It differs from the paper: the answers to a poll arrive together, at its instant, having been asked for one round trip before;
 * and a machine whose quartz drifts beyond the bound is not evicted, since what it breaks is what experiments look for.
 */
import type { ClockChange } from "../../kernel/fault.ts";
import { Random } from "../../kernel/random.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { second } from "../../kernel/units.ts";
import { agreement, majority } from "./marzullo.ts";
import type { TimeMasters } from "./time-masters.ts";
import type { TimePlan } from "./time-plan.ts";

export class PolledClock {
  private readonly plan: TimePlan;
  private readonly masters: TimeMasters;
  private readonly seed: number;
  private readonly node: NodeId;

  /* The quartz: its reading is anchorLocal + (t - anchorTrue) rate. */
  private anchorTrue: Micros = 0;
  private anchorLocal = 0;
  private rate: number;

  /* The last bearing: at `syncedAt` by the quartz the wall clock stood at `syncedWall`, +- `syncedError`. */
  private syncedAt: number;
  private syncedWall: number;
  private syncedError: Micros;

  /** Poll k is due at k pollUs - phaseUs by the quartz. */
  private readonly phaseUs: number;
  private lastPoll = 0;
  private nextPollAt: number;
  private polls = true;
  /** True time at which this node takes a second out; never, unless leap seconds are steps. */
  private readonly stepsAtUs: Micros;

  constructor(plan: TimePlan, masters: TimeMasters, seed: number, node: NodeId) {
    this.plan = plan;
    this.masters = masters;
    this.seed = seed;
    this.node = node;
    const random = Random.stream(seed, "clock", node);
    this.rate = rateOf((2 * random.float() - 1) * plan.quartzDrift);
    this.phaseUs = random.float() * plan.pollUs;
    this.nextPollAt = plan.pollUs - this.phaseUs;
    const late = random.float() * plan.spreadUs;
    this.stepsAtUs = plan.scale.kind === "step" ? plan.scale.atUs + late : Infinity;
    // The node has been running for ever: it comes into the run with the poll before its first in it.
    this.syncedAt = -this.phaseUs;
    this.syncedWall = masters.servedAt(this.trueAt(this.syncedAt));
    this.syncedError = plan.leastErrorUs;
    this.poll(0);
  }

  /** Writes what the wall clock claims into `wall` and returns the monotonic clock's reading. True times must not decrease. */
  read(trueUs: Micros, wall: { earliest: Micros; latest: Micros }): Micros {
    const localUs = this.catchUp(trueUs);
    const sinceUs = localUs - this.syncedAt;
    const errorUs = this.syncedError + sinceUs * this.plan.claimedDrift;
    const wallUs = this.syncedWall + sinceUs - (trueUs >= this.stepsAtUs ? second : 0);
    wall.earliest = Math.floor(wallUs - errorUs);
    wall.latest = Math.ceil(wallUs + errorUs);
    return Math.floor(localUs);
  }

  /** How long a local delay takes in true time, rounded up. */
  trueDelay(localUs: Micros): Micros {
    return Math.ceil(localUs / this.rate);
  }

  /** See the "clock" fault. The drift replaces the quartz's own. */
  disturb(trueUs: Micros, { stepUs, driftPpm, boundUs, polls }: ClockChange): void {
    const localUs = this.catchUp(trueUs);
    const sinceUs = localUs - this.syncedAt;
    this.anchorTrue = trueUs;
    this.anchorLocal = localUs;
    this.rate = rateOf(driftPpm / 1e6);
    this.syncedWall += sinceUs + stepUs;
    this.syncedError = boundUs ?? this.syncedError + sinceUs * this.plan.claimedDrift;
    this.syncedAt = localUs;
    this.polls = polls ?? this.polls;
  }

  /** Takes the polls that are due; returns what the quartz shows. */
  private catchUp(trueUs: Micros): number {
    const localUs = this.anchorLocal + (trueUs - this.anchorTrue) * this.rate;
    if (localUs < this.nextPollAt) return localUs;
    const { pollUs } = this.plan;
    const last = Math.floor((localUs + this.phaseUs) / pollUs);
    for (let index = last; this.polls && index > this.lastPoll; index--) if (this.poll(index)) break;
    this.lastPoll = last;
    this.nextPollAt = (last + 1) * pollUs - this.phaseUs;
    return localUs;
  }

  /** Asks every master. Whether enough of them agreed to take a new bearing. */
  private poll(index: number): boolean {
    const { pollUs, leastErrorUs } = this.plan;
    const localUs = index * pollUs - this.phaseUs;
    const random = Random.stream(this.seed, "poll", this.node, index);
    const heard = this.masters.ask(this.trueAt(localUs), this.rate, random);
    const agreed = agreement(heard, majority(this.masters.count));
    if (agreed === null) return false;
    this.syncedAt = localUs;
    this.syncedWall = (agreed.low + agreed.high) / 2;
    this.syncedError = Math.max(leastErrorUs, (agreed.high - agreed.low) / 2);
    return true;
  }

  private trueAt(localUs: number): number {
    return this.anchorTrue + (localUs - this.anchorLocal) / this.rate;
  }
}

/**
 * Seconds of quartz a true second: fast or slow by the same factor. True time since a poll is then never further from the quartz's
 * than `drift` times the quartz's, which is all that a node can measure: the claimed growth is what is needed, to the microsecond.
 */
function rateOf(drift: number): number {
  return drift > 0 ? 1 + drift : 1 / (1 - drift);
}
