/**
 * What the main thread and a generator worker say to each other: a task as plain data, a result as plain data, and a small
 * shared memory for what cannot wait for either.
 *
 *     flags     ready  counts workers whose modules and driver are built
 *               go     1 when `startNs` is set: all slices begin at that instant of the machine's monotonic clock
 *               stop   1 when the run is over for everybody
 *     progress  five numbers a slice: planned, ok, refused, unknown, p99 in milliseconds (NaN before the first)
 */
import type { MessagePort } from "node:worker_threads";
import type { Micros } from "../backend/kernel/units.ts";
import type { CallPolicy } from "../backend/policies/call.ts";
import type { HistoryEntry, WorkloadSpec } from "../workloads/workload.ts";
import type { LoadShape } from "./experiment.ts";
import type { CheckCounts } from "./load/check-tally.ts";
import type { HttpLoad } from "./load/load-plan.ts";
import type { Pace } from "./hosts/paced-host.ts";
import type { RecorderParts, RecorderPlan } from "./measure/recorder.ts";
import type { Slice } from "./schedule.ts";

export interface SliceTask {
  readonly slice: Slice;
  /** This worker's row in `shared.progress`; not the slice's number where other machines have slices too. */
  readonly place: number;
  readonly load: LoadShape;
  readonly forUs: Micros;
  readonly seed: number;
  readonly calls: CallPolicy;
  readonly workload: WorkloadSpec;
  readonly record: RecorderPlan;
  readonly pace: Pace;
  readonly target:
    | { readonly kind: "direct"; readonly ports: readonly MessagePort[] }
    | { readonly kind: "dynamodb"; readonly url: string }
    /** Any HTTP service; the task's own workload says nothing then. */
    | { readonly kind: "http"; readonly load: HttpLoad }
    /** Answers by script in virtual time, for a rehearsal. */
    | { readonly kind: "rehearsal" };
  readonly shared: SharedState;
  /** Where the worker posts a `Snapshot` about once a second; absent: nobody asks. */
  readonly snapshots?: MessagePort;
}

/** What a worker recorded since its snapshot before. */
export interface Snapshot {
  /** Everything that ended before this instant of the load is in this snapshot or an earlier one. */
  readonly untilUs: Micros;
  readonly recorder: RecorderParts;
}

export interface SliceResult {
  readonly recorder: RecorderParts;
  readonly history: readonly HistoryEntry[];
  readonly loopDelayP99Us: Micros;
  readonly finished: boolean;
  /** Of an HTTP service's answers. */
  readonly checks?: CheckCounts;
}

export interface SharedState {
  readonly flags: Int32Array;
  readonly startNs: BigInt64Array;
  readonly progress: Float64Array;
}

export const flag = { ready: 0, go: 1, stop: 2 } as const;
export const progressFields = 5;

export function createSharedState(slices: number): SharedState {
  return {
    flags: new Int32Array(new SharedArrayBuffer(12)),
    startNs: new BigInt64Array(new SharedArrayBuffer(8)),
    progress: new Float64Array(new SharedArrayBuffer(8 * progressFields * slices)),
  };
}
