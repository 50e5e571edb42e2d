import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { OpenTable } from "./open-table.ts";

const act = fc.record({ id: fc.integer({ min: 0, max: 2_000 }), kind: fc.constantFrom("set", "delete", "get") });

test("an open table is a map whose entries come in order of number", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 300 }), fc.nat({ max: 2 ** 52 }), (acts, base) => {
      const table = new OpenTable<number>();
      const model = new Map<number, number>();
      for (const [turn, { id, kind }] of acts.entries()) {
        const key = base + id;
        if (kind === "set") {
          table.set(key, turn);
          model.set(key, turn);
        } else if (kind === "delete") assert.equal(table.delete(key), model.delete(key));
        else assert.equal(table.get(key), model.get(key));
        assert.equal(table.size, model.size);
      }
      assert.deepEqual(
        table.entries(),
        [...model].sort(([a], [b]) => a - b),
      );
    }),
    { seed: 1 },
  );
});

test("numbers far apart share a table, and those that were taken out leave no trace", () => {
  const table = new OpenTable<string>();
  table.set(1, "old");
  for (let id = 2; id < 5_000; id++) {
    table.set(id, "new");
    table.delete(id);
  }
  assert.equal(table.get(1), "old");
  assert.equal(table.get(65), undefined);
  assert.deepEqual(table.entries(), [[1, "old"]]);
});
