import assert from "node:assert/strict";
import test from "node:test";
import type { Calibration } from "../results.ts";
import { calibrate } from "./calibrate.ts";
import { withinShare } from "./within-share.ts";

test("the simulation keeps to theory, row by row, and the rows are told as they come", async () => {
  const told: Calibration[] = [];
  const rows = await calibrate({ tank: "simulation", quick: true, seed: 1, onRow: (row) => told.push(row) });
  assert.deepEqual(told, rows);
  assert.equal(rows.length, 10);
  for (const { held, oracle, quantity, theory, measured } of rows)
    assert.ok(held, `${oracle}, ${quantity}: ${measured}, theory ${theory}`);
});

test("a row is missed when the figure is off by more than its share", () => {
  const row = { oracle: "x", tank: "simulation", quantity: "y" };
  assert.equal(withinShare(row, 100, 104.9, 0.05).held, true);
  assert.equal(withinShare(row, 100, 105.1, 0.05).held, false);
  assert.equal(withinShare(row, 100, Number.NaN, 0.05).held, false);
});
