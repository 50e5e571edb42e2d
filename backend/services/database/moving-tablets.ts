/**
 * The tablets of a database that split and merge: a seat for each replica that comes, the routing by what is known of all of them, and what
 * is said on behalf of tablets that are no more.
 *
 * A tablet that has been merged away had nothing prepared and owed nobody a decision when it was sealed. So whoever still asks it what became
 * of a transaction is told that it aborted, and whoever still tells it a decision is told that it has learned it.
 */
import type { Answer, DatabaseService, Request, TabletMoves } from "../../api.ts";
import type { DatabaseRequest } from "../../api-database.ts";
import type { RequestId } from "../../kernel/env.ts";
import type { Store } from "../../kernel/store.ts";
import type { Topology } from "../../kernel/topology.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { hour, second } from "../../kernel/units.ts";
import { Group } from "../../protocols/paxos/group.ts";
import type { GroupOptions, PaxosRoles } from "../../protocols/paxos/group.ts";
import type { AnyMachine } from "../../protocols/paxos/learner.ts";
import type { GroupHost, PaxosEnv, PaxosMessage } from "../../protocols/paxos/messages.ts";
import { endOfKeys } from "../../protocols/tablets/tablet.ts";
import type { RangeCommand, TabletEntry, TabletHost, TabletMeta } from "../../protocols/tablets/tablet.ts";
import type { GroupId, PeerMessage, TransactionMessage } from "../../protocols/transactions/messages.ts";
import { keysOf } from "../../protocols/transactions/requests.ts";
import type { TabletMachine } from "../../protocols/transactions/tablet-machine.ts";
import { StaticTabletMap } from "../../protocols/transactions/tablet-map.ts";
import type { TabletClaim, TabletMap, TabletPlace } from "../../protocols/transactions/tablet-map.ts";
import type { LogOptions } from "../log-options.ts";
import { Fleet } from "../tablets/fleet.ts";
import type { TabletReplica } from "../tablets/holdings.ts";
import { directoryGroup } from "../tablets/messages.ts";
import { rulesOf } from "../tablets/tablets-requests.ts";
import { Arrangements } from "./arrangements.ts";
import type { DatabaseEnv } from "./database-node.ts";
import type { DatabaseTablet } from "./database-tablet.ts";
import type { Seat, TransactionRoles } from "./seat.ts";

const defaultTimeoutUs: Micros = 5 * second;

type Nearest = (replicas: readonly NodeId[]) => readonly NodeId[];
type OpenGroup = (host: GroupHost) => { readonly group: Group; readonly machine: TabletMachine };

export interface MovingTabletsParts {
  readonly env: DatabaseEnv;
  readonly service: DatabaseService;
  readonly moves: TabletMoves;
  readonly log: LogOptions;
  readonly topology: Topology;
  readonly nearest: Nearest;
  readonly roles: { readonly paxos: PaxosRoles; readonly transactions: TransactionRoles };
  readonly witness: Witness | undefined;
  readonly open: (group: GroupId, open: OpenGroup) => Seat;
  readonly seatOf: (group: GroupId) => Seat | undefined;
  readonly leaderOf: (group: GroupId) => NodeId;
  readonly onGivenUp: (group: GroupId) => void;
}

export class MovingTablets {
  readonly fleet: Fleet<DatabaseTablet>;
  readonly map: RoutedTabletMap;
  private readonly parts: MovingTabletsParts;
  private readonly arrangements: Arrangements;
  private started = false;

  constructor(parts: MovingTabletsParts) {
    const { env, service, moves, log, topology, nearest, roles, witness } = parts;
    this.parts = parts;
    this.fleet = new Fleet<DatabaseTablet>({
      env,
      paxosEnv: env as unknown as PaxosEnv,
      initial: initialTablets(service.tablets, moves),
      keepers: moves.keepers,
      options: log,
      rules: rulesOf(moves),
      balances: moves.balance !== undefined,
      zoneOf: (node) => topology.nodes[node].zone,
      directoryHost: this.directoryHost(),
      paxos: roles.paxos,
      witness,
      open: (groupEnv, options, initial, host) => this.open(groupEnv, options, initial, host),
      change: (replica, command) => this.change(replica, command),
      onGivenUp: ({ tablet }) => this.onGivenUp(tablet),
    });
    this.map = new RoutedTabletMap(this.fleet, nearest);
    this.arrangements = new Arrangements(
      {
        get now() {
          return env.now;
        },
        answer: (request: RequestId, answer: Answer) => env.replyEarly(request, answer),
        leaderOf: parts.leaderOf,
      },
      this.fleet.steering,
      2 * log.heartbeatUs,
    );
  }

  start(): void {
    this.started = true;
    this.fleet.start();
  }

  private directoryHost(): GroupHost {
    return {
      onResult: () => undefined,
      onLost: () => undefined,
      onRefused: () => undefined,
      onReadable: () => undefined,
      onApplied: () => void this.fleet.onApplied(directoryGroup),
      onLeader: () => undefined,
    };
  }

  private open(env: PaxosEnv, options: GroupOptions, initial: TabletMeta | undefined, host: TabletHost) {
    const { service, roles, witness } = this.parts;
    const { DatabaseTablet: Tablet, TabletMachine: Machine } = roles.transactions;
    const { versionsKeptUs = hour } = service;
    let machine: DatabaseTablet | undefined;
    const build = (store: Store): AnyMachine =>
      (machine = new Tablet(store, initial, host, { Machine, versionsKeptUs })) as unknown as AnyMachine;
    const seat = this.parts.open(options.group, (groupHost) => {
      const group = new Group(env, options, build, groupHost, roles.paxos, witness);
      return { group, machine: machine!.machine };
    });
    // Those that are there when the node starts are started with it.
    if (this.started) seat.start();
    return { group: seat.group, machine: machine! };
  }

  private change({ tablet, machine }: TabletReplica<DatabaseTablet>, command: RangeCommand): void {
    const right = command.kind === "absorb" ? this.fleet.holdings.get(command.right.tablet) : undefined;
    this.parts.seatOf(tablet)?.change(machine.tablet.meta!, command, right?.machine.machine);
  }

  private onGivenUp(tablet: GroupId): void {
    this.parts.seatOf(tablet)?.end();
    this.parts.onGivenUp(tablet);
  }

  /* ---- what the node hears ---- */

  /** Returns false when it is not about tablets. */
  onRequest(request: RequestId, body: Request): boolean {
    switch (body.kind) {
      case "tablet-map":
      case "tablet-split":
      case "tablet-merge":
      case "tablet-lead":
        this.arrangements.begin(request, body, this.parts.env.now + (body.timeoutUs ?? defaultTimeoutUs));
        return true;
      default:
        return false;
    }
  }

  faultOf(body: DatabaseRequest): string | null {
    const isBeyond = keysOf(body).some((key) => key >= endOfKeys);
    return isBeyond ? "a key begins with four bytes of 255; expected one that sorts before" : null;
  }

  /** Returns false when it is not for the directory. */
  onGroupMessage(from: NodeId, message: PaxosMessage | TransactionMessage): boolean {
    if (!("group" in message) || message.group !== directoryGroup) return false;
    this.fleet.directory?.group.onMessage(from, message as PaxosMessage);
    return true;
  }

  onAsked(group: GroupId, keys: readonly string[]): void {
    if (this.parts.moves.balance === undefined) return;
    for (const key of keys) this.fleet.onOperation(group, key, this.parts.env.now);
  }

  tick(): void {
    this.fleet.tick();
    this.arrangements.tick();
  }

  get atRest(): boolean {
    return !this.arrangements.busy && this.fleet.atRest;
  }
}

class RoutedTabletMap implements TabletMap {
  private readonly fleet: Fleet<DatabaseTablet>;
  private readonly nearest: Nearest;

  constructor(fleet: Fleet<DatabaseTablet>, nearest: Nearest) {
    this.fleet = fleet;
    this.nearest = nearest;
  }

  get version(): number {
    return this.fleet.steering.map.version;
  }

  find(key: string): TabletPlace {
    const { tablet: group, replicas } = this.fleet.routing.find(key);
    return { group, replicas };
  }

  /** Empty: nothing is known of it yet, or any more. */
  replicas(group: GroupId): readonly NodeId[] {
    const isIt = ({ tablet }: TabletEntry): boolean => tablet === group;
    const { routing, steering, holdings } = this.fleet;
    const entry = routing.entries().find(isIt) ?? steering.map.entries.find(isIt) ?? holdings.get(group)?.entry;
    return entry === undefined ? [] : this.nearest(entry.replicas);
  }

  isOver(group: GroupId): boolean {
    return this.fleet.steering.isOver(group);
  }

  /** Somebody refused because keys have moved. */
  learn(claims: readonly TabletClaim[]): void {
    const before = this.version;
    let news = false;
    for (const claim of claims) if (this.fleet.routing.learn(claim)) news = true;
    if (!news && this.version === before) this.fleet.steering.refresh();
  }

  /** Who is believed to have these keys. */
  claimsOn(keys: readonly string[]): TabletClaim[] {
    return [...new Set(keys.map((key) => this.fleet.routing.find(key)))];
  }
}

/** What a tablet that is no more would answer, and to which group; undefined: nothing. */
export function answerOfTheGone(group: GroupId, message: PeerMessage): PeerMessage | undefined {
  if (message.kind === "vote")
    return { kind: "decision", group: message.from, txn: message.txn, from: group, timestamp: null };
  if (message.kind === "decision") return { kind: "learned", group: message.from, txn: message.txn, from: group };
  return undefined;
}

/** @throws RangeError when tablets are not in order, or the directory has no keeper */
function initialTablets(tablets: DatabaseService["tablets"], { keepers }: TabletMoves): TabletEntry[] {
  if (keepers.length === 0) {
    throw new RangeError("moves.keepers is empty; expected the nodes that keep the directory; fix: name at least one");
  }
  // Throws when they are not in order.
  void new StaticTabletMap(tablets);
  return tablets.map(({ from, replicas }, i) => {
    const to = tablets[i + 1]?.from ?? endOfKeys;
    return { tablet: directoryGroup + 1 + i, from, to, version: 1, replicas };
  });
}
