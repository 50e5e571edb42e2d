/**
 * Sizes and think times: whole numbers drawn from a distribution given as data, or a plain number for a constant.
 *
 * Value sizes of real caches have heavy tails. `generalised-pareto` is what Facebook published for its general-purpose pool
 * (`etcValueBytes`), `log-normal` fits files and web pages, and `histogram` takes what was counted elsewhere.
 */
import type { Random } from "../backend/kernel/random.ts";
import type { Parameters } from "./parameters.ts";

export type Distribution =
  | number
  | { readonly kind: "constant"; readonly value: number }
  /** Both ends included. */
  | { readonly kind: "uniform"; readonly from: number; readonly to: number }
  | { readonly kind: "exponential"; readonly mean: number }
  /**
   * Two exponentials of which each brings half of the mean: more spread than one has. `squaredCv`, at least 1, is the variance
   * over the squared mean.
   */
  | { readonly kind: "hyperexponential"; readonly mean: number; readonly squaredCv: number }
  /** Its logarithm is normal with deviation `sigma`; nothing above `most`. */
  | { readonly kind: "log-normal"; readonly median: number; readonly sigma: number; readonly most?: number }
  /** P(X > x) = (1 + shape (x - location) / scale)^(-1 / shape), exponential at shape 0; nothing above `most`. */
  | {
      readonly kind: "generalised-pareto";
      readonly location: number;
      readonly scale: number;
      readonly shape: number;
      readonly most?: number;
    }
  /** P(X <= x) = exp(-(1 + shape (x - location) / scale)^(-1 / shape)), Gumbel's at shape 0; nothing above `most`. */
  | {
      readonly kind: "generalised-extreme-value";
      readonly location: number;
      readonly scale: number;
      readonly shape: number;
      readonly most?: number;
    }
  /** `values[i]` with a chance in proportion to `weights[i]`. */
  | { readonly kind: "histogram"; readonly values: readonly number[]; readonly weights: readonly number[] };

/**
 * Value sizes of Facebook's ETC pool, in bytes (Atikoglu et al., "Workload Analysis of a Large-Scale Key-Value Store", SIGMETRICS
 * 2012, section 5.1: sizes from 15 bytes on follow this law). Cut at the largest item memcached stores.
 */
export const etcValueBytes: Distribution = {
  kind: "generalised-pareto",
  location: 0,
  scale: 214.476,
  shape: 0.348238,
  most: 1_048_576,
};

/** Key sizes of the same pool, in bytes (same section). Cut at the longest key memcached takes. */
export const etcKeyBytes: Distribution = {
  kind: "generalised-extreme-value",
  location: 30.7984,
  scale: 8.20449,
  shape: 0.078688,
  most: 250,
};

/** A whole number, at least 0. A constant consumes no randomness. */
export function draw(distribution: Distribution, random: Random): number {
  if (typeof distribution === "number") return Math.round(distribution);
  switch (distribution.kind) {
    case "constant":
      return Math.round(distribution.value);
    case "uniform":
      return random.between(Math.round(distribution.from), Math.round(distribution.to));
    case "exponential":
      return Math.round(random.exponential(distribution.mean));
    case "hyperexponential": {
      const { mean, squaredCv } = distribution;
      const share = (1 + Math.sqrt((squaredCv - 1) / (squaredCv + 1))) / 2;
      return Math.round(random.exponential(mean / (2 * (random.chance(share) ? share : 1 - share))));
    }
    case "log-normal": {
      const { median, sigma, most = Infinity } = distribution;
      return Math.round(Math.min(most, median * Math.exp(sigma * random.normal())));
    }
    case "generalised-pareto": {
      const { location, scale, shape, most = Infinity } = distribution;
      // An exponential draw of mean 1 is -ln(1 - u).
      const excess = random.exponential(1);
      const size = location + (shape === 0 ? scale * excess : (scale * Math.expm1(shape * excess)) / shape);
      return Math.round(Math.min(most, size));
    }
    case "generalised-extreme-value": {
      const { location, scale, shape, most = Infinity } = distribution;
      // The logarithm of an exponential draw of mean 1, less its sign, is Gumbel's.
      const gumbel = -Math.log(random.exponential(1) + Number.MIN_VALUE);
      const size = location + (shape === 0 ? scale * gumbel : (scale * Math.expm1(shape * gumbel)) / shape);
      return Math.round(Math.max(0, Math.min(most, size)));
    }
    case "histogram":
      return Math.round(drawBucket(distribution, random));
  }
}

type HistogramOfValues = Extract<Distribution, { kind: "histogram" }>;

/** Running sums of weights, made once for each histogram. */
const sums = new WeakMap<HistogramOfValues, Float64Array>();

function drawBucket(histogram: HistogramOfValues, random: Random): number {
  let cumulative = sums.get(histogram);
  if (cumulative === undefined) {
    let sum = 0;
    cumulative = Float64Array.from(histogram.weights, (weight) => (sum += weight));
    sums.set(histogram, cumulative);
  }
  const wanted = random.float() * cumulative[cumulative.length - 1];
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (wanted < cumulative[middle]) high = middle;
    else low = middle + 1;
  }
  return histogram.values[low];
}

/** The parameter `name` as a distribution. Units are the parameter's. */
export function distributionOf(parameters: Parameters, name: string): Distribution {
  const value = parameters.raw(name) as Distribution | null | undefined;
  if (fitsDistribution(value)) return value;
  const expected =
    "a number, { kind: constant, value }, { kind: uniform, from, to }, { kind: exponential, mean }, " +
    "{ kind: hyperexponential, mean, squaredCv }, { kind: log-normal, median, sigma }, { kind: generalised-pareto or generalised-extreme-value, location, scale, shape } " +
    "or { kind: histogram, values, weights }, none negative";
  throw parameters.mistake(name, value, expected, '{ kind: "exponential", mean: 1000 }');
}

/** Is it a distribution that can be drawn from? */
export function fitsDistribution(value: Distribution | null | undefined): value is Distribution {
  if (typeof value !== "object" || value === null) return isSize(value);
  switch (value.kind) {
    case "constant":
      return isSize(value.value);
    case "uniform":
      return isSize(value.from) && isSize(value.to) && value.from <= value.to;
    case "exponential":
      return isSize(value.mean);
    case "hyperexponential":
      return isSize(value.mean) && isSize(value.squaredCv) && value.squaredCv >= 1;
    case "log-normal":
      return isSize(value.median) && isSize(value.sigma) && isSize(value.most ?? 0);
    case "generalised-pareto":
    case "generalised-extreme-value":
      return [value.location, value.scale, value.shape, value.most ?? 0].every(isSize);
    case "histogram":
      return (
        Array.isArray(value.values) &&
        Array.isArray(value.weights) &&
        value.values.length === value.weights.length &&
        [...value.values, ...value.weights].every(isSize) &&
        value.weights.some((weight) => weight > 0)
      );
    default:
      return false;
  }
}

const isSize = (number: unknown): boolean => typeof number === "number" && number >= 0 && number < 2 ** 32;
