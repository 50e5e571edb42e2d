/** What a cache node counts, under memcached's own names (doc/protocol.txt, "General-purpose statistics"), so that its monitors find them. */
import type { CacheStore } from "../../protocols/cache/cache-store.ts";

export class CacheFigures {
  cmd_get = 0;
  cmd_set = 0;
  cmd_flush = 0;
  cmd_touch = 0;
  get_hits = 0;
  get_misses = 0;
  touch_hits = 0;
  touch_misses = 0;
  delete_hits = 0;
  delete_misses = 0;
  incr_hits = 0;
  incr_misses = 0;
  decr_hits = 0;
  decr_misses = 0;
  cas_hits = 0;
  cas_misses = 0;
  cas_badval = 0;
  store_too_large = 0;
  total_items = 0;

  got(hit: boolean, touching: boolean): void {
    if (touching) {
      this.cmd_touch++;
      if (hit) this.touch_hits++;
      else this.touch_misses++;
    } else {
      this.cmd_get++;
      if (hit) this.get_hits++;
      else this.get_misses++;
    }
  }

  reset(): void {
    Object.assign(this, new CacheFigures());
  }

  stats(store: CacheStore): Record<string, number> {
    const { counts } = store;
    return {
      ...Object.fromEntries(Object.entries(this)),
      limit_maxbytes: store.limitBytes,
      bytes: store.bytes,
      curr_items: store.items,
      evictions: counts.evictions,
      evicted_unfetched: counts.evictedUnfetched,
      expired_unfetched: counts.expiredUnfetched,
      reclaimed: counts.expired,
      hash_power_level: store.indexPower,
      hash_bytes: store.indexBytes,
    };
  }
}
