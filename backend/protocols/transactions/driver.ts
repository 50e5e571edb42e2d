/**
 * The entry node's side of a read-write transaction: it says to every group's leader what to do, names one of them the coordinator, and
 * waits for that one's answer.
 *
 *     waiting for leaders ──known──> under way ──committed, refused, unknown──> answered
 *          ^                            │
 *          └──────── backoff <──aborted─┘      same age, another number: an older transaction waits for nobody
 *
 * An order goes to one node, as often as it takes: a second copy is known by its number and does nothing. Whoever does not lead has done
 * nothing and says so, and a new order goes to whom it named; where a leader falls silent and another takes its place, the outcome is unknown.
 */
import type { Answer } from "../../api.ts";
import type { RequestId } from "../../kernel/env.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { backoffUs } from "../../policies/backoff.ts";
import type { Leaders } from "./leaders.ts";
import type { Age, GroupId, OrderMessage, Outcome, Part, TransactionEnv, TransactionOptions, Txn } from "./messages.ts";
import type { Transact } from "./requests.ts";
import { partsOf } from "./requests.ts";
import type { TabletMap } from "./tablet-map.ts";

interface Job {
  readonly request: RequestId;
  readonly body: Transact;
  readonly age: Age;
  readonly deadline: Micros;
  attempts: number;
  txn: Txn;
  parts: Map<GroupId, Part>;
  coordinator: GroupId;
  /** Its order has been given and not been turned down. */
  ordered: boolean;
  waitedUs: Micros;
  /** Orders of the present attempt. */
  readonly orders: Set<number>;
}

/** An order on its way. */
interface Order {
  readonly job: Job;
  readonly txn: Txn;
  readonly group: GroupId;
  readonly to: NodeId;
  readonly message: OrderMessage;
  readonly sentAt: Micros;
  saidAt: Micros;
  /** Since when another is known to lead; 0: it is not. */
  doubtedAt: Micros;
}

export interface DriverHost {
  answer(request: RequestId, answer: Answer): void;
  /** Calls `onRetry` with that number, later. */
  retryLater(delayUs: Micros, job: number): void;
}

const backoff = { kind: "full-jitter", baseUs: 2 * millisecond, capUs: 200 * millisecond } as const;
/** The coordinator's own patience ends first, so that its answer, not our guess, reaches the client. */
const slackUs: Micros = 100 * millisecond;
const late: Answer = {
  kind: "refused",
  code: "unavailable",
  message: "A group of the transaction had no leader in time",
};
const contended: Answer = {
  kind: "refused",
  code: "unavailable",
  message: "Older transactions had the locks until the deadline",
};
const lost: Answer = {
  kind: "unknown",
  code: "connection-lost",
  message: "The leader changed before the outcome was known",
};
const timedOut: Answer = { kind: "unknown", code: "timeout", message: "The transaction was not decided in time" };

export class Driver {
  private readonly env: TransactionEnv;
  private readonly map: TabletMap;
  private readonly leaders: Leaders;
  private readonly options: TransactionOptions;
  private readonly host: DriverHost;
  private readonly jobs = new Map<number, Job>();
  private readonly orders = new Map<number, Order>();
  /** Orders that wait for a leader. */
  private unsent = new Set<{ readonly job: Job; readonly txn: Txn; readonly group: GroupId }>();
  /** Tells this life of the node from its others. */
  private life = "";
  private sequence = 0;
  private nextOrder = 0;
  attempts = 0;
  retries = 0;

  constructor(env: TransactionEnv, map: TabletMap, leaders: Leaders, options: TransactionOptions, host: DriverHost) {
    this.env = env;
    this.map = map;
    this.leaders = leaders;
    this.options = options;
    this.host = host;
  }

  start(): void {
    this.life = `${this.env.self}.${this.env.random.uint32().toString(36)}`;
    this.nextOrder = this.env.random.uint32() * 2 ** 20;
  }

  get busy(): boolean {
    return this.jobs.size > 0;
  }

  begin(request: RequestId, body: Transact, deadline: Micros): void {
    const sequence = ++this.sequence;
    const age: Age = { at: this.env.wall.latest, node: this.env.self, sequence };
    const job: Job = {
      request,
      body,
      age,
      deadline,
      attempts: 0,
      txn: "",
      parts: new Map(),
      coordinator: 0,
      ordered: false,
      waitedUs: 0,
      orders: new Set(),
    };
    this.jobs.set(sequence, job);
    this.attempt(job);
  }

  private attempt(job: Job): void {
    job.attempts++;
    this.attempts++;
    job.txn = `${this.life}.${job.age.sequence}.${job.attempts}`;
    job.parts = partsOf(job.body, this.map, job.txn, job.age);
    job.coordinator = this.coordinatorOf(job.parts);
    job.ordered = false;
    for (const group of job.parts.keys()) this.send(job, group);
  }

  /** A group that this node leads, if there is one. */
  private coordinatorOf(parts: Map<GroupId, Part>): GroupId {
    const groups = [...parts.keys()];
    return groups.find((group) => this.leaders.of(group) === this.env.self) ?? groups[0];
  }

  private send(job: Job, group: GroupId): void {
    const to = this.leaders.of(group);
    const { txn } = job;
    if (to < 0) {
      this.unsent.add({ job, txn, group });
      return;
    }
    const operation = this.nextOrder++;
    job.orders.add(operation);
    const message = this.messageOf(job, group, operation);
    const { now } = this.env;
    this.orders.set(operation, { job, txn, group, to, message, sentAt: now, saidAt: now, doubtedAt: 0 });
    if (group === job.coordinator) job.ordered = true;
    this.env.sendEarly(to, message);
  }

  private messageOf(job: Job, group: GroupId, operation: number): OrderMessage {
    const { coordinator, deadline, parts } = job;
    const part = parts.get(group)!;
    const leftUs = deadline - this.env.now;
    const sentAt = this.env.wall.earliest;
    if (parts.size === 1) return { kind: "run", group, operation, part, leftUs, sentAt };
    if (group !== coordinator) return { kind: "prepare-part", group, operation, part, coordinator, leftUs, sentAt };
    const participants = [...parts.keys()].filter((other) => other !== group);
    return { kind: "coordinate", group, operation, part, participants, leftUs, sentAt };
  }

  onOutcome(operation: number, outcome: Outcome): void {
    const order = this.orders.get(operation);
    if (order === undefined) return;
    const { job, group, to, txn } = order;
    this.orders.delete(operation);
    job.orders.delete(operation);
    if (txn !== job.txn || !this.jobs.has(job.age.sequence)) return;
    switch (outcome.kind) {
      case "not-leader":
        if (group === job.coordinator) job.ordered = false;
        this.leaders.forget(group, to);
        if (outcome.leader >= 0 && outcome.leader !== to) this.leaders.onLocated(group, outcome.leader);
        this.unsent.add({ job, txn, group });
        break;
      case "committed":
        this.finish(job, {
          kind: "ok",
          result: {
            kind: "transacted",
            timestamp: outcome.timestamp,
            values: inOrder(job.body.reads, outcome.values),
            group: outcome.group,
            attempts: job.attempts,
          },
        });
        break;
      case "refused":
        this.finish(job, outcome);
        break;
      case "unknown":
        this.finish(job, lost);
        break;
      case "aborted":
        this.backOff(job);
    }
  }

  private backOff(job: Job): void {
    this.forgetOrders(job);
    job.ordered = false;
    job.txn = "";
    job.waitedUs = backoffUs(backoff, Math.min(job.attempts, 16), job.waitedUs, this.env.random);
    this.retries++;
    this.host.retryLater(job.waitedUs, job.age.sequence);
  }

  onRetry(sequence: number): void {
    const job = this.jobs.get(sequence);
    if (job === undefined) return;
    if (job.deadline <= this.env.now) this.finish(job, contended);
    else this.attempt(job);
  }

  tick(): void {
    this.sendUnsent();
    const { now } = this.env;
    for (const job of this.jobs.values()) {
      if (!job.ordered && job.deadline <= now) this.finish(job, job.txn === "" ? contended : late);
      else if (job.ordered && job.deadline + slackUs <= now) this.finish(job, timedOut);
    }
    for (const order of this.orders.values()) {
      if (now - order.saidAt < this.options.retryUs) continue;
      order.saidAt = now;
      this.env.sendEarly(order.to, order.message);
    }
    for (const order of this.orders.values()) this.doubt(order);
  }

  /** Somebody is known to lead, perhaps. */
  sendUnsent(): void {
    const { unsent } = this;
    this.unsent = new Set();
    for (const { job, txn, group } of unsent) {
      if (job.txn !== txn || !this.jobs.has(job.age.sequence)) continue;
      // It has not begun there and never will, so the attempt cannot commit.
      if (this.map.isOver(group)) this.backOff(job);
      else this.send(job, group);
    }
  }

  /** The coordinator is silent: if another leads in its place, nobody will ever say what became of it. */
  private doubt(order: Order): void {
    const { job, group, to, sentAt } = order;
    const { now } = this.env;
    if (now - sentAt < this.options.retryUs || group !== job.coordinator) return;
    if (this.map.isOver(group)) {
      this.finish(job, lost);
      return;
    }
    this.leaders.doubt(group);
    const leader = this.leaders.of(group);
    if (leader < 0 || leader === to) order.doubtedAt = 0;
    else if (order.doubtedAt === 0) order.doubtedAt = now;
    else if (now - order.doubtedAt > this.options.retryUs) this.finish(job, lost);
  }

  private finish(job: Job, answer: Answer): void {
    this.jobs.delete(job.age.sequence);
    this.forgetOrders(job);
    this.host.answer(job.request, answer);
  }

  private forgetOrders(job: Job): void {
    for (const operation of job.orders) this.orders.delete(operation);
    job.orders.clear();
  }
}

/** As they were asked for. */
export function inOrder<V extends { readonly key: string }>(keys: readonly string[], values: readonly V[]): V[] {
  const byKey = new Map(values.map((value) => [value.key, value]));
  return keys.map((key) => byKey.get(key)!);
}
