/** Lifeguard's formulas, section IV. */
import assert from "node:assert/strict";
import test from "node:test";
import { second } from "../../kernel/units.ts";
import { LocalHealth } from "./local-health.ts";
import { Suspicion, suspicionTimeout } from "./suspicions.ts";

const times = { minUs: 5 * second, maxUs: 30 * second, confirmations: 3 };

test("the timeout goes from the most to the least as confirmations come", () => {
  const expected = [30, 30 - (25 * Math.log(2)) / Math.log(4), 30 - (25 * Math.log(3)) / Math.log(4), 5];
  for (const [confirmed, seconds] of expected.entries()) {
    assert.equal(suspicionTimeout(times, confirmed), Math.round(seconds * second), `${confirmed} confirmations`);
  }
  assert.equal(suspicionTimeout(times, 9), 5 * second, "never below the least");
});

test("without a range to go through it is the least", () => {
  assert.equal(suspicionTimeout({ ...times, maxUs: times.minUs }, 0), 5 * second);
  assert.equal(suspicionTimeout({ ...times, confirmations: 0 }, 0), 5 * second);
});

test("each accuser counts once, no more than K count, and hearsay does not", () => {
  const suspicion = new Suspicion(1, 4, 100, times);
  assert.equal(suspicion.dueAt, 100 + 30 * second);
  assert.equal(suspicion.confirm(4), false, "who began it");
  assert.equal(suspicion.confirm(-1), false, "passed on with a table");
  assert.equal(suspicion.confirm(5), true);
  assert.equal(suspicion.confirm(5), false, "twice");
  assert.equal(suspicion.confirm(6), true);
  assert.equal(suspicion.confirm(7), true);
  assert.equal(suspicion.dueAt, 100 + 5 * second);
  assert.equal(suspicion.confirm(8), false, "a fourth makes no difference");
});

test("local health goes from 0 to 8, and stays at 0 when it is off", () => {
  const health = new LocalHealth(true);
  health.add(-1);
  assert.equal(health.factor, 1);
  for (let i = 0; i < 20; i++) health.add(1);
  assert.equal(health.factor, 9);
  health.add(-1);
  assert.equal(health.factor, 8);
  const off = new LocalHealth(false);
  off.add(5);
  assert.equal(off.factor, 1);
});
