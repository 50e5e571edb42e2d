/**
 * One run on this machine: start the backend, set up, load with faults on schedule, heal, read everything back, check.
 *
 * The service under test is the reference's (by message port or through its own front door) or, with a URL, somebody else's; the
 * latter gets no faults and has no counters.
 */
import { performance } from "node:perf_hooks";
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { Answer, Deployment, Request } from "../backend/api.ts";
import { startThreads, type ThreadsBackend } from "../backend/backend.ts";
import type { FaultPlan } from "../backend/kernel/fault.ts";
import { isRetryable } from "../backend/policies/caller.ts";
import { createWorkload } from "../workloads/catalog.ts";
import type { CheckResult, HistoryEntry } from "../workloads/workload.ts";
import { UsageError } from "./command-error.ts";
import type { Design } from "./experiment.ts";
import type { Pace } from "./hosts/paced-host.ts";
import { packJson, recorderToJson } from "./agents/recorder-json.ts";
import type { LoadGenerator, LoadOutcome } from "./hosts/threads-host.ts";
import type { Recorder, RecorderParts } from "./measure/recorder.ts";
import { missingSlices } from "./missing-slices.ts";
import type { RunResult } from "./results.ts";
import { Interrupted, throwIfAborted, type RunOrder } from "./run-order.ts";
import { notChecked, recorderFor, runResult, sortHistory } from "./run-result.ts";
import type { SliceTask } from "./slice-task.ts";
import { DynamodbTarget } from "./targets/dynamodb.ts";
import { ask } from "./targets/target.ts";

/** Setup and final reads under way at once. */
const asksAtOnce = 32;
/** How long one of them is asked again when it is throttled or has no outcome. */
const askPatienceMs = 30_000;
const askAgainAfterMs = 50;
/** How long replicas are given to come to rest after the faults were healed. */
const settleLimitMs = 20_000;

/** The system under test, as a run needs it. */
interface Service {
  /** Why its state cannot be checked after the load. */
  readonly unchecked?: string;
  /** Where a slice sends its attempts. */
  target(): SliceTask["target"];
  ask(request: Request): Promise<Answer>;
  inject(fault: FaultPlan[number]["fault"]): Promise<void>;
  settle(faults: FaultPlan): Promise<void>;
  counters(): Promise<Readonly<Record<string, number | readonly number[] | readonly (readonly number[])[]>>>;
  close(): Promise<void>;
}

export async function runOnThreads(order: RunOrder, pool: LoadGenerator): Promise<RunResult> {
  const startedAt = new Date();
  const startedMs = performance.now();
  const { design, settled } = order;
  const workload = createWorkload(design.workload);
  const service = await startService(order);
  try {
    await askAll(service, workload.setup());
    throwIfAborted(order.signal);
    const recorder = recorderFor(settled, design.calls.deadlineUs, order.watch);
    const { load, startedAtMs } = await driveLoad(order, pool, service, recorder);
    if (!load.finished) throw new Interrupted("the suite was interrupted");
    await service.settle(settled.faults);
    const history = sortHistory(load.history);
    const { slices } = load;
    const unchecked = service.unchecked ?? uncheckedBecause(order, slices);
    const check =
      unchecked === null
        ? workload.check(history, await askAll(service, workload.finalReads(history)))
        : notChecked(unchecked);
    const counters = await service.counters();
    const tookS = (performance.now() - startedMs) / 1_000;
    const { loopDelayP99Us } = load;
    const remains =
      order.slice === undefined
        ? undefined
        : {
            recorder: recorderToJson(withoutIntervals(recorder)),
            loopDelayP99Us,
            history: packJson(history),
            ...startedAtMs,
          };
    return runResult(order, { startedAt, tookS, recorder, loopDelayP99Us, check, counters, slices, remains });
  } finally {
    await service.close();
  }
}

/** Intervals by kind are for interval logs; a results file has no use for their size. */
function withoutIntervals(recorder: Recorder): RecorderParts {
  const { intervals: _logged, ...parts } = recorder.parts();
  return parts;
}

/** A check needs every operation that may have changed the state; null when they are all here. */
function uncheckedBecause({ slice }: RunOrder, slices: RunResult["slices"]): string | null {
  if (slice !== undefined) return `slice ${slice.index + 1} of ${slice.count} knows its own operations only`;
  return slices === undefined ? null : missingSlices(slices);
}

async function driveLoad(
  order: RunOrder,
  pool: LoadGenerator,
  service: Service,
  recorder: Recorder,
): Promise<{ load: LoadOutcome; startedAtMs: { startedAtMs?: number } }> {
  const { design, settled, seed } = order;
  const faults = new FaultTimers(settled.faults, service);
  const task = {
    load: settled.load,
    forUs: settled.forUs,
    seed,
    calls: design.calls,
    workload: design.workload,
    record: recorder.plan,
    pace: paceFor(design.deployment, order.slices),
  };
  let startedAtMs = 0;
  try {
    const load = await pool.run(task, recorder, {
      target: () => service.target(),
      onStart: () => {
        startedAtMs = Date.now();
        faults.start();
      },
      onProgress: (progress) => order.onProgress(progress),
      signal: order.signal,
      startAt: startAt(order),
      onSnapshot: order.watch?.onNews?.bind(order.watch),
    });
    // A rehearsal's time is virtual: when it began says nothing.
    return { load, startedAtMs: order.target.kind === "rehearsal" ? {} : { startedAtMs } };
  } finally {
    await faults.end();
  }
}

/** Slices made by hand begin together by their machines' wall clocks. */
function startAt({ slice }: RunOrder): (() => Promise<bigint>) | undefined {
  const startAtMs = slice?.startAtMs;
  if (startAtMs === undefined) return undefined;
  return () => {
    const inMs = startAtMs - Date.now();
    if (inMs >= 0) return Promise.resolve(process.hrtime.bigint() + BigInt(Math.round(inMs * 1e6)));
    throw new UsageError({
      what: "the start of the slices has passed",
      got: `${new Date(startAtMs).toISOString()}, ${(-inMs / 1_000).toFixed(1)} s ago when this slice was ready`,
      expected: "an instant that every machine reaches with its set-up done",
      fix: "give all slices the same later --start-at, half a minute ahead",
    });
  };
}

/** Injects each fault when its time comes. A fault that could not be injected voids the run. */
class FaultTimers {
  private readonly plan: FaultPlan;
  private readonly service: Service;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly injected: Promise<void>[] = [];

  constructor(plan: FaultPlan, service: Service) {
    this.plan = plan;
    this.service = service;
  }

  start(): void {
    for (const { atUs, fault } of this.plan) {
      const inject = (): void => {
        const injected = this.service.inject(fault);
        // The rejection is met in `end`; until then it must not count as unhandled.
        injected.catch(() => undefined);
        this.injected.push(injected);
      };
      this.timers.push(setTimeout(inject, atUs / 1_000));
    }
  }

  async end(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all(this.injected);
  }
}

/** Eager only where the generator has a processor to itself: backend threads, slices and the main thread counted. */
function paceFor(deployment: Deployment, slices: number): Pace {
  const backendThreads = Math.min(availableParallelism(), deployment.topology.nodes.length);
  return availableParallelism() > backendThreads + slices ? "eager" : "modest";
}

async function startService(order: RunOrder): Promise<Service> {
  const { target, design, settled, seed } = order;
  if (target.kind === "rehearsal") return rehearsal;
  if (target.kind === "dynamodb" && target.url !== undefined)
    return remoteService(target.url, design.deployment, settled.faults);
  let broken: Error | null = null;
  const backend = await startThreads(design.deployment, {
    seed,
    doors: target.kind === "dynamodb" ? { dynamodb: { port: 0 } } : {},
    onBroken: (error) => (broken = error),
  });
  const url = backend.urls.dynamodb;
  return {
    target: () => (url === undefined ? { kind: "direct", ports: backend.connect() } : { kind: "dynamodb", url }),
    ask: (request) => backend.request(request),
    inject: (fault) => backend.inject(fault),
    settle: (faults) => settleBackend(backend, faults),
    counters: () => backend.counters(),
    close: async () => {
      await backend.close();
      if (broken !== null) throw new Error("a node broke during the run, which is void", { cause: broken });
    },
  };
}

/** Undoes what the plan did and never undid, then waits until nothing is under way any more. */
async function settleBackend(backend: ThreadsBackend, faults: FaultPlan): Promise<void> {
  await backend.inject({ kind: "heal" });
  const touched = new Set<number>();
  const down = new Set<number>();
  for (const { fault } of faults) {
    if (!("nodes" in fault)) continue;
    for (const node of fault.nodes) {
      touched.add(node);
      if (fault.kind === "crash") down.add(node);
      if (fault.kind === "restart") down.delete(node);
    }
  }
  if (down.size > 0) await backend.inject({ kind: "restart", nodes: [...down] });
  if (touched.size > 0) {
    const nodes = [...touched];
    await backend.inject({ kind: "slow", nodes, factor: 1 });
    await backend.inject({ kind: "disk", nodes, delay: { kind: "none" } });
  }
  await backend.settle(settleLimitMs);
}

async function remoteService(url: string, deployment: Deployment, faults: FaultPlan): Promise<Service> {
  if (faults.length > 0) {
    throw new UsageError({
      what: "an experiment with faults cannot run against a service at a URL",
      got: `${faults.length} faults and ${url}`,
      expected: "a service whose nodes this process runs, or an experiment without faults",
      fix: "leave --target out, or add --set faults=[]",
    });
  }
  const askRemote = async (request: Request): Promise<Answer> => {
    const target = new DynamodbTarget(url, 1);
    try {
      return await ask(target, request);
    } finally {
      await target.close();
    }
  };
  const tables = deployment.service.kind === "tables" ? (deployment.service.tables ?? []) : [];
  for (const table of tables) await askRemote({ kind: "create-table", table });
  return {
    target: () => ({ kind: "dynamodb", url }),
    ask: askRemote,
    inject: () => Promise.resolve(),
    settle: () => Promise.resolve(),
    counters: () => Promise.resolve({}),
    close: () => Promise.resolve(),
  };
}

/** A service that is a script inside the generator, so that there is nothing to set up or to read back. */
const rehearsal: Service = {
  unchecked: "a rehearsal's script keeps nothing",
  target: () => ({ kind: "rehearsal" }),
  ask: () => Promise.resolve({ kind: "ok", result: { kind: "tables", names: [], more: false } }),
  inject: () => Promise.resolve(),
  settle: () => Promise.resolve(),
  counters: () => Promise.resolve({}),
  close: () => Promise.resolve(),
};

/** Reads back from a service at a URL what a load's history says was written there, and checks it. */
export async function readBackFrom(url: string, design: Design, history: HistoryEntry[]): Promise<CheckResult> {
  const workload = createWorkload(design.workload);
  const service = await remoteService(url, design.deployment, []);
  try {
    return workload.check(history, await askAll(service, workload.finalReads(history)));
  } finally {
    await service.close();
  }
}

async function askAll(service: Service, requests: readonly Request[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let i = 0; i < requests.length; i += asksAtOnce) {
    const batch = requests.slice(i, i + asksAtOnce);
    answers.push(...(await Promise.all(batch.map((request) => askUntilAnswered(service, request)))));
  }
  return answers;
}

async function askUntilAnswered(service: Service, request: Request): Promise<Answer> {
  const untilMs = performance.now() + askPatienceMs;
  for (;;) {
    const answer = await service.ask(request);
    if (!isRetryable(answer) || performance.now() > untilMs) return answer;
    await pause(askAgainAfterMs);
  }
}
