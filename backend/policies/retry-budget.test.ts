import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { second } from "../kernel/units.ts";
import type { RetryBudgetSpec } from "./call.ts";
import { createRetryBudget } from "./retry-budget.ts";
import type { RetryBudget } from "./retry-budget.ts";

const finagle: RetryBudgetSpec = { kind: "share", share: 0.2, minimumPerSecond: 10, windowUs: 10 * second };
const grpc: RetryBudgetSpec = { kind: "token-bucket", max: 10, ratio: 0.1 };
const aws: RetryBudgetSpec = { kind: "aws-standard", capacity: 500, retryCost: 5, timeoutCost: 10, successRefund: 1 };

function retriesGranted(budget: RetryBudget, nowUs: number, asked: number, afterTimeout = false): number {
  let granted = 0;
  for (let i = 0; i < asked; i++) if (budget.tryRetry(nowUs, afterTimeout)) granted++;
  return granted;
}

test("paper: 'about 20% of the total requests to be retried on top of a minimum number per second' (Finagle, RetryBudget)", () => {
  const budget = createRetryBudget(finagle);
  assert.equal(retriesGranted(budget, 0, 1_000), 100, "10 a second over 10 s for a client that just began");
  const busy = createRetryBudget(finagle);
  for (let i = 0; i < 1_000; i++) busy.onRequest(i * 1_000);
  assert.equal(retriesGranted(busy, second, 1_000), 300, "a fifth of 1,000 requests and 100 besides");
});

test("paper: 'if 0.1 is used, then for every 10 calls to deposit(), 1 retry will be allowed. If 2.0 ... 2 retries' (Finagle)", () => {
  for (const [share, requests, retries] of [
    [0.1, 10, 1],
    [0.1, 9, 0],
    [0.7, 10, 7],
    [2, 3, 6],
  ]) {
    const budget = createRetryBudget({ kind: "share", share, minimumPerSecond: 0, windowUs: 10 * second });
    for (let i = 0; i < requests; i++) budget.onRequest(0);
    assert.equal(retriesGranted(budget, 0, 100), retries, `share ${share}, ${requests} requests`);
  }
});

test("paper: 'deposits created by deposit() expire after approximately ttl time has passed' (Finagle)", () => {
  const budget = createRetryBudget({ kind: "share", share: 1, minimumPerSecond: 0, windowUs: 10 * second });
  for (let i = 0; i < 10; i++) budget.onRequest(i * second);
  assert.equal(budget.available(9.5 * second), 10);
  assert.equal(budget.available(10 * second), 9, "the first is 10 s old");
  assert.equal(budget.available(14.5 * second), 5);
  assert.equal(budget.available(1_004 * second), 0, "one slice of each number, all stale");
  budget.onRequest(1_004 * second);
  assert.equal(budget.available(1_003 * second), 1, "a clock that steps back empties nothing");
});

test("paper: 'every failed RPC will decrement the token_count by 1' and RPCs are not retried at or below half (gRPC A6)", () => {
  const budget = createRetryBudget(grpc);
  for (let failures = 1; failures <= 4; failures++) {
    budget.onFailure(0);
    assert.ok(budget.tryRetry(0, false), `${10 - failures} tokens are above 5`);
  }
  budget.onFailure(0);
  assert.equal(budget.available(0), 5);
  assert.ok(!budget.tryRetry(0, false), "5 tokens are not");
  budget.onSuccess(0, false, false);
  assert.ok(budget.tryRetry(0, false), "'until token_count rises over the threshold': 5.1");
  assert.equal(budget.available(0), 5.1, "asking takes nothing");
});

test("paper: token_count 'can take values between 0 and maxTokens' (gRPC A6); a thousand tenths make a hundred", () => {
  const budget = createRetryBudget(grpc);
  for (let i = 0; i < 50; i++) budget.onFailure(0);
  assert.equal(budget.available(0), 0);
  for (let i = 0; i < 50; i++) budget.onSuccess(0, false, false);
  assert.equal(budget.available(0), 5, "exactly: 0.1 added 50 times in doubles is not 5");
  assert.ok(!budget.tryRetry(0, false));
  for (let i = 0; i < 500; i++) budget.onSuccess(0, true, false);
  assert.equal(budget.available(0), 10);
});

test("paper: AWS SDK standard mode, 500 tokens: 100 retries at 5, or 50 after timeouts at 10, then none", () => {
  assert.equal(retriesGranted(createRetryBudget(aws), 0, 1_000), 100);
  assert.equal(retriesGranted(createRetryBudget(aws), 0, 1_000, true), 50);
});

test("paper: AWS SDK standard mode gives a successful retry its cost back and a first success 1, up to the capacity", () => {
  const budget = createRetryBudget(aws);
  const expect = (left: number): void => assert.equal(budget.available(0), left);
  budget.onSuccess(0, false, false);
  expect(500);
  retriesGranted(budget, 0, 2);
  expect(490);
  budget.onFailure(0);
  expect(490);
  budget.onSuccess(0, true, false);
  expect(495);
  budget.onSuccess(0, false, false);
  expect(496);
  retriesGranted(budget, 0, 1, true);
  expect(486);
  budget.onSuccess(0, true, true);
  expect(496);
});

test("property: what is available stays between 0 and the capacity, and a refused retry changes nothing", () => {
  const specs: RetryBudgetSpec[] = [
    finagle,
    grpc,
    aws,
    { kind: "share", share: 0.1, minimumPerSecond: 0, windowUs: second },
    { kind: "token-bucket", max: 1, ratio: 0.333 },
    { kind: "aws-standard", capacity: 7, retryCost: 5, timeoutCost: 10, successRefund: 3 },
  ];
  const event = fc.tuple(
    fc.constantFrom("request", "retry", "success", "failure"),
    fc.boolean(),
    fc.boolean(),
    fc.nat(3_000_000),
  );
  fc.assert(
    fc.property(fc.constantFrom(...specs), fc.array(event, { maxLength: 300, size: "max" }), (spec, events) => {
      const budget = createRetryBudget(spec);
      let nowUs = 0;
      for (const [kind, a, b, delayUs] of events) {
        nowUs += delayUs;
        const before = budget.available(nowUs);
        if (kind === "request") budget.onRequest(nowUs);
        else if (kind === "success") budget.onSuccess(nowUs, a, b);
        else if (kind === "failure") budget.onFailure(nowUs);
        else if (!budget.tryRetry(nowUs, a)) assert.equal(budget.available(nowUs), before);
        const left = budget.available(nowUs);
        assert.ok(left >= 0 && left <= budget.capacity(nowUs), `${spec.kind}: ${left} of ${budget.capacity(nowUs)}`);
      }
    }),
  );
});

test("property: a share budget equals counting the requests and retries of the last ten slices one by one", () => {
  const gap = fc.oneof({ weight: 30, arbitrary: fc.nat(1_000_000) }, { weight: 1, arbitrary: fc.nat(30 * second) });
  const someSteps = fc.array(fc.tuple(gap, fc.boolean()), { minLength: 50, maxLength: 300, size: "max" });
  fc.assert(
    fc.property(someSteps, (steps) => {
      const budget = createRetryBudget({ kind: "share", share: 0.2, minimumPerSecond: 0.5, windowUs: 10 * second });
      const requests: number[] = [];
      const retries: number[] = [];
      let nowUs = 0;
      for (const [gapUs, isRetry] of steps) {
        nowUs += gapUs;
        const oldest = (Math.floor(nowUs / second) - 9) * second;
        const counted = (times: number[]): number => times.filter((atUs) => atUs >= oldest).length;
        if (isRetry) {
          const expected = counted(retries) + 1 <= (counted(requests) + 25) / 5;
          assert.equal(
            budget.tryRetry(nowUs, false),
            expected,
            `at ${nowUs}: ${counted(retries)} of ${counted(requests)}`,
          );
          if (expected) retries.push(nowUs);
        } else {
          budget.onRequest(nowUs);
          requests.push(nowUs);
        }
      }
    }),
  );
});
