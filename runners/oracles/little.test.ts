import assert from "node:assert/strict";
import test from "node:test";
import { Random } from "../../backend/kernel/random.ts";
import { second } from "../../backend/kernel/units.ts";
import { Recorder } from "../measure/recorder.ts";
import { standardMetrics } from "../measure/metrics.ts";
import { sojourns } from "./lindley.ts";
import { littleOfHistory, littleOfUsers } from "./little.ts";

const common = { oracle: "M/M/1 at rho 0.8", tank: "threads" };
const forUs = 10 * second;

/** A run of a station as an instrument shows it that takes a latency for `reads` times what it was. */
function shownBy(reads: number) {
  const random = new Random(3);
  const starts: number[] = [];
  for (let us = 0; (us += random.exponential(25_000)) < forUs;) starts.push(Math.round(us));
  const services = starts.map(() => random.exponential(20_000));
  const spent = sojourns(starts, services, 1);
  const recorder = new Recorder({ forUs, warmUpUs: 0 });
  const kind = recorder.operation("work");
  const history = starts.map((startUs, i) => {
    const endUs = startUs + Math.round(spent[i]);
    recorder.began(kind, startUs, 0);
    const shownUs = startUs + Math.round(reads * spent[i]);
    recorder.ended(kind, { kind: "ok", code: "", intendedUs: startUs, sentUs: startUs, endUs: shownUs });
    return { startUs, endUs };
  });
  return littleOfHistory(common, { metrics: standardMetrics(recorder) }, history, forUs);
}

test("Little's law holds for any run to its end, whatever chance drew, and not if latencies are shown wrong", () => {
  const right = shownBy(1);
  assert.ok(Math.abs(right.measured / right.theory - 1) < 0.005, JSON.stringify(right));
  assert.equal(right.held, true);
  assert.match(right.quantity, /^in the system, Little's law, 1\d{4} looks$/);
  assert.ok(right.measured > 1, `${right.measured} in the system`);
  assert.equal(shownBy(1.08).held, false);
  assert.equal(shownBy(0.92).held, false);
});

test("a look finds what has begun and has not ended", () => {
  const metrics = { offeredPerSecond: 2, meanMs: 250 };
  const history = [
    { startUs: 0, endUs: 300_000 },
    { startUs: 900_500, endUs: 1_100_500 },
  ];
  const { theory, measured } = littleOfHistory(common, { metrics }, history, second);
  assert.equal(measured, 500 / 1_100);
  assert.ok(Math.abs(theory - 500 / 1_100.5) < 1e-9, `${theory}`);
});

test("users are the rate times an answer and a thought", () => {
  const measured = { perSecond: 50, answerS: 0.1, thinkS: 0.3 };
  assert.equal(littleOfUsers(common, 20, measured, 0.05).held, true);
  assert.equal(littleOfUsers(common, 20, { ...measured, answerS: 0.15 }, 0.05).held, false);
});
