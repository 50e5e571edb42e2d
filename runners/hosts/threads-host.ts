/**
 * Slices of a load on Piscina workers: started at one instant, watched while they run, merged when they end. The workers are
 * kept from run to run, so that a later design does not meet a generator that is warmer than an earlier one's by a compile.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { MessagePort, StructuredSerializeOptions } from "node:worker_threads";
import { Piscina } from "piscina";
import type { Micros } from "../../backend/kernel/units.ts";
import type { HistoryEntry } from "../../workloads/workload.ts";
import type { Recorder } from "../measure/recorder.ts";
import type { RunProgress } from "../suite-types.ts";
import {
  createSharedState,
  flag,
  progressFields,
  type SharedState,
  type SliceResult,
  type SliceTask,
} from "../slice-task.ts";

/** Slack between the last worker being ready and the common start. */
const startSlackNs = 20_000_000n;
const progressEveryMs = 500;

/** A task without what the pool fills in for each slice. */
export type LoadTask = Omit<SliceTask, "slice" | "shared" | "target">;

export interface LoadHooks {
  /** Where slice `index` sends its attempts; called once a slice. */
  target(index: number): SliceTask["target"];
  /** The load begins now. */
  onStart(): void;
  onProgress(progress: RunProgress): void;
  readonly signal?: AbortSignal;
}

export interface LoadOutcome {
  readonly history: HistoryEntry[];
  /** Of the worst slice. */
  readonly loopDelayP99Us: Micros;
  /** False when the load was aborted. */
  readonly finished: boolean;
}

export class GeneratorPool {
  private readonly pool: Piscina<SliceTask, SliceResult>;
  private readonly slices: number;

  constructor(slices: number) {
    this.slices = slices;
    this.pool = new Piscina({
      filename: new URL("../worker.ts", import.meta.url).href,
      name: "runSlice",
      minThreads: slices,
      maxThreads: slices,
      concurrentTasksPerWorker: 1,
      atomics: "disabled",
    });
  }

  /** Runs one load over all slices and merges what they recorded into `recorder`. Rejects when a worker fails. */
  async run(task: LoadTask, recorder: Recorder, hooks: LoadHooks): Promise<LoadOutcome> {
    // A client belongs to one slice, so there is no use for more slices than clients.
    const count = Math.min(this.slices, task.calls.clients);
    const shared = createSharedState(count);
    const results = Promise.all(
      Array.from({ length: count }, (_, index) => {
        const target = hooks.target(index);
        const slice = { index, count, clients: task.calls.clients };
        const ports: MessagePort[] = target.kind === "direct" ? [...target.ports] : [];
        // Piscina hands the list to postMessage as it is; its types infer that parameter from the wrong overload.
        const transferList = ports as StructuredSerializeOptions;
        return this.pool.run({ ...task, slice, target, shared }, { transferList });
      }),
    );
    const watch = new AbortController();
    const watched = this.watch(task, shared, count, hooks, watch.signal);
    try {
      return merged(await results, recorder);
    } finally {
      watch.abort();
      Atomics.store(shared.flags, flag.stop, 1);
      await watched;
    }
  }

  async close(): Promise<void> {
    await this.pool.destroy();
  }

  /** Starts the slices together, then reports until the load is over. */
  private async watch(
    task: LoadTask,
    shared: SharedState,
    count: number,
    hooks: LoadHooks,
    over: AbortSignal,
  ): Promise<void> {
    while (Atomics.load(shared.flags, flag.ready) < count) {
      if (over.aborted) return;
      await pause(2);
    }
    const startNs = process.hrtime.bigint() + startSlackNs;
    Atomics.store(shared.startNs, 0, startNs);
    Atomics.store(shared.flags, flag.go, 1);
    await pause(Number(startNs - process.hrtime.bigint()) / 1e6);
    hooks.onStart();
    while (!over.aborted) {
      await pause(progressEveryMs, undefined, { signal: over }).catch(() => undefined);
      if (hooks.signal?.aborted === true) Atomics.store(shared.flags, flag.stop, 1);
      const elapsedS = Number(process.hrtime.bigint() - startNs) / 1e9;
      if (!over.aborted) hooks.onProgress({ ...progressOf(shared, count), elapsedS, totalS: task.forUs / 1e6 });
    }
  }
}

function merged(results: readonly SliceResult[], recorder: Recorder): LoadOutcome {
  const history: HistoryEntry[] = [];
  for (const result of results) {
    recorder.merge(result.recorder);
    for (const entry of result.history) history.push(entry);
  }
  return {
    history,
    loopDelayP99Us: Math.max(...results.map((result) => result.loopDelayP99Us)),
    finished: results.every((result) => result.finished),
  };
}

/** Sums over slices; the p99 is the worst slice's, because a progress line is no place to merge histograms. */
function progressOf({ progress }: SharedState, count: number): Omit<RunProgress, "elapsedS" | "totalS"> {
  const sum = (field: number): number => {
    let total = 0;
    for (let slice = 0; slice < count; slice++) total += progress[slice * progressFields + field];
    return total;
  };
  const worst = Array.from({ length: count }, (_, slice) => progress[slice * progressFields + 4]).filter(
    (ms) => ms > 0,
  );
  const p99Ms = worst.length === 0 ? null : Math.max(...worst);
  return { offered: sum(0), ok: sum(1), refused: sum(2), unknown: sum(3), p99Ms };
}
