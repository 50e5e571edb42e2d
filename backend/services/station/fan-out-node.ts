/**
 * A station that answers together with others: a read that enters here is cut into parts, each part asked of a server, and answered
 * when all parts are. Of a hundred servers of which each is slow once in a hundred, two reads in three meet a slow one (Dean and
 * Barroso, "The Tail at Scale", CACM 2013); what can be done about it is this file: hedges, and tied requests.
 *
 *     read ──> part, part, part ──ask──> leaf queues ──answered──> last part: answer
 *                 |  hedge: late? another copy elsewhere; the loser is dropped
 *                 `  tied:  two copies at once, each knows the other
 *
 * Where leaves are "delays", no copy waits for another one, so a server's answer depends on nothing but its own draw. It is drawn here
 * and the read costs one event, not three for each of its parts; a test compares the two.
 */
import type { Answer, StationService, WorkRequest } from "../../api.ts";
import type { FanOutSpec } from "../../api-tails.ts";
import type { Core, RequestId } from "../../kernel/env.ts";
import { OpenTable } from "../../kernel/open-table.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { CopyOutcome, HedgedCall } from "../../policies/hedge.ts";
import { Hedge, hedgeCounters } from "../../policies/hedge.ts";
import type { FanOutEnv, FanOutMessage, FanOutTimer } from "./fan-out-messages.ts";
import { LeafQueue } from "./leaf-queue.ts";
import { CurveDraws } from "./survival-curve.ts";

interface Read {
  readonly id: number;
  readonly request: RequestId;
  readonly body: WorkRequest;
  readonly deadline: Micros;
  readonly parts: Part[];
  /** Parts without an answer. */
  left: number;
  queuedUs: Micros;
}

interface Part {
  readonly id: number;
  readonly read: Read;
  /** Null: it is not hedged, only its answer is awaited. */
  readonly call: HedgedCall | null;
  /** Copy i + 1 went, or will go, to asked[i]. */
  readonly asked: NodeId[];
  /** Copies sent. */
  sent: number;
}

export interface FanOutRoles {
  readonly Hedge: typeof Hedge;
  readonly LeafQueue: typeof LeafQueue;
}

export const fanOutRoles: FanOutRoles = { Hedge, LeafQueue };

export class FanOutNode implements Core<FanOutMessage, FanOutTimer, WorkRequest> {
  private readonly env: FanOutEnv;
  private readonly spec: FanOutSpec;
  private readonly nodes: number;
  private readonly leaf: LeafQueue;
  private readonly hedge: Hedge | null;
  private readonly delays: CurveDraws | null;
  private readonly reads = new OpenTable<Read>();
  private readonly parts = new OpenTable<Part>();
  private nextRead: number;
  private nextPart: number;
  /** Answers to what was over: another copy had been first, or the client had gone. And copies asked, the first of each part included. */
  private lateAnswers = 0;
  private asks = 0;
  private timedOut = 0;

  constructor(env: FanOutEnv, service: StationService, nodes: number, roles: FanOutRoles) {
    this.env = env;
    this.spec = service.fanOut!;
    this.nodes = nodes;
    this.leaf = new roles.LeafQueue(env, service, nodes);
    const { hedge, leaves, curve } = this.spec;
    this.hedge = hedge === undefined ? null : new roles.Hedge(hedge);
    this.delays = leaves === "delays" ? new CurveDraws(curve ?? []) : null;
    // What is said about parts of an earlier life must not be taken for ours.
    this.nextPart = this.nextRead = env.random.below(2 ** 16) * 2 ** 20;
  }

  start(): void {
    this.leaf.start();
  }

  onRequest(request: RequestId, body: WorkRequest): void {
    const { now } = this.env;
    const count = body.parts ?? this.spec.parts;
    const deadline = now + (body.timeoutUs ?? Infinity);
    const read: Read = { id: this.nextRead++, request, body, deadline, parts: [], left: count, queuedUs: 0 };
    this.reads.set(read.id, read);
    if (this.delays !== null) {
      this.env.after(this.longest(count, this.delays), "answer", read.id);
      return;
    }
    const first = this.env.random.below(this.nodes);
    for (let i = 0; i < count; i++) this.beginPart(read, (first + i) % this.nodes);
    if (body.timeoutUs !== undefined) this.env.after(body.timeoutUs, "expire", read.id);
  }

  onMessage(from: NodeId, message: FanOutMessage): void {
    switch (message.kind) {
      case "ask":
        this.leaf.onAsk(from, message);
        break;
      case "drop":
        this.leaf.onDrop(message.root, message.part, message.leftUs);
        break;
      case "answered":
        this.onCopyEnded(message.part, message.copy, { kind: "ok" }, message.queuedUs);
        break;
      case "declined":
        this.onCopyEnded(message.part, message.copy, { kind: "failed" }, 0);
        break;
    }
  }

  onTimer(timer: FanOutTimer, key: number): void {
    switch (timer) {
      case "served":
        this.leaf.onServed(key);
        break;
      case "hedge":
        this.onDue(key);
        break;
      case "answer":
      case "expire": {
        const read = this.reads.get(key);
        if (read !== undefined) this.finish(read, timer === "answer" ? worked(0) : gaveUp);
        break;
      }
    }
  }

  check(): void {}

  atRest(): boolean {
    return this.reads.size === 0 && this.leaf.outstanding === 0;
  }

  counters(): Record<string, number | readonly number[]> {
    const { counts } = this.leaf;
    return {
      ...counts,
      ...hedgeCounters(this.hedge),
      effects: this.leaf.effects,
      asks: this.asks,
      lateAnswers: this.lateAnswers,
      timedOut: this.timedOut,
      tombstones: this.leaf.remembered,
    };
  }

  /* ---- parts that wait at servers ---- */

  private beginPart(read: Read, server: NodeId): void {
    const write = read.body.write === true;
    const call = this.hedge?.begin(this.env.now, write ? "write" : "read") ?? null;
    const part: Part = { id: this.nextPart++, read, call, asked: [server], sent: 0 };
    const { tied } = this.spec;
    if (tied !== undefined && !write)
      while (part.asked.length < Math.min(tied.copies, this.nodes)) part.asked.push(this.another(part));
    read.parts.push(part);
    this.parts.set(part.id, part);
    this.ask(part);
    this.armNext(part);
  }

  private ask(part: Part): void {
    const { read, id, asked } = part;
    const to = asked[part.sent++];
    this.asks++;
    const { serviceUs, operation } = read.body;
    const write = read.body.write === true ? operation : -1;
    const twins = this.spec.tied === undefined || write >= 0 ? nobody : asked;
    const leftUs = read.deadline - this.env.now;
    this.env.sendEarly(to, { kind: "ask", part: id, copy: part.sent, serviceUs, write, leftUs, twins });
  }

  private armNext({ id, call, asked, sent }: Part): void {
    if (sent < asked.length) this.env.after(this.spec.tied!.staggerUs, "hedge", id);
    else if (call !== null && call.hedgeAtUs !== Infinity) {
      this.env.after(Math.max(0, call.hedgeAtUs - this.env.now), "hedge", id);
    }
  }

  /** The next copy of a part is due, or was before its time moved. */
  private onDue(id: number): void {
    const part = this.parts.get(id);
    if (part === undefined) return;
    if (part.sent >= part.asked.length) {
      if (part.asked.length >= this.nodes || part.call === null || !this.hedge!.tryHedge(part.call, this.env.now))
        return;
      part.asked.push(this.another(part));
    }
    this.ask(part);
    this.armNext(part);
  }

  private onCopyEnded(id: number, copy: number, outcome: CopyOutcome, queuedUs: Micros): void {
    const part = this.parts.get(id);
    if (part === undefined) {
      if (outcome.kind === "ok") this.lateAnswers++;
      return;
    }
    const { call, read } = part;
    if (call !== null) {
      if (this.hedge!.onCopyEnded(call, copy, outcome, this.env.now) === "hedge") this.onDue(id);
      if (!call.done) return;
    }
    if (outcome.kind !== "ok") {
      // Of tied copies one may still be begun; without an answer the read's patience ends it.
      if (this.spec.tied === undefined) this.finish(read, full);
      return;
    }
    this.parts.delete(id);
    read.queuedUs = Math.max(read.queuedUs, queuedUs);
    if (this.spec.tied === undefined) this.callOff(part, copy);
    if (--read.left === 0) this.finish(read, worked(read.queuedUs));
  }

  /** Every copy but the one that answered. Tied copies do this among themselves. */
  private callOff({ read, id, asked, sent, call }: Part, answered: number): void {
    if (this.spec.cancel === false) return;
    const leftUs = read.deadline - this.env.now;
    for (let i = 0; i < sent; i++) {
      if (i + 1 !== answered) this.env.sendEarly(asked[i], { kind: "drop", root: this.env.self, part: id, leftUs });
    }
    if (call !== null && sent > 1) this.hedge!.onCancelled(sent - 1);
  }

  private finish(read: Read, answer: Answer): void {
    if (!this.reads.delete(read.id)) return;
    if (answer === gaveUp) this.timedOut++;
    for (const part of read.parts) {
      if (this.parts.delete(part.id)) this.callOff(part, 0);
    }
    this.env.reply(read.request, answer);
  }

  /** A server that was not asked yet. */
  private another({ asked }: Part): NodeId {
    const skip = this.env.random.below(this.nodes - asked.length);
    let server = 0;
    for (let left = skip; ; server++) {
      if (asked.includes(server)) continue;
      if (left-- === 0) return server;
    }
  }

  /* ---- parts that never wait ---- */

  /** When the last of `count` parts is answered, microseconds from now. */
  private longest(count: number, delays: CurveDraws): Micros {
    let longest = 0;
    this.asks += count;
    for (let i = 0; i < count; i++)
      longest = Math.max(longest, this.hedge === null ? delays.draw(this.env.random) : this.hedged(delays));
    return longest;
  }

  private hedged(delays: CurveDraws): Micros {
    const { now, random } = this.env;
    const hedge = this.hedge!;
    const call = hedge.begin(now, "read");
    let first = delays.draw(random);
    let copy = 1;
    for (;;) {
      const sentAt = call.hedgeAtUs;
      if (sentAt >= now + first || !hedge.tryHedge(call, sentAt)) break;
      this.asks++;
      const second = sentAt - now + delays.draw(random);
      if (second < first) {
        first = second;
        copy = call.sent;
      }
    }
    hedge.onCopyEnded(call, copy, { kind: "ok" }, now + first);
    hedge.onCancelled(call.sent - 1);
    return first;
  }
}

const nobody: readonly NodeId[] = [];
const gaveUp: Answer = { kind: "unknown", code: "timeout", message: "Not every part was answered in time" };
const full: Answer = { kind: "refused", code: "overloaded", message: "The queues of a part's servers are full" };

function worked(queuedUs: Micros): Answer {
  return { kind: "ok", result: { kind: "worked", queuedUs } };
}
