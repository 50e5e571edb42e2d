/**
 * One life of one node, from boot to crash: turns, and what they may not say yet.
 *
 *     inbox ──drain──> turns ──> writes ──> filling group ──seal──> group being written ──durable──> its sends and replies leave
 *                        └─────> sends, replies ──┘  (one at a time; the next fills meanwhile)
 *
 * All turns of a drain, and all drains while a group is being written, share the next group: that is group commit, and the batch size
 * finds itself. A turn without writes waits only if an earlier turn's writes are not durable yet, because its answer may rest on them.
 */
import { randomInt } from "node:crypto";
import type { Core, RequestId } from "../../kernel/env.ts";
import { OpenTable } from "../../kernel/open-table.ts";
import { Random } from "../../kernel/random.ts";
import { drawDelay, none } from "../../kernel/topology.ts";
import type { Delay } from "../../kernel/topology.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { CoreTimers } from "./core-timers.ts";
import { Log } from "./log.ts";
import { NodeEnv } from "./node-env.ts";
import type { NodeSetting } from "./node-setting.ts";
import { LayeredStore } from "./store.ts";

export type Done = (reply: unknown) => void;

/** What it took to bring a node's store back: milliseconds, and how much log lay above the last checkpoint. */
export interface BootTimes {
  readonly storeMs: number;
  readonly logMs: number;
  readonly replayMs: number;
  readonly records: number;
  readonly bytes: number;
}

const drainInputs = 256;
/** How long the planted bug leaves an acknowledged group in memory, so that a kill has something to lose. */
const plantedDelayUs = 5 * millisecond;
/** After a start the processors have better things to do than to write a checkpoint: others wait for an answer. */
const settlingUs = 2_000 * millisecond;

export class NodeLoop {
  turns = 0;
  groups = 0;
  groupBytes = 0;
  slowFactor = 1;
  diskDelay: Delay = none;
  /** No turn runs and nothing leaves before this time. */
  blockedUntil: Micros = 0;
  readonly core: Core<unknown, string, unknown>;
  readonly boot: BootTimes;
  private readonly env: NodeEnv;
  private readonly setting: NodeSetting;
  private readonly store: LayeredStore;
  private readonly log: Log;
  private readonly timers = new CoreTimers();
  private readonly diskRandom: Random;
  /** Sends and replies leave at once: the design has no log to wait for, or the bug is planted. */
  private readonly eager: boolean;
  /** Pairs: sender and message, or minus the request's id and its body. */
  private inbox: unknown[] = [];
  private head = 0;
  private open = new OpenTable<Done>();
  /** Pairs: receiver and message, or the requester's callback and the reply. */
  private held: unknown[] = [];
  /** Pairs likewise: what this turn answers without waiting. */
  private early: unknown[] = [];
  private writing: unknown[] | undefined;
  /** When a log that was long at the start is checkpointed, full segment or not: who dies again and again finds no more to replay. */
  private overdueAt: Micros = Infinity;
  private stopped = false;
  private closed: Promise<void> | undefined;

  /**
   * Opens the node's files and rebuilds its store. Throws when the log is damaged.
   *
   * @param life how often this process opened the node before
   */
  static async open(setting: NodeSetting, life = 0): Promise<NodeLoop> {
    const began = performance.now();
    const store = new LayeredStore(`${setting.directory}/store`);
    try {
      const storeOpen = performance.now();
      const { log, records } = await Log.open({
        directory: `${setting.directory}/log`,
        sync: setting.durability === "log",
        segmentBytes: setting.segmentBytes,
        floor: store.floor,
      });
      const logRead = performance.now();
      let bytes = 0;
      for (const { payload } of records) {
        store.replay(payload);
        bytes += payload.length;
      }
      const used = life > 0 || records.length > 0 || store.floor > 0;
      return new NodeLoop(setting, store, log, used, {
        storeMs: storeOpen - began,
        logMs: logRead - storeOpen,
        replayMs: performance.now() - logRead,
        records: records.length,
        bytes,
      });
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  private constructor(setting: NodeSetting, store: LayeredStore, log: Log, used: boolean, boot: BootTimes) {
    this.setting = setting;
    this.boot = boot;
    this.store = store;
    this.log = log;
    this.eager = setting.durability === "none" || setting.acknowledgeEarly;
    this.diskRandom = Random.stream(setting.seed, "disk", setting.self);
    this.env = new NodeEnv({
      self: setting.self,
      // Names that must never recur (actors, operations) come from here: a later life may not draw what an earlier one drew.
      random: Random.stream(setting.seed, "node", setting.self, ...(used ? [randomInt(2 ** 32)] : [])),
      store,
      timers: this.timers,
      clockErrorUs: setting.clockErrorUs,
      beganAtUs: setting.beganAtUs,
      hold: (to, message) => void this.held.push(to, message),
      sendNow: (to, message) => setting.send(setting.self, to, message),
      answer: (request, reply) => void this.held.push(this.takeOpen(request), reply),
      answerEarly: (request, reply) => void this.early.push(this.takeOpen(request), reply),
    });
    this.core = setting.factory(this.env);
  }

  /** The first turn. */
  start(): void {
    this.env.now = this.setting.clock.now();
    if (this.log.long) this.overdueAt = this.env.now + settlingUs;
    this.guard(() => this.core.start());
    this.settle();
  }

  request(body: unknown, done: Done): void {
    if (this.stopped) {
      done(this.setting.lostReply);
      return;
    }
    const id = this.setting.nextRequest();
    this.open.set(id, done);
    this.inbox.push(-id, body);
  }

  receive(from: NodeId, message: unknown): void {
    if (!this.stopped) this.inbox.push(from, message);
  }

  /** Whether a drain now would run a turn. */
  runnable(now: Micros): boolean {
    if (this.stopped || now < this.blockedUntil) return false;
    return this.head < this.inbox.length || this.timers.earliest <= now;
  }

  /** When a timer will make it runnable. */
  get nextTimer(): Micros {
    return this.stopped ? Infinity : Math.max(this.timers.earliest, this.blockedUntil);
  }

  /** Nothing waits: no input, no held send, no write on its way to the disk. */
  get idle(): boolean {
    if (this.stopped) return true;
    return this.head === this.inbox.length && this.held.length === 0 && this.writing === undefined && !this.store.dirty;
  }

  /** Runs due timers and up to 256 inputs, each as one turn. */
  drain(): void {
    const started = this.setting.clock.now();
    this.guard(() => this.runTurns(started));
    if (this.slowFactor > 1) {
      const ended = this.setting.clock.now();
      this.block(ended + Math.round((this.slowFactor - 1) * (ended - started)));
    }
  }

  /** Stands still until `until`. */
  block(until: Micros): void {
    this.blockedUntil = Math.max(this.blockedUntil, until);
    this.setting.alarms.at(this.blockedUntil, this.setting.schedule);
  }

  /** Hands the filling group to the log unless one is being written. */
  seal(): void {
    if (this.stopped || this.writing !== undefined || !this.store.dirty) return;
    this.writing = this.held;
    this.held = [];
    const payload = this.store.takeWrites();
    this.groups++;
    this.groupBytes += payload.length;
    // What is frozen must end where a record ends, or a checkpoint could hold half a turn that the log never got.
    const rotate = this.log.full;
    const overdue = this.setting.clock.now() >= this.overdueAt;
    const checkpoint = ((rotate && this.log.long) || overdue || this.store.large) && !this.store.busy;
    if (checkpoint) {
      this.overdueAt = Infinity;
      this.store.freeze();
    }
    const delay = drawDelay(this.diskDelay, this.diskRandom) + (this.setting.acknowledgeEarly ? plantedDelayUs : 0);
    const write = (): void => this.log.write(payload, (error) => this.afterWrite(error, rotate, checkpoint));
    if (delay === 0) write();
    else this.setting.alarms.at(this.setting.clock.now() + delay, () => this.stopped || write());
  }

  /** The node dies: everything in memory is gone, its clients lose their connection. Resolves when its files are closed. */
  abandon(): Promise<void> {
    this.closed ??= this.close();
    return this.closed;
  }

  private async close(): Promise<void> {
    this.stopped = true;
    const lost = this.open.entries().map(([, done]) => done);
    for (const tag of [...(this.writing ?? []), ...this.held, ...this.early])
      if (typeof tag === "function") lost.push(tag as Done);
    this.open = new OpenTable();
    this.held = [];
    this.early = [];
    this.inbox = [];
    this.head = 0;
    for (const done of lost) done(this.setting.lostReply);
    await this.log.close();
    await this.store.close();
  }

  private runTurns(started: Micros): void {
    const { env, core, setting } = this;
    for (let due = this.timers.takeDue(started); due !== undefined; due = this.timers.takeDue(started)) {
      env.now = setting.clock.now();
      core.onTimer(due.timer, due.key);
      this.turns++;
      this.settle();
    }
    const end = Math.min(this.inbox.length, this.head + 2 * drainInputs);
    while (this.head < end) {
      const from = this.inbox[this.head] as number;
      const body = this.inbox[this.head + 1];
      this.head += 2;
      env.now = setting.clock.now();
      if (from < 0) core.onRequest(-from, body);
      else core.onMessage(from, body);
      this.turns++;
      this.settle();
    }
    if (this.head < this.inbox.length && this.head * 2 < this.inbox.length) return;
    this.inbox = this.inbox.slice(this.head);
    this.head = 0;
  }

  private takeOpen(request: RequestId): Done {
    const done = this.open.get(request);
    if (done === undefined) throw new Error(`node ${this.setting.self} answers request ${request}, which is not open`);
    this.open.delete(request);
    return done;
  }

  /** After a turn: what it said waits for the filling group if that has writes, else for the group being written, else for nothing. */
  private settle(): void {
    const { early, held } = this;
    if (early.length > 0) {
      this.early = [];
      this.release(early);
    }
    if (held.length === 0 || (this.store.dirty && !this.eager)) return;
    this.held = [];
    if (this.writing === undefined || this.eager) this.release(held);
    else for (const each of held) this.writing.push(each);
  }

  private release(held: readonly unknown[]): void {
    const { self, send } = this.setting;
    for (let i = 0; i < held.length; i += 2) {
      const to = held[i];
      if (typeof to === "number") send(self, to, held[i + 1]);
      else (to as Done)(held[i + 1]);
    }
  }

  private afterWrite(error: Error | null, rotate: boolean, checkpoint: boolean): void {
    if (this.stopped) return;
    if (error !== null) {
      // After a failed flush the kernel may have dropped the pages: what is on disk is unknown, so the node stops (fsyncgate, 2018).
      this.fail(error);
      return;
    }
    if (this.setting.clock.now() < this.blockedUntil) {
      this.setting.alarms.at(this.blockedUntil, () => this.afterWrite(null, rotate, checkpoint));
      return;
    }
    if (rotate) this.log.rotate();
    if (checkpoint) this.checkpoint(this.log.last);
    const durable = this.writing!;
    this.writing = undefined;
    this.release(durable);
    this.setting.schedule();
  }

  /** Writes what is frozen: everything up to record `floor`. */
  private checkpoint(floor: number): void {
    this.store.checkpoint(floor).then(
      (complete) => complete && this.log.release(floor),
      (error: unknown) => this.fail(error),
    );
  }

  private guard(turns: () => void): void {
    try {
      turns();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    if (this.stopped) return;
    this.setting.fail(this.setting.self, error);
    void this.abandon();
  }
}
