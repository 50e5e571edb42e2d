/**
 * A against B from interleaved pairs of runs: by how much, how sure, and what follows.
 *
 *     pairs ──first one cut──> log-ratios ──> BCa interval ─┐
 *                                   └──────> signed-rank p ─┴──> better, worse, equal or undecided
 *
 * The run is the sampling unit; what the machine does during a pair, it does to both. The rule, fixed before anything is measured:
 *
 *   1. The first pair warms caches and compilers and is never counted.
 *   2. *Better* or *worse*: the interval of the ratio excludes 1 and the signed-rank p, corrected after Holm over all metrics
 *      compared together, is below alpha. Two tests with different assumptions must agree.
 *   3. Otherwise *equal*: the whole interval lies within the margin around 1.
 *   4. Otherwise *undecided*, with the pairs that would decide it if they went on like these.
 *   5. Stopped before its pairs were all run: *undecided*. Whoever watches the pairs and stops when they look good does not keep alpha.
 */
import { bcaInterval, bcaResamples } from "./bca.ts";
import { normalQuantile } from "./normal.ts";
import { signedRankP } from "./signed-rank.ts";
import type { Estimate } from "../results.ts";

export type ComparisonVerdict = "better" | "worse" | "equal" | "undecided";

export interface Comparison {
  readonly metric: string;
  readonly better: "higher" | "lower";
  readonly baseline: string;
  readonly candidate: string;
  /** [baseline, candidate], in the order they were run, warm-up included. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly warmUpPairs: number;
  /** Candidate over baseline; null where a figure is zero or negative, because then no ratio exists, and of fewer than two pairs. */
  readonly ratio: Estimate | null;
  readonly signedRankP: number;
  /** After Holm over the metrics compared together. */
  readonly adjustedP: number;
  /** Share around 1 that counts as equal. */
  readonly margin: number;
  readonly verdict: ComparisonVerdict;
  /** Counted pairs in all that would decide it; null when it is decided, or when no number of pairs is in reach. */
  readonly pairsNeeded: number | null;
}

export interface ComparisonRule {
  /** Chance of a false better or worse, for all metrics together. */
  readonly alpha: number;
  readonly margin: number;
  readonly warmUpPairs: number;
  readonly seed: number;
}

export const usualRule: ComparisonRule = { alpha: 0.05, margin: 0.02, warmUpPairs: 1, seed: 1 };

/**
 * Fewer counted pairs decide nothing: of n pairs that all point one way the signed-rank p is 2 / 2^n, and Holm multiplies it by the
 * number of metrics. Six for one metric at alpha 5 %, eight for four.
 */
export function fewestPairs(metrics: number, alpha: number): number {
  return Math.max(2, Math.floor(Math.log2((2 * metrics) / alpha)) + 1);
}

const mostPairs = 10_000;
/** How likely the pairs named by `pairsNeeded` are to decide. */
const power = 0.8;

export interface ComparedMetric {
  readonly metric: string;
  readonly better: "higher" | "lower";
  readonly pairs: readonly (readonly [number, number])[];
}

/** Every metric of one comparison, so that their number is corrected for. */
export function compareMetrics(
  metrics: readonly ComparedMetric[],
  names: { readonly baseline: string; readonly candidate: string },
  rule: ComparisonRule = usualRule,
): Comparison[] {
  const measured = metrics.map((metric) => ({ ...metric, logs: logRatios(metric.pairs.slice(rule.warmUpPairs)) }));
  const raw = measured.map(({ logs }) => (logs === null ? 1 : signedRankP(logs)));
  const adjusted = holm(raw);
  return measured.map(({ metric, better, pairs, logs }, i): Comparison => {
    const ratio = logs === null || logs.length < 2 ? null : ratioOf(logs, rule);
    const tooFew = logs === null ? pairs.length <= rule.warmUpPairs : logs.length < 2;
    const judged = judge(
      logs ?? [],
      ratio,
      { adjustedP: adjusted[i], better, fewest: fewestPairs(metrics.length, rule.alpha), tooFew },
      rule,
    );
    return {
      metric,
      better,
      ...names,
      pairs,
      warmUpPairs: Math.min(rule.warmUpPairs, pairs.length),
      ratio,
      signedRankP: raw[i],
      adjustedP: adjusted[i],
      margin: rule.margin,
      ...judged,
    };
  });
}

/** Pairs that somebody stopped at will: whatever they show, none of it is a verdict before the `asked` pairs are counted. */
export function stoppedEarly(comparisons: readonly Comparison[], asked: number): Comparison[] {
  return comparisons.map((each) => ({
    ...each,
    verdict: "undecided",
    // What has no ratio because a figure is zero would not have one after more pairs either.
    pairsNeeded: each.ratio === null && each.pairsNeeded === null ? null : Math.max(asked, each.pairsNeeded ?? 0),
  }));
}

/** Holm's step-down correction (1979): p-values that may be compared with alpha one by one, for all of them together. */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const adjusted: number[] = [];
  let largest = 0;
  order.forEach((i, rank) => {
    largest = Math.max(largest, Math.min(1, values[i] * (values.length - rank)));
    adjusted[i] = largest;
  });
  return adjusted;
}

function ratioOf(logs: readonly number[], { alpha, seed }: ComparisonRule): Estimate {
  const level = 1 - alpha;
  const [low, high] = bcaInterval(logs, level, seed);
  return {
    value: Math.exp(average(logs)),
    low: Math.exp(low),
    high: Math.exp(high),
    level,
    n: logs.length,
    method: `geometric mean of paired ratios, BCa bootstrap of ${bcaResamples}`,
  };
}

function judge(
  logs: readonly number[],
  ratio: Estimate | null,
  {
    adjustedP,
    better,
    fewest,
    tooFew,
  }: {
    readonly adjustedP: number;
    readonly better: "higher" | "lower";
    readonly fewest: number;
    readonly tooFew: boolean;
  },
  rule: ComparisonRule,
): Pick<Comparison, "verdict" | "pairsNeeded"> {
  // A figure of zero has no ratio however many pairs follow; too few pairs have none yet.
  if (ratio === null) return { verdict: "undecided", pairsNeeded: tooFew ? fewest : null };
  if (ratio.n >= fewest) {
    const differs = (ratio.low > 1 || ratio.high < 1) && adjustedP < rule.alpha;
    if (differs) return { verdict: ratio.value > 1 === (better === "higher") ? "better" : "worse", pairsNeeded: null };
    if (ratio.low >= 1 / (1 + rule.margin) && ratio.high <= 1 + rule.margin)
      return { verdict: "equal", pairsNeeded: null };
  }
  return { verdict: "undecided", pairsNeeded: needed(logs, fewest, rule) };
}

/**
 * If the next pairs are like these: to show the difference that was seen, or, where it is within the margin, that it stays there.
 * From the normal approximation, whichever takes fewer pairs.
 */
function needed(logs: readonly number[], fewestToDecide: number, { alpha, margin }: ComparisonRule): number | null {
  const mean = Math.abs(average(logs));
  const variance = logs.reduce((sum, value) => sum + (value - average(logs)) ** 2, 0) / Math.max(1, logs.length - 1);
  if (variance === 0) return fewestToDecide;
  const z = normalQuantile(1 - alpha / 2) + normalQuantile(power);
  const pairs = [mean, Math.log(1 + margin) - mean]
    .filter((distance) => distance > 0)
    .map((distance) => Math.ceil((z * z * variance) / (distance * distance)));
  const fewest = Math.max(fewestToDecide, logs.length + 1, Math.min(...pairs));
  return fewest <= mostPairs ? fewest : null;
}

function logRatios(pairs: readonly (readonly [number, number])[]): number[] | null {
  if (pairs.length === 0 || pairs.some(([a, b]) => !(a > 0 && b > 0))) return null;
  return pairs.map(([baseline, candidate]) => Math.log(candidate / baseline));
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
