import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UsageError } from "../command-error.ts";
import type { SliceFile } from "../command-merge.ts";
import { byName, figures, loadTask, mergedParts, rehearsed } from "./fleet.fixture.ts";
import { mergeSlices } from "./merge-slices.ts";
import { recorderFromJson, recorderToJson } from "./recorder-json.ts";
import { SnapshotRecorder } from "./snapshot-recorder.ts";
import { Recorder } from "../measure/recorder.ts";
import { sampleExperiment } from "../sample-experiment.ts";
import { runSuite } from "../suite.ts";
import type { SuiteOptions } from "../suite-types.ts";
import { spreadOver } from "../command-machines.ts";

test("any cut of a load merges to the same counts in the same buckets", () => {
  const two = mergedParts([rehearsed(0, 2), rehearsed(1, 2)].map((slice) => slice.recorder));
  assert.ok(two.totals.ok > 8_000 && two.totals.refused > 0 && two.totals.unknown > 0, JSON.stringify(two.totals));
  for (const count of [3, 5, 24]) {
    const parts = Array.from({ length: count }, (_, index) => rehearsed(index, count).recorder);
    assert.deepEqual(byName(mergedParts(parts)), byName(two), `${count} slices`);
  }
});

test("the news of a recorder add up to the whole, wherever they are cut", () => {
  const plan = loadTask.record;
  const event = fc.record({
    kind: fc.constantFrom("began", "attempted", "ok", "refused", "dropped", "late", "take"),
    name: fc.constantFrom("read", "write", "scan"),
    us: fc.integer({ min: 0, max: 3_500_000 }),
    tookUs: fc.integer({ min: 0, max: 400_000 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const alone = new Recorder(plan);
      const observed = new SnapshotRecorder(plan);
      const news = [];
      for (const { kind, name, us, tookUs } of events) {
        if (kind === "take") news.push(recorderFromJson(recorderToJson(observed.take())));
        for (const recorder of [alone, observed]) {
          const number = recorder.operation(name);
          const ending = { code: "throttled", intendedUs: us, sentUs: us, endUs: us + tookUs };
          if (kind === "began") recorder.began(number, us, tookUs);
          if (kind === "attempted") recorder.attempted(number, us, us + tookUs);
          if (kind === "ok" || kind === "refused") recorder.ended(number, { kind, ...ending });
          if (kind === "dropped") recorder.dropped(number, us);
          if (kind === "late") recorder.lateAnswer();
        }
      }
      news.push(observed.take());
      const whole = mergedParts([alone.parts()]);
      assert.deepEqual(figures(mergedParts([observed.parts()])), figures(whole));
      const sum = mergedParts(news);
      // A snapshot's timeline ends where it was taken; rows without anything in them are not missed.
      for (let us = 0; us <= 4_000_000; us += sum.intervalUs) {
        for (const recorder of [sum, whole]) recorder.attempted(recorder.operation("scan"), -1, us);
      }
      assert.deepEqual(byName(sum), byName(whole));
    }),
    { numRuns: 100, seed: 11 },
  );
});

/* ---- by hand: --slice and merge ---- */

const options: SuiteOptions = {
  experiments: [{ ...sampleExperiment, claims: [] }],
  tanks: ["threads"],
  quick: true,
  seed: 5,
  designs: ["fast"],
  overrides: [{ path: "rounds", value: 1 }],
  target: { kind: "rehearsal" },
  rerun: "npm run bench -- sample",
};

async function sliceFile(slice: string | undefined, changes: Partial<SuiteOptions> = {}): Promise<SliceFile> {
  const rerun = slice === undefined ? options.rerun : `${options.rerun} --slice ${slice}`;
  const spread = spreadOver({ ...options, rerun, ...changes }, { slice });
  return { path: `${slice ?? "whole"}.json`, results: await runSuite(spread, {}) };
}

test("files of slices merge to the run of one process, judged by the same steps; what is missing is said", async () => {
  const [whole, one, two, three] = await Promise.all([undefined, "1/3", "2/3", "3/3"].map((slice) => sliceFile(slice)));
  const catalog = [sampleExperiment];
  const merged = await mergeSlices([two, three, one], catalog, null);
  const run = merged.experiments[0].designs[0].runs[0];
  const alone = whole.results.experiments[0].designs[0].runs[0];
  assert.deepEqual(run.metrics, alone.metrics);
  assert.deepEqual(run.timeline, alone.timeline);
  assert.deepEqual(run.generator, alone.generator);
  assert.equal(run.slices?.parts.length, 3);
  assert.equal("slice" in merged, false);
  assert.equal(merged.rerun, options.rerun);

  const partial = await mergeSlices([one, three], catalog, null);
  const { generator, check } = partial.experiments[0].designs[0].runs[0];
  assert.equal(partial.experiments[0].status, "invalid");
  assert.deepEqual(generator.reasons, ["incomplete: of 3 slices, missing slice 2 from 0.0 s on"]);
  assert.match(check.skipped!, /missing slice 2/);
  const share = generator.planned / alone.generator.planned;
  assert.ok(share > 0.4 && share < 0.9, `${share} of the load is kept`);

  const refusals: [SliceFile[], RegExp, RegExp][] = [
    [[one, two, one], /two files are of the same slice/, /1\/3\.json: slice 1\/3; 1\/3\.json: slice 1\/3/],
    [[one, await sliceFile("2/2")], /the slices overlap/, /slice 1\/3; 2\/2\.json: slice 2\/2/],
    [[one, await sliceFile("2/3", { seed: 6 })], /different seeds/, /seed 5; 2\/3\.json: seed 6/],
    [[one, await sliceFile("2/3", { rate: 90 })], /different plans/, /plan [0-9a-f]{16}; .*plan [0-9a-f]{16}/],
    [[one, { ...two, results: { ...two.results, commit: "another" } }], /different code/, /commit another/],
    [[whole], /a file is not of a slice/, /whole\.json/],
  ];
  for (const [files, what, got] of refusals) {
    await assert.rejects(mergeSlices(files, catalog, null), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.what, what);
      assert.match(error.got, got);
      return true;
    });
  }
});

test("more slices than clients, and a start for many runs, are refused before anything runs", async () => {
  await assert.rejects(sliceFile("1/9"), /more slices than clients/);
  const many = spreadOver({ ...options, designs: undefined }, { slice: "1/3", startAt: "2999-01-01T00:00:00Z" });
  await assert.rejects(runSuite(many, {}), /--start-at is the start of one run/);
});
