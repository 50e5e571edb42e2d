/** What an experiment's result carries for the report beside its verdict: every design's pairs, one picture of latencies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recorder } from "./measure/recorder.ts";
import type { RunResult } from "./results.ts";
import { runSuiteWith, type Runner } from "./run-suite-with.ts";
import { recorderFor, runResult } from "./run-result.ts";
import { sampleExperiment, sampleOptions } from "./sample-experiment.ts";

/** `okPerSecond` of a round as its seed has it, times what the design adds. */
function runner(factors: Readonly<Record<string, number>>, spoiled: (run: RunResult) => boolean = () => false): Runner {
  return (order) => {
    const recorder = recorderFor(order.settled, undefined);
    fill(recorder);
    const run = runResult(order, {
      startedAt: new Date(0),
      tookS: 0.1,
      recorder,
      loopDelayP99Us: 0,
      check: { name: "nothing", held: true, examined: 1, violations: [], counts: {} },
      counters: {},
    });
    const metric = sampleExperiment.headline.metric;
    const value = (100 + order.round) * (factors[order.design.title] ?? 1);
    const valid = !spoiled(run);
    return Promise.resolve({
      ...run,
      metrics: { ...run.metrics, [metric]: value },
      generator: { ...run.generator, valid, reasons: valid ? [] : ["late"] },
    });
  };
}

function fill(recorder: Recorder): void {
  const work = recorder.operation("work");
  for (let us = 0; us < recorder.plan.forUs; us += 1_000) {
    recorder.began(work, us, 0);
    recorder.attempted(work, us, us);
    recorder.ended(work, { kind: "ok", code: "", intendedUs: us, sentUs: us, endUs: us + 900 });
  }
}

test("every design is compared with the headline's baseline, round by round", async () => {
  const { baseline } = sampleExperiment.headline;
  const others = Object.keys(sampleExperiment.designs).filter((name) => name !== baseline);
  const factors = Object.fromEntries(others.map((name) => [sampleExperiment.designs[name].title, 2]));
  const { experiments } = await runSuiteWith(sampleOptions, {}, runner(factors));
  const [{ comparisons, designs }] = experiments;
  assert.deepEqual(
    comparisons?.map(({ candidate }) => candidate),
    others,
  );
  for (const { pairs, ratio } of comparisons!) {
    assert.equal(pairs.length, designs[0].runs.length);
    for (const pair of pairs) assert.ok(Math.abs(pair.ratio - 2) < 1e-9, `round ${pair.round}: ${pair.ratio}`);
    assert.ok(Math.abs(ratio.value - 2) < 1e-9);
  }
});

test("one run of a design keeps its latencies over time, the first that can be believed", async () => {
  const spoiled = (run: RunResult): boolean => run.round === 0;
  const { experiments } = await runSuiteWith(sampleOptions, {}, runner({}, spoiled));
  for (const { runs } of experiments[0].designs) {
    const kept = runs.map(({ timeline }) => timeline.latencies !== undefined);
    assert.equal(
      kept.indexOf(true),
      runs.findIndex(({ generator }) => generator.valid),
    );
    assert.equal(kept.filter(Boolean).length, 1);
  }
});
