import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Interval } from "./marzullo.ts";
import { agreement, majority } from "./marzullo.ts";

const interval = fc
  .tuple(fc.integer({ min: -20, max: 20 }), fc.nat(12))
  .map(([low, width]): Interval => ({ low, high: low + width }));

/** Every point, ends included, that matters when ends are whole numbers. */
function obvious(intervals: readonly Interval[], quorum: number): Interval | null {
  const points: number[] = [];
  for (let x = -40; x <= 40; x += 0.5) {
    if (intervals.filter(({ low, high }) => low <= x && x <= high).length >= quorum) points.push(x);
  }
  return points.length === 0 ? null : { low: Math.min(...points), high: Math.max(...points) };
}

test("table: who agrees, and who gets no say", () => {
  const honest = [
    { low: 0, high: 10 },
    { low: 4, high: 12 },
    { low: 2, high: 8 },
  ];
  assert.deepEqual(agreement(honest, 2), { low: 2, high: 10 }, "one of three may lie");
  assert.deepEqual(agreement([...honest, { low: 90, high: 95 }], 3), { low: 4, high: 8 }, "a liar far away");
  assert.deepEqual(
    agreement([...honest, { low: 8, high: 20 }], 3),
    { low: 4, high: 10 },
    "a liar that overlaps widens it",
  );
  assert.deepEqual(
    agreement([...honest, { low: -50, high: 50 }], 3),
    { low: 2, high: 10 },
    "one that allows everything",
  );
  assert.deepEqual(agreement([honest[0], { low: 10, high: 12 }], 2), { low: 10, high: 10 }, "ends belong to intervals");
  assert.equal(agreement([honest[0], { low: 11, high: 12 }], 2), null, "nothing in common");
  assert.equal(agreement([], 1), null);
  assert.deepEqual([1, 2, 3, 4, 5].map(majority), [1, 2, 2, 3, 3]);
});

test("property: it equals counting at every point", () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 7 }), fc.integer({ min: 1, max: 7 }), (intervals, quorum) => {
      assert.deepEqual(agreement(intervals, quorum), obvious(intervals, quorum));
    }),
    { numRuns: 1_000 },
  );
});

test('paper: daemons "detect and reject liars": a minority, whatever it says, never takes true time out of the interval', () => {
  const honest = fc.tuple(fc.nat(20), fc.nat(20)).map(([below, above]): Interval => ({ low: -below, high: above }));
  const scene = fc.integer({ min: 1, max: 9 }).chain((masters) =>
    fc.record({
      truths: fc.array(honest, { minLength: majority(masters), maxLength: masters }),
      lies: fc.array(interval, { minLength: masters, maxLength: masters }),
      masters: fc.constant(masters),
    }),
  );
  fc.assert(
    fc.property(scene, ({ truths, lies, masters }) => {
      const said = [...truths, ...lies].slice(0, masters);
      const agreed = agreement(said, majority(masters));
      assert(agreed !== null && agreed.low <= 0 && 0 <= agreed.high, "true time is 0");
      const widest = {
        low: Math.min(...truths.map(({ low }) => low)),
        high: Math.max(...truths.map(({ high }) => high)),
      };
      assert(
        agreed.low >= widest.low && agreed.high <= widest.high,
        "liars cannot widen it past what one honest master says",
      );
    }),
    { numRuns: 1_000 },
  );
});
