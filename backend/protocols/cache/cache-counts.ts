/** What a cache has done, in numbers that only grow; the names are those of memcached's `stats`, in our spelling. */
export interface CacheCounts {
  /** Forgotten for want of room while they were still good. */
  evictions: number;
  /** Of those, never used since they were stored. */
  evictedUnfetched: number;
  /** Found to be expired or flushed, and removed. */
  expired: number;
  expiredUnfetched: number;
}

export function noCounts(): CacheCounts {
  return { evictions: 0, evictedUnfetched: 0, expired: 0, expiredUnfetched: 0 };
}
