/**
 * What a full cache asks of its eviction policy. The store tells it of every item that comes, is used and goes, and asks for a victim when there is no
 * room; the policy orders the items in queues (item-lists.ts) and never touches anything else.
 */
export interface Eviction {
  /** Memory of its own, in bytes; fixed. */
  readonly byteLength: number;
  /** A new item: its header is written, it is in no queue. */
  admit(item: number): void;
  /** It was asked for, and was there. */
  use(item: number): void;
  /** It goes, for whatever reason: out of its queue. */
  remove(item: number): void;
  /** Which item to forget; 0 when there is none. It stays in its queue until `remove`. */
  victim(): number;
  /** It is being forgotten for want of room; `remove` follows. Ghosts are made here. */
  evicted(item: number): void;
  /** Queues in the order of their worth, the best first. */
  readonly hottestFirst: readonly number[];
}

/** Bytes that ghosts or counters may take, per block of the arena. */
export const memoryBytesABlock = 2;
