/** Where a scenario's service runs unless the scenario is about the place: one region of three zones, with disks, and the planted bug. */
import type { Deployment } from "../../backend/api.ts";
import { cloudDelays, oneRegion } from "../../backend/kernel/topology.ts";

export function regionalDeployment(
  nodes: number,
  plant: string | undefined,
  rest: Pick<Deployment, "service" | "time">,
): Deployment {
  return { topology: oneRegion(nodes, 3, cloudDelays), durability: "log", turnUs: 5, plant, ...rest };
}
