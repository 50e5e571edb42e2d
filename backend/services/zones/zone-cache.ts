/** What a node keeps its items in, as the zones see it. */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { CacheMemory } from "../../api-zones.ts";
import type { Wall } from "../../kernel/env.ts";
import type { StoreKey } from "../../kernel/store.ts";
import { MemoryCache } from "./memory-cache.ts";
import type { Copy } from "./messages.ts";

export interface Page {
  readonly copies: readonly Copy[];
  /** Where the next page begins; -1: there is none. */
  readonly next: number;
}

export interface ZoneCache {
  execute(operation: CacheOperation): CacheOutcome;
  /** Looks at about `items` items from `cursor` (0: the beginning) on and takes those whose key is wanted. An item that moves meanwhile may be missed. */
  page(cursor: number, items: number, wanted: (key: StoreKey) => boolean): Page;
  counters(): Readonly<Record<string, number>>;
}

export function zoneCacheOf(env: { readonly wall: Wall }, { memoryBytes }: CacheMemory): ZoneCache {
  return new MemoryCache(env, memoryBytes);
}
