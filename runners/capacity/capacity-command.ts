/** `wavetank capacity` carried out: each probe as it ends, then the rate, the curve with its knee, and the fitted scaling law. */
import { prepareFolder, printFiles } from "../command-run.ts";
import type { CapacityOptions } from "../command-capacity.ts";
import { exitCodes } from "../command-exit.ts";
import type { Parts } from "../command-parts.ts";
import { Interruption } from "../command-terminal.ts";
import { writeReportOrExplain } from "../command-write.ts";
import { figure } from "../compare/judge.ts";
import { mm1RateFor } from "../oracles/queueing.ts";
import { Interrupted } from "../run-order.ts";
import { capacityResults } from "./capacity-result.ts";
import { mm1ServiceUs, openProber, type ProbedRun } from "./probes.ts";
import { searchCapacity, type CapacityFound, type Probe } from "./slo-search.ts";
import { fitUsl, type UslFit } from "./usl.ts";

/** Offered rates of which at least this share is answered ok are followed. */
const followedShare = 0.98;

export interface CapacityReport {
  readonly found: CapacityFound;
  /** The highest offered rate that was followed; null when none was. */
  readonly kneePerSecond: number | null;
  readonly usl: UslFit | null;
  /** What theory says, where it knows. */
  readonly theoryPerSecond: number | null;
}

/** 0 when a rate was found that meets the bounds; 99 when none does. */
export async function capacityCommand(options: CapacityOptions, parts: Parts): Promise<number> {
  const { terminal } = parts;
  if (options.out !== undefined) prepareFolder(options.out);
  const startedAt = new Date();
  const interruption = new Interruption(
    parts.signals,
    () => terminal.note("stopping after this probe\n"),
    (code) => parts.leave(code),
  );
  const prober = await openProber(options, parts, interruption.signal);
  const probed: ProbedRun[] = [];
  try {
    if (!options.json) terminal.print(header(options));
    const found = await searchCapacity(
      options.search,
      async (perSecond, number) => {
        const one = await prober.probe(perSecond, number);
        probed.push(one);
        if (!options.json) terminal.print(probeLine(one.probe));
        return one.probe;
      },
      () => !interruption.signal.aborted,
    ).catch((error: unknown) => {
      if (error instanceof Interrupted && probed.length > 0) return null;
      throw error;
    });
    if (found === null) return interruption.exitCode ?? exitCodes.interrupted;
    const report = {
      found,
      kneePerSecond: kneeOf(found.probes),
      usl: uslOf(found.probes),
      theoryPerSecond: theoryOf(options),
    };
    const exitCode = interruption.exitCode ?? (found.perSecond > 0 ? exitCodes.ok : exitCodes.failed);
    if (options.json)
      terminal.print(
        `${JSON.stringify({ target: options.target, slo: options.thresholds.map(({ text }) => text), ...report, exitCode }, null, 2)}\n`,
      );
    else terminal.print(`${render(report).join("\n")}\n`);
    if (options.out !== undefined) {
      const files = await writeReportOrExplain(parts, capacityResults(options, report, probed, startedAt), options.out);
      if (!options.json) printFiles(options.rerun, files, interruption.exitCode !== null, parts);
    } else if (!options.json) printFiles(options.rerun, [], interruption.exitCode !== null, parts);
    return exitCode;
  } finally {
    interruption.end();
    await prober.close();
  }
}

function header({ target, thresholds, forS }: CapacityOptions): string {
  const asked = thresholds.map(({ text }) => text).join(", ");
  return `${target}: the highest rate with ${asked}; Poisson arrivals, probes of ${forS} s of which a fifth warms up\n\n${"offered/s".padStart(11)}${"ok/s".padStart(11)}${"p50 ms".padStart(10)}${"p99 ms".padStart(10)}${"errors".padStart(9)}${"in system".padStart(11)}\n`;
}

function probeLine({ perSecond, achievedPerSecond, concurrency, figures, strain, valid }: Probe): string {
  const cell = (value: number | undefined, width: number): string =>
    (value === undefined || Number.isNaN(value) ? "-" : figure(value)).padStart(width);
  const verdict = strain <= 1 ? "meets" : "breaks";
  const errors = `${figure(figures.errorShare * 100)} %`.padStart(9);
  const doubt = valid ? "" : "   generator late";
  return `${cell(perSecond, 11)}${cell(achievedPerSecond, 11)}${cell(figures.p50Ms, 10)}${cell(figures.p99Ms, 10)}${errors}${cell(concurrency, 11)}   ${verdict}${doubt}\n`;
}

function render({ found, kneePerSecond, usl, theoryPerSecond }: CapacityReport): string[] {
  const lines = [""];
  if (found.kind === "met")
    lines.push(`at least ${figure(found.perSecond)}/s: every rate probed meets the bounds; --most probes higher ones`);
  else if (found.kind === "broken") lines.push("none: even the lowest rate probed breaks the bounds");
  else
    lines.push(
      `capacity  ${figure(found.perSecond)}/s [${figure(found.low)}, ${figure(found.high)}], from ${found.probes.length} probes`,
    );
  if (found.probes.some(({ valid, strain }) => !valid && strain > 1))
    lines.push("CAUTION: the generator was late in some probes that break the bounds, so the limit may be its own");
  if (theoryPerSecond !== null)
    lines.push(
      `theory    ${figure(theoryPerSecond)}/s: the measured one is ${figure((found.perSecond / theoryPerSecond - 1) * 100)} % off`,
    );
  if (kneePerSecond !== null)
    lines.push(
      `knee      ${figure(kneePerSecond)}/s: the highest offered rate of which ${followedShare * 100} % was answered`,
    );
  if (usl !== null) lines.push(...uslLines(usl));
  return lines;
}

/** The law and what it says of a peak. */
export function uslLines({ lambda, sigma, kappa, peak, error, intervals }: UslFit): string[] {
  const interval = (of: [number, number] | undefined, scale = 1): string =>
    of === undefined ? "" : ` [${figure(of[0] * scale)}, ${figure(of[1] * scale)}]`;
  return [
    `scaling   one alone ${figure(lambda)}/s${interval(intervals?.lambda)}, contention ${figure(sigma * 100)} %${interval(intervals?.sigma, 100)}, coherency ${figure(kappa * 100)} %${interval(intervals?.kappa, 100)}`,
    `          ${peak === null ? "no peak within the measured range" : `a peak of ${figure(peak.perSecond)}/s with ${figure(peak.n)} in the system`}; the law misses the probes by ${figure(error * 100)} %`,
  ];
}

function kneeOf(probes: readonly Probe[]): number | null {
  const followed = probes.filter(({ perSecond, achievedPerSecond }) => achievedPerSecond >= perSecond * followedShare);
  return followed.length === 0 ? null : Math.max(...followed.map(({ perSecond }) => perSecond));
}

/** Over what was in the system by Little's law; overloaded probes have no steady number and are left out. */
function uslOf(probes: readonly Probe[]): UslFit | null {
  const points = probes
    .filter(
      ({ perSecond, achievedPerSecond, concurrency, valid }) =>
        valid && concurrency > 0 && achievedPerSecond >= perSecond * 0.9,
    )
    .map(({ concurrency, achievedPerSecond }) => [concurrency, achievedPerSecond] as const);
  return new Set(points.map(([n]) => n)).size < 3 ? null : fitUsl(points);
}

/** For the M/M/1 station and one threshold on a percentile. */
function theoryOf({ of, thresholds }: CapacityOptions): number | null {
  const quantiles: Readonly<Record<string, number>> = {
    p50Ms: 0.5,
    p90Ms: 0.9,
    p95Ms: 0.95,
    p99Ms: 0.99,
    p999Ms: 0.999,
  };
  if (of.kind !== "mm1") return null;
  const rates = thresholds
    .filter(({ metric }) => metric in quantiles)
    .map(({ metric, bound }) => mm1RateFor(1e6 / mm1ServiceUs[of.tank], quantiles[metric], bound / 1_000));
  return rates.length === 0 ? null : Math.min(...rates);
}
