/**
 * Rings of the members that are there, without building any: where a node stands on the circle depends on the node alone, so one ring of all
 * nodes serves for every set of them, by skipping the points of who is absent. A hundred members that come and go cost nothing but the skips.
 */
import type { NodeId } from "../../kernel/units.ts";
import { Ring } from "../../protocols/ring/ring.ts";
import type { KeyRing } from "../../protocols/ringpop/view.ts";

/** For all nodes of one process. */
export class Rings {
  private readonly all: Ring;

  constructor(nodes: number, virtualNodes: number) {
    const everybody = Array.from({ length: nodes }, (_, id) => ({ id, zone: "", weight: 1 }));
    this.all = new Ring(everybody, virtualNodes);
  }

  /**
   * The owners that a ring of these members alone would have.
   *
   * @param members at least one
   */
  of(members: readonly NodeId[]): KeyRing {
    return new PartOfRing(this.all, members);
  }
}

class PartOfRing implements KeyRing {
  private readonly all: Ring;
  private readonly present: Uint8Array;

  constructor(all: Ring, members: readonly NodeId[]) {
    this.all = all;
    this.present = new Uint8Array(all.members.length);
    for (const member of members) this.present[member] = 1;
  }

  ownerOf(hash: number): NodeId {
    const { owners, segments } = this.all;
    let segment = this.all.segmentOf(hash);
    while (this.present[owners[segment]] === 0) segment = segment + 1 === segments ? 0 : segment + 1;
    return owners[segment];
  }
}
