import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { second } from "../backend/kernel/units.ts";
import type { LoadShape } from "./experiment.ts";
import { createSchedule, describeLoad, stretched, withRate, type Arrival } from "./schedule.ts";
import { withTrace } from "./trace.fixture.ts";

const shapes: LoadShape[] = [
  { kind: "constant", perSecond: 900 },
  { kind: "poisson", perSecond: 900 },
  { kind: "ramp", fromPerSecond: 100, toPerSecond: 1_500 },
  { kind: "ramp", fromPerSecond: 800, toPerSecond: 0, poisson: true },
  { kind: "step", ratesPerSecond: [100, 0, 700, 300], poisson: true },
  { kind: "step", ratesPerSecond: [100, 0, 700, 300] },
  { kind: "spike", perSecond: 200, peakPerSecond: 2_000, atUs: second, lengthUs: second },
  { kind: "spike", perSecond: 200, peakPerSecond: 2_000, atUs: second, lengthUs: second, poisson: true },
  { kind: "sine", perSecond: 700, amplitudePerSecond: 700, periodUs: 1_300_000 },
  { kind: "sine", perSecond: 700, amplitudePerSecond: 300, periodUs: 9 * second, phaseUs: second, poisson: true },
  { kind: "bursts", perSecond: 3_300, onUs: 100_000, offUs: 233_000 },
  { kind: "bursts", perSecond: 2_000, offPerSecond: 50, onUs: 70_000, offUs: 500_000, poisson: true },
  { kind: "sessions", sessionsPerSecond: 100, returnChance: 0.8, thinkUs: 300_000 },
];

const isRandom = (load: LoadShape): boolean =>
  load.kind === "poisson" || load.kind === "sessions" || ("poisson" in load && load.poisson === true);

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
          const dealt = ({ index: number, session = number }: Arrival): number =>
            (session % (clients ?? count)) % count;
          assert.ok(part.every((arrival) => dealt(arrival) === index));
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
    if (load.kind === "sessions") continue;
    const schedule = createSchedule(load, 40 * second, 11);
    const count = [...schedule].length;
    const slack = isRandom(load) ? 4 * Math.sqrt(schedule.expected) : 1;
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

test("a wave's counts follow its integral: even within one arrival in every interval, Poisson by chi-square", () => {
  const wave = {
    kind: "sine",
    perSecond: 1_000,
    amplitudePerSecond: 900,
    periodUs: 7 * second,
    phaseUs: second,
  } as const;
  const forUs = 60 * second;
  const binUs = 250_000;
  const turn = (2 * Math.PI) / wave.periodUs;
  const massBy = (t: number): number =>
    (t + (0.9 / turn) * (Math.cos(turn * wave.phaseUs) - Math.cos(turn * (t + wave.phaseUs)))) / 1_000;
  const counts = (load: LoadShape): Float64Array => {
    const bins = new Float64Array(forUs / binUs);
    for (const { atUs } of createSchedule(load, forUs, 21)) bins[Math.floor(atUs / binUs)]++;
    return bins;
  };
  let statistic = 0;
  const random = counts({ ...wave, poisson: true });
  counts(wave).forEach((count, i) => {
    const expected = massBy((i + 1) * binUs) - massBy(i * binUs);
    assert.ok(Math.abs(count - expected) <= 1, `${count} in interval ${i}, ${expected} expected`);
    statistic += (random[i] - expected) ** 2 / expected;
  });
  assert.ok(Math.abs(statistic - random.length) < 4 * Math.sqrt(2 * random.length), `chi-square ${statistic}`);
});

test("even arrivals of any wave are where its integral is a whole number", () => {
  const wave = fc.record({
    perSecond: fc.integer({ min: 1, max: 5_000 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    periodUs: fc.integer({ min: 1_000, max: 20 * second }),
    phaseUs: fc.integer({ min: -second, max: 20 * second }),
  });
  fc.assert(
    fc.property(wave, ({ perSecond, share, periodUs, phaseUs }) => {
      const amplitudePerSecond = perSecond * share;
      const load = { kind: "sine", perSecond, amplitudePerSecond, periodUs, phaseUs } as const;
      const turn = (2 * Math.PI) / periodUs;
      const massBy = (t: number): number =>
        (perSecond * t + (amplitudePerSecond / turn) * (Math.cos(turn * phaseUs) - Math.cos(turn * (t + phaseUs)))) /
        second;
      for (const { index, atUs } of createSchedule(load, 2 * second, 1)) {
        // The arrival lies in [atUs, atUs + 1).
        const reached = massBy(atUs + 1.001) >= index - 1e-6 && massBy(atUs - 0.001) <= index + 1e-6;
        assert.ok(reached, `arrival ${index} at ${atUs}: ${massBy(atUs)}`);
      }
    }),
    { numRuns: 40, seed: 9 },
  );
});

test("bursts lie in their time and are the same in every period", () => {
  const load = { kind: "bursts", perSecond: 330, onUs: 100_000, offUs: 900_000 } as const;
  const times = [...createSchedule(load, 40 * second, 1)].map(({ atUs }) => atUs);
  assert.equal(times.length, 40 * 33);
  assert.ok(times.every((at) => at % second < 100_000));
  times.forEach((at, i) => assert.equal(at, Math.floor(i / 33) * second + times[i % 33]));
});

test("an arrival due where a burst begins is there, whatever the divisions round to", () => {
  for (let perSecond = 1; perSecond <= 1_000; perSecond++) {
    const load = { kind: "bursts", perSecond, onUs: 100_000, offUs: 7_777 } as const;
    for (const { index, atUs } of createSchedule(load, 4 * second, 1)) {
      const bursts = (index * 10) / perSecond;
      if (Number.isInteger(bursts)) assert.equal(atUs, bursts * 107_777, `arrival ${index} at ${perSecond}/s`);
    }
  }
});

test("sessions: visits at the promised rate from the beginning, visits a session geometric, returns exponential", () => {
  const load = { kind: "sessions", sessionsPerSecond: 200, returnChance: 0.75, thinkUs: 2 * second } as const;
  const schedule = createSchedule(load, 200 * second, 13);
  const arrivals = [...schedule];
  assert.equal(schedule.expected, 160_000);
  // A visit brings 1/(1 - p) others on average and their number varies: the variance is (1 + p)/(1 - p) times Poisson's at most.
  assert.ok(Math.abs(arrivals.length - 160_000) < 4 * Math.sqrt(7 * 160_000), `${arrivals.length}`);
  const early = arrivals.filter(({ atUs }) => atUs < 10 * second).length;
  assert.ok(Math.abs(early - 8_000) < 4 * Math.sqrt(7 * 8_000), `${early} in the first ten seconds: a cold start`);
  const bySession = Map.groupBy(arrivals, ({ session }) => session!);
  const begun = [...bySession.values()].filter(([{ atUs }]) => atUs > 20 * second && atUs < 150 * second);
  const single = begun.filter((visits) => visits.length === 1).length / begun.length;
  // Of sessions that were seen from their first visit; those under way at time 0 have mostly gone by then.
  assert.ok(Math.abs(single - 0.25) < 0.02, `${single} of sessions visit once`);
  const thinks = begun.flatMap((visits) => visits.slice(1).map(({ atUs }, i) => atUs - visits[i].atUs));
  const mean = thinks.reduce((a, b) => a + b) / thinks.length;
  assert.ok(Math.abs(mean / (2 * second) - 1) < 0.03, `${mean}`);
});

test("a visitor who returns is the same client's, whatever the slices", () => {
  const load = { kind: "sessions", sessionsPerSecond: 50, returnChance: 0.9, thinkUs: 100_000 } as const;
  const slices = [0, 1, 2].map((index) => [...createSchedule(load, 5 * second, 1, { index, count: 3, clients: 10 })]);
  const homes = new Map<number, number>();
  slices.forEach((arrivals, slice) =>
    arrivals.forEach(({ session }) => assert.equal(homes.getOrInsert(session!, slice), slice)),
  );
});

test("a new rate keeps the shape", () => {
  assert.deepEqual(withRate({ kind: "step", ratesPerSecond: [100, 200] }, 50), {
    kind: "step",
    ratesPerSecond: [50, 100],
  });
  assert.deepEqual(withRate(shapes[6], 100), { ...shapes[6], perSecond: 100, peakPerSecond: 1_000 });
  for (const load of shapes) {
    const whole = createSchedule(load, 12 * second, 1).expected;
    const half = createSchedule(withRate(load, nominalRate(load) / 2), 12 * second, 1).expected;
    assert.ok(Math.abs(half / whole - 0.5) < 1e-9, `${load.kind}: ${half} of ${whole}`);
  }
  withTrace("atS\n0\n1\n2\n3\n4\n", (path) => {
    assert.deepEqual(withRate({ kind: "trace", path }, 2), { kind: "trace", path, timeScale: 0.5 });
  });
});

/** The rate that `withRate` replaces. */
function nominalRate(load: LoadShape): number {
  switch (load.kind) {
    case "ramp":
      return load.toPerSecond === 0 ? load.fromPerSecond : load.toPerSecond;
    case "step":
      return load.ratesPerSecond[0];
    case "sessions":
      return load.sessionsPerSecond / (1 - load.returnChance);
    case "trace":
      return NaN;
    default:
      return load.perSecond;
  }
}

test("a load twice as long keeps its form: half the arrivals are where they were, at half the time", () => {
  for (const load of shapes.filter((shape) => shape.kind !== "sessions" && !isRandom(shape))) {
    const long = [...createSchedule(stretched(load, 2), 8 * second, 1)];
    const short = [...createSchedule(load, 4 * second, 1)];
    assert.ok(Math.abs(long.length - 2 * short.length) <= 2);
    short.slice(1).forEach(({ index, atUs }) => assert.ok(Math.abs(long[2 * index].atUs - 2 * atUs) <= 3, load.kind));
  }
});

test("every shape is described with its figures", () => {
  const words = shapes.map((load) => describeLoad(load, 4 * second));
  assert.equal(new Set(words).size, shapes.length);
  assert.ok(words.every((text) => /^(open loop|partly open), .*for 4 s$/.test(text)));
  assert.equal(
    describeLoad({ kind: "trace", path: "a.csv", timeScale: 0.5 }, second),
    "open loop, replay of a.csv with times multiplied by 0.5, for 1 s",
  );
});

test("a load that is none is refused in words", () => {
  assert.throws(() => createSchedule({ kind: "constant", perSecond: -1 }, second, 1), /got a rate of -1 a second/);
  assert.throws(() => createSchedule({ kind: "constant", perSecond: 1 }, 0, 1), /got a length of 0 us/);
});
