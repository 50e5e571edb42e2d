/**
 * Latency over time as counts, for a heat map: what percentiles by the second hide is that a second had two kinds of operations,
 * fast ones and those that waited for something. Sixteen buckets a decade tell 14 % apart and make a picture, not an instrument;
 * the instrument is the run's histogram.
 */
import type { LatencyMap } from "../results.ts";
import type { Histogram } from "./histogram.ts";

const perDecade = 16;

/** One row of counts a histogram, none for null; the first bucket is the lowest that any row has. */
export function latencyMap(rows: readonly (Histogram | null)[]): LatencyMap {
  const buckets = rows.map((row) => (row === null ? [] : row.logBuckets(perDecade)));
  const first = buckets.flat().reduce((least, [bucket]) => Math.min(least, bucket), Infinity);
  const counts = buckets.map((row) => {
    const dense: number[] = [];
    for (const [bucket, count] of row) {
      while (dense.length < bucket - first) dense.push(0);
      dense[bucket - first] = count;
    }
    return dense;
  });
  return { perDecade, first: Number.isFinite(first) ? first : 0, counts };
}
