/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023, algorithm 1): a small queue for what is new, a
 * main queue for what was used again, and ghosts of what left the small queue. Most items are never used again; they are gone after a tenth of the
 * cache has passed. A use writes two bits and moves nothing.
 *
 *     new -> [ small, 10 % ] -- used more than once --> [ main, a second round for each use, up to 3 ] -> forgotten
 *                   `------- else -> ghost; comes it back, it goes to main at once
 *
 * Sizes count in blocks, not items. There are as many ghosts as there are items in main.
 */
import type { Eviction } from "./eviction.ts";
import { memoryBytesABlock } from "./eviction.ts";
import { Ghosts } from "./ghosts.ts";
import type { ItemLists } from "./item-lists.ts";

const small = 0;
const main = 1;
const smallShare = 0.1;
const mostUses = 3;
/** Of an item in the small queue that goes on to main: used more than so many times. */
const usesToPass = 1;

export class S3Fifo implements Eviction {
  readonly hottestFirst = [main, small];
  private readonly lists: ItemLists;
  private readonly smallBlocks: number;
  private readonly ghosts: Ghosts;

  constructor(lists: ItemLists) {
    this.lists = lists;
    this.smallBlocks = Math.floor(lists.capacity * smallShare);
    this.ghosts = new Ghosts(lists.capacity * memoryBytesABlock);
  }

  get byteLength(): number {
    return this.ghosts.byteLength;
  }

  admit(item: number): void {
    this.lists.setUses(item, 0);
    this.lists.add(this.ghosts.has(this.lists.hashOf(item)) ? main : small, item);
  }

  use(item: number): void {
    const uses = this.lists.usesOf(item);
    if (uses < mostUses) this.lists.setUses(item, uses + 1);
  }

  remove(item: number): void {
    this.lists.remove(item);
  }

  victim(): number {
    const { lists } = this;
    if (lists.blocks(small) >= this.smallBlocks || lists.items(main) === 0) {
      for (let item = lists.last(small); item !== 0; item = lists.last(small)) {
        if (lists.usesOf(item) <= usesToPass) return item;
        lists.move(item, main);
        lists.setUses(item, 0);
      }
    }
    for (let item = lists.last(main); item !== 0; item = lists.last(main)) {
      const uses = lists.usesOf(item);
      if (uses === 0) return item;
      lists.setUses(item, uses - 1);
      lists.renew(item);
      // Alone in the queue, an item would be renewed until its uses are gone, which ends.
    }
    return lists.last(small);
  }

  evicted(item: number): void {
    if (this.lists.queueOf(item) === small) this.ghosts.add(this.lists.hashOf(item), this.lists.items(main));
  }
}
