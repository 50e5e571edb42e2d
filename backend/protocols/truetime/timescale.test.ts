import assert from "node:assert/strict";
import { test } from "node:test";
import type { LeapSecond } from "../../kernel/time-spec.ts";
import { hour, second } from "../../kernel/units.ts";
import { planTime } from "./time-plan.ts";
import { referenceOf, referenceUs, steepestPpm, timescaleOf } from "./timescale.ts";

const atUs = 36 * hour;

function behind(leap: LeapSecond, trueUs: number): number {
  return trueUs - referenceUs(timescaleOf(leap), trueUs);
}

test("table: how far the reference is behind an uninterrupted count, in seconds", () => {
  const rows: readonly [LeapSecond, ...[hours: number, seconds: number][]][] = [
    [{ kind: "ignored", atUs }, [0, 0], [36, 0], [72, 0]],
    [{ kind: "step", atUs }, [35.9999, 0], [36, 1], [72, 1]],
    [{ kind: "linear", atUs }, [24, 0], [30, 0.25], [36, 0.5], [42, 0.75], [48, 1], [72, 1]],
    [{ kind: "linear", atUs, windowUs: 20 * hour }, [26, 0], [31, 0.25], [36, 0.5], [46, 1]],
    [{ kind: "cosine", atUs }, [16, 0], [26, 0.5], [36, 1], [72, 1]],
    [{ kind: "cosine", atUs, windowUs: 24 * hour }, [12, 0], [20, 0.25], [24, 0.5], [28, 0.75], [36, 1]],
  ];
  for (const [leap, ...points] of rows) {
    for (const [hours, seconds] of points) {
      const got = behind(leap, hours * hour) / second;
      assert(Math.abs(got - seconds) < 1e-10, `${leap.kind} at ${hours} h: ${got}, expected ${seconds}`);
    }
  }
});

test("a smear never lets the reference go back, begins at 0 and ends at exactly one second; a step goes back", () => {
  for (const kind of ["linear", "cosine"] as const) {
    const scale = timescaleOf({ kind, atUs });
    let last = -Infinity;
    let slowest = Infinity;
    for (let t = 15 * hour; t <= 49 * hour; t += second) {
      const now = referenceUs(scale, t);
      assert(now > last, `${kind} at ${t}`);
      slowest = Math.min(slowest, now - last);
      last = now;
    }
    assert.equal(referenceUs(scale, scale.beginsUs), scale.beginsUs);
    assert.equal(referenceUs(scale, scale.beginsUs + scale.windowUs), scale.beginsUs + scale.windowUs - second);
    assert(
      Math.abs(second - slowest - steepestPpm(scale)) < 0.001,
      `${kind}: ${second - slowest} us/s at the steepest`,
    );
  }
  const step = timescaleOf({ kind: "step", atUs });
  assert.equal(referenceUs(step, atUs) - referenceUs(step, atUs - 1), 1 - second);
});

test("public record: noon to noon is 11.574 ppm (1 s in 86,400), and the cosine's lie is (1 - cos(pi t / w)) / 2", () => {
  assert.equal(steepestPpm(timescaleOf({ kind: "linear", atUs })).toFixed(3), "11.574");
  const w = 20 * hour;
  for (const t of [0, 0.1, 0.25, 0.5, 0.9, 1]) {
    const lie = (1 - Math.cos((Math.PI * t * w) / w)) / 2;
    const got = behind({ kind: "cosine", atUs }, atUs - w + t * w) / second;
    assert(Math.abs(got - lie) < 1e-10, `${got} at ${t}, expected ${lie}`);
  }
});

test("for checkers: without a leap second the reference is the simulation's own time", () => {
  assert.equal(referenceOf(undefined)(123), 123);
  assert.equal(referenceOf({ kind: "polled" })(123), 123);
  assert.equal(referenceOf({ kind: "polled", leap: { kind: "linear", atUs } })(atUs), atUs - second / 2);
});

test("a mixed fleet is refused, whichever side smears; saying the same thing twice is not mixing", () => {
  const linear: LeapSecond = { kind: "linear", atUs };
  const mixed = (leap: LeapSecond | undefined, master: LeapSecond): unknown =>
    planTime({ kind: "polled", leap, masters: [{}, { leap: master }, {}] });
  assert.throws(
    () => mixed(linear, { kind: "step", atUs }),
    /mixed fleet: master 1 treats the leap second as step at 129600 s and the nodes as linear over 86400 s at 129600 s.*leave out/,
  );
  assert.throws(() => mixed(undefined, linear), /as linear over 86400 s at 129600 s and the nodes as none/);
  assert.throws(() => mixed({ kind: "step", atUs }, { kind: "ignored", atUs }), /mixed fleet/);
  assert.throws(() => mixed(linear, { kind: "cosine", atUs }), /mixed fleet/);
  assert.throws(() => mixed(linear, { ...linear, windowUs: 20 * hour }), /mixed fleet/);
  assert.throws(() => mixed(linear, { ...linear, atUs: atUs + 1 }), /mixed fleet/);
  mixed(linear, { ...linear, windowUs: 24 * hour });
  mixed(undefined, { kind: "ignored", atUs });
});

test("what breaks a rule says what it is, what was got and what is expected", () => {
  const refused: readonly [Parameters<typeof planTime>[0], RegExp][] = [
    [{ kind: "polled", masters: [] }, /got no master; expected at least one/],
    [{ kind: "polled", pollUs: 0 }, /pollUs is 0; expected a whole number, at least 1/],
    [{ kind: "polled", leastErrorUs: 0.5 }, /leastErrorUs is 0.5/],
    [{ kind: "polled", driftBoundPpm: -1 }, /driftBoundPpm is -1/],
    [{ kind: "polled", driftBoundPpm: 1e6 }, /driftBoundPpm is 1000000/],
    [
      { kind: "polled", driftBoundPpm: 10, leap: { kind: "linear", atUs } },
      /driftBoundPpm is 10; expected at least the 11.574 ppm/,
    ],
    [{ kind: "polled", masters: [{ errorUs: -1 }] }, /masters.0.errorUs is -1/],
    [{ kind: "polled", masters: [{ offsetUs: NaN }] }, /master 0 is off by NaN/],
    [{ kind: "polled", leap: { kind: "linear", atUs, windowUs: 5 } }, /window is 5; expected .* at least a second/],
    [{ kind: "polled", leap: { kind: "step", atUs: 0.5 } }, /leap second is at 0.5/],
    [{ kind: "polled", leap: { kind: "step", atUs, spreadUs: -1 } }, /leap.spreadUs is -1/],
  ];
  for (const [spec, message] of refused) assert.throws(() => planTime(spec), message);
});
