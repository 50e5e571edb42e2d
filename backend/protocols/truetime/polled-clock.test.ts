/** What a polled clock claims, over simulated days: the sawtooth of Spanner, OSDI 2012, section 3, and that it is never a lie. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PolledTime } from "../../kernel/time-spec.ts";
import { hour, millisecond, minute, second } from "../../kernel/units.ts";
import type { PolledClock } from "./polled-clock.ts";
import { referenceOf } from "./timescale.ts";
import { TrueTime } from "./true-time.ts";
import { after, commitWaitUs } from "./truetime.ts";

const polled: PolledTime = { kind: "polled" };
const day = 24 * hour;
const steady = { stepUs: 0, driftPpm: 0 };

interface Reading {
  readonly now: number;
  readonly earliest: number;
  readonly latest: number;
  readonly errorUs: number;
}

function clocksOf(spec: PolledTime, count: number, seed = 1): PolledClock[] {
  const time = new TrueTime(spec, seed);
  return Array.from({ length: count }, (_, node) => time.createClock(node));
}

function readAt(clock: PolledClock, trueUs: number): Reading {
  const wall = { earliest: 0, latest: 0 };
  const now = clock.read(trueUs, wall);
  return { now, ...wall, errorUs: (wall.latest - wall.earliest) / 2 };
}

/** Reads every clock at `samples` instants, no two clocks at the same ones, and counts the claims that are lies. */
function lies(spec: PolledTime, clocks: readonly PolledClock[], fromUs: number, toUs: number, samples: number): number {
  const reference = referenceOf(spec);
  const wall = { earliest: 0, latest: 0 };
  let count = 0;
  clocks.forEach((clock, node) => {
    for (let i = 0; i < samples; i++) {
      const trueUs = Math.floor(fromUs + ((toUs - fromUs) * (i + (node + 0.5) / clocks.length)) / samples);
      clock.read(trueUs, wall);
      const at = reference(trueUs);
      if (wall.earliest > at || wall.latest < at) count++;
    }
  });
  return count;
}

test('paper: "a sawtooth function of time, varying from about 1 to 7 ms over each poll interval", 4 ms on average', () => {
  for (const clock of clocksOf(polled, 20)) {
    const readings = Array.from({ length: 6_000 }, (_, i) => readAt(clock, i * 50 * millisecond));
    const errors = readings.map(({ errorUs }) => errorUs);
    const drops = errors.flatMap((error, i) => (i > 0 && error < errors[i - 1] ? [i] : []));
    // Bounds are whole microseconds, rounded outwards, and a reading is at most 50 ms of growth after a poll.
    assert(drops.length === 10, `ten polls in five minutes, got ${drops.length}`);
    for (const i of drops) {
      assert(errors[i] >= 1_000 && errors[i] <= 1_011, `${errors[i]} us after a poll`);
      assert(errors[i - 1] >= 6_989 && errors[i - 1] <= 7_001, `${errors[i - 1]} us before a poll`);
    }
    const [first, last] = [drops[0], drops[9]];
    const mean = errors.slice(first, last).reduce((sum, error) => sum + error, 0) / (last - first);
    assert(Math.abs(mean - 4_000) < 10, `mean ${mean} us`);
    const elapsed = readings[drops[4] - 1].now - readings[drops[3]].now;
    const growth = (errors[drops[4] - 1] - errors[drops[3]]) / (elapsed / second);
    assert(Math.abs(growth - 200) < 0.1, `grows by ${growth} us/s by its own clock`);
  }
});

test("table: other polls, drifts and delays give other teeth", () => {
  const rows: readonly [Partial<PolledTime>, lowUs: number, highUs: number][] = [
    [{ pollUs: 10 * second }, 1_000, 3_000],
    [{ driftBoundPpm: 50 }, 1_000, 2_500],
    [{ leastErrorUs: 250, masters: [{ errorUs: 0, roundTrip: { kind: "none" } }] }, 250, 6_250],
    // Too far away for a millisecond: half of what the round trip leaves open, and the master's own error.
    [{ masters: [{ errorUs: 100, roundTrip: { kind: "constant", us: 10 * millisecond } }] }, 5_101, 11_101],
  ];
  for (const [spec, lowUs, highUs] of rows) {
    for (const clock of clocksOf({ ...polled, ...spec }, 5)) {
      const errors = Array.from({ length: 6_000 }, (_, i) => readAt(clock, i * 50 * millisecond).errorUs);
      const [low, high] = [Math.min(...errors), Math.max(...errors)];
      assert(low >= lowUs && low <= lowUs + 11, `${JSON.stringify(spec)}: least ${low}, expected ${lowUs}`);
      assert(high >= highUs - 11 && high <= highUs + 2, `${JSON.stringify(spec)}: most ${high}, expected ${highUs}`);
    }
  }
});

test("over 24 hours, 1,000 nodes with honest masters never claim an interval without true time", () => {
  assert.equal(lies(polled, clocksOf(polled, 1_000), 0, day, 300), 0);
});

test("not even with drift at the edge of the bound, read at every poll's last moment", () => {
  for (const driftPpm of [-200, 200]) {
    const reference = referenceOf(polled);
    for (const clock of clocksOf(polled, 20, 3)) {
      clock.disturb(0, { stepUs: 0, driftPpm });
      for (let trueUs = 0; trueUs < 2 * hour; trueUs += 0.5 * second) {
        const { earliest, latest } = readAt(clock, trueUs);
        const at = reference(trueUs);
        assert(earliest <= at && at <= latest, `${driftPpm} ppm at ${trueUs} us: [${earliest}, ${latest}]`);
      }
    }
  }
});

test("nothing to spare: with perfect masters and no least error the growth alone covers drift, and drift with a smear", () => {
  const masters = [{ errorUs: 0, roundTrip: { kind: "none" } } as const];
  const bare: PolledTime = { ...polled, leastErrorUs: 0, masters, pollUs: 2 * hour };
  for (const driftPpm of [-200, 200]) {
    const clocks = clocksOf(bare, 5);
    for (const clock of clocks) clock.disturb(0, { stepUs: 0, driftPpm });
    assert.equal(lies(bare, clocks, 0, day, 500), 0, `${driftPpm} ppm`);
  }
  for (const kind of ["linear", "cosine"] as const) {
    const spec: PolledTime = { ...bare, leap: { kind, atUs: 18 * hour } };
    assert.equal(lies(spec, clocksOf(spec, 300), 0, day, 50), 0, kind);
  }
});

test("a liar among four masters never breaks it, near or far, and the error stays in milliseconds", () => {
  for (const offsetUs of [-hour, -20_000, -2_000, -700, 300, 700, 2_000, 20_000, second]) {
    const spec: PolledTime = { ...polled, masters: [{}, {}, { offsetUs }, {}] };
    const clocks = clocksOf(spec, 200);
    assert.equal(lies(spec, clocks, 0, day, 60), 0, `off by ${offsetUs} us`);
    for (const clock of clocks) assert(readAt(clock, day).errorUs <= 7_001, `off by ${offsetUs} us`);
  }
});

test("when no majority agrees, the clock takes no new bearing and its bound grows on, still no lie", () => {
  const spec: PolledTime = { ...polled, masters: [{}, {}, { offsetUs: -second }, { offsetUs: second }] };
  const clocks = clocksOf(spec, 20);
  assert.equal(lies(spec, clocks, 0, day, 100), 0);
  for (const clock of clocks) {
    const { errorUs } = readAt(clock, day);
    const expected = millisecond + 200 * (day / second);
    assert(
      errorUs > expected - 4 * millisecond && errorUs < expected + 11 * millisecond,
      `${errorUs}, not ${expected}`,
    );
  }
});

test("three liars that agree win: a majority is believed", () => {
  const liar = { offsetUs: second };
  assert(lies(polled, clocksOf({ ...polled, masters: [{}, liar, liar, liar] }, 20), 0, hour, 10) === 200);
});

test("masters that do not answer count against a majority; when they are back, so is the sawtooth", () => {
  const time = new TrueTime(polled, 7);
  const clock = time.createClock(0);
  readAt(clock, hour);
  time.disturbMasters(hour, { masters: [0, 1], reachable: false });
  const { errorUs } = readAt(clock, 2 * hour);
  assert(errorUs > 720 * millisecond && errorUs < 729 * millisecond, `${errorUs} us after an hour without`);
  time.disturbMasters(2 * hour, { masters: [1], reachable: true });
  assert(readAt(clock, 2 * hour + minute).errorUs <= 7_001, "three of four agree");
  time.disturbMasters(3 * hour, { masters: [2], offsetUs: second });
  assert(readAt(clock, 3 * hour + minute).errorUs > 7_001, "two of four do not");
  assert.throws(() => time.disturbMasters(0, { masters: [4] }), /names master 4; this deployment has masters 0 to 3/);
});

test("property: a reading does not depend on how often the clock was read before", () => {
  const event = fc.record({
    atUs: fc.integer({ min: 0, max: 900 * second }),
    masters: fc.subarray([0, 1, 2, 3], { minLength: 1 }),
    reachable: fc.boolean(),
    offsetUs: fc.constantFrom(0, 0, 5_000, second),
    clock: fc.boolean(),
    polls: fc.boolean(),
    driftPpm: fc.integer({ min: -300, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 6 }), fc.nat(1_000), (events, seed) => {
      const [often, seldom] = [13 * second, Infinity].map((everyUs) => {
        const time = new TrueTime(polled, seed);
        const clock = time.createClock(5);
        let readTo = 0;
        for (const change of [...events].sort((a, b) => a.atUs - b.atUs)) {
          for (; readTo < change.atUs; readTo += everyUs) readAt(clock, readTo);
          if (change.clock) clock.disturb(change.atUs, { stepUs: 100, driftPpm: change.driftPpm, polls: change.polls });
          else time.disturbMasters(change.atUs, change);
        }
        return readAt(clock, 1_000 * second);
      });
      assert.deepEqual(often, seldom);
    }),
    { numRuns: 300 },
  );
});

test("leap second as a step: two nodes disagree by a second until both have stepped, and time goes back", () => {
  const spec: PolledTime = { ...polled, leap: { kind: "step", atUs: hour } };
  const clocks = clocksOf(spec, 50);
  assert.equal(lies(spec, clocks, 0, hour - 1, 20), 0, "before");
  const during = clocks.map((clock) => readAt(clock, hour + 50 * millisecond).earliest);
  const apart = Math.max(...during) - Math.min(...during);
  assert(Math.abs(apart - second) < 10 * millisecond, `${apart} us apart in the middle of the steps`);
  const stepped = during.filter((earliest) => earliest < hour - second / 2).length;
  assert(stepped > 10 && stepped < 40, `${stepped} of 50 have stepped after half the spread`);
  assert.equal(lies(spec, clocks, hour + 100 * millisecond, 2 * hour, 20), 0, "after");
});

test("leap second smeared, or ignored: nobody lies about the smeared time, and all agree within their bounds", () => {
  for (const kind of ["linear", "cosine", "ignored"] as const) {
    const spec: PolledTime = { ...polled, leap: { kind, atUs: 24 * hour } };
    const clocks = clocksOf(spec, 200, 2);
    assert.equal(lies(spec, clocks, 0, 40 * hour, 200), 0, kind);
    const end = clocks.map((clock) => readAt(clock, 40 * hour));
    const [earliest, latest] = [Math.max(...end.map((r) => r.earliest)), Math.min(...end.map((r) => r.latest))];
    const slow = kind === "ignored" ? 0 : second;
    assert(earliest <= 40 * hour - slow && latest >= 40 * hour - slow, kind);
    assert(Math.max(...end.map(({ errorUs }) => errorUs)) <= 7_001, "the claimed drift covers the smear");
  }
});

test("a step of one node's clock is a lie until its next poll", () => {
  const [clock] = clocksOf(polled, 1);
  readAt(clock, 10 * minute);
  clock.disturb(10 * minute, { ...steady, stepUs: 500 * millisecond });
  assert(readAt(clock, 10 * minute).earliest > 10 * minute + 490 * millisecond);
  const { earliest, latest } = readAt(clock, 10 * minute + 31 * second);
  assert(earliest <= 10 * minute + 31 * second && latest >= 10 * minute + 31 * second);
});

test("drift beyond the bound: a lie at the end of each tooth with polls, for good without; a later fault puts it right", () => {
  const [clock] = clocksOf(polled, 1);
  const honest = (trueUs: number): boolean => {
    const { earliest, latest } = readAt(clock, trueUs);
    return earliest <= trueUs && trueUs <= latest;
  };
  const share = (fromUs: number): number => {
    let truths = 0;
    for (let i = 0; i < 1_000; i++) if (honest(fromUs + i * 0.3 * second)) truths++;
    return truths / 1_000;
  };
  clock.disturb(0, { stepUs: 0, driftPpm: 2_000 });
  const polling = share(minute);
  assert(polling > 0.005 && polling < 0.1, `honest ${polling} of the time: 1 ms is used up at 1.8 ms/s`);
  clock.disturb(10 * minute, { stepUs: 0, driftPpm: 300, polls: false });
  assert(!honest(12 * minute), "100 us/s beyond the bound and nobody to put it right");
  clock.disturb(30 * minute, { stepUs: 0, driftPpm: 300, polls: true });
  assert(
    honest(31 * minute + 30 * second),
    "polls again; what 100 us/s can do in 30 s is within the least error nearly",
  );
  clock.disturb(40 * minute, { ...steady, polls: false });
  assert(honest(100 * minute), "cut off but within the bound: honest and vague");
  assert(readAt(clock, 100 * minute).errorUs > 720 * millisecond);
  clock.disturb(100 * minute, { ...steady, boundUs: 50 });
  assert.equal(readAt(clock, 100 * minute).errorUs, 50.5, "a claimed bound, rounded outwards");
});

test("the monotonic clock never goes back, drifts within the bound and keeps its promise about delays", () => {
  for (const clock of clocksOf(polled, 50)) {
    let last = readAt(clock, 0).now;
    assert.equal(last, 0);
    for (let trueUs = 0; trueUs < 10 * minute; trueUs += 777_777) {
      const { now } = readAt(clock, trueUs);
      assert(now >= last);
      last = now;
    }
    const { now } = readAt(clock, hour);
    assert(Math.abs(now - hour) <= 200 * 3_600 + 1, `${now - hour} us in an hour`);
    const later = readAt(clock, hour + clock.trueDelay(10 * millisecond)).now - now;
    assert(later >= 10 * millisecond - 1 && later <= 10 * millisecond + 2, `${later} us`);
  }
});

test("equal seeds give equal clocks; each node drifts and polls on its own", () => {
  const at = (seed: number): Reading[] => clocksOf(polled, 10, seed).map((clock) => readAt(clock, 12 * hour));
  assert.deepEqual(at(1), at(1));
  assert.notDeepEqual(at(1), at(2));
  assert.equal(new Set(at(1).map(({ now }) => now)).size, 10);
  assert.equal(new Set(at(1).map(({ errorUs }) => errorUs)).size, 10);
});

test("law: from s = latest until after(s) it takes 2 epsilon, 8 ms on average, in one timer but where a poll comes between", () => {
  const clocks = clocksOf(polled, 100);
  let waited = 0;
  let timers = 0;
  let waits = 0;
  clocks.forEach((clock, node) => {
    for (let begun = node * 301_000; begun < hour; begun += 13.7 * second) {
      let trueUs = Math.floor(begun);
      const s = readAt(clock, trueUs).latest;
      for (let wall = readAt(clock, trueUs); !after(wall, s); wall = readAt(clock, trueUs)) {
        trueUs += clock.trueDelay(commitWaitUs(wall, s));
        timers++;
      }
      waited += trueUs - Math.floor(begun);
      waits++;
    }
  });
  assert(Math.abs(waited / waits / 8_000 - 1) < 0.01, `${waited / waits} us on average over ${waits} waits`);
  assert(timers / waits < 1.001, `${timers} timers for ${waits} waits`);
});
