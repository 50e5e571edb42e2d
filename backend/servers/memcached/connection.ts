/**
 * One client. What it sends is read as commands, a turn's worth at a time; a turn's operations go to the backend in one request, and their answers to the
 * socket in one write. There is one turn under way at a time, so answers leave in the order of the commands.
 *
 *     piece ──nothing under way──> Conversation ── up to 20 operations ──> backend ──> Output ──> socket
 *        └──otherwise──> pending ──────┘  ^                                               │
 *                                         └───────── while there is more to read ─────────┘
 *
 * What a client can make us keep is bounded: a command that never ends, answers that are not read, input that comes faster than it is served.
 */
import type { Socket } from "node:net";
import type { Answer, Request } from "../../api.ts";
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import { requestMagic } from "./binary-commands.ts";
import type { BinaryCommands } from "./binary-commands.ts";
import { Conversation } from "./conversation.ts";
import type { Output } from "./output.ts";
import type { TextCommands } from "./text-commands.ts";

/** What a connection needs of its door. */
export interface Surroundings {
  readonly backend: { submit(request: Request, done: (answer: Answer) => void): void };
  readonly text: TextCommands;
  readonly binary: BinaryCommands;
  readonly out: Output;
  /** Operations that a connection has served before others are. */
  readonly operationsPerTurn: number;
  /** So many more bytes of input are kept for all connections together, or fewer. False: there is no room for them. */
  keep(bytes: number): boolean;
  wrote(bytes: number): void;
}

/** Input that waits while a turn is under way; beyond it the socket is not read. */
const maxWaitingBytes = 65_536;
/** Answers that the client has not taken; beyond it no more commands are served. */
const maxUnsentBytes = 262_144;
const maxUnsentSweeps = 5;
/** A command has so long to come whole. */
const maxPartialSweeps = 60;

const nothing: CacheOperation = { kind: "stats" };
const absent: CacheOutcome = { kind: "missing" };

export class Connection {
  private readonly socket: Socket;
  private readonly around: Surroundings;
  private readonly conversation = new Conversation();
  private readonly done = (answer: Answer): void => this.answered(answer);
  private reader: TextCommands | BinaryCommands | undefined;
  /** Pieces behind what the conversation has. */
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private pendingLine = false;
  /** Bytes that the door was told are kept. */
  private kept = 0;
  private underWay = false;
  /** The client has to read first. */
  private blocked = false;
  private paused = false;
  private ended = false;
  /** Of the turn's operations; some may be deferred. */
  private outcomes: CacheOutcome[] = [];
  /** Those that were asked last, when not all: their places among the turn's operations. */
  private again: readonly number[] | undefined;
  /** The next form to write, and the outcome that it takes. */
  private form = 0;
  private outcome = 0;
  private failure: string | undefined;
  private partialSweeps = 0;
  private blockedSweeps = 0;

  constructor(socket: Socket, around: Surroundings) {
    this.socket = socket;
    this.around = around;
    socket.on("drain", () => this.unblock());
    socket.on("end", () => this.end());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.around.keep(-this.kept));
  }

  /** `piece` belongs to the socket, which overwrites it after this. */
  take(piece: Buffer, length: number): void {
    const { conversation: c } = this;
    if (this.socket.destroyed || c.closing) return;
    if (!this.underWay && !this.blocked && c.at === c.end && this.pending.length === 0) {
      c.feed(piece, length, true);
      this.run();
      if (c.at === c.end || this.socket.destroyed) return;
      c.own();
      this.hold(c.end - c.at);
      return;
    }
    const copy = Buffer.from(piece.subarray(0, length));
    this.pending.push(copy);
    this.pendingBytes += length;
    this.pendingLine ||= copy.includes(10);
    if (!this.hold(length)) return;
    if (!this.underWay && !this.blocked) this.run();
    else if (this.pendingBytes > maxWaitingBytes) this.pause();
  }

  /** To be called once a second. */
  sweep(): void {
    const waiting = this.underWay || this.blocked || this.kept === 0;
    this.partialSweeps = waiting ? 0 : this.partialSweeps + 1;
    this.blockedSweeps = this.blocked ? this.blockedSweeps + 1 : 0;
    if (this.partialSweeps > maxPartialSweeps || this.blockedSweeps >= maxUnsentSweeps) this.socket.destroy();
  }

  close(): void {
    this.conversation.closing = true;
    if (!this.underWay) this.socket.destroySoon();
  }

  /* ---- turns --------------------------------------------------------------------------------------------------------------- */

  /** Serves what is here until there is something to wait for: an answer, a client that reads, more input. */
  private run(): void {
    const { conversation: c, around } = this;
    while (!this.underWay && !this.blocked) {
      if (this.outcome < this.outcomes.length) {
        this.askAgain();
        return;
      }
      if (!c.closing) this.read();
      if (c.operations.length > 0) {
        this.underWay = true;
        around.backend.submit({ kind: "cache", operations: c.operations }, this.done);
        return;
      }
      if (c.forms.length > 0) this.write();
      else if (c.closing) {
        this.socket.destroySoon();
        return;
      } else if (!this.refill()) break;
    }
    if (this.underWay || this.blocked) return;
    if (c.at === c.end) this.release();
    this.resume();
    if (this.ended) this.socket.end();
  }

  private read(): void {
    const { conversation: c, around } = this;
    if (c.at === c.end) return;
    this.reader ??= c.uint8(c.at) === requestMagic ? around.binary : around.text;
    this.reader.read(c, around.operationsPerTurn);
  }

  /** The node had answered enough: what it left is asked for now that the client has taken that. */
  private askAgain(): void {
    const { conversation: c, outcomes } = this;
    const again: number[] = [];
    for (let i = this.outcome; i < outcomes.length; i++) if (outcomes[i].kind === "deferred") again.push(i);
    this.again = again;
    this.underWay = true;
    const operations = again.map((place) => c.operations[place]);
    this.around.backend.submit({ kind: "cache", operations }, this.done);
  }

  private answered(answer: Answer): void {
    this.underWay = false;
    if (this.socket.destroyed) return;
    const { again } = this;
    if (again === undefined) this.outcomes = outcomesOf(answer, this.conversation.operations.length);
    else {
      const outcomes = outcomesOf(answer, again.length);
      for (const [i, place] of again.entries()) this.outcomes[place] = outcomes[i];
      this.again = undefined;
    }
    this.write();
    this.run();
  }

  /** Writes the answers that are known, in the order of the commands. */
  private write(): void {
    const { around, socket, outcomes } = this;
    const { forms, operations } = this.conversation;
    const { out } = around;
    const { prefixes } = around.text.stats;
    out.failure = this.failure;
    for (; this.form < forms.length; this.form++) {
      const form = forms[this.form];
      if (!form.awaits) form.write(out, absent, nothing);
      else {
        const outcome = outcomes[this.outcome];
        if (outcome.kind === "deferred") break;
        const operation = operations[this.outcome++];
        if (prefixes.on) prefixes.count(operation, outcome);
        form.write(out, outcome, operation);
      }
    }
    this.failure = out.failure;
    if (this.form === forms.length) this.begin();
    if (out.length === 0) return;
    const bytes = out.take();
    around.wrote(bytes.length);
    socket.write(bytes);
    if (socket.writableLength === 0) return;
    out.leave();
    if (socket.writableLength > maxUnsentBytes) this.blocked = true;
  }

  /** For the next turn. */
  private begin(): void {
    this.form = 0;
    this.outcome = 0;
    this.outcomes = none;
    this.conversation.operations = [];
    this.conversation.forms = [];
  }

  private unblock(): void {
    if (!this.blocked) return;
    this.blocked = false;
    if (!this.underWay) this.run();
  }

  private end(): void {
    this.ended = true;
    if (!this.underWay && !this.blocked) this.socket.end();
  }

  /* ---- input --------------------------------------------------------------------------------------------------------------- */

  /** Puts what came later behind a command that is not complete. False: it cannot be complete yet, so that it is not read again and again. */
  private refill(): boolean {
    if (this.pending.length === 0) return false;
    const { conversation: c } = this;
    const bytes = c.end - c.at + this.pendingBytes;
    if (c.at < c.end) {
      const enough = c.wanted > 0 ? bytes >= c.wanted : this.pendingLine || bytes > c.patienceBytes;
      if (!enough) return false;
      this.pending.unshift(c.rest());
    }
    c.feed(this.pending.length === 1 ? this.pending[0] : Buffer.concat(this.pending), bytes, false);
    this.pending = [];
    this.pendingBytes = 0;
    this.pendingLine = false;
    return true;
  }

  private hold(bytes: number): boolean {
    this.kept += bytes;
    if (this.around.keep(bytes)) return true;
    this.socket.destroy();
    return false;
  }

  private release(): void {
    if (this.kept === 0) return;
    this.around.keep(-this.kept);
    this.kept = 0;
  }

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  private resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }
}

const none: CacheOutcome[] = [];

/** What became of each operation, also when the backend refused them all. */
function outcomesOf(answer: Answer, count: number): CacheOutcome[] {
  if (answer.kind === "ok" && answer.result.kind === "cached") return answer.result.outcomes as CacheOutcome[];
  const message = answer.kind === "ok" ? "not a cache" : answer.message;
  const failed: CacheOutcome = { kind: "failed", happened: answer.kind === "refused" ? "no" : "unknown", message };
  return Array.from({ length: count }, () => failed);
}
