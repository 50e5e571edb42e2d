/** From what a run left behind to its place in the results file; the same for both tanks. */
import type { CheckResult, HistoryEntry } from "../workloads/workload.ts";
import { generatorHealth } from "./measure/generator-health.ts";
import { standardMetrics } from "./measure/metrics.ts";
import { Recorder } from "./measure/recorder.ts";
import { missingSlices } from "./missing-slices.ts";
import type { GeneratorHealth, RunResult, RunSlices } from "./results.ts";
import type { RunOrder } from "./run-order.ts";
import type { TankExperiment } from "./settings.ts";
import type { RunWatch } from "./suite-types.ts";

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
  /** Of a load that several machines made. */
  readonly slices?: RunSlices;
  readonly remains?: RunResult["remains"];
}

/** Where nothing could be examined: neither held nor broken. */
export function notChecked(reason: string): CheckResult & { readonly skipped: string } {
  return { name: `not checked: ${reason}`, held: true, examined: 0, violations: [], counts: {}, skipped: reason };
}

export function recorderFor(
  { forUs, warmUpUs }: Pick<TankExperiment, "forUs" | "warmUpUs">,
  goodWithinUs: number | undefined,
  watch?: RunWatch,
): Recorder {
  const plan = { forUs, warmUpUs, goodWithinUs };
  return new Recorder(watch === undefined ? plan : { ...plan, byKind: true });
}

/**
 * The check's counts and figures become metrics named `check.<name>`, and scalar counters `counter.<name>`, so that a claim can read every
 * figure by one name.
 */
export function runResult(order: Pick<RunOrder, "round" | "seed" | "watch">, remains: RunRemains): RunResult {
  const { recorder, counters } = remains;
  const { figures, ...check } = remains.check;
  order.watch?.onRecorded?.(remains.startedAt.toISOString(), recorder);
  const metrics = standardMetrics(recorder);
  for (const [name, value] of Object.entries({ ...check.counts, ...figures })) metrics[`check.${name}`] = value;
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
    generator: generatorOf(remains, metrics),
    operations: recorder.operations(),
    timeline: recorder.timeline(),
    metrics,
    counters: counters as RunResult["counters"],
    check: { ...check, violations: [...check.violations], counts: { ...check.counts } },
    ...(remains.trace === undefined ? {} : { trace: remains.trace }),
    ...(remains.slices === undefined ? {} : { slices: remains.slices }),
    ...(remains.remains === undefined ? {} : { remains: remains.remains }),
  };
}

/** A load of which a part is missing is another load than the plan's: its figures prove nothing about the design. */
function generatorOf(
  { recorder, loopDelayP99Us, slices }: RunRemains,
  metrics: Record<string, number>,
): GeneratorHealth {
  const health = generatorHealth(recorder, { p99Us: loopDelayP99Us }, metrics);
  const missing = slices === undefined ? null : missingSlices(slices);
  return missing === null ? health : { ...health, valid: false, reasons: [missing, ...health.reasons] };
}

/** In order of (arrival, step): the same whatever the slices and the order in which answers came. */
export function sortHistory(history: HistoryEntry[]): HistoryEntry[] {
  return history.sort((a, b) => a.arrival - b.arrival || a.step - b.step);
}
