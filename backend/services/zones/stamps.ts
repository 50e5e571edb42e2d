/**
 * Names of calls, unique among all nodes and all their lives for twelve days. A write's name is also the CAS value of what it stores, in every zone: a
 * client that read one zone's copy can compare it with the others'.
 *
 *     | 40 bits: microseconds of the wall clock | 12 bits: node | 0 |
 *
 * The last bit tells a copy (1) from what was written here (0). A node that lost an item and got it back by a copy may have let a compare-and-swap of it
 * win before, so a copy loses every comparison; clients never see the bit.
 */
import type { Wall } from "../../kernel/env.ts";
import type { NodeId } from "../../kernel/units.ts";

const instants = 2 ** 40;

export const maxZoneNodes = 4_096;

export class Stamps {
  private readonly self: NodeId;
  private last = 0;

  constructor(self: NodeId) {
    this.self = self;
  }

  /** Above every earlier one of this node but for the turn of twelve days. */
  next({ latest }: Wall): number {
    this.last = Math.max(this.last + 1, Math.floor(latest));
    return ((this.last % instants) * maxZoneNodes + this.self) * 2;
  }
}

/** The CAS value of a copy of an item that has `cas`. */
export function copied(cas: number): number {
  return cas % 2 === 1 ? cas : cas + 1;
}

/** The CAS value that clients see. */
export function shown(cas: number): number {
  return cas % 2 === 1 ? cas - 1 : cas;
}
