import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Random } from "../../backend/kernel/random.ts";
import { Histogram, samplesBeyond } from "./histogram.ts";

const samples = fc.array(fc.integer({ min: 0, max: 3_600_000_000 }), { minLength: 1, maxLength: 300 });

test("quantiles are those of the sorted samples to three digits", () => {
  fc.assert(
    fc.property(samples, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, q) => {
      const histogram = new Histogram();
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((a, b) => a - b);
      const exact = sorted[Math.ceil(Number((q * sorted.length).toFixed(6))) - 1];
      const got = histogram.quantile(q);
      assert.ok(Math.abs(got - exact) <= Math.max(1, exact * 0.001), `${q}: ${got}, sorted says ${exact}`);
    }),
    { seed: 1 },
  );
});

test("a merge, an encoding and a decoding lose nothing", () => {
  fc.assert(
    fc.property(samples, samples, (left, right) => {
      const both = new Histogram();
      const a = new Histogram();
      const b = new Histogram();
      for (const value of left) [a, both].forEach((histogram) => histogram.record(value));
      for (const value of right) [b, both].forEach((histogram) => histogram.record(value));
      a.merge(Histogram.decode(b.encode()));
      assert.equal(a.count, left.length + right.length);
      // A decoded histogram knows its maximum to three digits only.
      const near = (x: number, y: number): boolean => Math.abs(x - y) <= Math.max(1, y * 0.001);
      for (const q of [0, 0.1, 0.5, 0.9, 0.99]) assert.ok(near(a.quantile(q), both.quantile(q)));
      assert.ok(near(a.max, both.max));
    }),
    { seed: 2 },
  );
});

test("the wire form is HDR V2 in base64, empty or not", () => {
  const histogram = new Histogram();
  assert.equal(Histogram.decode(histogram.encode()).count, 0);
  histogram.record(1_234);
  // The V2 compressed cookie, 0x1c849304, opens every encoding.
  assert.equal(Buffer.from(histogram.encode(), "base64").readUInt32BE(0), 0x1c849304 | 0x10);
});

test("a curve ends where fewer than ten samples lie beyond", () => {
  const histogram = new Histogram();
  const random = new Random(1);
  for (let i = 0; i < 10_000; i++) histogram.record(random.exponential(1_000));
  const curve = histogram.curve();
  const [last] = curve[curve.length - 1];
  assert.ok(10_000 * (1 - last) >= samplesBeyond - 1e-6);
  assert.ok(Math.abs(last - 0.999) < 1e-9);
  assert.ok(curve.every(([q, us], i) => i === 0 || (q > curve[i - 1][0] && us >= curve[i - 1][1])));
  const few = new Histogram();
  for (let i = 0; i < 10; i++) few.record(i);
  assert.deepEqual(few.curve(), []);
});

test("values outside the range are pulled to its ends", () => {
  const histogram = new Histogram();
  histogram.record(-5);
  histogram.record(1e15);
  assert.equal(histogram.quantile(0.5), 0);
  assert.equal(histogram.max, 86_400_000_000);
});
