/**
 * The memory of a cache: items under keys, within a stated number of bytes, with expiry and eviction. No JavaScript object belongs to an item, so a
 * million of them give the garbage collector nothing to walk; all memory is taken when the store is made and touched as it is used.
 *
 *     find(key) -> item --- flagsOf, casOf, readValue ... ---        an item is a number, good until the next set, remove or find
 *
 *     HashIndex  key -> item          BlockArena  header, key and value of each          Eviction  who goes when there is no room
 *                                 ItemFields  what each is asked
 *
 * Times are whole seconds on any scale that the owner likes (memcached's is Unix time); they never go back. An expired item is gone for whoever looks for
 * it, and its memory is taken back then, by `crawl`, or when its turn to be evicted comes.
 */
import { maxCacheKeyBytes } from "../../api-cache.ts";
import type { EvictionPolicy } from "../../api-cache.ts";
import type { Random } from "../../kernel/random.ts";
import { kibibyte, mebibyte } from "../../kernel/units.ts";
import { BlockArena } from "./block-arena.ts";
import type { CacheCounts } from "./cache-counts.ts";
import { noCounts } from "./cache-counts.ts";
import type { Eviction } from "./eviction.ts";
import { defaultPolicy, evictionFor, policyBytesABlock } from "./evictions.ts";
import { HashIndex } from "./hash-index.ts";
import { ItemFields } from "./item-fields.ts";
import * as layout from "./item-layout.ts";
import { ItemLists } from "./item-lists.ts";
import { KeyHash } from "./key-hash.ts";

const { wordShift, headerBytes, marksWord, epochShift, blocksFor } = layout;

export interface CacheStoreOptions {
  /** Of everything: items, index, policy. From 16 KiB to 8 GiB. */
  readonly limitBytes: number;
  /** Header (44 bytes), key and value of one item; 1 MiB by default, and never more than a quarter of the memory. */
  readonly maxItemBytes?: number;
  readonly policy?: EvictionPolicy;
  /** Seeds the hash. */
  readonly random: Random;
}

export const minCacheBytes = 16 * kibibyte;
const maxCacheBytes = 8 * 1_024 * mebibyte;
/** Bytes of index a block: a bucket of 4 bytes for every second block, since no item is smaller than one. */
const indexBytesABlock = 2;

export class CacheStore extends ItemFields {
  readonly limitBytes: number;
  readonly maxItemBytes: number;
  readonly counts: CacheCounts = noCounts();
  private readonly index: HashIndex;
  private readonly lists: ItemLists;
  private readonly eviction: Eviction;
  private readonly keyHash: KeyHash;
  /** Key looked for last and its hash: a set looks twice. */
  private lastKey = "";
  private lastHash: number;
  private lastCas = 0;
  /** Header, key and value of every item. */
  private itemBytes = 0;
  /** Items of another epoch were flushed. */
  private epoch = 0;
  /** When the next flush falls due. */
  private flushS = Infinity;

  constructor({ limitBytes, maxItemBytes = mebibyte, policy = defaultPolicy, random }: CacheStoreOptions) {
    if (!(limitBytes >= minCacheBytes && limitBytes <= maxCacheBytes)) {
      throw new RangeError(
        `limitBytes must be from ${minCacheBytes} to ${maxCacheBytes}; got ${limitBytes}; give the cache's memory in bytes`,
      );
    }
    const bytesABlock = BlockArena.bytesABlock + indexBytesABlock + policyBytesABlock(policy);
    const blocks = Math.floor((limitBytes - kibibyte) / bytesABlock);
    super(new BlockArena(blocks));
    this.limitBytes = limitBytes;
    this.maxItemBytes = Math.min(maxItemBytes, (blocks >>> 2) * layout.blockBytes);
    this.index = new HashIndex(this.arena, blocks >>> 1);
    this.lists = new ItemLists(this.arena);
    this.eviction = evictionFor(policy, this.lists);
    this.keyHash = new KeyHash(random);
    this.lastHash = this.keyHash.of("");
  }

  /* ---- items --------------------------------------------------------------------------------------------------------------- */

  get items(): number {
    return this.index.items;
  }

  /** Bytes of items with their headers and keys, as memcached counts them: without what is lost at the ends of blocks. */
  get bytes(): number {
    return this.itemBytes;
  }

  /** Bytes of memory in use: blocks, and the part of the index that is reached. Never more than `limitBytes`. */
  get usedBytes(): number {
    return this.arena.usedBlocks * BlockArena.bytesABlock + this.index.buckets * 4 + this.eviction.byteLength;
  }

  /** Bytes of every array that the store has: what it may come to use. At most `limitBytes`. */
  get reservedBytes(): number {
    return this.arena.byteLength + this.index.byteLength + this.eviction.byteLength;
  }

  get indexBytes(): number {
    return this.index.buckets * 4;
  }

  get indexPower(): number {
    return this.index.power;
  }

  /** The item under a key, or 0. No use of it: nothing is counted, and the policy is not told. `key`: 1 to 250 bytes, one character each. */
  find(key: string, nowS: number): number {
    if (nowS >= this.flushS) this.flushNow();
    const item = this.index.find(this.hashOf(key), key);
    if (item === 0 || this.isLive(item, nowS)) return item;
    this.expire(item);
    return 0;
  }

  private hashOf(key: string): number {
    if (key !== this.lastKey) {
      this.lastHash = this.keyHash.of(key);
      this.lastKey = key;
    }
    return this.lastHash;
  }

  private isLive(item: number, nowS: number): boolean {
    const at = item << wordShift;
    return this.words[at + layout.expiresWord] >>> 0 > nowS && this.words[at + marksWord] >>> epochShift === this.epoch;
  }

  /** An item that was found is used: fetched, accessed now, and worth more to the policy. */
  use(item: number, nowS: number): void {
    const at = item << wordShift;
    this.words[at + layout.accessedWord] = nowS;
    this.words[at + marksWord] |= layout.fetchedMark;
    this.eviction.use(item);
  }

  /**
   * Stores a value under a key, in place of what was there, with the next CAS value; gives the item. 0: it is larger than `maxItemBytes`, and
   * nothing has changed. `expiresS`: Infinity for never; at or before `nowS` it is stored and gone.
   */
  set(key: string, value: Uint8Array, flags: number, expiresS: number, nowS: number): number {
    if (headerBytes + key.length + value.length > this.maxItemBytes) return 0;
    let item = this.find(key, nowS);
    if (item === 0) item = this.add(key, value.length, nowS);
    else this.overwrite(item, value.length, nowS);
    const at = item << wordShift;
    const { words } = this;
    words[at + layout.flagsWord] = flags;
    words[at + layout.accessedWord] = nowS;
    words[at + marksWord] &= ~(layout.fetchedMark | layout.staleMark | layout.wonMark);
    this.setExpiry(item, expiresS);
    this.setCas(item, ++this.lastCas);
    this.arena.write(item, headerBytes + key.length, this.isMarked(item, layout.wholeMark), value);
    this.itemBytes += value.length;
    return item;
  }

  /** A new item but for what `set` writes; its value does not count yet. */
  private add(key: string, valueBytes: number, nowS: number): number {
    const { words } = this;
    if (key.length === 0 || key.length > maxCacheKeyBytes) {
      throw new RangeError(`a key has 1 to ${maxCacheKeyBytes} bytes; got ${key.length}; refuse it where it comes in`);
    }
    const blocks = blocksFor(key.length, valueBytes);
    this.makeRoom(blocks, nowS);
    const item = this.arena.allocate(blocks);
    const at = item << wordShift;
    words[at + layout.hashWord] = this.hashOf(key);
    words[at + marksWord] = key.length | (this.epoch << epochShift);
    this.mark(item, layout.wholeMark, this.arena.isWhole(item, blocks));
    words[at + layout.valueBytesWord] = valueBytes;
    this.arena.writeText(item, headerBytes, key);
    this.index.insert(item);
    this.eviction.admit(item);
    this.itemBytes += headerBytes + key.length;
    return item;
  }

  /** Gives an item room for another value, which counts as a use; its old value does not count any more. */
  private overwrite(item: number, valueBytes: number, nowS: number): void {
    const at = item << wordShift;
    const keyBytes = this.keyBytesOf(item);
    const oldBytes = this.words[at + layout.valueBytesWord];
    const from = blocksFor(keyBytes, oldBytes);
    const to = blocksFor(keyBytes, valueBytes);
    this.itemBytes -= oldBytes;
    if (from !== to) {
      // Out of its queue meanwhile, so that it is not chosen to make room for itself.
      const queue = this.lists.queueOf(item);
      this.lists.remove(item);
      if (to > from) this.makeRoom(to - from, nowS);
      this.arena.resize(item, from, to);
      this.mark(item, layout.wholeMark, this.arena.isWhole(item, to));
      this.words[at + layout.valueBytesWord] = valueBytes;
      this.lists.add(queue, item);
    }
    this.words[at + layout.valueBytesWord] = valueBytes;
    this.eviction.use(item);
  }

  private makeRoom(blocks: number, nowS: number): void {
    while (this.arena.freeBlocks < blocks) {
      const victim = this.eviction.victim();
      if (victim === 0) throw new Error(`no item to evict for ${blocks} blocks, ${this.arena.freeBlocks} are free`);
      if (this.isLive(victim, nowS)) this.evict(victim);
      else this.expire(victim);
    }
  }

  private evict(item: number): void {
    this.counts.evictions++;
    if (!this.wasFetched(item)) this.counts.evictedUnfetched++;
    this.eviction.evicted(item);
    this.remove(item);
  }

  private expire(item: number): void {
    this.counts.expired++;
    if (!this.wasFetched(item)) this.counts.expiredUnfetched++;
    this.remove(item);
  }

  /** A CAS value greater than every one before: for changes that are no `set`. */
  nextCas(): number {
    return ++this.lastCas;
  }

  remove(item: number): void {
    const keyBytes = this.keyBytesOf(item);
    const valueBytes = this.valueBytesOf(item);
    this.eviction.remove(item);
    this.index.remove(item);
    this.arena.release(item, blocksFor(keyBytes, valueBytes), this.isMarked(item, layout.wholeMark));
    this.itemBytes -= headerBytes + keyBytes + valueBytes;
  }

  /** Everything that is there at `atS` is gone from then on; a flush that is yet to come is forgotten for it. */
  flush(atS: number, nowS: number): void {
    if (nowS >= this.flushS) this.flushNow();
    this.flushS = Infinity;
    if (atS <= nowS) this.flushNow();
    else this.flushS = atS;
  }

  /** Nothing is walked: items of earlier epochs are gone when somebody meets them. All are removed once in 32,768 times. */
  private flushNow(): void {
    this.flushS = Infinity;
    this.epoch++;
    if (this.epoch <= layout.lastEpoch) return;
    this.epoch = 0;
    for (let bucket = 0; bucket < this.index.buckets; bucket++) {
      for (const item of this.index.itemsOf(bucket, [])) this.expire(item);
    }
  }

  /* ---- walks ----------------------------------------------------------------------------------------------------------------- */

  /**
   * Shows live items, a bucket after the other, until `pageItems` were shown; gives where to go on, or undefined after the last. Whatever changes between
   * pages, an item that stays is shown, perhaps twice. `visit` may remove the item that it is shown and nothing else.
   */
  walk(from: number, pageItems: number, nowS: number, visit: (item: number) => void): number | undefined {
    if (nowS >= this.flushS) this.flushNow();
    const found: number[] = [];
    let shown = 0;
    for (let bucket = from; bucket < this.index.buckets; bucket++) {
      if (shown >= pageItems) return bucket;
      for (const item of this.index.itemsOf(bucket, found)) {
        if (!this.isLive(item, nowS)) continue;
        visit(item);
        shown++;
      }
    }
    return undefined;
  }

  /** Takes back the memory of expired and flushed items in `buckets` buckets; gives where to go on, 0 after the last. */
  crawl(from: number, buckets: number, nowS: number): number {
    if (nowS >= this.flushS) this.flushNow();
    const found: number[] = [];
    const end = Math.min(from + buckets, this.index.buckets);
    for (let bucket = from; bucket < end; bucket++) {
      for (const item of this.index.itemsOf(bucket, found)) if (!this.isLive(item, nowS)) this.expire(item);
    }
    return end === this.index.buckets ? 0 : end;
  }

  /** Shows live items, those first that the policy would keep longest, until `visit` says false. Nothing may change meanwhile. */
  hottest(nowS: number, visit: (item: number) => boolean): void {
    for (const queue of this.eviction.hottestFirst) {
      for (let item = this.lists.first(queue); item !== 0; item = this.lists.after(item)) {
        if (this.isLive(item, nowS) && !visit(item)) return;
      }
    }
  }

  /** Throws unless index, queues and arena agree about every item and every block. */
  check(): void {
    const items = this.index.check();
    this.lists.check(items);
    const seen = new Uint8Array(this.arena.blocks + 1);
    let bytes = 0;
    for (const item of items) {
      const keyBytes = this.keyBytesOf(item);
      const valueBytes = this.valueBytesOf(item);
      this.arena.checkChain(item, blocksFor(keyBytes, valueBytes), seen);
      bytes += headerBytes + keyBytes + valueBytes;
    }
    this.arena.check(seen);
    if (bytes !== this.itemBytes) throw new Error(`items have ${bytes} bytes, ${this.itemBytes} are counted`);
    if (this.reservedBytes > this.limitBytes) {
      throw new Error(`${this.reservedBytes} bytes are taken, ${this.limitBytes} allowed`);
    }
  }
}
