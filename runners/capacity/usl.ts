/**
 * The Universal Scalability Law (Gunther, Guerrilla Capacity Planning, 2007, chapter 4): throughput at n users or servers,
 *
 *     X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))
 *
 * lambda is what one alone does, sigma the share that is serial, kappa what every pair costs by agreeing. Fitted by
 * Levenberg and Marquardt on relative residuals, with no coefficient below zero; the intervals are jackknife ones, which say how
 * much any single point matters.
 */

import { studentQuantile } from "../compare/student.ts";

export interface UslFit {
  readonly lambda: number;
  readonly sigma: number;
  readonly kappa: number;
  /** [low, high] of each, 95 %; null with fewer than four points. */
  readonly intervals: {
    readonly lambda: [number, number];
    readonly sigma: [number, number];
    readonly kappa: [number, number];
  } | null;
  /**
   * Where throughput is highest; null when none lies within what was measured, or kappa's interval includes 0: chance alone bends a
   * line a little, and every kappa above zero has a peak somewhere.
   */
  readonly peak: { readonly n: number; readonly perSecond: number } | null;
  /** Root mean square of the relative residuals. */
  readonly error: number;
}

type Point = readonly [n: number, perSecond: number];

/** @param points at least three with different n. @throws RangeError when they are fewer, or not above zero */
export function fitUsl(points: readonly Point[]): UslFit {
  if (new Set(points.map(([n]) => n)).size < 3 || points.some(([n, x]) => !(n > 0 && x > 0)))
    throw new RangeError(
      `a scalability law through ${points.length} points: expected three with different n, all above zero`,
    );
  const [lambda, sigma, kappa] = solve(points);
  const fit = { lambda, sigma, kappa };
  const intervals = jackknife(points, [lambda, sigma, kappa]);
  const falls = intervals !== null && intervals.kappa[0] > 0;
  return {
    ...fit,
    intervals,
    peak: falls ? peakOf(fit, Math.max(...points.map(([n]) => n))) : null,
    error: errorOf(points, [lambda, sigma, kappa]),
  };
}

export function uslAt({ lambda, sigma, kappa }: Pick<UslFit, "lambda" | "sigma" | "kappa">, n: number): number {
  return (lambda * n) / (1 + sigma * (n - 1) + kappa * n * (n - 1));
}

function peakOf(fit: Pick<UslFit, "lambda" | "sigma" | "kappa">, mostN: number): UslFit["peak"] {
  const n = Math.max(1, Math.sqrt((1 - Math.min(1, fit.sigma)) / fit.kappa));
  return n > mostN ? null : { n, perSecond: uslAt(fit, n) };
}

/**
 * n / X(n) = (1 + sigma (n - 1) + kappa n (n - 1)) / lambda is linear in 1/lambda, sigma/lambda and kappa/lambda: a start by least
 * squares, then steps on the law itself.
 */
function solve(points: readonly Point[]): [number, number, number] {
  let best: [number, number, number] = [Math.max(...points.map(([n, x]) => x / n)), 0.01, 1e-4];
  let bestError = errorOf(points, best);
  for (const start of starts(points)) {
    const found = descend(points, start);
    const error = errorOf(points, found);
    if (error < bestError) [best, bestError] = [found, error];
  }
  return best;
}

function starts(points: readonly Point[]): [number, number, number][] {
  const lambda = Math.max(...points.map(([n, x]) => x / n));
  return [
    [lambda, 0, 0],
    [lambda, 0.05, 0],
    [lambda, 0.05, 1e-3],
    [lambda * 1.2, 0.3, 1e-4],
  ];
}

function descend(points: readonly Point[], start: [number, number, number]): [number, number, number] {
  let at = start;
  let error = errorOf(points, at);
  let damping = 1e-3;
  for (let step = 0; step < 300; step++) {
    const next = clamp(stepFrom(points, at, damping));
    const nextError = errorOf(points, next);
    if (nextError < error) {
      const gained = error - nextError;
      [at, error] = [next, nextError];
      damping = Math.max(1e-12, damping / 3);
      if (gained < 1e-14) break;
    } else {
      damping *= 4;
      if (damping > 1e12) break;
    }
  }
  return at;
}

/** One damped Gauss-Newton step; parameters are scaled by their own size. */
function stepFrom(points: readonly Point[], at: [number, number, number], damping: number): [number, number, number] {
  const matrix = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  for (const [n, x] of points) {
    const model = uslAt({ lambda: at[0], sigma: at[1], kappa: at[2] }, n);
    const spread = 1 + at[1] * (n - 1) + at[2] * n * (n - 1);
    const gradient = [model / at[0] / x, (-model * (n - 1)) / spread / x, (-model * n * (n - 1)) / spread / x];
    const residual = 1 - model / x;
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 3; column++) matrix[row][column] += gradient[row] * gradient[column];
      matrix[row][3] += gradient[row] * residual;
    }
  }
  for (let i = 0; i < 3; i++) matrix[i][i] *= 1 + damping;
  const step = eliminate(matrix);
  return [at[0] + step[0], at[1] + step[1], at[2] + step[2]];
}

/** Gauss, with the largest pivot of each column. A singular direction is not stepped in. */
function eliminate(matrix: number[][]): number[] {
  for (let column = 0; column < 3; column++) {
    let pivot = column;
    for (let row = column + 1; row < 3; row++)
      if (Math.abs(matrix[row][column]) > Math.abs(matrix[pivot][column])) pivot = row;
    [matrix[column], matrix[pivot]] = [matrix[pivot], matrix[column]];
    if (Math.abs(matrix[column][column]) < 1e-300) continue;
    for (let row = 0; row < 3; row++) {
      if (row === column) continue;
      const factor = matrix[row][column] / matrix[column][column];
      for (let i = column; i < 4; i++) matrix[row][i] -= factor * matrix[column][i];
    }
  }
  return matrix.map((row, i) => (Math.abs(row[i]) < 1e-300 ? 0 : row[3] / row[i]));
}

function clamp([lambda, sigma, kappa]: [number, number, number]): [number, number, number] {
  return [Math.max(1e-9, lambda), Math.min(1, Math.max(0, sigma)), Math.max(0, kappa)];
}

function errorOf(points: readonly Point[], [lambda, sigma, kappa]: readonly [number, number, number]): number {
  const squares = points.reduce((sum, [n, x]) => sum + (1 - uslAt({ lambda, sigma, kappa }, n) / x) ** 2, 0);
  return Math.sqrt(squares / points.length);
}

function jackknife(points: readonly Point[], whole: readonly [number, number, number]): UslFit["intervals"] {
  const left = points
    .map((_, i) => points.filter((__, other) => other !== i))
    .filter((rest) => new Set(rest.map(([n]) => n)).size >= 3);
  if (points.length < 4 || left.length < points.length) return null;
  const fits = left.map(solve);
  const t = studentQuantile(0.975, fits.length - 1);
  const interval = (i: number): [number, number] => {
    const n = fits.length;
    const mean = fits.reduce((sum, fit) => sum + fit[i], 0) / n;
    const deviation = Math.sqrt(((n - 1) / n) * fits.reduce((sum, fit) => sum + (fit[i] - mean) ** 2, 0));
    return [Math.max(0, whole[i] - t * deviation), whole[i] + t * deviation];
  };
  return { lambda: interval(0), sigma: interval(1), kappa: interval(2) };
}
