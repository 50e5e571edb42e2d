/**
 * The way of each request to the tablet that owns its key, and back.
 *
 *     client ──> entry node ──map: who owns the key?──> leader of that tablet ──> its log, or lease and state ──> answer
 *                    ^                                        │
 *                    └── moved: these own it now <────────────┘  at once, or when the write's turn in the log has come
 *
 * What was refused as moved was not done, so the entry node tries again by itself where it is sent. What may have been proposed is never
 * tried again on the client's behalf.
 */
import type { Answer } from "../../api.ts";
import type { RowsRequest } from "../../api-tablets.ts";
import type { RequestId } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Value } from "../../kernel/store.ts";
import type { Group } from "../../protocols/paxos/group.ts";
import type { DirectoryResult } from "../../protocols/tablets/directory.ts";
import type { RoutingMap } from "../../protocols/tablets/routing.ts";
import type { Moved, RangeResult, TabletId } from "../../protocols/tablets/tablet.ts";
import { ForwardsSeen } from "../forwards-seen.ts";
import type { DirectoryReplica } from "./fleet.ts";
import type { Holdings, TabletReplica } from "./holdings.ts";
import { directoryGroup } from "./messages.ts";
import type { TabletsMessage } from "./messages.ts";
import type { RowCommand, RowsMachine, RowsOutcome } from "./rows-machine.ts";
import type { Steering } from "./steering.ts";
import type { TabletsEnv } from "./tablets-node.ts";
import { beginCommand, mapAnswer, outcomeOf, refusalOf } from "./tablets-requests.ts";

/** A request on its way, at the node where it entered or at the leader it was forwarded to. */
export interface Job {
  readonly body: RowsRequest;
  /** -1 when it was forwarded: then `from` and `operation` say whose it is. */
  readonly request: RequestId;
  readonly from: NodeId;
  readonly operation: number;
  readonly deadline: Micros;
  /** Group it was last sent to. */
  group: TabletId;
  settled: boolean;
}

interface Forward {
  readonly job: Job;
  readonly to: NodeId;
  readonly at: Micros;
}

const defaultTimeoutUs: Micros = 5 * second;
/** The leader's own patience ends first, so that its answer, not our guess, reaches the client. */
const slackUs: Micros = 100 * millisecond;
const noLeader: Answer = { kind: "refused", code: "unavailable", message: "Nobody leads the tablet at the moment" };
const steppedDown: Answer = {
  kind: "unknown",
  code: "connection-lost",
  message: "The tablet's leader changed before the outcome was known",
};
const timedOut: Answer = { kind: "unknown", code: "timeout", message: "The log did not decide in time" };
const late: Answer = { kind: "refused", code: "expired", message: "The deadline had passed before work began" };
const done: Answer = { kind: "ok", result: { kind: "row-written" } };

export interface TrafficParts {
  readonly env: TabletsEnv;
  readonly holdings: Holdings<RowsMachine>;
  readonly routing: RoutingMap;
  readonly steering: Steering<RowsMachine>;
  readonly directory: DirectoryReplica | undefined;
  readonly heartbeatUs: Micros;
  /** Leaders answer reads by their lease; else by asking a majority. */
  readonly leaseReads: boolean;
}

export class Traffic {
  private readonly env: TabletsEnv;
  private readonly holdings: Holdings<RowsMachine>;
  private readonly routing: RoutingMap;
  private readonly steering: Steering<RowsMachine>;
  private readonly directory: TrafficParts["directory"];
  private readonly heartbeatUs: Micros;
  private readonly leaseReads: boolean;
  private readonly forwardsSeen: ForwardsSeen;
  private readonly forwards = new Map<number, Forward>();
  private nextForward: number;
  /** Whoever was said to lead a group of which there is no replica here. */
  private readonly leaders = new Map<TabletId, NodeId>();
  /** Waiting for a leader, or for news of who owns the key. */
  private parked = new Set<Job>();
  /** At this leader: proposed, or asked of a majority. */
  private readonly underWay = new Set<Job>();
  private requests = 0;
  private forwarded = 0;
  private staleRoutes = 0;

  constructor(parts: TrafficParts) {
    this.env = parts.env;
    this.holdings = parts.holdings;
    this.routing = parts.routing;
    this.steering = parts.steering;
    this.directory = parts.directory;
    this.heartbeatUs = parts.heartbeatUs;
    this.leaseReads = parts.leaseReads;
    this.forwardsSeen = new ForwardsSeen(parts.env);
    this.nextForward = parts.env.random.uint32() * 2 ** 20;
  }

  onRestart(): void {
    this.forwardsSeen.onRestart();
  }

  get busy(): boolean {
    return this.forwards.size > 0 || this.parked.size > 0 || this.underWay.size > 0;
  }

  counters(): Record<string, number> {
    const { requests, forwarded, staleRoutes } = this;
    return { requests, forwarded, staleRoutes };
  }

  onRequest(request: RequestId, body: RowsRequest): void {
    this.requests++;
    const deadline = this.env.now + (body.timeoutUs ?? defaultTimeoutUs);
    const job = { body, request, from: this.env.self, operation: 0, deadline, group: 0, settled: false };
    const refusal = refusalOf(body);
    if (refusal === undefined) this.route(job);
    else this.finish(job, refusal);
  }

  onAnswer(message: Extract<TabletsMessage, { kind: "forward-answer" | "forward-refused" | "forward-moved" }>): void {
    const forward = this.forwards.get(message.operation);
    if (forward === undefined) return;
    this.forwards.delete(message.operation);
    const { job } = forward;
    if (message.kind === "forward-answer") this.finish(job, message.answer);
    else if (message.kind === "forward-refused") this.onRefused(job, message.leader);
    else this.onMoved(job, { kind: "moved", entries: message.entries });
  }

  /* ---- where a request goes ---- */

  private route(job: Job): void {
    const { body } = job;
    job.group = this.destination(body);
    const replica = this.holdings.get(job.group);
    if (body.kind === "row-get" && body.maxAgeUs !== undefined && replica !== undefined) {
      const { group } = replica;
      const isFresh = body.maxAgeUs === Infinity || this.env.wall.latest - group.asOf <= body.maxAgeUs;
      if (group.readable && isFresh && this.tryRead(job, replica)) return;
    }
    this.lead(job);
  }

  private destination(body: RowsRequest): TabletId {
    switch (body.kind) {
      case "row-get":
      case "row-put":
      case "row-swap":
        return this.routing.find(body.key).tablet;
      case "tablet-lead":
        return this.routing.find(body.at).tablet;
      default:
        return directoryGroup;
    }
  }

  /** Here if this node leads the group, else to whoever does. */
  private lead(job: Job): void {
    const { body } = job;
    if (body.kind === "row-get" || body.kind === "row-put" || body.kind === "row-swap") {
      const replica = this.holdings.get(job.group);
      if (replica?.group.leading === true && this.carryOut(job, replica)) return;
    } else if (this.groupOf(job.group)?.leading === true && this.arrange(job)) {
      return;
    }
    this.toLeader(job);
  }

  private toLeader(job: Job): void {
    const { env } = this;
    const leader = this.leaderOf(job.group);
    if (job.request < 0) {
      env.sendEarly(job.from, {
        kind: "forward-refused",
        operation: job.operation,
        leader: this.groupOf(job.group)?.leader ?? -1,
      });
    } else if (leader >= 0 && leader !== env.self) {
      this.forwarded++;
      const operation = this.nextForward++;
      this.forwards.set(operation, { job, to: leader, at: env.now });
      const { group, body, deadline } = job;
      const leftUs = deadline - env.now;
      env.sendEarly(leader, { kind: "forward", operation, group, body, leftUs, sentAt: env.wall.earliest });
    } else {
      this.parked.add(job);
    }
  }

  /** As far as is known here; -1: nobody. Of a group without a replica here, any of its replicas will say. */
  private leaderOf(tablet: TabletId): NodeId {
    const group = this.groupOf(tablet);
    if (group !== undefined && group.leader >= 0) return group.leader;
    if (group?.elector === true) return -1;
    if (tablet === directoryGroup) return this.steering.keeper;
    const known = this.leaders.get(tablet);
    if (known !== undefined) return known;
    const entry = this.routing.entries().find((piece) => piece.tablet === tablet);
    const others = entry?.replicas.filter((node) => node !== this.env.self) ?? [];
    return others.length === 0 ? -1 : this.env.random.pick(others);
  }

  groupOf(tablet: TabletId): Group | undefined {
    return tablet === directoryGroup ? this.directory?.group : this.holdings.get(tablet)?.group;
  }

  /* ---- at the leader ---- */

  onForward(from: NodeId, message: Extract<TabletsMessage, { kind: "forward" }>): void {
    const { operation, group, body, leftUs, sentAt } = message;
    if (!this.forwardsSeen.isNews(from, operation, sentAt)) return;
    // What it took to get here counts, by the most that it may have been.
    const deadline = this.env.now + leftUs - Math.max(0, this.env.wall.earliest - sentAt);
    const job = { body, request: -1, from, operation, deadline, group, settled: false };
    if (deadline < this.env.now) this.finish(job, late);
    else this.lead(job);
  }

  /** Returns false when it cannot, and has done nothing. */
  private carryOut(job: Job, replica: TabletReplica<RowsMachine>): boolean {
    const { group, machine, meter } = replica;
    const { body } = job;
    if (body.kind !== "row-get" && body.kind !== "row-put" && body.kind !== "row-swap") return false;
    if (!machine.owns(body.key)) {
      if (!group.readable) return false;
      this.onOutcome(job, machine.tablet.moved());
      return true;
    }
    meter.onOperation(body.key, this.env.now);
    if (body.kind === "row-get") {
      if (this.leaseReads && this.mayReadAlone(group)) return this.tryRead(job, replica);
      if (!group.beginRead(job)) return false;
    } else {
      const { timeoutUs: _, ...command } = body;
      if (!group.propose(job, command satisfies RowCommand as unknown as Value)) return false;
    }
    this.underWay.add(job);
    return true;
  }

  /**
   * A lease is not enough where ranges change hands: another replica may have applied a split that is chosen and not yet applied here, and
   * the new tablet may be taking writes. What is chosen all comes from this leader, so it knows.
   */
  private mayReadAlone(group: Group): boolean {
    return group.holdsLease && group.applied >= group.chosen;
  }

  private tryRead(job: Job, { machine }: TabletReplica<RowsMachine>): boolean {
    if (job.body.kind !== "row-get") return false;
    const outcome = machine.read(job.body);
    if (outcome === undefined) return false;
    this.onOutcome(job, outcome);
    return true;
  }

  /** What is asked of the directory's leader, or of a tablet's about itself. */
  private arrange(job: Job): boolean {
    const { body } = job;
    if (body.kind === "tablet-lead") {
      const { group } = this.holdings.get(job.group)!;
      if (body.node !== this.env.self) group.handOver(body.node);
      this.finish(job, done);
      return true;
    }
    const { group, machine } = this.directory!;
    if (body.kind === "tablet-map") {
      if (!group.beginRead(job)) return false;
    } else {
      const command = beginCommand(machine, body);
      if (command === undefined) {
        this.finish(job, { kind: "refused", code: "invalid", message: "No tablet follows the last one" });
        return true;
      }
      if (!group.propose(job, command as unknown as Value)) return false;
    }
    this.underWay.add(job);
    return true;
  }

  onOutcome(job: Job, outcome: RowsOutcome | DirectoryResult): void {
    if (outcome.kind === "moved") this.onMoved(job, outcome);
    else this.finish(job, outcomeOf(outcome as Exclude<typeof outcome, Moved | RangeResult>));
  }

  /* ---- back at the entry ---- */

  private onRefused(job: Job, leader: NodeId): void {
    if (job.group === directoryGroup) this.steering.onKeeper(leader);
    else if (leader >= 0) this.leaders.set(job.group, leader);
    else this.leaders.delete(job.group);
    this.parked.add(job);
  }

  private onMoved(job: Job, moved: Moved): void {
    this.underWay.delete(job);
    if (job.request < 0) {
      this.env.sendEarly(job.from, { kind: "forward-moved", operation: job.operation, entries: moved.entries });
      return;
    }
    this.staleRoutes++;
    for (const entry of moved.entries) this.routing.learn(entry);
    if (this.destination(job.body) !== job.group) this.route(job);
    else {
      this.steering.refresh();
      if (this.destination(job.body) !== job.group) this.route(job);
      else this.parked.add(job);
    }
  }

  unpark(): void {
    if (this.parked.size === 0) return;
    const jobs = this.parked;
    this.parked = new Set();
    for (const job of jobs) this.route(job);
  }

  private finish(job: Job, answer: Answer): void {
    if (job.settled) return;
    job.settled = true;
    this.underWay.delete(job);
    if (job.request >= 0) this.env.replyEarly(job.request, answer);
    else this.env.sendEarly(job.from, { kind: "forward-answer", operation: job.operation, answer });
  }

  expire(): void {
    const { now } = this.env;
    for (const [operation, { job, at }] of this.forwards) {
      const isRead = job.body.kind === "row-get" || job.body.kind === "tablet-map";
      if (job.deadline + slackUs <= now) {
        this.forwards.delete(operation);
        this.finish(job, timedOut);
      } else if (isRead && now - at > 5 * this.heartbeatUs) {
        // Whoever was asked may be no more; a read may be put to another as well.
        this.forwards.delete(operation);
        this.leaders.delete(job.group);
        this.parked.add(job);
      }
    }
    for (const job of this.parked) {
      if (job.deadline > now) continue;
      this.parked.delete(job);
      this.finish(job, noLeader);
    }
    for (const job of this.underWay) {
      if (job.deadline > now) continue;
      this.groupOf(job.group)?.abandonRead(job);
      this.finish(job, timedOut);
    }
  }

  /* ---- what groups say ---- */

  /** Proposed, and this replica will not learn what became of it. */
  onLost(job: Job): void {
    this.finish(job, steppedDown);
  }

  onReadable(job: Job): void {
    if (job.settled) return;
    this.underWay.delete(job);
    if (job.body.kind === "tablet-map") {
      const map = this.directory!.machine.read({ kind: "map", since: 0 });
      this.finish(job, mapAnswer(map.version, map.entries));
      return;
    }
    const replica = this.holdings.get(job.group);
    if (replica === undefined || !this.tryRead(job, replica)) this.again(job);
  }

  /** Taken and not proposed. */
  again(job: Job): void {
    this.underWay.delete(job);
    if (job.request < 0)
      this.env.sendEarly(job.from, { kind: "forward-refused", operation: job.operation, leader: -1 });
    else this.parked.add(job);
  }

  onLeader(tablet: TabletId, leader: NodeId): void {
    if (leader < 0) return;
    for (const [operation, { job, to }] of this.forwards) {
      if (job.group !== tablet || to === leader) continue;
      this.forwards.delete(operation);
      if (job.body.kind === "row-get" || job.body.kind === "tablet-map") this.parked.add(job);
      else this.finish(job, steppedDown);
    }
    this.unpark();
  }

  onGivenUp(tablet: TabletId): void {
    for (const job of this.underWay) if (job.group === tablet) this.finish(job, steppedDown);
  }
}
