/** What the page's script needs to draw one series large, in as few bytes as it takes. Parsed when first asked for. */
import type { Trend } from "../../runners/history.ts";
import { commitRange, formatChange, fullName, nightOf } from "./trend-cards.ts";

/** More digits than a chart can show are bytes for nothing. */
const short = (value: number): number => Number(value.toPrecision(4));

export function trendData(trend: Trend): object {
  return {
    nights: trend.nights.map(({ time, commit, dirty, node }) => [
      time.slice(0, 16),
      `${commit.slice(0, 10)}${dirty ? " with changes" : ""}`,
      node,
    ]),
    series: trend.series.map((series) => ({
      title: fullName(series),
      unit: series.unit,
      about: aboutOf(series.better, series.gate),
      plan: series.plan,
      machine: series.machine,
      nights: runsOf(series.nights),
      values: series.values.map(short),
      lows: series.lows.map(short),
      highs: series.highs.map(short),
      changes: series.changes.map((change) => ({
        at: change.at,
        before: short(change.before),
        after: short(change.after),
        state: change.state,
        size: formatChange(change),
        chance: change.chance < 1e-4 ? "under 1 in 10,000" : `1 in ${Math.round(1 / change.chance)}`,
        date: nightOf(trend, series, change.at).time.slice(0, 10),
        commits: commitRange(trend, series, change.at),
      })),
    })),
  };
}

function aboutOf(better: "higher" | "lower" | null, gate: number | null): string {
  const direction = better === null ? "neither direction is better" : `${better} is better`;
  return gate === null
    ? `${direction}; reported, fails no night`
    : `${direction}; fails a night from ${Number((gate * 100).toFixed(1))} %`;
}

/** [first, count, first, count ...] of consecutive numbers: a series seldom misses a night. */
export function runsOf(numbers: readonly number[]): number[] {
  const runs: number[] = [];
  numbers.forEach((number, i) => {
    if (i > 0 && number === numbers[i - 1] + 1) runs[runs.length - 1]++;
    else runs.push(number, 1);
  });
  return runs;
}
