import assert from "node:assert/strict";
import { test } from "node:test";
import type { MonotonicityRule, Observation } from "./monotonicity.ts";
import { checkMonotonicity } from "./monotonicity.ts";

const seen = (
  name: string,
  [invokedAt, completedAt]: readonly [number, number],
  timestamp: number | null,
  versions: Readonly<Record<string, number>>,
  session = "s",
): Observation => ({ session, name, invokedAt, completedAt, timestamp, versions: Object.entries(versions) });

const bad: readonly (readonly [MonotonicityRule, string, readonly Observation[], RegExp])[] = [
  [
    "timestamp-went-back",
    "the second read went to a replica that lags",
    [seen("R1", [0, 5], 90, {}), seen("R2", [10, 15], 80, {})],
    /session s: R2 read at 80, after R1 had read at 90/,
  ],
  [
    "version-went-back",
    "a newer version, and then an older one",
    [seen("R1", [0, 5], 90, { x: 4, y: 1 }), seen("R2", [10, 15], 95, { x: 3, y: 1 })],
    /session s: R2 got version 3 of x, after R1 had got 4/,
  ],
  [
    "version-went-back",
    "a session does not read what it wrote",
    [seen("W1", [0, 5], null, { x: 2 }), seen("R2", [10, 15], 95, { x: 1 })],
    /R2 got version 1 of x, after W1 had got 2/,
  ],
  [
    "timestamp-went-back",
    "behind the newer of two reads that overlapped, which was over first",
    [seen("R1", [0, 5], 90, {}), seen("R2", [1, 8], 80, {}), seen("R3", [10, 15], 85, {})],
    /R3 read at 85, after R1 had read at 90/,
  ],
  [
    "timestamp-went-back",
    "back two reads later",
    [seen("R1", [0, 5], 90, {}), seen("W", [6, 7], null, { x: 1 }), seen("R2", [10, 15], 89, {})],
    /R2 read at 89, after R1/,
  ],
];

for (const [rule, name, observations, text] of bad)
  test(`time runs backwards: ${name}`, () => {
    const violations = checkMonotonicity(observations);
    assert.equal(violations.of(rule), 1);
    assert.equal(violations.count, 1);
    assert.match(violations.text(), text);
  });

const good: Readonly<Record<string, readonly Observation[]>> = {
  "another session is behind": [seen("R1", [0, 5], 90, { x: 4 }), seen("R2", [10, 15], 80, { x: 3 }, "other")],
  "reads of one session overlap, and one is older": [
    seen("R1", [0, 12], 90, { x: 4 }),
    seen("R2", [10, 15], 80, { x: 3 }),
  ],
  "a read that never came back": [seen("R1", [0, Infinity], 90, { x: 4 }), seen("R2", [10, 15], 80, { x: 3 })],
  "equal, and other keys": [seen("R1", [0, 5], 90, { x: 4 }), seen("R2", [10, 15], 90, { x: 4, y: 1 })],
};

for (const [name, observations] of Object.entries(good))
  test(`time does not run backwards: ${name}`, () => assert.equal(checkMonotonicity(observations).text(), ""));
