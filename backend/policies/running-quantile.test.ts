/** The running quantile against a sorted copy of its window. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { RunningQuantile } from "./running-quantile.ts";

test("property: after every value, at least the exact quantile of the window and at most 1/32 above it", () => {
  const values = fc.array(fc.oneof(fc.nat(40), fc.nat(5_000), fc.nat(2 ** 31 - 1)), { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 40 }), fc.constantFrom(0.01, 0.5, 0.9, 0.95, 1), (all, window, q) => {
      const running = new RunningQuantile(q, window);
      all.forEach((value, i) => {
        running.add(value);
        const sorted = all.slice(Math.max(0, i + 1 - window), i + 1).sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length - 1e-9)) - 1];
        assert.equal(running.size, sorted.length);
        assert.ok(
          running.value() >= exact && running.value() <= exact * (1 + 1 / 32),
          `${running.value()} for ${exact}`,
        );
      });
    }),
    { seed: 5, numRuns: 300 },
  );
});

test("what left the window is forgotten", () => {
  const running = new RunningQuantile(0.95, 10);
  for (let i = 0; i < 10; i++) running.add(1_000_000);
  for (let i = 0; i < 10; i++) running.add(7);
  assert.equal(running.value(), 7);
  running.add(2 ** 40);
  assert.equal(running.value(), 2 ** 31 - 1);
});

test("a quantile or a window that means nothing is refused with its value", () => {
  assert.throws(() => new RunningQuantile(0, 10), /quantile: got 0/);
  assert.throws(() => new RunningQuantile(0.5, 0.5), /window: got 0.5/);
  assert.equal(new RunningQuantile(0.5, 1).value(), 0);
});
