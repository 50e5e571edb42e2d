import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../kernel/random.ts";
import type { Store, Value } from "../../kernel/store.ts";
import { mebibyte } from "../../kernel/units.ts";
import { CacheStore } from "../../protocols/cache/cache-store.ts";
import { WarmSet } from "./warm-set.ts";

class MemoryDisk implements Store {
  readonly values = new Map<string, Value>();
  get(key: string): Value | undefined {
    return this.values.get(key);
  }
  put(): void {
    assert.fail("nothing may wait for the disk");
  }
  delete(): void {
    assert.fail("nothing may wait for the disk");
  }
  putLater(key: string, value: Value): void {
    this.values.set(key, value);
  }
  deleteLater(key: string): void {
    this.values.delete(key);
  }
  scan(from: string, to: string, visit: (key: string, value: Value) => boolean | void): void {
    for (const key of [...this.values.keys()].toSorted())
      if (key >= from && key < to) visit(key, this.values.get(key)!);
  }
}

const cacheOf = (): CacheStore => new CacheStore({ limitBytes: 4 * mebibyte, random: new Random(1) });
const textAt = (cache: CacheStore, key: string, nowS: number): string | undefined => {
  const item = cache.find(key, nowS);
  return item === 0 ? undefined : String.fromCharCode(...cache.valueOf(item));
};

test("what was kept is there after a restart, with flags and expiry, and nothing that has expired or is stale", () => {
  const disk = new MemoryDisk();
  const before = cacheOf();
  const value = Uint8Array.of(0x78);
  for (let i = 0; i < 1_000; i++) before.set(`key-${i}`, value, i, i % 2 === 0 ? Infinity : 2_000, 1_000);
  before.set("soon", value, 0, 1_010, 1_000);
  before.setStale(before.set("stale", value, 0, Infinity, 1_000), true);
  const warm = new WarmSet(before, disk, mebibyte);
  for (let i = 0; i < 300; i++) warm.step(1_000);
  const after = cacheOf();
  new WarmSet(after, disk, mebibyte).load(1_020);
  assert.equal(after.items, 1_000);
  assert.equal(textAt(after, "key-7", 1_020), "x");
  assert.equal(after.flagsOf(after.find("key-7", 1_020)), 7);
  assert.equal(after.expiresSOf(after.find("key-7", 1_020)), 2_000);
  assert.equal(after.expiresSOf(after.find("key-8", 1_020)), Infinity);
  assert.equal(textAt(after, "soon", 1_020), undefined);
  assert.equal(textAt(after, "stale", 1_020), undefined);
});

test("of too many items the hottest are kept, and pieces of a larger round before are gone", () => {
  const disk = new MemoryDisk();
  const cache = cacheOf();
  for (let i = 0; i < 40; i++) cache.set(`key-${i}`, new Uint8Array(20_000), 0, Infinity, 1_000);
  const warm = new WarmSet(cache, disk, 400_000);
  for (let i = 0; i < 300; i++) warm.step(1_000);
  const pieces = disk.values.size;
  assert.ok(pieces >= 4 && pieces <= 7, `${pieces} pieces for 400,000 bytes`);
  for (let i = 1; i < 40; i++) cache.remove(cache.find(`key-${i}`, 1_000));
  for (let i = 0; i < 300; i++) warm.step(1_000);
  assert.equal(disk.values.size, 1);
  const after = cacheOf();
  new WarmSet(after, disk, 400_000).load(1_000);
  assert.equal(after.items, 1);
});

test("a round that finds nothing leaves nothing: what was flushed does not come back", () => {
  const disk = new MemoryDisk();
  const cache = cacheOf();
  cache.set("key", Uint8Array.of(0x78), 0, Infinity, 1_000);
  const warm = new WarmSet(cache, disk, mebibyte);
  for (let i = 0; i < 300; i++) warm.step(1_000);
  assert.equal(disk.values.size, 1);
  cache.flush(1_001, 1_001);
  for (let i = 0; i < 300; i++) warm.step(1_001);
  assert.equal(disk.values.size, 0);
});
