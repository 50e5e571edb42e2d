/**
 * One run in virtual time: set up, load with faults on schedule, heal, read everything back, check.
 *
 * The event loop is given a turn every hundred milliseconds of real time, so that a progress display moves and an interruption
 * is heard; virtual time does not notice.
 */
import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Answer, Request } from "../backend/api.ts";
import { second, type Micros } from "../backend/kernel/units.ts";
import { createSimulation } from "../backend/simulated.ts";
import { createWorkload } from "../workloads/catalog.ts";
import { SnapshotRecorder } from "./agents/snapshot-recorder.ts";
import { askSimulated, SimulationHost, type SimulatedBackend } from "./hosts/simulation-host.ts";
import type { Recorder } from "./measure/recorder.ts";
import type { RunResult } from "./results.ts";
import { throwIfAborted, type RunOrder } from "./run-order.ts";
import { recorderFor, runResult, sortHistory } from "./run-result.ts";
import { createSchedule } from "./schedule.ts";
import { latencySoFar } from "./measure/progress.ts";

/** After the load: for operations still under way, then for replicas to come to rest. */
const drainLimitUs = 120 * second;
const settleLimitUs = 300 * second;
const askPatienceUs = 60 * second;

/** Virtual time between two looks at the real clock; longer in a load of hours, which has seconds in which nothing happens. */
const leastChunkUs = 20_000;
const mostChunks = 20_000;

/** Of real time: a quick run lasts less than a second, and still has a past to draw. */
const newsEveryMs = 100;

export async function runInSimulation(order: RunOrder): Promise<RunResult> {
  const { design, settled, seed } = order;
  const startedAt = new Date();
  const startedMs = performance.now();
  const backend: SimulatedBackend = createSimulation(design.deployment, seed);
  const workload = createWorkload(design.workload);
  askAll(backend, workload.setup());
  const loadStartUs = backend.now;
  for (const { atUs, fault } of settled.faults) backend.at(loadStartUs + atUs, () => backend.inject(fault));
  const plain = recorderFor(settled, design.calls.deadlineUs, order.watch);
  const recorder = order.watch?.onNews === undefined ? plain : new SnapshotRecorder(plain.plan);
  const host = new SimulationHost(backend, {
    schedule: createSchedule(settled.load, settled.forUs, seed),
    workload,
    calls: design.calls,
    seed,
    forUs: settled.forUs,
    recorder,
  });
  await drive(host, order, recorder, startedMs);
  backend.settle(settleLimitUs);
  const history = sortHistory(host.driver.history);
  const finals = askAll(backend, workload.finalReads(history));
  const check = workload.check(history, finals);
  const tookS = (performance.now() - startedMs) / 1_000;
  const trace = {
    digest: backend.digest(),
    events: backend.events,
    eventsPerSecond: Math.round(backend.events / tookS),
  };
  return runResult(order, {
    startedAt,
    tookS,
    recorder,
    loopDelayP99Us: 0,
    check,
    counters: backend.counters(),
    trace,
  });
}

async function drive(host: SimulationHost, order: RunOrder, recorder: Recorder, startedMs: number): Promise<void> {
  const { forUs } = order.settled;
  let saidMs = startedMs;
  let toldMs = startedMs;
  const chunkUs = Math.max(leastChunkUs, Math.ceil(forUs / mostChunks));
  for (let untilUs: Micros = chunkUs; !host.driver.finished && untilUs < forUs + drainLimitUs; untilUs += chunkUs) {
    host.run(untilUs);
    const nowMs = performance.now();
    if (nowMs - saidMs < 100) continue;
    saidMs = nowMs;
    await nextTurn();
    throwIfAborted(order.signal);
    const { planned, ok, refused, unknown } = recorder.totals;
    const elapsedS = (nowMs - startedMs) / 1_000;
    const totalS = (elapsedS * forUs) / Math.min(untilUs, forUs);
    if (recorder instanceof SnapshotRecorder && nowMs - toldMs >= newsEveryMs) {
      order.watch?.onNews?.(0, { untilUs, recorder: recorder.take() });
      toldMs = nowMs;
    }
    order.onProgress({ elapsedS, totalS, offered: planned, ok, refused, unknown, p99Ms: latencySoFar(recorder) });
  }
}

/** In parallel batches: a thousand seed items take no longer than a few. */
function askAll(backend: SimulatedBackend, requests: readonly Request[]): Answer[] {
  return requests.map((request) => askSimulated(backend, request, askPatienceUs));
}
