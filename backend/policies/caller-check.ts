/** The rules that a calling policy must keep, checked once before any call. */
import type { BackoffSpec, BreakerSpec, CallPolicy, RetryBudgetSpec } from "./call.ts";

/** @throws RangeError naming the field by its path, what was got and what is expected */
export function checkCallPolicy(policy: CallPolicy): void {
  whole("clients", policy.clients, 1);
  whole("timeoutUs", policy.timeoutUs, 1);
  if (policy.deadlineUs !== undefined) whole("deadlineUs", policy.deadlineUs, 1);
  if (policy.retry !== undefined) {
    whole("retry.attempts", policy.retry.attempts, 1);
    checkBackoff(policy.retry.backoff);
    if (policy.retry.budget !== undefined) checkBudget(policy.retry.budget);
  }
  if (policy.breaker !== undefined) checkBreaker(policy.breaker);
}

function checkBackoff(spec: BackoffSpec): void {
  if (spec.kind === "none") return;
  whole("retry.backoff.baseUs", spec.baseUs, 1);
  whole("retry.backoff.capUs", spec.capUs, spec.baseUs, "not below baseUs");
}

function checkBudget(spec: RetryBudgetSpec): void {
  switch (spec.kind) {
    case "share":
      within("retry.budget.share", spec.share, 0, 1_000);
      within("retry.budget.minimumPerSecond", spec.minimumPerSecond, 0, Infinity);
      whole("retry.budget.windowUs", spec.windowUs, 1);
      return;
    case "token-bucket":
      whole("retry.budget.max", spec.max, 1);
      within("retry.budget.ratio", spec.ratio, 0.001, Infinity);
      return;
    case "aws-standard":
      whole("retry.budget.capacity", spec.capacity, 0);
      whole("retry.budget.retryCost", spec.retryCost, 0);
      whole("retry.budget.timeoutCost", spec.timeoutCost, 0);
      whole("retry.budget.successRefund", spec.successRefund, 0);
      return;
  }
}

function checkBreaker(spec: BreakerSpec): void {
  whole("breaker.windowUs", spec.windowUs, 1);
  whole("breaker.buckets", spec.buckets, 1);
  whole("breaker.minimumRequests", spec.minimumRequests, 1);
  within("breaker.errorShare", spec.errorShare, 0, 1);
  whole("breaker.openUs", spec.openUs, 1);
}

function whole(path: string, value: number, least: number, why = `at least ${least}`): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new RangeError(`calling policy: ${path} is ${value}; expected a whole number, ${why}`);
}

function within(path: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  const range = most === Infinity ? `at least ${least}` : `from ${least} to ${most}`;
  throw new RangeError(`calling policy: ${path} is ${value}; expected a number ${range}`);
}
