/**
 * Consistent hashing with virtual nodes (Karger et al., STOC 1997; Dynamo, SOSP 2007, section 4.2). A node stands at many
 * pseudo-random points of a circle of 2^32 hashes, and a key belongs to "the first node with a position larger than the item's
 * position". A ring is a value: joining and leaving make another ring.
 *
 *          p0        p1                 p2                    2^32 = 0
 *     ─────┼─────────┼──────────────────┼──────────────────────┤
 *     seg 0│  seg 1  │      seg 2       │  seg 0 goes on here  │        segment i = [p(i-1), p(i)), owned by the node at p(i)
 *
 * A point is a function of its node's id and its number alone, never of the order of joining, so that nodes that know the same
 * members agree on every owner.
 */
import { hash32 } from "../../kernel/hash.ts";
import type { NodeId } from "../../kernel/units.ts";
import { checkMembers } from "./member.ts";
import type { Member } from "./member.ts";
import { RingWalker } from "./walker.ts";

export const defaultVirtualNodes = 150;

/** Hashes are whole numbers in [0, hashSpace). */
export const hashSpace = 4_294_967_296;

/** The index over the points stops growing here: 2^22 entries are 16 MB. */
const maxIndexBits = 22;

export class Ring {
  /** Ascending by id. */
  readonly members: readonly Member[];
  /** Points of a member of weight 1. */
  readonly virtualNodes: number;
  /** Positions, ascending; where two nodes share a position the lower id comes first, and owns. */
  readonly points: Uint32Array;
  /** owners[i] stands at points[i]. */
  readonly owners: Uint32Array;
  /** first[b] is the first point that can be above a hash whose top bits are b. */
  private readonly first: Uint32Array;
  private readonly shift: number;
  private readonly walker: RingWalker;
  private readonly walks = new Map<number, readonly NodeId[]>();

  /** @throws RangeError when there are no members, an id occurs twice, or a weight is not above 0 */
  constructor(members: readonly Member[], virtualNodes = defaultVirtualNodes) {
    checkMembers(members, virtualNodes);
    this.members = members.toSorted((a, b) => a.id - b.id);
    this.virtualNodes = virtualNodes;
    const counts = this.members.map((member) => pointCount(member, virtualNodes));
    const total = counts.reduce((sum, count) => sum + count, 0);
    this.points = new Uint32Array(total);
    this.owners = new Uint32Array(total);
    this.place(counts);
    const bits = Math.min(maxIndexBits, Math.ceil(Math.log2(total)) + 1);
    this.shift = 32 - bits;
    this.first = indexOf(this.points, bits);
    this.walker = new RingWalker(this.members, this.owners);
  }

  get segments(): number {
    return this.points.length;
  }

  /** The segment of the ring that `hash` falls in. `hash` must be a whole number in [0, 2^32). */
  segmentOf(hash: number): number {
    const { points } = this;
    let i = this.first[hash >>> this.shift];
    while (i < points.length && points[i] <= hash) i++;
    return i === points.length ? 0 : i;
  }

  ownerOf(hash: number): NodeId {
    return this.owners[this.segmentOf(hash)];
  }

  /**
   * `n` distinct nodes for a segment, or all when there are fewer; the owner first. No two share a zone while another zone is
   * unused: the nodes are the first of their zones in ring order, then the second of theirs, and so on. So the list of n is the
   * start of the list of n + 1, and of the walk.
   */
  preference(segment: number, n: number): readonly NodeId[] {
    const walk = this.walks.get(segment);
    if (walk !== undefined) return walk.slice(0, n);
    return this.walker.collect(segment, n);
  }

  /** Every node once, in order of preference: whom a sloppy quorum asks next. Kept per segment, so asking again is free. */
  walk(segment: number): readonly NodeId[] {
    let walk = this.walks.get(segment);
    if (walk === undefined) {
      walk = this.walker.collect(segment, this.members.length);
      this.walks.set(segment, walk);
    }
    return walk;
  }

  /** Hashes in a segment. */
  width(segment: number): number {
    const { points } = this;
    if (segment > 0) return points[segment] - points[segment - 1];
    return points[0] + hashSpace - points[points.length - 1];
  }

  /** The share of the hash space that each member owns, in the order of `members`; sums to 1. */
  shares(): number[] {
    const rank = new Map(this.members.map((member, i) => [member.id, i]));
    const widths = this.members.map(() => 0);
    for (let i = 0; i < this.points.length; i++) widths[rank.get(this.owners[i])!] += this.width(i);
    return widths.map((width) => width / hashSpace);
  }

  /** Sorts (position, rank) as one number each: 32 bits of position above 21 of rank fill a double exactly. */
  private place(counts: readonly number[]): void {
    const keys = new Float64Array(this.points.length);
    const ranks = this.members.length;
    let next = 0;
    for (let rank = 0; rank < ranks; rank++) {
      for (let i = 0; i < counts[rank]; i++) keys[next++] = pointOf(this.members[rank].id, i) * ranks + rank;
    }
    keys.sort();
    for (let i = 0; i < keys.length; i++) {
      const position = Math.floor(keys[i] / ranks);
      this.points[i] = position;
      this.owners[i] = this.members[keys[i] - position * ranks].id;
    }
  }
}

/** Where the node's point number `i` stands. */
function pointOf(id: NodeId, i: number): number {
  return hash32(`node ${id} point ${i}`);
}

function pointCount(member: Member, virtualNodes: number): number {
  return Math.max(1, Math.round(virtualNodes * member.weight));
}

/** For each value of the top `bits` bits, the first point whose own top bits are not below it. */
function indexOf(points: Uint32Array, bits: number): Uint32Array {
  const shift = 32 - bits;
  const first = new Uint32Array(1 << bits);
  let i = 0;
  for (let bucket = 0; bucket < first.length; bucket++) {
    while (i < points.length && points[i] >>> shift < bucket) i++;
    first[bucket] = i;
  }
  return first;
}
