/** Builds the cores of a deployment's nodes: the one place that knows which service is which class. */
import type { Deployment } from "../api.ts";
import type { Core, CoreFactory, Env } from "../kernel/env.ts";
import type { StationEnv } from "./station/station-node.ts";
import { StationNode } from "./station/station-node.ts";
import { Placements } from "./tables/placements.ts";
import type { QuorumRoles, TablesEnv } from "./tables/tables-node.ts";
import { quorumRoles, TablesNode } from "./tables/tables-node.ts";

type UntypedEnv = Env<unknown, string, unknown>;
type UntypedCore = Core<unknown, string, unknown>;

/**
 * A factory for all nodes of one process; what is immutable and large, the ring, they share.
 *
 * @param roles the quorum roles tables are built from; tests put a mutant among them
 */
export function nodeFactory({ service, topology }: Deployment, roles: QuorumRoles = quorumRoles): CoreFactory {
  if (service.kind === "station") {
    return (env: UntypedEnv) => new StationNode(env as unknown as StationEnv, service) as unknown as UntypedCore;
  }
  if (service.kind !== "tables") throw new Error(`no node runs the service "${service.kind}" yet`);
  const placements = new Placements(topology, service);
  return (env: UntypedEnv) =>
    new TablesNode(env as unknown as TablesEnv, service, placements, roles) as unknown as UntypedCore;
}
