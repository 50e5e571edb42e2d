/** A queue against a scan from the beginning, and what it spares. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ascending } from "./keys.ts";
import { MemoryStore } from "./memory-charges.fixture.ts";
import { OldestFirst } from "./oldest-first.ts";

const step = fc.oneof(fc.constant("in"), fc.nat(30), fc.constant("look"), fc.constant("look"));

test("whatever goes and comes, it sees what a scan from the beginning sees", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const store = new MemoryStore();
      const queue = new OldestFirst(store, "o");
      const held: string[] = [];
      let next = 1;
      for (const what of steps) {
        if (what === "in") {
          held.push(`o${ascending(next)}`);
          store.putLater(held.at(-1)!, next++);
        } else if (what === "look") {
          const seen: string[] = [];
          queue.scan(ascending(next), (key) => {
            seen.push(key);
            return seen.length < 3;
          });
          assert.deepEqual(seen, held.slice(0, 3));
        } else if (typeof what === "number" && held.length > 0) {
          store.deleteLater(held.splice(what % held.length, 1)[0]);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("it does not begin at the beginning again", () => {
  const store = new MemoryStore();
  const queue = new OldestFirst(store, "o");
  const begins: string[] = [];
  const scan = store.scan.bind(store);
  store.scan = (from, to, visit): void => {
    begins.push(from);
    scan(from, to, visit);
  };
  store.putLater(`o${ascending(7)}`, 0);
  for (let i = 0; i < 2; i++) queue.scan(ascending(8), () => false);
  store.deleteLater(`o${ascending(7)}`);
  for (let i = 0; i < 2; i++) queue.scan(ascending(8), () => false);
  queue.reset();
  queue.scan(ascending(8), () => false);
  assert.deepEqual(begins, ["o", `o${ascending(7)}`, `o${ascending(7)}`, `o${ascending(8)}`, "o"]);
});
