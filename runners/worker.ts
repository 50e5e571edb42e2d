/**
 * A generator worker: one slice of a load on a thread of its own. Piscina calls `runSlice`; everything it needs comes in the
 * task, and everything it learnt goes back in the result.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { createWorkload } from "../workloads/catalog.ts";
import { rehearse } from "./agents/rehearsal.ts";
import { SnapshotRecorder } from "./agents/snapshot-recorder.ts";
import type { DriverOptions } from "./driver.ts";
import { PacedHost } from "./hosts/paced-host.ts";
import { openHttpSlice } from "./load/load-slice.ts";
import { latencySoFar } from "./measure/progress.ts";
import { Recorder } from "./measure/recorder.ts";
import { createSchedule } from "./schedule.ts";
import { flag, progressFields, type SliceResult, type SliceTask, type Snapshot } from "./slice-task.ts";
import { DirectTarget } from "./targets/direct.ts";
import { DynamodbTarget } from "./targets/dynamodb.ts";
import type { Target } from "./targets/target.ts";

const reportEveryMs = 400;
/** Also how much of a slice is lost with its machine. */
const snapshotEveryMs = 1_000;

export async function runSlice(task: SliceTask): Promise<SliceResult> {
  if (task.target.kind === "rehearsal") {
    await synchronisedStart(task);
    return rehearse(task);
  }
  if (task.target.kind === "http") {
    const slice = await openHttpSlice(task.target.load);
    return { ...(await paceSlice(task, slice.target, slice.sessions)), checks: slice.counts() };
  }
  return paceSlice(task, createTarget(task.target), createWorkload(task.workload));
}

async function paceSlice<Q, R>(
  task: SliceTask,
  target: Target<Q, R>,
  workload: DriverOptions<Q, R>["workload"],
): Promise<SliceResult> {
  const { load, forUs, seed, calls, slice, shared, snapshots } = task;
  const recorder = snapshots === undefined ? new Recorder(task.record) : new SnapshotRecorder(task.record);
  const schedule = createSchedule(load, forUs, seed, slice);
  const host = new PacedHost(target, task.pace, { schedule, workload, calls, seed, forUs, recorder });
  const startMs = await synchronisedStart(task);
  if (Atomics.load(shared.flags, flag.stop) === 1) host.stop();
  const reports = setInterval(() => {
    report(task, recorder);
    if (Atomics.load(shared.flags, flag.stop) === 1) host.stop();
  }, reportEveryMs);
  const posts = setInterval(() => {
    if (recorder instanceof SnapshotRecorder)
      snapshots?.postMessage({ untilUs: host.now(), recorder: recorder.take() } satisfies Snapshot);
  }, snapshotEveryMs);
  try {
    const { loopDelayP99Us, finished } = await host.run(startMs);
    return { recorder: recorder.parts(), history: host.driver.history, loopDelayP99Us, finished };
  } finally {
    clearInterval(reports);
    clearInterval(posts);
    await target.close();
  }
}

function createTarget(spec: Exclude<SliceTask["target"], { kind: "rehearsal" | "http" }>): Target {
  return spec.kind === "direct" ? new DirectTarget(spec.ports) : new DynamodbTarget(spec.url);
}

/** Says that this slice is ready, waits for the others, and returns the common start on this thread's clock. */
async function synchronisedStart({ shared }: SliceTask): Promise<number> {
  Atomics.add(shared.flags, flag.ready, 1);
  while (Atomics.load(shared.flags, flag.go) === 0) await pause(1);
  const untilMs = Number(Atomics.load(shared.startNs, 0) - process.hrtime.bigint()) / 1e6;
  return performance.now() + untilMs;
}

function report({ shared, place }: SliceTask, recorder: Recorder): void {
  const { planned, ok, refused, unknown } = recorder.totals;
  const figures = [planned, ok, refused, unknown, latencySoFar(recorder) ?? Number.NaN];
  shared.progress.set(figures, place * progressFields);
}
