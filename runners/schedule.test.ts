import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { second } from "../backend/kernel/units.ts";
import type { LoadShape } from "./experiment.ts";
import { createSchedule, withRate, type Arrival } from "./schedule.ts";

const shapes: LoadShape[] = [
  { kind: "constant", perSecond: 900 },
  { kind: "poisson", perSecond: 900 },
  { kind: "ramp", fromPerSecond: 100, toPerSecond: 1_500 },
  { kind: "ramp", fromPerSecond: 800, toPerSecond: 0, poisson: true },
  { kind: "step", ratesPerSecond: [100, 0, 700, 300], poisson: true },
  { kind: "step", ratesPerSecond: [100, 0, 700, 300] },
  { kind: "spike", perSecond: 200, peakPerSecond: 2_000, atUs: second, lengthUs: second },
  { kind: "spike", perSecond: 200, peakPerSecond: 2_000, atUs: second, lengthUs: second, poisson: true },
];

test("an even load of 1,000/s is an arrival each millisecond, exactly", () => {
  const arrivals = [...createSchedule({ kind: "constant", perSecond: 1_000 }, 3 * second, 1)];
  assert.equal(arrivals.length, 3_000);
  arrivals.forEach((arrival, i) => assert.deepEqual(arrival, { index: i, atUs: i * 1_000 }));
});

test("the union of n slices is the schedule of one, whatever the shape and however clients are dealt", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...shapes),
      fc.integer({ min: 1, max: 7 }),
      fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
      fc.integer(),
      (load, count, clients, seed) => {
        const whole = [...createSchedule(load, 4 * second, seed)];
        const parts: Arrival[] = [];
        for (let index = 0; index < count; index++) {
          const part = [...createSchedule(load, 4 * second, seed, { index, count, clients })];
          assert.ok(part.every((arrival) => clients === undefined || (arrival.index % clients) % count === index));
          parts.push(...part);
        }
        parts.sort((a, b) => a.index - b.index);
        assert.deepEqual(parts, whole);
      },
    ),
    { numRuns: 100, seed: 7 },
  );
});

test("arrivals are whole microseconds in order, inside the load", () => {
  for (const load of shapes) {
    let before = 0;
    for (const { atUs } of createSchedule(load, 4 * second, 3)) {
      assert.ok(Number.isInteger(atUs) && atUs >= before && atUs < 4 * second, `${JSON.stringify(load)} at ${atUs}`);
      before = atUs;
    }
  }
});

test("every shape delivers its rate: even within one arrival, Poisson within four standard deviations", () => {
  for (const load of shapes) {
    const schedule = createSchedule(load, 40 * second, 11);
    const count = [...schedule].length;
    const slack = "poisson" in load || load.kind === "poisson" ? 4 * Math.sqrt(schedule.expected) : 1;
    assert.ok(
      Math.abs(count - schedule.expected) <= slack,
      `${JSON.stringify(load)}: ${count} of ${schedule.expected}`,
    );
  }
  assert.equal(createSchedule({ kind: "ramp", fromPerSecond: 100, toPerSecond: 300 }, 10 * second, 1).expected, 2_000);
});

test("a spike lies where it was put and a ramp has half its mass past sqrt(1/2)", () => {
  const spike = [...createSchedule(shapes[6], 4 * second, 1)].filter((a) => a.atUs >= second && a.atUs < 2 * second);
  assert.ok(Math.abs(spike.length - 2_000) <= 1);
  const ramp = [...createSchedule({ kind: "ramp", fromPerSecond: 0, toPerSecond: 1_000 }, 10 * second, 1)];
  assert.ok(Math.abs(ramp[2_500].atUs - 10 * second * Math.SQRT1_2) < 10);
});

test("Poisson gaps are exponential: Kolmogorov-Smirnov over 20,000 gaps at the 0.1 % level", () => {
  const times = [...createSchedule({ kind: "poisson", perSecond: 1_000 }, 20 * second, 5)].map((a) => a.atUs);
  const gaps = times.map((at, i) => at - (i === 0 ? 0 : times[i - 1])).sort((a, b) => a - b);
  let distance = 0;
  gaps.forEach((gap, i) => {
    // Gaps are whole microseconds: the half corrects for the floor.
    const theory = 1 - Math.exp(-(gap + 0.5) / 1_000);
    distance = Math.max(distance, Math.abs(theory - i / gaps.length), Math.abs((i + 1) / gaps.length - theory));
  });
  assert.ok(distance < 1.95 / Math.sqrt(gaps.length), `distance ${distance}`);
});

test("Poisson counts have the variance of their mean: index of dispersion over 10 ms windows", () => {
  const windows = new Float64Array(4_000);
  for (const { atUs } of createSchedule({ kind: "poisson", perSecond: 1_000 }, 40 * second, 9)) {
    windows[Math.floor(atUs / 10_000)]++;
  }
  const mean = windows.reduce((a, b) => a + b) / windows.length;
  const variance = windows.reduce((sum, n) => sum + (n - mean) ** 2, 0) / (windows.length - 1);
  assert.ok(Math.abs(variance / mean - 1) < 0.1, `${variance / mean}`);
});

test("a new rate keeps the shape", () => {
  assert.deepEqual(withRate({ kind: "step", ratesPerSecond: [100, 200] }, 50), {
    kind: "step",
    ratesPerSecond: [50, 100],
  });
  assert.deepEqual(withRate(shapes[6], 100), { ...shapes[6], perSecond: 100, peakPerSecond: 1_000 });
});

test("a load that is none is refused in words", () => {
  assert.throws(() => createSchedule({ kind: "constant", perSecond: -1 }, second, 1), /got a rate of -1 a second/);
  assert.throws(() => createSchedule({ kind: "constant", perSecond: 1 }, 0, 1), /got a length of 0 us/);
});
