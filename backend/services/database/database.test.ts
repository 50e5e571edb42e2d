/** The database in the simulation: what it answers, what commit wait costs, how many participants it bears, what a leader's death costs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, DatabaseService, Deployment } from "../../api.ts";
import type { DatabaseRequest, DatabaseResult, DatabaseWrite } from "../../api-database.ts";
import type { PolledTime } from "../../kernel/time-spec.ts";
import { cloudDelays, oneRegion } from "../../kernel/topology.ts";
import { millisecond, second } from "../../kernel/units.ts";
import { createSimulation } from "../../simulated.ts";
import type { SimulatedBackend } from "../../simulated.ts";

/** The client is where its entry node is, so that only the database's own time counts. */
const links = { ...cloudDelays, client: { kind: "none" } } as const;

function keyOf(group: number): string {
  return `k${String(group).padStart(3, "0")}`;
}

interface Shape {
  readonly nodes?: number;
  readonly groups?: number;
  readonly time?: PolledTime;
  readonly more?: Partial<DatabaseService>;
}

/** Group g keeps `keyOf(g)` and is led by node g, round robin. */
function start({ nodes = 3, groups = 3, time = { kind: "polled" }, more }: Shape = {}): SimulatedBackend {
  const deployment: Deployment = {
    topology: oneRegion(nodes, 3, links),
    durability: "log",
    time,
    service: {
      kind: "database",
      log: {},
      tablets: Array.from({ length: groups }, (_, group) => ({
        from: group === 0 ? "" : keyOf(group),
        replicas: [0, 1, 2].map((k) => (group + k) % nodes),
      })),
      ...more,
    },
  };
  const simulation = createSimulation(deployment, 11, { checkEvery: 256 });
  simulation.run(5 * second);
  return simulation;
}

function ask(simulation: SimulatedBackend, entry: number, request: DatabaseRequest): [answer: Answer, tookUs: number] {
  const askedAt = simulation.now;
  const answers: [Answer, number][] = [];
  simulation.request(entry, request, (answer) => answers.push([answer, simulation.now - askedAt]));
  for (let i = 0; i < 6_000 && answers.length === 0; i++) simulation.run(simulation.now + millisecond);
  assert.equal(answers.length, 1, `answers to ${JSON.stringify(request)}`);
  return answers[0];
}

function done(simulation: SimulatedBackend, entry: number, request: DatabaseRequest): DatabaseResult {
  const [answer] = ask(simulation, entry, request);
  assert(answer.kind === "ok", JSON.stringify(answer));
  assert(answer.result.kind === "transacted" || answer.result.kind === "snapshot");
  return answer.result;
}

function valuesOf({ values }: DatabaseResult): unknown[] {
  return values.map(({ value }) => value);
}

const add = (delta: number, ...groups: readonly number[]): DatabaseWrite[] =>
  groups.map((group) => ({ kind: "add", key: keyOf(group), delta }));
const transact = (writes: DatabaseWrite[], reads: string[] = []): DatabaseRequest => ({
  kind: "transact",
  reads,
  writes,
});

test("a transaction over three groups, its condition, and the past", () => {
  const simulation = start();
  const keys = [0, 1, 2].map(keyOf);
  const first = done(simulation, 0, transact(add(10, 0, 1, 2), keys));
  assert.deepEqual(valuesOf(first), [null, null, null]);
  const second_ = done(simulation, 1, {
    kind: "transact",
    reads: [keys[2], keys[0]],
    writes: [...add(-4, 0), { kind: "set", key: keys[1], value: "text" }, { kind: "delete", key: keys[2] }],
    conditions: [
      { kind: "at-least", key: keys[0], value: 4 },
      { kind: "equals", key: keys[1], value: 10 },
    ],
  });
  assert.deepEqual(valuesOf(second_), [10, 10]);
  assert(second_.timestamp > first.timestamp);
  for (let node = 0; node < 3; node++) {
    const strong = done(simulation, node, { kind: "snapshot-read", keys, at: { kind: "strong" } });
    assert.deepEqual(valuesOf(strong), [6, "text", null]);
    const before = { kind: "exact", timestamp: second_.timestamp - 1 } as const;
    assert.deepEqual(valuesOf(done(simulation, node, { kind: "snapshot-read", keys, at: before })), [10, 10, 10]);
  }
  const [refused] = ask(simulation, 2, {
    ...transact(add(1, 0, 1)),
    conditions: [{ kind: "equals", key: keys[2], value: 1 }],
  } as DatabaseRequest);
  assert.deepEqual(refused, {
    kind: "refused",
    code: "condition-failed",
    message: `${keys[2]} is null; expected 1`,
  });
  assert.equal(ask(simulation, 2, transact(add(1, 1, 2)))[0].kind, "refused", "a number is added to a text");
  assert.deepEqual(valuesOf(done(simulation, 0, transact([], keys))), [6, "text", null]);
});

test("requests that make no sense are refused with what would", () => {
  const simulation = start({ groups: 1 });
  const refusal = (request: DatabaseRequest): string => {
    const [answer] = ask(simulation, 0, request);
    assert(answer.kind === "refused" && answer.code === "invalid", JSON.stringify(answer));
    return answer.message;
  };
  assert.match(refusal(transact([])), /an empty transaction/);
  assert.match(refusal(transact([...add(1, 0), ...add(1, 0)])), /a key is written twice/);
  assert.match(refusal(transact([{ kind: "set", key: "a\u0000b", value: 1 }])), /a key holds U\+0/);
  assert.match(refusal(transact([{ kind: "add", key: "a", delta: NaN }])), /delta is NaN; expected a finite number/);
  assert.match(refusal(transact([{ kind: "set", key: "x".repeat(1_025), value: 1 }])), /expected 1 to 1024/);
  assert.match(
    refusal({ kind: "snapshot-read", keys: ["a"], at: { kind: "exact", timestamp: -1 } }),
    /timestamp is -1; expected whole microseconds/,
  );
});

test("a replica of an idle group answers stale reads by itself, no staler than a heartbeat", () => {
  const simulation = start({ groups: 1 });
  done(simulation, 0, transact(add(1, 0)));
  simulation.run(simulation.now + 20 * second);
  for (const node of [1, 2]) {
    const at = { kind: "max-staleness", us: second } as const;
    const [answer, tookUs] = ask(simulation, node, { kind: "snapshot-read", keys: [keyOf(0)], at });
    assert(answer.kind === "ok" && answer.result.kind === "snapshot");
    assert.deepEqual(valuesOf(answer.result), [1]);
    assert(tookUs < millisecond, `${tookUs} us: it asked somebody else`);
    // 200 ms between heartbeats, and what clocks claim.
    assert(simulation.now - answer.result.timestamp < 230 * millisecond);
  }
});

test("versions that are gone are refused, not answered with something else", () => {
  const simulation = start({ groups: 1, more: { versionsKeptUs: 2 * second } });
  const first = done(simulation, 0, transact(add(1, 0)));
  for (let i = 0; i < 5; i++) {
    simulation.run(simulation.now + second);
    done(simulation, 0, transact(add(1, 0)));
  }
  const at = { kind: "exact", timestamp: first.timestamp } as const;
  const [answer] = ask(simulation, 1, { kind: "snapshot-read", keys: [keyOf(0)], at });
  assert(answer.kind === "refused" && answer.code === "compacted", JSON.stringify(answer));
});

/** Mean and all of `count` transactions of one group, one after the other, at its leader. */
function latencies(time: PolledTime, commitWait: boolean, count: number): number[] {
  const simulation = start({ groups: 1, time, more: { commitWait } });
  return Array.from({ length: count }, () => {
    const [answer, tookUs] = ask(simulation, 0, transact(add(1, 0)));
    assert.equal(answer.kind, "ok");
    return tookUs;
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test("commit wait: the mean latency is that of max(paxos, 2 epsilon), within 3 per cent", () => {
  for (const errorUs of [300, 1_500, 3_500, 7_000]) {
    const time: PolledTime = { kind: "polled", leastErrorUs: errorUs, driftBoundPpm: 1 };
    const law = mean(latencies(time, false, 300).map((paxosUs) => Math.max(paxosUs, 2 * errorUs)));
    const measured = mean(latencies(time, true, 300));
    assert(Math.abs(measured / law - 1) < 0.03, `epsilon ${errorUs}: ${measured} us; the law says ${law} us`);
  }
});

test("two-phase commit over 1 to 200 participants: all or nothing, and the wait is paid once", () => {
  const simulation = start({ nodes: 6, groups: 200 });
  const means: number[] = [];
  for (const participants of [1, 2, 10, 50, 200]) {
    const groups = Array.from({ length: participants }, (_, i) => i);
    means.push(
      mean(
        Array.from({ length: 5 }, () => {
          const [answer, tookUs] = ask(simulation, 0, transact(add(1, ...groups)));
          assert.equal(answer.kind, "ok", JSON.stringify(answer));
          return tookUs;
        }),
      ),
    );
  }
  // 14 ms of waiting at most, whatever the number; two logs and three messages one after the other.
  assert(Math.max(...means) < 20 * millisecond, `${means.map(Math.round).join(" ")} us`);
  const keys = Array.from({ length: 200 }, (_, i) => keyOf(i));
  const read = done(simulation, 3, { kind: "snapshot-read", keys, at: { kind: "strong" } });
  const expected = keys.map((_, i) => (i < 1 ? 25 : i < 2 ? 20 : i < 10 ? 15 : i < 50 ? 10 : 5));
  assert.deepEqual(valuesOf(read), expected);
});

test("a coordinator's leader dies between its decision and telling it: its successor tells", () => {
  const simulation = start();
  const keys = [0, 1].map(keyOf);
  simulation.request(0, transact(add(1, 0, 1)), () => undefined);
  // The decision is in the log after 4 ms and passes after 14 ms at most.
  simulation.run(simulation.now + 5 * millisecond);
  simulation.inject({ kind: "crash", nodes: [0] });
  const [strong, tookUs] = ask(simulation, 2, { kind: "snapshot-read", keys, at: { kind: "strong" } });
  assert(strong.kind === "ok" && strong.result.kind === "snapshot", JSON.stringify(strong));
  assert.deepEqual(valuesOf(strong.result), [1, 1]);
  assert(tookUs < 4 * second, `${tookUs} us; a lease of 2 s and an election`);
  simulation.inject({ kind: "restart", nodes: [0] });
  assert(simulation.settle(10 * second));
});

test("a participant's leader dies with a prepared transaction: the next one holds its locks until it hears", () => {
  const simulation = start();
  // Group 1 has prepared after about 2 ms; its leader dies before it can hear what was decided.
  simulation.request(0, transact(add(1, 0, 1)), () => undefined);
  simulation.run(simulation.now + 4 * millisecond);
  simulation.inject({ kind: "crash", nodes: [1] });
  const read = done(simulation, 0, {
    kind: "snapshot-read",
    keys: [keyOf(0), keyOf(1)],
    at: { kind: "strong" },
  });
  const [a, b] = valuesOf(read);
  assert.equal(a, b);
  simulation.inject({ kind: "restart", nodes: [1] });
  assert(simulation.settle(10 * second));
});

test("contention: transactions that cross each other's way all commit, and none twice", () => {
  const simulation = start();
  let ok = 0;
  for (let i = 0; i < 60; i++) {
    const groups = [
      [0, 1],
      [1, 2],
      [2, 0],
    ][i % 3];
    simulation.request(i % 3, transact(add(1, ...(i % 2 === 0 ? groups : groups.toReversed()))), ({ kind }) => {
      if (kind === "ok") ok++;
    });
  }
  assert(simulation.settle(20 * second));
  assert.equal(ok, 60);
  const keys = [0, 1, 2].map(keyOf);
  assert.deepEqual(
    valuesOf(done(simulation, 0, { kind: "snapshot-read", keys, at: { kind: "strong" } })),
    [40, 40, 40],
  );
});
