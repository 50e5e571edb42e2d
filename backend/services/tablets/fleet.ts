/**
 * The tablets of one node, whatever is kept in them: replicas that come and go, the directory's map of all of them, and the steps of splits
 * and merges. A service says how a replica is built and what has to happen before a range changes hands; what its clients ask goes another
 * way.
 *
 *     +── Directory   at some nodes: which tablet owns what, a Group of its own
 *     +── Holdings    replicas here ──> one Group each
 *     +── Steering    the next step of each split and merge, and what to begin
 *     +── RoutingMap  who is believed to own what
 */
import type { StoreKey, Store } from "../../kernel/store.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { Group } from "../../protocols/paxos/group.ts";
import type { GroupOptions, PaxosRoles } from "../../protocols/paxos/group.ts";
import type { GroupHost, PaxosEnv } from "../../protocols/paxos/messages.ts";
import type { BalanceRules } from "../../protocols/tablets/balance.ts";
import { Directory } from "../../protocols/tablets/directory.ts";
import { RoutingMap } from "../../protocols/tablets/routing.ts";
import type { RangeCommand, TabletEntry, TabletId } from "../../protocols/tablets/tablet.ts";
import type { LogOptions } from "../log-options.ts";
import { Holdings } from "./holdings.ts";
import type { OpenReplica, TabletHolder, TabletReplica } from "./holdings.ts";
import { directoryGroup } from "./messages.ts";
import type { FleetMessage } from "./messages.ts";
import { Steering } from "./steering.ts";
import type { DirectoryReplica, FleetEnv } from "./steering.ts";

export interface FleetParts<M extends TabletHolder> {
  readonly env: FleetEnv;
  readonly paxosEnv: PaxosEnv;
  /** What there is from the start, in key order and without a gap. */
  readonly initial: readonly TabletEntry[];
  /** Nodes that keep the directory. */
  readonly keepers: readonly NodeId[];
  readonly options: LogOptions;
  readonly rules: BalanceRules;
  /** False: tablets split, merge and change leaders when somebody says so. */
  readonly balances: boolean;
  readonly zoneOf: (node: NodeId) => string;
  readonly directoryHost: GroupHost;
  readonly paxos: PaxosRoles;
  readonly witness?: Witness;
  readonly open: OpenReplica<M>;
  readonly change: (replica: TabletReplica<M>, command: RangeCommand) => void;
  readonly onGivenUp: (replica: TabletReplica<M>) => void;
}

export class Fleet<M extends TabletHolder = TabletHolder> {
  readonly holdings: Holdings<M>;
  readonly routing: RoutingMap;
  readonly steering: Steering<M>;
  /** The directory's replica here, if this node has one. */
  readonly directory: DirectoryReplica | undefined;
  private readonly env: FleetEnv;

  constructor(parts: FleetParts<M>) {
    const { env, paxosEnv, initial, keepers, options, rules, paxos, witness, zoneOf } = parts;
    this.env = env;
    this.routing = new RoutingMap(initial);
    if (keepers.includes(env.self)) {
      let machine: Directory | undefined;
      const build = (state: Store): Directory => (machine = new Directory(state, initial));
      const group: GroupOptions = { ...options, group: directoryGroup, placement: keepers };
      const replica = new Group(paxosEnv, group, build, parts.directoryHost, paxos, witness);
      this.directory = { group: replica, machine: machine! };
    }
    this.holdings = new Holdings({ env: paxosEnv, initial, options, open: parts.open });
    this.steering = new Steering({
      env,
      holdings: this.holdings,
      routing: this.routing,
      directory: this.directory,
      keepers,
      heartbeatUs: options.heartbeatUs,
      limits: { maxRows: rules.mergeMaxRows, maxBytes: rules.mergeMaxBytes },
      rules: parts.balances ? rules : undefined,
      zoneOf,
      onGivenUp: parts.onGivenUp,
      change: parts.change,
    });
  }

  start(): void {
    this.directory?.group.start();
    this.holdings.start();
  }

  groupOf(tablet: TabletId): Group | undefined {
    return tablet === directoryGroup ? this.directory?.group : this.holdings.get(tablet)?.group;
  }

  onMessage(from: NodeId, message: FleetMessage): void {
    const { steering } = this;
    switch (message.kind) {
      case "map-ask":
        steering.onMapAsk(from, message.since);
        break;
      case "map":
        if (message.leader >= 0) steering.onKeeper(message.leader);
        steering.onMap(message.map);
        break;
      case "steer":
        steering.onSteer(message.command);
        break;
      case "load":
        steering.onLoad(message.reports);
        break;
      case "begun":
        this.holdings.get(message.tablet)?.group.stand();
        break;
      case "hand-over":
        steering.onHandOver(message.tablet, message.to);
        break;
    }
  }

  /** Something was applied. Returns whether the map of tablets, as it is known here, may be another by now. */
  onApplied(tablet: TabletId): boolean {
    if (tablet === directoryGroup) {
      this.steering.refresh();
      return false;
    }
    const replica = this.holdings.get(tablet);
    return replica !== undefined && this.steering.onApplied(replica);
  }

  /** After every turn in which a log may have gone on. */
  startFounded(): void {
    this.holdings.startFounded((tablet, leader) => this.env.sendEarly(leader, { kind: "begun", tablet }));
  }

  tick(): void {
    this.directory?.group.tick();
    for (const { group } of this.holdings.all()) group.tick();
    this.startFounded();
    this.steering.tick();
  }

  onOperation(tablet: TabletId, key: StoreKey, now: Micros): void {
    this.holdings.get(tablet)?.meter.onOperation(key, now);
  }

  check(): void {
    this.directory?.group.check();
    this.holdings.check();
  }

  get atRest(): boolean {
    if (this.steering.busy) return false;
    const groups = [...this.holdings.all()].map(({ group }) => group);
    if (this.directory !== undefined) groups.push(this.directory.group);
    return groups.every((group) => !group.busy && group.leader >= 0);
  }

  counters(): Record<string, number> {
    // Each replica of the directory sees them all; its leader tells.
    const leadsDirectory = this.directory?.group.leading === true;
    const { splits, merges } = leadsDirectory ? this.directory!.machine : { splits: 0, merges: 0 };
    let [tablets, leads, appliedSlots, snapshotsInstalled] = [0, 0, 0, 0];
    for (const { group } of this.holdings.all()) {
      tablets++;
      if (group.leading) leads++;
      const counted = group.counters();
      appliedSlots += counted.appliedSlots;
      snapshotsInstalled += counted.snapshotsInstalled;
    }
    return { splits, merges, tablets, leads, appliedSlots, snapshotsInstalled };
  }
}
