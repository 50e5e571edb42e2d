/**
 * One row of figures per design. Percentiles come from the merged histograms of all valid runs (never from an average of
 * percentiles); throughput is the median of one figure a run. An invalid run's figures are left out, and counted as left out.
 */
import type { DesignResult, ExperimentResult, Results, RunResult } from "../runners/results.ts";
import { latenciesOf, percentileMs, type DesignLatencies } from "./distribution.ts";
import { hasInterval } from "./format.ts";

export interface CheckSummary {
  readonly examined: number;
  readonly violations: readonly string[];
  /** Runs whose check found something. */
  readonly failedRuns: number;
  /** Summed over runs. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface DesignSummary {
  readonly name: string;
  readonly title: string;
  readonly runs: number;
  readonly invalidRuns: number;
  /** Median over valid runs; undefined where no run was valid. */
  readonly okPerSecond: number | undefined;
  /** Milliseconds from the intended start; undefined where under ten samples lie beyond. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly p999Ms: number | undefined;
  /** From the last attempt's send: what a closed-loop tool would have reported. */
  readonly serviceP99Ms: number | undefined;
  readonly okShare: number | undefined;
  readonly refusedShare: number | undefined;
  readonly unknownShare: number | undefined;
  readonly attemptsPerOperation: number | undefined;
  /** By reason, most frequent first. */
  readonly refused: readonly (readonly [string, number])[];
  readonly unknown: readonly (readonly [string, number])[];
  readonly check: CheckSummary;
}

export interface Health {
  readonly runs: number;
  readonly invalidRuns: number;
  readonly reasons: readonly string[];
  readonly planned: number;
  readonly dropped: number;
  /** Worst run. */
  readonly latenessP99Us: number;
  readonly loopDelayP99Us: number;
  /** Summed over experiments. */
  readonly tookS: number;
  readonly checkFailures: number;
  readonly examined: number;
}

/** `latencies`: the design's, where they have been merged already. */
export function summarizeDesign(
  design: DesignResult,
  { latency, service }: DesignLatencies = latenciesOf(design),
): DesignSummary {
  const valid = design.runs.filter((run) => run.generator.valid);
  const operations = valid.flatMap((run) => run.operations);
  const ok = sum(operations.map((operation) => operation.ok));
  const refused = sumByKey(operations.map((operation) => operation.refused));
  const unknown = sumByKey(operations.map((operation) => operation.unknown));
  const refusedTotal = sum(refused.map(([, count]) => count));
  const unknownTotal = sum(unknown.map(([, count]) => count));
  const total = ok + refusedTotal + unknownTotal;
  const share = (count: number) => (total === 0 ? undefined : count / total);
  return {
    name: design.name,
    title: design.title,
    runs: design.runs.length,
    invalidRuns: design.runs.length - valid.length,
    okPerSecond: median(valid.map(throughputOf)),
    p50Ms: percentileMs(latency, 50),
    p99Ms: percentileMs(latency, 99),
    p999Ms: percentileMs(latency, 99.9),
    serviceP99Ms: percentileMs(service, 99),
    okShare: share(ok),
    refusedShare: share(refusedTotal),
    unknownShare: share(unknownTotal),
    attemptsPerOperation: share(sum(operations.map((operation) => operation.attempts))),
    refused,
    unknown,
    check: summarizeCheck(design.runs),
  };
}

export function summarizeHealth(experiments: readonly ExperimentResult[]): Health {
  const runs = experiments.flatMap((experiment) => experiment.designs.flatMap((design) => design.runs));
  const generators = runs.map((run) => run.generator);
  const invalid = generators.filter((generator) => !generator.valid);
  return {
    runs: runs.length,
    invalidRuns: invalid.length,
    reasons: [...new Set(invalid.flatMap((generator) => generator.reasons))],
    planned: sum(generators.map((generator) => generator.planned)),
    dropped: sum(generators.map((generator) => generator.dropped)),
    latenessP99Us: largest(generators.map((generator) => generator.latenessP99Us)),
    loopDelayP99Us: largest(generators.map((generator) => generator.loopDelayP99Us)),
    tookS: sum(experiments.map((experiment) => experiment.tookS)),
    checkFailures: runs.filter((run) => !run.check.held).length,
    examined: sum(runs.map((run) => run.check.examined)),
  };
}

/** Experiments of one name are one question put to several tanks. */
export function groupByName(results: Results): ExperimentResult[][] {
  const groups = new Map<string, ExperimentResult[]>();
  for (const experiment of results.experiments) {
    const group = groups.get(experiment.name);
    if (group === undefined) groups.set(experiment.name, [experiment]);
    else group.push(experiment);
  }
  return [...groups.values()];
}

/** What the interval says, whatever the sentence says. */
export function winnerOf({ verdict, status }: ExperimentResult): "candidate" | "baseline" | "neither" | undefined {
  const { ratio } = verdict;
  if (ratio === undefined || status === "invalid" || !hasInterval(ratio)) return undefined;
  if (ratio.low <= 1 && ratio.high >= 1) return "neither";
  return ratio.low > 1 === (verdict.better === "higher") ? "candidate" : "baseline";
}

/** An invalid run has no verdict, whatever was written when it ended. */
export function verdictSentence({ verdict, status }: ExperimentResult): string {
  return status === "invalid" ? "No verdict: the load generator did not keep its promise." : verdict.sentence;
}

/** Why the generator voided runs, each reason once. */
export function invalidReasons({ designs }: ExperimentResult): string {
  const reasons = designs.flatMap((design) => design.runs.flatMap((run) => run.generator.reasons));
  return [...new Set(reasons)].join("; ") || "no reason was given";
}

function throughputOf(run: RunResult): number {
  const measured = run.metrics["okPerSecond"];
  if (measured !== undefined) return measured;
  return sum(run.timeline.ok) / (run.timeline.ok.length * run.timeline.intervalS || 1);
}

function summarizeCheck(runs: readonly RunResult[]): CheckSummary {
  return {
    examined: sum(runs.map((run) => run.check.examined)),
    violations: runs.flatMap((run) => run.check.violations),
    failedRuns: runs.filter((run) => !run.check.held).length,
    counts: Object.fromEntries(sumByKey(runs.map((run) => run.check.counts))),
  };
}

function sumByKey(records: readonly Readonly<Record<string, number>>[]): [string, number][] {
  const totals = new Map<string, number>();
  for (const record of records) {
    for (const [key, count] of Object.entries(record)) totals.set(key, (totals.get(key) ?? 0) + count);
  }
  return [...totals].sort((a, b) => b[1] - a[1]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
