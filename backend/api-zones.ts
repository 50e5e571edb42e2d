/**
 * A cache with a whole copy in every zone, as EVCache keeps it (Netflix, "Announcing EVCache", 2013; EVCacheLatch.java of its client). It is asked with
 * a `CacheRequest` and answers with a `CacheResult`, so that the doors and workloads of a cache serve it too; what it adds is where an operation goes and
 * how many zones are waited for.
 *
 * Zones are a cache's: copies differ until they are told, a node that lost its memory is empty, and a zone that missed a write has the old value until it
 * expires. Nothing repairs that but the time to live, or a miss.
 */
import type { CacheService } from "./api-cache.ts";
import type { Micros } from "./kernel/units.ts";

/** Zones whose answer a write waits for: 0, 1, n/2 + 1 (1 of 2 or fewer), n - 1 or n of n zones. */
export type LatchPolicy = "none" | "one" | "quorum" | "all-minus-1" | "all";

export type CacheMemory = Pick<CacheService, "memoryBytes" | "maxItemBytes" | "policy">;

export interface ZoneWrites {
  /** "quorum" by default. A compare-and-swap besides needs a majority that accepted it, whatever the latch. */
  readonly latch?: LatchPolicy;
  /** After this a write that its latch still waits for has failed; what it did is unknown. 100 ms by default. */
  readonly timeoutUs?: Micros;
}

export interface ZoneReads {
  /** The zone that is asked first: the one the request entered in, or any. "local" by default. */
  readonly first?: "local" | "random";
  /** Zones that are asked, one after the other, until one has the item; all of the region by default. */
  readonly zones?: number;
  /** Patience with each. 20 ms by default, EVCache's. */
  readonly timeoutUs?: Micros;
  /** What another zone had is written back to the local one, which missed it. True by default. */
  readonly fill?: boolean;
}

export interface ZoneCopy {
  readonly pageItems: number;
  /** From one page's arrival to the next one's request. */
  readonly everyUs: Micros;
}

/** Nodes that get a share of the requests besides, and whose answers are compared and thrown away. */
export interface ZoneShadow {
  readonly nodes: readonly number[];
  /** Of the keys, by their hash. */
  readonly share: number;
  /** What differs from the nodes it is compared with. */
  readonly cache?: Partial<CacheMemory>;
  /** Comparisons under way at a node at most; more are left out. 1,024 by default. */
  readonly most?: number;
}

export interface ZoneRegions {
  /** What the other regions are told of a write: to forget the key, or its value where the operation says it. */
  readonly send: "invalidation" | "value";
  /** 200 ms by default. */
  readonly retryUs?: Micros;
  /** Writes that wait for one node's acknowledgement at most; the oldest are given up. 10,000 by default. */
  readonly queue?: number;
}

export interface ZonesService {
  readonly kind: "zones";
  /** Of each node. */
  readonly cache: CacheMemory;
  /** Points on its zone's ring a node; 150 by default. */
  readonly virtualNodes?: number;
  /** Nodes that keep nothing and only ask others: what EVCache's client is in an application. */
  readonly gateways?: readonly number[];
  readonly writes?: ZoneWrites;
  readonly reads?: ZoneReads;
  /** A node that failed to answer so often in a row (3) is asked again after `forUs` (1 s), once. */
  readonly avoid?: { readonly afterErrors?: number; readonly forUs?: Micros };
  /** A write that took longer to arrive is not carried out. 1 s by default; more than `writes.timeoutUs`. */
  readonly lateAfterUs?: Micros;
  /** A node that starts copies what it owns from another zone. Absent: it is warmed by misses alone. */
  readonly copy?: ZoneCopy;
  readonly shadow?: ZoneShadow;
  /** Absent: regions know nothing of each other. */
  readonly regions?: ZoneRegions;
}
