/**
 * `wavetank load`: a load on any HTTP service, from plan to results. Open loop over generator workers, through the same driver,
 * pacer and recorder that the experiments use.
 *
 *     each round:  workload file ──set-up──> workers at one start ──load──> merged ──tear-down──> one run
 */
import { performance } from "node:perf_hooks";
import { availableParallelism } from "node:os";
import { millisecond } from "../../backend/kernel/units.ts";
import { streamSeed } from "../../backend/kernel/random.ts";
import type { CallPolicy } from "../../backend/policies/call.ts";
import type { HttpWorkload } from "../../workloads/http.ts";
import type { CheckResult } from "../../workloads/workload.ts";
import { GeneratorPool } from "../hosts/threads-host.ts";
import type { Recorder } from "../measure/recorder.ts";
import type { RunResult } from "../results.ts";
import { recorderFor, runResult } from "../run-result.ts";
import type { RunProgress, RunWatch } from "../suite-types.ts";
import type { CheckCounts } from "./check-tally.ts";
import type { LoadPlan } from "./load-plan.ts";
import { PlainClient } from "./plain-client.ts";
import { loadWorkloadFile } from "./workload-file.ts";

export interface LoadObserver {
  onRunStart?(round: number): void;
  onProgress?(progress: RunProgress): void;
  onRunEnd?(run: RunResult): void;
  /** Who wants more of a run than its progress. */
  watchRun?(round: number): RunWatch | undefined;
  readonly signal?: AbortSignal;
  /** Workload files are loaded anew under each number. */
  readonly version?: number;
}

export interface LoadRuns {
  readonly runs: readonly RunResult[];
  /** False when the load was aborted; the runs are those that were finished. */
  readonly finished: boolean;
}

/** Runs every round. Rejects with UsageError when the workload file is none, and when its set-up fails. */
export async function runLoad(plan: LoadPlan, observer: LoadObserver): Promise<LoadRuns> {
  const { source } = plan;
  const workload = source.kind === "file" ? await loadWorkloadFile(source.path, observer.version) : null;
  const runs: RunResult[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    // A round may be shorter than the interval at which it looks at the signal.
    if (observer.signal?.aborted === true) return { runs, finished: false };
    observer.onRunStart?.(round);
    const run = await runRound(plan, workload, round, observer);
    if (run === null) return { runs, finished: false };
    runs.push(run);
    observer.onRunEnd?.(run);
  }
  return { runs, finished: true };
}

/** Null when it was aborted. */
async function runRound(
  plan: LoadPlan,
  workload: HttpWorkload<unknown> | null,
  round: number,
  observer: LoadObserver,
): Promise<RunResult | null> {
  const startedAt = new Date();
  const startedMs = performance.now();
  const seed = streamSeed(plan.seed, "round", "load", round);
  // Threads of its own for each run: a workload file that was changed meanwhile is read again.
  const pool = new GeneratorPool(plan.slices);
  const client = new PlainClient(plan.endpoint);
  try {
    const shared = await workload?.setup?.(client);
    const watch = observer.watchRun?.(round);
    const recorder = recorderFor(plan, plan.goodWithinUs, watch);
    let outcome;
    try {
      outcome = await pool.run(taskOf(plan, seed, recorder), recorder, {
        target: () => ({
          kind: "http",
          load: { endpoint: plan.endpoint, source: plan.source, checks: plan.checks, shared },
        }),
        onStart: () => undefined,
        onProgress: (progress) => observer.onProgress?.(progress),
        signal: observer.signal,
        onSnapshot: watch?.onNews?.bind(watch),
      });
    } finally {
      await workload?.teardown?.(client, shared);
    }
    if (!outcome.finished) return null;
    const tookS = (performance.now() - startedMs) / 1_000;
    const { loopDelayP99Us } = outcome;
    const check = checkOf(outcome.checks);
    const run = runResult({ round, seed, watch }, { startedAt, tookS, recorder, loopDelayP99Us, check, counters: {} });
    run.metrics.errorShare = run.metrics.refusedShare + run.metrics.unknownShare;
    return run;
  } finally {
    await client.close();
    await pool.close();
  }
}

/** One attempt an operation; each arrival may be dealt to any slice. */
function taskOf({ load, forUs, slices, endpoint }: LoadPlan, seed: number, recorder: Recorder) {
  const calls: CallPolicy = { clients: slices, timeoutUs: endpoint.timeoutUs };
  // The machine may be the service's too, and then its processors are needed by both.
  const pace = availableParallelism() > slices + 1 ? ("eager" as const) : ("modest" as const);
  return { load, forUs, seed, calls, workload: { name: "http", parameters: {} }, record: recorder.plan, pace };
}

/** Answers that failed a check are counted, each under its check; a few are shown. They are outcomes, and claims judge them. */
function checkOf(counts: CheckCounts | undefined): CheckResult {
  const { examined = 0, failed = {}, examples = [] } = counts ?? {};
  const failures = Object.values(failed).reduce((sum, times) => sum + times, 0);
  return {
    name: examined === 0 ? "no check on answers was asked for" : "answers are what was asked for",
    held: true,
    examined,
    violations: examples.slice(),
    counts: { failed: failures, ...failed },
  };
}

/** How long the plan takes by itself, milliseconds. */
export function plannedMs({ forUs, rounds }: LoadPlan): number {
  return (forUs / millisecond) * rounds;
}
