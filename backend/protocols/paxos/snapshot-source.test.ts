/** A copy that is handed out while the state changes is the state as it was when the copy began. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { OrderedMap } from "../../kernel/ordered-map.ts";
import type { Value } from "../../kernel/store.ts";
import { Journal } from "./journal.ts";
import { founders, mapStore } from "./replica.fixture.ts";
import { SnapshotSource } from "./snapshot-source.ts";
import { StateStore } from "./state-store.ts";

function staged(keys: number) {
  const map = new OrderedMap<Value>();
  const store = mapStore(map);
  const journal = new Journal(store, 1);
  const state = new StateStore(store, journal);
  for (let key = 0; key < keys; key++) state.put(nameOf(key), key);
  // What others keep beside it is no part of it.
  store.put("p1/promise", 1);
  store.put("s2/other", 1);
  const source = new SnapshotSource(7, store, journal, { slot: 3, at: 9, control: founders });
  state.snapshot = source;
  return { map, store, state, source };
}

function nameOf(key: number): string {
  return `k${String(key).padStart(4, "0")}`;
}

function textOf(map: OrderedMap<Value>): string {
  const found: unknown[] = [];
  map.scan("s1/", "s1/\u00ff", (key, value) => void found.push([key, value]));
  return JSON.stringify(found);
}

const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constantFrom("put", "delete"), key: fc.nat(900) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom("take", "ask again"), key: fc.constant(0) }) },
);

test("put together piece by piece under random writes, it equals the state when it began (200 runs)", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 800 }), fc.array(change, { maxLength: 200 }), (keys, changes) => {
      const { map, state, source } = staged(keys);
      const before = textOf(map);
      const copy = new OrderedMap<Value>();
      let part = 0;
      let last = false;
      const take = (): void => {
        if (last) return;
        const piece = source.take(part++)!;
        assert.equal(piece.slot, 3);
        for (const [i, key] of piece.keys.entries()) copy.set(key, piece.values[i]);
        ({ last } = piece);
      };
      for (const [i, { does, key }] of changes.entries()) {
        if (does === "put") state.put(nameOf(key), -i);
        else if (does === "delete") state.delete(nameOf(key));
        else if (does === "take") take();
        else if (part > 0) assert.equal(source.take(part - 1), source.take(part - 1), "the same again");
      }
      for (let i = 0; i <= 4; i++) take();
      assert.equal(last, true);
      assert.equal(textOf(copy), before);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("pieces are given in their order only, and cover the machine's keys without a gap", () => {
  const { source } = staged(600);
  assert.equal(source.take(1), undefined);
  const pieces = [0, 1, 2].map((part) => source.take(part)!);
  assert.deepEqual(
    pieces.map(({ keys, last }) => [keys.length, last]),
    [
      [256, false],
      [256, false],
      [88, true],
    ],
  );
  assert.equal(pieces[0].from, "s1/");
  assert.equal(pieces[1].from, pieces[0].to);
  assert.equal(pieces[2].from, pieces[1].to);
  assert.equal(source.take(0), undefined, "handed out long ago");
});

test("a machine sees its own keys and nothing else", () => {
  const { state, store } = staged(2);
  const seen: string[] = [];
  state.scan("", "z", (key) => void seen.push(key));
  assert.deepEqual(seen, ["k0000", "k0001"]);
  assert.equal(state.get("k0001"), 1);
  assert.equal(store.get("s1/k0001"), 1);
  state.snapshot = undefined;
  state.delete("k0001");
  assert.equal(store.get("s1/k0001"), undefined);
});
