/**
 * W-TinyLFU (Einziger, Friedman and Manes, ACM Transactions on Storage 2017): what leaves a small window meets the next victim of the main cache, and the
 * one that was asked for more often lately stays. The main cache is a segmented LRU, so that this judges who comes in and recency who goes.
 *
 *     new -> [ window, 1 %, LRU ] -- more frequent than the victim? --> [ probation | protected, 80 % ] -> forgotten
 *                    `------ no: forgotten
 *
 * The window keeps its size. Caffeine's climbs towards more hits (Middleware 2018): on the traces of hit-ratio.bench.ts its trying cost more where popularity
 * lasts than it brought where popularity shifts.
 *
 * Sizes count in blocks. No doorkeeper: the counters take no more memory than another policy's ghosts as they are.
 */
import type { Eviction } from "./eviction.ts";
import { memoryBytesABlock } from "./eviction.ts";
import { FrequencySketch } from "./frequency-sketch.ts";
import type { ItemLists } from "./item-lists.ts";

const window = 0;
const probation = 1;
const protectedQueue = 2;
const windowShare = 0.01;
const protectedShare = 0.8;
/** While more of the cache than this is free, nobody has to compete. */
const fullShare = 0.01;

export class WTinyLfu implements Eviction {
  readonly hottestFirst = [protectedQueue, window, probation];
  private readonly lists: ItemLists;
  private readonly windowBlocks: number;
  private readonly protectedBlocks: number;
  private readonly roomBlocks: number;
  private readonly sketch: FrequencySketch;

  constructor(lists: ItemLists) {
    const { capacity } = lists;
    this.lists = lists;
    this.windowBlocks = Math.ceil(capacity * windowShare);
    this.protectedBlocks = Math.floor((capacity - this.windowBlocks) * protectedShare);
    this.roomBlocks = Math.ceil(capacity * fullShare);
    this.sketch = new FrequencySketch(capacity * memoryBytesABlock);
  }

  get byteLength(): number {
    return this.sketch.byteLength;
  }

  admit(item: number): void {
    const { lists } = this;
    this.count(item);
    lists.add(window, item);
    while (lists.freeBlocks > this.roomBlocks && lists.blocks(window) > this.windowBlocks) {
      lists.move(lists.last(window), probation);
    }
  }

  use(item: number): void {
    const { lists } = this;
    this.count(item);
    if (lists.queueOf(item) !== probation) return lists.renew(item);
    lists.move(item, protectedQueue);
    while (lists.blocks(protectedQueue) > this.protectedBlocks) lists.move(lists.last(protectedQueue), probation);
  }

  private count(item: number): void {
    const { lists } = this;
    this.sketch.count(lists.hashOf(item), lists.items(window) + lists.items(probation) + lists.items(protectedQueue));
  }

  remove(item: number): void {
    this.lists.remove(item);
  }

  victim(): number {
    const { lists } = this;
    const candidate = lists.last(window);
    const resident = lists.last(probation) || lists.last(protectedQueue);
    if (resident === 0) return candidate;
    if (lists.blocks(window) <= this.windowBlocks) return resident;
    if (this.sketch.of(lists.hashOf(candidate)) <= this.sketch.of(lists.hashOf(resident))) return candidate;
    lists.move(candidate, probation);
    return resident;
  }

  evicted(): void {}
}
