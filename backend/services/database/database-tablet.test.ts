/** Where keys change hands in the log: what keeps them, and what goes with them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Value } from "../../kernel/store.ts";
import { minute } from "../../kernel/units.ts";
import { MemoryStore } from "../../protocols/tablets/toy-cluster.fixture.ts";
import { endOfKeys, foundingMeta, rowPrefix } from "../../protocols/tablets/tablet.ts";
import type { RangeCommand, TabletMeta } from "../../protocols/tablets/tablet.ts";
import { TabletMachine } from "../../protocols/transactions/tablet-machine.ts";
import type { Cell, TabletCommand } from "../../protocols/transactions/tablet-machine.ts";
import { DatabaseTablet } from "./database-tablet.ts";
import type { MoveCommand } from "./database-tablet.ts";

const at = 1_000;

/** A tablet for keys from `from` up to `to`, and the children that it was split into, with what they begin with. */
function tabletOf(from: string, to: string, tablet = 2) {
  const children: { meta: TabletMeta; heirloom: unknown }[] = [];
  const meta = foundingMeta({ tablet, from, to, version: 1, replicas: [0, 1, 2] });
  const host = {
    onSplit: (child: TabletMeta) => void children.push({ meta: child, heirloom: machine.heirloom()[0][1] }),
  };
  const parts = { Machine: TabletMachine, versionsKeptUs: minute };
  const machine: DatabaseTablet = new DatabaseTablet(new MemoryStore(), meta, host, parts);
  return { machine, children };
}

function commit(timestamp: number, cells: readonly Cell[], participants: readonly number[] = []): TabletCommand {
  return { kind: "commit", reign: 1, txn: `t${timestamp}`, timestamp, cells, participants };
}

function prepare(txn: string, shared: readonly string[], exclusive: readonly string[]): TabletCommand {
  const cells = exclusive.map((key): Cell => [key, 1]);
  const age = { at: 0, node: 0, sequence: 0 };
  const prepared = { txn, age, coordinator: 9, timestamp: 20, reads: [], shared, exclusive, cells };
  return { kind: "prepare", reign: 1, prepared };
}

function move(change: RangeCommand, more: Partial<MoveCommand> = {}): MoveCommand {
  return { kind: "move", reign: 1, floor: 50, horizon: 0, change, ...more };
}

const split = (key: string, version = 1): RangeCommand => ({ kind: "split", version, at: key, child: 7 });
const seal: RangeCommand = { kind: "seal", version: 1, into: 1, maxRows: 10, maxBytes: 1_000 };
const isChanged = (result: unknown): boolean => (result as { changed: boolean }).changed;

test("a split waits for what is prepared above the cut, reads as well as writes, and for nothing below it", () => {
  for (const [shared, exclusive] of [
    [["m"], []],
    [[], ["x"]],
    [["a"], ["b", "x"]],
  ]) {
    const { machine, children } = tabletOf("", endOfKeys);
    machine.apply(prepare("t", shared, exclusive), at);
    assert(!isChanged(machine.apply(move(split("m")), at)));
    machine.apply({ kind: "resolve", txn: "t", timestamp: 30 }, at);
    assert(isChanged(machine.apply(move(split("m")), at)));
    assert.equal(children.length, 1);
  }
  const { machine } = tabletOf("", endOfKeys);
  machine.apply(prepare("t", ["a"], ["b"]), at);
  assert(isChanged(machine.apply(move(split("m")), at)));
  assert.equal(machine.machine.allPrepared().length, 1);
});

test("the child begins above all that its parent stamped or promised, and under a leadership of its own", () => {
  const { machine, children } = tabletOf("", endOfKeys);
  machine.apply({ kind: "lead", reign: 1 }, at);
  machine.apply(commit(40, [["x", 1]]), at);
  machine.apply(move(split("m")), at);
  assert.deepEqual(children[0].heirloom, { highest: 50, horizon: 0, reign: 0 });
  assert.deepEqual([children[0].meta.from, children[0].meta.to, children[0].meta.version], ["m", endOfKeys, 2]);
  assert.equal(machine.apply(commit(60, [["x", 2]]), at), "void");
  assert.equal(machine.machine.newest("x").value, 1, "the store under it says whose rows these are");
});

test("what an earlier leader proposed comes too late: the next may have promised more", () => {
  const { machine, children } = tabletOf("", endOfKeys);
  machine.apply({ kind: "lead", reign: 2 }, at);
  assert(!isChanged(machine.apply(move(split("m")), at)));
  assert(!isChanged(machine.apply(move(seal), at)));
  assert.equal(children.length, 0);
  assert(isChanged(machine.apply(move(split("m"), { reign: 2 }), at)));
});

test("a tablet ends when nothing is prepared in it and all have learned what it committed; then it commits no more", () => {
  const { machine } = tabletOf("m", endOfKeys);
  machine.apply(prepare("t", [], ["x"]), at);
  assert(!isChanged(machine.apply(move(seal), at)));
  machine.apply({ kind: "resolve", txn: "t", timestamp: null }, at);
  machine.apply(commit(40, [["x", 1]], [3]), at);
  assert(!isChanged(machine.apply(move(seal), at)));
  machine.apply({ kind: "forget", txn: "t40" }, at);
  machine.apply({ kind: "presume-abort", txn: "u" }, at);
  assert(isChanged(machine.apply(move(seal), at)));
  assert.equal(machine.apply(commit(60, [["x", 2]]), at), "void");
  assert.equal(machine.apply(commit(61, [], [3]), at), "void");
  assert.deepEqual(machine.apply({ kind: "presume-abort", txn: "v" }, at), { timestamp: null, participants: [] });
});

test("who takes over has every version, and goes on above every timestamp and with every gap", () => {
  const right = tabletOf("m", endOfKeys, 3).machine;
  right.apply(commit(10, [["x", 1]]), at);
  right.apply(commit(20, [["x", 2]]), at);
  right.apply(move(seal, { floor: 70 }), at);
  const left = tabletOf("", "m").machine;
  const { keys, values } = right.rows();
  const entry = { ...right.tablet.meta!, tablet: 3 };
  const absorb: RangeCommand = { kind: "absorb", version: 1, right: entry, keys, values: values as Value[] };
  assert(isChanged(left.apply(move(absorb, { reign: 0, floor: right.machine.highest, horizon: 5 }), at)));
  assert.deepEqual(
    [10, 15, 20, 99].map((t) => left.machine.versionAt("x", t).value),
    [1, 1, 2, 2],
  );
  assert.deepEqual([left.machine.highest, left.machine.received, left.machine.horizon], [70, 70, 5]);
  assert(left.machine.owns("x") && !right.machine.owns("x"));
  assert(keys.every((key) => right.keyOf(key) === "x") && rowPrefix.length > 0);
});
