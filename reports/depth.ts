/**
 * Charts that the report makes of any experiment's runs, whatever the experiment draws itself: paired rounds, latency by percentile,
 * how latencies are spread, latency over time, throughput against offered load. Each only where the runs have what it needs.
 */
import type { ExperimentResult, RunResult, Timeline } from "../runners/results.ts";
import type { LatenciesChart, ReportChart } from "./charts/report-chart.ts";
import { curveOf, densityOf, type DesignLatencies } from "./distribution.ts";
import { formatMetric, formatNumber, hasInterval } from "./format.ts";

/** More curves than this in one picture are spaghetti. */
const mostCurves = 8;

/** Rows of like rates make a point of the sweep. */
const mostRates = 14;
const fewestRows = 3;
/** Fewer points, or rates less far apart, are no sweep. */
const fewestRates = 4;
const leastSpan = 2;
/** A rate is kept up with while this share of it is answered. */
const keptUp = 0.98;

/** The experiment's own charts; a map over time that says nothing of faults gets those of the experiment. */
export function ownCharts({ charts, bands }: ExperimentResult): ReportChart[] {
  return charts.map((chart) =>
    chart.kind === "heatmap" && chart.bands === undefined && /\b(time|seconds)\b/.test(chart.xLabel)
      ? { ...chart, bands }
      : chart,
  );
}

export function comparisonChart({ comparisons, designs }: ExperimentResult): ReportChart | undefined {
  if (comparisons === undefined || comparisons.length === 0) return undefined;
  const [{ metric, baseline, better }] = comparisons as [NonNullable<typeof comparisons>[number]];
  const titleOf = (name: string): string => designs.find((design) => design.name === name)?.title ?? name;
  const shown = comparisons.filter((comparison) => comparison.metric === metric && comparison.baseline === baseline);
  const clear = shown.filter(({ ratio }) => hasInterval(ratio) && (ratio.low > 1 || ratio.high < 1)).length;
  return {
    kind: "pairs",
    title: `Each round’s ratio to ${titleOf(baseline)}`,
    reading: `${clear} of ${shown.length} ${shown.length === 1 ? "interval keeps" : "intervals keep"} clear of ×1; a dot is one pair of interleaved runs.`,
    valueLabel: formatMetric(metric),
    better,
    rows: shown.map(({ candidate, ratio, verdict, pairs }) => ({
      name: titleOf(candidate),
      ratio,
      verdict,
      pairs,
    })),
  };
}

/** Only where the experiment has no such chart of its own. */
export function percentileChart(
  { designs, charts }: ExperimentResult,
  latencies: readonly DesignLatencies[],
): ReportChart | undefined {
  if (charts.some(({ kind }) => kind === "percentiles")) return undefined;
  const series = designs.flatMap(({ title }, i) => {
    const { latency } = latencies[i]!;
    return latency === undefined ? [] : [{ name: title, points: curveOf(latency) }];
  });
  const drawn = series.filter(({ points }) => points.length > 1).slice(0, mostCurves);
  if (drawn.length === 0) return undefined;
  return {
    kind: "percentiles",
    title: "Latency by percentile",
    reading: "From the intended start, ok operations of all valid runs; curves end where ten samples are left.",
    series: drawn,
  };
}

export function spreadChart(
  { designs }: ExperimentResult,
  latencies: readonly DesignLatencies[],
): ReportChart | undefined {
  const series = designs.flatMap(({ title }, i) => {
    const { latency } = latencies[i]!;
    return latency === undefined ? [] : [{ name: title, points: densityOf(latency), as: "area" as const }];
  });
  const drawn = series.filter(({ points }) => points.length > 1).slice(0, mostCurves);
  if (drawn.length === 0) return undefined;
  return {
    kind: "lines",
    title: "How latencies are spread",
    reading: "Equal areas hold equal shares of the operations; two humps are two kinds of operation, or of luck.",
    xLabel: "latency (ms)",
    yLabel: "% of operations per tenth of a decade",
    xScale: "log",
    yScale: "linear",
    series: drawn,
  };
}

export function latencyOverTime({ designs, bands }: ExperimentResult): LatenciesChart | undefined {
  const panels = designs.flatMap(({ title, runs }) => {
    const run = runs.find(({ timeline }) => hasLatencies(timeline));
    return run === undefined ? [] : [{ design: title, timeline: run.timeline }];
  });
  if (panels.length === 0) return undefined;
  return {
    kind: "latencies",
    title: "Latency over time, every operation",
    reading:
      "One run of each design: darker where more operations ended. A second band above the first is a second kind of operation, which a line of p99 does not show.",
    bands,
    panels,
  };
}

function hasLatencies({ latencies }: Timeline): boolean {
  return latencies !== undefined && latencies.counts.some((row) => row.length > 0);
}

/** Of a load that climbs or steps: what was answered at each rate, and the last rate that was kept up with. */
export function throughputChart({ designs, bands }: ExperimentResult): ReportChart | undefined {
  if (bands.length > 0) return undefined;
  const swept = designs.flatMap(({ title, runs }) => {
    const points = sweepOf(runs.filter((run) => run.generator.valid));
    return points.length === 0 ? [] : [{ name: title, points }];
  });
  if (swept.length === 0) return undefined;
  const rates = swept.flatMap(({ points }) => points.map(([offered]) => offered!));
  const most = Math.max(...rates);
  const knees = swept.flatMap(({ name, points }) => {
    const knee = kneeOf(points);
    return knee === undefined ? [] : [{ x: knee, label: `knee ${formatNumber(knee)}/s`, series: name }];
  });
  return {
    kind: "lines",
    title: "Answered against offered load",
    reading: `Where a curve leaves the dashed line, load is no longer kept up with; the knee is the last rate of which ${keptUp * 100} % is answered.`,
    xLabel: "offered/s",
    yLabel: "ok/s",
    xScale: "linear",
    yScale: "linear",
    series: [
      { name: "all answered", dashed: true, points: [[Math.min(...rates), Math.min(...rates)], [most, most]] }, // prettier-ignore
      ...swept,
    ],
    marks: knees,
  };
}

/** [offered/s, ok/s] by rate, lowest first; empty where the load is one rate or a spike on one. */
function sweepOf(runs: readonly RunResult[]): number[][] {
  if (runs.length === 0 || isNoise(runs)) return [];
  const rows = rowsOf(runs).sort((a, b) => a.offered - b.offered);
  const groups = Math.min(mostRates, Math.floor(rows.length / fewestRows));
  const points = Array.from({ length: groups }, (_, i) => {
    const group = rows.slice(Math.floor((i * rows.length) / groups), Math.floor(((i + 1) * rows.length) / groups));
    const mean = (figure: (row: Row) => number): number =>
      group.reduce((sum, row) => sum + figure(row), 0) / group.length;
    return [mean((row) => row.offered), mean((row) => row.ok)];
  });
  const apart = points.length >= fewestRates && points.at(-1)![0]! >= leastSpan * points[0]![0]!;
  return apart ? points : [];
}

interface Row {
  readonly offered: number;
  readonly ok: number;
}

/** Rates of each row of the load, averaged over runs: what was offered in a row was planned alike in all of them. */
function rowsOf(runs: readonly RunResult[]): Row[] {
  const [{ timeline: first }] = runs as [RunResult];
  const mean = (i: number, counts: (run: RunResult) => readonly number[]): number =>
    runs.reduce((sum, run) => sum + (counts(run)[i] ?? 0) / run.timeline.intervalS, 0) / runs.length;
  const rows = first.atS.map((_, i) => ({
    offered: mean(i, (run) => run.timeline.offered),
    ok: mean(i, (run) => run.timeline.ok),
  }));
  return rows.filter((row) => row.offered > 0);
}

/** Counts of a steady Poisson load spread by the root of their mean; a sweep spreads several times as far. */
function isNoise(runs: readonly RunResult[]): boolean {
  const counts = runs.flatMap(({ timeline }) => timeline.offered.filter((count) => count > 0));
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
  return variance < 4 * mean;
}

function kneeOf(points: readonly (readonly number[])[]): number | undefined {
  const lost = points.findIndex(([offered, ok]) => ok! < keptUp * offered!);
  return lost <= 0 ? undefined : points[lost - 1]![0];
}
