/** Least recently used: one queue, to whose new end each use moves an item. What every other policy is measured by. */
import type { Eviction } from "./eviction.ts";
import type { ItemLists } from "./item-lists.ts";

const queue = 0;

export class Lru implements Eviction {
  readonly byteLength = 0;
  readonly hottestFirst = [queue];
  private readonly lists: ItemLists;

  constructor(lists: ItemLists) {
    this.lists = lists;
  }

  admit(item: number): void {
    this.lists.add(queue, item);
  }

  use(item: number): void {
    this.lists.renew(item);
  }

  remove(item: number): void {
    this.lists.remove(item);
  }

  victim(): number {
    return this.lists.last(queue);
  }

  evicted(): void {}
}
