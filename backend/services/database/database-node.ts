/**
 * One node of the database: a replica of some of its groups, and the way in for clients.
 *
 *     client ──transact──────> Driver ──orders──> Participant, Coordinator of each group's leader ──> its log, its TabletMachine
 *            ──snapshot-read─> Reader ──read────> SnapshotReads of a replica
 *            ──tablet-split──> Arrangements ────> directory of tablets, where these move (MovingTablets)
 *                              Leaders: who leads      TabletMap: which group keeps which key
 *
 * All of them speak by messages, also to their own node, so a transaction takes the same way wherever its groups are led.
 */
import type { Answer, DatabaseService, Request } from "../../api.ts";
import type { DatabaseRequest, VersionedValue } from "../../api-database.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Store } from "../../kernel/store.ts";
import type { Topology } from "../../kernel/topology.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { hour, millisecond, second } from "../../kernel/units.ts";
import { Group } from "../../protocols/paxos/group.ts";
import type { GroupOptions, PaxosRoles } from "../../protocols/paxos/group.ts";
import type { GroupHost, PaxosEnv, PaxosMessage } from "../../protocols/paxos/messages.ts";
import type { AnyMachine } from "../../protocols/paxos/learner.ts";
import { Driver } from "../../protocols/transactions/driver.ts";
import { evaluate } from "../../protocols/transactions/evaluate.ts";
import { Leaders } from "../../protocols/transactions/leaders.ts";
import type {
  GroupId,
  OrderMessage,
  Outcome,
  PeerMessage,
  TransactionEnv,
  TransactionMessage,
  TransactionOptions,
} from "../../protocols/transactions/messages.ts";
import { Reader } from "../../protocols/transactions/reader.ts";
import { faultOf, keysOf } from "../../protocols/transactions/requests.ts";
import type { Transact } from "../../protocols/transactions/requests.ts";
import type { TabletMachine } from "../../protocols/transactions/tablet-machine.ts";
import { StaticTabletMap } from "../../protocols/transactions/tablet-map.ts";
import type { TabletMap } from "../../protocols/transactions/tablet-map.ts";
import { ForwardsSeen } from "../forwards-seen.ts";
import { logOptions } from "../log-options.ts";
import type { LogOptions } from "../log-options.ts";
import type { FleetMessage } from "../tablets/messages.ts";
import { Loopback } from "./loopback.ts";
import { answerOfTheGone, MovingTablets } from "./moving-tablets.ts";
import type { TransactionRoles } from "./seat.ts";
import { Seat } from "./seat.ts";

export type DatabaseMessage = PaxosMessage | TransactionMessage | FleetMessage;
export type DatabaseTimer = "tick" | "passed" | "retry";
export type DatabaseEnv = Env<DatabaseMessage, DatabaseTimer, Answer>;

export interface DatabaseRoles {
  readonly paxos: PaxosRoles;
  readonly transactions: TransactionRoles;
}

const defaultTimeoutUs: Micros = 5 * second;

export class DatabaseNode implements Core<DatabaseMessage, DatabaseTimer, Request> {
  private readonly env: DatabaseEnv;
  /** As the transactions see it. */
  private readonly loopback: Loopback;
  private readonly options: TransactionOptions;
  private readonly roles: DatabaseRoles;
  private readonly witness: Witness | undefined;
  private readonly map: TabletMap;
  /** Where tablets split and merge. */
  private readonly moving: MovingTablets | undefined;
  private readonly seats = new Map<GroupId, Seat>();
  private readonly leaders: Leaders;
  private readonly driver: Driver;
  private readonly reader: Reader;
  private readonly forwardsSeen: ForwardsSeen;
  private readonly tickUs: Micros;
  private requests = 0;

  /** @param nearest the replicas of a group, the nearest to this node first */
  constructor(
    env: DatabaseEnv,
    service: DatabaseService,
    topology: Topology,
    nearest: (replicas: readonly NodeId[]) => readonly NodeId[],
    roles: DatabaseRoles,
    witness?: Witness,
  ) {
    this.env = env;
    this.roles = roles;
    this.witness = witness;
    const log = logOptions(service.log);
    const options = transactionOptions(service, log);
    this.options = options;
    this.loopback = new Loopback(env as unknown as TransactionEnv);
    const transactionEnv = this.loopback.env;
    this.tickUs = Math.max(millisecond, Math.round(log.heartbeatUs / 4));
    this.forwardsSeen = new ForwardsSeen(env);
    const groups = {
      here: (group: GroupId) => this.seats.get(group)?.log,
      replicas: (group: GroupId) => this.map.replicas(group),
    };
    this.leaders = new Leaders(transactionEnv, groups, options.retryUs / 4);
    this.moving = this.movingTablets(service, topology, log, nearest);
    this.map = this.moving?.map ?? this.standingTablets(service, log, nearest);
    const answer = (request: RequestId, body: Answer): void => this.env.replyEarly(request, body);
    this.driver = new Driver(transactionEnv, this.map, this.leaders, options, {
      answer,
      retryLater: (delayUs, job) => void this.env.after(delayUs + 1, "retry", job),
    });
    this.reader = new Reader(transactionEnv, this.map, this.leaders, options, answer);
  }

  /* ---- tablets ---- */

  private standingTablets(
    { tablets, versionsKeptUs = hour }: DatabaseService,
    log: LogOptions,
    nearest: (replicas: readonly NodeId[]) => readonly NodeId[],
  ): TabletMap {
    const { env, roles, witness } = this;
    for (const [i, { replicas }] of tablets.entries()) {
      if (!replicas.includes(env.self)) continue;
      const options: GroupOptions = { ...log, group: i + 1, placement: replicas };
      this.seat(options.group, (host) => {
        let machine: TabletMachine | undefined;
        const build = (store: Store): AnyMachine =>
          (machine = new roles.transactions.TabletMachine(store, versionsKeptUs)) as unknown as AnyMachine;
        const group = new Group(env as unknown as PaxosEnv, options, build, host, roles.paxos, witness);
        return { group, machine: machine! };
      });
    }
    return new StaticTabletMap(tablets.map(({ from, replicas }) => ({ from, replicas: nearest(replicas) })));
  }

  private movingTablets(
    service: DatabaseService,
    topology: Topology,
    log: LogOptions,
    nearest: (replicas: readonly NodeId[]) => readonly NodeId[],
  ): MovingTablets | undefined {
    const { env, roles, witness } = this;
    if (service.moves === undefined) return undefined;
    return new MovingTablets({
      env,
      service,
      moves: service.moves,
      log,
      topology,
      nearest,
      roles,
      witness,
      open: (group, open) => this.seat(group, open),
      seatOf: (group) => this.seats.get(group),
      leaderOf: (group) => this.leaders.of(group),
      onGivenUp: (group) => this.seats.delete(group),
    });
  }

  private seat(
    group: GroupId,
    open: (host: GroupHost) => { readonly group: Group; readonly machine: TabletMachine },
  ): Seat {
    const peers = { toLeader: (to: GroupId, message: PeerMessage) => this.toLeader(to, message) };
    const seat = new Seat({
      env: this.loopback.env,
      group,
      options: this.options,
      peers,
      roles: this.roles.transactions,
      open,
      onApplied: () => this.moving?.fleet.onApplied(group),
    });
    this.seats.set(group, seat);
    return seat;
  }

  /* ---- */

  start(): void {
    for (const seat of this.seats.values()) seat.start();
    if (this.moving === undefined) for (const { group } of this.seats.values()) group.start();
    else this.moving.start();
    this.driver.start();
    this.reader.start();
    this.forwardsSeen.onRestart();
    this.env.after(this.env.random.below(this.tickUs) + 1, "tick", 0);
  }

  onRequest(request: RequestId, body: Request): void {
    this.requests++;
    if (body.kind !== "transact" && body.kind !== "snapshot-read") {
      if (this.moving?.onRequest(request, body) !== true) {
        const message = `"${body.kind}" is not asked of a database; expected "transact" or "snapshot-read"`;
        this.env.replyEarly(request, { kind: "refused", code: "invalid", message });
      }
      this.endTurn();
      return;
    }
    const fault = faultOf(body) ?? this.moving?.faultOf(body) ?? null;
    if (fault === null) this.carryOut(request, body);
    else this.env.replyEarly(request, { kind: "refused", code: "invalid", message: fault });
    this.endTurn();
  }

  private carryOut(request: RequestId, body: DatabaseRequest): void {
    const deadline = this.env.now + (body.timeoutUs ?? defaultTimeoutUs);
    if (body.kind === "snapshot-read") this.reader.begin(request, body, deadline);
    else if (body.writes.length > 0) this.driver.begin(request, body, deadline);
    else this.readOnly(request, body, deadline);
  }

  /** A transaction that writes nothing needs no lock. */
  private readOnly(request: RequestId, body: Transact, deadline: Micros): void {
    const { reads, conditions = [] } = body;
    const keys = [...new Set(keysOf(body))];
    this.reader.begin(request, { keys, at: { kind: "strong" } }, deadline, (timestamp, found) => {
      const byKey = new Map(found.map((value) => [value.key, value]));
      const newest = (key: string): VersionedValue => byKey.get(key)!;
      const age = { at: 0, node: 0, sequence: 0 };
      const evaluated = evaluate({ txn: "", age, reads, writes: [], conditions }, newest);
      if ("kind" in evaluated) return evaluated;
      return {
        kind: "ok",
        result: { kind: "transacted", timestamp, values: evaluated.values, group: -1, attempts: 1 },
      };
    });
  }

  onMessage(from: NodeId, message: DatabaseMessage): void {
    this.dispatch(from, message);
    this.endTurn();
  }

  private endTurn(): void {
    this.loopback.hear((from, message) => this.dispatch(from, message));
    this.moving?.fleet.startFounded();
  }

  private dispatch(from: NodeId, message: DatabaseMessage): void {
    switch (message.kind) {
      case "run":
      case "prepare-part":
      case "coordinate":
        this.onOrder(from, message);
        break;
      case "outcome":
        this.learn(message.outcome);
        this.driver.onOutcome(message.operation, message.outcome);
        break;
      case "values":
        this.reader.onValues(message);
        break;
      case "unread":
        this.learn(message.outcome);
        this.reader.onUnread(message.operation, message.outcome);
        break;
      case "located":
        this.leaders.onLocated(message.group, from);
        this.driver.sendUnsent();
        break;
      case "read":
        this.onRead(from, message);
        break;
      case "map-ask":
      case "map":
      case "steer":
      case "load":
      case "begun":
      case "hand-over":
        this.moving?.fleet.onMessage(from, message);
        break;
      default:
        if (this.moving?.onGroupMessage(from, message) !== true)
          this.seats.get(message.group)?.onMessage(from, message);
    }
  }

  /** Whoever was asked has the keys no longer, and says who may. */
  private learn(outcome: Outcome): void {
    if (outcome.kind === "aborted" && outcome.claims !== undefined) this.moving?.map.learn(outcome.claims);
  }

  private onRead(from: NodeId, message: Extract<TransactionMessage, { kind: "read" }>): void {
    const { group, keys, operation } = message;
    const seat = this.seats.get(group);
    if (seat !== undefined) {
      this.moving?.onAsked(group, keys);
      seat.onMessage(from, message);
      return;
    }
    const outcome = this.outcomeElsewhere(group, keys);
    this.loopback.env.sendEarly(from, { kind: "unread", operation, outcome });
  }

  /** What is said to whoever asks a group of which there is no replica here. */
  private outcomeElsewhere(group: GroupId, keys: readonly string[]): Outcome {
    const { moving } = this;
    if (moving?.map.isOver(group) !== true) return { kind: "not-leader", leader: -1 };
    return { kind: "aborted", reason: "moved", claims: moving.map.claimsOn(keys) };
  }

  private onOrder(from: NodeId, message: OrderMessage): void {
    const { group, operation, leftUs, part, sentAt } = message;
    if (!this.forwardsSeen.isNews(from, operation, sentAt)) return;
    const seat = this.seats.get(group);
    if (seat !== undefined) {
      this.moving?.onAsked(group, keysOf(part));
      seat.onOrder(from, message, this.forwardsSeen.deadlineOf(leftUs, sentAt));
      return;
    }
    const outcome = this.outcomeElsewhere(group, keysOf(part));
    if (outcome.kind === "aborted" && message.kind === "prepare-part") {
      const { coordinator } = message;
      this.toLeader(coordinator, { kind: "veto", group: coordinator, txn: part.txn, outcome });
    } else {
      this.loopback.env.sendEarly(from, { kind: "outcome", operation, outcome });
    }
  }

  private toLeader(group: GroupId, message: PeerMessage): void {
    const { env } = this.loopback;
    if (this.map.isOver(group)) {
      const answer = answerOfTheGone(group, message);
      if (answer !== undefined) env.sendEarly(env.self, answer);
      return;
    }
    const leader = this.leaders.of(group);
    if (leader >= 0) env.sendEarly(leader, message);
    else for (const node of this.map.replicas(group)) env.sendEarly(node, message);
  }

  onTimer(timer: DatabaseTimer, key: number): void {
    if (timer === "passed") this.seats.get(key)?.onPassed();
    else if (timer === "retry") this.driver.onRetry(key);
    else this.tick();
    this.endTurn();
  }

  private tick(): void {
    this.env.after(this.tickUs, "tick", 0);
    if (this.moving === undefined) for (const { group } of this.seats.values()) group.tick();
    else this.moving.tick();
    for (const seat of this.seats.values()) seat.tick();
    this.driver.tick();
    this.reader.tick();
  }

  check(): void {
    if (this.moving === undefined) for (const { group } of this.seats.values()) group.check();
    else this.moving.fleet.check();
    for (const seat of this.seats.values()) seat.check();
  }

  atRest(): boolean {
    if (this.driver.busy || this.reader.busy || this.moving?.atRest === false) return false;
    for (const seat of this.seats.values()) if (!seat.atRest) return false;
    return true;
  }

  counters(): Record<string, number> {
    const { requests } = this;
    const counted: Record<string, number> = { requests, attempts: this.driver.attempts, retries: this.driver.retries };
    for (const seat of this.seats.values()) {
      for (const [name, count] of Object.entries(seat.counters())) counted[name] = (counted[name] ?? 0) + count;
    }
    if (this.moving === undefined) return counted;
    // Groups count for themselves.
    const { splits, merges, tablets, leads } = this.moving.fleet.counters();
    return { ...counted, splits, merges, tablets, leads };
  }
}

function transactionOptions({ commitWait }: DatabaseService, { heartbeatUs, leaseUs }: LogOptions): TransactionOptions {
  return { retryUs: 2 * heartbeatUs, patienceUs: Math.round(leaseUs / 2), commitWait: commitWait ?? true };
}
