/** The options of `run` for whoever wants more than the report: `--live` while it runs, `--export` when it is over. */
import type { Command } from "commander";
import { UsageError, unknownName } from "./command-error.ts";
import type { Parts } from "./command-parts.ts";
import { exportFormats, RunExports, type ExportFormat } from "./export/run-exports.ts";
import type { Results } from "./results.ts";
import type { RunWatch, SuiteObserver } from "./suite-types.ts";

export interface LiveFlags {
  /** True without a number. */
  readonly live?: string | true;
  readonly export?: string;
}

export function addLiveOptions(run: Command): Command {
  return run
    .option("--live [port]", "a page with the figures while it runs, on 127.0.0.1; without a port on a free one")
    .option("--export <formats>", "also write hlog (HdrHistogram interval logs), csv, or both: hlog,csv");
}

/** Beside a suite: who else observes it, what else is written, and what is to be closed. */
export interface Aside {
  readonly observer: SuiteObserver;
  write(results: Results, directory: string): string[];
  end(): Promise<void>;
}

/** @throws UsageError for a value that does not fit or a port that cannot be had; nothing has run then */
export async function openAside(flags: LiveFlags, title: string, display: SuiteObserver, parts: Parts): Promise<Aside> {
  const exports = flags.export === undefined ? null : new RunExports(parseFormats(flags.export));
  const live = flags.live === undefined ? null : await parts.openLiveView(parseLivePort(flags.live), title);
  if (live !== null) parts.terminal.note(`live    ${live.url}\n`);
  const others = [exports?.observer, live?.observer].filter((observer) => observer !== undefined);
  return {
    observer: observers([display, ...others]),
    write: (results, directory) => exports?.write(results, directory) ?? [],
    end: async () => live?.end(),
  };
}

function parseLivePort(given: string | true): number {
  if (given === true) return 0;
  const port = /^\d{1,5}$/.test(given) ? Number(given) : NaN;
  if (port <= 65_535) return port;
  throw new UsageError({
    what: "--live is followed by something that is no port",
    got: given === "" ? "an empty value" : given,
    expected: "a number from 0 to 65535, or nothing for a free port",
    fix: "name experiments before the options: wavetank run retry-storm --live",
  });
}

function parseFormats(given: string): ExportFormat[] {
  return [...new Set(given.split(","))].map((name) => {
    const format = exportFormats.find((known) => known === name);
    if (format !== undefined) return format;
    throw unknownName("export format", name, exportFormats, "for instance --export hlog,csv");
  });
}

/** All of them as one, in this order. */
export function observers(all: readonly SuiteObserver[]): SuiteObserver {
  return {
    onPlan: (items) => all.forEach((each) => each.onPlan?.(items)),
    onRunStart: (item) => all.forEach((each) => each.onRunStart?.(item)),
    watchRun: (item, plan) =>
      watches(all.map((each) => each.watchRun?.(item, plan)).filter((watch) => watch !== undefined)),
    onRunProgress: (item, progress) => all.forEach((each) => each.onRunProgress?.(item, progress)),
    onRunEnd: (item, run) => all.forEach((each) => each.onRunEnd?.(item, run)),
    onExperimentEnd: (result) => all.forEach((each) => each.onExperimentEnd?.(result)),
    onNote: (text) => all.forEach((each) => each.onNote?.(text)),
  };
}

/** News cost the generator something, so they are asked for only if somebody wants them. */
function watches(all: readonly RunWatch[]): RunWatch | undefined {
  if (all.length === 0) return undefined;
  const onRecorded: RunWatch["onRecorded"] = (startedAt, recorder) =>
    all.forEach((each) => each.onRecorded?.(startedAt, recorder));
  if (all.every((each) => each.onNews === undefined)) return { onRecorded };
  return { onRecorded, onNews: (slice, news) => all.forEach((each) => each.onNews?.(slice, news)) };
}
