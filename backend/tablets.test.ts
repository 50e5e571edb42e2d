/** Tablets that split, merge, sleep through it and change leaders, in small clusters of the simulation: one story a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Deployment, Request } from "./api.ts";
import type { RowsResult, TabletPlace, TabletRules } from "./api-tablets.ts";
import { cloudDelays, oneRegion } from "./kernel/topology.ts";
import { millisecond, second } from "./kernel/units.ts";
import { createSimulation } from "./simulated.ts";
import type { SimulatedBackend } from "./simulated.ts";

function cluster(more: { nodes?: number; balance?: TabletRules; bounds?: string[]; keepSlots?: number } = {}) {
  const { nodes = 3, balance, bounds, keepSlots } = more;
  const deployment: Deployment = {
    topology: oneRegion(nodes, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "tablets", log: { replicas: [0, 1, 2], leaseUs: 500 * millisecond, keepSlots }, balance, bounds },
  };
  const simulation = createSimulation(deployment, 1, { checkEvery: 64 });
  simulation.run(second);
  return simulation;
}

function ask(simulation: SimulatedBackend, request: Request, entry = -1): Answer | undefined {
  let answer: Answer | undefined;
  simulation.request(entry, request, (given) => (answer = given));
  simulation.run(simulation.now + second / 2);
  return answer;
}

function expectOk<K extends RowsResult["kind"]>(answer: Answer | undefined, kind: K): RowsResult & { kind: K } {
  assert(answer?.kind === "ok" && answer.result.kind === kind, `expected ${kind}, got ${JSON.stringify(answer)}`);
  return answer.result as RowsResult & { kind: K };
}

function tabletsOf(simulation: SimulatedBackend): readonly TabletPlace[] {
  return expectOk(ask(simulation, { kind: "tablet-map" }), "tablet-map").tablets;
}

function keyOf(i: number): string {
  return `k${String(i).padStart(4, "0")}`;
}

function put(simulation: SimulatedBackend, from: number, to: number, value: string): void {
  for (let i = from; i < to; i++) {
    simulation.request(-1, { kind: "row-put", key: keyOf(i), value }, (answer) => assert.equal(answer.kind, "ok"));
  }
  simulation.run(simulation.now + second / 2);
}

function assertRows(simulation: SimulatedBackend, from: number, to: number, value: string, entry = -1): void {
  for (let i = from; i < to; i++) {
    simulation.request(entry, { kind: "row-get", key: keyOf(i) }, (answer) => {
      assert.equal(expectOk(answer, "row").value, value, keyOf(i));
    });
  }
  simulation.run(simulation.now + second);
}

const settle = (simulation: SimulatedBackend): void => assert(simulation.settle(20 * second), "it never came to rest");

test("a split leaves every row where it is, in one tablet of two, and a merge brings them together", () => {
  const simulation = cluster();
  put(simulation, 0, 100, "a");
  const begun = expectOk(ask(simulation, { kind: "tablet-split", at: keyOf(50) }), "tablet-map");
  assert.equal(begun.tablets[0].underWay, "split");
  settle(simulation);
  const halves = tabletsOf(simulation);
  assert.deepEqual(
    halves.map(({ from, version, underWay }) => [from, version, underWay]),
    [
      ["", 2, null],
      [keyOf(50), 2, null],
    ],
  );
  assertRows(simulation, 0, 100, "a");
  put(simulation, 25, 75, "b");
  expectOk(ask(simulation, { kind: "tablet-merge", at: keyOf(0) }), "tablet-map");
  settle(simulation);
  const [whole, ...others] = tabletsOf(simulation);
  assert.deepEqual([whole.version, others.length], [3, 0]);
  assertRows(simulation, 0, 25, "a");
  assertRows(simulation, 25, 75, "b");
  assertRows(simulation, 75, 100, "a");
  const { splits, merges, tablets } = simulation.counters();
  assert.deepEqual([splits, merges, tablets], [1, 1, 3]);
});

test("writes under way when a tablet splits are carried out by one of the halves, and every one is answered", () => {
  const simulation = cluster({ nodes: 5 });
  let answered = 0;
  let slowestUs = 0;
  const last = new Map<string, string>();
  for (let i = 0; i < 2_000; i++) {
    const key = keyOf((i * 37) % 100);
    last.set(key, `w${i}`);
    simulation.at(second + i * 200, () => {
      const from = simulation.now;
      simulation.request(-1, { kind: "row-put", key, value: `w${i}` }, (answer) => {
        expectOk(answer, "row-written");
        answered++;
        slowestUs = Math.max(slowestUs, simulation.now - from);
      });
    });
  }
  simulation.at(1.1 * second, () => simulation.request(-1, { kind: "tablet-split", at: keyOf(50) }, () => undefined));
  simulation.run(3 * second);
  settle(simulation);
  assert.equal(answered, 2_000);
  const { staleRoutes, refusedInLog } = simulation.counters();
  assert(Number(staleRoutes) > 0, "nobody had an old map");
  assert(Number(refusedInLog) > 0, "nothing met the split in the log");
  // An election among replicas that have just begun: a few round trips, not a lease.
  assert(slowestUs < 40 * millisecond, `the slowest took ${slowestUs} us`);
  for (const [key, value] of last) {
    assert.equal(expectOk(ask(simulation, { kind: "row-get", key }), "row").value, value);
  }
});

test("a replica that slept through splits and a truncated log has every row afterwards", () => {
  const simulation = cluster({ keepSlots: 4 });
  put(simulation, 0, 100, "a");
  simulation.inject({ kind: "crash", nodes: [2] });
  simulation.run(simulation.now + 2 * second);
  for (const at of [25, 50, 75]) {
    expectOk(ask(simulation, { kind: "tablet-split", at: keyOf(at) }, 0), "tablet-map");
    simulation.run(simulation.now + second);
  }
  for (let i = 0; i < 20; i++) {
    for (const key of [0, 25, 50, 75]) {
      expectOk(ask(simulation, { kind: "row-put", key: keyOf(key), value: `b${i}` }, 0), "row-written");
    }
  }
  simulation.inject({ kind: "restart", nodes: [2] });
  settle(simulation);
  assert(Number(simulation.counters().snapshotsInstalled) >= 4);
  const stale = ask(simulation, { kind: "row-get", key: keyOf(75), maxAgeUs: Infinity }, 2);
  assert.equal(expectOk(stale, "row").value, "b19");
  simulation.inject({ kind: "crash", nodes: [0] });
  simulation.run(simulation.now + 2 * second);
  assertRows(simulation, 76, 100, "a", 2);
  simulation.inject({ kind: "restart", nodes: [0] });
  settle(simulation);
  assert.equal(simulation.counters().tablets, 12);
});

test("a copy that is handed out while the tablet splits does not mix two states", () => {
  for (let delayUs = 0; delayUs < 60 * millisecond; delayUs += 1_500) {
    const simulation = cluster({ keepSlots: 2 });
    simulation.inject({ kind: "crash", nodes: [2] });
    simulation.run(simulation.now + 2 * second);
    put(simulation, 0, 1_500, "a");
    for (let i = 0; i < 5; i++) put(simulation, i, i + 1, "a");
    simulation.inject({ kind: "restart", nodes: [2] });
    simulation.run(simulation.now + delayUs);
    simulation.request(0, { kind: "tablet-split", at: keyOf(750) }, () => undefined);
    simulation.run(simulation.now + 10 * millisecond);
    put(simulation, 900, 1_500, "b");
    settle(simulation);
    for (let i = 0; i < 1_500; i += 10) {
      simulation.request(2, { kind: "row-get", key: keyOf(i), maxAgeUs: Infinity }, (answer) => {
        assert.equal(expectOk(answer, "row").value, i < 900 ? "a" : "b", `${keyOf(i)}, split after ${delayUs} us`);
      });
    }
    simulation.run(simulation.now + second);
  }
});

test("a tablet that is too large to go through a log does not merge, and says so by its version", () => {
  const simulation = cluster({ bounds: [keyOf(50)], balance: { mergeMaxRows: 20, patienceUs: 60 * second } });
  put(simulation, 0, 100, "a");
  expectOk(ask(simulation, { kind: "tablet-merge", at: keyOf(0) }), "tablet-map");
  settle(simulation);
  assert.deepEqual(
    tabletsOf(simulation).map(({ version }) => version),
    [1, 2],
  );
  put(simulation, 0, 100, "b");
  assertRows(simulation, 0, 100, "b");
});

test("a hot tablet splits where its load is, its leaders spread over zones, and cool tablets come together", () => {
  const balance: TabletRules = {
    splitAbovePerSecond: 300,
    mergeBelowPerSecond: 60,
    patienceUs: second / 2,
    restUs: second,
  };
  const simulation = cluster({ balance });
  const load = (perSecond: number, fromUs: number, toUs: number): void => {
    for (let at = fromUs; at < toUs; at += second / perSecond) {
      const key = keyOf(Math.floor(at / (second / perSecond)) % 97);
      simulation.at(at, () => simulation.request(-1, { kind: "row-put", key, value: "h" }, () => undefined));
    }
  };
  load(1_000, second, 16 * second);
  load(10, 16 * second, 40 * second);
  simulation.run(15 * second);
  const hot = tabletsOf(simulation);
  assert(hot.length >= 4 && hot.length <= 6, `${hot.length} tablets`);
  const leads = simulation.counters().leadsByNode as number[];
  assert(Math.min(...leads) >= 1, `led by node: ${leads.join(", ")}`);
  simulation.run(40 * second);
  settle(simulation);
  assert.equal(tabletsOf(simulation).length, 1);
  assertRows(simulation, 0, 97, "h");
});

test("what cannot be is refused: keys without bytes, a split at a bound, a merge of the last tablet", () => {
  const simulation = cluster({ bounds: ["m"] });
  const codeOf = (request: Request): string => {
    const answer = ask(simulation, request);
    return answer?.kind === "refused" ? answer.code : JSON.stringify(answer);
  };
  assert.equal(codeOf({ kind: "row-put", key: "", value: "a" }), "invalid");
  assert.equal(codeOf({ kind: "row-put", key: "k".repeat(1_025), value: "a" }), "invalid");
  assert.equal(codeOf({ kind: "tablet-split", at: "m" }), "invalid");
  assert.equal(codeOf({ kind: "tablet-merge", at: "z" }), "invalid");
  assert.equal(codeOf({ kind: "row-swap", key: "a", expected: "b", value: "c" }), "condition-failed");
  assert.throws(() => cluster({ bounds: ["m", "b"] }), /expected each bound above the one before/);
});

test("leadership of one tablet moves when it is asked to", () => {
  const simulation = cluster({ bounds: ["m"] });
  for (const node of [1, 2, 0]) {
    expectOk(ask(simulation, { kind: "tablet-lead", at: "a", node }), "row-written");
    simulation.run(simulation.now + second);
    expectOk(ask(simulation, { kind: "row-put", key: "a", value: String(node) }), "row-written");
  }
  settle(simulation);
  assert.equal(expectOk(ask(simulation, { kind: "row-get", key: "a" }), "row").value, "0");
});
