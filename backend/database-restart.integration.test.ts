/** The database's tablets on threads and real disks: they split and merge under transfers, and a restart finds all of it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Deployment } from "./api.ts";
import type { DatabaseRequest, ReadAt } from "./api-database.ts";
import { startThreads } from "./backend.ts";
import type { ThreadsBackend } from "./backend.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond } from "./kernel/units.ts";

const deployment: Deployment = {
  topology: oneRegion(3),
  service: {
    kind: "database",
    log: { leaseUs: 500 * millisecond, keepSlots: 16 },
    tablets: [{ from: "", replicas: [0, 1, 2] }],
    moves: { keepers: [0, 1, 2] },
  },
  durability: "log",
};

const accounts = 60;
const keyOf = (i: number): string => `a${String(i % accounts).padStart(2, "0")}`;
const keys = Array.from({ length: accounts }, (_, i) => keyOf(i));

function transfer(from: number, to: number): DatabaseRequest {
  const writes = [
    { kind: "add", key: keyOf(from), delta: -1 },
    { kind: "add", key: keyOf(to), delta: 1 },
  ] as const;
  return { kind: "transact", reads: [], writes, timeoutUs: 20_000 * millisecond };
}

/** Returns the timestamp of the last. */
async function moveMoney(backend: ThreadsBackend, from: number, to: number): Promise<number> {
  let last = 0;
  const one = async (i: number): Promise<void> => {
    const answer = await backend.request(transfer(i, i * 7 + 31));
    assert(answer.kind === "ok" && answer.result.kind === "transacted", JSON.stringify(answer));
    last = Math.max(last, answer.result.timestamp);
  };
  await Promise.all(Array.from({ length: to - from }, (_, i) => one(from + i)));
  return last;
}

async function balances(backend: ThreadsBackend, at: ReadAt, entry?: number): Promise<number[]> {
  const answer = await backend.request({ kind: "snapshot-read", keys, at }, entry);
  assert(answer.kind === "ok" && answer.result.kind === "snapshot", JSON.stringify(answer));
  return answer.result.values.map(({ value }) => (value as number | null) ?? 0);
}

/** The bounds of all tablets, once nothing is under way, as one node knows it. */
async function boundsOf(backend: ThreadsBackend): Promise<string[]> {
  for (;;) {
    const answer = await backend.request({ kind: "tablet-map" }, 0);
    assert(answer.kind === "ok" && answer.result.kind === "tablet-map", JSON.stringify(answer));
    const { tablets } = answer.result;
    if (tablets.every(({ underWay }) => underWay === null)) return tablets.map(({ from }) => from);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("balances, their past and tablets survive a restart, splits and merges under load included", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-test-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const options = { seed: 1, directory, threads: 2, segmentBytes: 64 * 1_024 };
  let running = await startThreads(deployment, options);
  t.after(() => running.close());
  const first = running;
  const before = await moveMoney(first, 0, 200);
  const past = await balances(first, { kind: "exact", timestamp: before });
  const under = moveMoney(first, 200, 600);
  for (const at of [20, 40]) {
    const begun = await first.request({ kind: "tablet-split", at: keyOf(at) }, 0);
    assert.equal(begun.kind, "ok", JSON.stringify(begun));
    await boundsOf(first);
  }
  await under;
  const merging = await first.request({ kind: "tablet-merge", at: keyOf(0) }, 0);
  assert.equal(merging.kind, "ok", JSON.stringify(merging));
  assert.deepEqual(await boundsOf(first), ["", keyOf(40)]);
  await moveMoney(first, 600, 700);
  const present = await balances(first, { kind: "strong" });
  await first.close();

  const next = (running = await startThreads(deployment, options));
  await moveMoney(next, 0, 1);
  assert.deepEqual(await boundsOf(next), ["", keyOf(40)]);
  const moved = await balances(next, { kind: "strong" });
  assert.equal(
    moved.reduce((sum, value) => sum + value, 0),
    0,
  );
  assert.deepEqual(
    moved.map((value, i) => value - present[i]).filter((difference) => difference !== 0),
    [-1, 1],
  );
  for (let node = 0; node < 3; node++) {
    assert.deepEqual(await balances(next, { kind: "exact", timestamp: before }, node), past);
  }
});
