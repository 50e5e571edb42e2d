/** Tablets of the database that split and merge while transactions run over them: one story a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Deployment, Request } from "../../api.ts";
import type { DatabaseWrite } from "../../api-database.ts";
import type { TabletPlace, TabletRules } from "../../api-tablets.ts";
import { cloudDelays, oneRegion } from "../../kernel/topology.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import { createSimulation } from "../../simulated.ts";
import type { SimulatedBackend } from "../../simulated.ts";

function keyOf(i: number): string {
  return `k${String(i).padStart(2, "0")}`;
}

function start(balance?: TabletRules): SimulatedBackend {
  const deployment: Deployment = {
    topology: oneRegion(4, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    time: { kind: "polled" },
    service: {
      kind: "database",
      log: { leaseUs: 500 * millisecond },
      tablets: [{ from: "", replicas: [0, 1, 2] }],
      moves: { keepers: [0, 1, 2], balance },
    },
  };
  const simulation = createSimulation(deployment, 5, { checkEvery: 64 });
  simulation.run(2 * second);
  return simulation;
}

function ask(simulation: SimulatedBackend, request: Request, entry = -1): Answer {
  const answers: Answer[] = [];
  simulation.request(entry, request, (answer) => answers.push(answer));
  for (let i = 0; i < 3_000 && answers.length === 0; i++) simulation.run(simulation.now + millisecond);
  assert.equal(answers.length, 1, JSON.stringify(request));
  return answers[0];
}

function tabletsOf(simulation: SimulatedBackend): readonly TabletPlace[] {
  const answer = ask(simulation, { kind: "tablet-map" });
  assert(answer.kind === "ok" && answer.result.kind === "tablet-map", JSON.stringify(answer));
  return answer.result.tablets;
}

function write(simulation: SimulatedBackend, delta: number, ...keys: readonly number[]): Micros {
  const writes = keys.map((i): DatabaseWrite => ({ kind: "add", key: keyOf(i), delta }));
  const answer = ask(simulation, { kind: "transact", reads: [], writes });
  assert(answer.kind === "ok" && answer.result.kind === "transacted", JSON.stringify(answer));
  return answer.result.timestamp;
}

function read(simulation: SimulatedBackend, keys: readonly number[], timestamp?: Micros, entry = -1): unknown[] {
  const at = timestamp === undefined ? ({ kind: "strong" } as const) : ({ kind: "exact", timestamp } as const);
  const answer = ask(simulation, { kind: "snapshot-read", keys: keys.map(keyOf), at }, entry);
  assert(answer.kind === "ok" && answer.result.kind === "snapshot", JSON.stringify(answer));
  return answer.result.values.map(({ value }) => value);
}

const settle = (simulation: SimulatedBackend): void => assert(simulation.settle(20 * second), "it never came to rest");
const changes = (simulation: SimulatedBackend) => {
  const { splits, merges, tablets } = simulation.counters() as unknown as Record<string, number>;
  return [splits, merges, tablets];
};

test("a split and a merge leave every version where a read of the past finds it, at every replica", () => {
  const simulation = start();
  const first = write(simulation, 1, 10, 60);
  const second_ = write(simulation, 1, 10, 60);
  assert.equal(ask(simulation, { kind: "tablet-split", at: keyOf(50) }).kind, "ok");
  settle(simulation);
  assert.deepEqual(
    tabletsOf(simulation).map(({ from, version }) => [from, version]),
    [
      ["", 2],
      [keyOf(50), 2],
    ],
  );
  const third = write(simulation, 1, 10, 60);
  assert(third > second_);
  const past = (): void => {
    for (let entry = 0; entry < 4; entry++) {
      assert.deepEqual(read(simulation, [10, 60], first, entry), [1, 1]);
      assert.deepEqual(read(simulation, [10, 60], third - 1, entry), [2, 2]);
      assert.deepEqual(read(simulation, [10, 60], third, entry), [3, 3]);
    }
  };
  past();
  assert.equal(ask(simulation, { kind: "tablet-merge", at: keyOf(0) }).kind, "ok");
  settle(simulation);
  assert.deepEqual(changes(simulation), [1, 1, 3]);
  past();
  assert(write(simulation, 1, 10, 60) > third);
  assert.deepEqual(read(simulation, [10, 60]), [4, 4]);
});

test("transactions that are under way when tablets split and merge again and again: each is carried out once", () => {
  const simulation = start();
  let answered = 0;
  let added = 0;
  for (let i = 0; i < 1_500; i++) {
    simulation.at(2 * second + i * 2_000, () => {
      const [a, b] = [(i * 7) % 60, (i * 7 + 31) % 60].map(keyOf);
      const writes: DatabaseWrite[] = [
        { kind: "add", key: a, delta: -1 },
        { kind: "add", key: b, delta: 1 },
        { kind: "add", key: keyOf(70 + (i % 5)), delta: 1 },
      ];
      simulation.request(i % 4, { kind: "transact", reads: [], writes }, (answer) => {
        answered++;
        assert.equal(answer.kind, "ok", JSON.stringify(answer));
        added++;
      });
    });
  }
  for (let i = 0; i < 24; i++) {
    const kind = i % 3 === 2 ? "tablet-merge" : "tablet-split";
    const at = keyOf((i * 11) % 75);
    simulation.at(2 * second + i * 120 * millisecond, () => simulation.request(-1, { kind, at }, () => undefined));
  }
  simulation.run(8 * second);
  settle(simulation);
  assert.equal(answered, 1_500);
  const keys = Array.from({ length: 75 }, (_, i) => i);
  const values = read(simulation, keys).map((value) => (value as number | null) ?? 0);
  const sum = (from: number, to: number): number => values.slice(from, to).reduce((before, value) => before + value, 0);
  assert.deepEqual([sum(0, 60), sum(70, 75)], [0, added]);
  const [splits, merges] = changes(simulation);
  assert(splits > 3 && merges > 1, `${splits} splits, ${merges} merges`);
});

test("a hot tablet splits by itself and cool ones merge; a stale map costs a refusal and a second try", () => {
  const balance = { splitAbovePerSecond: 200, mergeBelowPerSecond: 60, patienceUs: 300 * millisecond, restUs: second };
  const simulation = start(balance);
  for (let i = 0; i < 3_000; i++) {
    simulation.at(2 * second + i * 1_500, () => {
      const writes: DatabaseWrite[] = [{ kind: "add", key: keyOf((i * 37) % 100), delta: 1 }];
      simulation.request(-1, { kind: "transact", reads: [], writes }, (answer) => assert.equal(answer.kind, "ok"));
    });
  }
  simulation.run(6.4 * second);
  const hot = tabletsOf(simulation).length;
  assert(hot > 1, `${hot} tablets`);
  simulation.run(30 * second);
  assert(tabletsOf(simulation).length < hot);
  const values = read(
    simulation,
    Array.from({ length: 100 }, (_, i) => i),
  ) as number[];
  assert.deepEqual(
    values,
    Array.from({ length: 100 }, () => 30),
  );
});

test("what is asked while something else is under way waits for it", () => {
  const simulation = start();
  const answers: string[] = [];
  for (const at of [30, 60, 45].map(keyOf)) {
    simulation.request(-1, { kind: "tablet-split", at }, ({ kind }) => answers.push(kind));
  }
  simulation.run(simulation.now + 3 * second);
  settle(simulation);
  assert.deepEqual(answers, ["ok", "ok", "ok"]);
  assert.deepEqual(
    tabletsOf(simulation).map(({ from }) => from),
    ["", keyOf(30), keyOf(45), keyOf(60)],
  );
});

test("what cannot be is refused", () => {
  const simulation = start();
  const refused = (request: Request, code: string): void => {
    const answer = ask(simulation, request);
    assert(answer.kind === "refused" && answer.code === code, JSON.stringify(answer));
  };
  refused({ kind: "tablet-merge", at: "k" }, "invalid");
  const key = "\u00ff\u00ff\u00ff\u00ff";
  refused({ kind: "snapshot-read", keys: [key], at: { kind: "strong" } }, "invalid");
  refused({ kind: "row-get", key: "k" }, "invalid");
  const wrong = (froms: readonly string[], keepers: readonly number[], message: RegExp): void => {
    const tablets = froms.map((from) => ({ from, replicas: [0] }));
    const service = { kind: "database", log: {}, tablets, moves: { keepers } } as const;
    assert.throws(() => createSimulation({ topology: oneRegion(1), durability: "log", service }, 1).run(1), message);
  };
  wrong(["", "m", "c"], [0], /sort the tablets/);
  wrong([""], [], /name at least one/);
  const still = createSimulation(
    {
      topology: oneRegion(3, 3, cloudDelays),
      durability: "log",
      service: { kind: "database", log: {}, tablets: [{ from: "", replicas: [0, 1, 2] }] },
    },
    1,
  );
  let answer: Answer | undefined;
  still.request(0, { kind: "tablet-split", at: "k" }, (given) => (answer = given));
  still.run(second);
  assert(answer?.kind === "refused", JSON.stringify(answer));
});
