import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { Random } from "../../backend/kernel/random.ts";
import { mm1RateFor } from "../oracles/queueing.ts";
import { sojourns } from "../oracles/lindley.ts";
import { searchCapacity, strainOf, type Probe } from "./slo-search.ts";
import { fitUsl, uslAt, type UslFit } from "./usl.ts";

test("the scalability law is found again from its own points, and its peak", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 10, max: 1e5, noNaN: true }),
      fc.double({ min: 0, max: 0.3, noNaN: true }),
      fc.double({ min: 1e-5, max: 0.01, noNaN: true }),
      (lambda, sigma, kappa) => {
        const points = [1, 2, 4, 8, 16, 32, 64].map((n) => [n, uslAt({ lambda, sigma, kappa }, n)] as const);
        const fit = fitUsl(points);
        assert.ok(fit.error < 1e-5, `${fit.error}`);
        assert.ok(Math.abs(fit.lambda / lambda - 1) < 1e-3);
        const peak = Math.sqrt((1 - sigma) / kappa);
        assert.ok(Math.abs(fit.kappa / kappa - 1) < 0.04, `${fit.kappa}, expected ${kappa}`);
        // Beyond the 64 that were measured it would be a guess.
        if (peak > 66) assert.equal(fit.peak, null);
        if (peak < 62) assert.ok(Math.abs(fit.peak!.n / Math.max(1, peak) - 1) < 0.02, `${fit.peak!.n}, not ${peak}`);
      },
    ),
    { seed: 1, numRuns: 60 },
  );
});

test("noise moves the fit a little, and its intervals nearly always hold what was put in", () => {
  const truth = { lambda: 1_000, sigma: 0.03, kappa: 0.0005 };
  const trials = 60;
  const held = { lambda: 0, sigma: 0, kappa: 0 };
  for (let seed = 1; seed <= trials; seed++) {
    const random = new Random(seed);
    const points = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64].map(
      (n) => [n, uslAt(truth, n) * (1 + 0.01 * random.normal())] as const,
    );
    const { intervals, peak, error } = fitUsl(points);
    assert.ok(error < 0.03);
    assert.ok(Math.abs(peak!.n / Math.sqrt(0.97 / 0.0005) - 1) < 0.15, `${peak!.n}`);
    for (const name of ["lambda", "sigma", "kappa"] as const) {
      const [low, high] = intervals![name];
      if (low <= truth[name] && truth[name] <= high) held[name]++;
    }
  }
  for (const [name, times] of Object.entries(held)) assert.ok(times / trials > 0.8, `${name}: ${times} of ${trials}`);
});

test("a peak is named when throughput falls within what was measured, and hardly ever out of noise", () => {
  const ns = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64];
  const noisy = (truth: Parameters<typeof uslAt>[0], seed: number, noise: number): UslFit => {
    const random = new Random(seed);
    return fitUsl(ns.map((n) => [n, uslAt(truth, n) * (1 + noise * random.normal())]));
  };
  let bent = 0;
  let called = 0;
  let found = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const level = noisy({ lambda: 500, sigma: 0.5, kappa: 0 }, seed, 0.04);
    if (Math.sqrt((1 - level.sigma) / level.kappa) <= 64) bent++;
    if (level.peak !== null) called++;
    if (noisy({ lambda: 1_000, sigma: 0.03, kappa: 0.0005 }, seed, 0.02).peak !== null) found++;
  }
  assert.ok(bent > 20, `chance gave ${bent} of 100 a peak within the measured range`);
  assert.ok(called <= 5, `${called} of 100 that never fall were given one`);
  assert.ok(found >= 98, `${found} of 100 that fall beyond 44 were given one`);
  // Three points fit any law.
  assert.equal(
    fitUsl(([1, 32, 64] as const).map((n) => [n, uslAt({ lambda: 1, sigma: 0, kappa: 0.001 }, n)])).peak,
    null,
  );
});

test("an M/M/1 queue obeys the law: one alone does half of what it can, contention is a half, coherency none", () => {
  const points = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95].map((rho) => [rho / (1 - rho), rho * 1_000] as const);
  const { lambda, sigma, kappa, error } = fitUsl(points);
  assert.ok(
    Math.abs(lambda - 500) < 1 && Math.abs(sigma - 0.5) < 0.01 && kappa < 1e-4 && error < 1e-3,
    `${lambda} ${sigma} ${kappa}`,
  );
});

test("a law that never falls has no peak, and too few points are refused", () => {
  assert.equal(
    fitUsl([
      [1, 10],
      [2, 20],
      [4, 40],
      [8, 80],
    ]).peak,
    null,
  );
  assert.throws(
    () =>
      fitUsl([
        [1, 10],
        [2, 20],
      ]),
    RangeError,
  );
  assert.throws(
    () =>
      fitUsl([
        [1, 10],
        [2, 20],
        [3, 0],
      ]),
    RangeError,
  );
});

/** An M/M/1 queue with a mean service of 1 ms, probed for so many seconds. */
function mm1Probe(seed: number, forS: number, sloMs: number) {
  return (perSecond: number, number: number): Promise<Probe> => {
    const random = Random.stream(seed, "probe", number);
    let at = 0;
    const arrivals: number[] = [];
    while (at < forS * 1_000) arrivals.push((at += random.exponential(1_000 / perSecond)));
    const times = sojourns(
      arrivals,
      arrivals.map(() => random.exponential(1)),
      1,
    )
      .slice(arrivals.length / 10)
      .sort();
    const p99Ms = times[Math.floor(times.length * 0.99)];
    const figures = { p99Ms };
    const strain = strainOf(figures, [{ metric: "p99Ms", side: "below", bound: sloMs }]);
    return Promise.resolve({ perSecond, strain, achievedPerSecond: perSecond, concurrency: 1, figures, valid: true });
  };
}

test("the capacity of an M/M/1 queue is theory's, within 3 %, for several bounds and seeds", async () => {
  for (const sloMs of [10, 23, 46]) {
    const theory = mm1RateFor(1_000, 0.99, sloMs / 1_000);
    for (let seed = 1; seed <= 6; seed++) {
      const plan = { fromPerSecond: 50, mostPerSecond: 100_000, precision: 0.01, mostProbes: 40 };
      const found = await searchCapacity(plan, mm1Probe(seed, 60, sloMs));
      assert.equal(found.kind, "found");
      assert.ok(
        Math.abs(found.perSecond / theory - 1) < 0.03,
        `${sloMs} ms, seed ${seed}: ${found.perSecond}, theory ${theory}`,
      );
    }
  }
});

test("a service that meets every rate, one that meets none, and a search that is stopped", async () => {
  const at =
    (strain: number) =>
    (perSecond: number): Promise<Probe> =>
      Promise.resolve({ perSecond, strain, achievedPerSecond: perSecond, concurrency: 1, figures: {}, valid: true });
  const plan = { fromPerSecond: 100, mostPerSecond: 1_000, precision: 0.02, mostProbes: 20 };
  const met = await searchCapacity(plan, at(0.5));
  assert.deepEqual([met.kind, met.perSecond, met.probes.length], ["met", 1_000, 5]);
  const broken = await searchCapacity(plan, at(9));
  assert.deepEqual([broken.kind, broken.perSecond], ["broken", 0]);
  let probes = 0;
  const stopped = await searchCapacity(plan, at(0.5), () => ++probes < 2);
  assert.equal(stopped.probes.length, 2);
});

test("strain is the worst figure over its bound; a figure that is missing breaks it", () => {
  const bounds = [
    { metric: "p99Ms", side: "below", bound: 50 },
    { metric: "okPerSecond", side: "above", bound: 90 },
  ] as const;
  assert.equal(strainOf({ p99Ms: 25, okPerSecond: 100 }, bounds), 0.9);
  assert.equal(strainOf({ p99Ms: 100, okPerSecond: 100 }, bounds), 2);
  assert.equal(strainOf({ okPerSecond: 100 }, bounds), Infinity);
});
