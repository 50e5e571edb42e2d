import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { Random } from "../../backend/kernel/random.ts";
import { bcaInterval } from "./bca.ts";
import { compareMetrics, holm, stoppedEarly, usualRule, type Comparison } from "./comparison.ts";
import { normalBelow, normalQuantile } from "./normal.ts";
import { falseVerdicts, power, series } from "./self-test.ts";
import { signedRankP } from "./signed-rank.ts";

test("the normal distribution, against a table, and both ways round", () => {
  for (const [z, below] of [
    [0, 0.5],
    [1, 0.8413447460685429],
    [1.959963984540054, 0.975],
    [-2.5758293035489, 0.005],
    [3.5, 0.9997673709209645],
    [-6, 9.865876450376946e-10],
  ]) {
    assert.ok(Math.abs(normalBelow(z) / below - 1) < 1e-9, `${z}: ${normalBelow(z)}`);
    if (Math.abs(z) < 5) assert.ok(Math.abs(normalQuantile(below) - z) < 1e-5);
  }
});

test("signed ranks: Wilcoxon's own table, ties, zeros, and the approximation meets the exact count", () => {
  // n = 8, sum of negative ranks 3 (ranks 1 and 2): P = 2 * 5 / 256.
  assert.equal(signedRankP([-1, -2, 3, 4, 5, 6, 7, 8]), 10 / 256);
  // All of one sign: 2 / 2^n.
  assert.equal(signedRankP([1, 2, 3, 4, 5, 6]), 2 / 64);
  assert.equal(signedRankP([0, 0, 0]), 1);
  assert.equal(signedRankP([0, 0, 1, 2, 3, 4, 5, 6]), 2 / 64);
  assert.equal(signedRankP([1, 1, 1, 1, 1, 1]), 2 / 64, "ties");
  const random = new Random(1);
  const differences = Array.from({ length: 25 }, () => random.float() - 0.35);
  const exact = signedRankP(differences);
  const beyond = signedRankP([...differences, 1e-9, -1e-9]);
  assert.ok(Math.abs(exact - beyond) < 0.02, `${exact} and ${beyond}`);
});

test("Holm's correction is monotone, never below the raw value, and Bonferroni for the smallest", () => {
  assert.deepEqual(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }), (values) => {
      const adjusted = holm(values);
      values.forEach((value, i) => assert.ok(adjusted[i] >= value));
      const smallest = values.indexOf(Math.min(...values));
      assert.ok(Math.abs(adjusted[smallest] - Math.min(1, values[smallest] * values.length)) < 1e-12);
    }),
    { seed: 1 },
  );
});

test("BCa intervals cover the mean of a skewed distribution about as often as they say", () => {
  const random = new Random(7);
  let covered = 0;
  const trials = 150;
  for (let i = 0; i < trials; i++) {
    const values = Array.from({ length: 30 }, () => random.exponential(1));
    const [low, high] = bcaInterval(values, 0.95, i + 1);
    if (low <= 1 && 1 <= high) covered++;
  }
  assert.ok(covered / trials > 0.9 && covered / trials < 0.985, `${covered} of ${trials}`);
});

const one = (pairs: readonly (readonly [number, number])[], better: "higher" | "lower" = "lower"): Comparison =>
  compareMetrics([{ metric: "p50Ms", better, pairs }], { baseline: "a", candidate: "b" })[0];

test("the verdicts", () => {
  const noise = series(1, 21, 0.01);
  const slower = noise.map(([a, b]): [number, number] => [a, b * 1.1]);
  assert.equal(one(slower, "lower").verdict, "worse");
  assert.equal(one(slower, "higher").verdict, "better");
  assert.equal(one(noise).verdict, "equal");
  const few = one(noise.slice(0, 4));
  assert.equal(few.verdict, "undecided");
  assert.ok(few.pairsNeeded! >= 6);
  const loud = one(series(3, 12, 0.2));
  assert.equal(loud.verdict, "undecided");
  assert.ok(loud.pairsNeeded === null || loud.pairsNeeded > 11);
  assert.equal(
    one([
      [1, 1],
      [1, 0],
      [1, 1],
      [2, 1],
    ]).ratio,
    null,
    "a figure of zero has no ratio",
  );
});

test("pairs that were stopped decide nothing; too few have no ratio yet, a zero never has one", () => {
  const clear = one(series(1, 12, 0.01).map(([a, b]): [number, number] => [a, b * 2]));
  assert.equal(clear.verdict, "worse");
  const [stopped] = stoppedEarly([clear], 20);
  assert.deepEqual([stopped.verdict, stopped.pairsNeeded, stopped.ratio], ["undecided", 20, clear.ratio]);
  const [loud] = stoppedEarly([{ ...clear, verdict: "undecided", pairsNeeded: 70 }], 20);
  assert.equal(loud.pairsNeeded, 70, "what they need is more than was asked for");
  for (const pairs of [0, 1, 2]) {
    const few = one(series(1, 12, 0.01).slice(0, pairs));
    assert.deepEqual([few.ratio, few.verdict, few.pairsNeeded], [null, "undecided", 6], `${pairs} pairs`);
  }
  const zero = one([
    [1, 1],
    [1, 0],
    [1, 1],
  ]);
  assert.deepEqual([zero.ratio, zero.pairsNeeded, stoppedEarly([zero], 20)[0].pairsNeeded], [null, null, null]);
});

test("the first pair is never counted", () => {
  const noise = series(1, 21, 0.01);
  const spoilt = noise.map(([a, b], i): [number, number] => (i === 0 ? [a, b * 50] : [a, b]));
  assert.deepEqual(one(spoilt).ratio, one(noise).ratio);
});

test("runs that agree exactly are equal, without a spread to speak of", () => {
  assert.equal(one(Array.from({ length: 8 }, () => [5, 5] as const)).verdict, "equal");
});

test("A against A: 3 to 8 % of 200 comparisons are called different, whatever the noise; a 5 % slowdown at 3 % is nearly always found", () => {
  for (const noise of ["log-normal", "drift", "heavy-tailed"] as const) {
    const share = falseVerdicts({ noise, comparisons: 200, pairs: 20, seed: 1 });
    assert.ok(share >= 0.03 && share <= 0.08, `${noise}: ${share * 100} %`);
  }
  assert.ok(power({ slowdown: 0.05, comparisons: 200, pairs: 20, seed: 1 }) >= 0.95);
});

test("all metrics together are called different no oftener than one alone", () => {
  let wrong = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const metrics = [0, 1, 2, 3].map((i) => ({
      metric: `m${i}`,
      better: "lower" as const,
      pairs: series(seed * 10 + i, 21, 0.03),
    }));
    const compared = compareMetrics(metrics, { baseline: "a", candidate: "b" }, { ...usualRule, seed });
    if (compared.some(({ verdict }) => verdict === "better" || verdict === "worse")) wrong++;
  }
  assert.ok(wrong / 100 <= 0.08, `${wrong} of 100`);
});
