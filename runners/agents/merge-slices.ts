/**
 * `wavetank merge`: what the slices of a load recorded, each on its own machine, becomes the load's results, by the same steps
 * as a load that one machine made: recorders merged, figures from the merged recorder, claims from the figures.
 *
 *     file of slice 1 ──┐
 *     file of slice 2 ──┼──> same plan, code and count, no slice twice ──> per run: merge ──> judge
 *     file of slice 3 ──┘                                                   a missing slice: incomplete, exit code 96
 */
import type { HistoryEntry } from "../../workloads/workload.ts";
import { UsageError } from "../command-error.ts";
import type { SliceFile } from "../command-merge.ts";
import { withoutJudgement } from "../command-machines.ts";
import { experimentResult } from "../experiment-result.ts";
import type { Experiment } from "../experiment.ts";
import { missingSlices } from "../missing-slices.ts";
import { planSuite, type PlannedExperiment, type PlannedRun } from "../plan.ts";
import type { Results, RunResult, RunSlices } from "../results.ts";
import { notChecked, recorderFor, runResult, sortHistory, type RunRemains } from "../run-result.ts";
import { withOwnMetrics } from "../run-suite-with.ts";
import { readBackFrom } from "../run-threads.ts";
import type { SuiteOptions, TargetSpec } from "../suite-types.ts";
import { optionsOf, planIdentity } from "./plan-identity.ts";
import { recorderFromJson, unpackHistory } from "./recorder-json.ts";

/** Reads back what a workload's history says was written, and checks it. */
export type ReadBack = (
  planned: PlannedExperiment,
  design: string,
  history: HistoryEntry[],
) => Promise<RunRemains["check"]>;

/** Null when nothing is to be read back. */
export function readBackAt(target: TargetSpec | null): ReadBack | null {
  if (target === null) return null;
  if (target.kind === "dynamodb" && target.url !== undefined) {
    const { url } = target;
    return ({ settled }, design, history) => readBackFrom(url, settled.designs[design], history);
  }
  throw new UsageError({
    what: "merge reads back from a service at a URL",
    got: `--target ${target.kind}`,
    expected: "dynamodb=URL, the service that the slices wrote to",
    fix: "for instance --target dynamodb=http://127.0.0.1:8000, or leave it out",
  });
}

type Slice = NonNullable<Results["slice"]>;

/** Slices that began further apart than this did not make the load that the plan means. */
const togetherMs = 1_000;

/** @throws UsageError when the files are not slices of one load */
export async function mergeSlices(
  files: readonly SliceFile[],
  catalog: readonly Experiment[],
  readBack: ReadBack | null,
): Promise<Results> {
  const slices = checkedSlices(files);
  const options = optionsOf(slices[0].slice, catalog);
  if (planIdentity(options) !== slices[0].slice.plan) {
    throw new UsageError({
      what: "this code makes another plan of the slices' options",
      got: `plan ${planIdentity(options)}, and in ${files[0].path} ${slices[0].slice.plan}`,
      expected: "the code that made the slices",
      fix: `check out commit ${files[0].results.commit.slice(0, 12)} and merge there`,
    });
  }
  const judged = options.target.kind === "rehearsal" ? unjudged(options) : options;
  const experiments = [];
  for (const planned of planSuite(judged)) {
    const runs: Record<string, RunResult[]> = {};
    for (const run of planned.runs) {
      const merged = await mergedRun(planned, run, slices, readBack);
      if (merged !== null) (runs[run.item.design] ??= []).push(withOwnMetrics(planned, merged));
    }
    if (Object.keys(runs).length > 0) experiments.push(experimentResult(planned, { runs, faults: [] }, judged));
  }
  const [first] = files.toSorted((a, b) => (a.results.startedAt < b.results.startedAt ? -1 : 1));
  const { slice: _, ...whole } = first.results;
  const tookS = Math.max(...files.map(({ results }) => results.tookS));
  // What repeats the whole is the line without the part.
  return { ...whole, tookS, rerun: options.rerun.replace(/ --slice \d+\/\d+/, ""), experiments };
}

function unjudged(options: SuiteOptions): SuiteOptions {
  const reason = "a rehearsal's figures are a script's";
  return { ...options, experiments: options.experiments.map((each) => withoutJudgement(each, reason)) };
}

interface FileOfSlice extends SliceFile {
  readonly slice: Slice;
}

function checkedSlices(files: readonly SliceFile[]): FileOfSlice[] {
  const slices = files.map((file): FileOfSlice => {
    if (file.results.slice !== undefined) return { ...file, slice: file.results.slice };
    throw new UsageError({
      what: "a file is not of a slice",
      got: file.path,
      expected: "results that `wavetank run --slice i/n` wrote",
      fix: "leave it out; a whole run needs no merging",
    });
  });
  const [first, ...others] = slices;
  for (const other of others) checkFits(first, other);
  const byIndex = new Map<number, FileOfSlice>();
  for (const each of slices) {
    const twin = byIndex.get(each.slice.index);
    if (twin !== undefined) refusePair("two files are of the same slice", twin, each, (file) => sliceText(file.slice));
    byIndex.set(each.slice.index, each);
  }
  return slices.toSorted((a, b) => a.slice.index - b.slice.index);
}

function checkFits(a: FileOfSlice, b: FileOfSlice): void {
  if (a.results.seed !== b.results.seed)
    refusePair("the slices have different seeds", a, b, ({ results }) => `seed ${results.seed}`);
  if (a.slice.plan !== b.slice.plan)
    refusePair("the slices are of different plans", a, b, ({ slice }) => `plan ${slice.plan}`);
  if (a.slice.count !== b.slice.count)
    refusePair("the slices overlap: they are parts of different cuts", a, b, ({ slice }) => sliceText(slice));
  if (codeOf(a) !== codeOf(b)) refusePair("the slices were made by different code", a, b, codeOf);
}

function refusePair(what: string, a: FileOfSlice, b: FileOfSlice, of: (file: FileOfSlice) => string): never {
  throw new UsageError({
    what,
    got: `${a.path}: ${of(a)}; ${b.path}: ${of(b)}`,
    expected: "each of the slices 1/n to n/n once, made by the same code with the same options and seed",
    fix: "leave out the file that does not belong, or run its slice again",
  });
}

const sliceText = ({ index, count }: Slice): string => `slice ${index + 1}/${count}`;
const codeOf = ({ results }: SliceFile): string => `commit ${results.commit}${results.dirty ? " with changes" : ""}`;

/** Null when no file has the run. */
async function mergedRun(
  planned: PlannedExperiment,
  { item, seed }: PlannedRun,
  files: readonly FileOfSlice[],
  readBack: ReadBack | null,
): Promise<RunResult | null> {
  const design = planned.settled.designs[item.design];
  const recorder = recorderFor(planned.settled, design.calls.deadlineUs);
  const { count } = files[0].slice;
  const keptS = planned.settled.forUs / 1e6;
  const runs: RunResult[] = [];
  const parts: RunSlices["parts"] = [];
  const history: HistoryEntry[] = [];
  for (const { results, slice } of files) {
    const run = runIn(results, planned, item);
    if (run?.remains === undefined) continue;
    runs.push(run);
    parts.push({ index: slice.index, complete: true, keptS });
    recorder.merge(recorderFromJson(run.remains.recorder));
    for (const entry of unpackHistory(run.remains.history)) history.push(entry);
  }
  if (runs.length === 0) return null;
  const slices = { count, parts };
  const unchecked =
    missingSlices(slices) ?? (readBack === null ? "nothing was read back (merge --target URL does)" : null);
  const check =
    unchecked === null ? await readBack!(planned, item.design, sortHistory(history)) : notChecked(unchecked);
  const remains = {
    startedAt: new Date(Math.min(...runs.map((run) => Date.parse(run.startedAt)))),
    tookS: Math.max(...runs.map((run) => run.tookS)),
    recorder,
    loopDelayP99Us: Math.max(...runs.map((run) => run.remains?.loopDelayP99Us ?? 0)),
    check,
    counters: {},
    slices,
  };
  return startedTogether(runResult({ round: item.round, seed }, remains), runs);
}

function runIn(results: Results, planned: PlannedExperiment, item: PlannedRun["item"]): RunResult | undefined {
  return results.experiments
    .find(({ name, tank }) => name === planned.experiment.name && tank === planned.tank)
    ?.designs.find(({ name }) => name === item.design)
    ?.runs.find(({ round }) => round === item.round);
}

/** By the machines' own wall clocks, which is all that is known of slices made by hand. */
function startedTogether(merged: RunResult, runs: readonly RunResult[]): RunResult {
  const starts = runs.flatMap(({ remains }) => (remains?.startedAtMs === undefined ? [] : [remains.startedAtMs]));
  const apartMs = Math.max(...starts) - Math.min(...starts);
  if (!(apartMs > togetherMs)) return merged;
  const reason = `the slices began ${(apartMs / 1_000).toFixed(1)} s apart: they did not make one load`;
  const { generator } = merged;
  return { ...merged, generator: { ...generator, valid: false, reasons: [...generator.reasons, reason] } };
}
