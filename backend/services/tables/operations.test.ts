/** Conditional operations: one at a time on a key, whoever sends them, and a long queue of failures is no deep recursion. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Coordinator } from "../../protocols/quorum/coordinator.ts";
import { oneRegion } from "../../kernel/topology.ts";
import { second } from "../../kernel/units.ts";
import { Peers } from "../../protocols/quorum/peers.ts";
import { RoleEnv } from "../../protocols/quorum/role.fixture.ts";
import { Admission } from "./admission.ts";
import { Dialogue, tableSpec } from "./dialogue.fixture.ts";
import { Operations } from "./operations.ts";
import { Placements } from "./placements.ts";

const condition = { kind: "not-exists", path: ["id"] } as const;

test("of 50 concurrent puts on condition that nothing is there, through all nodes, exactly one succeeds", () => {
  for (const nodes of [3, 5]) {
    const talk = new Dialogue(nodes);
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 50; i++) {
      const item = { id: { S: "x" }, tags: { SS: [`${i}`] } };
      talk.ask(i % nodes, { kind: "put", table: "t", item, condition }, (answer) => {
        const outcome = answer.kind === "ok" ? "ok" : answer.code;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      });
    }
    talk.run(2 * second);
    assert.deepEqual(Object.fromEntries(outcomes), { ok: 1, "condition-failed": 49 });
  }
});

test("50 concurrent increments through all nodes add up", () => {
  const talk = new Dialogue(5);
  const key = { id: { S: "x" } };
  for (let i = 0; i < 50; i++) {
    const actions = [{ kind: "add", path: ["count"], value: { N: "1" } }] as const;
    talk.ask(i % 5, { kind: "update", table: "t", key, actions });
  }
  talk.run(2 * second);
  let count = "";
  talk.ask(0, { kind: "get", table: "t", key, consistent: true }, (answer) => {
    if (answer.kind === "ok" && answer.result.kind === "item") count = answer.result.item?.count.N ?? "";
  });
  talk.run(second);
  assert.equal(count, "50");
});

test("20,000 waiters whose quorum is lost are answered one after another", () => {
  const env = new RoleEnv();
  const topology = oneRegion(3);
  const placements = new Placements(topology, {
    kind: "tables",
    virtualNodes: 8,
    quorumTimeoutUs: second,
  });
  const admission = new Admission({ self: 0, now: 0, sendEarly: () => undefined }, new Peers(env, 3), placements);
  const codes: string[] = [];
  const operations = new Operations(
    { env, onDone: (_, answer) => codes.push(answer.kind === "ok" ? "ok" : answer.code) },
    admission,
  );
  let waiting = -1;
  operations.coordinator = {
    read: (token: number) => {
      if (waiting < 0) waiting = token;
      else operations.onUnavailable(token, 1, 2);
    },
  } as unknown as Coordinator;
  const entry = { spec: tableSpec(), version: 1, id: "t.1", createdAt: 0, deleted: false };
  const place = { ...placements.of(entry, "x", "x"), key: { id: { S: "x" } } };
  const body = { kind: "put", table: "t", item: { id: { S: "x" } }, condition } as const;
  for (let i = 0; i < 20_000; i++) {
    operations.begin({ kind: "client", request: i }, body, entry, place, i % 2 === 0 ? second : 0);
  }
  assert.equal(codes.length, 0);
  operations.onQuorumLost(waiting, 1, 2);
  assert.equal(codes.length, 20_000);
  assert.deepEqual(codes.slice(0, 3), ["quorum-lost", "expired", "unavailable"], "in the order they came");
  assert.equal(operations.outstanding, 0);
});
