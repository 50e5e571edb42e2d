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
import { millisecond } from "../../kernel/units.ts";
import { Group, paxosRoles } from "../../protocols/paxos/group.ts";
import type { PaxosRoles } from "../../protocols/paxos/group.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { PaxosEnv } from "../../protocols/paxos/messages.ts";
import { defaultTimeoutUs, Forwards, noLeader, steppedDown, timedOut } from "../forwards.ts";
import type { ForwardedJob } from "../forwards.ts";
import { logOptions } from "../log-options.ts";
import type { ReplicatedMessage, ReplicatedTimer } from "./messages.ts";
import type { BuildService, ReplicatedService, Route } from "./replicated-service.ts";

export type ReplicatedEnv = Env<ReplicatedMessage, ReplicatedTimer, Answer>;

interface Job extends ForwardedJob {
  readonly route: Route;
  readonly body: Request;
}

export class ReplicatedNode implements Core<ReplicatedMessage, ReplicatedTimer, Request> {
  private readonly env: ReplicatedEnv;
  private readonly service: ReplicatedService;
  private readonly group: Group;
  private readonly tickUs: Micros;
  private readonly leaseReads: boolean;
  /** Where replicas are, or were at first. */
  private readonly replicas: readonly NodeId[];
  private readonly forwards: Forwards<Job>;
  /** Waiting for the state to have an answer. */
  private readonly waiting = new Set<Job>();
  /** At this leader: until the log is as it shall be. */
  private readonly arranging = new Set<Job>();
  /** Whom a node that hears no leader, for it has no replica, asks first. */
  private guess: NodeId;
  private requests = 0;

  constructor(
    env: ReplicatedEnv,
    log: LogSpec,
    build: BuildService,
    roles: PaxosRoles = paxosRoles,
    witness?: Witness,
  ) {
    const options = { ...logOptions(log), group: 1, placement: log.replicas, derives: true };
    this.env = env;
    this.leaseReads = log.reads !== "quorum";
    this.replicas = log.replicas;
    this.tickUs = Math.max(millisecond, Math.round(options.heartbeatUs / 4));
    this.forwards = new Forwards(env, {
      isHarmless: ({ route }) => route.kind !== "command",
      onSilence: () => false,
      abandon: (job) => this.group.abandonRead(job),
    });
    let service: ReplicatedService | undefined;
    this.group = new Group(
      env as unknown as PaxosEnv,
      options,
      (store) => (service = build(store)).machine,
      {
        onResult: (origin, result) => origin !== undefined && this.finish(origin as Job, result as Answer),
        onLost: (origin) => origin !== undefined && this.finish(origin as Job, steppedDown),
        onRefused: (origin) => origin !== undefined && this.forwards.giveBack(origin as Job, -1),
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
    if (this.group.start()) this.forwards.onRestart();
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
        const arrived = this.forwards.onForward(from, message);
        const { body } = message;
        if (arrived !== undefined) this.carryOut({ ...arrived, body, route: this.service.route(body) });
        break;
      }
      case "forward-answer":
        this.forwards.onAnswer(message);
        break;
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
    return !this.group.busy && this.knownLeader >= 0 && !this.forwards.busy;
  }

  /** This replica leads, its lease holds and its state is the log's. */
  get leads(): boolean {
    return this.group.readable && this.group.holdsLease;
  }

  counters(): Record<string, number> {
    return { requests: this.requests, forwarded: this.forwards.forwarded, ...this.group.counters() };
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
      this.forwards.underWay.add(job);
    } else if (!reading && group.propose(job, route.command)) {
      this.forwards.underWay.add(job);
    } else {
      this.toLeader(job);
    }
  }

  /** This replica does not lead, or not yet. */
  private toLeader(job: Job): void {
    const { knownLeader: leader } = this;
    if (job.request < 0 || leader < 0 || leader === this.env.self) this.forwards.giveBack(job, this.group.leader);
    else this.env.sendEarly(leader, { ...this.forwards.forward(job, leader), body: job.body });
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

  /** It does not lead and has done nothing: wait until somebody is known to. */
  private onForwardRefused(operation: number, leader: NodeId): void {
    const job = this.forwards.take(operation);
    if (job === undefined) return;
    this.guess = leader >= 0 && leader !== this.env.self ? leader : this.anyReplica();
    this.forwards.giveBack(job, -1);
  }

  private onLeader(leader: NodeId): void {
    if (leader < 0) return;
    this.forwards.onLeader(leader, () => true);
    this.unpark();
  }

  private unpark(): void {
    for (const job of this.forwards.unpark()) this.lead(job);
  }

  private read(job: Job): void {
    const { route } = job;
    if (job.settled || (route.kind !== "read" && route.kind !== "stale-read")) return;
    if (!this.group.readable) {
      // Its replica has moved away while the others were asked.
      this.forwards.underWay.delete(job);
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

  private finish(job: Job, answer: Answer): void {
    this.arranging.delete(job);
    this.forwards.finish(job, answer);
  }

  private expire(): void {
    const { now } = this.env;
    for (const job of Array.from(this.arranging)) {
      if (job.deadline <= now) this.finish(job, timedOut);
      else if (job.route.kind === "place" || job.route.kind === "hand-over") this.arrange(job, job.route);
    }
    this.forwards.expire();
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
