/** What the fan-out workload asks, and what its check sees. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../backend/kernel/random.ts";
import { createWorkload } from "./catalog.ts";
import { fanOut } from "./fan-out.ts";

test("fan-out: reads of so many parts, rows by arrival, writes of one part", () => {
  const rows = [
    { name: "low", arrivals: 2 },
    { name: "high", arrivals: 2 },
  ];
  const reads = [0, 1, 2, 3, 4].map((i) =>
    createWorkload(fanOut({ parts: 7, rows }))
      .begin(i, new Random(i))
      .next(null)!,
  );
  assert.deepEqual(
    reads.map(({ operation }) => operation),
    ["low", "low", "high", "high", "high"],
  );
  assert.deepEqual(reads[3].request, { kind: "work", operation: 3, parts: 7 });
  const write = createWorkload(fanOut({ writeShare: 1 }))
    .begin(9, new Random(1))
    .next(null)!;
  assert.deepEqual([write.operation, write.request], ["write", { kind: "work", operation: 9, parts: 1, write: true }]);
  const read = { step: 0, startUs: 5, outcome: "ok", fact: { kind: "fan-out" } } as const;
  const workload = createWorkload(fanOut());
  assert.equal(workload.check([{ ...read, arrival: 1, endUs: 6 }], []).held, true);
  assert.match(workload.check([{ ...read, arrival: 1, endUs: 4 }], []).violations.join(), /before its start/);
  const twice = [1, 1].map((arrival) => ({ ...read, arrival, endUs: 6 }));
  assert.match(workload.check(twice, []).violations.join(), /two outcomes/);
});
