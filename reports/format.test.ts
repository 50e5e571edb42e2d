/** Table tests: what a figure looks like. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatCount,
  formatEstimate,
  formatInstant,
  formatMetric,
  formatMicros,
  formatNumber,
  formatSeconds,
  formatShare,
} from "./format.ts";

test("numbers have three significant digits and grouped thousands", () => {
  const table: [number | undefined | null, string][] = [
    [0, "0"],
    [0.012345, "0.0123"],
    [0.00001234, "1.2e-5"],
    [1.2345, "1.23"],
    [12.345, "12.3"],
    [123.45, "123"],
    [999.4, "999"],
    [999.6, "1,000"],
    [1234.5, "1,235"],
    [1234567, "1,234,567"],
    [-1.2345, "-1.23"],
    [undefined, "–"],
    [null, "–"],
    [NaN, "–"],
    [Infinity, "–"],
  ];
  for (const [value, text] of table) assert.equal(formatNumber(value), text);
});

test("a share that is not nothing is not shown as nothing, nor one that is not all as all", () => {
  const table: [number | undefined, string][] = [
    [0, "0 %"],
    [1, "100 %"],
    [0.00000001, "< 0.01 %"],
    [0.123456, "12.3 %"],
    [0.9996, "99.96 %"],
    [0.999999, "> 99.99 %"],
    [undefined, "–"],
  ];
  for (const [share, text] of table) assert.equal(formatShare(share), text);
});

test("times, counts and metrics in the words of the page", () => {
  assert.equal(formatSeconds(8.25), "8.25 s");
  assert.equal(formatSeconds(268), "4 min 28 s");
  assert.equal(formatSeconds(7_300), "2 h 1 min");
  assert.equal(formatMicros(38), "38 µs");
  assert.equal(formatMicros(1_140), "1.14 ms");
  assert.equal(formatMicros(2_000_000), "2 s");
  assert.equal(formatCount(2_971_430), "2,971,430");
  assert.equal(formatMetric("okPerSecond"), "ok per second");
  assert.equal(formatMetric("p99Ms"), "p99 (ms)");
  assert.equal(formatInstant("2026-11-24T06:20:00.000Z"), "2026-11-24 06:20 UTC");
  assert.equal(formatInstant("yesterday"), "yesterday");
});

test("an estimate says its interval and level", () => {
  const estimate = { value: 2.314, low: 2.1, high: 2.52, level: 0.95, n: 12, method: "BCa bootstrap" };
  assert.equal(formatEstimate(estimate, "×"), "×2.31 (95 % interval ×2.1 to ×2.52)");
  assert.equal(formatEstimate({ ...estimate, n: 1, level: 0 }, "×"), "×2.31 (no interval)");
});
