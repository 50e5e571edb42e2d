/**
 * What one connection has sent and is not read yet, and what was read in this turn: operations for the backend and the forms of their answers.
 *
 * The input is there twice, as bytes for values and as text for all else; text is made in one go, and keys are slices of it.
 */
import type { CacheOperation } from "../../api-cache.ts";
import type { Form } from "./form.ts";
import type { GetForms } from "./text-answers.ts";

export class Conversation {
  text = "";
  /** Where the next command begins, in `bytes` and `text`. */
  at = 0;
  end = 0;
  /** Where the next zero byte of the text is, or one before `at`, behind which nobody has looked; -1: there is none. */
  zero = -1;
  operations: CacheOperation[] = [];
  forms: Form[] = [];
  /** Bytes of a refused value that are still to be passed over. */
  swallow = 0;
  /** The next command is not complete before so many bytes from `at`; 0: before its line ends. */
  wanted = 0;
  /** In the middle of a "get" of many keys: `at` is at the next. */
  getting: GetForms | undefined;
  gettingTouchS: number | undefined;
  /** While a line has not ended: when so many bytes have come, it is looked at again. */
  patienceBytes = 0;
  /** No command is read any more; the connection is closed when all is answered. */
  closing = false;
  private bytes: Buffer = Buffer.alloc(0);
  /** The bytes belong to the socket, which will overwrite them. */
  private lent = false;

  /** The first `length` bytes of `bytes` are the input. */
  feed(bytes: Buffer, length: number, lent: boolean): void {
    this.bytes = bytes;
    this.lent = lent;
    this.text = bytes.toString("latin1", 0, length);
    this.zero = this.text.indexOf("\0");
    this.at = 0;
    this.end = length;
    this.wanted = 0;
  }

  /** What is not read yet, as bytes of our own. */
  rest(): Buffer {
    this.own();
    return this.bytes.subarray(this.at, this.end);
  }

  value(from: number, to: number): Uint8Array {
    this.own();
    return this.bytes.subarray(from, to);
  }

  /** A value is followed by the end of a line. */
  endsLine(at: number): boolean {
    return this.text.charCodeAt(at) === 13 && this.text.charCodeAt(at + 1) === 10;
  }

  /** Numbers of binary packets, the most significant byte first. */
  uint8(at: number): number {
    return this.bytes[at];
  }

  uint16(at: number): number {
    return this.bytes.readUInt16BE(at);
  }

  uint32(at: number): number {
    return this.bytes.readUInt32BE(at);
  }

  uint64(at: number): bigint {
    return this.bytes.readBigUInt64BE(at);
  }

  add(operation: CacheOperation, form: Form): void {
    this.operations.push(operation);
    this.forms.push(form);
  }

  say(form: Form): void {
    this.forms.push(form);
  }

  /** Passes over `bytes` bytes from `at` on, as far as they are here. */
  skip(bytes: number): void {
    const here = Math.min(bytes, this.end - this.at);
    this.at += here;
    this.swallow = bytes - here;
  }

  /** Whatever is kept after this turn must not be the socket's. */
  own(): void {
    if (!this.lent) return;
    this.bytes = Buffer.from(this.bytes.subarray(0, this.end));
    this.lent = false;
  }
}

const thirtyDaysS = 60 * 60 * 24 * 30;

/** Seconds to live for an expiry as clients write it: 0 for ever, below 0 none, up to 30 days from now, and beyond as Unix time. */
export function ttlOf(exptime: number): number {
  if (exptime === 0) return Infinity;
  if (exptime <= thirtyDaysS) return exptime;
  return exptime - Math.floor(Date.now() / 1_000);
}
