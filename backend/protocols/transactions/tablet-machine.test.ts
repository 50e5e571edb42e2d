/** The state of a group: versions as of any timestamp, decisions that count once, stamps of leaders long gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DatabaseValue } from "../../api-database.ts";
import { minute } from "../../kernel/units.ts";
import type { Prepared, TabletCommand } from "./tablet-machine.ts";
import { TabletMachine } from "./tablet-machine.ts";
import { MemoryStore } from "./transactions.fixture.ts";

const at = 1_000;

function commit(timestamp: number, cells: Prepared["cells"], more: Partial<TabletCommand> = {}): TabletCommand {
  return {
    kind: "commit",
    reign: 1,
    txn: `t${timestamp}`,
    timestamp,
    cells,
    participants: [],
    ...more,
  } as TabletCommand;
}

function prepare(txn: string, timestamp: number, cells: Prepared["cells"], reign = 1): TabletCommand {
  const age = { at: 0, node: 0, sequence: 0 };
  const prepared = { txn, age, coordinator: 9, timestamp, reads: [], shared: [], exclusive: [], cells };
  return { kind: "prepare", reign, prepared };
}

test("property: the version as of a timestamp is that of the latest write at or below it", () => {
  const keys = ["a", "a0", "b", "a9007199254740991"];
  const write = fc.record({
    key: fc.constantFrom(...keys),
    timestamp: fc.integer({ min: 1, max: 40 }),
    value: fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 40 }), fc.constantFrom(...keys), fc.nat(45), (writes, key, asked) => {
      const machine = new TabletMachine(new MemoryStore(), minute);
      const model = new Map<number, DatabaseValue | null>();
      for (const { key: written, timestamp, value } of writes) {
        machine.apply(commit(timestamp, [[written, value]]), at);
        if (written === key) model.set(timestamp, value);
      }
      const latest = Math.max(0, ...[...model.keys()].filter((timestamp) => timestamp <= asked));
      assert.deepEqual(machine.versionAt(key, asked), { key, value: model.get(latest) ?? null, timestamp: latest });
      assert.equal(machine.highest, Math.max(0, ...writes.map(({ timestamp }) => timestamp)));
    }),
    { numRuns: 500, seed: 3 },
  );
});

test("what is prepared becomes a version when it is resolved, once", () => {
  const machine = new TabletMachine(new MemoryStore(), minute);
  machine.apply(prepare("t", 10, [["a", 1]]), at);
  assert.equal(machine.newest("a").value, null);
  assert.equal(machine.allPrepared().length, 1);
  machine.apply({ kind: "resolve", txn: "t", timestamp: 12 }, at);
  machine.apply({ kind: "resolve", txn: "t", timestamp: 12 }, at);
  assert.deepEqual(machine.newest("a"), { key: "a", value: 1, timestamp: 12 });
  assert.equal(machine.allPrepared().length, 0);
  machine.apply(prepare("u", 20, [["a", 2]]), at);
  machine.apply({ kind: "resolve", txn: "u", timestamp: null }, at);
  assert.equal(machine.newest("a").value, 1);
});

test("of a commit and a presumed abort the first in the log counts", () => {
  const machine = new TabletMachine(new MemoryStore(), minute);
  const late = commit(5, [["a", 1]], { txn: "t", participants: [2] } as Partial<TabletCommand>);
  assert.deepEqual(machine.apply({ kind: "presume-abort", txn: "t" }, at), { timestamp: null, participants: [] });
  assert.deepEqual(machine.apply(late, at), { timestamp: null, participants: [] });
  assert.equal(machine.newest("a").value, null);
  const early = commit(6, [["a", 2]], { txn: "u", participants: [2] } as Partial<TabletCommand>);
  machine.apply(early, at);
  assert.deepEqual(machine.apply({ kind: "presume-abort", txn: "u" }, at), { timestamp: 6, participants: [2] });
  machine.apply({ kind: "forget", txn: "u" }, at);
  assert.equal(machine.decision("u"), undefined);
});

test("a presumed abort is forgotten after a minute", () => {
  const machine = new TabletMachine(new MemoryStore(), minute);
  machine.apply({ kind: "presume-abort", txn: "t" }, at);
  machine.apply({ kind: "presume-abort", txn: "u" }, at + minute);
  assert(machine.decision("t") !== undefined);
  machine.apply({ kind: "presume-abort", txn: "v" }, at + minute + 1);
  assert.equal(machine.decision("t"), undefined);
  assert(machine.decision("u") !== undefined);
});

test("what an earlier leader stamped and comes after the next one's beginning is void", () => {
  const machine = new TabletMachine(new MemoryStore(), minute);
  machine.apply({ kind: "lead", reign: 2 }, at);
  assert.equal(machine.apply(commit(5, [["a", 1]]), at), "void");
  machine.apply(prepare("t", 6, [["a", 1]]), at);
  assert.equal(machine.newest("a").value, null);
  assert.equal(machine.allPrepared().length, 0);
  machine.apply(prepare("u", 7, [["a", 1]], 2), at);
  machine.apply({ kind: "resolve", txn: "u", timestamp: 8 }, at);
  assert.equal(machine.newest("a").timestamp, 8);
});

test("versions are kept for as long as they may be asked for, and the newest for ever unless it is a deletion", () => {
  const machine = new TabletMachine(new MemoryStore(), 100);
  for (const timestamp of [10, 20, 30]) machine.apply(commit(timestamp, [["a", timestamp]]), timestamp);
  machine.apply(commit(40, [["b", 1]]), 40);
  machine.apply(commit(50, [["b", null]]), 50);
  assert.equal(machine.horizon, 0);
  machine.apply(commit(125, [["a", 125]]), 125);
  assert.equal(machine.horizon, 25);
  assert.equal(machine.versionAt("a", 25).value, 20);
  assert.equal(machine.versionAt("a", 15).value, null);
  machine.apply(commit(200, [["b", 2]]), 200);
  assert.deepEqual(machine.versionAt("b", 199), { key: "b", value: null, timestamp: 0 });
});
