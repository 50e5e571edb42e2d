/**
 * A map from byte strings that can be walked in order: a hash map for `get`, and the keys in sorted chunks for `scan`.
 *
 *     chunks   [a c f] [h k m] [p q z]        binary search over the chunks' first keys, then inside one chunk
 *
 * A chunk splits in two at 512 keys and disappears when empty, so an insert moves at most a few hundred pointers. Most stores
 * here are read by key far more often than they are scanned; a balanced tree would pay for order on every read.
 */

const chunkLimit = 512;

export class OrderedMap<V> {
  private readonly values = new Map<string, V>();
  private chunks: string[][] = [];

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
    const chunk = this.chunks[c];
    chunk.splice(lowerBound(chunk, key), 1);
    if (chunk.length === 0) this.chunks.splice(c, 1);
    return true;
  }

  clear(): void {
    this.values.clear();
    this.chunks = [];
  }

  /** Visits entries with from <= key < to in order until `visit` returns false; `visit` must not change the map. */
  scan(from: string, to: string, visit: (key: string, value: V) => boolean | void): void {
    if (this.chunks.length === 0) return;
    let c = this.chunkOf(from);
    let i = lowerBound(this.chunks[c], from);
    for (; c < this.chunks.length; c++, i = 0) {
      const chunk = this.chunks[c];
      for (; i < chunk.length; i++) {
        if (chunk[i] >= to) return;
        if (visit(chunk[i], this.values.get(chunk[i])!) === false) return;
      }
    }
  }

  private insert(key: string): void {
    if (this.chunks.length === 0) {
      this.chunks.push([key]);
      return;
    }
    const c = this.chunkOf(key);
    const chunk = this.chunks[c];
    chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length > chunkLimit) this.chunks.splice(c + 1, 0, chunk.splice(chunkLimit >> 1));
  }

  /** The last chunk whose first key is <= key, or the first chunk. */
  private chunkOf(key: string): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.chunks[middle][0] <= key) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : low - 1;
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
