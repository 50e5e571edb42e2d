/**
 * The two-sided two-sample t-test with pooled variance (Student, 1908), on summaries: count, mean, sum of squared deviations.
 * E-divisive's own permutation test draws at random, so a report made twice would differ; Hunter (ICPE 2023, section 3.2) puts
 * this in its place.
 */
import { studentBelow } from "../compare/student.ts";

/** A difference below this share of the larger mean is rounding of a computer, not noise of a system. */
const roundingShare = 1e-9;

export interface Sample {
  readonly n: number;
  readonly mean: number;
  /** Sum of squared deviations from the mean. */
  readonly squares: number;
}

export function sampleOf(values: readonly number[], from: number, to: number): Sample {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i];
  const n = to - from;
  const mean = sum / n;
  let squares = 0;
  for (let i = from; i < to; i++) squares += (values[i] - mean) ** 2;
  return { n, mean, squares };
}

/**
 * The probability that two samples of one normal distribution differ by as much. 1 where there are under three values in all;
 * 0 where both sides are constant and differ, as the figures of a simulation with a fixed seed do.
 */
export function differenceByChance(left: Sample, right: Sample): number {
  const freedom = left.n + right.n - 2;
  if (freedom < 1 || left.n < 1 || right.n < 1) return 1;
  const distance = Math.abs(left.mean - right.mean);
  const rounding = roundingShare * Math.max(Math.abs(left.mean), Math.abs(right.mean));
  if (distance <= rounding) return 1;
  const error = differenceError(left, right);
  return error <= rounding ? 0 : chanceOf(distance, error, freedom);
}

/** That a difference with this standard error is as large, on either side. */
export function chanceOf(distance: number, error: number, freedom: number): number {
  return error === 0 ? 0 : 2 * (1 - studentBelow(distance / error, freedom));
}

/** Standard error of the difference of two means, both sides having one variance; NaN below three values in all. */
export function differenceError(left: Sample, right: Sample): number {
  const freedom = left.n + right.n - 2;
  const variance = freedom < 1 ? Number.NaN : (left.squares + right.squares) / freedom;
  return Math.sqrt(variance * (1 / left.n + 1 / right.n));
}
