/** Who may stand on a ring: what identifies a node there, where it is and how much it should own. */
import type { NodeId } from "../../kernel/units.ts";

export interface Member {
  readonly id: NodeId;
  readonly zone: string;
  /** Relative capacity, above 0: the number of points, and so the expected share, is proportional to it. */
  readonly weight: number;
}

/** Ranks must fit in 21 bits beside a 32-bit position. */
const maxMembers = 2_097_152;

/** @throws RangeError naming what is wrong, what was got and what is expected */
export function checkMembers(members: readonly Member[], virtualNodes: number): void {
  if (!Number.isInteger(virtualNodes) || virtualNodes < 1) {
    throw new RangeError(`ring: virtualNodes is ${virtualNodes}; expected a whole number of points a node, at least 1`);
  }
  if (members.length === 0 || members.length > maxMembers) {
    throw new RangeError(`ring: got ${members.length} members; expected 1 to ${maxMembers}`);
  }
  const seen = new Set<NodeId>();
  for (const { id, weight } of members) {
    if (!Number.isInteger(id) || id < 0) {
      throw new RangeError(
        `ring: got a member with id ${id}; expected a whole number from 0, the node's index in its topology`,
      );
    }
    if (seen.has(id))
      throw new RangeError(`ring: node ${id} is a member twice; expected each node once: leave before joining again`);
    if (!(weight > 0 && Number.isFinite(weight))) {
      throw new RangeError(
        `ring: node ${id} has weight ${weight}; expected a number above 0; a node that should own nothing leaves the ring`,
      );
    }
    seen.add(id);
  }
}
