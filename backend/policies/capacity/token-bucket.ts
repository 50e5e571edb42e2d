/**
 * A token bucket refilled lazily: nothing happens between two looks at it, so an idle bucket costs nothing.
 *
 *            rate
 *             |
 *             v          full: what more comes in is lost
 *         +-------+ ---- depth
 *         |       |
 *         | level | ---> take: a request is let in while there is a token for it
 *         |       |
 *         +-------+ ---- 0
 *         | debt  |      down to minus one item
 *
 * Debt rule: a request is let in when the level is at least its cost or at least one unit, whichever is less, and is charged
 * its whole cost. DynamoDB learns the size of what it reads only after reading it, so the level may sink below zero by less
 * than the last item let in, and nothing more is let in until that is paid back. Hence over any window
 *
 *     taken < depth + rate * window + one item.
 *
 * Levels are kept in millionths of a unit. With a whole number of units a second, each microsecond adds a whole number of
 * those, and the arithmetic is exact.
 */
import type { Micros } from "../../kernel/units.ts";
import { second } from "../../kernel/units.ts";

/** Plain data: what a bucket is, to be kept or sent. Units and units a second. */
export interface TokenBucketState {
  readonly rate: number;
  readonly depth: number;
  readonly level: number;
  readonly atUs: Micros;
}

const millionths = 1_000_000;

export class TokenBucket {
  private rateValue: number;
  /** In millionths, like `levelMillionths`. */
  private depthMillionths: number;
  /** Invariant: at most the depth; below zero by less than one item. */
  private levelMillionths: number;
  private atUs: Micros;

  constructor(state: TokenBucketState) {
    this.rateValue = Math.max(0, state.rate);
    this.depthMillionths = Math.max(0, state.depth) * millionths;
    this.levelMillionths = Math.min(state.level * millionths, this.depthMillionths);
    this.atUs = state.atUs;
  }

  /** Units a second. */
  get rate(): number {
    return this.rateValue;
  }

  /** Units it holds at most. */
  get depth(): number {
    return this.depthMillionths / millionths;
  }

  /** Units it holds at `now`; negative while in debt. */
  level(now: Micros): number {
    this.refill(now);
    return this.levelMillionths / millionths;
  }

  /** Whether a request that costs `units` may be let in at `now`. */
  allows(units: number, now: Micros): boolean {
    return this.level(now) >= Math.min(units, 1);
  }

  /** Charges `units` without asking. The caller has asked `allows`, or settles what a request cost beyond its admission. */
  charge(units: number, now: Micros): void {
    this.refill(now);
    this.levelMillionths -= units * millionths;
  }

  /** Changes rate and depth from `now` on; what was earned before stays earned, up to the new depth. */
  resize(rate: number, depth: number, now: Micros): void {
    this.refill(now);
    this.rateValue = Math.max(0, rate);
    this.depthMillionths = Math.max(0, depth) * millionths;
    this.levelMillionths = Math.min(this.levelMillionths, this.depthMillionths);
  }

  snapshot(): TokenBucketState {
    return { rate: this.rate, depth: this.depth, level: this.levelMillionths / millionths, atUs: this.atUs };
  }

  /** A clock that steps back refills nothing and forgets nothing: time counts again once it is past the last look. */
  private refill(now: Micros): void {
    if (now <= this.atUs) return;
    const earned = this.rateValue * (now - this.atUs) * (millionths / second);
    this.levelMillionths = Math.min(this.depthMillionths, this.levelMillionths + earned);
    this.atUs = now;
  }
}
