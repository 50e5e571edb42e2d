/**
 * `wavetank nightly`: runs the suite as `run` does, adds its figures to the history, and fails on a confirmed regression.
 *
 *     run ──> results ──> history (append) ──> trend ──> findings ──> trend.html, night.md, junit.xml, exit code
 *
 * The history is written before anything is judged: a red night that left no figures would blind the nights after it. A night that
 * was interrupted leaves none, since half a suite has another load than a whole one.
 */
import { appendFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { UsageError } from "./command-error.ts";
import { exitCodeOf } from "./command-exit.ts";
import type { Parts } from "./command-parts.ts";
import { prepareFolder, runCommand, type RunFlags } from "./command-run.ts";
import type { HistoryLine, Trend } from "./history.ts";
import type { Finding, Findings } from "./night/findings.ts";
import type { GateOptions } from "./night/gate.ts";
import type { Results } from "./results.ts";

export interface NightlyFlags extends RunFlags {
  readonly history?: string;
  /** commander's way to say `--no-run`: true when it is absent. */
  readonly run?: string | boolean;
  readonly gate?: string;
}

export const usualHistory = path.join(".wavetank", "history.jsonl");

/** Adds the command; `run`'s own options are added by the caller. */
export function nightlyOptions(nightly: Command): Command {
  return nightly
    .option("--history <file>", `where nights are kept (default: ${usualHistory})`)
    .option("--no-run <results>", "judge the results that are there (a file or a run's folder) instead of running")
    .option(
      "--gate <percent>",
      "the change for the worse that fails a night; p99 keeps three times as much (default: 5)",
    );
}

interface Ran {
  readonly results: Results;
  readonly directory: string;
  /** Of the suite itself. */
  readonly exitCode: number;
}

export async function nightlyCommand(names: readonly string[], flags: NightlyFlags, parts: Parts): Promise<number> {
  const history = historyPath(flags.history);
  const gate = await gateOptions(flags.gate);
  prepareFolder(path.dirname(history), "--history");
  const { readHistory, appendHistory } = await import("./night/history-file.ts");
  const { historyLines } = await import("./night/tracked-metrics.ts");
  // Before the suite, which takes minutes: a history that cannot be read is better known now.
  readHistory(history);
  const ran = await resultsOf(names, flags, parts);
  if (ran.results.experiments.some((experiment) => experiment.status === "interrupted")) {
    parts.terminal.note("nightly: interrupted, so the history is as it was\n");
    return ran.exitCode;
  }
  const before = readHistory(history);
  const lines = unknownLines(historyLines(ran.results), before.lines);
  if (lines.length > 0) appendHistory(history, lines);
  const { trendOf } = await import("./night/trend.ts");
  const trend = trendOf({ ...before, lines: [...before.lines, ...lines] }, gate);
  return judge(ran, trend, { history, added: lines.length, json: flags.json === true }, parts);
}

/** What is not in the history yet: judging the same results twice adds nothing. */
function unknownLines(lines: readonly HistoryLine[], known: readonly HistoryLine[]): HistoryLine[] {
  const nameOf = ({ metric, plan, machine, time }: HistoryLine): string => [metric, plan, machine, time].join("\n");
  const names = new Set(known.map(nameOf));
  return lines.filter((line) => !names.has(nameOf(line)));
}

function historyPath(file = usualHistory): string {
  if (file !== "" && statSync(file, { throwIfNoEntry: false })?.isDirectory() !== true) return file;
  throw new UsageError({
    what: "--history is no file",
    got: file === "" ? "an empty value" : `${file}, a folder`,
    expected: "a file of JSON lines, which need not exist yet",
    fix: `for instance --history ${usualHistory}`,
  });
}

async function gateOptions(percent: string | undefined): Promise<GateOptions> {
  const { usualGate } = await import("./night/gate.ts");
  if (percent === undefined) return usualGate;
  const value = /^\d+(?:\.\d+)?%?$/.test(percent) ? Number.parseFloat(percent) : Number.NaN;
  if (value >= 1 && value <= 100) return { ...usualGate, leastRegression: value / 100 };
  throw new UsageError({
    what: "--gate is no percentage",
    got: percent === "" ? "an empty value" : percent,
    expected: "a number from 1 to 100",
    fix: "for instance --gate 5",
  });
}

async function resultsOf(names: readonly string[], flags: NightlyFlags, parts: Parts): Promise<Ran> {
  const { run: judged } = flags;
  if (typeof judged === "string") {
    if (names.length > 0)
      throw new UsageError({
        what: "--no-run runs nothing, but experiments were named",
        got: names.join(" "),
        expected: "either experiments to run or results to judge",
        fix: "leave the names out",
      });
    const isFolder = statSync(judged, { throwIfNoEntry: false })?.isDirectory() === true;
    const file = isFolder ? path.join(judged, "results.json") : judged;
    const results = await parts.readResults(file);
    const directory = flags.out ?? path.dirname(file);
    prepareFolder(directory);
    return { results, directory, exitCode: exitCodeOf(results) };
  }
  const ran: { results?: Results; directory?: string } = {};
  const quiet = { ...parts.terminal, print: () => {} };
  const exitCode = await runCommand(names, flags, {
    ...parts,
    terminal: flags.json === true ? quiet : parts.terminal,
    writeReport: (results, directory) => {
      Object.assign(ran, { results, directory });
      return parts.writeReport(results, directory);
    },
  });
  return { results: ran.results!, directory: ran.directory!, exitCode };
}

interface Place {
  readonly history: string;
  readonly added: number;
  readonly json: boolean;
}

async function judge({ results, directory, exitCode }: Ran, trend: Trend, place: Place, parts: Parts): Promise<number> {
  const { findingsOf, nightExitCode } = await import("./night/findings.ts");
  const { machineName } = await import("./night/tracked-metrics.ts");
  const findings = findingsOf(trend, machineName(results.machine));
  const code = nightExitCode(exitCode, findings);
  const files = {
    trend: path.join(directory, "trend.html"),
    summary: path.join(directory, "night.md"),
    junit: path.join(directory, "junit.xml"),
  };
  const { renderJobSummary, headline } = await import("./night/job-summary.ts");
  const { renderJunit } = await import("./night/junit.ts");
  const summary = renderJobSummary(results, findings);
  writeFileSync(files.junit, renderJunit(results, findings));
  writeFileSync(files.summary, summary);
  const { GITHUB_STEP_SUMMARY: step = "" } = process.env;
  if (step !== "") appendFileSync(step, summary);
  await parts.writeTrend(trend, files.trend);
  if (place.json) parts.terminal.print(nightJson(results, trend, findings, { ...place, files, exitCode: code }));
  else parts.terminal.print(nightText(headline(results, findings), trend, findings, { ...place, files }));
  return code;
}

interface Written extends Place {
  readonly files: Readonly<Record<"trend" | "summary" | "junit", string>>;
}

function nightText(headline: string, trend: Trend, findings: Findings, { history, added, files }: Written): string {
  const lines = [`night   ${headline}`];
  const { judged, gated, nights } = findings;
  lines.push(`        ${judged.length} figures, ${gated} of which can fail a night; nights of this machine: ${nights}`);
  const list = (word: string, found: readonly Finding[]): void => {
    for (const { series, text } of found) lines.push(`  ${word} ${series.metric}: ${text}`);
  };
  list("✕ regression ", findings.regressions);
  list("? suspected  ", findings.suspected);
  list("✓ improvement", findings.improvements);
  const { torn, foreign } = trend.skipped;
  const unread = torn + foreign === 0 ? "" : `; skipped ${torn} torn lines and ${foreign} of another version`;
  lines.push(`history ${path.resolve(history)} (${added} lines added${unread})`);
  for (const [name, file] of Object.entries(files)) lines.push(`${name.padEnd(7)} ${path.resolve(file)}`);
  return `${lines.join("\n")}\n`;
}

function nightJson(
  results: Results,
  { skipped }: Trend,
  { machine, judged, gated, nights, ...found }: Findings,
  { history, added, files, exitCode }: Written & { readonly exitCode: number },
): string {
  const plain = (findings: readonly Finding[]) =>
    findings.map(({ series, change, text, firstNight }) => ({
      metric: series.metric,
      unit: series.unit,
      better: series.better,
      plan: series.plan,
      firstNight,
      before: change.before,
      after: change.after,
      change: change.change,
      chance: change.chance,
      text,
    }));
  const { startedAt, commit, dirty } = results;
  const night = {
    schema: "wavetank.night/1",
    exitCode,
    startedAt,
    commit,
    dirty,
    machine,
    history: { file: history, added, skipped },
    figures: { judged: judged.length, gated, nights },
    regressions: plain(found.regressions),
    suspected: plain(found.suspected),
    improvements: plain(found.improvements),
    files,
  };
  return `${JSON.stringify(night, null, 2)}\n`;
}
