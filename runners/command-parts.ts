/**
 * What the commands are made of, loaded when a command needs it: `--help` and a mistyped option answer at once, without the
 * backend, the generator or the chart compiler. A test puts its own parts in their places.
 */
import type { EventEmitter } from "node:events";
import type { AgentCommandOptions } from "./command-agent.ts";
import type { CapacityOptions } from "./command-capacity.ts";
import type { CalibrateOptions } from "./command-calibrate.ts";
import type { CompareOptions } from "./command-compare.ts";
import type { LiveFlags } from "./command-live.ts";
import type { LoadOptions } from "./command-load.ts";
import type { MergeSlices } from "./command-merge.ts";
import type { PeakOptions } from "./command-peak.ts";
import type { BackendOptions, RunningBackend } from "./command-serve.ts";
import type { SimulateOptions } from "./command-simulate.ts";
import type { Terminal } from "./command-terminal.ts";
import type { LiveView } from "./live/live-view.ts";
import type { Experiment } from "./experiment.ts";
import type { Trend } from "./history.ts";
import type { Results } from "./results.ts";
import type { RunSuite } from "./suite-types.ts";

export interface Parts {
  readonly terminal: Terminal;
  /** Emits SIGINT, SIGTERM and SIGHUP. */
  readonly signals: EventEmitter;
  /** Ends the process at once. */
  leave(code: number): void;
  catalog(): Promise<readonly Experiment[]>;
  runSuite: RunSuite;
  /** Writes results and report into the folder and returns the paths, the page to open first. */
  writeReport(results: Results, directory: string): Promise<readonly string[]>;
  /** Writes every chart into the folder's `charts/` as SVG files and returns how many there are. */
  writeCharts(results: Results, directory: string): Promise<{ readonly folder: string; readonly files: number }>;
  /** Writes the trend page. */
  writeTrend(trend: Trend, file: string): Promise<void>;
  readResults(path: string): Promise<Results>;
  /** Prints what it finds; 0 when every check held, or when every planted bug was caught. */
  simulate(options: SimulateOptions): Promise<number>;
  /** Measures and prints; true when every answer was a success. */
  peak(options: PeakOptions, print: (text: string) => void): Promise<boolean>;
  /** Runs, reports and prints; the exit code. */
  load(options: LoadOptions, live: LiveFlags, parts: Parts): Promise<number>;
  /** Runs pairs, judges and prints; the exit code. */
  compare(options: CompareOptions, parts: Parts): Promise<number>;
  /** Searches, prints, reports; the exit code. */
  capacity(options: CapacityOptions, parts: Parts): Promise<number>;
  /** Measures what theory knows and prints both; the exit code. */
  calibrate(options: CalibrateOptions, parts: Parts): Promise<number>;
  /** Whether git knows a revision of this name here. */
  isRevision(name: string): boolean;
  /** Works for coordinators until the signal, or until its one run is over. */
  agent(options: AgentCommandOptions, signal: AbortSignal, say: (text: string) => void): Promise<void>;
  merge: MergeSlices;
  /** Rejects with UsageError when the port cannot be had. */
  openLiveView(port: number, title: string): Promise<LiveView>;
  startBackend(options: BackendOptions): Promise<RunningBackend>;
}
