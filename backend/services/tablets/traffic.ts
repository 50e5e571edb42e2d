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
import type { RowsRequest } from "../../api-tablets.ts";
import type { RequestId } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Value } from "../../kernel/store.ts";
import type { Group } from "../../protocols/paxos/group.ts";
import type { DirectoryResult } from "../../protocols/tablets/directory.ts";
import type { RoutingMap } from "../../protocols/tablets/routing.ts";
import type { Moved, RangeResult, TabletId } from "../../protocols/tablets/tablet.ts";
import { defaultTimeoutUs, Forwards, steppedDown } from "../forwards.ts";
import type { ForwardedJob } from "../forwards.ts";
import type { Fleet } from "./fleet.ts";
import type { Holdings, TabletReplica } from "./holdings.ts";
import { directoryGroup } from "./messages.ts";
import type { TabletsMessage } from "./messages.ts";
import type { RowCommand, RowsMachine, RowsOutcome } from "./rows-machine.ts";
import type { DirectoryReplica, Steering } from "./steering.ts";
import type { TabletsEnv } from "./tablets-node.ts";
import { arranged, beginCommand, mapAnswer, nothingFollows, outcomeOf, refusalOf } from "./tablets-requests.ts";

export interface Job extends ForwardedJob {
  readonly body: RowsRequest;
  /** Group it was last sent to. */
  group: TabletId;
}

export interface TrafficParts {
  readonly env: TabletsEnv;
  readonly fleet: Fleet<RowsMachine>;
  readonly heartbeatUs: Micros;
  /** Leaders answer reads by their lease; else by asking a majority. */
  readonly leaseReads: boolean;
}

export class Traffic {
  private readonly env: TabletsEnv;
  private readonly fleet: Fleet<RowsMachine>;
  private readonly holdings: Holdings<RowsMachine>;
  private readonly routing: RoutingMap;
  private readonly steering: Steering<RowsMachine>;
  private readonly directory: DirectoryReplica | undefined;
  private readonly heartbeatUs: Micros;
  private readonly leaseReads: boolean;
  private readonly forwards: Forwards<Job>;
  /** Whoever was said to lead a group of which there is no replica here. */
  private readonly leaders = new Map<TabletId, NodeId>();
  private requests = 0;
  private staleRoutes = 0;

  constructor(parts: TrafficParts) {
    this.env = parts.env;
    this.fleet = parts.fleet;
    this.holdings = parts.fleet.holdings;
    this.routing = parts.fleet.routing;
    this.steering = parts.fleet.steering;
    this.directory = parts.fleet.directory;
    this.heartbeatUs = parts.heartbeatUs;
    this.leaseReads = parts.leaseReads;
    this.forwards = new Forwards(parts.env, {
      isHarmless,
      onSilence: (job, sentAt) => this.onSilence(job, sentAt),
      abandon: (job) => this.fleet.groupOf(job.group)?.abandonRead(job),
    });
  }

  onRestart(): void {
    this.forwards.onRestart();
  }

  get busy(): boolean {
    return this.forwards.busy;
  }

  counters(): Record<string, number> {
    const { requests, staleRoutes } = this;
    return { requests, forwarded: this.forwards.forwarded, staleRoutes };
  }

  onRequest(request: RequestId, body: RowsRequest): void {
    this.requests++;
    const deadline = this.env.now + (body.timeoutUs ?? defaultTimeoutUs);
    const job = { body, request, from: this.env.self, operation: 0, deadline, group: 0, settled: false };
    const refusal = refusalOf(body);
    if (refusal === undefined) this.route(job);
    else this.forwards.finish(job, refusal);
  }

  onAnswer(message: Extract<TabletsMessage, { kind: "forward-answer" | "forward-refused" | "forward-moved" }>): void {
    const job = this.forwards.take(message.operation);
    if (job === undefined) return;
    if (message.kind === "forward-answer") this.forwards.finish(job, message.answer);
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
    } else if (this.fleet.groupOf(job.group)?.leading === true && this.arrange(job)) {
      return;
    }
    this.toLeader(job);
  }

  private toLeader(job: Job): void {
    const { env } = this;
    const leader = this.leaderOf(job.group);
    if (job.request < 0 || leader < 0 || leader === env.self) {
      this.forwards.giveBack(job, this.fleet.groupOf(job.group)?.leader ?? -1);
      return;
    }
    const { group, body } = job;
    env.sendEarly(leader, { ...this.forwards.forward(job, leader), group, body });
  }

  /** As far as is known here; -1: nobody. Of a group without a replica here, any of its replicas will say. */
  private leaderOf(tablet: TabletId): NodeId {
    const group = this.fleet.groupOf(tablet);
    if (group !== undefined && group.leader >= 0) return group.leader;
    if (group?.elector === true) return -1;
    if (tablet === directoryGroup) return this.steering.keeper;
    const known = this.leaders.get(tablet);
    if (known !== undefined) return known;
    const entry = this.routing.entries().find((piece) => piece.tablet === tablet);
    const others = entry?.replicas.filter((node) => node !== this.env.self) ?? [];
    return others.length === 0 ? -1 : this.env.random.pick(others);
  }

  /* ---- at the leader ---- */

  onForward(from: NodeId, message: Extract<TabletsMessage, { kind: "forward" }>): void {
    const { group, body } = message;
    const arrived = this.forwards.onForward(from, message);
    if (arrived !== undefined) this.lead({ ...arrived, body, group });
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
    this.forwards.underWay.add(job);
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
      this.forwards.finish(job, arranged);
      return true;
    }
    const { group, machine } = this.directory!;
    if (body.kind === "tablet-map") {
      if (!group.beginRead(job)) return false;
    } else {
      const command = beginCommand(machine, body);
      if (command === undefined) {
        this.forwards.finish(job, nothingFollows);
        return true;
      }
      if (!group.propose(job, command as unknown as Value)) return false;
    }
    this.forwards.underWay.add(job);
    return true;
  }

  onOutcome(job: Job, outcome: RowsOutcome | DirectoryResult): void {
    if (outcome.kind === "moved") this.onMoved(job, outcome);
    else this.forwards.finish(job, outcomeOf(outcome as Exclude<typeof outcome, Moved | RangeResult>));
  }

  /* ---- back at the entry ---- */

  private onRefused(job: Job, leader: NodeId): void {
    if (job.group === directoryGroup) this.steering.onKeeper(leader);
    else if (leader >= 0) this.leaders.set(job.group, leader);
    else this.leaders.delete(job.group);
    this.forwards.giveBack(job, -1);
  }

  private onMoved(job: Job, moved: Moved): void {
    this.forwards.underWay.delete(job);
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
      else this.forwards.giveBack(job, -1);
    }
  }

  unpark(): void {
    for (const job of this.forwards.unpark()) this.route(job);
  }

  expire(): void {
    this.forwards.expire();
  }

  /** Whoever was asked may be no more; what does no harm may be put to another as well. */
  private onSilence(job: Job, sentAt: Micros): boolean {
    if (!isHarmless(job) || this.env.now - sentAt <= 5 * this.heartbeatUs) return false;
    this.leaders.delete(job.group);
    return true;
  }

  /* ---- what groups say ---- */

  /** Proposed, and this replica will not learn what became of it. */
  onLost(job: Job): void {
    this.forwards.finish(job, steppedDown);
  }

  onReadable(job: Job): void {
    if (job.settled) return;
    this.forwards.underWay.delete(job);
    if (job.body.kind === "tablet-map") {
      const map = this.directory!.machine.read({ kind: "map", since: 0 });
      this.forwards.finish(job, mapAnswer(map.version, map.entries));
      return;
    }
    const replica = this.holdings.get(job.group);
    if (replica === undefined || !this.tryRead(job, replica)) this.again(job);
  }

  /** Taken and not proposed. */
  again(job: Job): void {
    this.forwards.giveBack(job, -1);
  }

  onLeader(tablet: TabletId, leader: NodeId): void {
    if (leader < 0) return;
    this.forwards.onLeader(leader, ({ group }) => group === tablet);
    this.unpark();
  }

  onGivenUp(tablet: TabletId): void {
    for (const job of this.forwards.underWay) if (job.group === tablet) this.forwards.finish(job, steppedDown);
  }
}

function isHarmless({ body }: Job): boolean {
  return body.kind === "row-get" || body.kind === "tablet-map";
}
