import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Lease } from "./lease-disjointness.ts";
import { checkLeaseDisjointness } from "./lease-disjointness.ts";

const lease = (leader: string, from: number, until: number, group = "g"): Lease => ({ group, leader, from, until });

const bad: Readonly<Record<string, readonly Lease[]>> = {
  "a new leader does not wait for the old lease": [lease("a", 0, 10), lease("b", 9, 20)],
  "a lease within a longer one": [lease("a", 0, 100), lease("b", 40, 50)],
  "the old leader extends what it had lost": [lease("a", 0, 10), lease("b", 10, 20), lease("a", 15, 18)],
  "two begin at one instant": [lease("a", 5, 10), lease("b", 5, 6)],
  "a leader that never gives up": [lease("a", 0, Infinity), lease("b", 50, 51)],
};
for (const [name, leases] of Object.entries(bad))
  test(`not disjoint: ${name}`, () => assert.equal(checkLeaseDisjointness(leases).of("overlap"), 1));

test("an overlap is told with both leases and its length", () => {
  assert.equal(
    checkLeaseDisjointness([lease("a", 0, 10), lease("b", 7, 20)]).text(),
    "overlap: group g: [7, 20) of leader b overlaps [0, 10) of leader a by 3 us",
  );
});

const good: Readonly<Record<string, readonly Lease[]>> = {
  "one ends as the next begins": [lease("a", 0, 10), lease("b", 10, 20), lease("a", 20, 30)],
  "a leader overlaps itself": [lease("a", 0, 10), lease("a", 5, 15), lease("a", 6, 7)],
  "an empty lease within another's": [lease("a", 0, 10), lease("b", 5, 5)],
  "other groups": [lease("a", 0, 10), lease("b", 5, 15, "h")],
};
for (const [name, leases] of Object.entries(good))
  test(`disjoint: ${name}`, () => assert.equal(checkLeaseDisjointness(leases).text(), ""));

test("a lease that ends before it begins is refused", () => {
  assert.throws(() => checkLeaseDisjointness([lease("a", 5, 4)]), /got \[5, 4\); expected from <= until/);
  assert.throws(() => checkLeaseDisjointness([lease("a", 5, NaN)]), /expected from <= until/);
});

test("the sweep finds every lease that begins within an earlier one of another leader", () => {
  const drawn = fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(40), fc.integer({ min: 1, max: 8 }));
  fc.assert(
    fc.property(fc.array(drawn, { maxLength: 12 }), (all) => {
      const leases = all
        .map(([leader, from, lasts]) => lease(leader, from, from + lasts))
        .sort((a, b) => a.from - b.from);
      const overlapping = leases.filter((one, i) =>
        leases.slice(0, i).some((other) => other.leader !== one.leader && other.until > one.from),
      );
      assert.equal(checkLeaseDisjointness(leases).count, overlapping.length);
    }),
    { seed: 1, numRuns: 1_000 },
  );
});
