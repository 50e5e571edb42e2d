/** The zones' parts by table, and whole clusters in the simulation: where operations go, and what comes back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { LatchPolicy, ZonesService } from "../../api-zones.ts";
import type { Answer } from "../../api.ts";
import { cloudDelays } from "../../kernel/topology.ts";
import { mebibyte, millisecond, second } from "../../kernel/units.ts";
import { createSimulation } from "../../simulated.ts";
import type { SimulatedBackend } from "../../simulated.ts";
import { AvoidedNodes } from "./avoided-nodes.ts";
import { Batch } from "./batch.ts";
import { Latch, latchCount } from "./latch.ts";
import { RecentWrites } from "./recent-writes.ts";
import { WritesSeen } from "./writes-seen.ts";

const text = (of: string): Uint8Array => new TextEncoder().encode(of);
const set = (key: string, value: string, more: object = {}): CacheOperation => ({
  kind: "store",
  mode: "set",
  key,
  value: text(value),
  flags: 0,
  ttlS: 1_000,
  ...more,
});
const get = (key: string): CacheOperation => ({ kind: "get", key });

test("EVCacheLatch's table: zones that are waited for", () => {
  const policies: readonly LatchPolicy[] = ["none", "one", "quorum", "all-minus-1", "all"];
  const table = [1, 2, 3, 4, 5].map((zones) => policies.map((policy) => latchCount(policy, zones)));
  assert.deepEqual(table, [
    [0, 1, 1, 0, 1],
    [0, 1, 1, 1, 2],
    [0, 1, 2, 2, 3],
    [0, 1, 3, 3, 4],
    [0, 1, 3, 4, 5],
  ]);
});

test("a latch counts each zone once, and fails at once when too few are left", () => {
  const latch = new Latch(set("k", "v"), "all", 3);
  const stored: CacheOutcome = { kind: "stored", cas: 2 };
  assert.ok(latch.record(0, stored) && !latch.record(0, stored) && latch.record(1, stored));
  assert.equal(latch.verdict(), undefined);
  latch.giveUp(2);
  assert.equal(latch.verdict()?.kind, "failed");
  latch.record(2, stored);
  assert.equal(latch.verdict()?.kind, "stored", "who was given up may answer all the same");
});

test("a swap needs a majority that accepts it, whatever the latch", () => {
  const latch = new Latch(set("k", "v", { compareCas: 4 }), "one", 3);
  latch.record(0, { kind: "stored", cas: 6 });
  assert.equal(latch.verdict(), undefined);
  latch.record(1, { kind: "changed" });
  assert.equal(latch.verdict(), undefined);
  latch.record(2, { kind: "changed" });
  assert.equal(latch.verdict()?.kind, "changed");
});

test("a node is avoided after three errors in a row, and then tried once in a while", () => {
  const env = { now: 0 };
  const nodes = new AvoidedNodes(env, 1, 3, 100);
  for (let i = 0; i < 2; i++) nodes.onError(0);
  nodes.onAnswer(0);
  for (let i = 0; i < 2; i++) nodes.onError(0);
  assert.ok(nodes.mayAsk(0));
  nodes.onError(0);
  assert.deepEqual([nodes.mayAsk(0), nodes.avoids(0)], [false, true]);
  env.now = 100;
  assert.deepEqual([nodes.mayAsk(0), nodes.mayAsk(0)], [true, false]);
  nodes.onAnswer(0);
  assert.ok(nodes.mayAsk(0));
});

test("writes are carried out once, and not when they come late or from before the start", () => {
  const wall = (at: number) => ({ earliest: at, latest: at });
  const seen = new WritesSeen(100, wall(1_000));
  assert.ok(seen.isNews(1, 1_000, wall(1_050)));
  assert.ok(!seen.isNews(1, 1_000, wall(1_100)));
  assert.ok(!seen.isNews(2, 999, wall(1_050)));
  assert.ok(!seen.isNews(3, 1_000, wall(1_101)));
  assert.ok(seen.isNews(4, 1_180, wall(1_201)));
  assert.ok(
    !seen.isNews(4, 1_180, wall(1_280)),
    "another generation later it is remembered for as long as it can come",
  );
});

test("no copy of a key is taken soon after a write of it, nor soon after the start", () => {
  const recent = new RecentWrites(100, 0);
  assert.deepEqual([recent.mayCopy("k", 199), recent.mayCopy("k", 200)], [false, true]);
  recent.onWrite("k", 300);
  assert.deepEqual([recent.mayCopy("k", 499), recent.mayCopy("k", 500)], [false, true]);
});

test("operations of one request wait for those before them on their key", () => {
  const batch = new Batch(1, [get("a"), get("b"), set("a", "x"), { kind: "flush", delayS: 0 }, get("b")]);
  const missing: CacheOutcome = { kind: "missing" };
  assert.deepEqual(batch.ready(), [0, 1]);
  assert.deepEqual(batch.finish(0, missing), [2]);
  assert.deepEqual(batch.finish(2, missing), []);
  assert.deepEqual(batch.finish(1, missing), [3]);
  assert.deepEqual(batch.finish(3, missing), [4]);
  assert.equal(batch.takeAnswer(), undefined);
  batch.finish(4, missing);
  assert.equal(batch.takeAnswer()?.kind, "ok");
});

/* ---- whole clusters ------------------------------------------------------------------------------------------------------ */

/** `nodes`: "region zone" of each. */
function cluster(nodes: readonly string[], service: Partial<ZonesService>): SimulatedBackend {
  const places = nodes.map((place) => {
    const [region, zone] = place.split(" ");
    return { region, zone };
  });
  const simulation = createSimulation(
    {
      topology: { nodes: places, links: cloudDelays },
      durability: "none",
      turnUs: 5,
      service: { kind: "zones", cache: { memoryBytes: mebibyte }, lateAfterUs: 100 * millisecond, ...service },
    },
    1,
  );
  // Until copies are taken.
  simulation.run(second);
  return simulation;
}

function ask(simulation: SimulatedBackend, entry: number, ...operations: CacheOperation[]): Answer {
  let heard: Answer | undefined;
  simulation.request(entry, { kind: "cache", operations }, (answer) => (heard = answer));
  simulation.run(simulation.now + second);
  assert.ok(heard !== undefined, "no answer within a second");
  return heard;
}

/** What the first operation came to: a hit's value, or the kind of the outcome. */
function outcome(answer: Answer): string {
  if (answer.kind !== "ok" || answer.result.kind !== "cached") return answer.kind;
  const [first] = answer.result.outcomes;
  return first.kind === "hit" ? new TextDecoder().decode(first.value) : first.kind;
}

const three = ["r a", "r b", "r c"];

test("what a zone lost is read from another, and then from it again", () => {
  const simulation = cluster(three, { writes: { latch: "all" } });
  assert.equal(outcome(ask(simulation, 0, set("k", "v"))), "stored");
  simulation.inject({ kind: "crash", nodes: [1] });
  assert.equal(outcome(ask(simulation, 0, set("k", "w"))), "unknown", "ALL cannot be reached");
  simulation.inject({ kind: "restart", nodes: [1] });
  simulation.run(simulation.now + second);
  for (const fallbacks of [1, 1]) {
    assert.equal(outcome(ask(simulation, 1, get("k"))), "w");
    assert.equal(simulation.counters().fallbackHits, fallbacks);
  }
});

test("a node that starts copies what it owns, and nothing that is newer", () => {
  const simulation = cluster([...three, "r a", "r b", "r c"], { copy: { pageItems: 7, everyUs: millisecond } });
  for (let i = 0; i < 40; i++) ask(simulation, i % 6, set(`key-${i}`, `value ${i}`));
  const before = simulation.counters().curr_itemsByNode;
  simulation.inject({ kind: "crash", nodes: [0, 3] });
  simulation.inject({ kind: "restart", nodes: [0, 3] });
  assert.ok(simulation.settle(10 * second));
  assert.deepEqual(simulation.counters().curr_itemsByNode, before);
});

test("a swap wins in all zones with the version that one of them showed, once", () => {
  const simulation = cluster(three, { writes: { latch: "all" } });
  ask(simulation, 0, set("k", "v"));
  const shown = ask(simulation, 1, get("k"));
  assert.ok(shown.kind === "ok" && shown.result.kind === "cached" && shown.result.outcomes[0].kind === "hit");
  const { cas: compareCas } = shown.result.outcomes[0];
  assert.equal(outcome(ask(simulation, 2, set("k", "w", { compareCas }))), "stored");
  assert.equal(outcome(ask(simulation, 0, set("k", "x", { compareCas }))), "changed");
  for (const node of [0, 1, 2]) assert.equal(outcome(ask(simulation, node, get("k"))), "w");
});

for (const send of ["invalidation", "value"] as const) {
  test(`another region is told of a write by ${send}, at least once on a link that loses and doubles`, () => {
    const simulation = cluster(["r a", "r b", "s a", "s b"], { regions: { send, retryUs: 50 * millisecond } });
    const [from, to] = [
      [0, 1],
      [2, 3],
    ];
    ask(simulation, 2, set("k", "old"));
    for (const [a, b] of [
      [from, to],
      [to, from],
    ]) {
      simulation.inject({ kind: "drop", from: a, to: b, probability: 0.5 });
      simulation.inject({ kind: "duplicate", from: a, to: b, probability: 0.5 });
    }
    for (let i = 0; i < 20; i++) ask(simulation, 0, set("k", `new ${i}`), set(`k${i}`, "v"));
    simulation.run(simulation.now + 5 * second);
    const { changesRepeated, changesGivenUp } = simulation.counters();
    assert.ok((changesRepeated as number) > 0);
    assert.equal(changesGivenUp, 0);
    for (const node of to) {
      assert.equal(outcome(ask(simulation, node, get("k"))), send === "value" ? "new 19" : "missing");
    }
    assert.equal(outcome(ask(simulation, 1, get("k"))), "new 19");
  });
}

test("a shadow is compared, fills what it misses, and is never answered with", () => {
  const service = { shadow: { nodes: [2], share: 1, cache: { memoryBytes: mebibyte / 32 } } } as const;
  const simulation = cluster(["r a", "r a", "r a"], service);
  ask(simulation, 0, set("k", "v"));
  assert.equal(outcome(ask(simulation, 1, get("k"))), "v");
  simulation.inject({ kind: "crash", nodes: [2] });
  assert.equal(outcome(ask(simulation, 0, get("k"))), "v");
  simulation.inject({ kind: "restart", nodes: [2] });
  simulation.run(simulation.now + second);
  for (let i = 0; i < 2; i++) assert.equal(outcome(ask(simulation, 1, get("k"))), "v");
  const { shadowSame, shadowMissed, shadowMirrored, shadowDifferent } = simulation.counters();
  assert.deepEqual(
    { shadowSame, shadowMissed, shadowMirrored, shadowDifferent },
    { shadowSame: 2, shadowMissed: 1, shadowMirrored: 4, shadowDifferent: 0 },
  );
});

test("a deployment that leaves a region without a cache, or names a node that there is not, is refused", () => {
  assert.throws(() => cluster(["r a", "s a"], { gateways: [1] }), /every node of region s is a gateway/);
  assert.throws(() => cluster(["r a"], { gateways: [4] }), /node 4 .*; expected nodes from 0 to 0/);
});
