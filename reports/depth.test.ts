/** What the report makes of runs itself, without drawing it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { build, type Histogram } from "hdr-histogram-js";
import type { ExperimentResult } from "../runners/results.ts";
import { comparisonChart, latencyOverTime, percentileChart, spreadChart, throughputChart } from "./depth.ts";
import { curveOf, densityOf, latenciesOf } from "./distribution.ts";
import { sampleRandom } from "./sample-runs.ts";
import { sampleResults } from "./sample.ts";

const { experiments } = sampleResults("full");
const named = (name: string): ExperimentResult => experiments.find((experiment) => experiment.name === name)!;

function histogramOf(us: readonly number[]): Histogram {
  const histogram = build({ numberOfSignificantValueDigits: 3, autoResize: true, useWebAssembly: false });
  for (const value of us) histogram.recordValue(value);
  return histogram;
}

test("a density holds all operations, and its humps are where they are", () => {
  const values = Array.from({ length: 4_000 }, (_, i) => (i % 4 === 0 ? 80_000 : 2_000) + i);
  const points = densityOf(histogramOf(values));
  // Points stand a 16th of a decade apart and say percent a tenth of a decade.
  const total = points.reduce((sum, [, share]) => sum + share! * (10 / 16), 0);
  assert.ok(Math.abs(total - 100) < 1, `${total} %`);
  const slow = points.filter(([ms]) => ms! > 30).reduce((sum, [, share]) => sum + share! * (10 / 16), 0);
  assert.ok(Math.abs(slow - 25) < 1, `${slow} % above 30 ms`);
  assert.deepEqual(densityOf(histogramOf([1, 2, 3])), [], "three operations have no shape");
});

test("a percentile curve ends where ten samples are left", () => {
  const points = curveOf(histogramOf(Array.from({ length: 10_000 }, (_, i) => i + 1)));
  assert.ok(Math.abs(points.at(-1)![0]! - 0.999) < 1e-9);
  assert.ok(Math.abs(points.at(-1)![1]! - 9.99) < 0.02);
  assert.deepEqual(curveOf(histogramOf([1, 2, 3])), []);
});

test("a climbing load shows the knee of each design; a steady one has none to show", () => {
  const chart = throughputChart(named("capacity"))!;
  assert.ok(chart.kind === "lines");
  const knees = chart.marks!.map(({ x }) => x);
  assert.equal(knees.length, 2);
  for (const [i, most] of [1_150, 1_700].entries()) {
    assert.ok(Math.abs(knees[i]! / most - 1) < 0.1, `knee ${knees[i]} of a service that answers ${most}/s`);
  }
  for (const name of ["adaptive-capacity", "virtual-nodes", "retry-storm"]) {
    assert.equal(throughputChart(named(name)), undefined, name);
  }
});

test("few arrivals a row that spread by chance are no sweep", () => {
  const steady = named("adaptive-capacity");
  const random = sampleRandom(5);
  // Twelve arrivals a row of a Poisson process: from 4 to 24, six times as many at the top as at the bottom.
  const poisson = (mean: number): number => {
    let count = 0;
    for (let left = Math.log(1 - random()) + mean; left > 0; left += Math.log(1 - random())) count++;
    return count;
  };
  const designs = steady.designs.map((design) => ({
    ...design,
    runs: design.runs.map((run) => {
      const offered = run.timeline.offered.map(() => poisson(12));
      return { ...run, timeline: { ...run.timeline, offered, ok: offered } };
    }),
  }));
  assert.equal(throughputChart({ ...steady, designs }), undefined);
});

test("the pairs say how many intervals keep clear of one", () => {
  const chart = comparisonChart(named("adaptive-capacity"))!;
  assert.ok(chart.kind === "pairs");
  assert.deepEqual(
    chart.rows.map(({ name, pairs }) => [name, pairs.length]),
    [
      ["Adaptive capacity", 12],
      ["On-demand capacity", 12],
    ],
  );
  assert.match(chart.reading, /^1 of 2 intervals keep clear of ×1/);
  assert.equal(comparisonChart({ ...named("adaptive-capacity"), comparisons: undefined }), undefined);
});

test("a file of an older Wavetank has no latencies over time and loses nothing else", () => {
  const experiment = named("retry-storm");
  assert.equal(latencyOverTime(experiment)!.panels.length, 3);
  const designs = experiment.designs.map((design) => ({
    ...design,
    runs: design.runs.map(({ timeline: { latencies: _absent, ...timeline }, ...run }) => ({ ...run, timeline })),
  }));
  assert.equal(latencyOverTime({ ...experiment, designs }), undefined);
  const latencies = designs.map(latenciesOf);
  assert.notEqual(spreadChart({ ...experiment, designs }, latencies), undefined);
  assert.equal(percentileChart(experiment, latencies), undefined, "it has its own");
  assert.notEqual(percentileChart({ ...experiment, charts: [] }, latencies), undefined);
});
