/**
 * Rings of the members that are there, for all nodes of one process: nodes that see the same members share one ring, which has a hundred
 * points a member and takes milliseconds to build for a thousand.
 */
import type { NodeId } from "../../kernel/units.ts";
import { Ring } from "../../protocols/ring/ring.ts";

/** Rings kept: nodes are seldom of more than a few minds at once. */
const keptRings = 16;

export class Rings {
  private readonly virtualNodes: number;
  /** By who is on it; the one used last is the last. */
  private readonly rings = new Map<string, Ring>();

  constructor(virtualNodes: number) {
    this.virtualNodes = virtualNodes;
  }

  /** @param members ascending, at least one */
  of(members: readonly NodeId[]): Ring {
    const name = members.join(" ");
    let ring = this.rings.get(name);
    this.rings.delete(name);
    ring ??= new Ring(
      members.map((id) => ({ id, zone: "", weight: 1 })),
      this.virtualNodes,
    );
    this.rings.set(name, ring);
    if (this.rings.size > keptRings) this.rings.delete(this.rings.keys().next().value!);
    return ring;
  }
}
