import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { evictionPolicies } from "../../api-cache.ts";
import type { EvictionPolicy } from "../../api-cache.ts";
import { Random } from "../../kernel/random.ts";
import { kibibyte, mebibyte } from "../../kernel/units.ts";
import { CacheStore, minCacheBytes } from "./cache-store.ts";
import * as layout from "./item-layout.ts";

function open(limitBytes: number, policy: EvictionPolicy = "lru", seed = 1): CacheStore {
  return new CacheStore({ limitBytes, policy, random: new Random(seed) });
}

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

function get(store: CacheStore, key: string, nowS = 0): string | undefined {
  const item = store.find(key, nowS);
  return item === 0 ? undefined : Buffer.from(store.valueOf(item)).toString("latin1");
}

/* ---- any sequence of operations against a plain Map ------------------------------------------------------------------------- */

interface Entry {
  readonly value: Uint8Array;
  readonly flags: number;
  expiresS: number;
}

type Operation =
  | { readonly kind: "set"; readonly key: number; readonly bytes: number; readonly ttlS: number }
  | { readonly kind: "get" | "remove"; readonly key: number }
  | { readonly kind: "touch"; readonly key: number; readonly ttlS: number }
  | { readonly kind: "wait"; readonly forS: number }
  | { readonly kind: "flush"; readonly inS: number }
  | { readonly kind: "crawl"; readonly buckets: number };

const key = fc.nat(40);
const ttlS = fc.oneof(
  { weight: 3, arbitrary: fc.constant(Infinity) },
  { weight: 2, arbitrary: fc.integer({ min: -1, max: 9 }) },
);
const length = fc.oneof(
  { weight: 6, arbitrary: fc.nat(150) },
  { weight: 2, arbitrary: fc.nat(2_000) },
  { weight: 1, arbitrary: fc.nat(9_000) },
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("set" as const), key, bytes: length, ttlS }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("get" as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("touch" as const), key, ttlS }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), forS: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const), inS: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crawl" as const), buckets: fc.nat(300) }) },
);

/** Some keys are long enough for blocks of their own, and some are bytes above 127. */
const nameOf = (key: number): string => `\u00e9${key}`.padEnd(key % 5 === 0 ? 150 : 4, "\u0000k");

/** What a cache without a limit would hold. The store may hold less, never other than that. */
class Model {
  private readonly store: CacheStore;
  private readonly entries = new Map<number, Entry>();
  private nowS = 100;
  private flushS = Infinity;
  private count = 0;

  constructor(policy: EvictionPolicy) {
    this.store = open(minCacheBytes * 2, policy);
  }

  apply(operation: Operation): void {
    switch (operation.kind) {
      case "set":
        return this.set(operation.key, operation.bytes, operation.ttlS);
      case "get": {
        const item = this.agree(operation.key);
        if (item === 0) return;
        this.store.use(item, this.nowS);
        assert.equal(this.store.wasFetched(item), true);
        return assert.equal(this.store.accessedSOf(item), this.nowS);
      }
      case "remove": {
        const item = this.agree(operation.key);
        if (item !== 0) this.store.remove(item);
        this.entries.delete(operation.key);
        return;
      }
      case "touch": {
        const item = this.agree(operation.key);
        if (item === 0) return;
        this.store.setExpiry(item, this.nowS + operation.ttlS);
        this.entries.get(operation.key)!.expiresS = this.nowS + operation.ttlS;
        return;
      }
      case "wait":
        this.nowS += operation.forS;
        if (this.nowS >= this.flushS) this.flushed();
        return;
      case "flush":
        this.store.flush(this.nowS + operation.inS, this.nowS);
        this.flushS = this.nowS + operation.inS;
        if (operation.inS === 0) this.flushed();
        return;
      case "crawl":
        this.store.crawl(0, operation.buckets, this.nowS);
    }
  }

  private set(key: number, length: number, ttlS: number): void {
    const value = new Uint8Array(length);
    for (let i = 0; i < length; i++) value[i] = (++this.count * 31 + i) & 0xff;
    const flags = (this.count * 0x9e3779b1) >>> 0;
    const before = this.agree(key);
    const cas = before === 0 ? 0 : this.store.casOf(before);
    const item = this.store.set(nameOf(key), value, flags, this.nowS + ttlS, this.nowS);
    if (item === 0)
      return assert.ok(44 + nameOf(key).length + length > this.store.maxItemBytes, "refused for no reason");
    assert.ok(this.store.casOf(item) > cas, "a change gives no greater CAS value");
    assert.equal(this.store.wasFetched(item), false);
    this.entries.set(key, { value, flags, expiresS: this.nowS + ttlS });
    if (ttlS > 0) assert.equal(this.agree(key), item, "it is not there after its set");
  }

  private flushed(): void {
    this.entries.clear();
    this.flushS = Infinity;
  }

  /** The item under a key, which is the model's or not there. */
  private agree(key: number): number {
    const item = this.store.find(nameOf(key), this.nowS);
    if (item === 0) return 0;
    const entry = this.entries.get(key);
    assert.ok(entry !== undefined, `key ${key} was never stored, or is deleted or flushed`);
    assert.ok(entry.expiresS > this.nowS, `key ${key} has expired`);
    assert.equal(this.store.keyOf(item), nameOf(key));
    assert.equal(Buffer.compare(this.store.valueOf(item), entry.value), 0, `key ${key} has another value`);
    assert.equal(this.store.flagsOf(item), entry.flags);
    assert.equal(this.store.expiresSOf(item), entry.expiresS);
    return item;
  }

  check(): void {
    this.store.check();
    assert.ok(this.store.usedBytes <= this.store.limitBytes, "over the limit");
    let walked = 0;
    assert.equal(
      this.store.walk(0, Infinity, this.nowS, () => walked++),
      undefined,
    );
    let present = 0;
    for (const key of this.entries.keys()) if (this.agree(key) !== 0) present++;
    assert.equal(walked, present, "a walk shows other items than there are");
  }
}

for (const policy of evictionPolicies) {
  test(`${policy}: what is there was stored and is whole, whatever happens`, () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 250, size: "max" }), (operations) => {
        const model = new Model(policy);
        for (const [i, operation] of operations.entries()) {
          model.apply(operation);
          if (i % 10 === 0) model.check();
        }
        model.check();
      }),
      { numRuns: 100, seed: 7 },
    );
  });
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */

for (const policy of evictionPolicies) {
  test(`${policy}: sizes that change leave no memory behind`, () => {
    const store = open(2 * mebibyte, policy);
    const random = new Random(3);
    let stored = 0;
    const fill = (meanBytes: number, totalBytes: number): number => {
      for (let bytes = 0; bytes < totalBytes; stored++) {
        const length = random.between(meanBytes / 2, (meanBytes * 3) / 2);
        store.set(`key-${stored}`, new Uint8Array(length), 0, Infinity, 0);
        bytes += length;
      }
      store.check();
      assert.ok(store.usedBytes > 0.96 * store.limitBytes, `${store.usedBytes} bytes are used of ${store.limitBytes}`);
      return store.bytes;
    };
    const [small, large, mixed, again] = [100, 1_000, 20_000, 100].map((meanBytes) => fill(meanBytes, 5e6));
    // Half a block an item is lost on average, and the chain: 70 % is kept of the smallest items, 85 % of larger ones. W-TinyLFU lets no newcomer in
    // that is no more popular than who is there, so what is there does not change as a whole.
    if (policy === "w-tinylfu") return;
    assert.ok(small > 0.7 * store.limitBytes, `${small} bytes of small items in ${store.limitBytes}`);
    assert.ok(large > 0.85 * store.limitBytes, `${large} bytes of large items`);
    assert.ok(mixed > 0.85 * store.limitBytes, `${mixed} bytes of very large items`);
    assert.ok(Math.abs(again / small - 1) < 0.02, `${again} bytes of small items after large ones, ${small} before`);
    assert.ok(store.reservedBytes <= store.limitBytes);
  });
}

test("a value may be as large as the limit says, and no larger", () => {
  const store = open(16 * mebibyte);
  const key = "k";
  const most = mebibyte - 44 - key.length;
  const value = new Uint8Array(most).map((_, i) => i * 7);
  const item = store.set(key, value, 0, Infinity, 0);
  assert.equal(Buffer.compare(store.valueOf(item), value), 0);
  assert.equal(store.set(key, new Uint8Array(most + 1), 0, Infinity, 0), 0);
  assert.equal(store.valueBytesOf(store.find(key, 0)), most, "a set that is refused changes nothing");
  assert.equal(
    open(64 * kibibyte).maxItemBytes < 16 * kibibyte,
    true,
    "a small cache takes no item of more than a quarter of it",
  );
});

test("values in pieces are read and written in order", () => {
  const store = open(64 * kibibyte);
  const fill = (i: number): void => void store.set(`f${i}`, new Uint8Array(10), 0, Infinity, 0);
  for (let i = 0; i < 2_000; i++) fill(i);
  // Every second item that is left goes, so that what is free lies in single blocks.
  for (let i = 0; i < 2_000; i += 2) {
    const item = store.find(`f${i}`, 0);
    if (item !== 0) store.remove(item);
  }
  for (const length of [100, 1_000, 5_000]) {
    const value = new Uint8Array(length).map((_, i) => i ^ (i >> 8));
    const item = store.set(`v${length}`, value, 0, Infinity, 0);
    assert.equal(Buffer.compare(store.valueOf(item), value), 0);
    const target = new Uint8Array(length + 2).fill(99);
    store.readValue(item, target, 1);
    assert.deepEqual([target[0], target[length + 1]], [99, 99], "it wrote beside the value");
    assert.equal(Buffer.compare(target.subarray(1, length + 1), value), 0);
  }
  store.check();
});

test("a limit outside what can be served is refused with what to do", () => {
  for (const limitBytes of [0, NaN, minCacheBytes - 1, 2 ** 40])
    assert.throws(() => open(limitBytes), /limitBytes must be from 16384 to/);
  const store = open(minCacheBytes);
  assert.throws(() => store.set("", bytes(""), 0, Infinity, 0), /a key has 1 to 250 bytes; got 0/);
  assert.throws(() => store.set("k".repeat(251), bytes(""), 0, Infinity, 0), /got 251/);
  assert.equal(get(store, "k".repeat(251)), undefined);
});

/* ---- growth ------------------------------------------------------------------------------------------------------------------ */

test("the index grows by one bucket at a time and finds everything meanwhile", () => {
  const store = open(4 * mebibyte);
  let power = store.indexPower;
  let buckets = store.indexBytes / 4;
  for (let i = 0; i < 20_000; i++) {
    store.set(`key-${i}`, bytes(String(i)), 0, Infinity, 0);
    const now = store.indexBytes / 4;
    assert.ok(now - buckets <= 1, "more than one bucket was split at once");
    buckets = now;
    if (store.indexPower > power) store.check();
    power = store.indexPower;
    assert.equal(get(store, `key-${i >> 1}`), String(i >> 1));
  }
  assert.ok(power >= 14);
});

test("keys that collide under one seed do not under another", () => {
  // 300 keys that fall into one bucket of the first 256 under seed 1 spread evenly under seed 2: nobody can prepare them from outside.
  const [one, two] = [new Map<number, number>(), new Map<number, number>()];
  const count = (into: Map<number, number>, seed: number): void => {
    const store = open(256 * kibibyte, "lru", seed);
    for (let i = 0; i < 2_000; i++) {
      store.set(`key-${i}`, bytes(""), 0, Infinity, 0);
    }
    let bucket = 0;
    for (let from: number | undefined = 0; from !== undefined;) {
      let items = 0;
      const next: number | undefined = store.walk(from, 1, 0, () => items++);
      into.set(bucket++, items);
      from = next;
    }
  };
  count(one, 1);
  count(two, 2);
  assert.notDeepEqual([...one.values()], [...two.values()], "the seed does not matter");
  for (const seen of [one, two]) assert.ok(Math.max(...seen.values()) < 12, "some bucket is long");
});

/* ---- time -------------------------------------------------------------------------------------------------------------------- */

test("an item is there until the second of its expiry, and its memory comes back", () => {
  const store = open(64 * kibibyte);
  store.set("a", bytes("1"), 0, 110, 100);
  store.set("b", bytes("2"), 0, Infinity, 100);
  store.set("c", bytes("3"), 0, 100, 100);
  assert.equal(get(store, "a", 109), "1");
  assert.equal(get(store, "a", 110), undefined);
  assert.equal(get(store, "c", 100), undefined, "what expires now is gone now");
  assert.equal(get(store, "b", 4e9), "2");
  assert.equal(store.items, 1);
  assert.deepEqual([store.counts.expired, store.counts.expiredUnfetched], [2, 2]);
});

test("a touch moves the expiry and nothing else", () => {
  const store = open(64 * kibibyte);
  const item = store.set("a", bytes("1"), 5, 110, 100);
  const cas = store.casOf(item);
  store.setExpiry(store.find("a", 105), 200);
  assert.equal(get(store, "a", 199), "1");
  assert.deepEqual([store.casOf(item), store.flagsOf(item)], [cas, 5]);
});

test("a crawl takes back expired items, some buckets a step", () => {
  const store = open(mebibyte);
  for (let i = 0; i < 1_000; i++) store.set(`key-${i}`, bytes("x"), 0, i % 2 === 0 ? 10 : Infinity, 0);
  let steps = 0;
  for (let from = store.crawl(0, 100, 10); from !== 0; from = store.crawl(from, 100, 10)) steps++;
  assert.equal(store.items, 500);
  assert.ok(steps >= 9);
  store.check();
});

test("a flush takes what was stored before its moment, and spares what comes after", () => {
  const store = open(64 * kibibyte);
  store.set("before", bytes("1"), 0, Infinity, 100);
  store.flush(100, 100);
  store.set("after", bytes("2"), 0, Infinity, 100);
  assert.deepEqual([get(store, "before", 100), get(store, "after", 100)], [undefined, "2"]);
  store.flush(110, 100);
  store.set("between", bytes("3"), 0, Infinity, 105);
  assert.equal(get(store, "between", 109), "3");
  assert.deepEqual([get(store, "between", 110), get(store, "after", 110)], [undefined, undefined]);
  store.flush(200, 110);
  store.flush(110, 110);
  store.set("kept", bytes("4"), 0, Infinity, 110);
  assert.equal(get(store, "kept", 300), "4", "a flush at once replaces one that was to come");
});

test("flushes as many as there are epochs bring nothing back", () => {
  const store = open(64 * kibibyte);
  store.set("a", bytes("1"), 0, Infinity, 0);
  for (let i = 0; i < 32_768; i++) store.flush(0, 0);
  assert.equal(get(store, "a"), undefined);
});

/* ---- marks and walks --------------------------------------------------------------------------------------------------------- */

test("no two marks share a bit", () => {
  const masks = [
    layout.keyBytesMask,
    layout.fetchedMark,
    layout.staleMark,
    layout.wonMark,
    layout.queueMask,
    layout.usesMask,
    layout.wholeMark,
    layout.keyEncodedMark,
    layout.lastEpoch << layout.epochShift,
  ];
  let together = 0;
  for (const mask of masks) {
    assert.equal(together & mask, 0);
    together |= mask;
  }
  assert.equal(together, -1, "every bit has its meaning");
});

test("stale and won are the owner's to set, and a set clears them", () => {
  const store = open(64 * kibibyte);
  let item = store.set("a", bytes("1"), 0, Infinity, 0);
  store.setStale(item, true);
  store.setWon(item, true);
  store.use(item, 7);
  assert.deepEqual(
    [store.isStale(item), store.isWon(item), store.wasFetched(item), store.accessedSOf(item)],
    [true, true, true, 7],
  );
  store.setWon(item, false);
  assert.deepEqual([store.isStale(item), store.isWon(item)], [true, false]);
  store.setCas(item, 2 ** 52 + 12_345);
  assert.equal(store.casOf(item), 2 ** 52 + 12_345);
  item = store.set("a", bytes("2"), 0, Infinity, 8);
  assert.deepEqual([store.isStale(item), store.isWon(item), store.wasFetched(item)], [false, false, false]);
});

test("a walk in pages shows every item that stays, while others come", () => {
  const store = open(4 * mebibyte);
  for (let i = 0; i < 3_000; i++) store.set(`key-${i}`, bytes("x"), 0, Infinity, 0);
  const seen = new Set<string>();
  let more = 0;
  let pages = 0;
  for (let from: number | undefined = 0; from !== undefined; pages++) {
    from = store.walk(from, 50, 0, (item) => seen.add(store.keyOf(item)));
    for (let i = 0; i < 20; i++) store.set(`more-${more++}`, bytes("x"), 0, Infinity, 0);
  }
  for (let i = 0; i < 3_000; i++) assert.ok(seen.has(`key-${i}`), `key-${i} was not shown`);
  assert.ok(pages > 50);
  assert.equal(store.counts.evictions, 0);
});

for (const policy of evictionPolicies) {
  test(`${policy}: the hottest items come first`, () => {
    const store = open(mebibyte, policy);
    for (let i = 0; i < 20_000; i++) {
      store.set(`cold-${i}`, bytes("x"), 0, Infinity, 0);
      for (let hot = 0; hot < 10; hot++) {
        const item = store.find(`hot-${hot}`, 0) || store.set(`hot-${hot}`, bytes("x"), 0, Infinity, 0);
        store.use(item, 0);
      }
    }
    const first: string[] = [];
    store.hottest(0, (item) => first.push(store.keyOf(item)) < 100);
    assert.equal(first.filter((key) => key.startsWith("hot")).length, 10);
  });
}
