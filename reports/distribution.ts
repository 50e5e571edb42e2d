/**
 * Latencies of a design: the histograms of its valid runs, merged. Files hold HDR V2 in base64, so that runs of many machines add
 * up without loss; percentiles are never averaged.
 */
import { type Histogram, build, decodeFromCompressedBase64 } from "hdr-histogram-js";
import type { DesignResult } from "../runners/results.ts";

/** A percentile with fewer samples beyond it is an anecdote. */
const samplesBeyond = 10;

const perDecade = 16;
/** A curve over log latency needs this many samples to be one. */
const fewestSamples = 100;

export interface DesignLatencies {
  /** Microseconds from the intended start; undefined where no run is valid. */
  readonly latency: Histogram | undefined;
  /** Microseconds from the last attempt's send. */
  readonly service: Histogram | undefined;
}

export function latenciesOf(design: DesignResult): DesignLatencies {
  const operations = design.runs.filter((run) => run.generator.valid).flatMap((run) => run.operations);
  return {
    latency: merge(operations.map((operation) => operation.latency)),
    service: merge(operations.map((operation) => operation.service)),
  };
}

/** Undefined where under ten samples lie beyond. */
export function percentileMs(histogram: Histogram | undefined, percentile: number): number | undefined {
  if (histogram === undefined) return undefined;
  if (histogram.totalCount * (1 - percentile / 100) < samplesBeyond) return undefined;
  return histogram.getValueAtPercentile(percentile) / 1_000;
}

/** [quantile, milliseconds], evenly spaced on an axis of nines, cut where fewer than ten samples lie beyond. */
export function curveOf(histogram: Histogram, perNine = 12): number[][] {
  if (histogram.totalCount <= samplesBeyond) return [];
  const steps = Math.floor(Math.log10(histogram.totalCount / samplesBeyond) * perNine + 1e-9);
  return Array.from({ length: steps + 1 }, (_, i) => {
    const quantile = 1 - 10 ** (-i / perNine);
    return [quantile, histogram.getValueAtPercentile(quantile * 100) / 1_000];
  });
}

/**
 * [milliseconds, percent of operations a tenth of a decade], over log latency: areas under two curves compare by eye, which those
 * over a linear axis do not. Smoothed by a kernel of 1-2-3-2-1 buckets, against the histogram's own steps.
 */
export function densityOf(histogram: Histogram): number[][] {
  if (histogram.totalCount < fewestSamples) return [];
  const counts = bucketCounts(histogram);
  const buckets = [...counts.keys()];
  const [first, last] = [Math.min(...buckets) - 3, Math.max(...buckets) + 3];
  const scale = ((100 / histogram.totalCount) * perDecade) / 10;
  const points = Array.from({ length: last - first + 1 }, (_, i) => {
    const bucket = first + i;
    const smooth = kernel.reduce((sum, weight, j) => sum + weight * (counts.get(bucket + j - 2) ?? 0), 0) / 9;
    return [10 ** ((bucket + 0.5) / perDecade) / 1_000, smooth * scale];
  });
  const seen = points.map(([, share]) => share! > visible);
  return points.slice(Math.max(0, seen.indexOf(true) - 1), seen.lastIndexOf(true) + 2);
}

/** Percent: less than this is the axis itself, and would only stretch it. */
const visible = 0.01;

const kernel = [1, 2, 3, 2, 1];

/** Every histogram here is the library's own JavaScript one, which can be walked; its common type does not say so. */
interface Walkable {
  readonly recordedValuesIterator: {
    reset(): void;
    hasNext(): boolean;
    next(): { readonly valueIteratedTo: number; readonly countAddedInThisIterationStep: number };
  };
}

function bucketCounts(histogram: Histogram): Map<number, number> {
  const counts = new Map<number, number>();
  const walk = (histogram as unknown as Walkable).recordedValuesIterator;
  walk.reset();
  while (walk.hasNext()) {
    const { valueIteratedTo, countAddedInThisIterationStep } = walk.next();
    const bucket = Math.floor(Math.log10(Math.max(1, valueIteratedTo)) * perDecade + 1e-9);
    counts.set(bucket, (counts.get(bucket) ?? 0) + countAddedInThisIterationStep);
  }
  return counts;
}

function merge(encoded: readonly string[]): Histogram | undefined {
  if (encoded.length === 0) return undefined;
  const merged = build({ numberOfSignificantValueDigits: 3, autoResize: true, useWebAssembly: false });
  for (const text of encoded) merged.add(decodeFromCompressedBase64(text, 32, false));
  return merged;
}
