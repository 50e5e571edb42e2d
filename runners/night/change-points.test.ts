import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { changePoints, sharpestSplit, usualChangePoints } from "./change-points.ts";
import { differenceByChance, sampleOf } from "./student-test.ts";
import { findSteps, issueCase, quietNights } from "./synthetic-nights.fixture.ts";

const indexes = (values: readonly number[], leastChange = 0.05): number[] =>
  changePoints(values, { ...usualChangePoints, leastChange }).map(({ index }) => index);

/** Small steps up and down that no test calls significant. */
const wobble = (level: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => level * (1 + [0, 0.01, -0.01, 0.004, -0.006][i % 5]));

const p = (t: number, n: number): number => {
  // Two samples of n with variance 1 each whose means are t standard errors apart.
  const sample = (mean: number) => ({ n, mean, squares: n - 1 });
  return differenceByChance(sample(0), sample(t * Math.sqrt(2 / n)));
};

test("the t-test agrees with the table of Student's t", () => {
  // Two-sided 5 %, 1 % and 0.1 % at 10 and 28 degrees of freedom.
  for (const [t, n, expected] of [
    [2.228, 6, 0.05],
    [3.169, 6, 0.01],
    [4.587, 6, 0.001],
    [2.048, 15, 0.05],
    [3.674, 15, 0.001],
  ] as const)
    assert.ok(Math.abs(p(t, n) - expected) < expected * 0.01, `t ${t} with ${2 * n - 2} degrees: ${p(t, n)}`);
});

test("one value against one proves nothing; constant figures that differ are no chance, equal ones no difference", () => {
  assert.equal(differenceByChance(sampleOf([1], 0, 1), sampleOf([9], 0, 1)), 1);
  assert.equal(differenceByChance(sampleOf([1, 1], 0, 2), sampleOf([9, 9], 0, 2)), 0);
  assert.equal(differenceByChance(sampleOf([3, 3], 0, 2), sampleOf([3, 3], 0, 2)), 1);
  assert.equal(differenceByChance(sampleOf([0.1 + 0.2, 0.3], 0, 2), sampleOf([0.3, 0.3], 0, 2)), 1);
});

test("short, constant and quiet series have no change point", () => {
  for (const values of [[], [1], [1, 2], Array.from({ length: 90 }, () => 7), wobble(100, 90), [0, 0, 0, 0]])
    assert.deepEqual(indexes(values), [], JSON.stringify(values));
});

test("a step is found where it is, with its levels", () => {
  const [point, ...others] = changePoints([...wobble(100, 30), ...wobble(110, 30)]);
  assert.equal(others.length, 0);
  assert.equal(point.index, 30);
  assert.ok(Math.abs(point.change - 0.1) < 1e-9 && point.chance < 1e-9);
  assert.ok(Math.abs(point.before - 99.96) < 0.01 && Math.abs(point.after - 109.956) < 0.01);
});

test("a step too small is none, one outlier is none, two nights of a new level are a change", () => {
  assert.deepEqual(indexes([...wobble(100, 30), ...wobble(103, 30)]), []);
  assert.deepEqual(indexes([...wobble(100, 30), ...wobble(103, 30)], 0.02), [30]);
  assert.deepEqual(indexes([...wobble(100, 30), 140, ...wobble(100, 10)]), []);
  assert.deepEqual(indexes([...wobble(100, 30), 120, 121]), [30]);
});

test("up and down again, far apart or near, are two changes (the windows)", () => {
  const values = [...wobble(100, 60), ...wobble(112, 12), ...wobble(100, 80), ...wobble(90, 40)];
  assert.deepEqual(indexes(values), [60, 72, 152]);
});

test("a change where one window ends is seen by the next, which overlaps it", () => {
  assert.deepEqual(indexes([...wobble(100, 50), ...wobble(110, 40)]), [50]);
});

test("figures of a simulation are exact: a change shows after two nights, and a level of zero has no relative change", () => {
  assert.deepEqual(indexes([5, 5, 5, 6, 6]), [3]);
  assert.equal(changePoints([0, 0, 0, 2, 2])[0].change, Infinity);
});

/** Equation 5 of Matteson and James (JASA 2014) with alpha = 1, as it is written. */
function energy(left: readonly number[], right: readonly number[]): number {
  const mean = (xs: readonly number[], ys: readonly number[]): number =>
    xs.flatMap((x) => ys.map((y) => Math.abs(x - y))).reduce((sum, d) => sum + d, 0);
  const [n, m] = [left.length, right.length];
  const within = mean(left, left) / (n * (n - 1)) + mean(right, right) / (m * (m - 1));
  return ((n * m) / (n + m)) * ((2 * mean(left, right)) / (n * m) - within);
}

test("the split that moves sums along is the split of greatest energy", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 4, maxLength: 24 }), (values) => {
      const all = Array.from({ length: values.length - 3 }, (_, i) =>
        energy(values.slice(0, i + 2), values.slice(i + 2)),
      );
      const best = Math.max(...all);
      const split = sharpestSplit(values, 0, values.length);
      if (best <= 1e-9) return;
      assert.ok(Math.abs(energy(values.slice(0, split), values.slice(split)) - best) < 1e-9);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("a 5 % step at night 30 of 60 is placed within two nights in 95 % of 200 series, at a variation of up to 2 %", () => {
  for (const variation of [0.01, 0.02]) {
    const { placed } = findSteps({ ...issueCase, variation });
    assert.ok(placed >= 0.95, `variation ${variation}: ${placed}`);
  }
});

test("runs that vary by 3 % do so in the median of three rounds, and the alarm of 1 % comes two nights later", () => {
  const three = findSteps({ ...issueCase, variation: 0.03 * 0.67 });
  assert.ok(three.placed >= 0.95, `placed ${three.placed}`);
  assert.ok(three.delays.every((delay) => delay < 30));
  const { delays } = findSteps({ ...issueCase, variation: 0.01 });
  const soon = delays.filter((delay) => delay <= 2).length / delays.length;
  assert.ok(soon >= 0.95, `alarms within two nights: ${soon}`);
});

test("at most one false alarm in 1,000 quiet nights, for one figure and for a suite of forty", () => {
  const one = quietNights({ suites: 100, metrics: 1, nights: 100, variation: 0.03 });
  assert.ok(one.alarms / one.nights <= 0.001, `${one.alarms} in ${one.nights}`);
  const forty = quietNights({ suites: 25, metrics: 40, nights: 60, variation: 0.03 });
  assert.ok(forty.alarms / forty.nights <= 0.001, `${forty.alarms} in ${forty.nights}`);
});

test("and with nights that resemble each other, or a noisy neighbour now and then", () => {
  for (const noise of [{ correlation: 0.3 }, { badNights: 0.05 }]) {
    const { alarms, nights } = quietNights({ suites: 60, metrics: 1, nights: 100, variation: 0.02, ...noise });
    assert.ok(alarms / nights <= 0.002, `${JSON.stringify(noise)}: ${alarms} in ${nights}`);
  }
});
