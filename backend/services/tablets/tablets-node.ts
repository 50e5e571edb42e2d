/**
 * One node of a store whose tablets split and merge under load:
 *
 *     input ───> +── Traffic   the way of each request to the leader of the tablet that owns its key
 *                +── Fleet     the tablets themselves: their replicas here, the directory, splits and merges
 */
import type { Answer, TabletsService } from "../../api.ts";
import type { RowsRequest } from "../../api-tablets.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Store, Value } from "../../kernel/store.ts";
import type { Topology } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Witness } from "../../kernel/witness.ts";
import { Group } from "../../protocols/paxos/group.ts";
import type { PaxosRoles } from "../../protocols/paxos/group.ts";
import type { GroupHost, PaxosEnv } from "../../protocols/paxos/messages.ts";
import type { DirectoryResult } from "../../protocols/tablets/directory.ts";
import type { TabletId } from "../../protocols/tablets/tablet.ts";
import { logOptions } from "../log-options.ts";
import { Fleet } from "./fleet.ts";
import type { OpenReplica } from "./holdings.ts";
import { directoryGroup } from "./messages.ts";
import type { TabletsMessage, TabletsTimer } from "./messages.ts";
import type { RowsMachine, RowsMachineClass, RowsOutcome } from "./rows-machine.ts";
import { initialTablets, rulesOf } from "./tablets-requests.ts";
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
  private readonly fleet: Fleet<RowsMachine>;
  private readonly traffic: Traffic;

  constructor(
    env: TabletsEnv,
    spec: TabletsService,
    topology: Topology,
    { paxos, rows: Machine }: TabletsRoles,
    witness?: Witness,
  ) {
    const options = logOptions(spec.log);
    const { replicas: keepers, reads } = spec.log;
    this.env = env;
    this.tickUs = Math.max(millisecond, Math.round(options.heartbeatUs / 4));
    const open: OpenReplica<RowsMachine> = (groupEnv, group, initial, host) => {
      let machine: RowsMachine | undefined;
      const build = (state: Store): RowsMachine => (machine = new Machine(state, initial, host));
      const replica = new Group(groupEnv, group, build, this.hostOf(group.group), paxos, witness);
      return { group: replica, machine: machine! };
    };
    this.fleet = new Fleet({
      env,
      paxosEnv: env as unknown as PaxosEnv,
      initial: initialTablets(spec),
      keepers,
      options,
      rules: rulesOf(spec),
      balances: spec.balance !== undefined,
      zoneOf: (node) => topology.nodes[node].zone,
      directoryHost: this.hostOf(directoryGroup),
      paxos,
      witness,
      open,
      change: ({ group }, command) => void group.propose(undefined, command as unknown as Value),
      onGivenUp: ({ tablet }) => this.traffic.onGivenUp(tablet),
    });
    const { heartbeatUs } = options;
    this.traffic = new Traffic({ env, fleet: this.fleet, heartbeatUs, leaseReads: reads !== "quorum" });
  }

  start(): void {
    this.fleet.start();
    this.traffic.onRestart();
    this.env.after(this.env.random.below(this.tickUs) + 1, "tick", 0);
  }

  onRequest(request: RequestId, body: RowsRequest): void {
    this.traffic.onRequest(request, body);
  }

  onMessage(from: NodeId, message: TabletsMessage): void {
    const { fleet, traffic } = this;
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
      case "map":
      case "steer":
      case "load":
      case "begun":
      case "hand-over":
        fleet.onMessage(from, message);
        break;
      default:
        fleet.groupOf(message.group)?.onMessage(from, message);
        fleet.startFounded();
    }
  }

  onTimer(_timer: TabletsTimer): void {
    this.env.after(this.tickUs, "tick", 0);
    this.fleet.tick();
    this.traffic.expire();
    this.traffic.unpark();
  }

  check(): void {
    this.fleet.check();
  }

  atRest(): boolean {
    return !this.traffic.busy && this.fleet.atRest;
  }

  counters(): Record<string, number> {
    let refusedInLog = 0;
    for (const { machine } of this.fleet.holdings.all()) refusedInLog += machine.refusedInLog;
    return { ...this.traffic.counters(), ...this.fleet.counters(), refusedInLog };
  }

  /* ---- what groups say ---- */

  private hostOf(tablet: TabletId): GroupHost {
    return {
      onResult: (origin, result) =>
        origin !== undefined && this.traffic.onOutcome(origin as Job, result as RowsOutcome | DirectoryResult),
      onLost: (origin) => origin !== undefined && this.traffic.onLost(origin as Job),
      onRefused: (origin) => origin !== undefined && this.traffic.again(origin as Job),
      onReadable: (origin) => this.traffic.onReadable(origin as Job),
      onApplied: () => this.fleet.onApplied(tablet) && this.traffic.unpark(),
      onLeader: (leader) => this.traffic.onLeader(tablet, leader),
    };
  }
}
