/** Union of carts: nothing added is lost, the order of siblings does not matter. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { AttributeValue, Item } from "../../api.ts";
import { absorb, latestOf, unionOf } from "./merge-items.ts";
import type { Sibling } from "./versions.ts";

const cart = (lines: Record<string, string>): Item => ({
  id: { S: "c1" },
  lines: { M: Object.fromEntries(Object.entries(lines).map(([sku, n]) => [sku, { N: n }])) },
});
const sibling = (actor: string, stamp: number, item: Item | null): Sibling => ({ actor, counter: 1, stamp, item });

test("maps and sets are united, everything else goes to the later write", () => {
  const a: Item = { ...cart({ tea: "1", milk: "2" }), tags: { SS: ["x", "y"] }, note: { S: "early" } };
  const b: Item = { ...cart({ milk: "3", bread: "1" }), tags: { SS: ["y", "z"] }, note: { S: "late" } };
  const merged = unionOf([sibling("b", 2, b), sibling("a", 1, a)]);
  assert.deepEqual(merged, {
    ...cart({ tea: "1", milk: "3", bread: "1" }),
    tags: { SS: ["x", "y", "z"] },
    note: { S: "late" },
  });
});

test("a deletion beside a live version does not delete: union forgets nothing", () => {
  assert.deepEqual(unionOf([sibling("a", 1, cart({ tea: "1" })), sibling("b", 2, null)]), cart({ tea: "1" }));
  assert.equal(unionOf([sibling("a", 1, null), sibling("b", 2, null)]), null);
  assert.equal(unionOf([]), null);
});

test("latest: the higher stamp, then actor; a deletion counts", () => {
  assert.equal(latestOf([sibling("a", 1, cart({})), sibling("b", 2, null)]), null);
  assert.deepEqual(latestOf([sibling("b", 2, cart({ x: "1" })), sibling("a", 2, cart({ y: "1" }))]), cart({ x: "1" }));
});

test("a put without a context joins what is held", () => {
  assert.deepEqual(absorb([sibling("a", 1, cart({ tea: "1" }))], cart({ milk: "1" })), cart({ tea: "1", milk: "1" }));
  assert.deepEqual(absorb([], cart({ milk: "1" })), cart({ milk: "1" }));
});

test("siblings in any order give the same item, and every line of every sibling is in it", () => {
  const lines = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("1", "2", "3"));
  fc.assert(
    fc.property(fc.array(lines, { minLength: 1, maxLength: 5 }), fc.infiniteStream(fc.nat(3)), (carts, stamps) => {
      const siblings = carts.map((c, i) => sibling(`n${i}`, stamps.next().value, cart(c)));
      const merged = unionOf(siblings);
      assert.deepEqual(sorted(unionOf(siblings.toReversed())), sorted(merged));
      for (const c of carts) for (const sku of Object.keys(c)) assert(sku in merged!.lines.M!);
    }),
  );
});

function sorted(item: Item | null): [string, AttributeValue][] {
  return Object.entries(item?.lines?.M ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
