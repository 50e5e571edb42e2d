/**
 * Which node owns a cell: by the hash of the larger cell it lies in, or by a strip of the map for each node. Both are functions of who is
 * alive, so nodes that agree on that agree on every owner.
 */
import type { Placement } from "../../api-dispatch.ts";
import { hash32 } from "../../kernel/hash.ts";
import type { NodeId } from "../../kernel/units.ts";
import type { BuildRing } from "../../protocols/ringpop/view.ts";
import { Rings } from "../members/rings.ts";
import { centreOf } from "./cells.ts";
import type { Cell } from "./cells.ts";

/** The key that is looked up on the ring for an owned cell. */
export function keyOf(placement: Placement, owned: Cell, nodes: number): string {
  return placement.kind === "ring" ? owned : stripKey(stripOf(placement, owned, nodes));
}

export function buildRing(placement: Placement, nodes: number): BuildRing {
  if (placement.kind === "ring") {
    const rings = new Rings(nodes, placement.virtualNodes);
    return (members) => rings.of(members);
  }
  const strips = new Map(Array.from({ length: nodes }, (_, strip) => [hash32(stripKey(strip)), strip]));
  return (members) => ({ ownerOf: (hash) => stripOwner(strips.get(hash)!, members) });
}

/** Its own node, or whoever is alive next to the east, and then around. */
function stripOwner(strip: number, members: readonly NodeId[]): NodeId {
  return members.find((node) => node >= strip) ?? members[0];
}

function stripOf({ west, east }: Extract<Placement, { kind: "strips" }>, owned: Cell, nodes: number): number {
  const share = (centreOf(owned).longitude - west) / (east - west);
  return Math.min(nodes - 1, Math.max(0, Math.floor(share * nodes)));
}

function stripKey(strip: number): string {
  return `strip ${strip}`;
}
