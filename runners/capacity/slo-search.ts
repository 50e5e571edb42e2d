/**
 * The highest rate that meets what is asked of a service, by open-loop probes.
 *
 *     double ──meets──> double ... ──breaks──> between the two: probe where the fitted answer is, until it is known well enough
 *
 * A probe at one rate says by how much the figures keep or miss their bounds: its *strain*, the worst of figure over bound, is below 1 when it meets them.
 * Strain grows with the rate but chance moves it, so no single probe decides. The logarithm of strain is fitted over the rates near the bound, and
 * the rate at which it crosses zero is the answer, with the interval of that crossing. Probes go where they tell most: near it, on both sides.
 */

export interface Probe {
  readonly perSecond: number;
  /** Worst figure over its bound; Infinity when there was none to judge. */
  readonly strain: number;
  /** What was answered ok. */
  readonly achievedPerSecond: number;
  /** Operations in the system on average, by Little's law; NaN when nothing was ok. */
  readonly concurrency: number;
  readonly figures: Readonly<Record<string, number>>;
  /** The generator kept its schedule. */
  readonly valid: boolean;
}

export interface SearchPlan {
  readonly fromPerSecond: number;
  readonly mostPerSecond: number;
  /** Relative half width of the interval at which the search ends. */
  readonly precision: number;
  readonly mostProbes: number;
}

export interface CapacityFound {
  /** Highest rate that meets the bounds; 0 when none was seen to. */
  readonly perSecond: number;
  /** 95 %. */
  readonly low: number;
  readonly high: number;
  /** met: every rate asked for met the bounds; broken: none did; found: between two that differ. */
  readonly kind: "found" | "met" | "broken";
  readonly probes: readonly Probe[];
}

/** A strain above this says "broken" and nothing about by how much: a queue that grows for as long as the probe lasts. */
const farBeyond = 3;
const fewest = 5;

export type ProbeAt = (perSecond: number, number: number) => Promise<Probe>;

/** Ends early with what it has when `goOn` says so. */
export async function searchCapacity(
  plan: SearchPlan,
  probeAt: ProbeAt,
  goOn: () => boolean = () => true,
): Promise<CapacityFound> {
  const probes: Probe[] = [];
  let asked = 0;
  const probe = async (perSecond: number): Promise<Probe> => {
    // A late generator may break the bounds by itself: such a probe is made once more, and then stands with its doubt.
    let probed = await probeAt(perSecond, asked++);
    if (!probed.valid && probed.strain > 1) probed = await probeAt(perSecond, asked++);
    probes.push(probed);
    return probed;
  };
  let rate = plan.fromPerSecond;
  for (;;) {
    const { strain } = await probe(rate);
    if (!goOn()) return conclude(probes);
    if (strain > 1 || rate >= plan.mostPerSecond) break;
    rate = Math.min(plan.mostPerSecond, rate * 2);
  }
  if (probes.every(({ strain }) => strain <= 1)) return conclude(probes);
  while (!probes.some(({ strain }) => strain <= 1) && probes.length < plan.mostProbes) {
    rate /= 2;
    if (rate < plan.fromPerSecond / 64) return conclude(probes);
    await probe(rate);
    if (!goOn()) return conclude(probes);
  }
  for (let side = 1; probes.length < plan.mostProbes && goOn(); side = -side) {
    const found = conclude(probes);
    const width = found.high / found.low;
    if (informative(probes).length >= fewest && Math.sqrt(width) - 1 <= plan.precision) return found;
    await probe(nextRate(probes, found, side));
  }
  return conclude(probes);
}

/** Bisection on a log scale while the bounds are far apart, then a little to either side of the estimate. */
function nextRate(probes: readonly Probe[], found: CapacityFound, side: number): number {
  const below = Math.max(0, ...probes.filter(({ strain }) => strain <= 1).map(({ perSecond }) => perSecond));
  const above = Math.min(...probes.filter(({ strain }) => strain > 1).map(({ perSecond }) => perSecond));
  if (above / below > 1.25) return Math.sqrt(below * above);
  return found.perSecond * (1 + 0.03 * side);
}

/** Probes whose strain says how far the bound is: not hopeless, and not so idle that the rate hardly matters. */
function informative(probes: readonly Probe[]): readonly Probe[] {
  return probes.filter(({ strain, valid }) => valid && strain < farBeyond && strain > 1 / farBeyond);
}

function conclude(probes: readonly Probe[]): CapacityFound {
  const met = probes.filter(({ strain }) => strain <= 1);
  const broken = probes.filter(({ strain }) => strain > 1);
  const highestMet = Math.max(0, ...met.map(({ perSecond }) => perSecond));
  if (broken.length === 0) return { perSecond: highestMet, low: highestMet, high: Infinity, kind: "met", probes };
  const lowestBroken = Math.min(...broken.map(({ perSecond }) => perSecond));
  if (met.length === 0) return { perSecond: 0, low: 0, high: lowestBroken, kind: "broken", probes };
  const crossing = crossingOf(informative(probes));
  if (crossing !== null) return { ...crossing, kind: "found", probes };
  const [low, high] = [Math.min(highestMet, lowestBroken), Math.max(highestMet, lowestBroken)];
  return { perSecond: Math.sqrt(low * high), low, high, kind: "found", probes };
}

/**
 * Where strain crosses 1. Near saturation a queue's time goes as 1 / (capacity - rate), so it is the reciprocal of strain that falls on a
 * line over the rate: fitted by least squares, with the delta method's interval. Null when there are too few points or the line does not fall.
 */
function crossingOf(points: readonly Probe[]): Pick<CapacityFound, "perSecond" | "low" | "high"> | null {
  if (points.length < 3 || new Set(points.map(({ perSecond }) => perSecond)).size < 2) return null;
  const xs = points.map(({ perSecond }) => perSecond);
  const ys = points.map(({ strain }) => 1 / strain);
  // Chance moves strain in proportion to itself, so the line is weighted by what it is relative to.
  const weights = ys.map((y) => 1 / (y * y));
  const total = weights.reduce((sum, w) => sum + w, 0);
  const mean = (values: readonly number[]): number => values.reduce((sum, v, i) => sum + v * weights[i], 0) / total;
  const [mx, my] = [mean(xs), mean(ys)];
  const sxx = xs.reduce((sum, x, i) => sum + weights[i] * (x - mx) ** 2, 0);
  const slope = xs.reduce((sum, x, i) => sum + weights[i] * (x - mx) * (ys[i] - my), 0) / sxx;
  if (!(slope < 0)) return null;
  const perSecond = mx + (1 - my) / slope;
  const squares = xs.reduce((sum, x, i) => sum + weights[i] * (ys[i] - my - slope * (x - mx)) ** 2, 0);
  const noise = squares / Math.max(1, points.length - 2);
  const error = Math.sqrt(noise * (1 / total + (perSecond - mx) ** 2 / sxx)) / -slope;
  if (!(perSecond > 0)) return null;
  return { perSecond, low: Math.max(0, perSecond - 2 * error), high: perSecond + 2 * error };
}

/** The figures that a search is about, each against its bound. */
export function strainOf(
  figures: Readonly<Record<string, number>>,
  bounds: readonly { readonly metric: string; readonly side: "below" | "above"; readonly bound: number }[],
): number {
  return Math.max(
    ...bounds.map(({ metric, side, bound }) => {
      const figure = figures[metric];
      if (figure === undefined || Number.isNaN(figure)) return Infinity;
      return side === "below" ? figure / bound : bound / figure;
    }),
  );
}
