import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../backend/kernel/random.ts";
import { draw, etcValueBytes, type Distribution } from "../workloads/distribution.ts";
import { UsageError } from "./command-error.ts";
import { parseHistogram, parseSizes } from "./sizes.ts";
import { withTrace } from "./trace.fixture.ts";

const drawn = (sizes: Distribution, draws = 100_000): number[] => {
  const random = Random.stream(4, "sizes");
  return Array.from({ length: draws }, () => draw(sizes, random)).sort((a, b) => a - b);
};

/** The share of draws up to `size` is `expected`, within four standard deviations. */
function assertShare(sorted: readonly number[], size: number, expected: number): void {
  const share = sorted.filter((each) => each <= size).length / sorted.length;
  const sigma = Math.sqrt((expected * (1 - expected)) / sorted.length);
  assert.ok(Math.abs(share - expected) < 4 * sigma + 0.002, `${share} up to ${size}, ${expected} expected`);
}

test("each short form is a distribution", () => {
  assert.equal(parseSizes("1000"), 1_000);
  assert.deepEqual(parseSizes("uniform:100:2000"), { kind: "uniform", from: 100, to: 2_000 });
  assert.deepEqual(parseSizes("exponential:5"), { kind: "exponential", mean: 5 });
  assert.deepEqual(parseSizes("log-normal:800:1.2"), { kind: "log-normal", median: 800, sigma: 1.2 });
  const pareto = { kind: "generalised-pareto", location: 15, scale: 214.476, shape: 0.348238 };
  assert.deepEqual(parseSizes("pareto:214.476:0.348238:15"), pareto);
  assert.equal(parseSizes("etc"), etcValueBytes);
});

test("log-normal: half lies below the median, and the logarithm has its deviation", () => {
  const sizes = drawn({ kind: "log-normal", median: 800, sigma: 1.2 });
  assertShare(sizes, 800, 0.5);
  assertShare(sizes, 800 * Math.exp(1.2), 0.8413);
  assertShare(sizes, 800 * Math.exp(-2.4), 0.0228);
  assert.equal(drawn({ kind: "log-normal", median: 800, sigma: 3, most: 5_000 }).at(-1), 5_000);
});

test("generalised Pareto: shares as its law says, exponential at shape 0", () => {
  const sizes = drawn(etcValueBytes);
  for (const size of [10, 100, 500, 2_000]) {
    assertShare(sizes, size, 1 - (1 + (0.348238 * (size + 0.5)) / 214.476) ** (-1 / 0.348238));
  }
  const exponential = drawn({ kind: "generalised-pareto", location: 10, scale: 100, shape: 0 });
  assert.ok(exponential[0] >= 10);
  assertShare(exponential, 110, 1 - Math.exp(-1.005));
});

test("a histogram is drawn in proportion, from YCSB's file or a list of values", () => {
  const ycsb = parseHistogram("BlockSize\t100\n0\t1\n1\t0\n2\t3\n", "hist.txt");
  assert.deepEqual(ycsb, { kind: "histogram", values: [100, 200, 300], weights: [1, 0, 3] });
  const counts = Map.groupBy(drawn(ycsb), (size) => size);
  assert.deepEqual([...counts.keys()], [100, 300]);
  assert.ok(Math.abs(counts.get(300)!.length / 100_000 - 0.75) < 4 * Math.sqrt((0.75 * 0.25) / 100_000));
  const wanted = { kind: "histogram", values: [10, 2_000], weights: [5, 0.5] };
  for (const text of ["value,count\r\n10,5\r\n\r\n2000,0.5", "10,5\n2000, 0.5\n"]) {
    assert.deepEqual(parseHistogram(text, "sizes.csv"), wanted);
    withTrace(text, (path) => assert.deepEqual(parseSizes(`file:${path}`), wanted));
  }
});

test("sizes that are none are refused in four parts, files by name and line", () => {
  const refused = (action: () => unknown, got: RegExp, expected = /./): void =>
    assert.throws(action, (error: unknown) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.got, got);
      assert.match(error.expected, expected);
      return error.what !== "" && error.fix !== "";
    });
  for (const text of [
    "",
    "5:6",
    "-3",
    "uniform:5",
    "uniform:9:5",
    "normal:5:1",
    "log-normal:5",
    "pareto:1:x",
    "etc:5",
  ]) {
    refused(() => parseSizes(text), text === "" ? /empty/ : new RegExp(text));
  }
  refused(() => parseSizes("file:/nowhere/sizes.csv"), /ENOENT/);
  refused(() => parseHistogram("10,5\n20;3\n", "a.csv"), /^a\.csv:2: 20;3$/, /value,count/);
  refused(() => parseHistogram("10,5\n20,-3\n", "a.csv"), /^a\.csv:2: 20,-3$/);
  refused(() => parseHistogram("BlockSize 0\n1 1\n", "a.txt"), /^a\.txt:1/);
  refused(() => parseHistogram("BlockSize 10\n1 one\n", "a.txt"), /^a\.txt:2: 1 one$/, /bucket's number/);
  refused(() => parseHistogram("10,0\n", "a.csv"), /1 lines with counts/, /count above 0/);
  refused(() => parseHistogram("", "a.csv"), /0 lines/);
});
