/**
 * One node of a store whose tablets split and merge under load:
 *
 *                +── Traffic     the way of each request to the leader of the tablet that owns its key
 *     input ───> |   Holdings    replicas of tablets, which come and go ──> one Group each
 *                |   Steering    the next step of each split and merge, and what to begin
 *                +── Directory   at some nodes: which tablet owns what, a Group of its own
 */
import type { Answer, TabletsService } from "../../api.ts";
import type { RowsRequest } from "../../api-tablets.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Topology } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Store } from "../../kernel/store.ts";
import type { Witness } from "../../kernel/witness.ts";
import { Group } from "../../protocols/paxos/group.ts";
import type { PaxosRoles } from "../../protocols/paxos/group.ts";
import type { GroupHost, PaxosEnv } from "../../protocols/paxos/messages.ts";
import { Directory } from "../../protocols/tablets/directory.ts";
import type { DirectoryResult } from "../../protocols/tablets/directory.ts";
import { RoutingMap } from "../../protocols/tablets/routing.ts";
import type { TabletId } from "../../protocols/tablets/tablet.ts";
import { groupOptions } from "../replicated/replicated-node.ts";
import { initialTablets, rulesOf } from "./tablets-requests.ts";
import { Holdings } from "./holdings.ts";
import { directoryGroup } from "./messages.ts";
import type { TabletsMessage, TabletsTimer } from "./messages.ts";
import type { RowsMachineClass, RowsOutcome } from "./rows-machine.ts";
import { Steering } from "./steering.ts";
import { Traffic } from "./traffic.ts";
import type { Job } from "./traffic.ts";

export type TabletsEnv = Env<TabletsMessage, TabletsTimer, Answer>;

/** What a node is made of; tests put a mutant in the place of one. */
export interface TabletsRoles {
  readonly paxos: PaxosRoles;
  readonly rows: RowsMachineClass;
}

export class TabletsNode implements Core<TabletsMessage, TabletsTimer, RowsRequest> {
  private readonly env: TabletsEnv;
  private readonly tickUs: Micros;
  private readonly holdings: Holdings;
  private readonly steering: Steering;
  private readonly directory: { readonly group: Group; readonly machine: Directory } | undefined;
  private readonly traffic: Traffic;

  constructor(
    env: TabletsEnv,
    spec: TabletsService,
    topology: Topology,
    { paxos, rows: Machine }: TabletsRoles,
    witness?: Witness,
  ) {
    const options = groupOptions(spec.log);
    const { replicas, reads } = spec.log;
    this.env = env;
    this.tickUs = Math.max(millisecond, Math.round(options.heartbeatUs / 4));
    const initial = initialTablets(spec);
    const routing = new RoutingMap(initial);
    const paxosEnv = env as unknown as PaxosEnv;
    if (replicas.includes(env.self)) {
      let machine: Directory | undefined;
      const host = this.hostOf(directoryGroup);
      const build = (state: Store): Directory => (machine = new Directory(state, initial));
      const group = new Group(paxosEnv, { ...options, group: directoryGroup }, build, host, paxos, witness);
      this.directory = { group, machine: machine! };
    }
    this.holdings = new Holdings({
      env: paxosEnv,
      initial,
      options,
      Machine,
      hostOf: (tablet) => this.hostOf(tablet),
      roles: paxos,
      witness,
    });
    const rules = rulesOf(spec);
    this.steering = new Steering({
      env,
      holdings: this.holdings,
      routing,
      directory: this.directory,
      keepers: replicas,
      heartbeatUs: options.heartbeatUs,
      limits: { maxRows: rules.mergeMaxRows, maxBytes: rules.mergeMaxBytes },
      rules: spec.balance === undefined ? undefined : rules,
      zoneOf: (node) => topology.nodes[node].zone,
      onGivenUp: ({ tablet }) => this.traffic.onGivenUp(tablet),
    });
    const { holdings, steering, directory } = this;
    const { heartbeatUs } = options;
    const leaseReads = reads !== "quorum";
    this.traffic = new Traffic({ env, holdings, routing, steering, directory, heartbeatUs, leaseReads });
  }

  start(): void {
    this.directory?.group.start();
    this.holdings.start();
    this.traffic.onRestart();
    this.env.after(this.env.random.below(this.tickUs) + 1, "tick", 0);
  }

  onRequest(request: RequestId, body: RowsRequest): void {
    this.traffic.onRequest(request, body);
  }

  onMessage(from: NodeId, message: TabletsMessage): void {
    const { steering, traffic } = this;
    switch (message.kind) {
      case "forward":
        traffic.onForward(from, message);
        break;
      case "forward-answer":
      case "forward-refused":
      case "forward-moved":
        traffic.onAnswer(message);
        break;
      case "map-ask":
        steering.onMapAsk(from, message.since);
        break;
      case "map":
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
      default:
        traffic.groupOf(message.group)?.onMessage(from, message);
        this.startFounded();
    }
  }

  onTimer(_timer: TabletsTimer): void {
    this.env.after(this.tickUs, "tick", 0);
    this.directory?.group.tick();
    for (const { group } of this.holdings.all()) group.tick();
    this.startFounded();
    this.steering.tick();
    this.traffic.expire();
    this.traffic.unpark();
  }

  private startFounded(): void {
    this.holdings.startFounded((tablet, leader) => this.env.sendEarly(leader, { kind: "begun", tablet }));
  }

  check(): void {
    this.directory?.group.check();
    this.holdings.check();
  }

  atRest(): boolean {
    if (this.traffic.busy || this.steering.busy) return false;
    const groups = [...this.holdings.all()].map(({ group }) => group);
    if (this.directory !== undefined) groups.push(this.directory.group);
    return groups.every((group) => !group.busy && group.leader >= 0);
  }

  counters(): Record<string, number> {
    // Each replica of the directory sees them all; its leader tells.
    const leadsDirectory = this.directory?.group.leading === true;
    const { splits, merges } = leadsDirectory ? this.directory!.machine : { splits: 0, merges: 0 };
    const counted = { ...this.traffic.counters(), splits, merges };
    let [tablets, leads, refusedInLog, appliedSlots, snapshotsInstalled] = [0, 0, 0, 0, 0];
    for (const { group, machine } of this.holdings.all()) {
      tablets++;
      if (group.leading) leads++;
      refusedInLog += machine.refusedInLog;
      const groupCounted = group.counters();
      appliedSlots += groupCounted.appliedSlots;
      snapshotsInstalled += groupCounted.snapshotsInstalled;
    }
    return { ...counted, tablets, leads, refusedInLog, appliedSlots, snapshotsInstalled };
  }

  /* ---- what groups say ---- */

  private hostOf(tablet: TabletId): GroupHost {
    return {
      onResult: (origin, result) =>
        origin !== undefined && this.traffic.onOutcome(origin as Job, result as RowsOutcome | DirectoryResult),
      onLost: (origin) => origin !== undefined && this.traffic.onLost(origin as Job),
      onRefused: (origin) => origin !== undefined && this.traffic.again(origin as Job),
      onReadable: (origin) => this.traffic.onReadable(origin as Job),
      onApplied: () => this.onApplied(tablet),
      onLeader: (leader) => this.traffic.onLeader(tablet, leader),
    };
  }

  private onApplied(tablet: TabletId): void {
    if (tablet === directoryGroup) {
      this.steering.refresh();
      return;
    }
    const replica = this.holdings.get(tablet);
    if (replica !== undefined && this.steering.onApplied(replica)) this.traffic.unpark();
  }
}
