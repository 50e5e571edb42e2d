/**
 * The Kolmogorov-Smirnov test of a sample against a continuous law: the largest distance between what was seen to be below x and
 * what should be, and how likely a distance as large is by chance.
 */

export interface KsResult {
  /** Largest distance between the two cumulative distributions. */
  readonly distance: number;
  /** Chance of at least this distance if the law holds. */
  readonly p: number;
}

/** `cumulative(x)` is the law's P(X <= x). The sample may be in any order and is left as it is. */
export function ksTest(sample: Float64Array, cumulative: (x: number) => number): KsResult {
  const sorted = sample.toSorted();
  const n = sorted.length;
  let distance = 0;
  for (let i = 0; i < n; i++) {
    const expected = cumulative(sorted[i]);
    distance = Math.max(distance, expected - i / n, (i + 1) / n - expected);
  }
  return { distance, p: n === 0 ? 1 : ksTail((Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n)) * distance) };
}

/** Kolmogorov's limit, P(sqrt(n) D > x), with Stephens' correction for finite samples in its argument (1970). */
function ksTail(x: number): number {
  if (x < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-12) break;
  }
  return Math.max(0, Math.min(1, 2 * sum));
}
