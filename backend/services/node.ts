/** Builds the cores of a deployment's nodes: the one place that knows which service is which class. */
import type { Deployment } from "../api.ts";
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
  const nodes = topology.nodes.length;
  switch (service.kind) {
    case "station":
      if (service.fanOut === undefined) return coreOf((env: StationEnv) => new StationNode(env, service));
      return coreOf((env: FanOutEnv) => new FanOutNode(env, service, nodes, made.fanOut));
    case "tables": {
      const placements = new Placements(topology, service);
      return coreOf((env: TablesEnv) => new TablesNode(env, service, placements, made.quorum));
    }
    case "keys": {
      const build: BuildService = (store) => new KeysService(store);
      return coreOf((env: ReplicatedEnv) => new ReplicatedNode(env, service.log, build, made.paxos, witness));
    }
    case "charges": {
      const replica: BuildReplica = (env, build) => new ReplicatedNode(env, service.log, build, made.paxos, witness);
      return coreOf((env: ChargesEnv) => new ChargesNode(env, service, made.charges, replica));
    }
    case "zones": {
      const map = new ZoneMap(topology, service);
      return coreOf((env: ZonesEnv) => new ZonesNode(env, service, map, made.zones));
    }
    case "cache": {
      const ring = cacheRing(topology, service);
      return coreOf((env: CacheEnv) => new CacheNode(env, service, ring));
    }
    case "members": {
      const rings = new Rings(nodes, service.virtualNodes ?? 100);
      return coreOf((env: MembersEnv) => new MembersNode(env, service, nodes, rings, made.members, witness));
    }
    case "tablets":
      return coreOf((env: TabletsEnv) => new TabletsNode(env, service, topology, made, witness));
    case "dispatch":
      return coreOf((env: DispatchEnv) => new DispatchNode(env, service, nodes, made.dispatch));
    case "database": {
      const nearest = nearestFirst(topology);
      return coreOf((env: DatabaseEnv) => {
        const near = (replicas: readonly NodeId[]) => nearest(env.self, replicas);
        return new DatabaseNode(env, service, topology, near, made, witness);
      });
    }
  }
}

/** Runtimes know nothing of what a service's messages, timers and answers are. */
function coreOf(create: (env: never) => unknown): CoreFactory {
  return (env: UntypedEnv) => create(env as never) as UntypedCore;
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
