/**
 * One node of a replicated service: a replica of its log, and the way of each request to where it can be carried out.
 *
 *     client ──> entry node ──command, read──> the leader ──> log, or lease and state ──> answer by the same way back
 *                     └──stale read, wait────> here
 *
 * A request may enter anywhere, is forwarded once, and waits where it entered while nobody leads. What was forwarded to a leader that
 * another one has replaced may have been proposed: its outcome is unknown, and nobody tries again on the client's behalf.
 */
import type { Answer, LogSpec, Request } from "../../api.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond, second } from "../../kernel/units.ts";
import { Group, paxosRoles } from "../../protocols/paxos/group.ts";
import type { GroupOptions, PaxosRoles } from "../../protocols/paxos/group.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { PaxosEnv } from "../../protocols/paxos/messages.ts";
import { ForwardsSeen } from "../forwards-seen.ts";
import type { ReplicatedMessage, ReplicatedTimer } from "./messages.ts";
import type { BuildService, ReplicatedService, Route } from "./replicated-service.ts";

export type ReplicatedEnv = Env<ReplicatedMessage, ReplicatedTimer, Answer>;

/** A request on its way, at the node where it entered or at the leader it was forwarded to. */
interface Job {
  readonly route: Route;
  readonly body: Request;
  /** -1 when it was forwarded: then `from` and `operation` say whose it is. */
  readonly request: RequestId;
  readonly from: NodeId;
  readonly operation: number;
  readonly deadline: Micros;
  settled: boolean;
}

interface Forward {
  readonly job: Job;
  readonly to: NodeId;
}

const defaultTimeoutUs: Micros = 5 * second;
/** The leader's own patience ends first, so that its answer, not our guess, reaches the client. */
const slackUs: Micros = 100 * millisecond;
const noLeader: Answer = { kind: "refused", code: "unavailable", message: "Nobody leads the log at the moment" };
const steppedDown: Answer = {
  kind: "unknown",
  code: "connection-lost",
  message: "The leader changed before the outcome was known",
};
const timedOut: Answer = { kind: "unknown", code: "timeout", message: "The log did not decide in time" };
const late: Answer = { kind: "refused", code: "expired", message: "The deadline had passed before work began" };

export function groupOptions(log: LogSpec): GroupOptions {
  const leaseUs = log.leaseUs ?? 2 * second;
  return {
    group: 1,
    placement: log.replicas,
    leaseUs,
    heartbeatUs: log.heartbeatUs ?? Math.round(leaseUs / 10),
    window: log.window ?? 16,
    batch: log.batch ?? 512,
    keepSlots: log.keepSlots ?? 1_024,
    derives: true,
  };
}

export class ReplicatedNode implements Core<ReplicatedMessage, ReplicatedTimer, Request> {
  private readonly env: ReplicatedEnv;
  private readonly service: ReplicatedService;
  private readonly group: Group;
  private readonly tickUs: Micros;
  private readonly leaseReads: boolean;
  /** Where replicas are, or were at first. */
  private readonly replicas: readonly NodeId[];
  private readonly forwardsSeen: ForwardsSeen;
  private readonly forwards = new Map<number, Forward>();
  private nextForward: number;
  /** Waiting for a leader. */
  private parked = new Set<Job>();
  /** Waiting for the state to have an answer. */
  private readonly waiting = new Set<Job>();
  /** At this leader: until the log is as it shall be. */
  private readonly arranging = new Set<Job>();
  /** At this leader: proposed, or asked of a majority. */
  private readonly underWay = new Set<Job>();
  /** Whom a node that hears no leader, for it has no replica, asks first. */
  private guess: NodeId;
  private requests = 0;
  private forwarded = 0;

  constructor(
    env: ReplicatedEnv,
    log: LogSpec,
    build: BuildService,
    roles: PaxosRoles = paxosRoles,
    witness?: Witness,
  ) {
    const options = groupOptions(log);
    this.env = env;
    this.leaseReads = log.reads !== "quorum";
    this.replicas = log.replicas;
    this.tickUs = Math.max(millisecond, Math.round(options.heartbeatUs / 4));
    this.forwardsSeen = new ForwardsSeen(env);
    this.nextForward = env.random.uint32() * 2 ** 20;
    let service: ReplicatedService | undefined;
    this.group = new Group(
      env as unknown as PaxosEnv,
      options,
      (store) => (service = build(store)).machine,
      {
        onResult: (origin, result) => origin !== undefined && this.finish(origin as Job, result as Answer),
        onLost: (origin) => origin !== undefined && this.finish(origin as Job, steppedDown),
        onRefused: (origin) => origin !== undefined && this.again(origin as Job),
        onReadable: (origin) => this.read(origin as Job),
        onApplied: () => this.onApplied(),
        onLeader: (leader) => this.onLeader(leader),
      },
      roles,
      witness,
    );
    this.service = service!;
    this.guess = this.anyReplica();
  }

  start(): void {
    if (this.group.start()) this.forwardsSeen.onRestart();
    this.env.after(this.env.random.below(this.tickUs) + 1, "tick", 0);
  }

  onRequest(request: RequestId, body: Request): void {
    this.requests++;
    const route = this.service.route(body);
    const patienceUs = ("timeoutUs" in body ? body.timeoutUs : undefined) ?? defaultTimeoutUs;
    this.carryOut({
      route,
      body,
      request,
      from: this.env.self,
      operation: 0,
      deadline: this.env.now + (route.kind === "wait" ? route.waitUs : patienceUs),
      settled: false,
    });
  }

  onMessage(from: NodeId, message: ReplicatedMessage): void {
    switch (message.kind) {
      case "forward": {
        const { operation, body, leftUs, sentAt } = message;
        if (!this.forwardsSeen.isNews(from, operation, sentAt)) break;
        // What it took to get here counts, by the most that it may have been.
        const deadline = this.env.now + leftUs - Math.max(0, this.env.wall.earliest - sentAt);
        const job = { route: this.service.route(body), body, request: -1, from, operation, deadline, settled: false };
        if (deadline < this.env.now) this.finish(job, late);
        else this.carryOut(job);
        break;
      }
      case "forward-answer": {
        const forward = this.forwards.get(message.operation);
        if (forward === undefined) break;
        this.forwards.delete(message.operation);
        this.finish(forward.job, message.answer);
        break;
      }
      case "forward-refused":
        this.onForwardRefused(message.operation, message.leader);
        break;
      default:
        this.group.onMessage(from, message);
    }
  }

  onTimer(_timer: ReplicatedTimer): void {
    this.env.after(this.tickUs, "tick", 0);
    this.group.tick();
    this.expire();
    if (this.knownLeader >= 0) this.unpark();
  }

  check(): void {
    this.group.check();
  }

  atRest(): boolean {
    return (
      !this.group.busy &&
      this.knownLeader >= 0 &&
      this.forwards.size === 0 &&
      this.parked.size === 0 &&
      this.underWay.size === 0
    );
  }

  /** This replica leads, its lease holds and its state is the log's. */
  get leads(): boolean {
    return this.group.readable && this.group.holdsLease;
  }

  counters(): Record<string, number> {
    return { requests: this.requests, forwarded: this.forwarded, ...this.group.counters() };
  }

  /* ---- the way of a request ---- */

  private carryOut(job: Job): void {
    const { route } = job;
    switch (route.kind) {
      case "refused":
        this.finish(job, route.answer);
        break;
      case "status":
        this.finish(job, this.status());
        break;
      case "wait":
        if (!this.group.readable) this.toLeader(job);
        else if (!this.tryRead(job, route.query)) this.waiting.add(job);
        break;
      case "stale-read":
        if (this.group.readable && this.isFresh(route.maxAgeUs)) this.read(job);
        else this.lead(job);
        break;
      default:
        this.lead(job);
    }
  }

  private isFresh(maxAgeUs: Micros): boolean {
    return maxAgeUs === Infinity || this.env.wall.latest - this.group.asOf <= maxAgeUs;
  }

  /** To the leader, or here if this is it. */
  private lead(job: Job): void {
    const { group } = this;
    const { route } = job;
    if (route.kind === "place" || route.kind === "hand-over") {
      this.arrange(job, route);
      return;
    }
    const reading = route.kind !== "command";
    if (reading && group.holdsLease && this.leaseReads) {
      this.read(job);
    } else if (reading && group.readable && (group.leading || !this.leaseReads) && group.beginRead(job)) {
      this.underWay.add(job);
    } else if (!reading && group.propose(job, route.command)) {
      this.underWay.add(job);
    } else {
      this.toLeader(job);
    }
  }

  /** This replica does not lead, or not yet. */
  private toLeader(job: Job): void {
    const { group } = this;
    if (job.request < 0) {
      this.env.sendEarly(job.from, { kind: "forward-refused", operation: job.operation, leader: group.leader });
    } else if (this.knownLeader >= 0 && this.knownLeader !== this.env.self) {
      this.forward(job, this.knownLeader);
    } else {
      this.parked.add(job);
    }
  }

  private get knownLeader(): NodeId {
    const { elector, leader } = this.group;
    return leader < 0 && !elector ? this.guess : leader;
  }

  /** Some other node that has a replica, or had one; -1: there is none. */
  private anyReplica(): NodeId {
    const { nodes } = this.group.placement;
    const others = (nodes.length > 0 ? nodes : this.replicas).filter((node) => node !== this.env.self);
    return others.length === 0 ? -1 : this.env.random.pick(others);
  }

  /** Takes a step towards what shall be; done when it is so. */
  private arrange(job: Job, route: Extract<Route, { kind: "place" | "hand-over" }>): void {
    const { group } = this;
    this.arranging.delete(job);
    if (route.kind === "hand-over" && group.leader === route.to) {
      this.finish(job, this.status());
    } else if (!group.leading) {
      this.toLeader(job);
    } else {
      this.arranging.add(job);
      if (route.kind === "hand-over") group.handOver(route.to);
      else if (!sameNodes(group.placement.nodes, route.nodes)) group.place(route.nodes);
      else if (group.placement.reached) this.finish(job, this.status());
    }
  }

  private forward(job: Job, to: NodeId): void {
    this.forwarded++;
    const operation = this.nextForward++;
    this.forwards.set(operation, { job, to });
    const { wall, now } = this.env;
    const leftUs = job.deadline - now;
    this.env.sendEarly(to, { kind: "forward", operation, body: job.body, leftUs, sentAt: wall.earliest });
  }

  /** It does not lead and has done nothing: wait until somebody is known to. */
  private onForwardRefused(operation: number, leader: NodeId): void {
    const forward = this.forwards.get(operation);
    if (forward === undefined) return;
    this.forwards.delete(operation);
    this.guess = leader >= 0 && leader !== this.env.self ? leader : this.anyReplica();
    this.parked.add(forward.job);
  }

  /** Taken and not proposed. */
  private again(job: Job): void {
    this.underWay.delete(job);
    if (job.request < 0)
      this.env.sendEarly(job.from, { kind: "forward-refused", operation: job.operation, leader: -1 });
    else this.parked.add(job);
  }

  private onLeader(leader: NodeId): void {
    if (leader < 0) return;
    for (const [operation, { job, to }] of this.forwards) {
      if (to === leader) continue;
      this.forwards.delete(operation);
      if (job.route.kind === "command") this.finish(job, steppedDown);
      else this.parked.add(job);
    }
    this.unpark();
  }

  private unpark(): void {
    if (this.parked.size === 0) return;
    const jobs = this.parked;
    this.parked = new Set();
    for (const job of jobs) this.lead(job);
  }

  private read(job: Job): void {
    const { route } = job;
    if (job.settled || (route.kind !== "read" && route.kind !== "stale-read")) return;
    if (!this.group.readable) {
      // Its replica has moved away while the others were asked.
      this.underWay.delete(job);
      this.toLeader(job);
      return;
    }
    if (!this.tryRead(job, route.query)) throw new Error(`a read has no answer: ${JSON.stringify(route.query)}`);
  }

  private tryRead(job: Job, query: unknown): boolean {
    if (!this.group.readable) return false;
    const answer = this.service.machine.read(query, this.env.wall.latest);
    if (answer === undefined) return false;
    this.finish(job, answer);
    return true;
  }

  private onApplied(): void {
    for (const job of this.waiting) {
      if (job.route.kind === "wait" && this.tryRead(job, job.route.query)) this.waiting.delete(job);
    }
  }

  private status(): Answer {
    const { group, env } = this;
    const revision = group.readable ? this.service.revision : 0;
    const { leader, ballot, applied, chosen } = group;
    return {
      kind: "ok",
      result: { kind: "log-status", revision, node: env.self, leader, ballot, applied, chosen, storeBytes: 0 },
    };
  }

  /** Answers once: what rests on a majority's disks, or was read from what does, waits for no disk of this node. */
  private finish(job: Job, answer: Answer): void {
    if (job.settled) return;
    job.settled = true;
    this.underWay.delete(job);
    this.arranging.delete(job);
    if (job.request >= 0) this.env.replyEarly(job.request, answer);
    else this.env.sendEarly(job.from, { kind: "forward-answer", operation: job.operation, answer });
  }

  private expire(): void {
    const { now } = this.env;
    for (const job of Array.from(this.arranging)) {
      if (job.deadline <= now) this.finish(job, timedOut);
      else if (job.route.kind === "place" || job.route.kind === "hand-over") this.arrange(job, job.route);
    }
    for (const [operation, { job }] of this.forwards) {
      if (job.deadline + slackUs > now) continue;
      this.forwards.delete(operation);
      this.finish(job, timedOut);
    }
    for (const job of this.parked) {
      if (job.deadline > now) continue;
      this.parked.delete(job);
      this.finish(job, noLeader);
    }
    for (const job of this.underWay) {
      if (job.deadline > now) continue;
      this.group.abandonRead(job);
      this.finish(job, timedOut);
    }
    for (const job of this.waiting) {
      const { route } = job;
      if (route.kind !== "wait" || job.deadline > now) continue;
      this.waiting.delete(job);
      this.finish(job, this.group.readable ? this.service.nothing(route.query) : noLeader);
    }
  }
}

function sameNodes(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((node) => b.includes(node));
}
