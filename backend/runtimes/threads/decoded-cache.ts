/**
 * Values decoded from the database, bounded by the bytes they were decoded from. There are two generations: when the young one is
 * full it becomes the old one, and what was old is forgotten. No list to keep, nothing to update on a hit.
 */
import type { StoreKey, Value } from "../../kernel/store.ts";

export class DecodedCache {
  private young = new Map<StoreKey, Value>();
  private old = new Map<StoreKey, Value>();
  private youngBytes = 0;
  private readonly generationBytes: number;

  constructor(limitBytes: number) {
    this.generationBytes = limitBytes / 2;
  }

  get(key: StoreKey): Value | undefined {
    return this.young.get(key) ?? this.old.get(key);
  }

  set(key: StoreKey, value: Value, bytes: number): void {
    this.youngBytes += bytes + key.length;
    if (this.youngBytes > this.generationBytes) {
      this.old = this.young;
      this.young = new Map();
      this.youngBytes = bytes + key.length;
    }
    this.young.set(key, value);
  }

  delete(key: StoreKey): void {
    this.young.delete(key);
    this.old.delete(key);
  }
}
