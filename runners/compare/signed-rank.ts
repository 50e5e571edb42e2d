/**
 * Wilcoxon's signed-rank test (Biometrics Bulletin, 1945): do differences lie around zero? Zeros are left out, ties get the mean of
 * their ranks. Up to 25 differences the distribution is counted out exactly, ties included; beyond, the normal approximation with
 * the correction for ties and for continuity.
 */
import { normalBelow } from "./normal.ts";

const mostExact = 25;

/** Two-sided p-value; 1 when every difference is zero. */
export function signedRankP(differences: readonly number[]): number {
  const kept = differences.filter((difference) => difference !== 0);
  const n = kept.length;
  if (n === 0) return 1;
  const ranks = ranksOf(kept.map(Math.abs));
  const plus = kept.reduce((sum, difference, i) => (difference > 0 ? sum + ranks[i] : sum), 0);
  return n <= mostExact ? exact(ranks, plus) : approximate(ranks, plus);
}

/** 1 for the smallest; equal values share the mean of the ranks they take. */
function ranksOf(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const ranks: number[] = [];
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let i = from; i < to; i++) ranks[order[i]] = (from + 1 + to) / 2;
    from = to;
  }
  return ranks;
}

/** Every choice of signs is equally likely: counts how many give each sum of ranks. Ranks are halves at least, so sums are doubled. */
function exact(ranks: readonly number[], plus: number): number {
  const doubled = ranks.map((rank) => Math.round(rank * 2));
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  const ways = new Float64Array(total + 1);
  ways[0] = 1;
  for (const rank of doubled) for (let sum = total; sum >= rank; sum--) ways[sum] += ways[sum - rank];
  const least = Math.min(Math.round(plus * 2), total - Math.round(plus * 2));
  let below = 0;
  for (let sum = 0; sum <= least; sum++) below += ways[sum];
  return Math.min(1, (2 * below) / 2 ** ranks.length);
}

function approximate(ranks: readonly number[], plus: number): number {
  const half = ranks.reduce((sum, rank) => sum + rank, 0) / 2;
  // With ties the mean ranks' squares add up to less, which is the correction.
  const variance = ranks.reduce((sum, rank) => sum + rank * rank, 0) / 4;
  const z = (Math.abs(plus - half) - 0.5) / Math.sqrt(variance);
  return Math.min(1, 2 * (1 - normalBelow(Math.max(0, z))));
}
