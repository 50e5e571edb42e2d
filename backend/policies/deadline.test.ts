import assert from "node:assert/strict";
import { test } from "node:test";
import { deadlineAfter, hopTimeoutUs, isExpired, remainingUs } from "./deadline.ts";

test("table: what is left, and what a hop may have of it", () => {
  assert.equal(deadlineAfter(100, 50), 150);
  assert.equal(deadlineAfter(100, undefined), Infinity);
  assert.equal(remainingUs(150, 120), 30);
  assert.equal(remainingUs(150, 200), 0);
  assert.equal(remainingUs(Infinity, 200), Infinity);
  assert.equal(hopTimeoutUs(40, 150, 100), 40);
  assert.equal(hopTimeoutUs(40, 150, 120), 30);
  assert.equal(hopTimeoutUs(40, 150, 160), 0);
  assert.equal(hopTimeoutUs(40, Infinity, 100), 40);
  assert.ok(!isExpired(150, 149) && isExpired(150, 150) && !isExpired(Infinity, 1e15));
});

test("paper: 'a timeout from which the already elapsed time is already deducted' (gRPC): three hops whose clocks disagree", () => {
  const skewsUs = [0, 5_000_000, -3_000_000];
  let trueUs = 10_000_000;
  let timeoutUs = 1_000_000;
  const left: number[] = [];
  for (const skewUs of skewsUs) {
    const deadlineUs = deadlineAfter(trueUs + skewUs, timeoutUs);
    trueUs += 300_000;
    timeoutUs = hopTimeoutUs(800_000, deadlineUs, trueUs + skewUs);
    left.push(timeoutUs);
  }
  assert.deepEqual(left, [700_000, 400_000, 100_000]);
});
