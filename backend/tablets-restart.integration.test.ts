/** Tablets on threads and real disks: what was split is split after a restart, and every row is where it was. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Answer, Deployment } from "./api.ts";
import { startThreads } from "./backend.ts";
import type { ThreadsBackend } from "./backend.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond } from "./kernel/units.ts";

const deployment: Deployment = {
  topology: oneRegion(3),
  service: { kind: "tablets", log: { replicas: [0, 1, 2], leaseUs: 500 * millisecond, keepSlots: 16 } },
  durability: "log",
};

const keyOf = (i: number): string => `k${String(i).padStart(3, "0")}`;

/** Again while the outcome is unknown, as when the leader changes: twice the same is once. */
async function put(backend: ThreadsBackend, key: string, value: string): Promise<void> {
  for (;;) {
    const answer = await backend.request({ kind: "row-put", key, value });
    if (answer.kind === "ok") return;
    assert.equal(answer.kind, "unknown", `${key} ${JSON.stringify(answer)}`);
  }
}

async function putAll(backend: ThreadsBackend, from: number, to: number, value: string): Promise<void> {
  await Promise.all(Array.from({ length: to - from }, (_, i) => put(backend, keyOf(from + i), value)));
}

function valueIn(answer: Answer): string | null | undefined {
  return answer.kind === "ok" && answer.result.kind === "row" ? answer.result.value : undefined;
}

/** The bounds of all tablets, once nothing is under way. */
async function boundsOf(backend: ThreadsBackend): Promise<string[]> {
  for (;;) {
    const answer = await backend.request({ kind: "tablet-map" });
    assert(answer.kind === "ok" && answer.result.kind === "tablet-map", JSON.stringify(answer));
    const { tablets } = answer.result;
    if (tablets.every(({ underWay }) => underWay === null)) return tablets.map(({ from }) => from);
  }
}

test("tablets and their rows survive a restart, splits and merges under load included", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-test-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const options = { seed: 1, directory, threads: 2, segmentBytes: 64 * 1_024 };
  const first = await startThreads(deployment, options);
  t.after(() => first.close());
  await putAll(first, 0, 300, "a");
  const under = putAll(first, 0, 300, "b");
  for (const at of [100, 200]) {
    const begun = await first.request({ kind: "tablet-split", at: keyOf(at) });
    assert.equal(begun.kind, "ok", JSON.stringify(begun));
    await boundsOf(first);
  }
  await under;
  await putAll(first, 50, 250, "c");
  const merging = await first.request({ kind: "tablet-merge", at: keyOf(0) });
  assert.equal(merging.kind, "ok", JSON.stringify(merging));
  assert.deepEqual(await boundsOf(first), ["", keyOf(200)]);
  await first.close();

  const next = await startThreads(deployment, options);
  t.after(() => next.close());
  assert.deepEqual(await boundsOf(next), ["", keyOf(200)]);
  for (let i = 0; i < 300; i++) {
    const value = valueIn(await next.request({ kind: "row-get", key: keyOf(i) }, i % 3));
    assert.equal(value, i >= 50 && i < 250 ? "c" : "b", keyOf(i));
  }
});
