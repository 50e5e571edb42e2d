/** SWIM, section 4.3: "each member is selected as ping target exactly once during each traversal of the list". */
import assert from "node:assert/strict";
import test from "node:test";
import { Random } from "../../kernel/random.ts";
import { versionOf } from "./claims.ts";
import { MemberTable } from "./member-table.ts";
import { ProbeOrder } from "./probe-order.ts";

function tableOf(nodes: number): MemberTable {
  const table = new MemberTable(nodes);
  for (let node = 0; node < nodes; node++) table.raise(node, versionOf("alive", 1));
  return table;
}

test("a round has every other member once, and none waits longer than two rounds", () => {
  const n = 9;
  const order = new ProbeOrder(3, tableOf(n), new Random(1), "round-robin");
  const last = new Map<number, number>();
  for (let period = 0; period < 50 * (n - 1); period++) {
    const target = order.take()!;
    assert.notEqual(target, 3, "itself");
    if (last.has(target)) assert(period - last.get(target)! <= 2 * n - 1);
    last.set(target, period);
    if (period === n - 2) assert.equal(last.size, n - 1);
  }
});

test("who is dead is not probed, who comes is, and nobody is left when all are gone", () => {
  const table = tableOf(4);
  const order = new ProbeOrder(0, table, new Random(1), "round-robin");
  order.take();
  table.raise(2, versionOf("dead", 1));
  const targets = new Set(Array.from({ length: 12 }, () => order.take()));
  assert.deepEqual(
    [...targets].toSorted((a, b) => a! - b!),
    [1, 3],
  );
  table.raise(2, versionOf("alive", 2));
  order.insert(2);
  assert(new Set(Array.from({ length: 6 }, () => order.take())).has(2));
  for (const node of [1, 2, 3]) table.raise(node, versionOf("left", 2));
  assert.equal(order.take(), undefined);
});

test("those asked to help are different, and neither the asker nor the target", () => {
  const order = new ProbeOrder(0, tableOf(5), new Random(1), "random");
  for (let i = 0; i < 100; i++) {
    const some = order.some(3, 4);
    assert.deepEqual(
      some.toSorted((a, b) => a - b),
      [1, 2, 3],
    );
  }
  assert.equal(order.some(9, 4).length, 3, "no more than there are");
});
