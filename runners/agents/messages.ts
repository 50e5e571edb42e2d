/**
 * What a coordinator and its agents say to each other. Every message names its run: a number nobody used before, so that what
 * is left of an earlier run, or of another coordinator's, is never taken for this one's.
 *
 *     coordinator                                                agent
 *     discover ─────────────────────── everybody ──────────────> present      who is there, with which code, busy or free
 *     assign   ─────────────────────────── one ────────────────> refused, or: prepares workers, then ready
 *     ping     ─────────────────────────── one ────────────────> pong         eight times: the clocks' offset
 *     start    ─────────────────────── everybody ──────────────> the load begins at the same instant on every agent
 *     beat     ─────────── everybody, twice a second ──────────> silence for 5 s: the agent stops the load by itself
 *              <────────── beat, twice a second ──────────────── silence for 3 s: the agent is lost
 *              <────────── snapshot, once a second ───────────── what is new in figures; shown at once, kept if the agent is lost
 *     kept     <────────── result, in chunks ──────────────────  the whole slice; takes the place of its snapshots
 *     abort    ─────────────────────── everybody ──────────────> the load stops, figures are thrown away
 *     late     ─────────────────────────── one ────────────────> not part of the run (any more)
 */
import type { Micros } from "../../backend/kernel/units.ts";
import type { LoadTask, Part } from "../hosts/threads-host.ts";
import type { RecorderRemains } from "../results.ts";
import type { SliceTask } from "../slice-task.ts";

/** What makes figures out of a task: equal on all machines, or they measure different things. */
export interface CodeIdentity {
  readonly version: string;
  readonly commit: string;
  /** Digest of the sources that run a slice. */
  readonly sources: string;
}

/** A load as it is given to an agent, whose slice is `part`. */
export interface Assignment {
  readonly task: LoadTask;
  readonly target: Exclude<SliceTask["target"], { kind: "direct" }>;
  readonly part: Part;
  /** Generator threads on the agent. */
  readonly threads: number;
}

export type ToAgents =
  | { readonly kind: "discover"; readonly run: string }
  /** `atMs`: by agent, the start on that agent's own clock. */
  | { readonly kind: "start"; readonly run: string; readonly atMs: Readonly<Record<string, number>> }
  | { readonly kind: "beat"; readonly run: string }
  | { readonly kind: "abort"; readonly run: string; readonly reason: string };

export type ToAgent =
  | { readonly kind: "assign"; readonly run: string; readonly code: CodeIdentity; readonly assignment: Assignment }
  | { readonly kind: "ping"; readonly run: string; readonly sentMs: number }
  | { readonly kind: "kept"; readonly run: string; readonly chunk: number }
  | { readonly kind: "late"; readonly run: string; readonly reason: string };

/** Counts since the load began. */
export interface AgentProgress {
  readonly planned: number;
  readonly ok: number;
  readonly refused: number;
  readonly unknown: number;
  readonly p99Ms: number | null;
}

/** `agent` is an identifier of one agent's process, not its name. */
export type FromAgent =
  | {
      readonly kind: "present";
      /** Of the question; empty when the agent has just come. */
      readonly run: string;
      readonly agent: string;
      readonly name: string;
      readonly code: CodeIdentity;
      /** What it is busy with; null: free. */
      readonly busy: string | null;
    }
  | { readonly kind: "refused"; readonly run: string; readonly agent: string; readonly reason: string }
  | { readonly kind: "ready"; readonly run: string; readonly agent: string }
  | {
      readonly kind: "pong";
      readonly run: string;
      readonly agent: string;
      /** Of the ping, on the coordinator's clock; the other on the agent's. */
      readonly sentMs: number;
      readonly atMs: number;
    }
  | { readonly kind: "beat"; readonly run: string; readonly agent: string; readonly progress: AgentProgress | null }
  | {
      readonly kind: "snapshot";
      readonly run: string;
      readonly agent: string;
      /** 0, 1, 2 ... without a gap. */
      readonly number: number;
      readonly untilUs: Micros;
      readonly recorder: RecorderRemains;
    }
  | {
      readonly kind: "result";
      readonly run: string;
      readonly agent: string;
      readonly chunk: number;
      readonly chunks: number;
      /** The chunks joined are what `packResult` makes of an `AgentResult`. */
      readonly text: string;
    }
  /** The agent cannot go on with the run: a worker died, it was told to leave, it heard too late of the start. */
  | { readonly kind: "failed"; readonly run: string; readonly agent: string; readonly reason: string };

export type Message = ToAgents | ToAgent | FromAgent;

export interface AgentResult {
  readonly recorder: RecorderRemains;
  readonly history: readonly unknown[];
  readonly loopDelayP99Us: Micros;
}

/** The version in a subject changes with these messages, so that old and new ones do not meet. */
const prefix = "wavetank.1";

export const subjects = {
  agents: `${prefix}.agents`,
  agent: (agent: string): string => `${prefix}.agent.${agent}`,
  run: (run: string): string => `${prefix}.run.${run}`,
  /** Where an agent that has just come says so. */
  coordinators: `${prefix}.coordinators`,
} as const;

/** Twice a second each way. */
export const beatEveryMs = 500;
/** An agent silent for so long is lost. */
export const lostAfterMs = 3_000;
/** A coordinator silent for so long is gone: agents stop. Longer than `lostAfterMs`, so that the coordinator knows first. */
export const orphanedAfterMs = 5_000;

/** Both ends use a clock that never jumps: milliseconds since 1970 as of the process's start, then monotonic. */
export function processClockMs(): number {
  return performance.timeOrigin + performance.now();
}
