/**
 * A suite from beginning to end: plan, run after run, and after each experiment its result. One run at a time; what a machine
 * does to one design in a round it does to the others. How a run is carried out is the caller's.
 */
import { faultBands } from "./bands.ts";
import { usageErrorIn } from "./command-error.ts";
import { experimentResult } from "./experiment-result.ts";
import type { Tank } from "./experiment.ts";
import { machineFingerprint, workTree } from "./machine.ts";
import { planSuite, type PlannedExperiment, type PlannedRun } from "./plan.ts";
import { schemaVersion, type ExperimentResult, type Results, type RunResult } from "./results.ts";
import { Interrupted, type RunOrder } from "./run-order.ts";
import { isIncomplete } from "./missing-slices.ts";
import { planOf } from "./settings.ts";
import type { SuiteObserver, SuiteOptions } from "./suite-types.ts";

export type Runner = (order: RunOrder, tank: Tank) => Promise<RunResult>;

export async function runSuiteWith(options: SuiteOptions, observer: SuiteObserver, runner: Runner): Promise<Results> {
  const startedAt = new Date();
  // Read now: whoever commits while the suite runs does not change what it runs.
  const code = workTree();
  const planned = planSuite(options);
  observer.onPlan?.(planned.flatMap(({ runs }) => runs.map(({ item }) => item)));
  const experiments: ExperimentResult[] = [];
  for (const experiment of planned) {
    if (options.signal?.aborted === true) break;
    const result = await runExperiment(experiment, options, observer, runner);
    if (result !== null) experiments.push(result);
  }
  return {
    schema: schemaVersion,
    startedAt: startedAt.toISOString(),
    tookS: (Date.now() - startedAt.getTime()) / 1_000,
    seed: options.seed,
    quick: options.quick,
    ...code,
    rerun: options.rerun,
    machine: machineFingerprint(),
    experiments,
  };
}

/** Null when it was interrupted before any run ended. */
async function runExperiment(
  planned: PlannedExperiment,
  options: SuiteOptions,
  observer: SuiteObserver,
  runner: Runner,
): Promise<ExperimentResult | null> {
  const runs: Record<string, RunResult[]> = {};
  const faults: string[] = [];
  for (const run of planned.runs) {
    if (options.signal?.aborted === true) break;
    observer.onRunStart?.(run.item);
    try {
      const order = orderOf(planned, run, options, observer);
      const result = withOwnMetrics(
        planned,
        await runValid(() => runner(order, planned.tank), order.slice === undefined),
      );
      (runs[run.item.design] ??= []).push(result);
      observer.onRunEnd?.(run.item, result);
    } catch (error) {
      if (usageErrorIn(error) !== null) throw error;
      if (error instanceof Interrupted) break;
      faults.push(`${run.item.design}, round ${run.item.round}, seed ${run.seed}: ${describe(error)}`);
    }
  }
  if (Object.keys(runs).length === 0 && faults.length === 0) return null;
  const result = experimentResult(planned, { runs, faults }, options);
  observer.onExperimentEnd?.(result);
  return result;
}

/** Adds the figures that the experiment derives itself. A figure that does not exist in a run is left out, not written as null. */
export function withOwnMetrics({ experiment, settled }: PlannedExperiment, run: RunResult): RunResult {
  if (experiment.metrics === undefined) return run;
  const own = Object.entries(experiment.metrics(run, planOf(settled))).filter(([, value]) => Number.isFinite(value));
  return { ...run, metrics: { ...run.metrics, ...Object.fromEntries(own) } };
}

/**
 * A run whose generator was disturbed is repeated once, in its place in the round: what disturbed it was this machine, not the
 * design. The repetition is kept if it is valid and says why it was made; otherwise the first stands, invalid. A run that lost a
 * slice with its machine is not repeated, since the machine is still gone, nor is a slice made by hand, since the others are over.
 */
async function runValid(run: () => Promise<RunResult>, repeatable: boolean): Promise<RunResult> {
  const first = await run();
  if (first.generator.valid || !repeatable || isIncomplete(first)) return first;
  const second = await run();
  if (!second.generator.valid) return first;
  const reasons = first.generator.reasons.map((reason) => `repeated, because at first ${reason}`);
  return { ...second, generator: { ...second.generator, reasons } };
}

function orderOf(
  { settled }: PlannedExperiment,
  { item, seed }: PlannedRun,
  options: SuiteOptions,
  observer: SuiteObserver,
): RunOrder {
  return {
    design: settled.designs[item.design],
    settled,
    round: item.round,
    seed,
    target: options.target,
    slices: options.slices ?? 1,
    slice: options.slice,
    signal: options.signal,
    onProgress: (progress) => observer.onRunProgress?.(item, progress),
    watch: observer.watchRun?.(item, {
      totalS: settled.forUs / 1e6,
      faults: faultBands(settled.faults, settled.forUs),
    }),
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return error.message + cause;
}
