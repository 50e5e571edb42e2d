/**
 * What runs a suite and what watches it, as types. `runSuite` in suite.ts takes the options and calls the observer; a command
 * line, a progress display or a test implements the observer. Nothing here is asynchronous: an observer that wants to write
 * somewhere slow buffers for itself.
 */
import type { Experiment, Tank } from "./experiment.ts";
import type { Recorder } from "./measure/recorder.ts";
import type { Band, ExperimentResult, Results, RunResult } from "./results.ts";
import type { Snapshot } from "./slice-task.ts";

/** One `--set path=value`. `path` is dotted: `load.perSecond`, `designs.fixed.deployment.service.virtualNodes`. */
export interface Override {
  readonly path: string;
  readonly value: unknown;
}

export type TargetSpec =
  /** Straight into the backend, by message port or by call. */
  | { readonly kind: "direct" }
  /** DynamoDB JSON over HTTP. Without a URL the reference's own front door; with one, any service that speaks it. */
  | { readonly kind: "dynamodb"; readonly url?: string }
  /** A script that answers in virtual time: tries out slices and agents without a service. */
  | { readonly kind: "rehearsal" };

/** One machine's part of every run's load, made without a coordinator. */
export interface OwnSlice {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** Wall time of the load's start, milliseconds since 1970; absent: when set-up is over. */
  readonly startAtMs?: number;
}

/** Other machines make the load; this one coordinates them. */
export interface AgentsSpec {
  readonly count: number;
  readonly natsUrl: string;
}

export interface SuiteOptions {
  readonly experiments: readonly Experiment[];
  readonly tanks: readonly Tank[];
  readonly quick: boolean;
  readonly seed: number;
  /** Only these designs, by name; the default is every design. The headline needs both of its own. */
  readonly designs?: readonly string[];
  readonly overrides: readonly Override[];
  /** Arrivals a second: replaces the rate of every load shape, keeping its form. */
  readonly rate?: number;
  /** Arrivals in their short form, for instance `sine:900:400:10s`: replaces every load shape. */
  readonly arrivals?: string;
  /** Seconds of load: replaces `forUs`; faults and warm-up are scaled with it. */
  readonly forS?: number;
  /** Key distribution, for instance `zipf:0.99`, `hotspot:0.8:1` or `uniform`: replaces the workloads' own. */
  readonly keys?: string;
  /** Value sizes in their short form, for instance `log-normal:800:1.2`: replaces the workloads' own. */
  readonly sizes?: string;
  readonly target: TargetSpec;
  /** Piscina workers that generate load in the threads tank; the default is one. */
  readonly slices?: number;
  readonly slice?: OwnSlice;
  readonly agents?: AgentsSpec;
  /** Aborting ends the suite early: finished runs are kept and the result is marked interrupted. */
  readonly signal?: AbortSignal;
  /** The command line that repeats the suite. */
  readonly rerun: string;
  /** Also runs the quick oracles of the simulation at the end, two seconds, so that the report says how the instrument was tested. */
  readonly calibrate?: boolean;
}

/** One planned run. */
export interface RunItem {
  readonly experiment: string;
  readonly tank: Tank | "service";
  readonly design: string;
  /** From 0. */
  readonly round: number;
  /** Wall seconds it should take, from the plan alone. */
  readonly expectedS: number;
}

/** A run under way. Counts are since the run began. */
export interface RunProgress {
  readonly elapsedS: number;
  readonly totalS: number;
  readonly offered: number;
  readonly ok: number;
  readonly refused: number;
  readonly unknown: number;
  /** Of the ok operations so far; null before the first. */
  readonly p99Ms: number | null;
}

/** What a run under way tells beyond its progress. Asking for it makes the recorders keep latencies by interval and kind. */
export interface RunWatch {
  /** What was recorded since the news before; once or twice a second and generator thread. Absent: nobody asks. */
  onNews?(slice: number, news: Snapshot): void;
  /** Everything, when the run is over. A run that is repeated says so twice; `startedAt` is its result's. */
  onRecorded?(startedAt: string, recorder: Recorder): void;
}

export interface WatchedPlan {
  /** Seconds of load. */
  readonly totalS: number;
  readonly faults: readonly Band[];
}

export interface SuiteObserver {
  /** Before a run starts; undefined: progress and result are enough. */
  watchRun?(item: RunItem, plan: WatchedPlan): RunWatch | undefined;
  /** Once, before the first run: every run in the order it will happen. */
  onPlan?(items: readonly RunItem[]): void;
  onRunStart?(item: RunItem): void;
  /** About twice a second. */
  onRunProgress?(item: RunItem, progress: RunProgress): void;
  onRunEnd?(item: RunItem, run: RunResult): void;
  onExperimentEnd?(result: ExperimentResult): void;
  /** Something happened that is neither a run nor its end: an agent came or was lost. One sentence. */
  onNote?(text: string): void;
}

export type RunSuite = (options: SuiteOptions, observer: SuiteObserver) => Promise<Results>;
