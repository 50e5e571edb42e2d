/** Builds the cores of a deployment's nodes: the one place that knows which service is which class. */
import type { Deployment, LogSpec } from "../api.ts";
import type { Core, CoreFactory, Env } from "../kernel/env.ts";
import { paxosRoles } from "../protocols/paxos/group.ts";
import type { PaxosRoles } from "../protocols/paxos/group.ts";
import type { Witness } from "../kernel/witness.ts";
import { ChargesMachine } from "./charges/charges-machine.ts";
import { ChargesService } from "./charges/charges-service.ts";
import type { ChargesMachineClass } from "./charges/mutants.ts";
import { KeysService } from "./keys/keys-service.ts";
import { ReplicatedNode } from "./replicated/replicated-node.ts";
import type { ReplicatedEnv } from "./replicated/replicated-node.ts";
import type { BuildService } from "./replicated/replicated-service.ts";
import type { StationEnv } from "./station/station-node.ts";
import { StationNode } from "./station/station-node.ts";
import { Placements } from "./tables/placements.ts";
import type { QuorumRoles, TablesEnv } from "./tables/tables-node.ts";
import { quorumRoles, TablesNode } from "./tables/tables-node.ts";

type UntypedEnv = Env<unknown, string, unknown>;
type UntypedCore = Core<unknown, string, unknown>;

/** The roles that a deployment's nodes are made of; tests put a mutant among them. */
export interface Roles {
  readonly quorum: QuorumRoles;
  readonly paxos: PaxosRoles;
  readonly charges: ChargesMachineClass;
}

export const roles: Roles = { quorum: quorumRoles, paxos: paxosRoles, charges: ChargesMachine };

/**
 * A factory for all nodes of one process; what is immutable and large, the ring, they share.
 *
 * @param witness sees inside the logs, for checkers
 */
export function nodeFactory({ service, topology }: Deployment, made: Roles = roles, witness?: Witness): CoreFactory {
  switch (service.kind) {
    case "station":
      return (env: UntypedEnv) => new StationNode(env as unknown as StationEnv, service) as unknown as UntypedCore;
    case "tables": {
      const placements = new Placements(topology, service);
      return (env: UntypedEnv) =>
        new TablesNode(env as unknown as TablesEnv, service, placements, made.quorum) as unknown as UntypedCore;
    }
    case "keys":
      return (env: UntypedEnv) => replicated(env, service.log, (store) => new KeysService(store), made.paxos, witness);
    case "charges": {
      const { log, idempotency } = service;
      const build: BuildService = (store) => new ChargesService(store, { idempotency }, made.charges);
      return (env: UntypedEnv) => replicated(env, log, build, made.paxos, witness);
    }
    case "database":
      throw new Error("no node runs the database yet");
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
