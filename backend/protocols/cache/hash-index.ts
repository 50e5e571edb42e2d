/**
 * Finds an item by its key: linear hashing (Litwin, VLDB 1980). Buckets are chains through the items' headers; when there are more items than buckets
 * one bucket, the next in order, is split in two. So the index doubles without ever stopping to do it: an insertion moves one bucket at most.
 *
 *     16 buckets, 5 split so far      | 0..4 split | 5..15 not yet | 16..20 the new halves |
 *
 * The array of buckets has its final length from the start; memory of buckets not reached yet is never touched, so it costs nothing.
 */
import type { BlockArena } from "./block-arena.ts";
import { bucketWord, hashWord, headerBytes, keyBytesMask, marksWord, wordShift } from "./item-layout.ts";

const firstBuckets = 256;

export class HashIndex {
  private readonly arena: BlockArena;
  private readonly words: Int32Array;
  /** First item of each bucket; 0: none. */
  private readonly heads: Int32Array;
  /** Buckets before the current doubling, minus 1: a power of two minus 1. */
  private mask: number;
  /** Buckets below this one have been split in the current doubling. */
  private split = 0;
  private count = 0;

  constructor(arena: BlockArena, maxBuckets: number) {
    this.arena = arena;
    this.words = arena.words;
    this.heads = new Int32Array(Math.max(1, maxBuckets));
    let first = firstBuckets;
    while (first > this.heads.length) first >>>= 1;
    this.mask = first - 1;
  }

  get items(): number {
    return this.count;
  }

  get buckets(): number {
    return this.mask + 1 + this.split;
  }

  /** Times that the index has doubled, from 1 bucket. */
  get power(): number {
    return 32 - Math.clz32(this.mask);
  }

  get byteLength(): number {
    return this.heads.byteLength;
  }

  private bucketOf(hash: number): number {
    const bucket = hash & this.mask;
    return bucket < this.split ? hash & (this.mask * 2 + 1) : bucket;
  }

  /** The item with this key, or 0. */
  find(hash: number, key: string): number {
    const { words } = this;
    for (let item = this.heads[this.bucketOf(hash)]; item !== 0;) {
      const at = item << wordShift;
      if (
        words[at + hashWord] === hash &&
        (words[at + marksWord] & keyBytesMask) === key.length &&
        this.arena.holdsText(item, headerBytes, key)
      ) {
        return item;
      }
      item = words[at + bucketWord];
    }
    return 0;
  }

  /** `item` must not be in it; its header must hold its hash. */
  insert(item: number): void {
    const at = item << wordShift;
    const bucket = this.bucketOf(this.words[at + hashWord]);
    this.words[at + bucketWord] = this.heads[bucket];
    this.heads[bucket] = item;
    if (++this.count > this.buckets && this.buckets < this.heads.length) this.splitOne();
  }

  remove(item: number): void {
    const { words, heads } = this;
    const bucket = this.bucketOf(words[(item << wordShift) + hashWord]);
    const after = words[(item << wordShift) + bucketWord];
    this.count--;
    if (heads[bucket] === item) {
      heads[bucket] = after;
      return;
    }
    let before = heads[bucket];
    while (words[(before << wordShift) + bucketWord] !== item) before = words[(before << wordShift) + bucketWord];
    words[(before << wordShift) + bucketWord] = after;
  }

  private splitOne(): void {
    const { words, heads, mask } = this;
    const low = this.split;
    const high = low + mask + 1;
    let item = heads[low];
    heads[low] = 0;
    while (item !== 0) {
      const at = item << wordShift;
      const after = words[at + bucketWord];
      const bucket = (words[at + hashWord] & (mask + 1)) === 0 ? low : high;
      words[at + bucketWord] = heads[bucket];
      heads[bucket] = item;
      item = after;
    }
    this.split++;
    if (this.split <= mask) return;
    this.mask = mask * 2 + 1;
    this.split = 0;
  }

  /** The items of one bucket, into `found`, which is emptied first. */
  itemsOf(bucket: number, found: number[]): number[] {
    found.length = 0;
    for (let item = this.heads[bucket]; item !== 0; item = this.words[(item << wordShift) + bucketWord]) {
      found.push(item);
    }
    return found;
  }

  /** Throws unless each item is in the bucket of its hash; gives all items. */
  check(): number[] {
    const all: number[] = [];
    for (let bucket = 0; bucket < this.buckets; bucket++) {
      for (const item of this.itemsOf(bucket, [])) {
        const hash = this.words[(item << wordShift) + hashWord];
        if (this.bucketOf(hash) !== bucket) throw new Error(`item ${item} is in bucket ${bucket}, its hash is ${hash}`);
        all.push(item);
      }
    }
    if (all.length !== this.count) throw new Error(`the index counts ${this.count} items and holds ${all.length}`);
    return all;
  }
}
