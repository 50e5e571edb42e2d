/**
 * How many retries a client may add to its load, whatever each single operation would like. Three rules in wide use:
 *
 * - *share* (Finagle's RetryBudget): a fifth of recent requests, plus a few a second for clients that send little;
 * - *token-bucket* (gRPC proposal A6): failures take a token, successes give back a part of one, and below half nothing is retried;
 * - *aws-standard* (AWS SDKs, retry mode "standard"): a retry pays, twice as much after a timeout, and gets it back if it succeeds.
 *
 * All count in whole numbers, so that no sequence of roundings can mint a token.
 */
import type { Micros } from "../kernel/units.ts";
import { second } from "../kernel/units.ts";
import type { RetryBudgetSpec } from "./call.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface RetryBudget {
  /** A first attempt goes out. */
  onRequest(nowUs: Micros): void;
  /** Pays for one retry and returns true, or changes nothing and returns false. `afterTimeout`: the failed attempt got no answer. */
  tryRetry(nowUs: Micros, afterTimeout: boolean): boolean;
  /** An attempt succeeded: a first one, or a retry that was paid for after a timeout or after another failure. */
  onSuccess(nowUs: Micros, wasRetry: boolean, afterTimeout: boolean): void;
  /** An attempt failed in a way that makes it worth retrying. */
  onFailure(nowUs: Micros): void;
  /** What is left, in the rule's own unit; between 0 and `capacity`. */
  available(nowUs: Micros): number;
  /** The most that can be available now. */
  capacity(nowUs: Micros): number;
}

export function createRetryBudget(spec: RetryBudgetSpec): RetryBudget {
  switch (spec.kind) {
    case "share":
      return new ShareBudget(spec.share, spec.minimumPerSecond, spec.windowUs);
    case "token-bucket":
      return new TokenBucketBudget(spec.max, spec.ratio);
    case "aws-standard":
      return new AwsStandardBudget(spec.capacity, spec.retryCost, spec.timeoutCost, spec.successRefund);
  }
}

/** Finagle keeps its deposits in ten slices of the window, and they expire a slice at a time. */
const shareSlices = 10;

/** Available: retries. Requests and retries both expire `windowUs` (to a tenth) after they were made. */
export class ShareBudget implements RetryBudget {
  private readonly share: number;
  private readonly reserve: number;
  private readonly sliceUs: Micros;
  private readonly requests = new Float64Array(shareSlices);
  private readonly retries = new Float64Array(shareSlices);
  /** Sums over the slices. */
  private requested = 0;
  private retried = 0;
  /** Number of the current slice since time 0. */
  private slice = 0;

  constructor(share: number, minimumPerSecond: number, windowUs: Micros) {
    this.share = share;
    this.reserve = (minimumPerSecond * windowUs) / second;
    this.sliceUs = windowUs / shareSlices;
  }

  onRequest(nowUs: Micros): void {
    this.expire(nowUs);
    this.requests[this.slice % shareSlices]++;
    this.requested++;
  }

  tryRetry(nowUs: Micros, _afterTimeout: boolean): boolean {
    if (this.available(nowUs) < 1) return false;
    this.retries[this.slice % shareSlices]++;
    this.retried++;
    return true;
  }

  onSuccess(_nowUs: Micros, _wasRetry: boolean, _afterTimeout: boolean): void {}

  onFailure(_nowUs: Micros): void {}

  available(nowUs: Micros): number {
    return Math.max(0, this.capacity(nowUs) - this.retried);
  }

  /** To a millionth: 0.7 of 10 requests are 7 retries, although 0.7 * 10 is a little less in binary. */
  capacity(nowUs: Micros): number {
    this.expire(nowUs);
    return Math.round((this.share * this.requested + this.reserve) * 1e6) / 1e6;
  }

  private expire(nowUs: Micros): void {
    const slice = Math.floor(nowUs / this.sliceUs);
    if (slice <= this.slice) return;
    const first = Math.max(this.slice + 1, slice - shareSlices + 1);
    for (let i = first; i <= slice; i++) {
      const at = i % shareSlices;
      this.requested -= this.requests[at];
      this.retried -= this.retries[at];
      this.requests[at] = 0;
      this.retries[at] = 0;
    }
    this.slice = slice;
  }
}

/** Available: tokens. */
export class TokenBucketBudget extends TokenBucket implements RetryBudget {
  onRequest(_nowUs: Micros): void {}

  tryRetry(_nowUs: Micros, _afterTimeout: boolean): boolean {
    return this.allows;
  }
}

/** Available: the SDK's retry quota. */
export class AwsStandardBudget implements RetryBudget {
  private readonly max: number;
  private readonly retryCost: number;
  private readonly timeoutCost: number;
  private readonly successRefund: number;
  private left: number;

  constructor(capacity: number, retryCost: number, timeoutCost: number, successRefund: number) {
    this.max = capacity;
    this.retryCost = retryCost;
    this.timeoutCost = timeoutCost;
    this.successRefund = successRefund;
    this.left = capacity;
  }

  onRequest(_nowUs: Micros): void {}

  tryRetry(_nowUs: Micros, afterTimeout: boolean): boolean {
    const cost = afterTimeout ? this.timeoutCost : this.retryCost;
    if (cost > this.left) return false;
    this.left -= cost;
    return true;
  }

  onSuccess(_nowUs: Micros, wasRetry: boolean, afterTimeout: boolean): void {
    const paid = afterTimeout ? this.timeoutCost : this.retryCost;
    this.left = Math.min(this.max, this.left + (wasRetry ? paid : this.successRefund));
  }

  onFailure(_nowUs: Micros): void {}

  available(_nowUs: Micros): number {
    return this.left;
  }

  capacity(_nowUs: Micros): number {
    return this.max;
  }
}
