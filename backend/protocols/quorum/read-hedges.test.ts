/** Hedged reads of the quorum store: whom the coordinator asks, when, and that it asks nobody twice to store. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Answer, Deployment, TableSpec, TablesService } from "../../api.ts";
import type { HedgeSpec } from "../../api-tails.ts";
import { cloudDelays, oneRegion } from "../../kernel/topology.ts";
import { millisecond, second } from "../../kernel/units.ts";
import { Hedge } from "../../policies/hedge.ts";
import { createSimulation } from "../../simulated.ts";
import { Coordinator } from "./coordinator.ts";
import type { Target } from "./coordinator.ts";
import { Handoff } from "./handoff.ts";
import { Peers } from "./peers.ts";
import { Replica } from "./replica.ts";
import { RoleEnv } from "./role.fixture.ts";
import { noVersions } from "./versions.ts";

const at5: HedgeSpec = { copies: 3, delay: { kind: "fixed", afterUs: [5 * millisecond, 10 * millisecond] } };

/** Node 0 is no replica of the record that nodes 1, 2 and 3 keep. */
const record: Target = {
  key: "t.1\u0000x",
  merge: "union",
  replication: { n: 3, r: 1, w: 2, sloppy: false },
  preference: [1, 2, 3],
  walk: [1, 2, 3, 0, 4, 5],
};

function stage(spec = at5) {
  const env = new RoleEnv();
  const peers = new Peers(env, 6);
  const replica = new Replica(env);
  const policy = new Hedge(spec);
  const armed: number[] = [];
  const said: string[] = [];
  const coordinator = new Coordinator(
    env,
    peers,
    replica,
    new Handoff(env, peers, replica),
    {
      onWritten: (token) => said.push(`written ${token}`),
      onRead: (token) => said.push(`read ${token}`),
      onUnavailable: (token) => said.push(`unavailable ${token}`),
      onQuorumLost: (token) => said.push(`lost ${token}`),
    },
    { policy, arm: (us) => armed.push(us) },
  );
  replica.start();
  env.takeSent();
  let op = -1;
  const asked = (): number[] =>
    env.takeSent().flatMap(([to, message]) => {
      if (message.kind !== "fetch") return [];
      op = message.op;
      return [to];
    });
  const due = (us: number): number[] => {
    env.now = us;
    coordinator.onHedgeDue(op);
    return asked();
  };
  return {
    env,
    coordinator,
    policy,
    armed,
    said,
    asked,
    due,
    answer: (from: number) => coordinator.onFetched(from, op, noVersions),
  };
}

test("a read asks the replicas it needs, and one more each time a hedge is due", () => {
  const { coordinator, asked, due, armed, answer, said, policy } = stage();
  coordinator.read(1, record, 1, second);
  assert.deepEqual(asked(), [1]);
  assert.deepEqual(due(4_999), [], "a timer that comes early asks nobody");
  assert.deepEqual(due(5_000), [2]);
  assert.deepEqual(due(10_000), [3]);
  assert.deepEqual(due(15_000), [], "there is nobody left");
  assert.deepEqual(armed, [5_000, 5_000]);
  answer(3);
  assert.deepEqual(said, ["read 1"]);
  answer(1);
  const { sent, won, lost, both } = policy.counts;
  assert.deepEqual({ sent, won, lost, both }, { sent: 2, won: 1, lost: 1, both: 1 });
  assert.equal(coordinator.outstanding, 1, "the last answer is awaited, for read repair");
});

test("an answer in time makes the hedge's timer find nothing to do", () => {
  const { coordinator, asked, due, answer, policy } = stage();
  coordinator.read(1, record, 1, second);
  asked();
  answer(1);
  assert.deepEqual(due(5_000), []);
  assert.equal(policy.counts.sent, 0);
});

test("a read of two replicas waits for two, whichever they are", () => {
  const { coordinator, asked, due, answer, said } = stage();
  coordinator.read(1, record, 2, second);
  assert.deepEqual(asked(), [1, 2]);
  answer(2);
  assert.deepEqual(due(5_000), [3]);
  answer(3);
  assert.deepEqual(said, ["read 1"]);
});

test("a write is never hedged: nothing is armed, and its number means nothing to a hedge", () => {
  const { coordinator, env, armed } = stage();
  coordinator.write(1, { ...record, preference: [0, 1, 2], walk: [0, 1, 2, 3] }, null, {}, second);
  const stores = env.takeSent();
  const [, store] = stores[0];
  assert.ok(store.kind === "store");
  env.now = 20_000;
  coordinator.onHedgeDue(store.op);
  assert.deepEqual([env.takeSent(), armed], [[], []]);
});

test("a budget that is spent leaves the read to the replicas it has asked: nobody else, however late they are", () => {
  const { coordinator, asked, due, env, policy } = stage({ ...at5, budget: { kind: "share", share: 0.5, burst: 1 } });
  coordinator.read(1, record, 1, second);
  coordinator.read(2, record, 1, second);
  assert.deepEqual(asked(), [1, 1]);
  assert.deepEqual(due(5_000), [2]);
  assert.deepEqual(due(10_000), []);
  env.now = 40_000;
  coordinator.tick();
  assert.deepEqual([asked(), policy.counts.refused], [[], 1]);
});

test("while one replica of three stands still, reads through another are hedged to the third", () => {
  const times = (hedge?: HedgeSpec): { slowest: number; counters: Record<string, number> } => {
    const service: TablesService = { kind: "tables", virtualNodes: 32, quorumTimeoutUs: second, hedge };
    const deployment: Deployment = { topology: oneRegion(3, 3, cloudDelays), durability: "log", service };
    const simulation = createSimulation(deployment, 5);
    let created = false;
    const table: TableSpec = {
      name: "t",
      hashKey: { name: "key", type: "S" },
      merge: "last-writer-wins",
      replication: { n: 3, r: 2, w: 2, sloppy: false },
      capacity: { kind: "unlimited" },
      partitions: 8,
    };
    simulation.request(0, { kind: "create-table", table }, ({ kind }) => (created = kind === "ok"));
    simulation.run(second);
    assert.ok(created);
    simulation.inject({ kind: "pause", nodes: [1], forUs: 100 * millisecond });
    let slowest = 0;
    let answered = 0;
    for (let i = 0; i < 30; i++) {
      const body = { kind: "get", table: "t", key: { key: { S: `k${i}` } }, consistent: true } as const;
      simulation.request(0, body, (answer: Answer) => {
        assert.equal(answer.kind, "ok");
        answered++;
        slowest = Math.max(slowest, simulation.now - second);
      });
    }
    simulation.run(2 * second);
    assert.equal(answered, 30);
    return { slowest, counters: simulation.counters() as Record<string, number> };
  };
  const plain = times();
  const hedged = times(at5);
  assert.ok(plain.slowest > 30 * millisecond, `${plain.slowest} us`);
  assert.ok(hedged.slowest < 10 * millisecond, `${hedged.slowest} us`);
  assert.ok(hedged.counters.hedgeWon > 3 && hedged.counters.hedgeWon < 20, String(hedged.counters.hedgeWon));
});
