import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TimerHeap } from "./timer-heap.ts";

test("timers leave by time, and in the order of arming where times are equal", () => {
  const heap = new TimerHeap();
  for (const [slot, time] of [
    [3, 20],
    [1, 10],
    [2, 10],
    [0, 30],
  ])
    heap.arm(slot, time);
  heap.arm(1, 20);
  assert.equal(heap.earliest, 10);
  assert.deepEqual(
    Array.from({ length: 5 }, () => heap.pop()),
    [2, 3, 1, 0, -1],
  );
  assert.equal(heap.earliest, Infinity);
});

test("what is disarmed is gone, and who has no timer may disarm it", () => {
  const heap = new TimerHeap(1);
  for (let slot = 0; slot < 100; slot++) heap.arm(slot, 100 - slot);
  for (let slot = 1; slot < 99; slot++) heap.disarm(slot);
  heap.disarm(99);
  heap.disarm(1_000_000);
  assert.equal(heap.size, 1);
  assert.deepEqual([heap.pop(), heap.pop()], [0, -1]);
});

type Move = { readonly slot: number; readonly time: number };

test("it does what a sorted list of timers does", () => {
  const slot = fc.nat({ max: 40 });
  const moves = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ slot, time: fc.nat({ max: 30 }) }) },
      { weight: 2, arbitrary: fc.record({ slot, time: fc.constant(-1) }) },
      { weight: 1, arbitrary: fc.constant({ slot: -1, time: 0 }) },
    ),
    { maxLength: 300, size: "max" },
  );
  fc.assert(
    fc.property(moves, (all) => {
      const heap = new TimerHeap(2);
      let list: Move[] = [];
      for (const move of all) {
        const earliest = list.reduce((least, { time }) => Math.min(least, time), Infinity);
        assert.equal(heap.earliest, earliest);
        const leaving = list.findIndex(({ time }) => time === earliest);
        if (move.slot < 0) assert.equal(heap.pop(), leaving < 0 ? -1 : list[leaving].slot);
        else if (move.time < 0) heap.disarm(move.slot);
        else heap.arm(move.slot, move.time);
        const gone = move.slot < 0 ? list[leaving]?.slot : move.slot;
        list = list.filter((timer) => timer.slot !== gone);
        if (move.slot >= 0 && move.time >= 0) list.push(move);
        assert.equal(heap.size, list.length);
      }
    }),
    { seed: 11, numRuns: 300 },
  );
});
