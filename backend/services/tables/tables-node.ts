/**
 * One node of the partitioned quorum store: roles wired together by plain calls, messages and timers handed to whom they concern.
 *
 *                    +-- Catalog      which tables there are
 *     request  ----> |   Admission    what each partition may take
 *     message        |   Operations --> Coordinator --> Replica    (this node's share of the data)
 *     timer          |                     |       \--> Handoff    (what is owed to others)
 *                    +-- forwards          |----------> Peers      (who can be reached)
 *                                          \----------> Vouches    (what others may have forgotten)
 *
 * A request may enter anywhere. Reads are coordinated where they enter; writes by a replica of the item; whatever needs one
 * place to decide (conditions, capacity) by the item's leader, its first reachable replica. At most one forward happens.
 */
import { itemBytes } from "../../policies/capacity/request-units.ts";
import type { Answer, Item, TableRequest, TablesService, TableSpec } from "../../api.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import { Hedge, hedgeCounters } from "../../policies/hedge.ts";
import { controlIntervalUs } from "../../policies/capacity/table-controller.ts";
import { Coordinator } from "../../protocols/quorum/coordinator.ts";
import { Handoff } from "../../protocols/quorum/handoff.ts";
import { Peers } from "../../protocols/quorum/peers.ts";
import { Replica } from "../../protocols/quorum/replica.ts";
import { Vouches } from "../../protocols/quorum/vouches.ts";
import { itemKeyError, keyError, keyOf, storeKey, updateKeyError } from "../items/keys.ts";
import { maxItemBytes } from "../items/values.ts";
import { ForwardsSeen } from "../forwards-seen.ts";
import { TimeSeries } from "./time-series.ts";
import { Admission } from "./admission.ts";
import { Catalog, describe, noTable } from "./catalog.ts";
import type { CatalogEntry, TablesMessage, TablesTimer } from "./messages.ts";
import type { DataRequest, Origin } from "./operations.ts";
import { Operations, readsFirst } from "./operations.ts";
import type { Place, Placements } from "./placements.ts";

export type TablesEnv = Env<TablesMessage, TablesTimer, Answer>;

/** The quorum roles a node is made of; tests put a mutant in the place of one. */
export interface QuorumRoles {
  readonly Peers: typeof Peers;
  readonly Replica: typeof Replica;
  readonly Handoff: typeof Handoff;
  readonly Vouches: typeof Vouches;
  readonly Coordinator: typeof Coordinator;
}

export const quorumRoles: QuorumRoles = { Peers, Replica, Handoff, Vouches, Coordinator };

const tickUs: Micros = 25 * millisecond;
/** Width of the bins in which `writesToNode` counts. */
const writesBinUs: Micros = 100 * millisecond;

type StoreMessage = Extract<TablesMessage, { readonly kind: "store" }>;

interface Forward {
  readonly request: RequestId;
  readonly deadline: Micros;
  readonly write: boolean;
}

export class TablesNode implements Core<TablesMessage, TablesTimer, TableRequest> {
  private readonly env: TablesEnv;
  private readonly service: TablesService;
  private readonly placements: Placements;
  private readonly peers: Peers;
  private readonly replica: Replica;
  private readonly handoff: Handoff;
  private readonly vouches: Vouches;
  private readonly coordinator: Coordinator;
  private readonly hedge: Hedge | null;
  private readonly operations: Operations;
  private readonly catalog: Catalog;
  private readonly admission: Admission;
  /** Changes of tables in progress: catalogue token -> the client's request. */
  private readonly tableRequests = new Map<number, RequestId>();
  private readonly forwards = new Map<number, Forward>();
  private nextForward: number;
  private readonly forwardsSeen: ForwardsSeen;
  private ticking = false;
  /** Of the writes that entered here, how many each node was to coordinate. */
  private readonly writesToNode: TimeSeries;
  private requests = 0;
  private forwarded = 0;

  constructor(env: TablesEnv, service: TablesService, placements: Placements, roles: QuorumRoles) {
    this.env = env;
    this.service = service;
    this.placements = placements;
    const nodes = placements.ring.members.length;
    this.writesToNode = new TimeSeries(nodes, writesBinUs);
    this.peers = new roles.Peers(env, nodes);
    this.replica = new roles.Replica(env);
    this.handoff = new roles.Handoff(env, this.peers, this.replica);
    this.vouches = new roles.Vouches(env, this.handoff);
    this.admission = new Admission(env, this.peers, this.placements);
    this.operations = new Operations({ env, onDone: (origin, answer) => this.onDone(origin, answer) }, this.admission);
    const policy = (this.hedge = typeof service.hedge === "object" ? new Hedge(service.hedge) : null);
    const hedges =
      policy === null ? null : { policy, arm: (us: Micros, op: number) => void env.after(us, "hedge", op) };
    this.coordinator = new roles.Coordinator(env, this.peers, this.replica, this.handoff, this.operations, hedges);
    if (service.hedge === "never") this.coordinator.speculates = false;
    this.operations.coordinator = this.coordinator;
    this.catalog = new Catalog(
      { env, onCatalogAnswer: (token, answer) => this.onCatalogAnswer(token, answer) },
      this.peers,
      nodes,
      service.tables ?? [],
    );
    this.forwardsSeen = new ForwardsSeen(env);
    this.nextForward = env.random.uint32() * 2 ** 20;
  }

  start(): void {
    const restarted = this.replica.start();
    if (restarted) this.forwardsSeen.onRestart();
    this.admission.start(restarted);
    this.handoff.start();
    this.vouches.start();
    this.catalog.start();
    this.keepTicking();
  }

  onRequest(request: RequestId, body: TableRequest): void {
    this.requests++;
    switch (body.kind) {
      case "create-table":
        this.create(request, body.table);
        break;
      case "delete-table":
        this.catalog.delete(this.tableToken(request), body.table);
        break;
      case "describe-table": {
        const entry = this.catalog.find(body.table);
        const answer: Answer =
          entry === undefined ? noTable(body.table) : { kind: "ok", result: { kind: "table", table: describe(entry) } };
        this.env.reply(request, answer);
        break;
      }
      case "list-tables":
        this.env.reply(request, {
          kind: "ok",
          result: { kind: "tables", ...this.catalog.list(body.after, body.limit) },
        });
        break;
      default:
        this.route({ kind: "client", request }, body, body.timeoutUs ?? Infinity);
    }
    this.keepTicking();
  }

  onMessage(from: NodeId, message: TablesMessage): void {
    const { coordinator, handoff, peers } = this;
    switch (message.kind) {
      case "store":
        this.store(from, message);
        this.env.send(from, { kind: "stored", op: message.op });
        break;
      case "confirm":
        this.vouches.onConfirmed(from, message.first, message.below);
        break;
      case "stored":
        coordinator.onStored(from, message.op);
        break;
      case "fetch":
        this.env.send(from, { kind: "fetched", op: message.op, versions: coordinator.answerTo(message.key) });
        break;
      case "fetched":
        coordinator.onFetched(from, message.op, message.versions);
        break;
      case "repair":
        this.replica.repair(message.key, message.versions);
        break;
      case "hand":
        this.replica.store(message.key, message.versions);
        this.env.send(from, { kind: "handed", key: message.key, round: message.round });
        break;
      case "handed":
        peers.onAnswered(from);
        handoff.onPaid(message.key, from, message.round);
        break;
      case "ping":
        this.env.sendEarly(from, { kind: "pong" });
        break;
      case "pong":
        peers.onAnswered(from);
        break;
      default:
        this.onServiceMessage(from, message);
    }
    this.keepTicking();
  }

  onTimer(timer: TablesTimer, key: number): void {
    if (timer === "hedge") {
      this.coordinator.onHedgeDue(key);
      this.keepTicking();
    } else if (timer === "tick") {
      this.ticking = false;
      this.peers.tick();
      this.coordinator.tick();
      this.vouches.tick();
      this.handoff.tick();
      this.catalog.tick();
      this.expireForwards();
      this.keepTicking();
    } else {
      this.admission.report((entry) => this.catalog.find(entry.spec.name)?.id === entry.id);
      this.env.after(controlIntervalUs, "capacity", 0);
      this.keepTicking();
    }
  }

  check(): void {}

  /** A peer that still owes an answer is perhaps suspected, and what this node reads then is not what it will read. */
  atRest(): boolean {
    return !this.peers.active && this.settled;
  }

  private get settled(): boolean {
    return (
      this.coordinator.outstanding === 0 &&
      this.handoff.outstanding === 0 &&
      this.vouches.outstanding === 0 &&
      this.operations.outstanding === 0 &&
      this.catalog.outstanding === 0 &&
      this.forwards.size === 0
    );
  }

  counters(): Record<string, number | readonly number[]> {
    return {
      requests: this.requests,
      forwarded: this.forwarded,
      writesToNode: this.writesToNode.values,
      stored: this.replica.storedCount,
      fetched: this.replica.fetchedCount,
      readRepairs: this.coordinator.repairs,
      hintsKept: this.handoff.hintsKept,
      handedOver: this.handoff.handedOver,
      owed: this.handoff.outstanding,
      ...hedgeCounters(this.hedge),
      ...this.admission.counters(),
    };
  }

  private store(from: NodeId, { op, key, versions, standInFor, vouchTo }: StoreMessage): void {
    if (standInFor >= 0) this.handoff.keepHint(key, [standInFor], versions);
    // What brings nothing new was vouched for when it came first.
    else if (this.replica.store(key, versions) && vouchTo.length > 0) this.vouches.keep(from, op, key, vouchTo);
  }

  /* ---- routing ---- */

  private route(origin: Origin, body: DataRequest, leftUs: Micros): void {
    const entry = this.catalog.find(body.table);
    if (entry === undefined) {
      this.onDone(origin, noTable(body.table));
      return;
    }
    const invalid = keyProblem(entry, body);
    if (invalid !== null) {
      this.onDone(origin, { kind: "refused", code: "invalid", message: invalid });
      return;
    }
    const { spec } = entry;
    const key = body.kind === "put" ? keyOf(spec, body.item) : body.key;
    const { partitionText, rowKey } = storeKey(spec, key);
    const place = this.placements.of(entry, partitionText, rowKey);
    const deadline = this.env.now + Math.min(leftUs, this.service.quorumTimeoutUs);
    const node = origin.kind === "client" ? this.nodeFor(body, entry, place) : this.env.self;
    if (node !== undefined && origin.kind === "client" && body.kind !== "get") {
      this.writesToNode.add(this.env.now, node, 1);
    }
    if (node === this.env.self) {
      if (this.admission.limits(entry)) this.armCapacity();
      this.operations.begin(origin, body, entry, { ...place, key }, deadline);
    } else if (node === undefined) {
      this.onDone(origin, { kind: "refused", code: "unavailable", message: "No replica of the item can be reached" });
    } else if (origin.kind === "client") {
      this.forward(origin.request, node, body, deadline);
    }
  }

  /** Which node coordinates this request; undefined when none that may can be reached. */
  private nodeFor(body: DataRequest, entry: CatalogEntry, { target }: Place): NodeId | undefined {
    if (readsFirst(body) || this.admission.limits(entry)) return this.coordinator.coordinatorOf(target);
    if (body.kind === "get" || this.coordinator.mayWrite(target)) return this.env.self;
    return this.coordinator.coordinatorOf(target);
  }

  private forward(request: RequestId, to: NodeId, body: DataRequest, deadline: Micros): void {
    this.forwarded++;
    const operation = this.nextForward++;
    // The coordinator's own patience ends first, so that its answer, not our guess, reaches the client.
    const slackUs = 100 * millisecond;
    this.forwards.set(operation, { request, deadline: deadline + slackUs, write: body.kind !== "get" });
    this.peers.probe(to);
    const { wall, now } = this.env;
    this.env.sendEarly(to, { kind: "forward", operation, body, leftUs: deadline - now, sentAt: wall.earliest });
  }

  private onServiceMessage(from: NodeId, message: TablesMessage): void {
    switch (message.kind) {
      case "forward":
        if (!this.forwardsSeen.isNews(from, message.operation, message.sentAt)) break;
        this.route({ kind: "node", from, operation: message.operation }, message.body as DataRequest, message.leftUs);
        break;
      case "forward-answer": {
        const forward = this.forwards.get(message.operation);
        if (forward === undefined) break;
        this.forwards.delete(message.operation);
        this.env.reply(forward.request, message.answer);
        break;
      }
      case "catalog":
        this.catalog.onEntries(from, message.change, message.entries);
        break;
      case "catalog-known":
        this.catalog.onKnown(from, message.change);
        break;
      case "catalog-ask":
        this.catalog.onAsk(from);
        break;
      case "capacity-report":
        this.admission.onReport(from, this.tableOf(message), message.report);
        this.armCapacity();
        break;
      case "capacity-limits":
        this.admission.onLimits(this.tableOf(message), message.limits);
        break;
    }
  }

  /** The table a message is about, unless one of the same name has taken its place: its partitions are others. */
  private tableOf({ table, id }: { readonly table: string; readonly id: string }): CatalogEntry | undefined {
    const entry = this.catalog.find(table);
    return entry?.id === id ? entry : undefined;
  }

  private onDone(origin: Origin, answer: Answer): void {
    if (origin.kind === "client") this.env.reply(origin.request, answer);
    else this.env.send(origin.from, { kind: "forward-answer", operation: origin.operation, answer });
  }

  private expireForwards(): void {
    for (const [operation, { request, deadline, write }] of this.forwards) {
      if (deadline > this.env.now) continue;
      this.forwards.delete(operation);
      const message = `The node that coordinates this ${write ? "write" : "read"} did not answer in time`;
      this.env.reply(request, { kind: "unknown", code: "timeout", message });
    }
  }

  /* ---- tables ---- */

  private create(request: RequestId, table: TableSpec): void {
    const nodes = this.placements.ring.members.length;
    if (table.replication.n <= nodes) {
      this.catalog.create(this.tableToken(request), table);
      return;
    }
    const message = `A table cannot have more replicas than there are nodes: got ${table.replication.n}, expected at most ${nodes}`;
    this.env.reply(request, { kind: "refused", code: "invalid", message });
  }

  private tableToken(request: RequestId): number {
    const token = this.nextForward++;
    this.tableRequests.set(token, request);
    return token;
  }

  private onCatalogAnswer(token: number, answer: Answer): void {
    const request = this.tableRequests.get(token)!;
    this.tableRequests.delete(token);
    this.env.reply(request, answer);
  }

  /* ---- timers ---- */

  /** One timer drives everything that waits, and only while something does: a node at rest costs nothing. */
  private keepTicking(): void {
    if (this.ticking) return;
    if (this.atRest() && this.handoff.unswept === 0) return;
    this.ticking = true;
    this.env.after(tickUs, "tick", 0);
  }

  private armCapacity(): void {
    if (this.admission.activate()) this.env.after(controlIntervalUs, "capacity", 0);
  }
}

function sizeProblem(item: Item): string | null {
  return itemBytes(item) > maxItemBytes ? "Item size has exceeded the maximum allowed size" : null;
}

function keyProblem(entry: CatalogEntry, body: DataRequest): string | null {
  if (body.kind === "put") return itemKeyError(entry.spec, body.item) ?? sizeProblem(body.item);
  const problem = keyError(entry.spec, body.key);
  if (problem !== null || body.kind !== "update") return problem;
  return updateKeyError(entry.spec, body.actions);
}
