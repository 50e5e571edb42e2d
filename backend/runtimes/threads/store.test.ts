import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Random } from "../../kernel/random.ts";
import type { Value } from "../../kernel/store.ts";
import { LayeredStore } from "./store.ts";

/** Short keys over few letters, two of them above 0x7f, so that layers collide and byte order matters. */
function randomKey(random: Random): string {
  let key = "";
  for (let i = random.between(1, 3); i > 0; i--) key += random.pick(["a", "b", "\u00e9", "\u00ff", "\0"]);
  return key;
}

function randomValue(random: Random): Value {
  return random.pick<Value>([
    null,
    0,
    false,
    "",
    random.uint32() * 4_096,
    -1.5,
    "text \u{1f30a}",
    [1, [null, "x"]],
    { S: "x", absent: undefined, deep: { list: [true, {}] } },
    Uint8Array.of(1, 2, random.below(256)),
  ]);
}

/** A Buffer from the decoder and a Uint8Array are the same value. */
function plain(value: Value | undefined): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}

function assertSame(store: LayeredStore, model: Map<string, Value>, random: Random, label: string): void {
  const from = randomKey(random);
  const to = randomKey(random);
  const seen: [string, unknown][] = [];
  const limit = random.between(1, 30);
  store.scan(from, to, (key, value) => {
    seen.push([key, plain(value)]);
    return seen.length < limit;
  });
  const expected = [...model]
    .filter(([key]) => key >= from && key < to)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([key, value]) => [key, plain(value)]);
  assert.deepEqual(seen, expected, label);
  const key = randomKey(random);
  assert.deepEqual(plain(store.get(key)), plain(model.get(key)), label);
}

test("three layers read as one map, through checkpoints and restarts", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = Random.stream(seed, "store");
    const directory = mkdtempSync(join(tmpdir(), "wavetank-store-"));
    const model = new Map<string, Value>();
    let store = new LayeredStore(directory);
    const log: Uint8Array[] = [];
    let checkpoint: Promise<boolean> | undefined;
    for (let step = 1; step <= 600; step++) {
      const label = `seed ${seed}, step ${step}`;
      const key = randomKey(random);
      if (random.chance(0.3)) {
        store.delete(key);
        model.delete(key);
      } else {
        const value = randomValue(random);
        store.put(key, value);
        model.set(key, value);
      }
      assertSame(store, model, random, label);
      if (random.chance(0.02) && !store.busy) {
        log.push(store.takeWrites());
        store.freeze();
        checkpoint = store.checkpoint(step);
      }
      if (random.chance(0.05)) await checkpoint;
      if (random.chance(0.01)) {
        log.push(store.takeWrites());
        await store.close();
        store = new LayeredStore(directory);
        // Replaying what a checkpoint has already is harmless: the last write of each key wins either way.
        for (const payload of log) store.replay(payload);
      }
    }
    await store.close();
    rmSync(directory, { recursive: true });
  }
});

test("a checkpoint alone brings everything back, and its floor", async () => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-store-"));
  const store = new LayeredStore(directory);
  for (let i = 0; i < 1_000; i++) store.put(`key ${i}`, { i });
  for (let i = 0; i < 1_000; i += 3) store.delete(`key ${i}`);
  store.takeWrites();
  store.freeze();
  store.put("later", 1);
  assert.equal(await store.checkpoint(41), true);
  assert.deepEqual(store.get("key 1"), { i: 1 });
  assert.equal(store.get("later"), 1);
  await store.close();
  const again = new LayeredStore(directory);
  assert.equal(again.floor, 41);
  for (let i = 0; i < 1_000; i++) assert.deepEqual(again.get(`key ${i}`), i % 3 === 0 ? undefined : { i });
  assert.equal(again.get("later"), undefined);
  await again.close();
  rmSync(directory, { recursive: true });
});

test("keys that are no byte strings, too long, or values that are nothing are refused", async () => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-store-"));
  const store = new LayeredStore(directory);
  assert.throws(() => store.put("\u{1f30a}", 1), /not a byte string: make it one with byteKey/);
  assert.throws(() => store.put("x".repeat(1_901), 1), /1901 bytes, the most is 1900/);
  assert.throws(() => store.put("x", undefined as never), /delete the key instead/);
  store.put("x".repeat(1_900), 1);
  store.takeWrites();
  store.freeze();
  await store.checkpoint(1);
  assert.equal(store.get("x".repeat(1_900)), 1);
  await store.close();
  rmSync(directory, { recursive: true });
});

test("what is derived is in no record, but in the one that settles it, and in a checkpoint", async () => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-store-"));
  const log: Uint8Array[] = [];
  /** What a start after a crash would find. */
  const found = async (): Promise<Value[]> => {
    const again = new LayeredStore(directory);
    for (const payload of log) again.replay(payload);
    const values: Value[] = [];
    again.scan("", "\uffff", (key, value) => void values.push([key, value]));
    await again.close();
    return values;
  };
  const store = new LayeredStore(directory);
  store.put("entry 1", "paid");
  log.push(store.takeWrites());
  store.putDerived("balance", 1);
  store.deleteDerived("entry 1");
  assert.equal(store.dirty, false);
  assert.equal(store.get("balance"), 1);
  store.put("entry 2", "paid");
  log.push(store.takeWrites());
  assert.deepEqual(await found(), [
    ["entry 1", "paid"],
    ["entry 2", "paid"],
  ]);
  store.settle();
  assert.equal(store.dirty, true);
  log.push(store.takeWrites());
  const settled = [
    ["balance", 1],
    ["entry 2", "paid"],
  ];
  assert.deepEqual(await found(), settled);
  store.putDerived("balance", 2);
  assert.deepEqual(await found(), settled);
  log.push(store.takeWrites());
  store.freeze();
  store.putDerived("balance", 3);
  await store.checkpoint(1);
  log.length = 0;
  assert.deepEqual(await found(), [
    ["balance", 2],
    ["entry 2", "paid"],
  ]);
  await store.close();
  rmSync(directory, { recursive: true });
});
