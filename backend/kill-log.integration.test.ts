import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { killUnderLoad } from "./kill-harness.ts";
import type { KillReport } from "./kill-harness.ts";

async function kill(load: string, kills: number, plant?: string): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-kill-"));
  try {
    const url = new URL(load, import.meta.url).href;
    // Small segments: kills fall into rotations and checkpoints too.
    const few = { acknowledgements: 800, segmentBytes: 262_144 };
    return await killUnderLoad({ load: url, directory, kills, seed: 13, plant, ...few });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const promises: Readonly<Record<string, string>> = {
  "./puts-load.ts": "every acknowledged put is there with its revision, in the end at every replica",
  "./charges-load.ts":
    "every acknowledged charge is there once, also when it is asked for again, with its outbox row and in the balance",
};

for (const [load, promise] of Object.entries(promises)) {
  test(`kill -9 under ${load}: ${promise}`, async () => {
    const report = await kill(load, 2);
    assert.deepEqual(report.lost, []);
    assert.ok(report.acknowledged >= 2 * 400, `${report.acknowledged} acknowledged`);
  });

  test(`the same kills catch a log under ${load} that acknowledges before it is durable`, async () => {
    const report = await kill(load, 3, "acknowledge-before-durable");
    assert.ok(report.lost.length > 0, "the planted bug went unnoticed");
  });
}
