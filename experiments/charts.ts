/** Charts that any experiment may draw from its runs: latency by percentile, and what happened over time. */
import { second } from "../backend/kernel/units.ts";
import { Histogram } from "../runners/measure/histogram.ts";
import { meanEstimate } from "../runners/compare/estimate.ts";
import { allOf, figure } from "../runners/compare/judge.ts";
import type { Judgement, Measured } from "../runners/experiment.ts";
import type { Band, Chart, RunResult, Timeline } from "../runners/results.ts";
import { faultBands } from "../runners/bands.ts";

interface ChartText {
  readonly title: string;
  /** The one sentence a reader should take away. */
  readonly reading: string;
}

/** All runs of each design merged, ok operations only; curves end where fewer than ten samples lie beyond. */
export function percentileChart(
  measured: Measured,
  { designs, ...text }: ChartText & { designs: readonly string[] },
): Chart {
  const series = designs.map((name) => ({
    name: measured.of(name).design.title,
    points: pooled(measured, name)
      .curve()
      .map(([quantile, us]) => [quantile, us / 1_000]),
  }));
  return { kind: "percentiles", ...text, series: series.filter(({ points }) => points.length > 0) };
}

/** Microseconds that ok operations of all runs of a design took. */
export function pooled(measured: Measured, design: string): Histogram {
  const merged = new Histogram();
  for (const run of measured.of(design).runs) {
    for (const { latency } of run.operations) merged.merge(Histogram.decode(latency));
  }
  return merged;
}

/**
 * The first round of each design: a timeline is one story, not an average of several. Only whole rows of the load: one that the
 * load's end cuts, and answers that came after it, would look like a collapse.
 */
export function timelineChart(
  measured: Measured,
  { designs, ...text }: ChartText & { designs: readonly string[] },
): Chart {
  return {
    kind: "timeline",
    ...text,
    bands: bandsOf(measured),
    panels: designs.map((name) => {
      const { design, runs } = measured.of(name);
      const { timeline } = runs[0];
      const rows = Math.floor(measured.plan.forUs / second / timeline.intervalS + 1e-9);
      return { design: design.title, timeline: firstRows(timeline, rows) };
    }),
  };
}

/** The timeline cut behind its first `rows` rows. */
export function firstRows({ latencies: _drawnApart, ...timeline }: Timeline, rows: number): Timeline {
  const cut = Object.entries(timeline).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.slice(0, rows) : value,
  ]);
  return Object.fromEntries(cut) as Timeline;
}

export function bandsOf({ plan }: Measured): Band[] {
  return faultBands(plan.faults, plan.forUs);
}

/** A counter that lists numbers, of one run; empty when the run has none. */
export function listCounter(run: RunResult, name: string): readonly number[] {
  const counter = run.counters[name];
  return Array.isArray(counter) && typeof counter[0] !== "object" ? (counter as number[]) : [];
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** "12.5 %" of a share. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** One bar a design: the mean over runs, and the range that was seen. */
export function designBars(
  measured: Measured,
  designs: readonly string[],
  valueOf: (run: RunResult) => number,
): { name: string; value: number; low: number; high: number }[] {
  return designs.map((name) => {
    const values = measured.of(name).runs.map(valueOf);
    return {
      name: measured.of(name).design.title,
      value: mean(values),
      low: Math.min(...values),
      high: Math.max(...values),
    };
  });
}

/** A share of 0 to 1 as percent, one figure a run: what a claim about shares is judged on. */
export function percents(measured: Measured, design: string, metric: string): number[] {
  return measured.values(design, metric).map((share) => share * 100);
}

/** "99.2 % [98.8, 99.6]" */
export function percentWithInterval(values: readonly number[]): string {
  const { value, low, high, level } = meanEstimate(values);
  const figures = percent(value / 100);
  return level === 0 ? figures : `${figures} [${figure(Math.max(0, low))}, ${figure(Math.min(100, high))}]`;
}

/** One judgement of several designs, each named. */
export function forEachDesign(
  measured: Measured,
  names: readonly string[],
  judge: (name: string) => Judgement,
): Judgement {
  return allOf(
    names.map((name) => {
      const { status, measured: seen } = judge(name);
      return { status, measured: `${measured.of(name).design.title}: ${seen}` };
    }),
  );
}

/** The designs that were run, in the order of the experiment. */
export function designsRun(measured: Measured): string[] {
  return measured.designs.filter(({ runs }) => runs.length > 0).map(({ name }) => name);
}
