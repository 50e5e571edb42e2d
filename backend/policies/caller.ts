/**
 * One client's calling policy at work: what every load driver asks before and after each attempt, in both runtimes.
 *
 *     begin(1) ──> attempt ──> afterAttempt ──done──> the operation has its outcome
 *        ^                        │
 *        └── begin(n), after the backoff <── retry
 *
 * A retry is scheduled only if all agree, and the budget is asked last so that a retry which would not happen anyway costs nothing:
 * attempts left, a failure worth retrying, time before the deadline, the breaker, the budget. It decides and never acts; what it
 * needs to know of an operation is in the driver's own record, so that a decision allocates nothing unless it is a retry.
 */
import type { Random } from "../kernel/random.ts";
import type { Micros } from "../kernel/units.ts";
import { backoffUs } from "./backoff.ts";
import { Breaker } from "./breaker.ts";
import type { BreakerState } from "./breaker.ts";
import type { CallPolicy } from "./call.ts";
import { checkCallPolicy } from "./caller-check.ts";
import { hopTimeoutUs } from "./deadline.ts";
import { createRetryBudget } from "./retry-budget.ts";
import type { RetryBudget } from "./retry-budget.ts";

/** One operation, as its driver keeps it. */
export interface CallState {
  /** Attempts made, the one that just ended included. */
  readonly attempts: number;
  /** When the last attempt was sent. */
  readonly sentUs: Micros;
  /** The backoff before the last attempt; 0 for the first. */
  readonly previousDelayUs: Micros;
  /** When the operation's patience ends: first send + the policy's `deadlineUs`, Infinity without one. */
  readonly deadlineUs: Micros;
  /** The attempt before the last ended unknown. Only the AWS budget looks: it refunds what that retry paid. */
  readonly previousUnknown?: boolean;
}

/** How an attempt ended; an `Answer` is one. */
export interface AttemptOutcome {
  readonly kind: "ok" | "refused" | "unknown";
  readonly code?: string;
}

export type CallDecision = { readonly kind: "done" } | { readonly kind: "retry"; readonly afterUs: Micros };

const done: CallDecision = { kind: "done" };

/**
 * Refusals that a later attempt may not meet. The others say that the request itself is at fault and will be refused again.
 * An unknown outcome is always worth a retry here: the workloads' operations may be done twice.
 */
const transient: ReadonlySet<string> = new Set(["throttled", "overloaded", "unavailable"]);

/** Whether trying again could change the outcome. */
export function isRetryable(outcome: AttemptOutcome): boolean {
  if (outcome.kind === "refused") return outcome.code !== undefined && transient.has(outcome.code);
  return outcome.kind === "unknown";
}

export class Caller {
  private readonly policy: CallPolicy;
  private readonly random: Random;
  private readonly budget: RetryBudget | null;
  private readonly breaker: Breaker | null;

  /** @throws RangeError when the policy breaks one of its own rules */
  constructor(policy: CallPolicy, random: Random) {
    checkCallPolicy(policy);
    this.policy = policy;
    this.random = random;
    this.budget = policy.retry?.budget === undefined ? null : createRetryBudget(policy.retry.budget);
    this.breaker = policy.breaker === undefined ? null : new Breaker(policy.breaker);
  }

  /**
   * Asked before every attempt, `attempt` = 1 for the first. False: the breaker is open, the attempt must not be sent and its
   * operation is refused. True: it must be sent, and its outcome reported.
   */
  begin(nowUs: Micros, attempt = 1): boolean {
    if (this.breaker !== null && !this.breaker.tryCall(nowUs)) return false;
    if (attempt === 1) this.budget?.onRequest(nowUs);
    return true;
  }

  /** How long to wait for an attempt sent now, and what to tell the server; 0 when the deadline has passed. */
  attemptTimeoutUs(deadlineUs: Micros, nowUs: Micros): Micros {
    return hopTimeoutUs(this.policy.timeoutUs, deadlineUs, nowUs);
  }

  /** Asked once for each attempt that was begun, when its outcome is known. */
  afterAttempt(call: CallState, outcome: AttemptOutcome, nowUs: Micros): CallDecision {
    const retryable = isRetryable(outcome);
    this.report(call, outcome, retryable, nowUs);
    const retry = this.policy.retry;
    if (!retryable || retry === undefined || call.attempts >= retry.attempts) return done;
    const afterUs = backoffUs(retry.backoff, call.attempts, call.previousDelayUs, this.random);
    const atUs = nowUs + afterUs;
    if (atUs >= call.deadlineUs) return done;
    if (this.breaker !== null && this.breaker.refusesAt(atUs)) return done;
    if (this.budget !== null && !this.budget.tryRetry(nowUs, outcome.kind === "unknown")) return done;
    return { kind: "retry", afterUs };
  }

  get breakerState(): BreakerState {
    return this.breaker?.state ?? "closed";
  }

  /** What the retry budget has left, in its own unit; Infinity without one. */
  budgetLeft(nowUs: Micros): number {
    return this.budget?.available(nowUs) ?? Infinity;
  }

  /** A refusal of the request itself shows that the server works, so it counts for the breaker and neither way for the budget. */
  private report(call: CallState, outcome: AttemptOutcome, retryable: boolean, nowUs: Micros): void {
    this.breaker?.onOutcome(nowUs, !retryable, call.sentUs);
    if (this.budget === null) return;
    if (retryable) this.budget.onFailure(nowUs);
    else if (outcome.kind === "ok") this.budget.onSuccess(nowUs, call.attempts > 1, call.previousUnknown === true);
  }
}
