/** From what a run left behind to its place in the results file; the same for both tanks. */
import type { Answer } from "../backend/api.ts";
import type { CheckResult, HistoryEntry, Workload } from "../workloads/workload.ts";
import { generatorHealth } from "./measure/generator-health.ts";
import { standardMetrics } from "./measure/metrics.ts";
import { Recorder } from "./measure/recorder.ts";
import type { RunResult } from "./results.ts";
import type { RunOrder } from "./run-order.ts";
import type { TankExperiment } from "./settings.ts";

export type Counted = Readonly<Record<string, number | readonly number[] | readonly (readonly number[])[]>>;

export interface RunRemains {
  readonly startedAt: Date;
  readonly tookS: number;
  readonly recorder: Recorder;
  /** Event-loop delay of the worst generator thread, 99th percentile; 0 in virtual time. */
  readonly loopDelayP99Us: number;
  readonly check: CheckResult;
  readonly counters: Counted;
  readonly trace?: RunResult["trace"];
}

export function recorderFor(settled: TankExperiment, goodWithinUs: number | undefined): Recorder {
  return new Recorder({ forUs: settled.forUs, warmUpUs: settled.warmUpUs, goodWithinUs });
}

/**
 * The check's counts become metrics named `check.<count>`, and scalar counters `counter.<name>`, so that a claim can read every
 * figure by one name.
 */
export function runResult(order: RunOrder, remains: RunRemains): RunResult {
  const { recorder, check, counters } = remains;
  const metrics = standardMetrics(recorder);
  for (const [name, value] of Object.entries(check.counts)) metrics[`check.${name}`] = value;
  for (const [name, value] of Object.entries(counters)) {
    if (typeof value === "number") metrics[`counter.${name}`] = value;
  }
  metrics["check.violations"] = check.violations.length;
  metrics.lateAnswers = recorder.totals.lateAnswers;
  return {
    round: order.round,
    seed: order.seed,
    startedAt: remains.startedAt.toISOString(),
    tookS: remains.tookS,
    generator: generatorHealth(recorder, { p99Us: remains.loopDelayP99Us }, metrics),
    operations: recorder.operations(),
    timeline: recorder.timeline(),
    metrics,
    counters: counters as RunResult["counters"],
    check: { ...check, violations: [...check.violations], counts: { ...check.counts } },
    ...(remains.trace === undefined ? {} : { trace: remains.trace }),
  };
}

/** Runs the workload's own check over the history of every slice, in order of arrival, and the final reads. */
export function checkRun(workload: Workload, history: HistoryEntry[], finals: readonly Answer[]): CheckResult {
  return workload.check(history, finals);
}

/** In order of (arrival, step): the same whatever the slices and the order in which answers came. */
export function sortHistory(history: HistoryEntry[]): HistoryEntry[] {
  return history.sort((a, b) => a.arrival - b.arrival || a.step - b.step);
}
