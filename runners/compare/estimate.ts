/**
 * Figures with their intervals. The run is the sampling unit: operations inside one run share a machine, a minute and a queue
 * and are not independent, so one figure is taken from each run and the spread is that between runs.
 *
 * A ratio of designs is taken inside each round first, as a logarithm, and averaged over rounds (a paired comparison): what the
 * machine did during a round, it did to both. With three rounds or more the interval is Student's t on the log-ratios. Fewer
 * give no interval: low and high are then the range that was seen, `level` is 0, and no claim is decided by it.
 */
import { Random } from "../../backend/kernel/random.ts";
import type { Estimate } from "../results.ts";
import { studentQuantile } from "./student.ts";

const defaultLevel = 0.95;

/** Runs needed before a spread is believed. */
export const fewestRuns = 3;

/** Mean with a t-interval; the range seen below `fewestRuns`. Where every run agrees exactly the interval has no width. */
export function meanEstimate(values: readonly number[], level = defaultLevel): Estimate {
  const n = values.length;
  if (n === 0) throw new Error("an estimate of no runs: got 0 values, expected at least 1");
  const mean = average(values);
  if (n < fewestRuns) return rangeSeen(mean, values);
  const half = (studentQuantile(1 - (1 - level) / 2, n - 1) * deviation(values, mean)) / Math.sqrt(n);
  return { value: mean, low: mean - half, high: mean + half, level, n, method: "mean over runs, Student's t" };
}

/** Median with a percentile bootstrap interval; seeded, so that a report can be made again. */
export function medianEstimate(values: readonly number[], level = defaultLevel, seed = 1): Estimate {
  const n = values.length;
  if (n === 0) throw new Error("an estimate of no runs: got 0 values, expected at least 1");
  const value = median(values);
  if (n < fewestRuns) return rangeSeen(value, values);
  const [low, high] = bootstrap(values, median, level, seed);
  return { value, low, high, level, n, method: `median over runs, percentile bootstrap of ${resamples}` };
}

/** Wilson's score interval for `hits` of `trials` (JASA 1927). `trials` must be independent; operations of one run seldom are. */
export function shareEstimate(hits: number, trials: number, level = defaultLevel): Estimate {
  if (!(trials > 0 && hits >= 0 && hits <= trials)) {
    throw new RangeError(`share of ${hits} in ${trials}: expected 0 <= hits <= trials and at least one trial`);
  }
  const z = studentQuantile(1 - (1 - level) / 2, Infinity);
  const share = hits / trials;
  const middle = (share + (z * z) / (2 * trials)) / (1 + (z * z) / trials);
  const half =
    (z / (1 + (z * z) / trials)) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  return {
    value: share,
    low: Math.max(0, middle - half),
    high: Math.min(1, middle + half),
    level,
    n: trials,
    method: "Wilson score interval",
  };
}

/**
 * Candidate over baseline, paired by round: the geometric mean of the rounds' ratios with a t-interval on their logarithms.
 * Null when a figure is zero or negative, because then no ratio exists.
 */
export function ratioEstimate(
  baseline: readonly number[],
  candidate: readonly number[],
  level = defaultLevel,
): Estimate | null {
  const logs = logRatios(baseline, candidate);
  if (logs === null) return null;
  const estimate = exponential(meanEstimate(logs, level));
  if (estimate.n < fewestRuns) return estimate;
  return { ...estimate, method: "geometric mean of paired ratios, Student's t on logarithms" };
}

/** The same ratio with a percentile bootstrap over rounds: no assumption of normality, but too narrow below some ten rounds. */
export function bootstrapRatioEstimate(
  baseline: readonly number[],
  candidate: readonly number[],
  level = defaultLevel,
  seed = 1,
): Estimate | null {
  const logs = logRatios(baseline, candidate);
  if (logs === null) return null;
  if (logs.length < fewestRuns) return exponential(rangeSeen(average(logs), logs));
  const [low, high] = bootstrap(logs, average, level, seed);
  const method = `geometric mean of paired ratios, percentile bootstrap of ${resamples}`;
  return exponential({ value: average(logs), low, high, level, n: logs.length, method });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const resamples = 4_000;

function bootstrap(
  values: readonly number[],
  statistic: (sample: readonly number[]) => number,
  level: number,
  seed: number,
): [number, number] {
  const random = Random.stream(seed, "bootstrap");
  const figures = Array.from({ length: resamples }, () => statistic(values.map(() => random.pick(values))));
  figures.sort((a, b) => a - b);
  const tail = (1 - level) / 2;
  return [figures[Math.floor(tail * resamples)], figures[Math.ceil((1 - tail) * resamples) - 1]];
}

function logRatios(baseline: readonly number[], candidate: readonly number[]): number[] | null {
  if (baseline.length !== candidate.length) {
    throw new Error(`paired ratio: got ${baseline.length} and ${candidate.length} runs, expected one of each a round`);
  }
  if (baseline.length === 0 || [...baseline, ...candidate].some((value) => !(value > 0))) return null;
  return baseline.map((value, i) => Math.log(candidate[i] / value));
}

function rangeSeen(value: number, values: readonly number[]): Estimate {
  const n = values.length;
  const method = n === 1 ? "one run: no interval" : `range of ${n} runs: too few for an interval`;
  return { value, low: Math.min(...values), high: Math.max(...values), level: 0, n, method };
}

function exponential(estimate: Estimate): Estimate {
  const { value, low, high } = estimate;
  return { ...estimate, value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) };
}

function deviation(values: readonly number[], mean: number): number {
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
