/**
 * One node of the database: a replica of some of its groups, and the way in for clients.
 *
 *     client ──transact──────> Driver ──orders──> Participant, Coordinator of each group's leader ──> its log, its TabletMachine
 *            ──snapshot-read─> Reader ──read────> SnapshotReads of a replica
 *                              Leaders: who leads      TabletMap: which group keeps which key
 *
 * All of them speak by messages, also to their own node, so a transaction takes the same way wherever its groups are led.
 */
import type { Answer, DatabaseService, Request } from "../../api.ts";
import type { DatabaseRequest, VersionedValue } from "../../api-database.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { GroupOptions, PaxosRoles } from "../../protocols/paxos/group.ts";
import type { PaxosEnv, PaxosMessage } from "../../protocols/paxos/messages.ts";
import { Driver } from "../../protocols/transactions/driver.ts";
import { evaluate } from "../../protocols/transactions/evaluate.ts";
import { Leaders } from "../../protocols/transactions/leaders.ts";
import type {
  GroupId,
  OrderMessage,
  Peers,
  TransactionEnv,
  TransactionMessage,
  TransactionOptions,
} from "../../protocols/transactions/messages.ts";
import { Reader } from "../../protocols/transactions/reader.ts";
import { faultOf } from "../../protocols/transactions/requests.ts";
import type { Transact } from "../../protocols/transactions/requests.ts";
import { StaticTabletMap } from "../../protocols/transactions/tablet-map.ts";
import type { TabletMap } from "../../protocols/transactions/tablet-map.ts";
import { ForwardsSeen } from "../forwards-seen.ts";
import { Loopback } from "./loopback.ts";
import type { TransactionRoles } from "./seat.ts";
import { Seat } from "./seat.ts";

export type DatabaseMessage = PaxosMessage | TransactionMessage;
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
  private readonly map: TabletMap;
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
    nearest: (replicas: readonly NodeId[]) => readonly NodeId[],
    roles: DatabaseRoles,
    witness?: Witness,
  ) {
    this.env = env;
    const log = logOptions(service);
    const options = transactionOptions(service, log);
    this.loopback = new Loopback(env as unknown as TransactionEnv);
    const transactionEnv = this.loopback.env;
    this.tickUs = Math.max(millisecond, Math.round(log.heartbeatUs / 4));
    this.map = new StaticTabletMap(
      service.tablets.map(({ from, replicas }) => ({ from, replicas: nearest(replicas) })),
    );
    this.forwardsSeen = new ForwardsSeen(env);
    const groups = {
      here: (group: GroupId) => this.seats.get(group)?.log,
      replicas: (group: GroupId) => this.map.replicas(group),
    };
    this.leaders = new Leaders(transactionEnv, groups, options.retryUs / 4);
    const peers: Peers = { toLeader: (group, message) => this.toLeader(group, message) };
    for (const [i, { replicas }] of service.tablets.entries()) {
      if (!replicas.includes(env.self)) continue;
      const group: GroupOptions = { ...log, group: i + 1, placement: replicas };
      const { versionsKeptUs } = service;
      this.seats.set(
        i + 1,
        new Seat(env as unknown as PaxosEnv, transactionEnv, group, options, peers, roles, {
          versionsKeptUs,
          witness,
        }),
      );
    }
    const answer = (request: RequestId, body: Answer): void => this.env.replyEarly(request, body);
    this.driver = new Driver(transactionEnv, this.map, this.leaders, options, {
      answer,
      retryLater: (delayUs, job) => void this.env.after(delayUs + 1, "retry", job),
    });
    this.reader = new Reader(transactionEnv, this.map, this.leaders, options, answer);
  }

  start(): void {
    for (const seat of this.seats.values()) seat.start();
    this.driver.start();
    this.reader.start();
    this.forwardsSeen.onRestart();
    this.env.after(this.env.random.below(this.tickUs) + 1, "tick", 0);
  }

  onRequest(request: RequestId, body: Request): void {
    this.requests++;
    if (body.kind !== "transact" && body.kind !== "snapshot-read") {
      const message = `"${body.kind}" is not asked of a database; expected "transact" or "snapshot-read"`;
      this.env.replyEarly(request, { kind: "refused", code: "invalid", message });
      return;
    }
    const fault = faultOf(body);
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
    const keys = [...new Set([...reads, ...conditions.map(({ key }) => key)])];
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
  }

  private dispatch(from: NodeId, message: DatabaseMessage): void {
    switch (message.kind) {
      case "run":
      case "prepare-part":
      case "coordinate":
        this.onOrder(from, message);
        break;
      case "outcome":
        this.driver.onOutcome(message.operation, message.outcome);
        break;
      case "values":
        this.reader.onValues(message);
        break;
      case "unread":
        this.reader.onUnread(message.operation, message.outcome);
        break;
      case "located":
        this.leaders.onLocated(message.group, from);
        this.driver.sendUnsent();
        break;
      default:
        this.seats.get(message.group)?.onMessage(from, message);
    }
  }

  private onOrder(from: NodeId, message: OrderMessage): void {
    const { group, operation, leftUs, sentAt } = message;
    if (!this.forwardsSeen.isNews(from, operation, sentAt)) return;
    const seat = this.seats.get(group);
    if (seat === undefined) {
      const outcome = { kind: "not-leader", leader: -1 } as const;
      this.loopback.env.sendEarly(from, { kind: "outcome", operation, outcome });
      return;
    }
    // What it took to get here counts, by the most that it may have been.
    seat.onOrder(from, message, this.env.now + leftUs - Math.max(0, this.env.wall.earliest - sentAt));
  }

  private toLeader(group: GroupId, message: Parameters<Peers["toLeader"]>[1]): void {
    const leader = this.leaders.of(group);
    const { env } = this.loopback;
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
    for (const seat of this.seats.values()) seat.tick();
    this.driver.tick();
    this.reader.tick();
  }

  check(): void {
    for (const seat of this.seats.values()) seat.check();
  }

  atRest(): boolean {
    if (this.driver.busy || this.reader.busy) return false;
    for (const seat of this.seats.values()) if (!seat.atRest) return false;
    return true;
  }

  counters(): Record<string, number> {
    const { requests } = this;
    const counted: Record<string, number> = { requests, attempts: this.driver.attempts, retries: this.driver.retries };
    for (const seat of this.seats.values()) {
      for (const [name, count] of Object.entries(seat.counters())) counted[name] = (counted[name] ?? 0) + count;
    }
    return counted;
  }
}

function logOptions({ log }: DatabaseService): Omit<GroupOptions, "group" | "placement"> {
  const leaseUs = log.leaseUs ?? 2 * second;
  return {
    leaseUs,
    heartbeatUs: log.heartbeatUs ?? Math.round(leaseUs / 10),
    window: log.window ?? 16,
    batch: log.batch ?? 512,
    keepSlots: log.keepSlots ?? 1_024,
  };
}

function transactionOptions(
  { commitWait }: DatabaseService,
  { heartbeatUs, leaseUs }: Pick<GroupOptions, "heartbeatUs" | "leaseUs">,
): TransactionOptions {
  return { retryUs: 2 * heartbeatUs, patienceUs: Math.round(leaseUs / 2), commitWait: commitWait ?? true };
}
