/**
 * A node's env as its replica sees it. Requests that the node makes of its own replica have numbers that no client's request has; their answers
 * stay in the node.
 */
import type { Answer } from "../../api.ts";
import type { RequestId, TimerId, Wall } from "../../kernel/env.ts";
import type { Random } from "../../kernel/random.ts";
import type { NodeStore } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { ReplicatedMessage, ReplicatedTimer } from "../replicated/messages.ts";
import type { ReplicatedEnv } from "../replicated/replicated-node.ts";

/** Runtimes number the requests of a node's life from 0. */
export const firstOwnRequest: RequestId = 2 ** 52;

export interface AnswerTaker {
  /** An answer to a client, or to a request of the node's own. True: it goes no further. */
  onAnswer(request: RequestId, answer: Answer): boolean;
}

export class OwnRequestsEnv implements ReplicatedEnv {
  readonly self: NodeId;
  private readonly env: ReplicatedEnv;
  private readonly taker: AnswerTaker;

  constructor(env: ReplicatedEnv, taker: AnswerTaker) {
    this.env = env;
    this.self = env.self;
    this.taker = taker;
  }

  get now(): Micros {
    return this.env.now;
  }

  get wall(): Wall {
    return this.env.wall;
  }

  get random(): Random {
    return this.env.random;
  }

  get store(): NodeStore {
    return this.env.store;
  }

  send(to: NodeId, message: ReplicatedMessage): void {
    this.env.send(to, message);
  }

  sendEarly(to: NodeId, message: ReplicatedMessage): void {
    this.env.sendEarly(to, message);
  }

  reply(request: RequestId, answer: Answer): void {
    if (!this.taker.onAnswer(request, answer)) this.env.reply(request, answer);
  }

  replyEarly(request: RequestId, answer: Answer): void {
    if (!this.taker.onAnswer(request, answer)) this.env.replyEarly(request, answer);
  }

  after(delayUs: Micros, timer: ReplicatedTimer, key: number): TimerId {
    return this.env.after(delayUs, timer, key);
  }

  cancel(timer: TimerId): void {
    this.env.cancel(timer);
  }
}
