/**
 * The file of a history. An append is one block at the end, synced; when it cannot be written whole (a full disk) the file is
 * cut back to where it was, so that whatever happens the nights before stay readable. A process that dies in between leaves a
 * torn last line: it is skipped when read, and the next append begins on a line of its own.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { Compile } from "typebox/compile";
import { HistoryLineSchema, historySchema, type HistoryLine, type Trend } from "../history.ts";

/** A hundred times as fast as checking against the schema as data: a year of two hundred figures is read in half a second. */
const lineSchema = Compile(HistoryLineSchema);

/** A history that cannot be read or written: for whoever started the night to fix. */
export class HistoryFileError extends Error {
  readonly code = "WAVETANK_HISTORY_FILE";
  override readonly name = "HistoryFileError";
}

export interface History {
  readonly lines: readonly HistoryLine[];
  readonly skipped: Trend["skipped"];
}

/** A missing file is an empty history unless it `mustExist`. @throws HistoryFileError */
export function readHistory(file: string, mustExist = false): History {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !mustExist) return { lines: [], skipped: { torn: 0, foreign: 0 } };
    throw new HistoryFileError(
      `cannot read the history; got ${file} (${code ?? message}); expected a file that a nightly run appended to; ` +
        "fix: check the path, or run `npm run nightly` first",
    );
  }
  return parseHistory(text);
}

export function parseHistory(text: string): History {
  const lines: HistoryLine[] = [];
  const skipped = { torn: 0, foreign: 0 };
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const value = jsonOf(line);
    if (typeof value !== "object" || value === null) skipped.torn++;
    else if ((value as { schema?: unknown }).schema !== historySchema) skipped.foreign++;
    else if (lineSchema.Check(value)) lines.push(value);
    else skipped.torn++;
  }
  return { lines, skipped };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

/** How a block reaches the disk; a test puts a full disk in its place. Returns the bytes written, which may be fewer. */
export type WriteBlock = (descriptor: number, block: Uint8Array) => number;

/** @throws HistoryFileError when the lines cannot be written; the file is then as it was */
export function appendHistory(file: string, lines: readonly HistoryLine[], write: WriteBlock = writeSync): void {
  let descriptor: number;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    descriptor = openSync(file, "a+");
  } catch (error) {
    throw unwritable(file, error, "choose another file with --history");
  }
  const { size } = fstatSync(descriptor);
  try {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const block = Buffer.from(endsLine(descriptor, size) ? text : `\n${text}`);
    for (let done = 0; done < block.length;) done += write(descriptor, block.subarray(done));
    fsyncSync(descriptor);
  } catch (error) {
    cutBack(descriptor, size);
    throw unwritable(
      file,
      error,
      "free some space and judge the night again with `npm run nightly -- --no-run RESULTS`",
    );
  } finally {
    closeSync(descriptor);
  }
}

/** What cannot be cut (a device, a dead disk) is left; the torn line is skipped when read. */
function cutBack(descriptor: number, size: number): void {
  try {
    ftruncateSync(descriptor, size);
  } catch {
    // The error that led here says more.
  }
}

function endsLine(descriptor: number, size: number): boolean {
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(descriptor, last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

function unwritable(file: string, error: unknown, fix: string): HistoryFileError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new HistoryFileError(
    `the night could not be added to the history, which is as it was; got ${file} (${code ?? message}); ` +
      `expected a file that can be appended to; fix: ${fix}`,
  );
}
