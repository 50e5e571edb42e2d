/** `wavetank merge`: the result files of a load's slices, made by hand on several machines, become those of the whole. */
import { statSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { exitCodeOf } from "./command-exit.ts";
import type { Parts } from "./command-parts.ts";
import { folderName, prepareFolder, printSummary } from "./command-run.ts";
import { summaryJson } from "./command-summary.ts";
import * as values from "./command-values.ts";
import { writeReportOrExplain } from "./command-write.ts";
import type { Results } from "./results.ts";
import type { TargetSpec } from "./suite-types.ts";

export interface MergeFlags {
  readonly out?: string;
  readonly target?: string;
  readonly json?: boolean;
}

/** One file of a slice. */
export interface SliceFile {
  readonly path: string;
  readonly results: Results;
}

/** `target`: where what was written is read back, to check it. */
export type MergeSlices = (files: readonly SliceFile[], target: TargetSpec | null) => Promise<Results>;

export function addMergeCommand(merge: Command, parts: Parts, done: (code: number) => void): void {
  merge
    .option("--out <folder>", "where results and report go (default: .wavetank/runs/<utc>-<commit>-<seed>-merged)")
    .option("--target <target>", "dynamodb=URL: read back there what the slices wrote, and check it")
    .option("--json", "only JSON on stdout: the judgements, and where the files are")
    .action(async (files: string[], flags: MergeFlags) => done(await mergeCommand(files, flags, parts)));
}

async function mergeCommand(paths: readonly string[], flags: MergeFlags, parts: Parts): Promise<number> {
  const target = flags.target === undefined ? null : values.parseTarget(flags.target);
  const files: SliceFile[] = [];
  for (const given of paths) {
    const isFolder = statSync(given, { throwIfNoEntry: false })?.isDirectory() === true;
    const file = isFolder ? path.join(given, "results.json") : given;
    files.push({ path: file, results: await parts.readResults(file) });
  }
  if (flags.out !== undefined) prepareFolder(flags.out);
  const results = await parts.merge(files, target);
  const directory = flags.out ?? path.join(".wavetank", "runs", `${folderName(results)}-merged`);
  const written = await writeReportOrExplain(parts, results, directory);
  const exitCode = exitCodeOf(results);
  if (flags.json === true) parts.terminal.print(summaryJson(results, written, exitCode));
  else printSummary(results, written, false, parts);
  return exitCode;
}
