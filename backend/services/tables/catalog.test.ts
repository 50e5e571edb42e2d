/** Changes of tables among five nodes that may be cut off while they happen. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Answer, TableRequest } from "../../api.ts";
import { millisecond, second } from "../../kernel/units.ts";
import { Dialogue, tableSpec } from "./dialogue.fixture.ts";

const made = tableSpec({ name: "made" });

function ask(talk: Dialogue, node: number, body: TableRequest, forUs = 4 * second): string {
  let outcome = "none";
  talk.ask(node, body, (answer: Answer) => {
    outcome = answer.kind === "ok" ? "ok" : answer.code;
  });
  talk.run(forUs);
  return outcome;
}

const create = { kind: "create-table", table: made } as const;
const remove = { kind: "delete-table", table: "made" } as const;
const describe = { kind: "describe-table", table: "made" } as const;

function known(talk: Dialogue, nodes = [0, 1, 2, 3, 4]): string[] {
  return nodes.map((node) => ask(talk, node, describe, 50 * millisecond));
}

test("a table made at one node is known to all when it is acknowledged, and gone from all when it is deleted", () => {
  const talk = new Dialogue(5);
  assert.equal(ask(talk, 0, create, 50 * millisecond), "ok");
  assert.deepEqual(known(talk), ["ok", "ok", "ok", "ok", "ok"]);
  assert.equal(ask(talk, 3, create), "exists");
  assert.equal(ask(talk, 1, remove, 50 * millisecond), "ok");
  assert.deepEqual(known(talk), Array(5).fill("not-found"));
  assert.equal(ask(talk, 1, remove), "not-found");
  assert.equal(ask(talk, 2, create), "ok", "the name is free again");
  assert.deepEqual(known(talk), ["ok", "ok", "ok", "ok", "ok"]);
});

test("a majority is enough, and who was cut off is told once it can be reached", () => {
  const talk = new Dialogue(5);
  talk.inject({ kind: "partition", from: [4], to: [0, 1, 2, 3] });
  assert.equal(ask(talk, 0, create, second), "ok");
  assert.equal(ask(talk, 4, describe, 50 * millisecond), "not-found");
  talk.inject({ kind: "heal" });
  talk.run(2 * second);
  assert.deepEqual(known(talk, [4]), ["ok"], "without a restart");
  assert(talk.simulation.atRest());
});

test("without a majority the outcome is unknown, and every node agrees on it after the heal", () => {
  const talk = new Dialogue(5);
  talk.inject({ kind: "partition", from: [0, 1], to: [2, 3, 4] });
  assert.equal(ask(talk, 0, create), "quorum-lost");
  talk.inject({ kind: "heal" });
  talk.run(2 * second);
  assert.deepEqual(known(talk), ["ok", "ok", "ok", "ok", "ok"]);
});

test("a node that was down learns what it missed, also when the maker of the change has crashed since", () => {
  const talk = new Dialogue(5);
  talk.inject({ kind: "crash", nodes: [4] });
  assert.equal(ask(talk, 0, create), "ok");
  talk.inject({ kind: "crash", nodes: [0] });
  talk.inject({ kind: "restart", nodes: [4] });
  talk.run(second);
  talk.inject({ kind: "restart", nodes: [0] });
  talk.run(second);
  assert.deepEqual(known(talk), ["ok", "ok", "ok", "ok", "ok"]);
});

test("a change whose maker crashed before anyone heard of it is told when the maker is back", () => {
  const talk = new Dialogue(5);
  talk.inject({ kind: "partition", from: [0], to: [1, 2, 3, 4] });
  talk.ask(0, create);
  talk.run(100 * millisecond);
  talk.inject({ kind: "crash", nodes: [0] });
  talk.inject({ kind: "heal" });
  talk.inject({ kind: "restart", nodes: [0] });
  talk.run(second);
  assert.deepEqual(known(talk), ["ok", "ok", "ok", "ok", "ok"]);
});

test("two nodes make one name at the same instant: everyone ends with the same table", () => {
  const talk = new Dialogue(5);
  talk.ask(0, create);
  talk.ask(3, { kind: "create-table", table: { ...made, partitions: 4 } });
  talk.run(2 * second);
  const ids = new Set<string>();
  for (let node = 0; node < 5; node++) {
    talk.ask(node, describe, (answer) => {
      if (answer.kind === "ok" && answer.result.kind === "table") ids.add(answer.result.table.id);
    });
  }
  talk.run(second);
  assert.equal(ids.size, 1);
});

test("names are listed in order, page by page; more replicas than nodes are refused", () => {
  const talk = new Dialogue(3);
  for (const name of ["m", "b", "z"]) ask(talk, 0, { kind: "create-table", table: { ...made, name } });
  const pages: unknown[] = [];
  const note = (answer: Answer): void => void pages.push(answer.kind === "ok" && answer.result);
  talk.ask(1, { kind: "list-tables", limit: 2 }, note);
  talk.run(second);
  talk.ask(1, { kind: "list-tables", limit: 2, after: "m" }, note);
  talk.run(second);
  assert.deepEqual(pages, [
    { kind: "tables", names: ["b", "m"], more: true },
    { kind: "tables", names: ["t", "z"], more: false },
  ]);
  const replication = { n: 4, r: 2, w: 2, sloppy: false };
  assert.equal(ask(talk, 0, { kind: "create-table", table: { ...made, replication } }), "invalid");
});
