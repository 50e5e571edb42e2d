/**
 * Which changes fail a night. A change of level is a *regression* when all of these hold:
 *
 *     worse       in the direction that its metric calls worse
 *     confirmed   at least three nights are nearer to the new level than to the old: a noisy neighbour seldom stays for three
 *     large       the gate (5 %) lies within the change's interval of three standard errors or below it, and the change as seen is
 *                 at least three fifths of the gate: half of all steps of exactly 5 % are seen as less than 5 %
 *     no chance   over all gated series of the night the rate of false discoveries is held at 1 in 10,000 (Benjamini and
 *                 Hochberg, JRSS B 1995), so that a suite of two hundred figures is as quiet as one figure; and
 *                 nights that resemble the nights before them count for less
 *     in pairs    where nights repeat exactly, as a simulation's do, they say nothing about noise, but the rounds of a night have
 *                 seeds of their own: the change exceeds twice the error of the difference, seed by seed
 *     fresh       it is at most seven nights old, or tonight is the first night that shows it at all
 *
 * After that it is the new level: a red light that stays on hides the next one.
 */
import type { ChangeState } from "../history.ts";
import { changePoints, usualChangePoints, type ChangePoint, type ChangePointOptions } from "./change-points.ts";
import { chanceOf, sampleOf } from "./student-test.ts";

export interface GateOptions {
  /** Share of the level from which a change for the worse fails, for metrics that ask for no more. */
  readonly leastRegression: number;
  /** Rate of false discoveries among all gated series of one night. */
  readonly falseDiscoveries: number;
  /** Nights that must be on the new level. */
  readonly confirmations: number;
  /** Nights that a regression fails. */
  readonly freshNights: number;
}

export const usualGate: GateOptions = {
  leastRegression: 0.05,
  falseDiscoveries: 1e-4,
  confirmations: 3,
  freshNights: 7,
};

/** Changes are shown from this share of the gate on; the interval decides about those below the gate. */
const seenShare = 0.6;
/** Standard errors. */
const wide = 3;
/** Figures that the level before must have. */
const fewestBefore = 3;

export interface GatedSeries {
  readonly values: readonly number[];
  /** The runs of each night, in order of rounds; empty where they are not known. */
  readonly runs: readonly (readonly number[])[];
  readonly better: "higher" | "lower" | null;
  readonly gate: number | null;
  /** Has a figure of the night that is judged. */
  readonly current: boolean;
}

export interface JudgedChange extends ChangePoint {
  readonly state: ChangeState;
}

/** The changes of every series, in its order. Deterministic. */
export function judgeSeries(series: readonly GatedSeries[], options: GateOptions = usualGate): JudgedChange[][] {
  const found = series.map(({ values }) => changePoints(values, pointOptions(options)));
  const candidates = series.flatMap((one, i) =>
    found[i]
      .filter((point) => isCandidate(one, point, options))
      .map((point) => ({ point, chance: correlatedChance(one.values, found[i], point) })),
  );
  const gated = series.filter((one) => one.current && one.gate !== null).length;
  const limit = discoveryLimit(
    candidates.map(({ chance }) => chance),
    gated,
    options.falseDiscoveries,
  );
  const sure = new Set(candidates.filter(({ chance }) => chance <= limit).map(({ point }) => point));
  return series.map((one, i) =>
    found[i].map((point): JudgedChange => ({
      ...point,
      state: stateOf(one, point, sure.has(point), Math.max(limit, options.falseDiscoveries / gated), options),
    })),
  );
}

function pointOptions({ leastRegression }: GateOptions): ChangePointOptions {
  return { ...usualChangePoints, leastChange: seenShare * leastRegression };
}

function stateOf(
  one: GatedSeries,
  point: ChangePoint,
  sure: boolean,
  limit: number,
  options: GateOptions,
): ChangeState {
  if (one.better === null) return "change";
  if (!isWorse(one, point)) return "improvement";
  if (!sure) return isOld(one, point, options) ? "known" : "suspected";
  return isFresh(one, point, limit, options) ? "regression" : "known";
}

function isWorse({ better }: GatedSeries, { before, after }: ChangePoint): boolean {
  return better === "higher" ? after < before : better === "lower" && after > before;
}

/** Everything but chance and freshness, which are looked at over all series and last. */
function isCandidate(one: GatedSeries, point: ChangePoint, options: GateOptions): boolean {
  if (one.gate === null || !one.current || !isWorse(one, point)) return false;
  const gate = gateOf(one.gate, options);
  const before = Math.abs(point.before);
  return (
    point.index >= fewestBefore &&
    nightsOnNewLevel(one.values, point) >= options.confirmations &&
    Math.abs(point.change) >= seenShare * gate &&
    Math.abs(point.after - point.before) + wide * point.error >= gate * before &&
    isBeyondSeeds(one, point)
  );
}

/** Nights since the change that are nearer to the new level than to the old one: two bad nights and a good one are no level. */
function nightsOnNewLevel(values: readonly number[], { index, before, after }: ChangePoint): number {
  return values.slice(index).filter((value) => Math.abs(value - after) < Math.abs(value - before)).length;
}

/** A metric that asks for a wider gate keeps the proportion when the usual one is changed. */
function gateOf(gate: number, { leastRegression }: GateOptions): number {
  return (gate / usualGate.leastRegression) * leastRegression;
}

/**
 * The chance of a change when a night resembles the night before it: the variance of a mean of such nights is greater by
 * (1 + r) / (1 - r), where r is the correlation of neighbours around their levels (Bartlett 1946).
 */
function correlatedChance(values: readonly number[], points: readonly ChangePoint[], point: ChangePoint): number {
  const r = Math.min(0.9, Math.max(0, neighbourCorrelation(values, points)));
  return chanceOf(Math.abs(point.after - point.before), point.error * Math.sqrt((1 + r) / (1 - r)), point.freedom);
}

/** Of the figures around the mean of their level; 0 where they do not vary. */
function neighbourCorrelation(values: readonly number[], points: readonly ChangePoint[]): number {
  let [products, squares] = [0, 0];
  let previous = 0;
  values.forEach((value, i) => {
    const level = points.findLast(({ index }) => index <= i)?.after ?? points[0].before;
    const rest = value - level;
    if (i > 0) products += rest * previous;
    squares += rest * rest;
    previous = rest;
  });
  return squares === 0 ? 0 : products / squares;
}

/** Nights whose figures differ by less than this share of their level repeat exactly. */
const exactShare = 1e-9;

function isBeyondSeeds({ runs }: GatedSeries, { index, before, after, error }: ChangePoint): boolean {
  const [old, now] = [runs[index - 1] ?? [], runs[index] ?? []];
  if (error > exactShare * Math.abs(before) || old.length !== now.length || old.length < 2) return true;
  const differences = sampleOf(
    now.map((run, round) => run - old[round]),
    0,
    now.length,
  );
  const pairedError = Math.sqrt(differences.squares / (differences.n - 1) / differences.n);
  return Math.abs(after - before) > 2 * pairedError;
}

function isOld({ values }: GatedSeries, { index }: ChangePoint, { freshNights }: GateOptions): boolean {
  return values.length - index > freshNights;
}

/**
 * A small change of a noisy figure takes longer than the fresh nights to show: it fails on the night that first shows it, and not
 * again when the figures after it weaken and strengthen it by turns.
 */
function isFresh(one: GatedSeries, point: ChangePoint, limit: number, options: GateOptions): boolean {
  if (!isOld(one, point, options)) return true;
  for (let nights = point.index + options.confirmations; nights < one.values.length; nights++) {
    if (failedAlready({ ...one, values: one.values.slice(0, nights) }, point, limit, options)) return false;
  }
  return true;
}

/** Nights by which a change may be misplaced while few nights follow it. */
const sameChange = 7;

function failedAlready(one: GatedSeries, { index }: ChangePoint, limit: number, options: GateOptions): boolean {
  const points = changePoints(one.values, pointOptions(options));
  return points.some(
    (point) =>
      Math.abs(point.index - index) <= sameChange &&
      isCandidate(one, point, options) &&
      correlatedChance(one.values, points, point) <= limit,
  );
}

/** The largest chance that is a discovery among `tests` (Benjamini and Hochberg's step-up); -1 where none is. */
export function discoveryLimit(chances: readonly number[], tests: number, rate: number): number {
  const sorted = chances.toSorted((a, b) => a - b);
  let limit = -1;
  sorted.forEach((chance, i) => {
    if (chance <= ((i + 1) / tests) * rate) limit = chance;
  });
  return limit;
}
