/**
 * The contract between a protocol and whatever runs it: one input, one turn, and nothing promised before it is stored.
 *
 *     input ──> turn (runs to completion; time stands still) ──> writes made durable ──> held sends and replies leave
 *
 * A core holds no promise, event emitter, stored closure, clock, timer or global randomness, so the same core runs on worker
 * threads over a real disk and inside a simulation of ten thousand nodes. A core that needs more than this interface gives is
 * a sign that the runtime is wrong.
 */
import type { Random } from "./random.ts";
import type { NodeStore } from "./store.ts";
import type { Micros, NodeId } from "./units.ts";

/** Names one request at the node where it entered; unique for the life of that node's process. */
export type RequestId = number;

/** Names one armed timer. Never 0, so 0 can mean "none armed". */
export type TimerId = number;

/**
 * Bounds on true time, microseconds from an origin that all nodes share in all their lives, those of earlier processes over the same
 * disks included: earliest <= true time <= latest unless a clock lies.
 */
export interface Wall {
  readonly earliest: Micros;
  readonly latest: Micros;
}

export interface Env<Message, Timer extends string, Reply> {
  readonly self: NodeId;
  /** Microseconds since the run began by this node's monotonic clock; frozen for the turn. */
  readonly now: Micros;
  readonly wall: Wall;
  readonly random: Random;
  readonly store: NodeStore;
  /** Held until everything this turn and earlier ones wrote is durable; then it may be lost, delayed, reordered or doubled. */
  send(to: NodeId, message: Message): void;
  /** Leaves at the end of the turn: only for what promises nothing about our state. */
  sendEarly(to: NodeId, message: Message): void;
  /** Answers a request that entered here. Held like `send`; a second answer to the same request is a bug. */
  reply(request: RequestId, reply: Reply): void;
  /** Answers at the end of the turn: only what rests on what others have stored, or this node long since. */
  replyEarly(request: RequestId, reply: Reply): void;
  /** Arms a timer; `key` is the epoch or operation it belongs to, so that a stale one can be told and ignored. */
  after(delayUs: Micros, timer: Timer, key: number): TimerId;
  /** Disarms it. Harmless when it has fired already or is 0. */
  cancel(timer: TimerId): void;
}

export interface Core<Message, Timer extends string, Request> {
  /** First turn after boot or crash: rebuild volatile state from the store, arm timers. */
  start(): void;
  onRequest(request: RequestId, body: Request): void;
  onMessage(from: NodeId, message: Message): void;
  onTimer(timer: Timer, key: number): void;
  /** Throws when an invariant of this node is broken. Called between turns, never counted as work. */
  check(): void;
  /** Nothing is under way that will change durable state without a new input: no hint to hand over, no quorum to wait for. */
  atRest?(): boolean;
  /** Requests that may enter anywhere had better enter here: other nodes would only hand them on to this one. */
  readonly leads?: boolean;
  /** Figures this node counted since it started, by name. */
  counters?(): Readonly<Record<string, number | readonly number[]>>;
}

/** What a runtime holds: a core whose message types it does not know. */
export type AnyCore = Core<never, never, never>;

/** Builds the core of one node. The runtime calls it at boot and again after every crash. */
export type CoreFactory = (env: Env<unknown, string, unknown>) => Core<unknown, string, unknown>;
