/**
 * Segmented LRU (Karedla, Love and Wherry, IEEE Computer 1994): a new item is on probation and becomes protected by its first use; what the protected
 * segment has no room for goes back on probation. Items used once never displace items used twice, so a scan passes through probation alone.
 *
 *     new -> [ probation ] -> forgotten        [ protected, up to 80 % ] -- too many --> new end of probation
 *                 use -----------------------> new end of protected
 */
import type { Eviction } from "./eviction.ts";
import type { ItemLists } from "./item-lists.ts";

const probation = 0;
const protectedQueue = 1;
const protectedShare = 0.8;

export class SegmentedLru implements Eviction {
  readonly byteLength = 0;
  readonly hottestFirst = [protectedQueue, probation];
  private readonly lists: ItemLists;
  private readonly protectedBlocks: number;

  constructor(lists: ItemLists) {
    this.lists = lists;
    this.protectedBlocks = Math.floor(lists.capacity * protectedShare);
  }

  admit(item: number): void {
    this.lists.add(probation, item);
  }

  use(item: number): void {
    const { lists } = this;
    if (lists.queueOf(item) === protectedQueue) return lists.renew(item);
    lists.move(item, protectedQueue);
    while (lists.blocks(protectedQueue) > this.protectedBlocks) lists.move(lists.last(protectedQueue), probation);
  }

  remove(item: number): void {
    this.lists.remove(item);
  }

  victim(): number {
    return this.lists.last(probation) || this.lists.last(protectedQueue);
  }

  evicted(): void {}
}
