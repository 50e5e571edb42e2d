/**
 * Which nodes hold which partition. Dynamo (SOSP 2007, section 6.2) separates partitioning from placement: the hash space is cut
 * into Q equal ranges, and "a partition is placed on the first N unique nodes that are encountered while walking the consistent
 * hashing ring clockwise from the end of the partition". Ranges then never move when nodes do, only their holders change, so they
 * can be counted, metered and archived one by one. This is its strategy 2; strategy 3 is the same with Q/S tokens a node, dealt
 * out by a coordinator instead of by hash. With Q = 0 the ring's own segments are the partitions: strategy 1.
 */
import type { NodeId } from "../../kernel/units.ts";
import { hashSpace } from "./ring.ts";
import type { Ring } from "./ring.ts";

/** Up to here a partition's bounds are exact in doubles. */
const maxPartitions = 1_048_576;

export class Placement {
  readonly ring: Ring;
  /** How many there are. */
  readonly partitions: number;
  /** Replicas of each. */
  readonly n: number;
  private readonly equal: boolean;
  private readonly preferences: (readonly NodeId[] | undefined)[];

  /**
   * `partitions` = 0: one for each segment of the ring.
   * @throws RangeError when `partitions` is not in [0, 2^20] or `n` not in [1, members]
   */
  constructor(ring: Ring, partitions: number, n: number) {
    if (!Number.isInteger(partitions) || partitions < 0 || partitions > maxPartitions) {
      throw new RangeError(
        `placement: partitions is ${partitions}; expected a whole number from 0 to ${maxPartitions}`,
      );
    }
    if (!Number.isInteger(n) || n < 1 || n > ring.members.length) {
      throw new RangeError(
        `placement: n is ${n}; expected 1 to ${ring.members.length}, the number of nodes; ask for fewer replicas or add nodes`,
      );
    }
    this.ring = ring;
    this.n = n;
    this.equal = partitions > 0;
    this.partitions = this.equal ? partitions : ring.segments;
    this.preferences = Array.from({ length: this.partitions }, () => undefined);
  }

  /** `hash`: a whole number in [0, 2^32). */
  partitionOf(hash: number): number {
    return this.equal ? Math.floor((hash * this.partitions) / hashSpace) : this.ring.segmentOf(hash);
  }

  /** The `n` nodes that hold `partition`, its coordinator first. The same array each time. */
  preference(partition: number): readonly NodeId[] {
    return (this.preferences[partition] ??= this.ring.preference(this.segmentAt(partition), this.n));
  }

  /** Every node once, those of the preference list first. The same array each time. */
  walk(partition: number): readonly NodeId[] {
    return this.ring.walk(this.segmentAt(partition));
  }

  /** The segment the walk begins in: that of the first hash past the partition's end. */
  private segmentAt(partition: number): number {
    if (!this.equal) return partition;
    const end = Math.ceil(((partition + 1) * hashSpace) / this.partitions);
    return this.ring.segmentOf(end === hashSpace ? 0 : end);
  }
}
