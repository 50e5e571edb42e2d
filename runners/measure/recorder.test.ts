import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { second } from "../../backend/kernel/units.ts";
import { generatorHealth } from "./generator-health.ts";
import { timelineInterval } from "./interval.ts";
import { standardMetrics } from "./metrics.ts";
import { Recorder, type Ending, type RecorderPlan } from "./recorder.ts";

const plan: RecorderPlan = { forUs: 10 * second, warmUpUs: 2 * second, goodWithinUs: 50_000 };

interface Operation extends Ending {
  readonly name: string;
  readonly attempts: number;
}

function record(recorder: Recorder, operation: Operation): void {
  const number = recorder.operation(operation.name);
  recorder.began(number, operation.intendedUs, operation.sentUs - operation.intendedUs);
  for (let i = 0; i < operation.attempts; i++) recorder.attempted(number, operation.intendedUs, operation.sentUs);
  recorder.ended(number, operation);
}

const operations = fc.array(
  fc
    .record({
      name: fc.constantFrom("view", "add"),
      kind: fc.constantFrom("ok" as const, "refused" as const, "unknown" as const),
      intendedUs: fc.integer({ min: 0, max: 10 * second - 1 }),
      lateUs: fc.integer({ min: 0, max: 3_000 }),
      tookUs: fc.integer({ min: 1, max: 3 * second }),
      attempts: fc.integer({ min: 1, max: 4 }),
    })
    .map((drawn): Operation => {
      const code = { ok: "", refused: "throttled", unknown: "timeout" }[drawn.kind];
      const sentUs = drawn.intendedUs + drawn.lateUs;
      return { ...drawn, code, sentUs, endUs: sentUs + drawn.tookUs };
    }),
  { maxLength: 120 },
);

test("slices that are recorded apart and merged are the run recorded whole", () => {
  fc.assert(
    fc.property(operations, fc.integer({ min: 1, max: 4 }), (all, slices) => {
      const whole = new Recorder(plan);
      const parts = Array.from({ length: slices }, () => new Recorder(plan));
      all.forEach((operation, i) => {
        record(whole, operation);
        record(parts[i % slices], operation);
      });
      const merged = new Recorder(plan);
      for (const part of parts) merged.merge(structuredClone(part.parts()));
      assert.deepEqual(merged.totals, whole.totals);
      const { p50Ms: _a, p99Ms: _b, latencies: _e, ...counts } = whole.timeline();
      const { p50Ms: _c, p99Ms: _d, latencies: _f, ...mergedCounts } = merged.timeline();
      assert.deepEqual(mergedCounts, counts);
      const expected = standardMetrics(whole);
      const got = standardMetrics(merged);
      assert.deepEqual(Object.keys(got).toSorted(), Object.keys(expected).toSorted());
      for (const [name, value] of Object.entries(expected)) {
        assert.ok(
          Math.abs(got[name] - value) <= Math.abs(value) * 0.002 + 0.002,
          `${name}: ${got[name]}, whole ${value}`,
        );
      }
    }),
    { numRuns: 60, seed: 4 },
  );
});

test("nothing is lost: offered = ok + refused + unknown in every cut", () => {
  fc.assert(
    fc.property(operations, (all) => {
      const recorder = new Recorder(plan);
      for (const operation of all) record(recorder, operation);
      const metrics = standardMetrics(recorder);
      const measured = all.filter(({ intendedUs }) => intendedUs >= plan.warmUpUs);
      assert.ok(Math.abs(metrics.offeredPerSecond * 8 - measured.length) < 1e-6);
      if (measured.length > 0) {
        assert.ok(Math.abs(metrics.okShare + metrics.refusedShare + metrics.unknownShare - 1) < 1e-9);
      }
      const { offered, ok, refused, unknown } = recorder.timeline();
      const sum = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0);
      assert.equal(sum(offered), all.length);
      assert.equal(sum(ok) + sum(refused) + sum(unknown), all.length);
    }),
    { numRuns: 60, seed: 5 },
  );
});

test("warm-up is cut by intended start, throughput by end, goodput by patience", () => {
  const recorder = new Recorder(plan);
  const operation = (intendedUs: number, tookUs: number): Operation => ({
    name: "view",
    kind: "ok",
    code: "",
    attempts: 1,
    intendedUs,
    sentUs: intendedUs,
    endUs: intendedUs + tookUs,
  });
  record(recorder, operation(second, 10_000)); // warm-up
  record(recorder, operation(1_999_999, 10_000)); // asked in the warm-up, ended in the window
  record(recorder, operation(3 * second, 10_000));
  record(recorder, operation(4 * second, 90_000)); // ok and not good
  record(recorder, operation(9 * second, 2 * second)); // ended after the load
  const metrics = standardMetrics(recorder);
  assert.equal(metrics.offeredPerSecond, 3 / 8);
  assert.equal(metrics.okPerSecond, 3 / 8);
  assert.equal(metrics.goodputPerSecond, 2 / 8);
  assert.equal(metrics.okShare, 1);
  assert.equal(metrics["view.maxMs"], 2_000);
});

test("a run has 40 to 120 rows whatever its length", () => {
  for (let forS = 1; forS < 100_000; forS = Math.ceil(forS * 1.07)) {
    const rows = (forS * second) / timelineInterval(forS * second);
    assert.ok(rows >= 40 && rows <= 120, `${forS} s: ${rows} rows`);
  }
});

test("a late generator condemns its run, and says by how much", () => {
  const judge = (lateUs: number, p99Ms: number) => {
    const recorder = new Recorder(plan);
    const view = recorder.operation("view");
    for (let i = 0; i < 100; i++) recorder.began(view, i, i >= 90 ? lateUs : 10);
    return generatorHealth(recorder, { p99Us: 0 }, { p50Ms: 1, p99Ms });
  };
  assert.ok(judge(19_000, 5).valid);
  assert.ok(!judge(30_000, 5).valid);
  assert.match(judge(30_000, 5).reasons[0], /late by 30\.0 ms at p99; at most 20\.0 ms/);
  assert.ok(judge(30_000, 500).valid, "what is late by 30 ms does not change half a second");
  const dropped = new Recorder(plan);
  dropped.dropped(dropped.operation("session"), 0);
  assert.match(generatorHealth(dropped, { p99Us: 0 }, {}).reasons[0], /1 of 1 operations were never sent/);
  assert.ok(!generatorHealth(new Recorder(plan), { p99Us: 0 }, {}).valid, "a run of nothing is no run");
});
