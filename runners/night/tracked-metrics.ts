/**
 * Which figures of a suite go into the history, and which of them may fail a night.
 *
 *     gate   5 %   throughput, goodput, p50, attempts an operation, turns and log bytes an operation that was ok
 *           15 %   p99: on a shared machine it moves by 3 to 10 % on its own
 *            -     share of ok operations, the headline's ratio, and whatever a design got wrong on purpose
 *
 * Work counters hardly depend on the hour of the night, so they find what the clock of a busy machine hides. A figure that is
 * zero in every run has no level to fall from and is left out, and so are the figures of runs whose generator was late.
 */
import { median } from "../compare/estimate.ts";
import { historySchema, type Better, type HistoryLine } from "../history.ts";
import type { DesignResult, ExperimentResult, Results, RunResult } from "../results.ts";

interface Tracked {
  readonly name: string;
  readonly unit: string;
  readonly better: Better;
  readonly gate: number | null;
  /** NaN where the run has no such figure. */
  readonly of: (run: RunResult) => number;
}

const usualGate = 0.05;
const tailGate = 0.15;

const tracked: readonly Tracked[] = [
  { ...fromMetric("okPerSecond"), unit: "/s", better: "higher", gate: usualGate },
  { ...fromMetric("goodputPerSecond"), unit: "/s", better: "higher", gate: usualGate },
  { ...fromMetric("p50Ms"), unit: "ms", better: "lower", gate: usualGate },
  { ...fromMetric("p99Ms"), unit: "ms", better: "lower", gate: tailGate },
  { ...fromMetric("attemptsPerOperation"), unit: "per op", better: "lower", gate: usualGate },
  { name: "okShare", unit: "%", better: "higher", gate: null, of: (run) => percent(run.metrics["okShare"]) },
  { name: "turnsPerOk", unit: "per ok op", better: "lower", gate: usualGate, of: (run) => perOk(run, "turns") },
  {
    name: "logBytesPerOk",
    unit: "B per ok op",
    better: "lower",
    gate: usualGate,
    of: (run) => perOk(run, "logBytes"),
  },
];

function fromMetric(name: string): Pick<Tracked, "name" | "of"> {
  return { name, of: (run) => run.metrics[name] ?? NaN };
}

const percent = (share: number | undefined): number => (share ?? NaN) * 100;

function perOk(run: RunResult, counter: string): number {
  const count = run.counters[counter];
  const ok = run.operations.reduce((sum, operation) => sum + operation.ok, 0);
  return typeof count === "number" && ok > 0 ? count / ok : NaN;
}

/** The lines of one night. Experiments that were interrupted have no figures worth keeping. */
export function historyLines(results: Results): HistoryLine[] {
  return results.experiments
    .filter((experiment) => experiment.status !== "interrupted")
    .flatMap((experiment) => [
      ...experiment.designs.flatMap((design) => designLines(results, experiment, design)),
      ...ratioLine(results, experiment),
    ]);
}

function designLines(results: Results, experiment: ExperimentResult, design: DesignResult): HistoryLine[] {
  const runs = design.runs.filter((run) => run.generator.valid && !isPartial(run));
  return tracked.flatMap(({ name, unit, better, gate, of }) => {
    const figures = runs.map(of);
    if (figures.length === 0 || !figures.every(Number.isFinite) || figures.every((figure) => figure === 0)) return [];
    const metric = [experiment.name, experiment.tank, design.name, name].join("/");
    return [
      { ...commonOf(results, experiment), metric, value: median(figures), runs: figures, unit, better, gate },
    ].map(rounded);
  });
}

/** A load of which a slice is missing. */
function isPartial(run: RunResult): boolean {
  return run.slices !== undefined && run.slices.parts.some((part) => !part.complete);
}

function ratioLine(results: Results, experiment: ExperimentResult): HistoryLine[] {
  const { ratio, metric: name } = experiment.verdict;
  if (ratio === undefined || experiment.status === "invalid" || !Number.isFinite(ratio.value)) return [];
  const metric = [experiment.name, experiment.tank, "headline", `${name}Ratio`].join("/");
  const figures = { metric, value: ratio.value, runs: [ratio.value], unit: "×", better: null, gate: null } as const;
  return [rounded({ ...commonOf(results, experiment), ...figures, runs: [ratio.value] })];
}

function commonOf(results: Results, experiment: ExperimentResult) {
  const { startedAt, commit, dirty, machine } = results;
  return {
    schema: historySchema,
    time: startedAt,
    commit,
    dirty,
    plan: planOf(experiment),
    machine: machineName(machine),
    node: machine.node,
  } as const;
}

/** The options that were typed and the load, but not what the code made of them: a default that changes is a change of the code. */
function planOf({ name, rerun, load }: ExperimentResult): string {
  const options = rerun
    .replace(/^npm run bench --\s*/, "")
    .split(" ")
    .filter((word) => word !== name);
  return `${options.join(" ")}; ${load}`;
}

/** Without the kernel's release, which changes every week where machines are rented, and without Node's, which is pinned. */
export function machineName({ cpu, cores, memoryGiB, os, disk }: Results["machine"]): string {
  const [system = "", , processor = ""] = os.split(" ");
  const fileSystem = disk.split(" on ")[0];
  return `${cpu}, ${cores} cores, ${Math.round(memoryGiB)} GiB, ${system} ${processor}, ${fileSystem}`;
}

/** Six digits: more than any figure means, and half the bytes. */
function rounded(line: HistoryLine): HistoryLine {
  return { ...line, value: sixDigits(line.value), runs: line.runs.map(sixDigits) };
}

const sixDigits = (value: number): number => Number(value.toPrecision(6));
