import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { second } from "../kernel/units.ts";
import { Breaker } from "./breaker.ts";
import type { BreakerSpec } from "./call.ts";

const hystrix: BreakerSpec = {
  windowUs: 10 * second,
  buckets: 10,
  minimumRequests: 20,
  errorShare: 0.5,
  openUs: 5 * second,
};

/** Makes `calls` calls at one instant, the first `failures` of which fail, and returns the state after. */
function make(breaker: Breaker, nowUs: number, calls: number, failures: number): string {
  for (let i = 0; i < calls; i++) if (breaker.tryCall(nowUs)) breaker.onOutcome(nowUs, i >= failures);
  return breaker.state;
}

test("paper: 'if only 19 requests are received ... the circuit will not trip open even if all 19 failed' (Hystrix, Configuration)", () => {
  const breaker = new Breaker(hystrix);
  assert.equal(make(breaker, 0, 19, 19), "closed");
  assert.equal(make(breaker, 0, 1, 1), "open");
});

test("table: the share of errors that opens", () => {
  for (const [calls, failures, state] of [
    [20, 9, "closed"],
    [20, 10, "open"],
    [100, 49, "open"],
    [100, 9, "closed"],
  ] as const) {
    assert.equal(make(new Breaker(hystrix), 0, calls, failures), state, `${failures} of ${calls}`);
  }
  const mixed = new Breaker(hystrix);
  make(mixed, 0, 51, 0);
  assert.equal(make(mixed, 0, 49, 49), "closed", "49 of 100, the successes first");
  assert.equal(make(mixed, 0, 2, 2), "open", "51 of 102");
});

test("paper: a rolling window of 10 s in 10 buckets: failures older than that do not count (Hystrix)", () => {
  const breaker = new Breaker(hystrix);
  make(breaker, 0, 15, 15);
  assert.equal(make(breaker, 9.9 * second, 4, 4), "closed", "19");
  assert.equal(make(breaker, 10 * second, 15, 15), "closed", "the first 15 left with their bucket");
  assert.equal(make(breaker, 10 * second, 1, 1), "open");
  const idle = new Breaker(hystrix);
  make(idle, 0, 19, 19);
  assert.equal(make(idle, 1_000 * second, 19, 19), "closed");
});

test("transcript: an outage, a failed trial, a trial that succeeds", () => {
  const lines: string[] = [];
  const breaker = new Breaker(hystrix);
  const say = (atUs: number, what: string): void => {
    lines.push(`${(atUs / second).toFixed(1).padStart(5)} s  ${what.padEnd(34)} ${breaker.state}`);
  };
  const call = (atUs: number): void => say(atUs, breaker.tryCall(atUs) ? "call: sent" : "call: refused");
  const outcome = (atUs: number, ok: boolean, sentUs: number): void => {
    breaker.onOutcome(atUs, ok, sentUs);
    say(atUs, `outcome: ${ok ? "ok" : "failed"}, sent at ${(sentUs / second).toFixed(1)}`);
  };
  make(breaker, 0, 20, 20);
  say(0, "20 of 20 failed");
  call(4.9 * second);
  outcome(4.9 * second, true, 0);
  call(5 * second);
  call(5.1 * second);
  outcome(5.2 * second, true, 0);
  outcome(5.5 * second, false, 5 * second);
  call(10.4 * second);
  call(10.5 * second);
  outcome(10.6 * second, true, 10.5 * second);
  call(10.7 * second);
  say(10.7 * second, `19 more fail: ${make(breaker, 10.7 * second, 19, 19)}`);
  assert.deepEqual(lines, [
    "  0.0 s  20 of 20 failed                    open",
    "  4.9 s  call: refused                      open",
    "  4.9 s  outcome: ok, sent at 0.0           open",
    "  5.0 s  call: sent                         half-open",
    "  5.1 s  call: refused                      half-open",
    "  5.2 s  outcome: ok, sent at 0.0           half-open",
    "  5.5 s  outcome: failed, sent at 5.0       open",
    " 10.4 s  call: refused                      open",
    " 10.5 s  call: sent                         half-open",
    " 10.6 s  outcome: ok, sent at 10.5          closed",
    " 10.7 s  call: sent                         closed",
    " 10.7 s  19 more fail: closed               closed",
  ]);
});

test("table: a trial that nobody reports on is replaced after openUs", () => {
  const breaker = new Breaker(hystrix);
  make(breaker, 0, 20, 20);
  assert.ok(breaker.refusesAt(4.999 * second) && !breaker.refusesAt(5 * second));
  assert.ok(breaker.tryCall(6 * second));
  assert.ok(breaker.refusesAt(10.9 * second) && !breaker.tryCall(10.9 * second));
  assert.ok(breaker.tryCall(11 * second), "the next trial");
  breaker.onOutcome(11.5 * second, false, 6 * second);
  assert.equal(breaker.state, "half-open", "the lost trial's late outcome is not the new one's");
  breaker.onOutcome(11.6 * second, true, 11 * second);
  assert.equal(breaker.state, "closed");
});

test("property: equal to counting the calls of the last ten buckets one by one, and it always lets a trial through in the end", () => {
  const gap = fc.oneof({ weight: 20, arbitrary: fc.nat(second) }, { weight: 1, arbitrary: fc.nat(20 * second) });
  const someSteps = fc.array(fc.tuple(gap, fc.boolean()), { maxLength: 200, size: "max" });
  const spec: BreakerSpec = { windowUs: 5 * second, buckets: 5, minimumRequests: 4, errorShare: 0.6, openUs: second };
  fc.assert(
    fc.property(someSteps, (steps) => {
      const breaker = new Breaker(spec);
      let calls: { atUs: number; ok: boolean }[] = [];
      let nowUs = 0;
      for (const [gapUs, ok] of steps) {
        nowUs += gapUs;
        const was = breaker.state;
        if (!breaker.tryCall(nowUs)) continue;
        breaker.onOutcome(nowUs, ok);
        if (was !== "closed") {
          assert.equal(breaker.state, ok ? "closed" : "open");
          calls = [];
          continue;
        }
        calls.push({ atUs: nowUs, ok });
        const oldest = (Math.floor(nowUs / second) - 4) * second;
        const counted = calls.filter(({ atUs }) => atUs >= oldest);
        const failed = counted.filter((call) => !call.ok).length;
        const opens = counted.length >= 4 && failed >= 0.6 * counted.length;
        assert.equal(breaker.state, opens ? "open" : "closed", `${failed} of ${counted.length}`);
      }
      assert.ok(breaker.tryCall(nowUs + spec.openUs), "liveness");
    }),
  );
});
