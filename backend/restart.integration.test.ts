import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Answer, Deployment, Request } from "./api.ts";
import { startThreads } from "./backend.ts";
import { oneRegion } from "./kernel/topology.ts";
import { second } from "./kernel/units.ts";

const deployment: Deployment = {
  topology: oneRegion(3),
  service: {
    kind: "tables",
    virtualNodes: 8,
    quorumTimeoutUs: 2 * second,
    tables: [
      {
        name: "t",
        hashKey: { name: "k", type: "S" },
        merge: "last-writer-wins",
        replication: { n: 3, r: 2, w: 2, sloppy: false },
        capacity: { kind: "unlimited" },
        partitions: 8,
      },
    ],
  },
  durability: "log",
};

const put = (value: string): Request => ({ kind: "put", table: "t", item: { k: { S: "x" }, v: { S: value } } });
const get: Request = { kind: "get", table: "t", key: { k: { S: "x" } }, consistent: true };

function valueIn(answer: Answer): string | undefined {
  return answer.kind === "ok" && answer.result.kind === "item" ? answer.result.item?.v?.S : undefined;
}

test("a write after a restart is later than every write before it, also at a replica that missed those", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-test-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const first = await startThreads(deployment, { seed: 1, directory, threads: 2 });
  await first.inject({ kind: "crash", nodes: [2] });
  // The first life grows older than the second one is when it writes.
  do assert.equal((await first.request(put("old"), 0)).kind, "ok");
  while (first.now() < 1.5 * second);
  await first.close();

  const next = await startThreads(deployment, { seed: 1, directory, threads: 2 });
  t.after(() => next.close());
  await next.inject({ kind: "partition", from: [0], to: [2] });
  assert.equal((await next.request(put("new"), 2)).kind, "ok");
  assert.ok(next.now() < 1.5 * second, "too slow a machine for this test to prove anything");
  for (const entry of [0, 1, 2]) assert.equal(valueIn(await next.request(get, entry)), "new", `read at node ${entry}`);
});
