import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../backend/kernel/random.ts";
import { hashOf, Visited } from "./visited.ts";

test("a point without open operations is met once", () => {
  const visited = new Visited(0);
  const random = new Random(1);
  const hashes = Array.from({ length: 5_000 }, () => hashOf(random.uint32(), random.uint32(), 3, 53));
  const none = new Uint32Array(0);
  for (const hash of hashes) assert.ok(visited.addHash(hash, none));
  for (const hash of hashes) assert.ok(!visited.addHash(hash, none));
});

test("a point is met again only with less, or with others, used up; by hash as by text", () => {
  const sets = [
    [0b0110, 0],
    [0b0110, 1],
    [0b1110, 0],
    [0b0010, 0],
    [0b0110, 0],
    [0b1001, 0],
    [0, 7],
    [0, 3],
  ];
  const isNew = [true, false, false, true, false, true, true, true];
  const visited = new Visited(2);
  assert.deepEqual(
    sets.map((set) => visited.addHash(99, Uint32Array.from(set))),
    isNew,
  );
  assert.deepEqual(
    sets.map((set) => visited.addExact("99", Uint32Array.from(set))),
    isNew,
  );
  assert.ok(visited.addHash(100, Uint32Array.of(0b1110, 0)));
  // What is remembered is a copy.
  const used = Uint32Array.of(1, 1);
  assert.ok(visited.addHash(101, used));
  used[0] = 0;
  assert.ok(visited.addHash(101, used));
});

test("hashes are positive, exact in a double, and differ by state and by set", () => {
  const random = new Random(2);
  const seen = new Set<number>();
  for (let i = 0; i < 2_000; i++) {
    const high = random.uint32() | 0;
    const low = random.uint32() | 0;
    for (let state = 0; state < 5; state++) seen.add(hashOf(high, low, state, 53));
  }
  assert.equal(seen.size, 10_000);
  assert.ok([...seen].every((hash) => Number.isSafeInteger(hash) && hash > 0));
  assert.equal(hashOf(0, Math.imul(1, 0x9e3779b1), 0, 53), 1);
});
