/** What a progress line says of latency while a run is under way: p99 over every ok operation of the measured window so far. */
import { Histogram } from "./histogram.ts";
import type { Recorder } from "./recorder.ts";

/** Milliseconds; null before the first ok operation. */
export function latencySoFar(recorder: Recorder): number | null {
  const latency = new Histogram();
  for (const tally of recorder.byOperation()) latency.merge(tally.latency);
  return latency.count === 0 ? null : latency.quantile(0.99) / 1_000;
}
