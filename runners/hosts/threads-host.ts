/**
 * Slices of a load on Piscina workers: started at one instant, watched while they run, merged when they end. The workers are
 * kept from run to run, so that a later design does not meet a generator that is warmer than an earlier one's by a compile.
 */
import { setTimeout as pause } from "node:timers/promises";
import { MessageChannel, type MessagePort, type StructuredSerializeOptions } from "node:worker_threads";
import { Piscina } from "piscina";
import type { Micros } from "../../backend/kernel/units.ts";
import type { HistoryEntry } from "../../workloads/workload.ts";
import { mergeCounts, type CheckCounts } from "../load/check-tally.ts";
import type { Recorder } from "../measure/recorder.ts";
import type { RunSlices } from "../results.ts";
import type { RunProgress } from "../suite-types.ts";
import {
  createSharedState,
  flag,
  progressFields,
  type SharedState,
  type SliceResult,
  type SliceTask,
  type Snapshot,
} from "../slice-task.ts";

/** Slack between the last worker being ready and the common start. */
const startSlackNs = 20_000_000n;
const progressEveryMs = 500;

/** A task without what the pool fills in for each slice. */
export type LoadTask = Omit<SliceTask, "slice" | "place" | "shared" | "target" | "snapshots">;

/** What carries a load out: workers of this machine, or agents on others. */
export interface LoadGenerator {
  /** Runs one load and merges what was recorded into `recorder`. Rejects when nothing was measured. */
  run(task: LoadTask, recorder: Recorder, hooks: LoadHooks): Promise<LoadOutcome>;
  close(): Promise<void>;
}

export interface LoadHooks {
  /** Where slice `index` sends its attempts; called once a slice. */
  target(index: number): SliceTask["target"];
  /** The load begins now. */
  onStart(): void;
  onProgress(progress: RunProgress): void;
  readonly signal?: AbortSignal;
  /** Every worker is ready: resolves with the common start, in nanoseconds of this machine's monotonic clock, or null: never. */
  startAt?(): Promise<bigint | null>;
  /** About once a second and worker. */
  onSnapshot?(place: number, snapshot: Snapshot): void;
}

export interface LoadOutcome {
  readonly history: HistoryEntry[];
  /** Of the worst slice. */
  readonly loopDelayP99Us: Micros;
  /** False when the load was aborted. */
  readonly finished: boolean;
  /** What checks on an HTTP service's answers found. */
  readonly checks?: CheckCounts;
  /** Where each machine's part is from and how much of it there is; absent when this machine made all of it. */
  readonly slices?: RunSlices;
}

/** Which part of a load is this machine's: number `index` of `count` equal ones. */
export interface Part {
  readonly index: number;
  readonly count: number;
}

const wholeLoad: Part = { index: 0, count: 1 };

export class GeneratorPool implements LoadGenerator {
  private readonly pool: Piscina<SliceTask, SliceResult>;
  private readonly slices: number;
  private readonly part: Part;

  constructor(slices: number, part: Part = wholeLoad) {
    this.slices = slices;
    this.part = part;
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
    const { clients } = task.calls;
    // A client belongs to one slice, so there is no use for more slices than clients.
    const count = Math.min(this.slices, Math.max(1, Math.floor(clients / this.part.count)));
    const shared = createSharedState(count);
    const snapshots = Array.from({ length: count }, (_, place) => snapshotChannel(place, hooks));
    const results = Promise.all(
      Array.from({ length: count }, (_, place) => {
        const target = hooks.target(place);
        // The machine's arrivals are the same whatever its number of workers: those of clients c with c mod parts = part.
        const slice = { index: this.part.index + this.part.count * place, count: this.part.count * count, clients };
        const port = snapshots[place]?.port2;
        const ports: MessagePort[] = target.kind === "direct" ? [...target.ports] : [];
        if (port !== undefined) ports.push(port);
        // Piscina hands the list to postMessage as it is; its types infer that parameter from the wrong overload.
        const transferList = ports as StructuredSerializeOptions;
        return this.pool.run({ ...task, slice, place, target, shared, snapshots: port }, { transferList });
      }),
    );
    const watch = new AbortController();
    const watched = this.watch(task, shared, count, hooks, watch.signal);
    try {
      // A start that cannot be agreed on ends the run for the workers too; without one there is nothing to wait for.
      return merged(await Promise.race([results, watched.then(() => results)]), recorder);
    } catch (error) {
      throw isDeath(error) ? new Error("a generator thread ended in the middle of its slice", { cause: error }) : error;
    } finally {
      watch.abort();
      Atomics.store(shared.flags, flag.stop, 1);
      Atomics.store(shared.flags, flag.go, 1);
      for (const channel of snapshots) channel?.port1.close();
      await watched.catch(() => undefined);
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
    const startNs = hooks.startAt === undefined ? process.hrtime.bigint() + startSlackNs : await hooks.startAt();
    if (startNs === null) {
      Atomics.store(shared.flags, flag.stop, 1);
      Atomics.store(shared.flags, flag.go, 1);
      return;
    }
    Atomics.store(shared.startNs, 0, startNs);
    Atomics.store(shared.flags, flag.go, 1);
    await pause(Math.max(0, Number(startNs - process.hrtime.bigint()) / 1e6));
    hooks.onStart();
    while (!over.aborted) {
      await pause(progressEveryMs, undefined, { signal: over }).catch(() => undefined);
      if (hooks.signal?.aborted === true) Atomics.store(shared.flags, flag.stop, 1);
      const elapsedS = Number(process.hrtime.bigint() - startNs) / 1e9;
      if (!over.aborted) hooks.onProgress({ ...progressOf(shared, count), elapsedS, totalS: task.forUs / 1e6 });
    }
  }
}

/** What Piscina says when a thread is gone with its task: killed, out of memory, or by `process.exit`. */
function isDeath(error: unknown): boolean {
  return error instanceof Error && /^worker exited with code/i.test(error.message);
}

/** From a worker to `onSnapshot`. A snapshot that is overtaken by the slice's result is not missed: that one is the whole. */
function snapshotChannel(place: number, hooks: LoadHooks): MessageChannel | undefined {
  if (hooks.onSnapshot === undefined) return undefined;
  const channel = new MessageChannel();
  channel.port1.on("message", (snapshot: Snapshot) => hooks.onSnapshot?.(place, snapshot));
  return channel;
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
    checks: mergeCounts(results.flatMap(({ checks }) => (checks === undefined ? [] : [checks]))),
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
