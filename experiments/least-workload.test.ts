/** The recursion that judges tied requests, against what is known in closed form. */
import assert from "node:assert/strict";
import test from "node:test";
import { leastWorkloadLimit, leastWorkloadMean } from "./least-workload.ts";

function near(actual: number, expected: number, within: number): void {
  assert.ok(Math.abs(actual / expected - 1) < within, `${actual}, theory says ${expected}`);
}

test("one choice is M/M/1: 1 / (1 - load)", () => {
  near(leastWorkloadMean(20, 1, 0.5, 400_000, 1), 2, 0.02);
  near(leastWorkloadLimit(1, 0.9), 10, 1e-6);
});

test("the least workload of two servers is one queue before both, M/M/2: 1 / (1 - load^2)", () => {
  for (const load of [0.5, 0.7]) near(leastWorkloadMean(2, 2, load, 400_000, 1), 1 / (1 - load ** 2), 0.02);
});

test("two choices among many servers: -ln(1 - load^2) / load^2 (Hellemans and Van Houdt)", () => {
  for (const load of [0.5, 0.7, 0.9]) {
    near(leastWorkloadLimit(2, load), -Math.log(1 - load ** 2) / load ** 2, 1e-9);
    near(leastWorkloadMean(1_000, 2, load, 600_000, 1), leastWorkloadLimit(2, load), 0.02);
  }
});
