/**
 * Who keeps which key: every zone has a ring of its own over its nodes, so a key has one owner in each. Immutable, and one for all nodes of a process.
 *
 *     zone a   ring over a1 a2      key ──> a2
 *     zone b   ring over b1 b2      key ──> b1        a whole copy each
 *     shadow   ring over s1         key ──> s1        asked besides, never answers
 */
import type { ZonesService } from "../../api-zones.ts";
import { hash32 } from "../../kernel/hash.ts";
import type { Topology } from "../../kernel/topology.ts";
import type { NodeId } from "../../kernel/units.ts";
import { Ring } from "../../protocols/ring/ring.ts";

export interface Zone {
  readonly name: string;
  readonly region: string;
  readonly nodes: readonly NodeId[];
  readonly ring: Ring;
}

export class ZoneMap {
  readonly zones: readonly Zone[];
  /** By node: the index of the zone it keeps a share of; -1 for gateways and shadows. */
  readonly zoneOf: readonly number[];
  private readonly topology: Topology;
  private readonly shadow: Ring | undefined;

  /** @throws Error when a node is named that there is not, or a region is left without a node that keeps anything */
  constructor(topology: Topology, { virtualNodes, gateways = [], shadow }: ZonesService) {
    this.topology = topology;
    const apart = [...gateways, ...(shadow?.nodes ?? [])];
    refuseStrangers(apart, topology);
    const zones = new Map<string, { name: string; region: string; nodes: NodeId[] }>();
    topology.nodes.forEach(({ region, zone: name }, node) => {
      if (apart.includes(node)) return;
      const id = `${region} ${name}`;
      const zone = zones.get(id) ?? { name, region, nodes: [] };
      zones.set(id, zone);
      zone.nodes.push(node);
    });
    this.zones = [...zones.values()].map((zone) => ({ ...zone, ring: ringOf(zone.nodes, zone.name, virtualNodes) }));
    this.zoneOf = topology.nodes.map((_, node) => this.zones.findIndex(({ nodes }) => nodes.includes(node)));
    const bare = topology.nodes.find(({ region }) => !this.zones.some((zone) => zone.region === region));
    if (bare !== undefined) {
      throw new Error(
        `zones: every node of region ${bare.region} is a gateway or a shadow; expected one that keeps items; add a node there`,
      );
    }
    this.shadow = shadow === undefined ? undefined : ringOf(shadow.nodes, "shadow", virtualNodes);
  }

  ownerIn(zone: number, key: string): NodeId {
    return this.zones[zone].ring.ownerOf(hash32(key));
  }

  shadowOf(key: string): NodeId | undefined {
    return this.shadow?.ownerOf(hash32(key));
  }

  /** Zones of the node's region, its own first, then in the order of the topology from there on. */
  near(node: NodeId): readonly number[] {
    const { region, zone } = this.topology.nodes[node];
    const all = this.zones.flatMap((each, index) => (each.region === region ? [index] : []));
    const own = Math.max(
      0,
      all.findIndex((index) => this.zones[index].name === zone),
    );
    return [...all.slice(own), ...all.slice(0, own)];
  }

  /** Zones of other regions. */
  far(node: NodeId): readonly number[] {
    const { region } = this.topology.nodes[node];
    return this.zones.flatMap((each, index) => (each.region === region ? [] : [index]));
  }
}

function ringOf(nodes: readonly NodeId[], zone: string, virtualNodes: number | undefined): Ring {
  return new Ring(
    nodes.map((id) => ({ id, zone, weight: 1 })),
    virtualNodes,
  );
}

function refuseStrangers(named: readonly NodeId[], { nodes }: Topology): void {
  const stranger = named.find((node, i) => nodes[node] === undefined || named.indexOf(node) !== i);
  if (stranger === undefined) return;
  throw new Error(
    `zones: node ${stranger} is no gateway or shadow; expected nodes from 0 to ${nodes.length - 1}, each named once; correct the deployment`,
  );
}
