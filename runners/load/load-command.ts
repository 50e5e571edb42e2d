/**
 * `wavetank load` carried out: the runs, shown while they are under way; then a table, a report, an exit code.
 *
 *     plan ──runLoad──> runs ──loadResult──> results ──> report folder ──> summary, exit code
 *                ^ Ctrl-C: the finished rounds are reported
 *     --watch: again whenever the workload file, or one beside it, is saved
 */
import { watch as watchFolder, type FSWatcher } from "node:fs";
import path from "node:path";
import { second } from "../../backend/kernel/units.ts";
import { openAside, type LiveFlags } from "../command-live.ts";
import type { LoadOptions } from "../command-load.ts";
import { exitCodeOf, exitCodes } from "../command-exit.ts";
import type { Parts } from "../command-parts.ts";
import { folderName, prepareFolder, printFiles } from "../command-run.ts";
import { Interruption } from "../command-terminal.ts";
import { writeReportOrExplain } from "../command-write.ts";
import { machineFingerprint, workTree } from "../machine.ts";
import { ProgressDisplay } from "../progress-display.ts";
import { schemaVersion, type Results } from "../results.ts";
import type { RunItem, SuiteObserver } from "../suite-types.ts";
import { closedLoad } from "./closed-load.ts";
import type { LoadPlan } from "./load-plan.ts";
import { callText, loadResult } from "./load-result.ts";
import { renderLoad } from "./load-summary.ts";
import { plannedMs, runLoad, type LoadRuns } from "./run-load.ts";

const settleMs = 200;
/** Whoever stops a run stops the watch. */
const signalCodes: readonly number[] = [exitCodes.interrupted, exitCodes.terminated, exitCodes.hungUp];

/** The exit code of the last run. @throws UsageError when the file is no workload or its set-up fails */
export async function loadCommand(options: LoadOptions, live: LiveFlags, parts: Parts): Promise<number> {
  if (options.closed !== undefined) return closedLoad(options.plan, options.closed, options.json, parts);
  if (options.out !== undefined) prepareFolder(options.out);
  const { source } = options.plan;
  if (!options.watch || source.kind !== "file") return runOnce(options, live, parts, 0);
  // Watched from before the first run: what is saved while one is under way counts too.
  const saves = new Saves(source.path, parts);
  try {
    let code = await runOnce(options, live, parts, 0);
    for (let version = 1; ; version++) {
      if (signalCodes.includes(code)) return code;
      parts.terminal.note(`watching ${source.path}: runs again when it is saved, Ctrl-C ends\n`);
      if (!(await saves.next())) return code;
      try {
        code = await runOnce(options, live, parts, version);
      } catch (error) {
        // A half-finished edit must not end the watch.
        parts.terminal.note(`${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  } finally {
    saves.end();
  }
}

async function runOnce(options: LoadOptions, live: LiveFlags, parts: Parts, version: number): Promise<number> {
  const { plan } = options;
  const startedAt = new Date();
  const code = workTree();
  const display = new ProgressDisplay(parts.terminal, callText(plan));
  const leave = (exitCode: number): void => {
    display.end();
    parts.leave(exitCode);
  };
  const aside = await openAside(live, callText(plan), display.observer, parts).catch((error: unknown) => {
    display.end();
    throw error;
  });
  const interruption = new Interruption(parts.signals, () => display.stopping(), leave);
  try {
    const load = await observed(plan, aside.observer, interruption.signal, version);
    display.end();
    const experiment = loadResult({ plan, ...load, thresholds: options.thresholds, rerun: options.rerun });
    const results: Results = {
      schema: schemaVersion,
      startedAt: startedAt.toISOString(),
      tookS: (Date.now() - startedAt.getTime()) / 1_000,
      seed: plan.seed,
      quick: false,
      ...code,
      rerun: options.rerun,
      machine: machineFingerprint(),
      experiments: [experiment],
    };
    const directory = options.out ?? path.join(".wavetank", "runs", folderName(results));
    const files = [...(await writeReportOrExplain(parts, results, directory)), ...aside.write(results, directory)];
    const exitCode = interruption.exitCode ?? exitCodeOf(results);
    const { terminal } = parts;
    if (options.json) {
      const metrics = load.runs.map((run) => run.metrics);
      const { status, claims } = experiment;
      terminal.print(
        `${JSON.stringify({ status, exitCode, claims, metrics, files: files.map((file) => path.resolve(file)) }, null, 2)}\n`,
      );
    } else {
      terminal.print(
        `${renderLoad(plan, experiment, { columns: terminal.columns(), colour: terminal.colour }).join("\n")}\n`,
      );
      printFiles(options.rerun, files, interruption.exitCode !== null, parts);
    }
    return exitCode;
  } finally {
    display.end();
    interruption.end();
    await aside.end();
  }
}

/** The load as a suite of one experiment, for whoever watches suites. */
async function observed(
  plan: LoadPlan,
  observer: SuiteObserver,
  signal: AbortSignal,
  version: number,
): Promise<LoadRuns> {
  const expectedS = plannedMs({ ...plan, rounds: 1 }) / 1_000 + 0.5;
  const items = Array.from({ length: plan.rounds }, (_, round): RunItem => ({
    experiment: "load",
    tank: "service",
    design: "service",
    round,
    expectedS,
  }));
  observer.onPlan?.(items);
  let round = 0;
  return runLoad(plan, {
    signal,
    version,
    watchRun: (at) => observer.watchRun?.(items[at], { totalS: plan.forUs / second, faults: [] }),
    onRunStart: (at) => observer.onRunStart?.(items[(round = at)]),
    onProgress: (progress) => observer.onRunProgress?.(items[round], progress),
    onRunEnd: (run) => observer.onRunEnd?.(items[round], run),
  });
}

/** Saves of a file and of those beside it, which it may import. */
class Saves {
  private readonly watcher: FSWatcher;
  private readonly signals: Parts["signals"];
  private readonly onSignal = (): void => this.settle(false);
  private timer: NodeJS.Timeout | undefined;
  private saved = false;
  private waiting: ((again: boolean) => void) | undefined;

  constructor(file: string, { signals }: Parts) {
    this.signals = signals;
    this.watcher = watchFolder(path.dirname(file), (_, name) => {
      // Not JSON: results may be written into this very folder.
      if (name !== null && !/\.[cm]?[jt]s$/.test(name)) return;
      // Editors write in several steps: the last one counts.
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.saved = true;
        this.settle(true);
      }, settleMs);
    });
  }

  /** True once something was saved since the last call, and false when the process is told to end. */
  next(): Promise<boolean> {
    return new Promise((resolve) => {
      this.waiting = resolve;
      for (const signal of ["SIGINT", "SIGTERM"]) this.signals.once(signal, this.onSignal);
      if (this.saved) this.settle(true);
    });
  }

  end(): void {
    clearTimeout(this.timer);
    this.watcher.close();
  }

  private settle(again: boolean): void {
    if (this.waiting === undefined) return;
    const { waiting } = this;
    this.waiting = undefined;
    this.saved = false;
    for (const signal of ["SIGINT", "SIGTERM"]) this.signals.removeListener(signal, this.onSignal);
    waiting(again);
  }
}
