import assert from "node:assert/strict";
import { test } from "node:test";
import { second } from "../backend/kernel/units.ts";
import { faultBands } from "./bands.ts";

test("a band lasts from a fault to its opposite, its own length, or the end of the load", () => {
  const bands = faultBands(
    [
      { atUs: 6 * second, fault: { kind: "restart", nodes: [1, 2] } },
      { atUs: 2 * second, fault: { kind: "crash", nodes: [1] } },
      { atUs: 3 * second, fault: { kind: "partition", from: [0], to: [1] } },
      { atUs: 4 * second, fault: { kind: "heal" } },
      { atUs: 5 * second, fault: { kind: "pause", nodes: [0], forUs: second } },
      { atUs: 7 * second, fault: { kind: "slow", nodes: [0], factor: 3 } },
    ],
    10 * second,
  );
  assert.deepEqual(
    bands.map(({ fromS, toS }) => [fromS, toS]),
    [
      [2, 6],
      [3, 4],
      [5, 6],
      [7, 10],
    ],
  );
  assert.equal(bands[0].label, "crash n1");
});
