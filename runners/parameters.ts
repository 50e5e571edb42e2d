/** An experiment's parameters by path: what all designs share, and for each design what differs. */
import type { Topology } from "../backend/kernel/topology.ts";
import type { Design } from "./experiment.ts";
import { flatten, type TankExperiment } from "./settings.ts";

type Scalars = Record<string, string | number | boolean | null>;

export interface Parameters {
  readonly shared: Scalars;
  /** By design's name. */
  readonly differs: Readonly<Record<string, Scalars>>;
}

export function parametersOf({ designs, load, forUs, warmUpUs, rounds }: TankExperiment): Parameters {
  const flat = Object.entries(designs).map(([name, design]) => ({ name, parameters: flattenDesign(design) }));
  const paths = [...new Set(flat.flatMap(({ parameters }) => Object.keys(parameters)))];
  const shared: Scalars = flatten({ load, forUs, warmUpUs, rounds });
  const differs: Record<string, Scalars> = Object.fromEntries(flat.map(({ name }) => [name, {}]));
  for (const path of paths) {
    const first = flat[0].parameters[path];
    if (flat.every(({ parameters }) => parameters[path] === first)) {
      shared[path] = first;
      continue;
    }
    // A path that only some designs have is null in the others, so that the difference is seen from either side.
    for (const { name, parameters } of flat) differs[name][path] = parameters[path] ?? null;
  }
  return { shared, differs };
}

function flattenDesign({ deployment, workload, calls }: Design): Scalars {
  const { topology, ...rest } = deployment;
  return {
    ...flatten({ deployment: rest, workload, calls }),
    "deployment.topology.nodes": describeNodes(topology),
    ...flatten(topology.links, "deployment.topology.links"),
  };
}

/** "9 nodes: r1-z1 3, r1-z2 3, r1-z3 3" */
function describeNodes({ nodes }: Topology): string {
  const zones = new Map<string, number>();
  for (const { zone } of nodes) zones.set(zone, (zones.get(zone) ?? 0) + 1);
  return `${nodes.length} nodes: ${[...zones].map(([zone, count]) => `${zone} ${count}`).join(", ")}`;
}
