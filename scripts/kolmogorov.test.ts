import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../backend/kernel/random.ts";
import { ksTest } from "./kolmogorov.ts";

const exponential = (x: number): number => 1 - Math.exp(-x);
const sample = (seed: number, draw: (random: Random) => number, n = 400): Float64Array => {
  const random = Random.stream(seed, "ks");
  return Float64Array.from({ length: n }, () => draw(random));
};

test("the law itself is refused as often as it should be", () => {
  let refused = 0;
  for (let seed = 0; seed < 1_000; seed++) {
    if (
      ksTest(
        sample(seed, (random) => random.exponential(1)),
        exponential,
      ).p < 0.05
    )
      refused++;
  }
  assert.ok(Math.abs(refused - 50) < 4 * Math.sqrt(1_000 * 0.05 * 0.95), `${refused} of 1,000`);
});

test("another law is refused", () => {
  assert.ok(
    ksTest(
      sample(1, () => 1),
      exponential,
    ).p < 1e-9,
    "even gaps",
  );
  assert.ok(
    ksTest(
      sample(1, (random) => random.exponential(1.3)),
      exponential,
    ).p < 1e-3,
    "another mean",
  );
});

test("a known distance: three points against the uniform law", () => {
  const { distance } = ksTest(Float64Array.of(0.9, 0.2, 0.6), (x) => x);
  assert.ok(Math.abs(distance - 0.8 / 3) < 1e-12 || Math.abs(distance - (0.6 - 1 / 3)) < 1e-12, `${distance}`);
});
