/**
 * Stops calling what does not answer, and finds out by one call at a time whether it does again: Hystrix's circuit breaker
 * (Netflix, HystrixCircuitBreaker.java).
 *
 *              errors >= share of at least `minimumRequests`
 *     closed ───────────────────────────────────────────────> open ─┐
 *       ^                                                     ^     │ the first call after `openUs`
 *       │ the trial succeeds                 the trial fails  │     v
 *       └───────────────────────────────────────────────── half-open
 *
 * Departures from Hystrix: the window is judged at every outcome and not every 500 ms; in half-open only the trial's own outcome
 * counts, not that of an older call which happens to end then; and a trial that nobody ever reports on is replaced after `openUs`,
 * so that a lost outcome cannot keep the breaker shut for ever.
 */
import type { Micros } from "../kernel/units.ts";
import type { BreakerSpec } from "./call.ts";

export type BreakerState = "closed" | "open" | "half-open";

export class Breaker {
  private readonly spec: BreakerSpec;
  private readonly bucketUs: Micros;
  private readonly totals: Float64Array;
  private readonly errors: Float64Array;
  /** Sums over the buckets. */
  private total = 0;
  private failed = 0;
  /** Number of the current bucket since time 0. */
  private bucket = 0;
  private current: BreakerState = "closed";
  /** When it opened, or when the trial under way was sent. */
  private since: Micros = 0;

  constructor(spec: BreakerSpec) {
    this.spec = spec;
    this.bucketUs = spec.windowUs / spec.buckets;
    this.totals = new Float64Array(spec.buckets);
    this.errors = new Float64Array(spec.buckets);
  }

  get state(): BreakerState {
    return this.current;
  }

  /** Whether a call may go out now; in half-open the one that may is the trial. Every admitted call must report its outcome. */
  tryCall(nowUs: Micros): boolean {
    if (this.current === "closed") return true;
    if (nowUs - this.since < this.spec.openUs) return false;
    this.becomeHalfOpen(nowUs);
    return true;
  }

  /** Whether `tryCall` would refuse at `atUs` if nothing were reported until then. */
  refusesAt(atUs: Micros): boolean {
    return this.current !== "closed" && atUs - this.since < this.spec.openUs;
  }

  /** `sentUs`: when the call went out. */
  onOutcome(nowUs: Micros, ok: boolean, sentUs: Micros = nowUs): void {
    if (this.current === "open") return;
    if (this.current === "half-open") {
      if (sentUs < this.since) return;
      if (ok) this.becomeClosed(nowUs);
      else this.becomeOpen(nowUs);
      return;
    }
    this.roll(nowUs);
    const at = this.bucket % this.spec.buckets;
    this.totals[at]++;
    this.total++;
    if (!ok) {
      this.errors[at]++;
      this.failed++;
    }
    const { minimumRequests, errorShare } = this.spec;
    if (this.total >= minimumRequests && this.failed >= errorShare * this.total) this.becomeOpen(nowUs);
  }

  private becomeOpen(nowUs: Micros): void {
    this.current = "open";
    this.since = nowUs;
  }

  private becomeHalfOpen(nowUs: Micros): void {
    this.current = "half-open";
    this.since = nowUs;
  }

  private becomeClosed(nowUs: Micros): void {
    this.current = "closed";
    this.roll(nowUs);
    this.totals.fill(0);
    this.errors.fill(0);
    this.total = 0;
    this.failed = 0;
  }

  private roll(nowUs: Micros): void {
    const bucket = Math.floor(nowUs / this.bucketUs);
    if (bucket <= this.bucket) return;
    const { buckets } = this.spec;
    for (let i = Math.max(this.bucket + 1, bucket - buckets + 1); i <= bucket; i++) {
      const at = i % buckets;
      this.total -= this.totals[at];
      this.failed -= this.errors[at];
      this.totals[at] = 0;
      this.errors[at] = 0;
    }
    this.bucket = bucket;
  }
}
