/**
 * What the disk under a bench's folder costs, said beside every comparison of durable stores: both sides wait for it, and where it is
 * none both look better than they are.
 */
import { closeSync, fdatasyncSync, openSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { median } from "../../runners/compare/estimate.ts";

const memoryFileSystem = 0x01021994;
const blockBytes = 4_096;
const samples = 100;

/** One line, or a caution and no figure where the folder is in memory. */
export function diskLine(folder: string): string {
  if (statfsSync(folder).type === memoryFileSystem) {
    return `CAUTION: ${folder} is in memory, so nothing is synced to a disk; set TMPDIR to a folder on one`;
  }
  return `a synced block of 4 KiB takes ${median(syncsMs(join(folder, "sync"))).toFixed(2)} ms on this disk (median of ${samples})`;
}

/** Milliseconds each: append and fdatasync. */
function syncsMs(path: string): number[] {
  const file = openSync(path, "w");
  const block = Buffer.alloc(blockBytes, 1);
  try {
    return Array.from({ length: samples }, () => {
      const began = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      return performance.now() - began;
    });
  } finally {
    closeSync(file);
  }
}
