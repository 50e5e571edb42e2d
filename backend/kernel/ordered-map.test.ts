import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OrderedMap } from "./ordered-map.ts";
import { Random } from "./random.ts";

/** What it is meant to be: pairs in an array, sorted. */
class SortedPairs {
  pairs: [string, number][] = [];

  set(key: string, value: number): void {
    this.delete(key);
    this.pairs.push([key, value]);
    this.pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  delete(key: string): boolean {
    const left = this.pairs.filter(([k]) => k !== key);
    const found = left.length !== this.pairs.length;
    this.pairs = left;
    return found;
  }

  scan(from: string, to: string, limit: number): [string, number][] {
    return this.pairs.filter(([k]) => k >= from && k < to).slice(0, limit);
  }
}

/** What a scan shows that stops at the `limit`th key. */
function scanned(map: OrderedMap<number>, from: string, to: string, limit: number): [string, number][] {
  const seen: [string, number][] = [];
  map.scan(from, to, (key, value) => {
    seen.push([key, value]);
    return seen.length < limit;
  });
  return seen;
}

const endOfKeys = "\u00ff\u00ff\u00ff\u00ff\u00ff";

test("any sequence of operations gives what a sorted array gives", () => {
  const key = fc.string({ unit: fc.constantFrom("a", "b", "\u00ff", "\u0000"), maxLength: 3 });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), key, value: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("scan" as const),
        key,
        to: key,
        limit: fc.integer({ min: 1, max: 20 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("get" as const), key }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const fast = new OrderedMap<number>();
      const slow = new SortedPairs();
      for (const each of steps) {
        if (each.kind === "set") {
          fast.set(each.key, each.value);
          slow.set(each.key, each.value);
        } else if (each.kind === "delete") assert.equal(fast.delete(each.key), slow.delete(each.key));
        else if (each.kind === "scan") {
          const { key: from, to, limit } = each;
          assert.deepEqual(scanned(fast, from, to, limit), slow.scan(from, to, limit));
        } else {
          const value = slow.pairs.find(([k]) => k === each.key)?.[1];
          assert.equal(fast.get(each.key), value);
          assert.equal(fast.has(each.key), value !== undefined);
        }
        assert.equal(fast.size, slow.pairs.length);
      }
      assert.deepEqual(scanned(fast, "", endOfKeys, Infinity), slow.pairs);
    }),
  );
});

/** Families of keys as the charge service writes them: one ascends, one descends, one is in no order, and all come by turns. */
function familyKey(random: Random, i: number): string {
  const digits = (n: number): string => String(n).padStart(6, "0");
  return [`a${digits(i)}`, `d${digits(999_999 - i)}`, `r${digits(random.below(100_000))}`][random.below(3)];
}

test("chunks split, empty and fill again while bursts of writes, deletes and scans come by turns", () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.nat(700), { minLength: 1, maxLength: 12 }), (seed, bursts) => {
      const random = Random.stream(seed, "ordered map");
      const fast = new OrderedMap<number>();
      const slow = new Map<string, number>();
      let next = 0;
      for (const burst of bursts) {
        for (let i = 0; i < burst; i++) {
          const key = familyKey(random, next++);
          fast.set(key, next);
          slow.set(key, next);
        }
        const sorted = (): string[] => [...slow.keys()].sort();
        // Some from anywhere and a whole stretch, what was just written among them.
        const all = sorted();
        const at = random.below(all.length + 1);
        for (const key of [...random.shuffle([...all]).slice(0, burst >> 2), ...all.slice(at, at + 300)]) {
          assert.equal(fast.delete(key), slow.delete(key));
        }
        const left = sorted();
        const from = random.below(left.length + 1);
        const page = left.slice(from, from + 64).map((key) => [key, slow.get(key)!]);
        assert.deepEqual(scanned(fast, left[from] ?? "z", endOfKeys, 64), page);
        if (random.chance(0.2)) {
          fast.clear();
          slow.clear();
        }
      }
      const all = [...slow].sort(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual(scanned(fast, "", endOfKeys, Infinity), all);
    }),
    { numRuns: 60 },
  );
});

test("every key of many is found again, and none is left when all are deleted", () => {
  const map = new OrderedMap<number>();
  const random = new Random(1);
  const sorted = Array.from({ length: 5_000 }, (_, i) => i.toString(36).padStart(4, "0"));
  const keys = random.shuffle([...sorted]);
  keys.forEach((key, i) => map.set(key, i));
  assert.equal(scanned(map, "", "~", 4_000).length, 4_000, "a scan ends when its visitor says so");
  const walked: string[] = [];
  for (let from = ""; ;) {
    const page = scanned(map, from, "~", 24);
    if (page.length === 0) break;
    walked.push(...page.map(([key]) => key));
    from = `${walked.at(-1)!}\0`;
  }
  assert.deepEqual(walked, sorted, "a walk in pages");
  for (const key of keys) assert(map.delete(key));
  assert.equal(map.size, 0);
  assert.deepEqual(scanned(map, "", "~", 1), []);
});

test("a visitor may read and scan the map that it is shown", () => {
  const map = new OrderedMap<number>();
  for (let i = 0; i < 600; i++) map.set(String(599 - i).padStart(3, "0"), i);
  let inner = 0;
  map.scan("", "~", (key, value) => {
    assert.equal(map.get(key), value);
    assert.deepEqual(scanned(map, key, "~", 1), [[key, value]]);
    inner++;
  });
  assert.equal(inner, 600);
});
