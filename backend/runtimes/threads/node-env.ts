/** What one core sees of its node. Every call lands in plain fields of the loop that runs it; nothing here does input or output. */
import type { Env, RequestId, TimerId, Wall } from "../../kernel/env.ts";
import type { Random } from "../../kernel/random.ts";
import type { NodeStore } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { CoreTimers } from "./core-timers.ts";

export interface NodeEnvParts {
  readonly self: NodeId;
  readonly random: Random;
  readonly store: NodeStore;
  readonly timers: CoreTimers;
  /** Half the width of `wall`. */
  readonly clockErrorUs: Micros;
  /** True time when `now` was 0. Without it what a node stamped before a restart of the process would be later than all that follows. */
  readonly beganAtUs: Micros;
  hold(to: NodeId, message: unknown): void;
  sendNow(to: NodeId, message: unknown): void;
  answer(request: RequestId, reply: unknown): void;
  answerEarly(request: RequestId, reply: unknown): void;
}

export class NodeEnv implements Env<unknown, string, unknown> {
  readonly self: NodeId;
  now: Micros = 0;
  readonly random: Random;
  readonly store: NodeStore;
  private readonly parts: NodeEnvParts;

  constructor(parts: NodeEnvParts) {
    this.self = parts.self;
    this.random = parts.random;
    this.store = parts.store;
    this.parts = parts;
  }

  get wall(): Wall {
    const { beganAtUs, clockErrorUs } = this.parts;
    const wall = beganAtUs + this.now;
    return { earliest: wall - clockErrorUs, latest: wall + clockErrorUs };
  }

  send(to: NodeId, message: unknown): void {
    this.parts.hold(to, message);
  }

  sendEarly(to: NodeId, message: unknown): void {
    this.parts.sendNow(to, message);
  }

  reply(request: RequestId, reply: unknown): void {
    this.parts.answer(request, reply);
  }

  replyEarly(request: RequestId, reply: unknown): void {
    this.parts.answerEarly(request, reply);
  }

  after(delayUs: Micros, timer: string, key: number): TimerId {
    return this.parts.timers.arm(this.now + delayUs, timer, key);
  }

  cancel(timer: TimerId): void {
    this.parts.timers.disarm(timer);
  }
}
