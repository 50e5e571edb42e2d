/**
 * Where a series of nightly figures changed its level: E-divisive means with a t-test.
 *
 *     values   . . . . . . . . . ' ' ' ' ' '        the level moved between two nights
 *                                ^ index            first night of the new level
 *
 * A segment is split where the energy distance of its two sides is greatest (Matteson and James, JASA 2014, with alpha = 1), and
 * the split is kept while a t-test finds it significant. Hunter (Fleming et al., ICPE 2023, section 3) found what that needs on
 * nightly figures, and this follows it: windows that overlap by half, so that far-off changes do not mask a near one; a first
 * pass with ten times the significance level, whose weak points keep their neighbours' segments pure; then the weakest point is
 * removed and its neighbours are tested again, until all are significant and large enough.
 *
 * Departures: a point that survives is moved to where the t-test's own split of its two segments is sharpest, since the energy
 * distance alone is a night or two less exact; and a segment has at least two nights. Deterministic: equal input, equal output.
 */
import { differenceByChance, differenceError, sampleOf, type Sample } from "./student-test.ts";

export interface ChangePointOptions {
  /** Highest probability that chance made the difference. */
  readonly significance: number;
  /** Least change of the level, as a share of the level before. */
  readonly leastChange: number;
  /** Nights seen at once. */
  readonly window: number;
}

export const usualChangePoints: ChangePointOptions = { significance: 0.001, leastChange: 0.05, window: 50 };

export interface ChangePoint {
  /** Of the first figure of the new level. */
  readonly index: number;
  /** Mean of the segment before, and of the one from here on. */
  readonly before: number;
  readonly after: number;
  /** (after - before) / |before|; infinite where the level before was zero. */
  readonly change: number;
  /** Probability that chance made the difference. */
  readonly chance: number;
  /** Standard error of `after - before`, and the degrees of freedom that it was estimated with. */
  readonly error: number;
  readonly freedom: number;
}

/** Nights that a level needs at least; one alone is an outlier. */
const shortest = 2;
/** How much weaker a point of the first pass may be. */
const weakFactor = 10;

/** Change points in order of time. `values`: finite, one a night, oldest first. */
export function changePoints(
  values: readonly number[],
  options: ChangePointOptions = usualChangePoints,
): ChangePoint[] {
  const weak = weakPoints(values, options);
  const kept = refined(values, strongest(values, weak, options));
  const indexes = strongest(values, kept, options);
  return indexes.map((_, i) => pointAt(values, indexes, i));
}

/** First pass: indexes of every split that a forgiving test lets pass, window by window. */
function weakPoints(values: readonly number[], { significance, window }: ChangePointOptions): number[] {
  const found = new Set<number>();
  const limit = Math.min(0.5, significance * weakFactor);
  let start = 0;
  while (start < values.length) {
    const end = Math.min(start + window, values.length);
    const inWindow: number[] = [];
    divide(values, start, end, limit, inWindow);
    for (const index of inWindow) found.add(index);
    start = Math.max(start + Math.floor(window / 2), ...inWindow);
  }
  return [...found].sort((a, b) => a - b);
}

function divide(values: readonly number[], from: number, to: number, limit: number, found: number[]): void {
  const index = sharpestSplit(values, from, to);
  if (index < 0 || differenceByChance(sampleOf(values, from, index), sampleOf(values, index, to)) > limit) return;
  divide(values, from, index, limit, found);
  found.push(index);
  divide(values, index, to, limit, found);
}

/**
 * The split of [from, to) with the greatest energy distance, weighted by the sizes of its sides (equation 5 of Matteson and
 * James); -1 where there is none. Moving the split by one value moves that value's distances from one side to the other, so a
 * segment of n values costs n^2 steps.
 */
export function sharpestSplit(values: readonly number[], from: number, to: number): number {
  const n = to - from;
  let between = 0;
  let left = 0;
  let right = 0;
  for (let i = from; i < to; i++) for (let j = from; j < i; j++) right += Math.abs(values[i] - values[j]);
  let best = -1;
  let most = 0;
  for (let split = from + 1; split < to; split++) {
    const moved = values[split - 1];
    let toLeft = 0;
    let toRight = 0;
    for (let j = from; j < split - 1; j++) toLeft += Math.abs(values[j] - moved);
    for (let j = split; j < to; j++) toRight += Math.abs(values[j] - moved);
    left += toLeft;
    right -= toRight;
    between += toRight - toLeft;
    const before = split - from;
    const after = n - before;
    if (before < shortest || after < shortest) continue;
    const within = left / (before * (before - 1)) + right / (after * (after - 1));
    const energy = ((before * after) / n) * 2 * (between / (before * after) - within);
    if (energy > most) [best, most] = [split, energy];
  }
  return best;
}

/** Removes the least significant point until all are significant, then the smallest until all are large enough. */
function strongest(
  values: readonly number[],
  indexes: readonly number[],
  { significance, leastChange }: ChangePointOptions,
): number[] {
  const kept = [...indexes];
  while (kept.length > 0) {
    const points = kept.map((_, i) => pointAt(values, kept, i));
    const unsure = indexOfLargest(points.map((point) => point.chance));
    const small = indexOfLargest(points.map((point) => -Math.abs(point.change)));
    if (points[unsure].chance > significance) kept.splice(unsure, 1);
    else if (Math.abs(points[small].change) < leastChange) kept.splice(small, 1);
    else break;
  }
  return kept;
}

/** Each point at the split of its two segments that the t-test finds sharpest. */
function refined(values: readonly number[], indexes: readonly number[]): number[] {
  const moved = [...indexes];
  for (let i = 0; i < moved.length; i++) {
    const from = moved[i - 1] ?? 0;
    const to = moved[i + 1] ?? values.length;
    let least = Infinity;
    for (let split = from + shortest; split <= to - shortest; split++) {
      const squares = sampleOf(values, from, split).squares + sampleOf(values, split, to).squares;
      if (squares < least) [least, moved[i]] = [squares, split];
    }
  }
  return moved;
}

function pointAt(values: readonly number[], indexes: readonly number[], i: number): ChangePoint {
  const index = indexes[i];
  const before: Sample = sampleOf(values, indexes[i - 1] ?? 0, index);
  const after: Sample = sampleOf(values, index, indexes[i + 1] ?? values.length);
  return {
    index,
    before: before.mean,
    after: after.mean,
    change: relative(before.mean, after.mean),
    chance: differenceByChance(before, after),
    error: differenceError(before, after),
    freedom: before.n + after.n - 2,
  };
}

function relative(before: number, after: number): number {
  if (before === after) return 0;
  return before === 0 ? Math.sign(after) * Infinity : (after - before) / Math.abs(before);
}

function indexOfLargest(numbers: readonly number[]): number {
  let best = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[best]) best = i;
  return best;
}
