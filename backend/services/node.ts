/** Builds the cores of a deployment's nodes: the one place that knows which service is which class. */
import type { Deployment, LogSpec } from "../api.ts";
import type { Core, CoreFactory, Env } from "../kernel/env.ts";
import type { Topology } from "../kernel/topology.ts";
import type { NodeId } from "../kernel/units.ts";
import { paxosRoles } from "../protocols/paxos/group.ts";
import type { PaxosRoles } from "../protocols/paxos/group.ts";
import type { Witness } from "../kernel/witness.ts";
import { CacheNode, cacheRing } from "./cache/cache-node.ts";
import type { CacheEnv } from "./cache/cache-node.ts";
import { ChargesNode } from "./charges/charges-node.ts";
import type { BuildReplica, ChargesEnv } from "./charges/charges-node.ts";
import { chargesRoles } from "./charges/mutants.ts";
import type { ChargesRoles } from "./charges/mutants.ts";
import { DatabaseNode } from "./database/database-node.ts";
import type { DatabaseEnv } from "./database/database-node.ts";
import { transactionRoles } from "./database/seat.ts";
import type { TransactionRoles } from "./database/seat.ts";
import { DispatchNode, dispatchRoles } from "./dispatch/dispatch-node.ts";
import type { DispatchRoles } from "./dispatch/dispatch-node.ts";
import type { DispatchEnv } from "./dispatch/messages.ts";
import { KeysService } from "./keys/keys-service.ts";
import { MembersNode, membersRoles } from "./members/members-node.ts";
import type { MembersEnv, MembersRoles } from "./members/members-node.ts";
import { Rings } from "./members/rings.ts";
import { ReplicatedNode } from "./replicated/replicated-node.ts";
import type { ReplicatedEnv } from "./replicated/replicated-node.ts";
import type { BuildService } from "./replicated/replicated-service.ts";
import type { FanOutEnv } from "./station/fan-out-messages.ts";
import type { FanOutRoles } from "./station/fan-out-node.ts";
import { fanOutRoles, FanOutNode } from "./station/fan-out-node.ts";
import type { StationEnv } from "./station/station-node.ts";
import { StationNode } from "./station/station-node.ts";
import { Placements } from "./tables/placements.ts";
import type { QuorumRoles, TablesEnv } from "./tables/tables-node.ts";
import { quorumRoles, TablesNode } from "./tables/tables-node.ts";
import { RowsMachine } from "./tablets/rows-machine.ts";
import type { RowsMachineClass } from "./tablets/rows-machine.ts";
import type { TabletsEnv } from "./tablets/tablets-node.ts";
import { TabletsNode } from "./tablets/tablets-node.ts";
import type { ZonesEnv } from "./zones/messages.ts";
import { zonesRoles } from "./zones/mutants.ts";
import type { ZonesRoles } from "./zones/mutants.ts";
import { ZoneMap } from "./zones/zone-map.ts";
import { ZonesNode } from "./zones/zones-node.ts";

type UntypedEnv = Env<unknown, string, unknown>;
type UntypedCore = Core<unknown, string, unknown>;

/** The roles that a deployment's nodes are made of; tests put a mutant among them. */
export interface Roles {
  readonly quorum: QuorumRoles;
  readonly paxos: PaxosRoles;
  readonly charges: ChargesRoles;
  readonly transactions: TransactionRoles;
  readonly rows: RowsMachineClass;
  readonly dispatch: DispatchRoles;
  readonly members: MembersRoles;
  readonly zones: ZonesRoles;
  readonly fanOut: FanOutRoles;
}

export const roles: Roles = {
  quorum: quorumRoles,
  paxos: paxosRoles,
  charges: chargesRoles,
  transactions: transactionRoles,
  rows: RowsMachine,
  dispatch: dispatchRoles,
  members: membersRoles,
  zones: zonesRoles,
  fanOut: fanOutRoles,
};

/**
 * A factory for all nodes of one process; what is immutable and large, the ring, they share.
 *
 * @param witness sees inside the logs, for checkers
 */
export function nodeFactory({ service, topology }: Deployment, made: Roles = roles, witness?: Witness): CoreFactory {
  switch (service.kind) {
    case "station": {
      const nodes = topology.nodes.length;
      return (env: UntypedEnv) =>
        service.fanOut === undefined
          ? (new StationNode(env as unknown as StationEnv, service) as unknown as UntypedCore)
          : (new FanOutNode(env as unknown as FanOutEnv, service, nodes, made.fanOut) as unknown as UntypedCore);
    }
    case "tables": {
      const placements = new Placements(topology, service);
      return (env: UntypedEnv) =>
        new TablesNode(env as unknown as TablesEnv, service, placements, made.quorum) as unknown as UntypedCore;
    }
    case "keys":
      return (env: UntypedEnv) => replicated(env, service.log, (store) => new KeysService(store), made.paxos, witness);
    case "charges": {
      const replica: BuildReplica = (env, build) => new ReplicatedNode(env, service.log, build, made.paxos, witness);
      return (env: UntypedEnv) =>
        new ChargesNode(env as unknown as ChargesEnv, service, made.charges, replica) as unknown as UntypedCore;
    }
    case "zones": {
      const map = new ZoneMap(topology, service);
      return (env: UntypedEnv) =>
        new ZonesNode(env as unknown as ZonesEnv, service, map, made.zones) as unknown as UntypedCore;
    }
    case "cache": {
      const ring = cacheRing(topology, service);
      return (env: UntypedEnv) => new CacheNode(env as unknown as CacheEnv, service, ring) as unknown as UntypedCore;
    }
    case "members": {
      const nodes = topology.nodes.length;
      const rings = new Rings(nodes, service.virtualNodes ?? 100);
      return (env: UntypedEnv) =>
        new MembersNode(
          env as unknown as MembersEnv,
          service,
          nodes,
          rings,
          made.members,
          witness,
        ) as unknown as UntypedCore;
    }
    case "tablets":
      return (env: UntypedEnv) =>
        new TabletsNode(env as unknown as TabletsEnv, service, topology, made, witness) as unknown as UntypedCore;
    case "dispatch": {
      const nodes = topology.nodes.length;
      return (env: UntypedEnv) =>
        new DispatchNode(env as unknown as DispatchEnv, service, nodes, made.dispatch) as unknown as UntypedCore;
    }
    case "database": {
      const nearest = nearestFirst(topology);
      return (env: UntypedEnv) => {
        const near = (replicas: readonly NodeId[]) => nearest(env.self, replicas);
        return new DatabaseNode(
          env as unknown as DatabaseEnv,
          service,
          topology,
          near,
          made,
          witness,
        ) as unknown as UntypedCore;
      };
    }
  }
}

function replicated(
  env: UntypedEnv,
  log: LogSpec,
  build: BuildService,
  paxos: PaxosRoles,
  witness: Witness | undefined,
): UntypedCore {
  return new ReplicatedNode(env as unknown as ReplicatedEnv, log, build, paxos, witness) as unknown as UntypedCore;
}

/** Itself, then its zone, then its region; else as they were. */
function nearestFirst({ nodes }: Topology): (self: NodeId, replicas: readonly NodeId[]) => readonly NodeId[] {
  const distance = (a: NodeId, b: NodeId): number => {
    if (a === b) return 0;
    if (nodes[a].region !== nodes[b].region) return 3;
    return nodes[a].zone === nodes[b].zone ? 1 : 2;
  };
  return (self, replicas) => replicas.toSorted((a, b) => distance(self, a) - distance(self, b));
}
