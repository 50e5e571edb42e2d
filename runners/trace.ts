/**
 * Recorded arrivals from a file, read once and held compactly: eight bytes for a time, two for an operation's name.
 *
 *     CSV            atMs,operation          JSON lines     {"atMs": 0, "operation": "view"}
 *                    0,view                                 {"atMs": 12.5, "operation": "add"}
 *                    12.5,add
 *
 * The time is `atUs`, `atMs` or `atS`, from the beginning of the load, or `timestamp`, an instant in ISO 8601 that counts from the
 * file's first. `operation` may be absent. Other columns and members are ignored, and so are empty lines. Times must not fall.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { Micros } from "../backend/kernel/units.ts";

/** A trace that cannot be read or is none. Its message has the four parts that the command line prints on four lines. */
export class TraceError extends Error {
  readonly code = "WAVETANK_TRACE";

  constructor(mistake: { what: string; got: string; expected: string; fix: string }) {
    super(`${mistake.what}; got ${mistake.got}; expected ${mistake.expected}; fix: ${mistake.fix}`);
    this.name = "TraceError";
  }
}

export interface Trace {
  /** Microseconds, never falling, not rounded. */
  readonly atUs: Float64Array;
  /** For each arrival the index of its name in `operations`; null where the file names none. */
  readonly operation: Uint16Array | null;
  readonly operations: readonly string[];
}

const chunkBytes = 1 << 20;
const shownCharacters = 60;
const mostNames = 65_535;
const microsOf: Readonly<Record<string, number>> = { atUs: 1, atMs: 1_000, atS: 1_000_000 };
const timeNames = [...Object.keys(microsOf), "timestamp"];

/** The last trace read, by path, length and time of change: a plan asks for it once a run. */
let last: { readonly path: string; readonly stamp: string; readonly trace: Trace } | null = null;

/** @throws TraceError naming file and line */
export function readTrace(path: string): Trace {
  const stamp = stampOf(path);
  if (last !== null && last.path === path && last.stamp === stamp) return last.trace;
  const reader = new TraceReader(path);
  for (const line of linesOf(path)) reader.onLine(line);
  const trace = reader.end();
  last = { path, stamp, trace };
  return trace;
}

function stampOf(path: string): string {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${size} ${mtimeMs}`;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): TraceError {
  return new TraceError({
    what: "the trace cannot be read",
    got: `${path} (${error instanceof Error ? error.message : String(error)})`,
    expected: "a file of arrivals, JSON lines or CSV",
    fix: "check the path; it is relative to the folder the command is given in",
  });
}

function* linesOf(path: string): Iterable<string> {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  const decoder = new StringDecoder("utf8");
  let file = -1;
  try {
    file = openSync(path, "r");
    let rest = "";
    for (let bytes = readSync(file, chunk); bytes > 0; bytes = readSync(file, chunk)) {
      const lines = (rest + decoder.write(chunk.subarray(0, bytes))).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
    yield rest + decoder.end();
  } catch (error) {
    throw error instanceof TraceError ? error : unreadable(path, error);
  } finally {
    if (file >= 0) closeSync(file);
  }
}

class TraceReader {
  private readonly path: string;
  private line = 0;
  /** Null until the first line with content has shown which it is. */
  private format: "json" | "csv" | null = null;
  private timeName = "";
  private timeColumn = 0;
  private operationColumn = -1;
  private origin = 0;
  private count = 0;
  private atUs = new Float64Array(1_024);
  private operation = new Uint16Array(1_024);
  private readonly numbers = new Map<string, number>();
  private unnamed = false;

  constructor(path: string) {
    this.path = path;
  }

  onLine(raw: string): void {
    this.line++;
    const text = (this.line === 1 ? raw.replace(/^\uFEFF/, "") : raw).trim();
    if (text === "") return;
    if (this.format === null) {
      this.format = text.startsWith("{") ? "json" : "csv";
      if (this.format === "csv") {
        this.onHeader(text);
        return;
      }
    }
    if (this.format === "json") this.onJson(text);
    else this.onRow(text);
  }

  end(): Trace {
    if (this.count === 0) {
      throw new TraceError({
        what: "the trace has no arrival",
        got: this.line <= 1 ? `${this.path}, an empty file` : `${this.path}, ${this.line} lines without one`,
        expected: "at least one line with a time",
        fix: "write a header atMs,operation and a line for each arrival",
      });
    }
    const operations = [...this.numbers.keys()];
    const operation = operations.length === 0 ? null : this.operation.slice(0, this.count);
    return { atUs: this.atUs.slice(0, this.count), operation, operations };
  }

  private onHeader(text: string): void {
    const names = fieldsOf(text);
    this.timeColumn = names.findIndex((name) => timeNames.includes(name));
    this.operationColumn = names.indexOf("operation");
    this.timeName = names[this.timeColumn] ?? "";
    if (this.timeColumn >= 0) return;
    const expected = `a header that names the time ${timeNames.join(", ")}, and perhaps operation`;
    throw this.mistake("the trace has no header that names its time", text, expected, "write atMs,operation above it");
  }

  private onRow(text: string): void {
    const fields = fieldsOf(text);
    const name = this.operationColumn < 0 ? undefined : fields[this.operationColumn];
    this.add(fields[this.timeColumn], name === "" ? undefined : name, text);
  }

  private onJson(text: string): void {
    const value = parsed(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.mistake("a line of the trace is no JSON object", text, "one object a line", 'write {"atMs": 12.5}');
    }
    const members = value as Readonly<Record<string, unknown>>;
    this.timeName = timeNames.find((name) => Object.hasOwn(members, name)) ?? "";
    const { operation } = members;
    if (operation !== undefined && typeof operation !== "string") {
      throw this.mistake("an operation of the trace is no text", text, "a name", 'write "operation": "view"');
    }
    this.add(members[this.timeName], operation, text);
  }

  private add(time: unknown, operation: string | undefined, text: string): void {
    const at = this.timeName === "timestamp" ? this.instant(time) : this.offset(time);
    if (Number.isNaN(at)) {
      const expected =
        this.timeName === "timestamp" ? "an instant such as 2026-01-31T12:00:00.250Z" : "a number that is not negative";
      const what = `a line of the trace has no time that can be read`;
      throw this.mistake(what, text, `${this.timeName || timeNames.join(", ")} with ${expected}`, "correct the line");
    }
    if (this.count > 0 && at < this.atUs[this.count - 1]) {
      const before = `a time not before that of the line above it, ${this.atUs[this.count - 1] / 1_000_000} s`;
      throw this.mistake("the times of the trace fall", text, before, "sort the file by its time");
    }
    if (this.count === this.atUs.length) this.grow();
    this.atUs[this.count] = at;
    if (operation !== undefined || this.numbers.size > 0) this.operation[this.count] = this.numberOf(operation, text);
    else this.unnamed = true;
    this.count++;
  }

  private offset(time: unknown): Micros {
    const number = typeof time === "string" && time !== "" ? Number(time) : time;
    return typeof number === "number" && number >= 0 && number < Infinity ? number * microsOf[this.timeName] : NaN;
  }

  private instant(time: unknown): Micros {
    const at = typeof time === "string" ? microsOfIso(time) : NaN;
    if (this.count === 0) this.origin = at;
    return at - this.origin;
  }

  private numberOf(operation: string | undefined, text: string): number {
    if (operation === undefined || this.unnamed) {
      const expected = "an operation on every line or on none";
      throw this.mistake("the trace names operations on some lines only", text, expected, "name it on all");
    }
    const known = this.numbers.get(operation);
    if (known !== undefined) return known;
    if (this.numbers.size === mostNames) {
      throw this.mistake("the trace has too many operations", text, `${mostNames} names at most`, "name kinds only");
    }
    this.numbers.set(operation, this.numbers.size);
    return this.numbers.size - 1;
  }

  private grow(): void {
    const atUs = new Float64Array(this.count * 2);
    atUs.set(this.atUs);
    this.atUs = atUs;
    const operation = new Uint16Array(this.count * 2);
    operation.set(this.operation);
    this.operation = operation;
  }

  private mistake(what: string, text: string, expected: string, fix: string): TraceError {
    const shown = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text;
    return new TraceError({ what, got: `${this.path}:${this.line}: ${shown}`, expected, fix });
  }
}

/** Microseconds since 1970, with the digits past milliseconds that Date drops; NaN when it is no instant. */
function microsOfIso(text: string): Micros {
  const parts = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)$/.exec(text);
  return parts === null ? NaN : Date.parse(parts[1] + parts[3]) * 1_000 + Number(parts[2] ?? 0) * 1_000_000;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Fields of one CSV line; double quotes hold commas, and a doubled one is itself (RFC 4180). */
function fieldsOf(text: string): string[] {
  if (!text.includes('"')) return text.split(",").map((field) => field.trim());
  return [...text.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'),
  );
}
