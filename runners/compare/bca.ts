/**
 * The bias-corrected and accelerated bootstrap (Efron, JASA 1987): an interval for the mean of few values that may be skewed. The
 * percentile bootstrap is corrected for the bias of its own median (z0) and for a spread that changes with the mean
 * (acceleration, from the jackknife). Seeded, so that a comparison can be made again.
 */
import { Random } from "../../backend/kernel/random.ts";
import { normalBelow, normalQuantile } from "./normal.ts";

export const bcaResamples = 4_000;

/** [low, high] for the mean at `level`. Values that all agree have an interval without width. */
export function bcaInterval(values: readonly number[], level: number, seed = 1): [number, number] {
  const n = values.length;
  if (n < 2) throw new RangeError(`BCa interval of ${n} values: expected 2 or more`);
  const mean = meanOf(values);
  if (values.every((value) => value === values[0])) return [mean, mean];
  const random = Random.stream(seed, "bca");
  const means = Float64Array.from({ length: bcaResamples }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[random.below(n)];
    return sum / n;
  }).sort();
  const below = means.filter((each) => each < mean).length + means.filter((each) => each === mean).length / 2;
  const z0 = normalQuantile(clamp(below / bcaResamples));
  const acceleration = accelerationOf(values, mean);
  const at = (tail: number): number => {
    const z = z0 + normalQuantile(tail);
    const share = normalBelow(z0 + z / (1 - acceleration * z));
    return means[Math.min(bcaResamples - 1, Math.max(0, Math.floor(share * bcaResamples)))];
  };
  return [at((1 - level) / 2), at((1 + level) / 2)];
}

/** Skewness of the jackknife's means, over six. */
function accelerationOf(values: readonly number[], mean: number): number {
  const n = values.length;
  let squares = 0;
  let cubes = 0;
  for (const value of values) {
    const difference = mean - (mean * n - value) / (n - 1);
    squares += difference ** 2;
    cubes += difference ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

function clamp(share: number): number {
  return Math.min(1 - 1 / bcaResamples, Math.max(1 / bcaResamples, share));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
