import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../backend/kernel/random.ts";
import type { ExternalConsistencyRule, Held, Transaction } from "./external-consistency.ts";
import { checkExternalConsistency, RealTimeOrder } from "./external-consistency.ts";

type Pairs = Readonly<Record<string, Held>>;

const transaction =
  (kind: Transaction["kind"]) =>
  (
    name: string,
    [invokedAt, timestamp, completedAt]: readonly number[],
    reads: Pairs,
    writes: Pairs = {},
  ): Transaction => ({
    name,
    kind,
    leader: name.split("@")[1] ?? "a",
    invokedAt,
    timestamp,
    completedAt,
    reads: Object.entries(reads),
    writes: Object.entries(writes),
  });
const write = transaction("read-write");
const strong = transaction("read-only");
const snapshot = transaction("snapshot");

const good: Readonly<Record<string, readonly Transaction[]>> = {
  "nothing at all": [],
  "concurrent transactions whose timestamps are against the order of their answers": [
    write("T1@a", [0, 30, 40], {}, { x: 1 }),
    write("T2@b", [10, 20, 25], { x: null }, { y: 1 }),
    strong("R", [50, 55, 60], { x: 1, y: 1 }),
  ],
  "two leaders give one timestamp to what does not touch": [
    write("T1@a", [0, 10, 20], {}, { x: 1 }),
    write("T2@b", [0, 10, 20], {}, { y: 1 }),
  ],
  "one of two at one timestamp reads what was before the other": [
    write("T1@a", [0, 10, 20], {}, { x: 1 }),
    write("T2@b", [0, 10, 20], { x: null }, { y: 1 }),
    strong("R", [30, 40, 50], { x: 1, y: 1 }),
  ],
  "a snapshot of long ago, asked for now, and one that nobody waited for": [
    write("T1", [0, 10, 20], {}, { x: 1 }),
    write("T2", [30, 40, Infinity], { x: 1 }, { x: 2 }),
    snapshot("S0", [90, 5, 95], { x: null }),
    snapshot("S1", [90, 10, 95], { x: 1 }),
    snapshot("S2", [90, 40, 95], { x: 2 }),
  ],
  "a read in the future of a slow clock, and a later write of something else below it": [
    strong("R", [0, 50, 10], { x: null }),
    write("T", [20, 30, 40], {}, { y: 1 }),
  ],
};

for (const [name, transactions] of Object.entries(good))
  test(`externally consistent: ${name}`, () => assert.equal(checkExternalConsistency(transactions).text(), ""));

const bad: readonly (readonly [ExternalConsistencyRule, string, readonly Transaction[], RegExp])[] = [
  [
    "real-time-order",
    "commit wait skipped by a leader whose clock is ahead",
    [write("T1@a", [0, 90, 95], {}, { x: 1 }), write("T2@b", [100, 80, 110], {}, { y: 1 })],
    /T2@b has timestamp 80, but T1@a, over or seen before it began, has 90/,
  ],
  [
    "real-time-order",
    "a strong read that is older than what was acknowledged",
    [write("T1", [0, 10, 20], {}, { x: 1 }), strong("R", [30, 5, 40], { x: null })],
    /R has timestamp 5.*expected a timestamp that covers it/,
  ],
  [
    "real-time-order",
    "a strong read that is older than what a read had seen, of a commit that nobody was told of",
    [
      write("T1", [0, 50, Infinity], {}, { x: 1 }),
      strong("R1", [10, 60, 70], { x: 1 }),
      strong("R2", [80, 40, 90], { x: null }),
    ],
    /R2 has timestamp 40, but the version that R1 returned/,
  ],
  [
    "early-acknowledgement",
    "an answer before the timestamp has passed",
    [write("T1", [0, 30, 30], {}, { x: 1 })],
    /T1 was acknowledged at 30, when its timestamp 30 had not passed/,
  ],
  [
    "duplicate-timestamp",
    "a leader that gives one timestamp twice",
    [write("T1", [0, 10, 20], {}, { x: 1 }), write("T2", [0, 10, 20], {}, { y: 1 })],
    /leader a gave 10 to both T1 and T2/,
  ],
  [
    "conflict-at-one-timestamp",
    "two leaders that write one key at one timestamp",
    [write("T1@a", [0, 10, 20], {}, { x: 1 }), write("T2@b", [0, 10, 20], {}, { x: 2 })],
    /both wrote x at 10/,
  ],
  [
    "read",
    "a lost update: both read what was there before",
    [write("T1", [0, 10, 20], { x: null }, { x: 1 }), write("T2", [5, 15, 25], { x: null }, { x: 2 })],
    /T2, read-write at 15, read x as null; expected 1, written by T1 at 10/,
  ],
  [
    "read",
    "write skew: each read what the other wrote",
    [write("T1", [0, 10, 20], { y: null }, { x: 1 }), write("T2", [5, 15, 25], { x: null }, { y: 1 })],
    /T2, read-write at 15, read x as null/,
  ],
  [
    "read",
    "a snapshot that misses a transaction which was prepared when it was taken",
    [write("T1", [0, 10, 40], {}, { x: 1, y: 1 }), snapshot("S", [12, 15, 20], { x: null, y: 1 })],
    /S, snapshot at 15, read x as null; expected 1/,
  ],
];

for (const [rule, name, transactions, text] of bad)
  test(`not externally consistent: ${name}`, () => {
    const violations = checkExternalConsistency(transactions);
    assert.equal(violations.of(rule), 1);
    assert.equal(violations.count, 1);
    assert.match(violations.text(), text);
  });

test("every violation is counted, and the first few are told", () => {
  const transactions = [write("T0", [0, 1_000, 1_001], {})];
  for (let i = 1; i <= 50; i++) transactions.push(write(`T${i}`, [2_000, i, 2_010], {}));
  const violations = checkExternalConsistency(transactions);
  assert.equal(violations.of("real-time-order"), 50);
  assert.equal(violations.text().split("\n").length, 11);
  assert.match(violations.text(), /real-time-order: 40 more$/);
});

test("a transaction that cannot be is refused", () => {
  assert.throws(() => checkExternalConsistency([write("T", [0, NaN, 5], {})]), /got timestamp NaN, from 0 to 5/);
  assert.throws(() => checkExternalConsistency([write("T", [9, 7, 5], {})]), /completedAt at or after invokedAt/);
});

test("a key may hold something before the first transaction", () => {
  const read = [strong("R", [0, 1, 2], { x: 7 })];
  assert.equal(checkExternalConsistency(read, new Map([["x", 7]])).count, 0);
  assert.equal(checkExternalConsistency(read).of("read"), 1);
});

test("the sweep counts what comparing all pairs does", () => {
  const time = fc.integer({ min: 0, max: 30 });
  fc.assert(
    fc.property(fc.array(fc.tuple(time, time, time, fc.boolean())), (drawn) => {
      const transactions = drawn.map(([invokedAt, durationUs, timestamp, isKnown], i) =>
        write(`T@${i}`, [invokedAt, timestamp, isKnown ? invokedAt + durationUs : Infinity], {}),
      );
      const late = transactions.filter((second) =>
        transactions.some((first) => first.completedAt < second.invokedAt && first.timestamp >= second.timestamp),
      );
      assert.equal(checkExternalConsistency(transactions).of("real-time-order"), late.length);
    }),
    { seed: 1, numRuns: 500 },
  );
});

/* A true serial execution at its timestamps, with commit wait: nothing to find. With one clock beyond its bound: something. */
function spannerRun(seed: number, liesByUs: number): readonly Transaction[] {
  const random = Random.stream(seed, "spanner");
  const epsilonUs = 50;
  const drawn = Array.from({ length: 300 }, (_, i) => {
    const leader = random.below(3);
    const errorUs = random.between(-epsilonUs, epsilonUs) + (leader === 0 ? liesByUs : 0);
    const invokedAt = 40 * i + random.below(40);
    // A fraction of its own makes the timestamps of a leader unique.
    const timestamp = invokedAt + 10 + errorUs + epsilonUs + i / 1_000;
    const waitedUntil = timestamp - errorUs + epsilonUs + 1;
    return {
      leader,
      invokedAt,
      timestamp,
      completedAt: Math.max(waitedUntil, invokedAt + 20),
      key: `k${random.below(5)}`,
    };
  });
  const held = new Map<string, Held>();
  return drawn
    .toSorted((a, b) => a.timestamp - b.timestamp)
    .map(({ leader, invokedAt, timestamp, completedAt, key }, i) => {
      const read = held.get(key) ?? null;
      held.set(key, i);
      return write(`T${i}@${leader}`, [invokedAt, timestamp, completedAt], { [key]: read }, { [key]: i });
    });
}

test("commit wait inside the bound leaves nothing to find; a clock beyond it does", () => {
  for (let seed = 0; seed < 20; seed++) {
    assert.equal(checkExternalConsistency(spannerRun(seed, 0)).text(), "", `seed ${seed}`);
    assert.ok(checkExternalConsistency(spannerRun(seed, 400)).of("real-time-order") > 0, `seed ${seed}`);
  }
});

test("as things happen: the real-time rule keeps nothing of what is through", () => {
  const order = new RealTimeOrder();
  const first = order.onInvoked();
  const beside = order.onInvoked();
  order.onTimestamp("T1", 50, first, false);
  order.onCompleted("T1", 50);
  const later = order.onInvoked();
  order.onTimestamp("T2", 40, beside, false);
  assert.equal(order.violations.count, 0);
  order.onTimestamp("R", 50, later, true);
  assert.equal(order.violations.count, 0);
  order.onTimestamp("T3", 50, later, false);
  assert.equal(order.violations.count, 1);
});
