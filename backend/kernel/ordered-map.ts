/**
 * A map from byte strings that can be walked in order: a hash map for `get`, and the keys in chunks for `scan`. The chunks are in order
 * among themselves. Inside one, keys are in order up to a mark, and what came since lies behind it as it came:
 *
 *     firsts   ""           h                 p               binary search finds the chunk
 *     chunks   [a c f|]     [h k m|n l]       [p q z|x]       | ordered up to here
 *
 * Order inside a chunk costs something only where somebody looks: a scan or a delete that comes upon a chunk orders it, and so does a split
 * when it is full. Most keys are written long before anyone walks over them, and a search for a new key's place among a chunk's old ones is
 * one cache miss after another; ordered-map.bench.ts prints what writes and the walk at the end cost. No operation orders more than the
 * chunks that it touches, so there is never a pause for the whole map.
 */

/** A split moves half of them. Smaller chunks make `firsts` long, larger ones make one key more costly to put in its place. */
const chunkLimit = 256;
/** So few new keys are put in their places one by one; more are sorted, which finds those that came in order by itself (Timsort). */
const fewKeys = 8;

interface Chunk {
  readonly keys: string[];
  /** Invariant: keys[0] to keys[ordered - 1] increase. */
  ordered: number;
}

export class OrderedMap<V> {
  private readonly values = new Map<string, V>();
  /** Invariant: never without a chunk, and no chunk but the first is empty. */
  private chunks: Chunk[] = [{ keys: [], ordered: 0 }];
  /** Invariant: firsts[c] <= every key of chunk c < firsts[c + 1]. Kept apart from the chunks so that a search stays within one array. */
  private firsts: string[] = [""];

  get size(): number {
    return this.values.size;
  }

  get(key: string): V | undefined {
    return this.values.get(key);
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  set(key: string, value: V): void {
    const size = this.values.size;
    this.values.set(key, value);
    if (this.values.size !== size) this.insert(key);
  }

  delete(key: string): boolean {
    if (!this.values.delete(key)) return false;
    const c = this.chunkOf(key);
    const keys = this.orderedKeys(c);
    keys.splice(lowerBound(keys, key), 1);
    this.chunks[c].ordered = keys.length;
    if (keys.length === 0 && c > 0) {
      this.chunks.splice(c, 1);
      this.firsts.splice(c, 1);
    }
    return true;
  }

  clear(): void {
    this.values.clear();
    this.chunks = [{ keys: [], ordered: 0 }];
    this.firsts = [""];
  }

  /** Visits entries with from <= key < to in order until `visit` returns false; `visit` must not change the map. */
  scan(from: string, to: string, visit: (key: string, value: V) => boolean | void): void {
    let c = this.chunkOf(from);
    let i = lowerBound(this.orderedKeys(c), from);
    for (; c < this.chunks.length; c++, i = 0) {
      const keys = this.orderedKeys(c);
      for (; i < keys.length; i++) {
        if (keys[i] >= to) return;
        if (visit(keys[i], this.values.get(keys[i])!) === false) return;
      }
    }
  }

  private insert(key: string): void {
    const c = this.chunkOf(key);
    if (this.chunks[c].keys.push(key) > chunkLimit) this.split(c);
  }

  private split(c: number): void {
    const keys = this.orderedKeys(c);
    const upper = keys.splice(chunkLimit >> 1);
    this.chunks[c].ordered = keys.length;
    this.chunks.splice(c + 1, 0, { keys: upper, ordered: upper.length });
    this.firsts.splice(c + 1, 0, upper[0]);
  }

  private orderedKeys(c: number): string[] {
    const chunk = this.chunks[c];
    const { keys, ordered } = chunk;
    if (ordered === keys.length) return keys;
    if (keys.length - ordered > fewKeys) keys.sort();
    else for (const key of keys.splice(ordered)) keys.splice(lowerBound(keys, key), 0, key);
    chunk.ordered = keys.length;
    return keys;
  }

  /** The last chunk whose first is <= key. */
  private chunkOf(key: string): number {
    const { firsts } = this;
    let low = 1;
    let high = firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (firsts[middle] <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
