/**
 * One big buffer in blocks of 64 bytes. An item is a chain of blocks, not a stretch of memory, so any free block serves any item: nothing has to be
 * moved, no size owns a share of the memory (memcached's slabs do, and calcify), and what is free can be used to the last block. The price is half a
 * block an item and four bytes a block for the chain; and that a value may lie in pieces, so it is always copied out.
 *
 *     blocks   | k1 v1 | v1 .. | k2 v2 | free  | v1    | free  |        next   1 -> 2 -> 5      free 4 -> 6
 *
 * Blocks that follow each other in the chain and in memory are copied in one go. Items take blocks that were free in the order in which their last
 * owner had them, so in a store of items of much the same size nearly every item stays in one piece.
 */
import { blockBytes, blockShift } from "./item-layout.ts";

/** Below so many bytes a loop is faster than a call into the engine. */
const loopBytes = 28;

export class BlockArena {
  /** Every block but block 0, which stands for none. */
  readonly blocks: number;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** The block after a block: of its item, or of the free list; 0 at the end. */
  private readonly next: Int32Array;
  /** Head of the list of blocks given back. */
  private freed = 0;
  /** Blocks from here on have never been used, and their memory has never been touched. */
  private untouched = 1;
  private used = 0;

  constructor(blocks: number) {
    this.blocks = blocks;
    const buffer = new ArrayBuffer((blocks + 1) * blockBytes);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.next = new Int32Array(blocks + 1);
  }

  get freeBlocks(): number {
    return this.blocks - this.used;
  }

  get usedBlocks(): number {
    return this.used;
  }

  /** What it takes for so many blocks. */
  static readonly bytesABlock = blockBytes + 4;

  get byteLength(): number {
    return this.bytes.byteLength + this.next.byteLength;
  }

  /** The first of `count` chained blocks; there must be as many free. */
  allocate(count: number): number {
    const { next } = this;
    const first = this.takeOne();
    let last = first;
    for (let i = 1; i < count; i++) {
      const block = this.takeOne();
      next[last] = block;
      last = block;
    }
    next[last] = 0;
    this.used += count;
    return first;
  }

  private takeOne(): number {
    const block = this.freed;
    if (block === 0) return this.untouched++;
    this.freed = this.next[block];
    return block;
  }

  /** Gives back a chain of `count` blocks. `whole` here and below: they are known to follow each other. */
  release(first: number, count: number, whole: boolean): void {
    const last = whole ? first + count - 1 : this.blockAt(first, count - 1);
    this.next[last] = this.freed;
    this.freed = first;
    this.used -= count;
  }

  /** Makes a chain of `from` blocks one of `to`; its first block stays. */
  resize(first: number, from: number, to: number): void {
    if (to > from) {
      const more = this.allocate(to - from);
      this.next[this.blockAt(first, from - 1)] = more;
    } else if (to < from) {
      const last = this.blockAt(first, to - 1);
      this.release(this.next[last], from - to, false);
      this.next[last] = 0;
    }
  }

  /** True when the blocks of a chain follow each other in memory. */
  isWhole(first: number, count: number): boolean {
    for (let block = first; block < first + count - 1; block++) if (this.next[block] !== block + 1) return false;
    return true;
  }

  /** Block `index` of a chain. */
  private blockAt(first: number, index: number): number {
    let block = first;
    for (let i = 0; i < index; i++) block = this.next[block];
    return block;
  }

  /** Copies `length` bytes of the chain, from byte `at`, to `target`. */
  read(first: number, at: number, length: number, whole: boolean, target: Uint8Array, targetAt: number): void {
    if (whole) return copy(this.bytes, first * blockBytes + at, target, targetAt, length);
    this.copyPieces(first, at, length, target, targetAt, false);
  }

  /** Copies `source` into the chain from byte `at`. */
  write(first: number, at: number, whole: boolean, source: Uint8Array): void {
    const { length } = source;
    if (whole) return copy(source, 0, this.bytes, first * blockBytes + at, length);
    this.copyPieces(first, at, length, source, 0, true);
  }

  /** Between the chain, from byte `at`, and `other`, from `otherAt`: a piece of memory after the other. */
  private copyPieces(
    first: number,
    at: number,
    length: number,
    other: Uint8Array,
    otherAt: number,
    intoChain: boolean,
  ): void {
    let block = this.blockAt(first, at >>> blockShift);
    let offset = at & (blockBytes - 1);
    for (let done = 0; done < length; offset = 0) {
      const last = this.endOfRun(block, offset + length - done);
      const count = Math.min(length - done, (last - block + 1) * blockBytes - offset);
      const here = block * blockBytes + offset;
      if (intoChain) copy(other, otherAt + done, this.bytes, here, count);
      else copy(this.bytes, here, other, otherAt + done, count);
      done += count;
      block = this.next[last];
    }
  }

  /** The last block that follows `block` in one piece, as far as `length` bytes from its start reach. */
  private endOfRun(block: number, length: number): number {
    let last = block;
    for (let left = length - blockBytes; left > 0 && this.next[last] === last + 1; left -= blockBytes) last++;
    return last;
  }

  /** Writes a byte string into the chain from byte `at` of its first block. */
  writeText(first: number, at: number, text: string): void {
    const { bytes } = this;
    let block = first;
    let position = block * blockBytes + at;
    let end = (block + 1) * blockBytes;
    for (let i = 0; i < text.length; i++) {
      if (position === end) {
        block = this.next[block];
        position = block * blockBytes;
        end = position + blockBytes;
      }
      bytes[position++] = text.charCodeAt(i);
    }
  }

  /** The byte string of `length` bytes from byte `at` of the chain. */
  text(first: number, at: number, length: number): string {
    const bytes = new Uint8Array(length);
    this.read(first, at, length, false, bytes, 0);
    return String.fromCharCode(...bytes);
  }

  /** True when the chain holds this byte string from byte `at` of its first block. */
  holdsText(first: number, at: number, text: string): boolean {
    const { bytes } = this;
    let block = first;
    let position = block * blockBytes + at;
    let end = (block + 1) * blockBytes;
    for (let i = 0; i < text.length; i++) {
      if (position === end) {
        block = this.next[block];
        position = block * blockBytes;
        end = position + blockBytes;
      }
      if (bytes[position++] !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Marks the blocks of a chain of `count` in `seen`; throws when one was there before or the chain has another length. */
  checkChain(first: number, count: number, seen: Uint8Array): void {
    let block = first;
    for (let i = 0; i < count; i++) {
      if (block <= 0 || block >= this.untouched || seen[block] !== 0) {
        throw new Error(`block ${block}, number ${i} of the chain at ${first}, is free, of another item, or no block`);
      }
      seen[block] = 1;
      block = this.next[block];
    }
    if (block !== 0) throw new Error(`the chain at ${first} goes on after its ${count} blocks`);
  }

  /** Throws unless each block was seen in a chain, or is free: once. */
  check(seen: Uint8Array): void {
    let free = this.blocks + 1 - this.untouched;
    for (let block = this.freed; block !== 0; block = this.next[block]) {
      if (seen[block] !== 0) throw new Error(`block ${block} is free twice, or free and in use`);
      seen[block] = 1;
      free++;
    }
    if (free !== this.freeBlocks) throw new Error(`${free} blocks are free, ${this.freeBlocks} should be`);
    for (let block = 1; block < this.untouched; block++) {
      if (seen[block] === 0) throw new Error(`block ${block} is lost: neither free nor in use`);
    }
  }
}

function copy(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): void {
  if (count < loopBytes) {
    for (let i = 0; i < count; i++) target[to + i] = source[from + i];
  } else if (from === 0 && count === source.length) {
    target.set(source, to);
  } else {
    target.set(source.subarray(from, from + count), to);
  }
}
