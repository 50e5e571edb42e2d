/**
 * Nights that never were, with a change whose place and size are known: what the gate finds in them, and how late; and quiet
 * nights, in which it should find nothing. All from seeds.
 */
import { Random } from "../../backend/kernel/random.ts";
import { historySchema, type HistoryLine } from "../history.ts";
import { changePoints, usualChangePoints } from "./change-points.ts";
import { judgeSeries, usualGate, type GatedSeries } from "./gate.ts";

export interface StepCase {
  readonly series: number;
  /** Of a night's figure: its standard deviation as a share of its mean. */
  readonly variation: number;
  readonly nights: number;
  /** The first night of the new level. */
  readonly stepAt: number;
  /** Share by which the level rises; the metric is one of which less is better. */
  readonly step: number;
}

export const issueCase: Omit<StepCase, "variation"> = { series: 200, nights: 60, stepAt: 30, step: 0.05 };

export interface StepFigures {
  /** Series with the change found at most two nights from where it is, as a share, when all nights are known. */
  readonly placed: number;
  /** Nights after the first of the new level until the gate fails, by series, sorted; Infinity where it never does. */
  readonly delays: readonly number[];
}

const nearNights = 2;

/** Noise is normal and each night's own. */
export function findSteps(one: StepCase): StepFigures {
  const { series, nights, stepAt } = one;
  let placed = 0;
  const delays: number[] = [];
  for (let seed = 0; seed < series; seed++) {
    const values = stepSeries(one, seed);
    const points = changePoints(values, { ...usualChangePoints, leastChange: 0.03 });
    if (points.some(({ index }) => Math.abs(index - stepAt) <= nearNights)) placed++;
    let delay = Infinity;
    for (let night = stepAt; night < nights && delay === Infinity; night++) {
      if (fails([gated(values.slice(0, night + 1))])) delay = night - stepAt;
    }
    delays.push(delay);
  }
  return { placed: placed / series, delays: delays.sort((a, b) => a - b) };
}

/**
 * Share of series in which somebody who knew both levels and that there is one step would place it within two nights: the most
 * likely place, by Gauss's least squares. Nothing that sees only the figures can do better.
 */
export function bestPlacement(one: StepCase): number {
  let placed = 0;
  for (let seed = 0; seed < one.series; seed++) {
    const middle = 1 + one.step / 2;
    let [sum, least, place] = [0, 0, 0];
    stepSeries(one, seed).forEach((value, i) => {
      sum += value - middle;
      if (sum < least) [least, place] = [sum, i + 1];
    });
    if (Math.abs(place - one.stepAt) <= nearNights) placed++;
  }
  return placed / one.series;
}

function stepSeries({ variation, nights, stepAt, step }: StepCase, seed: number): number[] {
  const random = Random.stream(seed, "step", String(variation));
  return Array.from(
    { length: nights },
    (_, night) => (night < stepAt ? 1 : 1 + step) * (1 + variation * random.normal()),
  );
}

function gated(values: readonly number[]): GatedSeries {
  return { values, runs: [], better: "lower", gate: usualGate.leastRegression, current: true };
}

function fails(series: readonly GatedSeries[]): boolean {
  return judgeSeries(series).some((changes) => changes.some(({ state }) => state === "regression"));
}

export interface QuietCase {
  /** Histories of a suite, each judged every night. */
  readonly suites: number;
  /** Gated figures of a suite, independent of each other: the worst case. */
  readonly metrics: number;
  readonly nights: number;
  readonly variation: number;
  readonly seed?: number;
  /** Correlation of a night with the night before it; 0 by default. */
  readonly correlation?: number;
  /** Share of nights with a neighbour that costs a tenth; 0 by default. */
  readonly badNights?: number;
}

/** Nights that were judged, and how many of them turned a green suite red. */
export function quietNights(quiet: QuietCase): { nights: number; alarms: number } {
  const { suites, metrics, nights, variation, seed = 1 } = quiet;
  let alarms = 0;
  for (let suite = 0; suite < suites; suite++) {
    const random = Random.stream(seed, "quiet", suite, String(variation));
    const values = Array.from({ length: metrics }, () => quietSeries(quiet, random));
    let red = false;
    for (let night = 1; night <= nights; night++) {
      const now = fails(values.map((all) => gated(all.slice(0, night))));
      if (now && !red) alarms++;
      red = now;
    }
  }
  return { nights: suites * nights, alarms };
}

function quietSeries({ nights, variation, correlation = 0, badNights = 0 }: QuietCase, random: Random): number[] {
  let rest = 0;
  return Array.from({ length: nights }, () => {
    rest = correlation * rest + Math.sqrt(1 - correlation ** 2) * variation * random.normal();
    return 1 + rest + (random.chance(badNights) ? 0.1 : 0);
  });
}

const metricNames = [
  ["okPerSecond", "/s", "higher", 5_000],
  ["p50Ms", "ms", "lower", 2],
  ["p99Ms", "ms", "lower", 9],
  ["turnsPerOk", "per ok op", "lower", 11],
  ["logBytesPerOk", "B per ok op", "lower", 700],
] as const;
const experimentNames = ["adaptive-capacity", "retry-storm", "virtual-nodes", "cart-merge"];

/** A history with changes in some of its figures: `metrics` of them over `nights`, the last at the end of November 2026. */
export function syntheticHistory(metrics: number, nights: number, seed = 1): HistoryLine[] {
  const random = Random.stream(seed, "history");
  const lines: HistoryLine[] = [];
  for (let metric = 0; metric < metrics; metric++) {
    const [name, unit, better, level] = metricNames[metric % metricNames.length];
    const experiment = experimentNames[Math.floor(metric / metricNames.length) % experimentNames.length];
    const design = `design${Math.floor(metric / metricNames.length / experimentNames.length) + 1}`;
    const changes = changesOf(metric, nights, random);
    let base = level * (0.6 + random.float());
    for (let night = 0; night < nights; night++) {
      base *= 1 + (changes.get(night) ?? 0);
      const variation = name === "p99Ms" ? 0.05 : name === "turnsPerOk" ? 0.004 : 0.018;
      const runs = Array.from({ length: 3 }, () => Number((base * (1 + variation * random.normal())).toPrecision(6)));
      const value = runs.toSorted((a, b) => a - b)[1];
      const figures = { metric: `${experiment}/threads/${design}/${name}`, value, runs, unit, better };
      lines.push({ ...figures, gate: name === "p99Ms" ? 0.15 : 0.05, ...nightOf(night, nights) });
    }
  }
  return lines;
}

/** Some figures change once or twice in a year; two of a hundred in the last nights. */
function changesOf(metric: number, nights: number, random: Random): Map<number, number> {
  const changes = new Map<number, number>();
  if (metric % 7 === 3)
    changes.set(Math.floor(nights * (0.2 + 0.5 * random.float())), random.chance(0.5) ? 0.14 : -0.12);
  if (metric % 50 === 21) changes.set(nights - 5, 0.11);
  if (metric % 50 === 35) changes.set(nights - 4, -0.12);
  return changes;
}

function nightOf(night: number, nights: number) {
  const day = new Date(Date.UTC(2026, 10, 30, 2, 30) - (nights - 1 - night) * 86_400_000);
  const commit = Random.stream(night, "commit");
  return {
    schema: historySchema,
    time: day.toISOString(),
    commit: Array.from({ length: 5 }, () => commit.uint32().toString(16).padStart(8, "0")).join(""),
    dirty: false,
    plan: "--tank threads --seed 1; open loop, 1000/s Poisson, for 4 s",
    machine: "AMD EPYC 7763, 2 cores, 8 GiB, Linux x64, ext4",
    node: night < nights / 2 ? "26.9.0" : "26.10.0",
  } as const;
}
