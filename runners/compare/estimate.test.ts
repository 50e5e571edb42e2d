import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../backend/kernel/random.ts";
import {
  bootstrapRatioEstimate,
  meanEstimate,
  median,
  medianEstimate,
  ratioEstimate,
  shareEstimate,
} from "./estimate.ts";
import { allOf, atLeast, atMost, inEveryRun, ratioWithin, within } from "./judge.ts";
import { studentQuantile } from "./student.ts";

const near = (got: number, expected: number, slack: number): void =>
  assert.ok(Math.abs(got - expected) <= slack, `got ${got}, expected ${expected} within ${slack}`);

test("Student's quantiles are those of the printed tables", () => {
  near(studentQuantile(0.975, 1), 12.7062, 1e-4);
  near(studentQuantile(0.975, 2), 4.30265, 1e-5);
  near(studentQuantile(0.975, 4), 2.77645, 1e-5);
  near(studentQuantile(0.95, 9), 1.83311, 1e-5);
  near(studentQuantile(0.975, Infinity), 1.95996, 1e-5);
  near(studentQuantile(0.025, 4), -2.77645, 1e-5);
});

test("a mean's 95 % interval covers the truth 95 times in 100, even from four runs", () => {
  const random = new Random(3);
  let covered = 0;
  for (let i = 0; i < 4_000; i++) {
    const estimate = meanEstimate(Array.from({ length: 4 }, () => 10 + random.normal()));
    if (estimate.low <= 10 && 10 <= estimate.high) covered++;
  }
  near(covered / 4_000, 0.95, 0.012);
});

test("a machine that drifts does not move a paired ratio", () => {
  const drift = [1, 1.4, 0.7, 1.2, 2];
  const baseline = drift.map((d) => 100 * d);
  const candidate = drift.map((d, i) => 150 * d * (i % 2 === 0 ? 1.01 : 0.99));
  const ratio = ratioEstimate(baseline, candidate)!;
  near(ratio.value, 1.5, 0.01);
  assert.ok(ratio.low > 1.47 && ratio.high < 1.53);
  const bootstrapped = bootstrapRatioEstimate(baseline, candidate)!;
  assert.ok(bootstrapped.low > 1.47 && bootstrapped.high < 1.53);
  assert.equal(ratioEstimate([0, 1, 1], [1, 1, 1]), null);
  assert.throws(() => ratioEstimate([1], [1, 2]), /got 1 and 2 runs/);
});

test("Wilson's interval for 1 in 10 and for none in 10", () => {
  const one = shareEstimate(1, 10);
  near(one.low, 0.01788, 1e-4);
  near(one.high, 0.40415, 1e-4);
  const none = shareEstimate(0, 10);
  assert.equal(none.low, 0);
  near(none.high, 0.27753, 1e-4);
});

test("medians", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  const estimate = medianEstimate([1, 2, 3, 4, 100]);
  assert.ok(estimate.low >= 1 && estimate.high <= 100 && estimate.value === 3);
});

test("held, failed and undecided are the three places an interval can be", () => {
  assert.equal(atLeast([10, 11, 12], 5).status, "held");
  assert.equal(atLeast([10, 11, 12], 20).status, "failed");
  assert.equal(atLeast([10, 11, 12], 11).status, "undecided");
  assert.equal(atMost([10, 11, 12], 20).status, "held");
  assert.equal(within([10, 10.1, 9.9], 9, 11).status, "held");
  assert.equal(within([10, 10.1, 9.9], 11, 12).status, "failed");
  assert.equal(ratioWithin([1, 2, 3], [2, 4, 6], 1.9, 2.1).status, "held");
  assert.equal(ratioWithin([0, 0, 0], [2, 4, 6], 1.9, 2.1).status, "undecided");
});

test("one or two runs decide nothing, and agreeing runs decide exactly", () => {
  for (const values of [[], [10], [10, 11]]) {
    assert.equal(atLeast(values, 5).status, "undecided");
    assert.equal(atLeast(values, 500).status, "undecided");
  }
  assert.match(atLeast([10], 5, "ms").measured, /^10 ms, one run$/);
  assert.equal(atLeast([7, 7, 7], 7).status, "held");
  assert.equal(atMost([7, 7, 7], 6.9).status, "failed");
  assert.match(atLeast([7, 7, 7], 7).measured, /7 \[7, 7\], 95 % interval of 3 runs/);
});

test("what must hold in every run fails by one", () => {
  assert.equal(inEveryRun([true], "0 lost").status, "held");
  assert.equal(inEveryRun([true, false], "1 lost").status, "failed");
  assert.equal(inEveryRun([], "").status, "undecided");
  assert.equal(allOf([atLeast([7, 7, 7], 7), inEveryRun([true, false], "1 lost")]).status, "failed");
});
