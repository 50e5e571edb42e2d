/**
 * Items of an arena, field by field, as item-layout.ts lays them out: what is asked and told about an item that is there. Nothing here knows of keys to find
 * one by, of time or of room.
 */
import { kibibyte } from "../../kernel/units.ts";
import type { BlockArena } from "./block-arena.ts";
import * as layout from "./item-layout.ts";

const { wordShift, headerBytes, marksWord, neverExpires } = layout;
const wide = 4_294_967_296;
/** Values are copied into buffers that they share, as Node's own small buffers do. */
const sharedBytes = 64 * kibibyte;

export class ItemFields {
  protected readonly arena: BlockArena;
  protected readonly words: Int32Array;
  private shared = new ArrayBuffer(0);
  private sharedUsed = 0;

  constructor(arena: BlockArena) {
    this.arena = arena;
    this.words = arena.words;
  }

  protected keyBytesOf(item: number): number {
    return this.words[(item << wordShift) + marksWord] & layout.keyBytesMask;
  }

  valueBytesOf(item: number): number {
    return this.words[(item << wordShift) + layout.valueBytesWord];
  }

  keyOf(item: number): string {
    return this.arena.text(item, headerBytes, this.keyBytesOf(item));
  }

  /** A copy, good for ever. Small ones share a buffer of 64 KiB, which the last of them keeps alive. */
  valueOf(item: number): Uint8Array {
    const length = this.valueBytesOf(item);
    const value = this.room(length);
    this.readValue(item, value, 0);
    return value;
  }

  /** Copies the value into `target`, which must have room for `valueBytesOf` bytes from `at`. */
  readValue(item: number, target: Uint8Array, at: number): void {
    const whole = this.isMarked(item, layout.wholeMark);
    this.arena.read(item, headerBytes + this.keyBytesOf(item), this.valueBytesOf(item), whole, target, at);
  }

  private room(length: number): Uint8Array {
    if (length > sharedBytes >>> 3) return new Uint8Array(length);
    if (this.sharedUsed + length > this.shared.byteLength) {
      this.shared = new ArrayBuffer(sharedBytes);
      this.sharedUsed = 0;
    }
    const room = new Uint8Array(this.shared, this.sharedUsed, length);
    this.sharedUsed += (length + 7) & ~7;
    return room;
  }

  flagsOf(item: number): number {
    return this.words[(item << wordShift) + layout.flagsWord] >>> 0;
  }

  casOf(item: number): number {
    const at = item << wordShift;
    return this.words[at + layout.casHighWord] * wide + (this.words[at + layout.casLowWord] >>> 0);
  }

  /** `cas`: a safe integer, 0 or more. Those that `set` gives go on from the greatest that it gave. */
  setCas(item: number, cas: number): void {
    const at = item << wordShift;
    this.words[at + layout.casLowWord] = cas;
    this.words[at + layout.casHighWord] = Math.floor(cas / wide);
  }

  /** When it expires, in seconds; Infinity: never. */
  expiresSOf(item: number): number {
    const expires = this.words[(item << wordShift) + layout.expiresWord] >>> 0;
    return expires === neverExpires ? Infinity : expires;
  }

  /** In place: no other part of the item changes. */
  setExpiry(item: number, expiresS: number): void {
    this.words[(item << wordShift) + layout.expiresWord] =
      expiresS >= neverExpires ? neverExpires : Math.max(0, Math.floor(expiresS));
  }

  /** When it was stored or used last, in seconds. */
  accessedSOf(item: number): number {
    return this.words[(item << wordShift) + layout.accessedWord] >>> 0;
  }

  /** Used since it was stored. */
  wasFetched(item: number): boolean {
    return this.isMarked(item, layout.fetchedMark);
  }

  isStale(item: number): boolean {
    return this.isMarked(item, layout.staleMark);
  }

  setStale(item: number, stale: boolean): void {
    this.mark(item, layout.staleMark, stale);
  }

  /** Somebody has been told to recompute it. */
  isWon(item: number): boolean {
    return this.isMarked(item, layout.wonMark);
  }

  setWon(item: number, won: boolean): void {
    this.mark(item, layout.wonMark, won);
  }

  /** Its client writes the key in base64. */
  isKeyEncoded(item: number): boolean {
    return this.isMarked(item, layout.keyEncodedMark);
  }

  setKeyEncoded(item: number, encoded: boolean): void {
    this.mark(item, layout.keyEncodedMark, encoded);
  }

  protected isMarked(item: number, mark: number): boolean {
    return (this.words[(item << wordShift) + marksWord] & mark) !== 0;
  }

  protected mark(item: number, mark: number, on: boolean): void {
    const at = (item << wordShift) + marksWord;
    this.words[at] = on ? this.words[at] | mark : this.words[at] & ~mark;
  }
}
