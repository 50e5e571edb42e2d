/**
 * What a crash left of a log. The segments that hold records above the checkpoint's floor must chain without a gap; the rest of the
 * last one may be a torn write. Anything else means that a durable record is damaged, and the node must not start: serving from
 * a state with a hole in it would break promises that other nodes rely on.
 */
import { open, readFile } from "node:fs/promises";
import { decodeRecords, headerBytes, recordBytes, recordLength } from "../log-record.ts";
import type { DecodedLog, LogRecord } from "../log-record.ts";

export interface LogTail {
  /** Every record above the floor, in order. */
  readonly records: LogRecord[];
  /** Sequence of the last one; the floor when there is none. */
  readonly last: number;
  /** The segment that goes on being filled, and where. */
  readonly activePath: string | undefined;
  readonly position: number;
  /** Last sequence of each segment that holds records above the floor. */
  readonly lastByPath: ReadonlyMap<string, number>;
}

interface Piece {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly decoded: DecodedLog;
  readonly first: number;
  readonly last: number;
}

/**
 * @param strict false for a log that was never flushed: after a power cut it may have holes, and ends at the first.
 * @throws Error naming the damaged segment.
 */
export async function readTail(paths: readonly string[], floor: number, strict: boolean): Promise<LogTail> {
  const pieces: Piece[] = [];
  for (const path of await above(paths, floor)) pieces.push(piece(path, await readFile(path)));
  const chain = pieces.filter((each) => each.last > floor).sort((a, b) => a.first - b.first);
  const records: LogRecord[] = [];
  const lastByPath = new Map<string, number>();
  let last = floor;
  for (const each of chain) {
    if (each.first > last + 1) {
      if (strict) throw damaged(each.path, `record ${last + 1} is missing before record ${each.first}`);
      break;
    }
    for (const record of each.decoded.records) if (record.sequence > last) records.push(record);
    last = each.last;
    lastByPath.set(each.path, last);
    if (each.decoded.verdict === "corrupt") {
      if (strict) throw damaged(each.path, `record ${last + 1} fails its checksum and later records are whole`);
      break;
    }
  }
  if (strict) refuseLater(pieces, last);
  const active = chain.find((each) => each.last === last && lastByPath.has(each.path));
  const highest = records.reduce((most, record) => Math.max(most, record.floor), 0);
  if (highest > floor) {
    throw new Error(
      `the store is older than its log: its checkpoint covers record ${floor}, the log says it covered ${highest}. ` +
        "The store's files were lost or replaced. Wipe the node's directory to start it empty.",
    );
  }
  return { records, last, activePath: active?.path, position: active?.decoded.end ?? 0, lastByPath };
}

/**
 * Segments that may hold records above the floor. Sequences only rise, so one that was begun later says where all before it end: most of a
 * long log is not read at all.
 */
async function above(paths: readonly string[], floor: number): Promise<string[]> {
  const begun = await Promise.all(paths.map(async (path) => ({ path, first: await firstSequence(path) })));
  // What begins after the floor tells nothing of where the floor lies.
  const last = begun.reduce((most, { first }) => (first <= floor + 1 && first > most ? first : most), 0);
  return begun.filter(({ first }) => first === 0 || first >= last).map(({ path }) => path);
}

/** Of the first record, if it is whole; else 0. */
async function firstSequence(path: string): Promise<number> {
  const file = await open(path, "r");
  try {
    const header = Buffer.alloc(headerBytes);
    const { bytesRead } = await file.read(header, 0, headerBytes, 0);
    const length = bytesRead < headerBytes ? undefined : recordLength(header);
    if (length === undefined || recordBytes(length) > (await file.stat()).size) return 0;
    const record = Buffer.alloc(recordBytes(length));
    await file.read(record, 0, record.length, 0);
    return decodeRecords(record).records[0]?.sequence ?? 0;
  } finally {
    await file.close();
  }
}

function piece(path: string, bytes: Uint8Array): Piece {
  const decoded = decodeRecords(bytes);
  const { records } = decoded;
  return { path, bytes, decoded, first: records[0]?.sequence ?? 0, last: records.at(-1)?.sequence ?? 0 };
}

/** A segment whose first record is invalid was just begun, or its first record rotted: then later ones follow it. */
function refuseLater(pieces: readonly Piece[], last: number): void {
  for (const { path, bytes, decoded } of pieces) {
    if (decoded.records.length === 0 && decodeRecords(bytes, last).verdict === "corrupt") {
      throw damaged(path, `record ${last + 1} fails its checksum and later records are whole`);
    }
  }
}

function damaged(path: string, what: string): Error {
  return new Error(
    `the log is damaged: in ${path}, ${what}. The record was durable once, so the disk lost it; the node must not start ` +
      "from a state with a hole. Wipe its directory and let the other replicas repair it.",
  );
}
