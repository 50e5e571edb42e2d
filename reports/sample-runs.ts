/** Made-up runs for the sample results: a shape (rate, latency, what goes wrong when) in, timelines and histograms out. */
import { build, encodeIntoCompressedBase64 } from "hdr-histogram-js";
import {
  schemaVersion,
  type Band,
  type Chart,
  type DesignResult,
  type Estimate,
  type ExperimentResult,
  type LatencyMap,
  type Results,
  type RunResult,
  type Timeline,
} from "../runners/results.ts";

type Tank = ExperimentResult["tank"];

/** mulberry32: enough for pictures. */
export function sampleRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface SampleShape {
  readonly perSecond: number;
  /** Operations a second at a second of the run, where it is not one rate. */
  rate?(second: number): number;
  readonly seconds: number;
  /** Median latency, ms; the tail is log-normal with `spread`. */
  readonly medianMs: number;
  readonly spread: number;
  readonly attempts: number;
  /** Shares of operations at a second of the run, in [0, 1]. */
  refused(second: number): number;
  unknown(second: number): number;
  /** Latency factor at a second of the run. */
  slow(second: number): number;
}

export const calm: SampleShape = {
  perSecond: 900,
  seconds: 60,
  medianMs: 2.1,
  spread: 0.45,
  attempts: 1,
  refused: () => 0,
  unknown: () => 0,
  slow: () => 1,
};

export function sampleTimeline(shape: SampleShape, random: () => number): Timeline {
  const atS = Array.from({ length: shape.seconds }, (_, second) => second);
  const jitter = (value: number): number => Math.max(0, Math.round(value * (1 + (random() - 0.5) * 0.06)));
  const offered = atS.map((second) => jitter(shape.rate?.(second) ?? shape.perSecond));
  const refused = atS.map((second, i) => Math.round(offered[i]! * shape.refused(second) * (0.95 + random() * 0.1)));
  const unknown = atS.map((second, i) => Math.round((offered[i]! - refused[i]!) * Math.min(1, shape.unknown(second))));
  const ok = atS.map((_, i) => Math.max(0, offered[i]! - refused[i]! - unknown[i]!));
  const p50 = atS.map((second) => shape.medianMs * shape.slow(second) * (0.95 + random() * 0.1));
  return {
    intervalS: 1,
    atS,
    offered,
    ok,
    refused,
    unknown,
    attempts: atS.map((_, i) => Math.round(offered[i]! + (shape.attempts - 1) * (refused[i]! + unknown[i]!))),
    p50Ms: p50.map((ms, i) => (ok[i] === 0 ? null : ms)),
    p99Ms: p50.map((ms, i) => (ok[i] === 0 ? null : ms * Math.exp(2.33 * shape.spread) * (0.85 + random() * 0.4))),
  };
}

const perDecade = 16;

/** Counts by second and latency: 120 operations of each second stand for all of it. */
function sampleLatencyMap(shape: SampleShape, timeline: Timeline, random: () => number): LatencyMap {
  const drawn = 120;
  const first = 2 * perDecade;
  const counts = timeline.atS.map((second, i) => {
    const row: number[] = [];
    for (let k = 0; k < (timeline.ok[i] === 0 ? 0 : drawn); k++) {
      const us = sampleLatencyUs(shape, second, random);
      const bucket = Math.max(0, Math.floor(Math.log10(us) * perDecade) - first);
      while (row.length <= bucket) row.push(0);
      row[bucket]! += Math.max(1, Math.round(timeline.ok[i]! / drawn));
    }
    return row;
  });
  return { perDecade, first, counts };
}

export function sampleRun(shape: SampleShape, round: number, tank: Tank, seed: number): RunResult {
  const random = sampleRandom(seed * 1_000 + round);
  const timeline = sampleTimeline(shape, random);
  const latency = build({ numberOfSignificantValueDigits: 3, autoResize: true, useWebAssembly: false });
  const service = build({ numberOfSignificantValueDigits: 3, autoResize: true, useWebAssembly: false });
  for (let i = 0; i < 6_000; i++) {
    const us = sampleLatencyUs(shape, Math.floor(random() * shape.seconds), random);
    latency.recordValue(us);
    service.recordValue(Math.max(1, Math.round(us * (0.55 + random() * 0.4))));
  }
  const total = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
  const [ok, refused, unknown, offered] = [timeline.ok, timeline.refused, timeline.unknown, timeline.offered].map(
    total,
  );
  return {
    round,
    seed,
    startedAt: "2026-11-24T06:20:00.000Z",
    tookS: tank === "threads" ? shape.seconds + 1.4 : 2.2,
    generator: {
      planned: offered!,
      sent: offered!,
      dropped: 0,
      latenessP50Us: tank === "threads" ? 38 : 0,
      latenessP99Us: tank === "threads" ? Math.round(700 + random() * 600) : 0,
      latenessMaxUs: tank === "threads" ? 4_100 : 0,
      loopDelayP99Us: tank === "threads" ? 1_300 : 0,
      valid: true,
      reasons: [],
    },
    operations: [
      {
        operation: "put",
        ok: ok!,
        refused: refused === 0 ? {} : { throttled: refused! },
        unknown: unknown === 0 ? {} : { timeout: unknown! },
        attempts: total(timeline.attempts),
        latency: encodeIntoCompressedBase64(latency),
        service: encodeIntoCompressedBase64(service),
      },
    ],
    timeline: round === 0 ? { ...timeline, latencies: sampleLatencyMap(shape, timeline, random) } : timeline,
    metrics: {
      okPerSecond: ok! / shape.seconds,
      p99Ms: latency.getValueAtPercentile(99) / 1_000,
      refusedShare: refused! / offered!,
    },
    counters: { compactions: 3, requestsByPartition: [120, 133, 4_021, 98] },
    check: {
      name: "no acknowledged write is lost",
      held: true,
      examined: ok!,
      violations: [],
      counts: { lost: 0, extra: unknown! },
    },
    trace:
      tank === "simulation" ? { digest: hexDigest(random), events: 1_412_882, eventsPerSecond: 642_000 } : undefined,
  };
}

export function sampleLatencyUs(shape: SampleShape, second: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.max(1, Math.round(1_000 * shape.medianMs * shape.slow(second) * Math.exp(shape.spread * normal)));
}

export function sampleEstimate(value: number, spread: number, n: number): Estimate {
  return {
    value,
    low: value / (1 + spread),
    high: value * (1 + spread),
    level: 0.95,
    n,
    method: "BCa bootstrap of log ratios",
  };
}

/** [quantile, ms] as a run would have it: dense near the tail, cut where under ten of `samples` lie beyond. */
export function samplePercentiles(shape: SampleShape, seed: number, samples = 20_000): number[][] {
  const random = sampleRandom(seed);
  const values = Array.from({ length: samples }, () =>
    sampleLatencyUs(shape, Math.floor(random() * shape.seconds), random),
  ).sort((a, b) => a - b);
  const points: number[][] = [];
  for (let nines = 0; nines < Math.log10(samples / 10); nines += 0.08) {
    const quantile = 1 - 10 ** -nines;
    points.push([quantile, values[Math.floor(quantile * samples)]! / 1_000]);
  }
  return points;
}

export interface SampleDesign {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly differs: DesignResult["differs"];
  readonly shape: SampleShape;
}

export function sampleDesign(design: SampleDesign, tank: Tank, rounds: number): DesignResult {
  const { shape, ...described } = design;
  return { ...described, runs: Array.from({ length: rounds }, (_, round) => sampleRun(shape, round, tank, 7)) };
}

/** The charts that every experiment can have. */
export function standardCharts(
  designs: readonly SampleDesign[],
  bands: readonly Band[],
  readings: [string, string],
): Chart[] {
  return [
    {
      kind: "timeline",
      title: "What happened, second by second",
      reading: readings[0],
      bands: [...bands],
      panels: designs.map(({ name, shape }) => ({ design: name, timeline: sampleTimeline(shape, sampleRandom(11)) })),
    },
    {
      kind: "percentiles",
      title: "Latency by percentile",
      reading: readings[1],
      series: designs.map(({ name, shape }) => ({ name, points: samplePercentiles(shape, 5) })),
      sloMs: 50,
    },
  ];
}

function hexDigest(random: () => number): string {
  return Array.from({ length: 16 }, () => Math.floor(random() * 16).toString(16)).join("");
}

export const sampleEnvelope: Omit<Results, "experiments"> = {
  schema: schemaVersion,
  startedAt: "2026-11-24T06:20:00.000Z",
  tookS: 268,
  seed: 42,
  quick: false,
  commit: "7744326a0c1d5e2f9b8a7c6d5e4f3a2b1c0d9e8f",
  dirty: false,
  rerun: "npm run bench -- --seed 42",
  machine: {
    cpu: "AMD EPYC 7B13",
    cores: 2,
    memoryGiB: 7.8,
    os: "Debian 12, Linux 6.1",
    node: "26.10.0",
    disk: "ext4 on nvme0n1, fdatasync p50 0.19 ms",
  },
};
