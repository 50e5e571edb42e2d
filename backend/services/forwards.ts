/**
 * Requests that only the leader of a group can carry out: at the node where each entered, and at the leader it was forwarded to.
 *
 *     entry     ──nobody leads──> parked ──somebody does──> forwarded ──answer──> client
 *                                    ^───────refused───────────┘
 *     leader    heard for the first time ──> under way: proposed, or asked of a majority ──> answer to the entry
 *
 * Each is answered once, at the latest when its time is over. What was forwarded to a leader that another one has replaced may have been
 * proposed: unless it changes nothing its outcome is unknown, and nobody tries again on the client's behalf.
 */
import type { Answer } from "../api.ts";
import type { Env, RequestId } from "../kernel/env.ts";
import type { Micros, NodeId } from "../kernel/units.ts";
import { millisecond, second } from "../kernel/units.ts";
import { ForwardsSeen } from "./forwards-seen.ts";

/** A request on its way, at the node where it entered or at the leader it was forwarded to. */
export interface ForwardedJob {
  /** -1 when it was forwarded: then `from` and `operation` say whose it is. */
  readonly request: RequestId;
  readonly from: NodeId;
  readonly operation: number;
  readonly deadline: Micros;
  settled: boolean;
}

/** You lead, as far as I know: carry this out and answer me. */
export interface ForwardMessage<Body> {
  readonly kind: "forward";
  readonly operation: number;
  readonly body: Body;
  readonly leftUs: Micros;
  /** The sender's earliest idea of the true time. */
  readonly sentAt: Micros;
}

export type ForwardReply =
  | { readonly kind: "forward-answer"; readonly operation: number; readonly answer: Answer }
  /** I do not lead and have done nothing. `leader`: who does, as far as I know; -1: nobody. */
  | { readonly kind: "forward-refused"; readonly operation: number; readonly leader: NodeId };

export interface ForwardsHost<J extends ForwardedJob> {
  /** Done twice it changes nothing. */
  isHarmless(job: J): boolean;
  /** Whoever was asked then has not answered. Returns whether another is to be asked. */
  onSilence(job: J, sentAt: Micros): boolean;
  /** It is answered: its group need not ask a majority for it. */
  abandon(job: J): void;
}

interface Forward<J extends ForwardedJob> {
  readonly job: J;
  readonly to: NodeId;
  readonly at: Micros;
}

export const defaultTimeoutUs: Micros = 5 * second;
/** The leader's own patience ends first, so that its answer, not our guess, reaches the client. */
const slackUs: Micros = 100 * millisecond;
export const noLeader: Answer = { kind: "refused", code: "unavailable", message: "Nobody leads the log at the moment" };
export const steppedDown: Answer = {
  kind: "unknown",
  code: "connection-lost",
  message: "The leader changed before the outcome was known",
};
export const timedOut: Answer = { kind: "unknown", code: "timeout", message: "The log did not decide in time" };
const late: Answer = { kind: "refused", code: "expired", message: "The deadline had passed before work began" };

export class Forwards<J extends ForwardedJob> {
  private readonly env: Pick<Env<ForwardReply, never, Answer>, "now" | "wall" | "random" | "sendEarly" | "replyEarly">;
  private readonly host: ForwardsHost<J>;
  private readonly seen: ForwardsSeen;
  private readonly forwards = new Map<number, Forward<J>>();
  private nextForward: number;
  /** Waiting for a leader. */
  private parked = new Set<J>();
  /** At this leader: proposed, or asked of a majority. */
  readonly underWay = new Set<J>();
  forwarded = 0;

  constructor(env: Forwards<J>["env"], host: ForwardsHost<J>) {
    this.env = env;
    this.host = host;
    this.seen = new ForwardsSeen(env);
    this.nextForward = env.random.uint32() * 2 ** 20;
  }

  onRestart(): void {
    this.seen.onRestart();
  }

  get busy(): boolean {
    return this.forwards.size > 0 || this.parked.size > 0 || this.underWay.size > 0;
  }

  /** Returns what the message to the leader says besides the request. */
  forward(job: J, to: NodeId): Pick<ForwardMessage<never>, "kind" | "operation" | "leftUs" | "sentAt"> {
    const { now, wall } = this.env;
    const operation = this.nextForward++;
    this.forwarded++;
    this.forwards.set(operation, { job, to, at: now });
    return { kind: "forward", operation, leftUs: job.deadline - now, sentAt: wall.earliest };
  }

  /** Returns undefined when it was heard before, or comes too late and is answered. */
  onForward(from: NodeId, message: Omit<ForwardMessage<never>, "body">): ForwardedJob | undefined {
    const { operation, leftUs, sentAt } = message;
    if (!this.seen.isNews(from, operation, sentAt)) return undefined;
    const deadline = this.seen.deadlineOf(leftUs, sentAt);
    if (deadline >= this.env.now) return { request: -1, from, operation, deadline, settled: false };
    this.env.sendEarly(from, { kind: "forward-answer", operation, answer: late });
    return undefined;
  }

  onAnswer({ operation, answer }: Extract<ForwardReply, { kind: "forward-answer" }>): void {
    const job = this.take(operation);
    if (job !== undefined) this.finish(job, answer);
  }

  /** What was forwarded by that number, which is so no longer; undefined: nothing is. */
  take(operation: number): J | undefined {
    const job = this.forwards.get(operation)?.job;
    this.forwards.delete(operation);
    return job;
  }

  /** Nothing was done about it here: whoever forwarded it hears who leads, and what entered here waits. */
  giveBack(job: J, leader: NodeId): void {
    this.underWay.delete(job);
    if (job.request >= 0) this.parked.add(job);
    else this.env.sendEarly(job.from, { kind: "forward-refused", operation: job.operation, leader });
  }

  /** Another leads the group of those jobs than was asked. */
  onLeader(leader: NodeId, isItsJob: (job: J) => boolean): void {
    for (const [operation, { job, to }] of this.forwards) {
      if (to === leader || !isItsJob(job)) continue;
      this.forwards.delete(operation);
      if (this.host.isHarmless(job)) this.parked.add(job);
      else this.finish(job, steppedDown);
    }
  }

  /** What waits for a leader, and does so no longer. */
  unpark(): ReadonlySet<J> {
    const jobs = this.parked;
    if (jobs.size > 0) this.parked = new Set();
    return jobs;
  }

  /** Answers once: what rests on a majority's disks, or was read from what does, waits for no disk of this node. */
  finish(job: J, answer: Answer): void {
    if (job.settled) return;
    job.settled = true;
    this.underWay.delete(job);
    if (job.request >= 0) this.env.replyEarly(job.request, answer);
    else this.env.sendEarly(job.from, { kind: "forward-answer", operation: job.operation, answer });
  }

  expire(): void {
    const { now } = this.env;
    for (const [operation, { job, at }] of this.forwards) {
      const isOver = job.deadline + slackUs <= now;
      if (!isOver && !this.host.onSilence(job, at)) continue;
      this.forwards.delete(operation);
      if (isOver) this.finish(job, timedOut);
      else this.parked.add(job);
    }
    for (const job of this.parked) {
      if (job.deadline > now) continue;
      this.parked.delete(job);
      this.finish(job, noLeader);
    }
    for (const job of this.underWay) {
      if (job.deadline > now) continue;
      this.host.abandon(job);
      this.finish(job, timedOut);
    }
  }
}
