import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { killUnderLoad } from "./kill-harness.ts";
import type { KillReport } from "./kill-harness.ts";

async function kill(kills: number, plant?: string): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-kill-"));
  try {
    const load = new URL("./checkout-load.ts", import.meta.url).href;
    // Few acknowledgements a kill, small segments: kills fall into first writes after a start, rotations and checkpoints too.
    const few = { acknowledgements: 1_000, segmentBytes: 262_144 };
    return await killUnderLoad({ load, directory, kills, seed: 11, plant, ...few });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("kill -9 under checkout load, twenty times: every acknowledged line and order is there after each restart, and in the end in every copy", async () => {
  const report = await kill(20);
  assert.deepEqual(report.lost, []);
  assert.equal(report.kills, 20);
  assert.ok(report.acknowledged >= 20 * 500, `${report.acknowledged} acknowledged`);
});

test("the same kills catch a store that acknowledges before its log is written", async () => {
  const report = await kill(20, "acknowledge-before-durable");
  assert.ok(report.lost.length > 0, "the planted bug went unnoticed");
});

test("they catch a store that forgets what it owes a lagging replica", async () => {
  // A kill leaves about one record behind that a copy lacks: copies are flushed side by side.
  const report = await kill(8, "dropped-hint");
  assert.ok(report.lost.length > 0, "the planted bug went unnoticed");
});
