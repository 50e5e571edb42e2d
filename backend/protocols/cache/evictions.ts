/** Every eviction policy by its name, and which one a cache gets that names none. */
import type { EvictionPolicy } from "../../api-cache.ts";
import type { Eviction } from "./eviction.ts";
import { memoryBytesABlock } from "./eviction.ts";
import type { ItemLists } from "./item-lists.ts";
import { Lru } from "./lru.ts";
import { S3Fifo } from "./s3-fifo.ts";
import { SegmentedLru } from "./segmented-lru.ts";
import { WTinyLfu } from "./w-tinylfu.ts";

/**
 * Of the traces of hit-ratio.bench.ts it is ahead of LRU on all but the loop, also where popularity shifts, and a hit moves nothing. W-TinyLFU has more where
 * popularity lasts or keys go around, and less than LRU where it shifts.
 */
export const defaultPolicy: EvictionPolicy = "s3-fifo";

export function evictionFor(policy: EvictionPolicy, lists: ItemLists): Eviction {
  switch (policy) {
    case "lru":
      return new Lru(lists);
    case "segmented-lru":
      return new SegmentedLru(lists);
    case "s3-fifo":
      return new S3Fifo(lists);
    case "w-tinylfu":
      return new WTinyLfu(lists);
  }
}

/** Bytes of its own that a policy takes, per block of the arena. */
export function policyBytesABlock(policy: EvictionPolicy): number {
  return policy === "s3-fifo" || policy === "w-tinylfu" ? memoryBytesABlock : 0;
}
