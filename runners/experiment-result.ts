/**
 * From the runs of one experiment to what the report shows of it: verdict, claims, charts, parameters, status.
 *
 *     status    failed       a check found a broken promise, a claim failed, or a run was void
 *               interrupted  some planned run is missing
 *               invalid      the generator could not keep its promise in some run: figures are not to be believed
 *               undecided    a claim is
 *               held         none of these
 *
 * A broken promise is a fact whatever the generator did, so it comes first; a failed claim is only believed of a valid run.
 */
import { average, ratioEstimate } from "./compare/estimate.ts";
import { figure } from "./compare/judge.ts";
import { faultBands } from "./bands.ts";
import type { Measured } from "./experiment.ts";
import { measuredOf, NotPlanned, NotRun } from "./measured.ts";
import type { PlannedExperiment } from "./plan.ts";
import type { Chart, ClaimResult, Comparison, DesignResult, ExperimentResult, RunResult, Verdict } from "./results.ts";
import { describeLoad } from "./schedule.ts";
import { parametersOf } from "./parameters.ts";
import { rerunLine } from "./rerun.ts";
import type { SuiteOptions } from "./suite-types.ts";

export interface FinishedRuns {
  /** By design, in the order they were run. */
  readonly runs: Readonly<Record<string, readonly RunResult[]>>;
  /** Why runs were void: a node broke, a worker died. */
  readonly faults: readonly string[];
}

export function experimentResult(
  planned: PlannedExperiment,
  finished: FinishedRuns,
  options: SuiteOptions,
): ExperimentResult {
  const { experiment, tank, settled } = planned;
  const measured = measuredOf(experiment, tank, options.quick, settled, finished.runs);
  const all = measured.designs.flatMap((design) => design.runs);
  const interrupted = all.length + finished.faults.length < planned.runs.length;
  const drawn = chartsOf(planned, measured, interrupted);
  const claims = [...judgeClaims(planned, measured, interrupted), ...voidRuns(finished.faults), ...drawn.claims];
  const { shared, differs } = parametersOf(settled);
  return {
    name: experiment.name,
    title: experiment.title,
    question: experiment.question,
    source: experiment.source,
    notes: experiment.notes,
    tank,
    status: statusOf(all, claims, interrupted),
    verdict: verdictOf(planned, measured),
    load: describeLoad(settled.load, settled.forUs),
    bands: faultBands(settled.faults, settled.forUs),
    parameters: shared,
    designs: measured.designs.map((design): DesignResult => ({
      name: design.name,
      title: design.design.title,
      description: design.design.description,
      differs: differs[design.name],
      runs: withOneLatencyMap(design.runs),
    })),
    claims,
    charts: drawn.charts,
    comparisons: comparisonsOf(planned, measured),
    tookS: all.reduce((sum, run) => sum + run.tookS, 0),
    rerun: rerunLine(experiment.name, tank, options),
  };
}

/** A picture of one run is enough: the first that can be believed keeps its map, the others lose theirs. */
function withOneLatencyMap(runs: readonly RunResult[]): RunResult[] {
  const kept = Math.max(
    0,
    runs.findIndex((run) => run.generator.valid),
  );
  return runs.map((run, i) => {
    if (i === kept) return run;
    const { latencies: _dropped, ...timeline } = run.timeline;
    return { ...run, timeline };
  });
}

function statusOf(
  runs: readonly RunResult[],
  claims: readonly ClaimResult[],
  interrupted: boolean,
): ExperimentResult["status"] {
  if (runs.some((run) => !run.check.held)) return "failed";
  if (interrupted) return "interrupted";
  if (runs.some((run) => !run.generator.valid)) return "invalid";
  if (claims.some((claim) => claim.status === "failed")) return "failed";
  if (claims.some((claim) => claim.status === "undecided")) return "undecided";
  return "held";
}

/**
 * A claim whose judge throws has failed: a misspelt design or figure must not pass. Only what was never run is undecided, and a
 * claim about a design that this tank's plan leaves out is not made there.
 */
function judgeClaims({ experiment, tank }: PlannedExperiment, measured: Measured, interrupted: boolean): ClaimResult[] {
  return experiment.claims
    .filter((claim) => claim.tanks === undefined || claim.tanks.includes(tank))
    .flatMap((claim): ClaimResult[] => {
      const { text, expected } = claim;
      try {
        const { status, measured: seen, estimate } = claim.judge(measured);
        return [{ text, expected, measured: seen, status, estimate }];
      } catch (error) {
        if (error instanceof NotPlanned) return [];
        const status = error instanceof NotRun || interrupted ? "undecided" : "failed";
        return [{ text, expected, measured: `could not be judged: ${messageOf(error)}`, status }];
      }
    });
}

function voidRuns(faults: readonly string[]): ClaimResult[] {
  if (faults.length === 0) return [];
  const text = "Every run ends without a bug of the backend or the generator";
  return [{ text, expected: "no run is void", measured: [...new Set(faults)].join("; "), status: "failed" }];
}

function verdictOf({ experiment }: PlannedExperiment, measured: Measured): Verdict {
  const { metric, baseline, candidate, better } = experiment.headline;
  const verdict = { metric, baseline, candidate, better };
  try {
    const ratio = ratioEstimate(...columnsOf(pairedByRound(measured, metric, baseline, candidate)));
    if (ratio !== null) return { ...verdict, sentence: experiment.headline.sentence(measured, ratio), ratio };
    return { ...verdict, sentence: sentenceWithoutRatio(experiment, measured) };
  } catch (error) {
    return { ...verdict, sentence: `No verdict: ${messageOf(error)}.` };
  }
}

/** Every design that shares a round with the headline's baseline, against it; none where a figure is zero or missing. */
function comparisonsOf({ experiment }: PlannedExperiment, measured: Measured): Comparison[] {
  const { metric, baseline, better } = experiment.headline;
  return measured.designs.flatMap(({ name, runs }): Comparison[] => {
    if (name === baseline || runs.length === 0) return [];
    try {
      const rounds = pairedByRound(measured, metric, baseline, name);
      const ratio = rounds.length === 0 ? null : ratioEstimate(...columnsOf(rounds));
      const pairs = rounds.map(({ round, before, after }) => ({ round, ratio: after / before }));
      return ratio === null ? [] : [{ baseline, candidate: name, metric, better, pairs, ratio }];
    } catch {
      // The verdict has said what is missing.
      return [];
    }
  });
}

/** A figure of zero has no ratio. The experiment's own sentence stands if it can do without one; else the two means are given. */
function sentenceWithoutRatio({ headline }: PlannedExperiment["experiment"], measured: Measured): string {
  const { metric, baseline, candidate } = headline;
  const none = { value: Number.NaN, low: Number.NaN, high: Number.NaN, level: 0, n: 0, method: "no ratio exists" };
  const sentence = headline.sentence(measured, none);
  if (!sentence.includes("NaN")) return sentence;
  const mean = (name: string): string => figure(average(measured.values(name, metric)));
  return `${metric} was ${mean(candidate)} with ${candidate} and ${mean(baseline)} with ${baseline}; no ratio exists.`;
}

interface Pair {
  readonly round: number;
  readonly before: number;
  readonly after: number;
}

function columnsOf(pairs: readonly Pair[]): [number[], number[]] {
  return [pairs.map(({ before }) => before), pairs.map(({ after }) => after)];
}

/** Only rounds in which both designs ran: an interruption may have cut one short. */
function pairedByRound(measured: Measured, metric: string, baseline: string, candidate: string): Pair[] {
  const before = measured.of(baseline).runs;
  const after = measured.of(candidate).runs;
  const pairs: Pair[] = [];
  before.forEach((run, i) => {
    const partner = after.findIndex((other) => other.round === run.round);
    if (partner < 0) return;
    pairs.push({
      round: run.round,
      before: measured.values(baseline, metric)[i],
      after: measured.values(candidate, metric)[partner],
    });
  });
  return pairs;
}

/** Charts that cannot be drawn from what an interruption left are left out; otherwise that is a bug, and a failed claim says so. */
function chartsOf(
  { experiment }: PlannedExperiment,
  measured: Measured,
  interrupted: boolean,
): { charts: Chart[]; claims: ClaimResult[] } {
  try {
    return { charts: experiment.charts(measured), claims: [] };
  } catch (error) {
    if (interrupted || error instanceof NotRun) return { charts: [], claims: [] };
    const text = "The charts of this experiment can be drawn from its figures";
    return { charts: [], claims: [{ text, expected: "no error", measured: messageOf(error), status: "failed" }] };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
