/** What the tests of agents share: one small load as plain data, and what one thread alone records of it. */
import { second } from "../../backend/kernel/units.ts";
import type { LoadTask } from "../hosts/threads-host.ts";
import { Histogram } from "../measure/histogram.ts";
import { Recorder, type RecorderParts } from "../measure/recorder.ts";
import type { SliceResult } from "../slice-task.ts";
import type { CodeIdentity } from "./messages.ts";
import { recorderToJson } from "./recorder-json.ts";
import { rehearse } from "./rehearsal.ts";

export const code: CodeIdentity = { version: "1.0.0", commit: "2eb9281f00", sources: "aaaaaaaaaaaa" };
export const otherCode: CodeIdentity = { version: "1.0.0", commit: "77aa55b900", sources: "bbbbbbbbbbbb" };

/** About 9,000 operations of two kinds, with retries, refusals and timeouts. */
export const loadTask: LoadTask = {
  load: { kind: "poisson", perSecond: 3_000 },
  forUs: 3 * second,
  seed: 7,
  calls: {
    clients: 24,
    timeoutUs: 50_000,
    deadlineUs: 120_000,
    retry: { attempts: 2, backoff: { kind: "full-jitter", baseUs: 1_000, capUs: 20_000 } },
  },
  workload: { name: "items", parameters: {} },
  record: { forUs: 3 * second, warmUpUs: second / 2, goodWithinUs: 10_000 },
  pace: "modest",
};

/** Slice `index` of `count` as one thread alone makes it. */
export function rehearsed(index: number, count: number): SliceResult {
  return rehearse({ ...loadTask, slice: { index, count, clients: loadTask.calls.clients } });
}

export function mergedParts(parts: readonly RecorderParts[]): Recorder {
  const recorder = new Recorder(loadTask.record);
  for (const part of parts) recorder.merge(part);
  return recorder;
}

/** Everything that reaches a results file, comparable by value. */
export function figures(recorder: Recorder): unknown {
  return { parts: recorderToJson(recorder.parts()), operations: recorder.operations(), timeline: recorder.timeline() };
}

/**
 * Counts by bucket, whatever the order in which kinds of operation were met first. Equal histograms can differ in their encoded
 * header, which says how large the array of buckets had grown; read and written once more they do not.
 */
export function byName(recorder: Recorder): unknown {
  const { tallies, rows, lateness, totals } = recorder.parts();
  const again = (base64: string | null): string | null => (base64 === null ? null : Histogram.decode(base64).encode());
  const sorted = tallies
    .filter((tally) => tally.offered + tally.attempts + tally.ok + tally.refused.size > 0)
    .map((tally) => ({
      ...tally,
      latency: again(tally.latency),
      service: again(tally.service),
      refused: [...tally.refused].toSorted(byCode),
      unknown: [...tally.unknown].toSorted(byCode),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    sorted,
    rows: rows.map((row) => ({ ...row, latency: again(row.latency) })),
    lateness: again(lateness),
    totals,
  };
}

const byCode = ([a]: [string, number], [b]: [string, number]): number => (a < b ? -1 : 1);
