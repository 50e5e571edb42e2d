/**
 * One record of a node's log, and how a log is read back after a crash. Both runtimes use it: the threads on real files, the
 * simulation on disks whose unsynced tail it tears.
 *
 *     0       4       8        12        16          24       32
 *     | magic | crc32 | length | zero    | sequence  | floor  | payload ... | zeros to a multiple of 8 |
 *
 * The checksum covers everything after itself up to the end of the payload. A log has one group in flight, and record g + 1 is
 * written only when g is durable; so an invalid record with a valid later one behind it was durable once and has rotted, and
 * only an invalid record with nothing behind it can be a torn write. (A rotten *last* record cannot be told from a torn one.)
 */
import { crc32 } from "node:zlib";

export const headerBytes = 32;
const magic = 0x4b544c57;
const alignment = 8;
const maxPayloadBytes = 0x7fff_ffff;

export interface LogRecord {
  /** 1, 2, 3 ... without a gap over the life of the log. */
  readonly sequence: number;
  /** Every record up to and including this one is in the store's checkpoint, and its bytes may be overwritten. */
  readonly floor: number;
  /** A view into the bytes it was decoded from. */
  readonly payload: Uint8Array;
}

export interface DecodedLog {
  /** The valid prefix. */
  readonly records: LogRecord[];
  /** Offset where the next record goes. */
  readonly end: number;
  /**
   * "clean": nothing but zeros or records of an earlier life of these bytes follow. "torn": an unfinished write follows and may be
   * cut. "corrupt": a record that was durable is damaged, because a valid later one follows; the node must not start.
   */
  readonly verdict: "clean" | "torn" | "corrupt";
}

/** Bytes a record with this payload occupies. */
export function recordBytes(payloadBytes: number): number {
  return headerBytes + Math.ceil(payloadBytes / alignment) * alignment;
}

/** Bytes of the payload that a header tells of; undefined where no record begins. The header may be damaged. */
export function recordLength(header: Uint8Array): number | undefined {
  const view = new DataView(header.buffer, header.byteOffset, headerBytes);
  const length = view.getUint32(8, true);
  return view.getUint32(0, true) !== magic || length > maxPayloadBytes ? undefined : length;
}

export function encodeRecord(sequence: number, floor: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(recordBytes(payload.length));
  writeRecord(bytes, sequence, floor, payload);
  return bytes;
}

/** Encodes at the start of `target`, which must have room; returns the bytes used. */
export function writeRecord(target: Uint8Array, sequence: number, floor: number, payload: Uint8Array): number {
  const size = recordBytes(payload.length);
  const view = new DataView(target.buffer, target.byteOffset, size);
  view.setUint32(0, magic, true);
  view.setUint32(8, payload.length, true);
  view.setUint32(12, 0, true);
  view.setFloat64(16, sequence, true);
  view.setFloat64(24, floor, true);
  target.set(payload, headerBytes);
  target.fill(0, headerBytes + payload.length, size);
  view.setUint32(4, crc32(target.subarray(8, headerBytes + payload.length)), true);
  return size;
}

/**
 * Reads records from the start of `bytes` for as long as each is valid and follows the one before.
 *
 * @param after the sequence that the first record must follow; without it the first record may have any.
 */
export function decodeRecords(bytes: Uint8Array, after?: number): DecodedLog {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: LogRecord[] = [];
  let end = 0;
  let last = after;
  for (;;) {
    const record = readRecord(bytes, view, end);
    if (record === undefined || (last !== undefined && record.sequence !== last + 1)) break;
    records.push(record);
    end += recordBytes(record.payload.length);
    last = record.sequence;
  }
  return { records, end, verdict: judgeRest(bytes, view, end, last) };
}

function readRecord(bytes: Uint8Array, view: DataView, offset: number): LogRecord | undefined {
  if (offset + headerBytes > bytes.length || view.getUint32(offset, true) !== magic) return undefined;
  const length = view.getUint32(offset + 8, true);
  if (length > maxPayloadBytes || offset + recordBytes(length) > bytes.length) return undefined;
  const end = offset + headerBytes + length;
  if (crc32(bytes.subarray(offset + 8, end)) !== view.getUint32(offset + 4, true)) return undefined;
  return {
    sequence: view.getFloat64(offset + 16, true),
    floor: view.getFloat64(offset + 24, true),
    payload: bytes.subarray(offset + headerBytes, end),
  };
}

/** What the bytes after the valid prefix mean, `last` being the sequence it ends with. */
function judgeRest(bytes: Uint8Array, view: DataView, end: number, last: number | undefined): DecodedLog["verdict"] {
  for (let offset = end; offset + headerBytes <= bytes.length; offset += alignment) {
    if (view.getUint32(offset, true) !== magic) continue;
    const record = readRecord(bytes, view, offset);
    if (record !== undefined && (last === undefined || record.sequence > last)) return "corrupt";
  }
  if (readRecord(bytes, view, end) !== undefined) return "clean";
  for (let i = end; i < Math.min(end + headerBytes, bytes.length); i++) if (bytes[i] !== 0) return "torn";
  return "clean";
}
