import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../kernel/random.ts";
import { millisecond, second } from "../kernel/units.ts";
import type { CallPolicy } from "./call.ts";
import { Caller, isRetryable } from "./caller.ts";
import type { AttemptOutcome, CallState } from "./caller.ts";

const ok: AttemptOutcome = { kind: "ok" };
const throttled: AttemptOutcome = { kind: "refused", code: "throttled" };
const invalid: AttemptOutcome = { kind: "refused", code: "invalid" };
const timeout: AttemptOutcome = { kind: "unknown", code: "timeout" };

const plain: CallPolicy = { clients: 1, timeoutUs: second, retry: { attempts: 3, backoff: { kind: "none" } } };
const steady: CallPolicy["retry"] = {
  attempts: 10,
  backoff: { kind: "exponential", baseUs: 50 * millisecond, capUs: 100 * millisecond },
};
const breaker: CallPolicy["breaker"] = {
  windowUs: 10 * second,
  buckets: 10,
  minimumRequests: 4,
  errorShare: 0.5,
  openUs: 5 * second,
};

function callerOf(policy: CallPolicy): Caller {
  return new Caller(policy, new Random(1));
}

function state(attempts: number, over: Partial<CallState> = {}): CallState {
  return { attempts, sentUs: 0, previousDelayUs: 0, deadlineUs: Infinity, ...over };
}

test("table: which outcomes are worth another attempt", () => {
  for (const code of ["throttled", "overloaded", "unavailable"])
    assert.ok(isRetryable({ kind: "refused", code }), code);
  for (const code of ["timeout", "connection-lost", "quorum-lost"])
    assert.ok(isRetryable({ kind: "unknown", code }), code);
  for (const code of ["condition-failed", "not-found", "exists", "invalid", "breaker-open", "expired"]) {
    assert.ok(!isRetryable({ kind: "refused", code }), code);
  }
  assert.ok(!isRetryable(ok));
});

test("table: attempts in all, the first included", () => {
  const caller = callerOf(plain);
  assert.deepEqual(caller.afterAttempt(state(1), timeout, 0), { kind: "retry", afterUs: 0 });
  assert.deepEqual(caller.afterAttempt(state(2), throttled, 0), { kind: "retry", afterUs: 0 });
  assert.deepEqual(caller.afterAttempt(state(3), timeout, 0), { kind: "done" });
  assert.deepEqual(caller.afterAttempt(state(1), ok, 0), { kind: "done" });
  assert.deepEqual(caller.afterAttempt(state(1), invalid, 0), { kind: "done" });
  assert.deepEqual(callerOf({ clients: 1, timeoutUs: 1 }).afterAttempt(state(1), timeout, 0), { kind: "done" });
});

test("paper: 'gRPC's call deadline applies across all attempts' (A6): no retry that could not start before it", () => {
  const caller = callerOf({ clients: 1, timeoutUs: second, deadlineUs: 300 * millisecond, retry: steady });
  const call = state(1, { deadlineUs: 300 * millisecond });
  assert.deepEqual(caller.afterAttempt(call, timeout, 199_999), { kind: "retry", afterUs: 100_000 });
  assert.deepEqual(caller.afterAttempt(call, timeout, 200_000), { kind: "done" });
  assert.equal(caller.attemptTimeoutUs(call.deadlineUs, 299_999), 1, "an attempt waits no longer than what is left");
  assert.equal(caller.attemptTimeoutUs(call.deadlineUs, 400_000), 0);
  assert.equal(caller.attemptTimeoutUs(Infinity, 400_000), second);
});

test("table: a retry that will not happen for another reason costs no budget", () => {
  const budget = { kind: "aws-standard", capacity: 500, retryCost: 5, timeoutCost: 10, successRefund: 1 } as const;
  const caller = callerOf({ clients: 1, timeoutUs: second, retry: { ...steady!, attempts: 2, budget } });
  caller.afterAttempt(state(2), timeout, 0);
  caller.afterAttempt(state(1), invalid, 0);
  caller.afterAttempt(state(1, { deadlineUs: 10 }), timeout, 0);
  assert.equal(caller.budgetLeft(0), 500);
  caller.afterAttempt(state(1), timeout, 0);
  assert.equal(caller.budgetLeft(0), 490);
  caller.afterAttempt(state(1), throttled, 0);
  assert.equal(caller.budgetLeft(0), 485);
  caller.afterAttempt(state(2), ok, 0);
  assert.equal(caller.budgetLeft(0), 490);
  caller.afterAttempt(state(2, { previousUnknown: true }), ok, 0);
  assert.equal(caller.budgetLeft(0), 500);
});

test("table: an empty budget ends the operation; without one nothing limits it", () => {
  const budget = { kind: "share", share: 0.5, minimumPerSecond: 0, windowUs: 10 * second } as const;
  const caller = callerOf({ ...plain, retry: { ...plain.retry!, budget } });
  assert.ok(caller.begin(0));
  assert.deepEqual(caller.afterAttempt(state(1), timeout, 0), { kind: "done" });
  assert.ok(caller.begin(0));
  assert.deepEqual(caller.afterAttempt(state(1), timeout, 0), { kind: "retry", afterUs: 0 });
  for (let retry = 2; retry < 5; retry++) assert.ok(caller.begin(0, retry), "a retry is no request and earns nothing");
  assert.deepEqual(caller.afterAttempt(state(2), timeout, 0), { kind: "done" });
  assert.equal(callerOf(plain).budgetLeft(0), Infinity);
});

test("transcript: a breaker opens under an operation's retries, which then stop", () => {
  const caller = callerOf({ clients: 1, timeoutUs: second, retry: steady, breaker });
  for (let attempt = 1; attempt <= 3; attempt++) {
    assert.ok(caller.begin(0, attempt));
    assert.equal(caller.afterAttempt(state(attempt), throttled, 0).kind, "retry");
  }
  assert.ok(caller.begin(0, 4));
  assert.deepEqual(caller.afterAttempt(state(4), timeout, 0), { kind: "done" });
  assert.equal(caller.breakerState, "open");
  assert.ok(!caller.begin(4.9 * second));
  assert.ok(caller.begin(5 * second), "the trial");
  assert.ok(!caller.begin(5 * second));
  caller.afterAttempt(state(1, { sentUs: 5 * second }), invalid, 5.1 * second);
  assert.equal(caller.breakerState, "closed", "a server that finds fault with the request is there");
  assert.equal(callerOf(plain).breakerState, "closed");
});

test("table: a retry that would start when the breaker lets a trial through is scheduled", () => {
  const backoff = { kind: "exponential", baseUs: 5 * second, capUs: 20 * second } as const;
  const caller = callerOf({ clients: 1, timeoutUs: second, retry: { attempts: 9, backoff }, breaker });
  for (let i = 0; i < 3; i++) caller.afterAttempt(state(9), timeout, 0);
  assert.deepEqual(caller.afterAttempt(state(1), timeout, 0), { kind: "retry", afterUs: 10 * second });
  assert.equal(caller.breakerState, "open");
});

test("paper: m attempts that each fail with p make (1 - p^m)/(1 - p) attempts an operation", (t) => {
  const operations = 40_000;
  for (const [p, m] of [
    [0.1, 3],
    [0.5, 4],
    [0.9, 5],
    [1, 4],
  ]) {
    const random = new Random(7);
    const caller = callerOf({ clients: 1, timeoutUs: second, retry: { attempts: m, backoff: { kind: "none" } } });
    let attempts = 0;
    for (let i = 0; i < operations; i++) {
      for (let attempt = 1; ; attempt++) {
        attempts++;
        const outcome = random.chance(p) ? timeout : ok;
        if (caller.afterAttempt(state(attempt), outcome, 0).kind === "done") break;
      }
    }
    const expected = p === 1 ? m : (1 - p ** m) / (1 - p);
    const measured = attempts / operations;
    t.diagnostic(`p ${p}, m ${m}: ${measured.toFixed(3)} attempts, formula ${expected.toFixed(3)}`);
    assert.ok(Math.abs(measured - expected) < 0.03, `p ${p}, m ${m}: ${measured} attempts, formula ${expected}`);
  }
});

test("table: budgets bound amplification: a fifth more load at most, however many attempts are allowed", () => {
  const budget = { kind: "share", share: 0.2, minimumPerSecond: 0, windowUs: 10 * second } as const;
  const caller = callerOf({
    clients: 1,
    timeoutUs: second,
    retry: { attempts: 100, backoff: { kind: "none" }, budget },
  });
  let attempts = 0;
  for (let i = 0; i < 10_000; i++) {
    caller.begin(i * millisecond);
    for (let attempt = 1; ; attempt++) {
      attempts++;
      if (caller.afterAttempt(state(attempt), timeout, i * millisecond).kind === "done") break;
    }
  }
  assert.equal(attempts, 12_000);
});

test("table: a policy that breaks its own rules is refused with path, value and expectation", () => {
  const cases: [Partial<CallPolicy>, RegExp][] = [
    [{ clients: 0 }, /clients is 0; expected a whole number, at least 1/],
    [{ timeoutUs: 1.5 }, /timeoutUs is 1\.5/],
    [{ deadlineUs: -1 }, /deadlineUs is -1/],
    [{ retry: { attempts: 0, backoff: { kind: "none" } } }, /retry\.attempts is 0/],
    [
      { retry: { attempts: 2, backoff: { kind: "full-jitter", baseUs: 10, capUs: 5 } } },
      /retry\.backoff\.capUs is 5; expected a whole number, not below baseUs/,
    ],
    [{ breaker: { ...breaker!, errorShare: 50 } }, /breaker\.errorShare is 50; expected a number from 0 to 1/],
    [{ breaker: { ...breaker!, buckets: 0 } }, /breaker\.buckets is 0/],
  ];
  for (const [over, message] of cases) assert.throws(() => callerOf({ ...plain, ...over }), message);
  const budgets: [NonNullable<NonNullable<CallPolicy["retry"]>["budget"]>, RegExp][] = [
    [
      { kind: "share", share: -1, minimumPerSecond: 0, windowUs: 1 },
      /budget\.share is -1; expected a number from 0 to 1000/,
    ],
    [
      { kind: "share", share: 1, minimumPerSecond: -5, windowUs: 1 },
      /minimumPerSecond is -5; expected a number at least 0/,
    ],
    [{ kind: "token-bucket", max: 10, ratio: 0 }, /budget\.ratio is 0; expected a number at least 0\.001/],
    [{ kind: "aws-standard", capacity: 500, retryCost: -5, timeoutCost: 10, successRefund: 1 }, /retryCost is -5/],
  ];
  for (const [budget, message] of budgets) {
    assert.throws(() => callerOf({ ...plain, retry: { ...plain.retry!, budget } }), message);
  }
});
