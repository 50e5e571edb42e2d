/**
 * An agent's side of a run: a state machine that is told what the coordinator says, what its workers do and what time it is.
 *
 *     free ──assign──> preparing ──workers ready──> ready ──start──> running ──load over──> reporting ──all kept──> free
 *                          └────────────── abort, late, or the coordinator silent for 5 s ──> stopping ──────────────^
 *
 * One run at a time. Nothing an agent does depends on a coordinator that is still alive: without it the load stops.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import {
  beatEveryMs,
  orphanedAfterMs,
  type AgentProgress,
  type Assignment,
  type CodeIdentity,
  type FromAgent,
  type ToAgent,
  type ToAgents,
} from "./messages.ts";
import type { RecorderRemains } from "../results.ts";

export interface AgentIdentity {
  /** Of this process, nobody else's. */
  readonly agent: string;
  readonly name: string;
  readonly code: CodeIdentity;
}

/** What the agent makes happen. Each call is answered by one of its `on...` inputs with the same run. */
export interface AgentEffects {
  send(run: string, message: FromAgent): void;
  /** Then `onReady` or `onFailed`. */
  prepare(run: string, assignment: Assignment): void;
  /** The load begins at `atMs` on this process's clock; then `onResult` or `onFailed`. */
  start(run: string, atMs: number): void;
  /** Then `onStopped` or `onFailed`. */
  stop(run: string): void;
  /** For whoever watches the agent. */
  say(text: string): void;
}

interface Job {
  readonly run: string;
  state: "preparing" | "ready" | "running" | "reporting" | "stopping";
  heardMs: number;
  progress: AgentProgress | null;
  snapshots: number;
  chunks: string[];
  /** The chunk not yet known to be kept. */
  chunk: number;
  chunkSentMs: number;
}

/** Well below the bus's limit of 1 MB a message. */
const chunkLength = 262_144;
const resendAfterMs = 1_000;

export class Agent {
  /** Runs carried to their end, good or bad. */
  ended = 0;
  private readonly identity: AgentIdentity;
  private readonly effects: AgentEffects;
  private job: Job | null = null;
  private beatMs = -Infinity;

  constructor(identity: AgentIdentity, effects: AgentEffects) {
    this.identity = identity;
    this.effects = effects;
  }

  get free(): boolean {
    return this.job === null;
  }

  onMessage(message: ToAgents | ToAgent, nowMs: number): void {
    if (message.kind === "discover") {
      this.effects.send(message.run, this.presence(message.run));
      return;
    }
    if (message.kind === "assign") {
      this.onAssign(message, nowMs);
      return;
    }
    const { job } = this;
    if (job === null || job.run !== message.run) {
      if (message.kind === "late" && job === null) this.effects.say(message.reason);
      return;
    }
    job.heardMs = nowMs;
    this.onJobMessage(job, message, nowMs);
  }

  /** Call often: about every 50 ms. */
  onTick(nowMs: number): void {
    const { job } = this;
    if (job === null || job.state === "stopping") return;
    if (nowMs - job.heardMs > orphanedAfterMs) {
      this.giveUp(job, `the coordinator has been silent for ${orphanedAfterMs / 1_000} s`);
      return;
    }
    if (nowMs - this.beatMs >= beatEveryMs) {
      this.beatMs = nowMs;
      this.send(job, { kind: "beat", ...this.signed(job), progress: job.progress });
    }
    if (job.state === "reporting" && nowMs - job.chunkSentMs > resendAfterMs) this.sendChunk(job, nowMs);
  }

  /** What the agent says of itself; `run` is empty when nobody asked. */
  presence(run: string): FromAgent {
    return { kind: "present", run, ...this.identity, busy: this.job?.run ?? null };
  }

  /** Gives up its slice, because the process is told to end. */
  leave(reason: string): void {
    if (this.job === null || this.job.state === "stopping") return;
    this.send(this.job, { kind: "failed", ...this.signed(this.job), reason });
    this.giveUp(this.job, reason);
  }

  /* ---- from the workers ---- */

  onReady(run: string): void {
    const job = this.jobOf(run);
    if (job?.state !== "preparing") return;
    job.state = "ready";
    this.send(job, { kind: "ready", ...this.signed(job) });
  }

  onProgress(run: string, progress: AgentProgress): void {
    const job = this.jobOf(run);
    if (job !== null) job.progress = progress;
  }

  onSnapshot(run: string, untilUs: Micros, recorder: RecorderRemains): void {
    const job = this.jobOf(run);
    if (job?.state !== "running") return;
    this.send(job, { kind: "snapshot", ...this.signed(job), number: job.snapshots++, untilUs, recorder });
  }

  /** `text`: what `packResult` makes of it. */
  onResult(run: string, text: string, nowMs: number): void {
    const job = this.jobOf(run);
    if (job?.state !== "running") {
      this.onStopped(run);
      return;
    }
    job.state = "reporting";
    for (let at = 0; at < text.length; at += chunkLength) job.chunks.push(text.slice(at, at + chunkLength));
    this.sendChunk(job, nowMs);
  }

  onFailed(run: string, reason: string): void {
    const job = this.jobOf(run);
    if (job === null) return;
    if (job.state !== "stopping") {
      this.send(job, { kind: "failed", ...this.signed(job), reason });
      this.effects.say(`run ${run}: ${reason}`);
    }
    this.end();
  }

  onStopped(run: string): void {
    if (this.jobOf(run) !== null) this.end();
  }

  /* ---- from the coordinator ---- */

  private onAssign({ run, code, assignment }: Extract<ToAgent, { kind: "assign" }>, nowMs: number): void {
    if (this.job?.run === run) return;
    const ours = this.identity.code;
    const refusal =
      this.job !== null
        ? `busy with run ${this.job.run}`
        : code.sources !== ours.sources
          ? `the agent's code is not the coordinator's (commit ${ours.commit.slice(0, 7)}, not ${code.commit.slice(0, 7)})`
          : null;
    if (refusal !== null) {
      this.effects.send(run, { kind: "refused", run, agent: this.identity.agent, reason: refusal });
      return;
    }
    const fresh = { progress: null, snapshots: 0, chunks: [], chunk: 0, chunkSentMs: 0 };
    this.job = { run, state: "preparing", heardMs: nowMs, ...fresh };
    const { part } = assignment;
    this.effects.say(`run ${run}: slice ${part.index + 1} of ${part.count}`);
    this.effects.prepare(run, assignment);
  }

  private onJobMessage(
    job: Job,
    message: Exclude<ToAgents | ToAgent, { kind: "assign" } | { kind: "discover" }>,
    nowMs: number,
  ): void {
    switch (message.kind) {
      case "beat":
        break;
      case "ping":
        this.send(job, { kind: "pong", ...this.signed(job), sentMs: message.sentMs, atMs: nowMs });
        break;
      case "start":
        this.onStart(job, message.atMs[this.identity.agent], nowMs);
        break;
      case "kept":
        this.onKept(job, message.chunk, nowMs);
        break;
      case "abort":
      case "late":
        this.giveUp(job, message.reason);
        break;
    }
  }

  private onStart(job: Job, atMs: number | undefined, nowMs: number): void {
    if (job.state !== "ready") return;
    if (atMs === undefined || atMs < nowMs) {
      const reason = `heard of the start ${atMs === undefined ? "of others" : `${Math.ceil(nowMs - atMs)} ms too late`}`;
      this.send(job, { kind: "failed", ...this.signed(job), reason });
      this.giveUp(job, reason);
      return;
    }
    job.state = "running";
    this.effects.start(job.run, atMs);
  }

  private onKept(job: Job, chunk: number, nowMs: number): void {
    if (job.state !== "reporting" || chunk !== job.chunk) return;
    job.chunk++;
    if (job.chunk < job.chunks.length) {
      this.sendChunk(job, nowMs);
      return;
    }
    this.effects.say(`run ${job.run}: done, the coordinator has the result`);
    this.end();
  }

  private giveUp(job: Job, reason: string): void {
    this.effects.say(`run ${job.run}: the load is stopped: ${reason}`);
    if (job.state === "reporting") {
      this.end();
      return;
    }
    job.state = "stopping";
    this.effects.stop(job.run);
  }

  private sendChunk(job: Job, nowMs: number): void {
    job.chunkSentMs = nowMs;
    const { chunk, chunks } = job;
    this.send(job, { kind: "result", ...this.signed(job), chunk, chunks: chunks.length, text: chunks[chunk] });
  }

  private end(): void {
    this.job = null;
    this.ended++;
  }

  private jobOf(run: string): Job | null {
    return this.job?.run === run ? this.job : null;
  }

  private signed({ run }: Job): { run: string; agent: string } {
    return { run, agent: this.identity.agent };
  }

  private send(job: Job, message: FromAgent): void {
    this.effects.send(job.run, message);
  }
}
