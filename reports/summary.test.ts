import assert from "node:assert/strict";
import { test } from "node:test";
import { build, encodeIntoCompressedBase64 } from "hdr-histogram-js";
import type { ExperimentResult, RunResult } from "../runners/results.ts";
import { calm, sampleRun } from "./sample-runs.ts";
import { sampleResults } from "./sample.ts";
import { groupByName, summarizeDesign, summarizeHealth, winnerOf } from "./summary.ts";

const design = { name: "a", title: "A", description: "", differs: {} };

function runOf(latenciesUs: readonly number[], valid = true): RunResult {
  const run = sampleRun(calm, 0, "threads", 1);
  const histogram = build({ numberOfSignificantValueDigits: 3, autoResize: true, useWebAssembly: false });
  for (const us of latenciesUs) histogram.recordValue(us);
  const latency = encodeIntoCompressedBase64(histogram);
  const operations = run.operations.map((operation) => ({ ...operation, latency, service: latency }));
  return { ...run, operations, generator: { ...run.generator, valid } };
}

test("percentiles are of the merged samples, not the average of percentiles", () => {
  const fast = Array.from({ length: 9_900 }, () => 1_000);
  const slow = Array.from({ length: 10_100 }, () => 100_000);
  const summary = summarizeDesign({ ...design, runs: [runOf(fast), runOf(slow)] });
  assert.ok(Math.abs(summary.p50Ms! - 100) < 0.1, `p50 ${summary.p50Ms}; the average would be 50.5`);
});

test("a percentile with fewer than ten samples beyond it is absent", () => {
  const summary = summarizeDesign({ ...design, runs: [runOf(Array.from({ length: 1_500 }, () => 1_000))] });
  assert.notEqual(summary.p99Ms, undefined);
  assert.equal(summary.p999Ms, undefined);
});

test("invalid runs are counted and left out; all invalid leaves no figure", () => {
  const good = runOf(Array.from({ length: 5_000 }, () => 1_000));
  const bad = runOf(
    Array.from({ length: 5_000 }, () => 900_000),
    false,
  );
  const mixed = summarizeDesign({ ...design, runs: [good, bad] });
  assert.equal(mixed.invalidRuns, 1);
  assert.ok(mixed.p99Ms! < 1.1);
  const none = summarizeDesign({ ...design, runs: [bad] });
  assert.deepEqual([none.okPerSecond, none.p50Ms, none.okShare], [undefined, undefined, undefined]);
});

test("health is that of the worst run", () => {
  const health = summarizeHealth(sampleResults("invalid").experiments);
  assert.equal(health.invalidRuns, 3);
  assert.equal(health.latenessP99Us, 48_000);
});

test("the interval names the winner, and none when it crosses one", () => {
  const [experiment] = sampleResults().experiments;
  const judged = (low: number, high: number, better: "higher" | "lower", n = 9): string | undefined =>
    winnerOf({
      ...experiment!,
      verdict: {
        ...experiment!.verdict,
        better,
        ratio: { value: (low + high) / 2, low, high, level: 0.95, n, method: "m" },
      },
    } satisfies ExperimentResult);
  assert.equal(judged(1.1, 1.3, "higher"), "candidate");
  assert.equal(judged(1.1, 1.3, "lower"), "baseline");
  assert.equal(judged(0.7, 0.9, "lower"), "candidate");
  assert.equal(judged(0.9, 1.1, "lower"), "neither");
  assert.equal(judged(0.3, 0.3, "lower", 1), undefined, "one run decides nothing");
});

test("the two tanks of one experiment stand together", () => {
  const groups = groupByName(sampleResults());
  assert.deepEqual(
    groups.map((group) => group.map(({ tank }) => tank)),
    Array.from({ length: 4 }, () => ["simulation", "threads"]),
  );
});
