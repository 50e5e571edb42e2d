/**
 * One slice of a run as its coordinator knows it: which agent has it, what its clock shows, and what of its figures is here. That
 * is a prefix of the slice, from its snapshots, until its result makes it whole.
 */
import { second, type Micros } from "../../backend/kernel/units.ts";
import { Recorder, type RecorderPlan } from "../measure/recorder.ts";
import type { RunSlices } from "../results.ts";
import type { Snapshot } from "../slice-task.ts";
import type { AgentProgress, FromAgent } from "./messages.ts";
import { recorderFromJson, type unpackResult } from "./recorder-json.ts";

/** A slice and the agent that runs it. */
export interface SlicePart {
  readonly index: number;
  readonly agent: string;
  readonly name: string;
  state: "preparing" | "ready" | "running" | "whole" | "lost";
  /** Why it is lost. */
  reason: string;
  heardMs: number;
  pongs: number;
  /** Of the pong with the shortest round trip: the agent's clock minus ours, and half that round trip. */
  offsetMs: number;
  errorMs: number;
  progress: AgentProgress | null;
  /** What is known of the slice: its snapshots, or all of it. */
  known: Recorder;
  knownUntilUs: Micros;
  /** Invariant: snapshots 0 to this, less one, are in `known`, without a gap. */
  nextSnapshot: number;
  chunks: (string | undefined)[];
  result: ReturnType<typeof unpackResult> | null;
}

export function newPart(index: number, agent: string, name: string, nowMs: number, plan: RecorderPlan): SlicePart {
  return {
    index,
    agent,
    name,
    state: "preparing",
    reason: "",
    heardMs: nowMs,
    pongs: 0,
    offsetMs: 0,
    errorMs: Infinity,
    progress: null,
    known: new Recorder(plan),
    knownUntilUs: 0,
    nextSnapshot: 0,
    chunks: [],
    result: null,
  };
}

/**
 * As in NTP (Mills 1991, section 3): the reply's instant on the agent's clock against the middle of the round trip on ours. The
 * shortest round trip of several is the one that queues disturbed least; the error is at most half of it.
 */
export function onPong(part: SlicePart, sentMs: number, atMs: number, nowMs: number): void {
  part.pongs++;
  const errorMs = (nowMs - sentMs) / 2;
  if (errorMs >= part.errorMs) return;
  part.errorMs = errorMs;
  part.offsetMs = atMs - (sentMs + nowMs) / 2;
}

/**
 * What is new of the slice; null when it is not taken. After a gap nothing more is: what is kept of a slice is everything up to an
 * instant.
 */
export function onSnapshot(part: SlicePart, message: Extract<FromAgent, { kind: "snapshot" }>): Snapshot | null {
  const { number, untilUs } = message;
  if (number !== part.nextSnapshot || part.state !== "running") return null;
  const recorder = recorderFromJson(message.recorder);
  part.nextSnapshot++;
  part.knownUntilUs = untilUs;
  part.known.merge(recorder);
  return { untilUs, recorder };
}

/** What the results file says of the slice once the run is over. */
export function accountOf(part: SlicePart, forUs: Micros): RunSlices["parts"][number] {
  const complete = part.state === "whole";
  return {
    index: part.index,
    agent: part.name,
    complete,
    keptS: (complete ? forUs : part.knownUntilUs) / second,
    ...(complete ? {} : { reason: part.reason }),
    clockOffsetMs: rounded(part.offsetMs),
    clockErrorMs: rounded(part.errorMs),
  };
}

const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;
