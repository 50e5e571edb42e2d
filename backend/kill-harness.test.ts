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
    // Small segments, so that kills fall into rotations and checkpoints too.
    const load = new URL("./toy-load.ts", import.meta.url).href;
    return await killUnderLoad({ load, directory, kills, seed: 7, segmentBytes: 262_144, plant });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("kill -9 under load loses no acknowledged write, five times in a row", async () => {
  const report = await kill(5);
  assert.deepEqual(report.lost, []);
  assert.ok(report.acknowledged >= 10_000, `${report.acknowledged} acknowledged`);
});

test("kill -9 catches a node that acknowledges before its log is written", async () => {
  const report = await kill(5, "acknowledge-before-durable");
  assert.ok(report.lost.length > 0, "the planted bug went unnoticed");
});
