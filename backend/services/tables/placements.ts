/**
 * Where records live: a table's partitions on the ring of the deployment's nodes. Placements are shared by all tables with the
 * same number of partitions and replicas and, being immutable, by all nodes of a process: a ring of a thousand nodes is built
 * once. They never change while the members do not.
 */
import type { TablesService } from "../../api.ts";
import { hash32 } from "../../kernel/hash.ts";
import type { Topology } from "../../kernel/topology.ts";
import type { NodeId } from "../../kernel/units.ts";
import { Placement } from "../../protocols/ring/placement.ts";
import { Ring } from "../../protocols/ring/ring.ts";
import type { Target } from "../../protocols/quorum/coordinator.ts";
import type { CatalogEntry } from "./messages.ts";

export interface Place {
  readonly target: Target;
  readonly partition: number;
}

export class Placements {
  readonly ring: Ring;
  private readonly cached = new Map<number, Placement>();

  constructor(topology: Topology, service: TablesService) {
    const members = topology.nodes.map(({ zone }, id) => ({ id, zone, weight: service.weights?.[id] ?? 1 }));
    this.ring = new Ring(members, service.virtualNodes);
  }

  /** `partitionText` decides the partition, `rowKey` names the record inside the table. */
  of(entry: CatalogEntry, partitionText: string, rowKey: string): Place {
    const { replication, partitions, merge } = entry.spec;
    const placement = this.placement(partitions, replication.n);
    const partition = placement.partitionOf(hash32(partitionText));
    const target: Target = {
      key: `d/${entry.id}\u0000${rowKey}`,
      merge,
      replication,
      preference: placement.preference(partition),
      walk: placement.walk(partition),
    };
    return { target, partition };
  }

  /** The node that looks after a table as a whole, and those that would take its place. */
  walkOf(table: string): readonly NodeId[] {
    return this.placement(1_024, 1).walk(this.placement(1_024, 1).partitionOf(hash32(table)));
  }

  private placement(partitions: number, n: number): Placement {
    const id = n * 2 ** 21 + partitions;
    let placement = this.cached.get(id);
    if (placement === undefined) {
      placement = new Placement(this.ring, partitions, n);
      this.cached.set(id, placement);
    }
    return placement;
  }
}
