/**
 * When a follower may stand for election: after silence, and after a candidacy that failed only once a delay has passed that grows and is
 * drawn at random. Two who stand at once outbid each other; without the delay they may do so for ever.
 */
import type { Random } from "../../kernel/random.ts";
import type { Micros } from "../../kernel/units.ts";
import type { Ballot } from "./ballot.ts";

export class Patience {
  /** No candidacy before. */
  until: Micros = 0;
  private readonly random: Random;
  private readonly heartbeatUs: Micros;
  private readonly mostUs: Micros;
  private backoffUs: Micros;
  /** The last ballot that was given time. */
  private heeded: Ballot = 0;

  constructor(random: Random, heartbeatUs: Micros, mostUs: Micros) {
    this.random = random;
    this.heartbeatUs = heartbeatUs;
    this.mostUs = mostUs;
    this.backoffUs = heartbeatUs;
  }

  /** `heartbeats` of silence from now on, and a little: not everybody's patience shall end at once. */
  wait(now: Micros, heartbeats: number): void {
    this.until = now + heartbeats * this.heartbeatUs + this.random.below(this.heartbeatUs + 1);
  }

  /** A voter that promised a ballot to another gives it time: on slow disks an election takes longer than a leader may be silent. */
  heed(ballot: Ballot, promisedAt: Micros): void {
    if (ballot <= this.heeded) return;
    const { until } = this;
    this.heeded = ballot;
    this.wait(promisedAt, 4);
    if (until > this.until) this.until = until;
  }

  /** An election was won, by whoever. */
  calm(): void {
    this.backoffUs = this.heartbeatUs;
  }

  /** A candidacy begins or has failed. */
  backOff(now: Micros): void {
    this.until = now + 2 * this.heartbeatUs + this.random.below(Math.ceil(this.backoffUs) + 1);
    this.backoffUs = Math.min(2 * this.backoffUs, this.mostUs);
  }
}
