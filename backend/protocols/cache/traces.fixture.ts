/**
 * Made-up traces on which eviction policies differ, and the best that any policy could do on them. A trace is one key's number a request.
 *
 *     zipf       popularity falls as 1 / rank^s, and never changes
 *     scans      zipf, and now and then a run of keys that nobody asked for before or will again
 *     loop       the same keys around and around, more of them than fit: LRU forgets each just before it is asked for
 *     shifting   zipf, but every so often the popular keys are others: who remembers too long loses
 */
import { TimeHeap } from "../../kernel/heap.ts";
import { Random } from "../../kernel/random.ts";

export interface Trace {
  readonly name: string;
  readonly keys: Int32Array;
}

/** Draws ranks from 0 with probability proportional to 1 / (rank + 1)^s, by bisection of the cumulated weights. */
function zipfRanks(count: number, s: number, random: Random): () => number {
  const cumulated = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) cumulated[rank] = sum += (rank + 1) ** -s;
  return () => {
    const draw = random.float() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulated[middle] > draw) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Traces of so many requests over about so many keys. */
export function traces(requests: number, keys: number, seed: number): Trace[] {
  const made = (name: string, key: (i: number) => number): Trace => ({
    name,
    keys: Int32Array.from({ length: requests }, (_, i) => key(i)),
  });
  const zipf = (s: number, name: string): (() => number) => zipfRanks(keys, s, Random.stream(seed, name));
  const scanned = zipf(0.99, "scanned");
  const shifted = zipf(0.99, "shifted");
  const mixed = zipf(0.99, "mixed");
  // A quarter of all requests, in runs as long as half of the keys.
  const scanEvery = keys * 2;
  const scanLength = keys / 2;
  return [
    ...[0.8, 0.99, 1.2].map((s) => made(`zipf ${s}`, zipf(s, `zipf ${s}`))),
    made("zipf, scans", (i) => (i % scanEvery < scanEvery - scanLength ? scanned() : keys + i)),
    made("loop", (i) => i % (keys / 4)),
    made("loop in zipf", (i) => (i % 2 === 0 ? mixed() : keys + ((i >> 1) % (keys / 5)))),
    made("shifting", (i) => (shifted() + Math.floor(i / (keys * 2)) * (keys / 20)) % keys),
    made("one-hit wonders", (i) => (i % 2 === 0 ? scanned() : keys + i)),
  ];
}

/** Hits of a cache of so many items that knows the future (Belady, 1966): it keeps what is asked for again soonest, and need not keep what it fetched. */
export function bestHits(keys: Int32Array, capacity: number): number {
  const next = new Int32Array(keys.length);
  const last = new Map<number, number>();
  for (let i = keys.length - 1; i >= 0; i--) {
    next[i] = last.get(keys[i]) ?? keys.length;
    last.set(keys[i], i);
  }
  // Kept items are known by the request that will hit them; a heap has the latest of those on top (its times are theirs, negated), where also stand those hit since.
  const kept = new Uint8Array(keys.length + 1);
  const heap = new TimeHeap();
  let [hits, count] = [0, 0];
  for (let i = 0; i < keys.length; i++) {
    if (kept[i] === 1) {
      hits++;
      kept[i] = 0;
      count--;
    }
    if (next[i] === keys.length) continue;
    kept[next[i]] = 1;
    heap.push(-next[i], 0, next[i]);
    if (++count <= capacity) continue;
    // The latest one is never in the past, since it is later than i's own next request, or is it.
    kept[heap.pop()] = 0;
    count--;
  }
  return hits;
}
