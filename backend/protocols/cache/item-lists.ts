/**
 * The queues that eviction policies are made of: four doubly linked lists through the items' headers, each with its count of items and of blocks. An
 * item's marks say which queue it is in and how often it was used (0 to 3), so a policy needs no memory of its own for items that are there.
 */
import type { BlockArena } from "./block-arena.ts";
import {
  blocksFor,
  hashWord,
  keyBytesMask,
  marksWord,
  newerWord,
  olderWord,
  queueMask,
  queueShift,
  usesMask,
  usesShift,
  valueBytesWord,
  wordShift,
} from "./item-layout.ts";

const queues = 4;

export class ItemLists {
  private readonly arena: BlockArena;
  private readonly words: Int32Array;
  /** Newest and oldest item of each queue; 0: empty. */
  private readonly newest = new Int32Array(queues);
  private readonly oldest = new Int32Array(queues);
  private readonly counts = new Int32Array(queues);
  private readonly sizes = new Int32Array(queues);

  constructor(arena: BlockArena) {
    this.arena = arena;
    this.words = arena.words;
  }

  /** Blocks that items may use, all queues together. */
  get capacity(): number {
    return this.arena.blocks;
  }

  get freeBlocks(): number {
    return this.arena.freeBlocks;
  }

  /** The item that came into the queue first, or 0. */
  last(queue: number): number {
    return this.oldest[queue];
  }

  first(queue: number): number {
    return this.newest[queue];
  }

  /** Which came into its queue before this one, or 0. */
  after(item: number): number {
    return this.words[(item << wordShift) + olderWord];
  }

  items(queue: number): number {
    return this.counts[queue];
  }

  blocks(queue: number): number {
    return this.sizes[queue];
  }

  queueOf(item: number): number {
    return (this.words[(item << wordShift) + marksWord] & queueMask) >> queueShift;
  }

  hashOf(item: number): number {
    return this.words[(item << wordShift) + hashWord];
  }

  usesOf(item: number): number {
    return (this.words[(item << wordShift) + marksWord] & usesMask) >> usesShift;
  }

  setUses(item: number, uses: number): void {
    const at = (item << wordShift) + marksWord;
    this.words[at] = (this.words[at] & ~usesMask) | (uses << usesShift);
  }

  private blocksOf(item: number): number {
    const at = item << wordShift;
    return blocksFor(this.words[at + marksWord] & keyBytesMask, this.words[at + valueBytesWord]);
  }

  /** Puts an item that is in no queue at the new end of this one. */
  add(queue: number, item: number): void {
    const { words } = this;
    const at = item << wordShift;
    words[at + marksWord] = (words[at + marksWord] & ~queueMask) | (queue << queueShift);
    this.counts[queue]++;
    this.sizes[queue] += this.blocksOf(item);
    this.linkNewest(queue, item);
  }

  remove(item: number): void {
    const queue = this.queueOf(item);
    this.counts[queue]--;
    this.sizes[queue] -= this.blocksOf(item);
    this.unlink(queue, item);
  }

  /** To the new end of its queue. */
  renew(item: number): void {
    const queue = this.queueOf(item);
    if (this.newest[queue] === item) return;
    this.unlink(queue, item);
    this.linkNewest(queue, item);
  }

  move(item: number, queue: number): void {
    this.remove(item);
    this.add(queue, item);
  }

  private linkNewest(queue: number, item: number): void {
    const { words } = this;
    const second = this.newest[queue];
    const at = item << wordShift;
    words[at + newerWord] = 0;
    words[at + olderWord] = second;
    if (second === 0) this.oldest[queue] = item;
    else words[(second << wordShift) + newerWord] = item;
    this.newest[queue] = item;
  }

  private unlink(queue: number, item: number): void {
    const { words } = this;
    const newer = words[(item << wordShift) + newerWord];
    const older = words[(item << wordShift) + olderWord];
    if (newer === 0) this.newest[queue] = older;
    else words[(newer << wordShift) + olderWord] = older;
    if (older === 0) this.oldest[queue] = newer;
    else words[(older << wordShift) + newerWord] = newer;
  }

  /** Throws unless the queues hold these items, each once, and count them rightly. */
  check(items: readonly number[]): void {
    const expected = new Set(items);
    for (let queue = 0; queue < queues; queue++) {
      let newer = 0;
      let blocks = 0;
      let count = 0;
      for (let item = this.newest[queue]; item !== 0; item = this.after(item)) {
        if (!expected.delete(item)) throw new Error(`item ${item} of queue ${queue} is queued twice or not indexed`);
        if (this.queueOf(item) !== queue) throw new Error(`item ${item} of queue ${queue} says ${this.queueOf(item)}`);
        if (this.words[(item << wordShift) + newerWord] !== newer)
          throw new Error(`item ${item}: the way back is broken`);
        newer = item;
        count++;
        blocks += this.blocksOf(item);
      }
      if (this.oldest[queue] !== newer) throw new Error(`queue ${queue} ends at ${newer}, not ${this.oldest[queue]}`);
      if (count !== this.counts[queue] || blocks !== this.sizes[queue]) {
        throw new Error(
          `queue ${queue} counts ${this.counts[queue]} items, ${this.sizes[queue]} blocks; it has ${count}, ${blocks}`,
        );
      }
    }
    if (expected.size > 0) throw new Error(`${expected.size} items are in no queue, one is ${[...expected][0]}`);
  }
}
