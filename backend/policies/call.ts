/**
 * A client's calling policy, as data: how long it waits, whether and when it tries again, what limits its retries and when it
 * stops calling at all. The policies beside this file decide; whoever calls acts on it.
 */
import type { Micros } from "../kernel/units.ts";

export type BackoffSpec =
  /** Try again at once. */
  | { readonly kind: "none" }
  /** v = min(cap, base * 2^attempt). */
  | { readonly kind: "exponential"; readonly baseUs: Micros; readonly capUs: Micros }
  /** v/2 + U(0, v/2). */
  | { readonly kind: "equal-jitter"; readonly baseUs: Micros; readonly capUs: Micros }
  /** U(0, v). */
  | { readonly kind: "full-jitter"; readonly baseUs: Micros; readonly capUs: Micros }
  /** min(cap, U(base, 3 * previous)), previous = base at first. */
  | { readonly kind: "decorrelated-jitter"; readonly baseUs: Micros; readonly capUs: Micros };

export type RetryBudgetSpec =
  /** Finagle: `share` of requests in the last `windowUs`, and `minimumPerSecond` besides. */
  | { readonly kind: "share"; readonly share: number; readonly minimumPerSecond: number; readonly windowUs: Micros }
  /** gRPC: a failure costs 1 token, a success returns `ratio`; retry while more than half of `max` are left. */
  | { readonly kind: "token-bucket"; readonly max: number; readonly ratio: number }
  /**
   * AWS SDK standard mode: a retry costs 5 of 500 tokens (10 after a timeout), which it gets back when it succeeds; a first
   * attempt that succeeds earns `successRefund`, 1.
   */
  | {
      readonly kind: "aws-standard";
      readonly capacity: number;
      readonly retryCost: number;
      readonly timeoutCost: number;
      readonly successRefund: number;
    };

/** Hystrix's breaker over a rolling window. */
export interface BreakerSpec {
  readonly windowUs: Micros;
  readonly buckets: number;
  readonly minimumRequests: number;
  readonly errorShare: number;
  readonly openUs: Micros;
}

export interface RetrySpec {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  readonly backoff: BackoffSpec;
  readonly budget?: RetryBudgetSpec;
}

export interface CallPolicy {
  /** Clients the load is dealt over; each has its own budget and breaker. */
  readonly clients: number;
  /** One attempt's patience. */
  readonly timeoutUs: Micros;
  /** The whole operation's patience, passed along as each attempt's remaining time. */
  readonly deadlineUs?: Micros;
  readonly retry?: RetrySpec;
  readonly breaker?: BreakerSpec;
}
