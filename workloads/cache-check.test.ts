/** The cache's check on histories made by hand: what it must flag, and what it must bear. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../backend/kernel/random.ts";
import { second } from "../backend/kernel/units.ts";
import { checkCache } from "./cache-check.ts";
import { cache } from "./cache.ts";
import { createWorkload } from "./catalog.ts";
import { draw, etcKeyBytes, etcValueBytes } from "./distribution.ts";
import type { Fact, HistoryEntry } from "./workload.ts";

const promise = { latch: "all", countsKept: true, lateUs: second, skewUs: second } as const;

function at(startUs: number, endUs: number, fact: Fact, outcome: HistoryEntry["outcome"] = "ok"): HistoryEntry {
  return { arrival: startUs, step: 0, startUs, endUs, outcome, fact };
}

const set = (id: string, ttlS = 100, said = "stored"): Fact => ({ kind: "set", key: "k", id, ttlS, said });
const hit = (shown: string): Fact => ({ kind: "get", key: "k", said: "hit", shown });
const swap = (id: string, compareCas: number, said: string): Fact => ({
  kind: "swap",
  key: "k",
  id,
  ttlS: 9,
  compareCas,
  said,
});

function violations(history: readonly HistoryEntry[], given: Parameters<typeof checkCache>[2] = promise): string {
  return checkCache(history, new Map(), given).violations.join("; ");
}

test("a value that nobody wrote, or for another key, or whose write was refused", () => {
  assert.match(violations([at(10, 20, hit("x"))]), /nobody wrote/);
  const other = { ...set("x"), key: "other" };
  assert.match(violations([at(1, 2, other), at(10, 20, hit("x"))]), /another key/);
  assert.match(violations([at(1, 2, set("x"), "refused"), at(10, 20, hit("x"))]), /refused/);
  assert.equal(violations([at(1, 2, set("x"), "unknown"), at(10, 20, hit("x"))]), "");
});

test("a hit after the time to live, the skew and the longest way", () => {
  const write = at(0, 10, set("x", 5));
  assert.equal(violations([write, at(10 + 7 * second, 11 + 7 * second, hit("x"))]), "");
  assert.match(violations([write, at(11 + 7 * second, 12 + 7 * second, hit("x"))]), /expired/);
});

test("what a write in all zones replaced", () => {
  const two = [at(0, 10, set("x")), at(20, 30, set("y"))];
  assert.match(violations([...two, at(40, 50, hit("x"))]), /replaced/);
  assert.equal(violations([...two, at(25, 50, hit("x"))]), "", "it began before the second was acknowledged");
  assert.equal(violations([at(0, 25, set("x")), two[1], at(40, 50, hit("x"))]), "", "the two writes were concurrent");
  assert.match(violations([two[0], at(20, 30, { kind: "delete", key: "k" }), at(40, 50, hit("x"))]), /replaced/);
  const { counts, held } = checkCache([...two, at(40 + second, 50 + second, hit("x"))], new Map(), {
    ...promise,
    latch: "some",
  });
  assert.deepEqual([held, counts.staleHits], [true, 0], "without all zones the first may have come late");
});

test("an unknown write replaces nothing", () => {
  assert.equal(violations([at(0, 10, set("x")), at(20, 30, set("y"), "unknown"), at(40, 50, hit("x"))]), "");
});

test("two swaps that win one version", () => {
  const history = [at(0, 1, swap("a", 7, "stored")), at(2, 3, swap("b", 7, "stored"))];
  assert.match(violations(history), /both won/);
  assert.equal(violations([history[0], at(2, 3, swap("b", 7, "changed")), at(4, 5, swap("c", 8, "stored"))]), "");
});

test("counters", () => {
  const counts = [1, 2].map((count) => at(count, count + 1, { kind: "count", key: "c", said: "counted", count }));
  const end = (value: number): string => checkCache(counts, new Map([["c", value]]), promise).violations.join();
  assert.equal(end(2), "");
  assert.match(end(1), /2 were acknowledged/);
  assert.match(end(3), /only 2 were asked for/);
});

test("by phase and home: figures, which nobody adds up, beside the counts of the whole", () => {
  const gets = [10, 20, 60].map((took) => at(0, took, { ...hit("x"), phase: 1, home: 2 }));
  const failed = at(0, 5, { ...set("y"), phase: 1 }, "unknown");
  const { counts, figures } = checkCache([at(0, 1, set("x")), ...gets, failed], new Map(), promise);
  assert.deepEqual([counts["hits"], counts["acknowledged"], counts["failed"]], [3, 1, 1]);
  assert.deepEqual(figures, {
    "acknowledged.0": 1,
    "gets.1": 3,
    "hits.1": 3,
    "getsFailed.1": 0,
    "failed.1": 1,
    "getP50Us.1.2": 20,
  });
  assert.ok(!Object.keys(counts).some((name) => name.includes(".")), JSON.stringify(counts));
});

test("nothing to look at is no proof", () => {
  assert.equal(checkCache([], new Map(), promise).held, false);
});

test("sizes are ETC's: quantiles of the published laws", () => {
  const random = new Random(1);
  const quantiles = (of: typeof etcKeyBytes): number[] => {
    const sizes = Array.from({ length: 50_000 }, () => draw(of, random)).sort((a, b) => a - b);
    return [0.5, 0.9, 0.99].map((q) => sizes[Math.floor(q * sizes.length)]);
  };
  // mu + sigma ((-ln q)^-k - 1) / k, and sigma ((1 - q)^-k - 1) / k.
  const expected = [
    [33.9, 51.0, 76.3],
    [168, 757, 2_446],
  ];
  [etcKeyBytes, etcValueBytes].forEach((of, i) =>
    quantiles(of).forEach((size, q) =>
      assert.ok(Math.abs(size / expected[i][q] - 1) < 0.05, `${size} ${expected[i][q]}`),
    ),
  );
});

test("a missing key is loaded and set, and the preload is ordinary sets", () => {
  const workload = createWorkload(cache({ preload: 700, mix: { get: 1 } }));
  const session = workload.begin(3, new Random(1));
  const get = session.next(null)!;
  const load = session.next({ kind: "ok", result: { kind: "cached", outcomes: [{ kind: "missing" }] } })!;
  assert.deepEqual([get.operation, load.operation, load.fact!.key], ["get", "load", get.fact!.key]);
  assert.ok(load.thinkUs > 0);
  assert.equal(workload.setup().length, 3);
});
