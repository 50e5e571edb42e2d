/** What a node keeps its items in, as the zones see it: one operation at a time, and pages of items for those that copy them. */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { CacheMemory } from "../../api-zones.ts";
import type { StoreKey } from "../../kernel/store.ts";
import { second } from "../../kernel/units.ts";
import { CacheStore } from "../../protocols/cache/cache-store.ts";
import { CacheExecutor } from "../cache/cache-executor.ts";
import type { Copy, ZonesEnv } from "./messages.ts";

export interface Page {
  readonly copies: readonly Copy[];
  /** Where the next page begins; -1: there is none. */
  readonly next: number;
}

/** Every so many operations, so many buckets are rid of what has expired. */
const crawlEvery = 64;
const crawlBuckets = 64;

export class ZoneCache {
  private readonly env: Pick<ZonesEnv, "wall">;
  private readonly store: CacheStore;
  private readonly executor: CacheExecutor;
  private operations = 0;
  private crawledTo = 0;

  constructor(env: Pick<ZonesEnv, "wall" | "random">, { memoryBytes, maxItemBytes, policy }: CacheMemory) {
    this.env = env;
    this.store = new CacheStore({ limitBytes: memoryBytes, maxItemBytes, policy, random: env.random });
    this.executor = new CacheExecutor(this.store);
  }

  execute(operation: CacheOperation): CacheOutcome {
    const { nowS } = this;
    if (++this.operations % crawlEvery === 0) {
      this.crawledTo = this.store.crawl(this.crawledTo, crawlBuckets, nowS);
    }
    return this.executor.run([operation], nowS)[0];
  }

  /** Looks at about `items` items from `cursor` (0: the beginning) on and takes those whose key is wanted. One that stays meanwhile is not missed. */
  page(cursor: number, items: number, wanted: (key: StoreKey) => boolean): Page {
    const { store, nowS } = this;
    const copies: Copy[] = [];
    const next = store.walk(cursor, items, nowS, (item) => {
      const key = store.keyOf(item);
      if (!wanted(key)) return;
      const ttlS = store.expiresSOf(item) - nowS;
      copies.push({ key, value: store.valueOf(item), flags: store.flagsOf(item), ttlS, cas: store.casOf(item) });
    });
    return { copies, next: next ?? -1 };
  }

  /** Under memcached's names. */
  counters(): Readonly<Record<string, number>> {
    return this.executor.figures.stats(this.store);
  }

  check(): void {
    this.store.check();
  }

  /** Unix seconds on the threads. */
  private get nowS(): number {
    const { earliest, latest } = this.env.wall;
    return Math.floor((earliest + latest) / (2 * second));
  }
}
