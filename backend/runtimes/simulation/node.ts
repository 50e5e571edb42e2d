/**
 * One simulated process: its core, its disk, its clocks, and the env the core sees.
 *
 *     arrivals -> inbox -> drain (turns) -> open group -> flush -> held sends and replies leave
 *
 * A drain starts at once or a little later, at random, so that turns meet in groups of every size, as they do on threads. A
 * crash bumps the epoch; whatever was scheduled for an older epoch is ignored when it comes due.
 */
import { strict as assert } from "node:assert";
import type { Core, CoreFactory, Env, RequestId, TimerId, Wall } from "../../kernel/env.ts";
import { Random } from "../../kernel/random.ts";
import type { NodeStore } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { NodeClock } from "./clock.ts";
import { SimulatedDisk } from "./disk.ts";

/** What a node asks of the simulation around it. Delays are from now, in true time. */
export interface Surroundings {
  readonly now: Micros;
  transmit(from: NodeId, to: NodeId, message: unknown, afterUs: Micros): void;
  answer(node: NodeId, request: RequestId, reply: unknown, afterUs: Micros): void;
  scheduleDrain(node: SimulatedNode, afterUs: Micros): void;
  scheduleFlushed(node: SimulatedNode, afterUs: Micros): void;
  scheduleTimer(node: SimulatedNode, afterUs: Micros, timer: string, key: number): TimerId;
  cancelTimer(timer: TimerId): void;
  flushDelay(node: NodeId): Micros;
}

/** What a turn promised and may not leave before its writes are durable. `to` is -1 for a reply. */
interface Held {
  readonly to: NodeId;
  readonly request: RequestId;
  readonly payload: unknown;
}

/** Kinds of input. An input is three inbox entries: kind, then sender, request id or timer key, then payload or timer name. */
export const inputKinds = { message: 0, request: 1, timer: 2, start: 3 } as const;

export interface NodeOptions {
  readonly seed: number;
  readonly turnUs: Micros;
  /** "none": nothing waits for the disk. */
  readonly durable: boolean;
  /** Planted bug: effects leave before their writes are durable. */
  readonly acknowledgeBeforeDurable: boolean;
  readonly clock: NodeClock;
}

export class SimulatedNode implements Env<unknown, string, unknown> {
  readonly self: NodeId;
  readonly disk: SimulatedDisk;
  readonly clock: NodeClock;
  readonly random: Random;
  /** What befalls the node: a stream of its own, so that a crash does not shift what the core draws. */
  private readonly fate: Random;
  readonly wall: { earliest: Micros; latest: Micros } & Wall = { earliest: 0, latest: 0 };
  now: Micros = 0;
  core: Core<unknown, string, unknown> | null = null;
  /** Raised by every crash; events carry the epoch they were made in. */
  epoch = 0;
  /** A corrupt log was found at restart: the node refuses to run. */
  broken = false;
  pausedUntil: Micros = 0;
  slowness = 1;
  drainScheduled = false;
  turns = 0;

  private readonly around: Surroundings;
  private readonly options: NodeOptions;
  private readonly factory: CoreFactory;
  private busyUntil: Micros = 0;
  private inbox: unknown[] = [];
  private heldOpen: Held[] = [];
  private heldInFlight: Held[] = [];
  /** The time this drain's turns have taken so far: what leaves the node leaves after it. */
  private spentUs: Micros = 0;

  constructor(self: NodeId, around: Surroundings, factory: CoreFactory, options: NodeOptions) {
    this.self = self;
    this.around = around;
    this.factory = factory;
    this.options = options;
    this.random = Random.stream(options.seed, "node", self);
    this.fate = Random.stream(options.seed, "fate", self);
    this.disk = new SimulatedDisk(Random.stream(options.seed, "checkpoints", self));
    this.clock = options.clock;
  }

  get store(): NodeStore {
    return this.disk;
  }

  get alive(): boolean {
    return this.core !== null;
  }

  /* ---- env ---- */

  send(to: NodeId, message: unknown): void {
    this.heldOpen.push({ to, request: 0, payload: message });
  }

  sendEarly(to: NodeId, message: unknown): void {
    this.around.transmit(this.self, to, message, this.spentUs + this.options.turnUs * this.slowness);
  }

  reply(request: RequestId, reply: unknown): void {
    this.heldOpen.push({ to: -1, request, payload: reply });
  }

  replyEarly(request: RequestId, reply: unknown): void {
    this.around.answer(this.self, request, reply, this.spentUs + this.options.turnUs * this.slowness);
  }

  after(delayUs: Micros, timer: string, key: number): TimerId {
    return this.around.scheduleTimer(this, this.clock.trueDelay(delayUs), timer, key);
  }

  cancel(timer: TimerId): void {
    if (timer !== 0) this.around.cancelTimer(timer);
  }

  /* ---- life ---- */

  boot(): void {
    if (this.broken) return;
    assert(this.core === null, `node ${this.self} is running already`);
    this.core = this.factory(this);
    this.accept(inputKinds.start, 0, null);
  }

  crash(wipe: boolean): void {
    this.core = null;
    this.epoch++;
    this.inbox = [];
    this.heldOpen = [];
    this.heldInFlight = [];
    this.drainScheduled = false;
    this.pausedUntil = 0;
    this.busyUntil = 0;
    if (wipe) this.disk.wipe();
    else this.disk.losePower(this.fate);
  }

  /** No input waits, nothing is held, nothing is on its way to the disk. */
  get quiet(): boolean {
    return this.inbox.length === 0 && this.heldOpen.length === 0 && !this.disk.flushing && !this.disk.dirty;
  }

  /* ---- inputs ---- */

  accept(kind: number, from: number, payload: unknown): void {
    this.inbox.push(kind, from, payload);
    if (this.drainScheduled) return;
    const wait = Math.max(this.pausedUntil, this.busyUntil) - this.around.now;
    // One arrival in four waits a moment for company, so that groups of turns of every size occur.
    const linger = this.fate.uint32() < 0x40000000 ? this.fate.below(100) : 0;
    if (wait <= 0 && linger === 0) {
      this.drain();
      return;
    }
    this.drainScheduled = true;
    this.around.scheduleDrain(this, Math.max(wait, linger));
  }

  /** Runs what the inbox holds now, at most 256 inputs, as turns. */
  drain(): void {
    const around = this.around;
    this.drainScheduled = false;
    if (around.now < this.pausedUntil) {
      this.drainScheduled = true;
      around.scheduleDrain(this, this.pausedUntil - around.now);
      return;
    }
    const inbox = this.inbox;
    const limit = Math.min(inbox.length, 3 * 256);
    this.inbox = inbox.length > limit ? inbox.splice(limit) : [];
    this.now = this.clock.read(around.now, this.wall);
    this.spentUs = 0;
    for (let i = 0; i < limit && this.core !== null; i += 3) {
      this.turn(inbox[i] as number, inbox[i + 1] as number, inbox[i + 2]);
      this.spentUs += this.options.turnUs * this.slowness;
    }
    this.busyUntil = around.now + this.spentUs;
    this.settleGroup();
    if (this.inbox.length > 0 && !this.drainScheduled) {
      this.drainScheduled = true;
      around.scheduleDrain(this, Math.max(1, this.spentUs));
    }
  }

  private turn(kind: number, from: number, payload: unknown): void {
    const core = this.core!;
    this.turns++;
    if (kind === inputKinds.message) core.onMessage(from, payload);
    else if (kind === inputKinds.timer) core.onTimer(payload as string, from);
    else if (kind === inputKinds.request) core.onRequest(from, payload);
    else core.start();
  }

  /* ---- durability ---- */

  /** After a drain: effects with nothing undurable before them leave; the rest waits for the flush that covers them. */
  private settleGroup(): void {
    const { durable, acknowledgeBeforeDurable } = this.options;
    if (!durable || acknowledgeBeforeDurable) this.heldOpen = this.release(this.heldOpen, this.spentUs);
    if (this.disk.flushing) return;
    if (this.disk.dirty) this.beginFlush();
    else if (this.heldOpen.length > 0) this.heldOpen = this.release(this.heldOpen, this.spentUs);
  }

  private beginFlush(): void {
    this.disk.beginFlush();
    this.heldInFlight = this.heldOpen;
    this.heldOpen = [];
    if (this.options.durable) {
      this.around.scheduleFlushed(this, this.spentUs + this.around.flushDelay(this.self));
    } else {
      this.disk.endFlush();
    }
  }

  onFlushed(): void {
    const wait = this.pausedUntil - this.around.now;
    if (wait > 0) {
      this.around.scheduleFlushed(this, wait);
      return;
    }
    this.disk.endFlush();
    const held = this.heldInFlight;
    this.heldInFlight = [];
    // Turns that fill the next group may be under way still: what they say leaves when they are done.
    this.spentUs = Math.max(0, this.busyUntil - this.around.now);
    this.release(held, 0);
    this.settleGroup();
  }

  private release(held: Held[], afterUs: Micros): Held[] {
    for (const { to, request, payload } of held) {
      if (to >= 0) this.around.transmit(this.self, to, payload, afterUs);
      else this.around.answer(this.self, request, payload, afterUs);
    }
    return [];
  }
}
