/**
 * What a change of membership moves: the exact ranges, found in one sweep over the points of both rings. Between two
 * neighbouring points of either ring nobody's ownership changes, so each such elementary range is compared once.
 *
 *     before   ──a────────────b──────────a──
 *     after    ──a──────c─────b────c─────a──
 *     moved      [     )       [   )                 from b to c, from a to c; nothing between third parties
 */
import type { NodeId } from "../../kernel/units.ts";
import type { Member } from "./member.ts";
import { hashSpace, Ring } from "./ring.ts";

/** Hashes h with from <= h < to <= 2^32. A range never wraps: one that does is given in two parts. */
export interface MovedRange {
  readonly from: number;
  readonly to: number;
  readonly fromNode: NodeId;
  readonly toNode: NodeId;
}

/** A range whose preference list changed: who must get a copy, and who may drop theirs. */
export interface MovedReplicas {
  readonly from: number;
  readonly to: number;
  readonly before: readonly NodeId[];
  readonly after: readonly NodeId[];
}

export interface MembershipChange {
  readonly ring: Ring;
  /** Ascending and disjoint; neighbours differ in a node. */
  readonly moved: readonly MovedRange[];
}

/** @throws RangeError when the node is a member already */
export function join(ring: Ring, member: Member): MembershipChange {
  return changed(ring, [...ring.members, member]);
}

/** @throws RangeError when the node is no member, or the last one */
export function leave(ring: Ring, id: NodeId): MembershipChange {
  const members = ring.members.filter((member) => member.id !== id);
  if (members.length === ring.members.length) {
    throw new RangeError(
      `ring: node ${id} cannot leave; members are ${ring.members.map((member) => member.id).join(", ")}`,
    );
  }
  return changed(ring, members);
}

function changed(before: Ring, members: readonly Member[]): MembershipChange {
  const ring = new Ring(members, before.virtualNodes);
  return { ring, moved: movedRanges(before, ring) };
}

/** Ranges that have another owner in `after` than in `before`. */
export function movedRanges(before: Ring, after: Ring): MovedRange[] {
  const moved: MovedRange[] = [];
  sweep(before, after, (from, to, segmentBefore, segmentAfter) => {
    const fromNode = before.owners[segmentBefore];
    const toNode = after.owners[segmentAfter];
    if (fromNode === toNode) return;
    const last = moved.at(-1);
    if (last !== undefined && last.to === from && last.fromNode === fromNode && last.toNode === toNode) {
      moved[moved.length - 1] = { from: last.from, to, fromNode, toNode };
    } else {
      moved.push({ from, to, fromNode, toNode });
    }
  });
  return moved;
}

/** Ranges whose list of `n` has other nodes, or the same in another order, in `after` than in `before`. */
export function movedReplicas(before: Ring, after: Ring, n: number): MovedReplicas[] {
  const moved: MovedReplicas[] = [];
  sweep(before, after, (from, to, segmentBefore, segmentAfter) => {
    const listBefore = before.preference(segmentBefore, n);
    const listAfter = after.preference(segmentAfter, n);
    if (!sameNodes(listBefore, listAfter)) moved.push({ from, to, before: listBefore, after: listAfter });
  });
  return moved;
}

type Visit = (from: number, to: number, segmentBefore: number, segmentAfter: number) => void;

/** Visits the elementary ranges in ascending order; together they are the whole hash space. */
function sweep(before: Ring, after: Ring, visit: Visit): void {
  let b = 0;
  let a = 0;
  let from = 0;
  while (from < hashSpace) {
    while (b < before.segments && before.points[b] <= from) b++;
    while (a < after.segments && after.points[a] <= from) a++;
    const to = Math.min(before.points[b] ?? hashSpace, after.points[a] ?? hashSpace);
    visit(from, to, b === before.segments ? 0 : b, a === after.segments ? 0 : a);
    from = to;
  }
}

function sameNodes(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((node, i) => node === b[i]);
}
