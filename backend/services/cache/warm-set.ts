/**
 * What a cache would miss most after a restart, kept in the node's store: the items that its policy would keep longest, up to a number of bytes.
 *
 *     every 30 s: keys, the hottest first ── 10 a second ──> pieces of 64 KiB, each one record, written later and waited for by nobody
 *
 * A restart finds the items of the last rounds, some perhaps older than what a client was told since: a cache whose items must not come back from the past
 * has no warm set. Stale items and CAS values are not kept.
 */
import type { Store, Value } from "../../kernel/store.ts";
import { afterPrefix } from "../../kernel/store.ts";
import { kibibyte, millisecond } from "../../kernel/units.ts";
import type { CacheStore } from "../../protocols/cache/cache-store.ts";

export const warmEveryUs = 100 * millisecond;
const ticksARound = 300;
const pieceBytes = 64 * kibibyte;
/** Keys in a round at most: they are listed in one turn. */
const maxKeys = 50_000;
const prefix = "warm/";

interface WarmItem {
  readonly key: string;
  readonly value: Uint8Array;
  readonly flags: number;
  /** -1: never. */
  readonly expiresS: number;
  readonly [name: string]: Value;
}

export class WarmSet {
  private readonly cache: CacheStore;
  private readonly disk: Store;
  private readonly maxBytes: number;
  /** Of this round, the hottest last. */
  private keys: string[] = [];
  private pieces = 0;
  private tick = 0;
  /** Pieces of the last round. */
  private written = 0;

  constructor(cache: CacheStore, disk: Store, maxBytes: number) {
    this.cache = cache;
    this.disk = disk;
    this.maxBytes = maxBytes;
  }

  /** Fills the cache with what was kept, the hottest last, so that they are the hottest again. */
  load(nowS: number): void {
    const pieces: WarmItem[][] = [];
    this.disk.scan(prefix, afterPrefix(prefix), (_key, value) => void pieces.push(value as unknown as WarmItem[]));
    this.written = pieces.length;
    for (const piece of pieces.toReversed()) {
      for (const { key, value, flags, expiresS } of piece.toReversed()) {
        if (expiresS >= 0 && expiresS <= nowS) continue;
        this.cache.set(key, value, flags, expiresS < 0 ? Infinity : expiresS, nowS);
      }
    }
  }

  /** To be called every `warmEveryUs`. */
  step(nowS: number): void {
    const due = this.tick++ % ticksARound === 0;
    if (this.keys.length === 0) {
      if (!due) return;
      this.begin(nowS);
    }
    if (this.keys.length > 0) this.disk.putLater(pieceKey(this.pieces++), this.takePiece(nowS));
    if (this.keys.length > 0) return;
    // The round is over; one that found nothing leaves nothing.
    for (let piece = this.pieces; piece < this.written; piece++) this.disk.deleteLater(pieceKey(piece));
    this.written = this.pieces;
  }

  private begin(nowS: number): void {
    const { cache } = this;
    let bytes = 0;
    this.pieces = 0;
    cache.hottest(nowS, (item) => {
      bytes += cache.valueBytesOf(item);
      if (bytes > this.maxBytes || this.keys.length === maxKeys) return false;
      if (!cache.isStale(item) && !cache.isWon(item)) this.keys.push(cache.keyOf(item));
      return true;
    });
    this.keys.reverse();
  }

  private takePiece(nowS: number): WarmItem[] {
    const { cache } = this;
    const piece: WarmItem[] = [];
    for (let bytes = 0; bytes < pieceBytes && this.keys.length > 0;) {
      const key = this.keys.pop()!;
      const item = cache.find(key, nowS);
      if (item === 0 || cache.isStale(item)) continue;
      const expiresS = cache.expiresSOf(item);
      // A copy of its own: small values share a buffer, which the store would keep alive whole.
      const value = Uint8Array.from(cache.valueOf(item));
      piece.push({ key, value, flags: cache.flagsOf(item), expiresS: expiresS === Infinity ? -1 : expiresS });
      bytes += key.length + value.length;
    }
    return piece;
  }
}

function pieceKey(piece: number): string {
  return prefix + String(piece).padStart(8, "0");
}
