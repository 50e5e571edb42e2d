/**
 * The last step of a command that measured something: results and report onto a disk, which may be full. Nothing is left half
 * written (the report's door writes beside and renames), and whoever waited for the figures is told what became of them.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { UsageError } from "./command-error.ts";
import type { Parts } from "./command-parts.ts";
import type { Results } from "./results.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the file system is read-only",
  EIO: "the disk failed",
  ENOTDIR: "a part of the path is no folder",
};

/** The paths written. @throws UsageError when the place they go to is at fault */
export async function writeReportOrExplain(
  parts: Pick<Parts, "writeReport">,
  results: Results,
  directory: string,
): Promise<readonly string[]> {
  const kept = path.join(directory, "results.json");
  const before = existsSync(kept);
  try {
    return await parts.writeReport(results, directory);
  } catch (error) {
    const code = error instanceof Error ? String(Reflect.get(error, "code")) : "";
    if (!Object.hasOwn(reasons, code)) throw error;
    // The results are written first, so where there are some the report is all that is missing.
    const figures = !before && existsSync(kept);
    throw new UsageError({
      what: figures ? "the report could not be written; the results are" : "the results could not be written",
      got: `${directory}: ${reasons[code]} (${code})`,
      expected: "a folder with room for a few megabytes that this user may write to",
      fix: figures
        ? `make room, then \`wavetank report ${kept}\` draws the report`
        : `make room or choose another --out, then repeat: ${results.rerun}`,
    });
  }
}
