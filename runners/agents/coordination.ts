/**
 * One run of a load on agents, seen by its coordinator: a state machine that is told what agents say and what time it is, and
 * says what to tell them. It holds no connection, clock or timer.
 *
 *     discovering ──enough agents──> preparing ──all ready, clocks known──> running ──every slice whole or lost──> over
 *          │                             │ one refuses, fails or is silent                                          ^
 *          └──────── patience ───────────┴──────────────────────────────────────────────> failed ──────────────────┘
 *
 * A slice is in the figures once: whole, when its result came, or up to the last of its snapshots. A result takes the place of
 * the snapshots, so nothing can be counted twice; an agent that was given up stays given up, whatever it sends later. A snapshot that
 * is kept is told to who watches, and no other: the watched and the kept are the same figures.
 */
import { second, type Micros } from "../../backend/kernel/units.ts";
import type { HistoryEntry } from "../../workloads/workload.ts";
import type { LoadTask } from "../hosts/threads-host.ts";
import { Histogram } from "../measure/histogram.ts";
import { Recorder } from "../measure/recorder.ts";
import type { RunSlices } from "../results.ts";
import type { Snapshot } from "../slice-task.ts";
import {
  beatEveryMs,
  lostAfterMs,
  type AgentProgress,
  type Assignment,
  type CodeIdentity,
  type FromAgent,
  type ToAgent,
  type ToAgents,
} from "./messages.ts";
import { recorderFromJson, unpackResult } from "./recorder-json.ts";
import { accountOf, newPart, onPong, onSnapshot, type SlicePart } from "./slice-part.ts";

export interface CoordinationOptions {
  readonly run: string;
  readonly code: CodeIdentity;
  /** How many agents make the load. */
  readonly agents: number;
  /** Generator threads on each. */
  readonly threads: number;
  readonly task: LoadTask;
  readonly target: Assignment["target"];
}

export interface CoordinatorOutbox {
  toAgents(message: ToAgents): void;
  toAgent(agent: string, message: ToAgent): void;
  /** What is new of slice `index`, which is kept; absent: nobody watches. */
  toWatch?(index: number, news: Snapshot): void;
}

const discoverEveryMs = 250;
/** Everybody who hears the first question answers within this: then the choice does not depend on who is fastest. */
const discoverForMs = 500;
const discoverPatienceMs = 10_000;
const preparePatienceMs = 30_000;
const pingsWanted = 8;
/** From the last agent being ready to the common start: the time for the word to get round. */
const startAfterMs = 1_000;

type Present = Extract<FromAgent, { kind: "present" }>;

export class Coordination {
  phase: "discovering" | "preparing" | "running" | "over" = "discovering";
  /** Why nothing was run; null unless over. */
  failure: string | null = null;
  /** The common start on our clock, once it is said. */
  startAtMs: number | null = null;
  /** For a person: who was chosen, who was lost. Whoever reads them takes them away. */
  readonly notes: string[] = [];
  private readonly options: CoordinationOptions;
  private readonly outbox: CoordinatorOutbox;
  private readonly present = new Map<string, Present>();
  private parts: SlicePart[] = [];
  private sinceMs = -Infinity;
  private askedMs = -Infinity;
  private beatMs = -Infinity;

  constructor(options: CoordinationOptions, outbox: CoordinatorOutbox) {
    this.options = options;
    this.outbox = outbox;
  }

  onMessage(message: FromAgent, nowMs: number): void {
    if (message.kind === "present") {
      this.onPresent(message);
      return;
    }
    if (message.run !== this.options.run || this.phase === "over") return;
    const part = this.parts.find(({ agent }) => agent === message.agent);
    if (part === undefined || part.state === "lost") {
      this.refuseLate(message.agent, part?.reason ?? "the run was dealt without you");
      return;
    }
    part.heardMs = nowMs;
    this.onPart(part, message, nowMs);
  }

  /** Call often: about every 50 ms. */
  onTick(nowMs: number): void {
    if (this.sinceMs === -Infinity) this.sinceMs = nowMs;
    if (this.phase === "discovering") this.discover(nowMs);
    else if (this.phase !== "over") this.attend(nowMs);
  }

  abort(reason: string): void {
    if (this.phase !== "over") this.fail(reason);
  }

  /** Counts over all slices as of their last sign of life; p99 from their merged histograms. */
  progress(): AgentProgress {
    const sum = (of: (progress: AgentProgress) => number): number =>
      this.parts.reduce((total, { progress }) => total + (progress === null ? 0 : of(progress)), 0);
    const latency = new Histogram();
    for (const { known } of this.parts) for (const tally of known.byOperation()) latency.merge(tally.latency);
    return {
      planned: sum((progress) => progress.planned),
      ok: sum((progress) => progress.ok),
      refused: sum((progress) => progress.refused),
      unknown: sum((progress) => progress.unknown),
      p99Ms: latency.count === 0 ? null : latency.quantile(0.99) / 1_000,
    };
  }

  /** Adds what is known of every slice to `recorder`. The history is of whole slices alone. Only once it is over. */
  collect(recorder: Recorder): { history: HistoryEntry[]; loopDelayP99Us: Micros; slices: RunSlices } {
    const history: HistoryEntry[] = [];
    let loopDelayP99Us = 0;
    for (const { known, result } of this.parts) {
      recorder.merge(known.parts());
      if (result === null) continue;
      for (const entry of result.history()) history.push(entry);
      loopDelayP99Us = Math.max(loopDelayP99Us, result.loopDelayP99Us);
    }
    const slices = {
      count: this.parts.length,
      parts: this.parts.map((part) => accountOf(part, this.options.task.forUs)),
    };
    return { history, loopDelayP99Us, slices };
  }

  /* ---- before the load ---- */

  private onPresent(message: Present): void {
    if (this.phase !== "discovering") {
      if (message.run !== "" || this.phase === "over") return;
      this.refuseLate(message.agent, "a run is under way; you are free for the next one");
    } else if (message.run === this.options.run) {
      this.present.set(message.agent, message);
    }
  }

  private discover(nowMs: number): void {
    const free = [...this.present.values()].filter((agent) => this.objection(agent) === null);
    if (nowMs - this.sinceMs >= discoverForMs && free.length >= this.options.agents) {
      this.deal(free, nowMs);
      return;
    }
    if (nowMs - this.sinceMs > discoverPatienceMs) this.fail(this.missingAgents(free.length));
    else if (nowMs - this.askedMs >= discoverEveryMs) {
      this.askedMs = nowMs;
      this.outbox.toAgents({ kind: "discover", run: this.options.run });
    }
  }

  /** Why an agent cannot take part; null: it can. */
  private objection({ code, busy }: Present): string | null {
    const { code: ours } = this.options;
    if (code.sources !== ours.sources) return `runs ${codeText(code)}, and the coordinator ${codeText(ours)}`;
    return busy === null ? null : `is busy with run ${busy}`;
  }

  private missingAgents(free: number): string {
    const objections = [...this.present.values()].flatMap((agent) => {
      const objection = this.objection(agent);
      return objection === null ? [] : [`${agent.name} ${objection}`];
    });
    const others = objections.length === 0 ? "" : `; ${objections.toSorted().join("; ")}`;
    return `${free} of ${this.options.agents} agents came within ${discoverPatienceMs / 1_000} s${others}`;
  }

  /** Slices go to agents in the order of their names, numbers in names counted as numbers: agent-2 before agent-10. */
  private deal(free: readonly Present[], nowMs: number): void {
    const { run, code, agents, threads, task, target } = this.options;
    const order = new Intl.Collator("en", { numeric: true });
    const chosen = free.toSorted((a, b) => order.compare(a.name, b.name) || (a.agent < b.agent ? -1 : 1));
    this.parts = chosen
      .slice(0, agents)
      .map(({ agent, name }, index) => newPart(index, agent, name, nowMs, task.record));
    this.phase = "preparing";
    this.sinceMs = nowMs;
    for (const { agent, index } of this.parts) {
      const part = { index, count: agents };
      this.outbox.toAgent(agent, { kind: "assign", run, code, assignment: { task, target, part, threads } });
    }
  }

  private onPart(part: SlicePart, message: Exclude<FromAgent, Present>, nowMs: number): void {
    switch (message.kind) {
      case "refused":
      case "failed":
        this.lose(part, message.reason);
        break;
      case "ready":
        if (part.state === "preparing") part.state = "ready";
        this.maybeStart(nowMs);
        break;
      case "pong":
        onPong(part, message.sentMs, message.atMs, nowMs);
        this.maybeStart(nowMs);
        break;
      case "beat":
        part.progress = message.progress ?? part.progress;
        break;
      case "snapshot":
        this.onNews(part, onSnapshot(part, message));
        break;
      case "result":
        this.onChunk(part, message);
        break;
    }
  }

  private onNews({ index }: SlicePart, news: Snapshot | null): void {
    if (news !== null) this.outbox.toWatch?.(index, news);
  }

  private maybeStart(nowMs: number): void {
    if (this.phase !== "preparing") return;
    if (!this.parts.every((part) => part.state === "ready" && part.pongs >= pingsWanted)) return;
    const startAtMs = nowMs + startAfterMs;
    this.startAtMs = startAtMs;
    this.phase = "running";
    for (const part of this.parts) part.state = "running";
    const atMs = Object.fromEntries(this.parts.map(({ agent, offsetMs }) => [agent, startAtMs + offsetMs]));
    this.outbox.toAgents({ kind: "start", run: this.options.run, atMs });
  }

  /* ---- from the first slice dealt to the last one back ---- */

  private attend(nowMs: number): void {
    if (nowMs - this.beatMs >= beatEveryMs) {
      this.beatMs = nowMs;
      this.outbox.toAgents({ kind: "beat", run: this.options.run });
    }
    for (const part of this.parts) {
      if (part.state === "whole" || part.state === "lost" || this.failure !== null) continue;
      if (nowMs - part.heardMs > lostAfterMs) this.lose(part, `silent for ${lostAfterMs / 1_000} s`);
      else if (this.phase === "preparing") this.ping(part, nowMs);
    }
    if (this.phase === "preparing" && nowMs - this.sinceMs > preparePatienceMs) {
      const late = this.parts.filter(({ state }) => state === "preparing").map(({ name }) => name);
      this.fail(`not ready within ${preparePatienceMs / 1_000} s: ${late.join(", ")}`);
    }
  }

  private ping({ agent, pongs }: SlicePart, nowMs: number): void {
    const sentMs = nowMs;
    if (pongs < pingsWanted) this.outbox.toAgent(agent, { kind: "ping", run: this.options.run, sentMs });
  }

  /** Before the start a lost agent is the end of the run; after it, of its slice. */
  private lose(part: SlicePart, reason: string): void {
    if (part.state === "lost") return;
    if (this.phase === "preparing") {
      this.fail(`agent ${part.name} cannot take its slice: ${reason}`);
      return;
    }
    part.state = "lost";
    part.reason = reason;
    const from = part.knownUntilUs / second;
    const what = `slice ${part.index + 1} of ${this.parts.length} is missing from ${from.toFixed(1)} s on`;
    this.notes.push(`agent ${part.name} is lost (${reason}): ${what}`);
    this.refuseLate(part.agent, reason);
    this.maybeEnd();
  }

  private onChunk(part: SlicePart, message: Extract<FromAgent, { kind: "result" }>): void {
    const { run, chunk, chunks, text } = message;
    part.chunks.length = chunks;
    part.chunks[chunk] = text;
    this.outbox.toAgent(part.agent, { kind: "kept", run, chunk });
    if (part.state === "whole" || Array.from(part.chunks).includes(undefined)) return;
    try {
      const result = unpackResult(part.chunks.join(""));
      const whole = new Recorder(this.options.task.record);
      whole.merge(recorderFromJson(result.recorder));
      part.known = whole;
      part.result = result;
      part.state = "whole";
    } catch (error) {
      this.lose(part, `its result cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.maybeEnd();
  }

  private maybeEnd(): void {
    if (this.phase === "running" && this.parts.every(({ state }) => state === "whole" || state === "lost"))
      this.phase = "over";
  }

  private fail(reason: string): void {
    this.phase = "over";
    this.failure = reason;
    this.outbox.toAgents({ kind: "abort", run: this.options.run, reason });
  }

  private refuseLate(agent: string, reason: string): void {
    this.outbox.toAgent(agent, { kind: "late", run: this.options.run, reason });
  }
}

function codeText({ version, commit, sources }: CodeIdentity): string {
  return `version ${version}, commit ${commit.slice(0, 7)}, sources ${sources.slice(0, 8)}`;
}
