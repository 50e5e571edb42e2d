/**
 * Walks the ring clockwise from a segment and collects distinct nodes, zones first: round k holds the k-th node of each zone in
 * ring order, and a list is the rounds one after the other. Dynamo (section 6.2) skips positions so that replicas are on distinct
 * machines; taking zones in rounds keeps them in distinct zones as well, and in evenly used ones when there are more replicas
 * than zones.
 *
 *     ring order   a(z1) b(z1) c(z2) d(z1) e(z3)
 *     round 1      a(z1)       c(z2)       e(z3)
 *     round 2            b(z1)
 *     round 3                        d(z1)               walk: a c e b d
 */
import type { NodeId } from "../../kernel/units.ts";
import type { Member } from "./member.ts";

export class RingWalker {
  private readonly owners: Uint32Array;
  private readonly zoneOf = new Map<NodeId, number>();
  /** roundSizes[k]: zones with more than k members. */
  private readonly roundSizes: number[] = [];
  private readonly zones: number;
  private readonly members: number;

  constructor(members: readonly Member[], owners: Uint32Array) {
    this.owners = owners;
    this.members = members.length;
    const zones = new Map<string, { readonly index: number; members: number }>();
    for (const { id, zone } of members) {
      let entry = zones.get(zone);
      if (entry === undefined) zones.set(zone, (entry = { index: zones.size, members: 0 }));
      const round = entry.members++;
      this.zoneOf.set(id, entry.index);
      this.roundSizes[round] = (this.roundSizes[round] ?? 0) + 1;
    }
    this.zones = zones.size;
  }

  /** The first `n` of the list that starts at `segment`; all when there are fewer. Stops as soon as they are certain. */
  collect(segment: number, n: number): readonly NodeId[] {
    const wanted = Math.min(n, this.members);
    const sizes = this.sizesFor(wanted);
    const rounds: NodeId[][] = sizes.map(() => []);
    const seen = new Set<NodeId>();
    const seenInZone = Array.from({ length: this.zones }, () => 0);
    let missing = wanted;
    for (let i = segment; missing > 0; i++) {
      if (i === this.owners.length) i = 0;
      const node = this.owners[i];
      if (seen.has(node)) continue;
      seen.add(node);
      const round = seenInZone[this.zoneOf.get(node)!]++;
      if (round >= sizes.length || rounds[round].length === sizes[round]) continue;
      rounds[round].push(node);
      missing--;
    }
    return rounds.flat();
  }

  /** How many nodes each round gives to a list of `wanted`. */
  private sizesFor(wanted: number): number[] {
    const sizes: number[] = [];
    for (let round = 0, left = wanted; left > 0; round++) {
      const size = Math.min(left, this.roundSizes[round]);
      sizes.push(size);
      left -= size;
    }
    return sizes;
  }
}
