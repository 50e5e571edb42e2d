/** Dotted version vectors: the paper's example, the algebra, and a comparison with explicit sets of causes. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { Item } from "../../api.ts";
import { latestOf } from "./merge-items.ts";
import type { Clock, Versions } from "./versions.ts";
import {
  counterOf,
  decodeContext,
  dominates,
  encodeContext,
  mergeVersions,
  mint,
  noVersions,
  sameVersions,
} from "./versions.ts";

const item = (name: string): Item => ({ name: { S: name } });
const names = (versions: Versions): string[] => versions.siblings.map((s) => s.item?.name?.S ?? "-").sort();

test('Dynamo, section 4.4: "the data item has now three versions D3, D4 ... the client reconciles"', () => {
  const d1 = mint(noVersions, [], "Sx", 1, item("D1"));
  assert.equal(encodeContext(d1.clock), "Sx:1");
  const d2 = mint(d1, d1.clock, "Sx", 2, item("D2"));
  assert.equal(encodeContext(d2.clock), "Sx:2");
  assert.deepEqual(names(d2), ["D2"], "D2 descends from D1 and overwrites it");
  const d3 = mint(d2, d2.clock, "Sy", 3, item("D3"));
  const d4 = mint(d2, d2.clock, "Sz", 3, item("D4"));
  const both = mergeVersions(d3, d4);
  assert.deepEqual(names(both), ["D3", "D4"], "neither descends from the other");
  const d5 = mint(both, both.clock, "Sx", 4, item("D5"));
  assert.equal(encodeContext(d5.clock), "Sx:3 Sy:1 Sz:1");
  assert.deepEqual(names(d5), ["D5"]);
});

test("two writes through one coordinator with the same old context are siblings, not an overwrite", () => {
  const read = mint(noVersions, [], "a", 1, item("base"));
  const first = mint(read, read.clock, "a", 2, item("first"));
  const second = mint(first, read.clock, "a", 3, item("second"));
  assert.deepEqual(names(second), ["first", "second"]);
});

test("a client that never re-reads does not make siblings explode", () => {
  let held = mint(noVersions, [], "a", 1, item("w0"));
  const stale = held.clock;
  for (let i = 1; i <= 100; i++) held = mint(held, held.clock, "a", i, item(`w${i}`));
  held = mint(held, stale, "a", 200, item("late"));
  assert.equal(held.siblings.length, 2);
});

test("last writer wins: a slow clock under a write that had seen a later stamp makes no two replicas lose everything", () => {
  const x = mint(noVersions, [], "x", 10, item("x"));
  const y = mint(noVersions, x.clock, "y", 5, item("y, which had seen x"));
  const z = mint(noVersions, [], "z", 7, item("z"));
  const one = mergeVersions(mergeVersions(x, z), y);
  const other = mergeVersions(mergeVersions(y, z), x);
  assert(sameVersions(one, other), "the order of arrival decides nothing");
  assert.equal(latestOf(mergeVersions(one, other).siblings)?.name?.S, "z");
});

test("context tokens round trip; anything else is refused", () => {
  const clock: Clock = [
    ["0.k3", 12],
    ["2.9a", 1],
  ];
  assert.deepEqual(decodeContext(encodeContext(clock)), clock);
  assert.deepEqual(decodeContext(""), []);
  for (const bad of ["x", "a:0", "a:-1", "a:1,b:2", "a:1  b:2", "A:1", "a:1 a:2", "a:9007199254740991"])
    assert.equal(decodeContext(bad), null, bad);
});

/** A random history over three replicas: writes with a context read from anywhere, and merges between replicas. */
type Action =
  | { readonly kind: "write"; readonly replica: number; readonly readFrom: number }
  | { readonly kind: "merge"; readonly from: number; readonly to: number };

const replica = fc.integer({ min: 0, max: 2 });
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), replica, readFrom: replica }),
  fc.record({ kind: fc.constant("merge" as const), from: replica, to: replica }),
);

test("agrees with explicit causal histories: a version lives until a write that had seen it arrives", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const fast: Versions[] = [noVersions, noVersions, noVersions];
      /** The obvious version: every write known, with the set of writes it had seen. */
      const slow: Map<string, ReadonlySet<string>>[] = [new Map(), new Map(), new Map()];
      actions.forEach((step, i) => {
        if (step.kind === "merge") {
          fast[step.to] = mergeVersions(fast[step.to], fast[step.from]);
          for (const [name, seen] of slow[step.from]) slow[step.to].set(name, seen);
          return;
        }
        const seen = new Set(slow[step.readFrom].keys());
        const context = fast[step.readFrom].clock;
        fast[step.replica] = mint(fast[step.replica], context, `r${step.replica}`, i, item(`w${i}`));
        for (const [name, causes] of slow[step.readFrom]) slow[step.replica].set(name, causes);
        slow[step.replica].set(`w${i}`, seen);
      });
      fast.forEach((versions, r) => {
        const superseded = new Set([...slow[r].values()].flatMap((seen) => [...seen]));
        const alive = [...slow[r].keys()].filter((name) => !superseded.has(name)).sort();
        assert.deepEqual(names(versions), alive, `replica ${r}`);
      });
    }),
    { numRuns: 1_000 },
  );
});

test("merging is commutative, associative and idempotent, and its clock dominates both", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      const [a, b, c] = replay(actions);
      assert(sameVersions(mergeVersions(a, b), mergeVersions(b, a)));
      assert(sameVersions(mergeVersions(a, mergeVersions(b, c)), mergeVersions(mergeVersions(a, b), c)));
      assert(sameVersions(mergeVersions(a, a), a));
      const merged = mergeVersions(a, b);
      assert(dominates(merged.clock, a.clock) && dominates(merged.clock, b.clock));
      for (const { actor, counter } of merged.siblings) assert(counterOf(merged.clock, actor) >= counter);
    }),
    { numRuns: 1_000 },
  );
});

function replay(actions: readonly Action[]): Versions[] {
  const held: Versions[] = [noVersions, noVersions, noVersions];
  actions.forEach((step, i) => {
    if (step.kind === "merge") held[step.to] = mergeVersions(held[step.to], held[step.from]);
    else held[step.replica] = mint(held[step.replica], held[step.readFrom].clock, `r${step.replica}`, i, item(`w${i}`));
  });
  return held;
}
