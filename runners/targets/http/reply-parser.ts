/**
 * HTTP/1.1 answers out of a stream of bytes, after RFC 9112. Most answers come whole in one read and are parsed where they lie;
 * the rest of a read that ends inside one is copied aside, and parsing goes on there when more comes. No byte is looked at twice.
 *
 *     head ──1xx──> head                          (skipped)
 *      ├──no body────────────────> reply          HEAD, 204, 304
 *      ├──Content-Length─> length ──> reply
 *      ├──chunked────────> chunks ──> reply        pieces are joined in `joined`
 *      └──neither────────> to the end ──> reply    when the connection closes
 */
import { Reply } from "./reply.ts";

export interface ReplySink {
  /** Requests sent on this connection and not answered. */
  readonly underWay: number;
  /** Whether the request that the next answer belongs to was a HEAD. */
  readonly expectsHead: boolean;
  /** `keepAlive`: the server will take another request on this connection. */
  onReply(reply: Reply, keepAlive: boolean): void;
}

export interface ParserLimits {
  readonly maxHeadBytes: number;
  readonly maxBodyBytes: number;
}

type Phase = "head" | "length" | "chunks" | "to-end";

const incomplete = -1;
const empty = Buffer.alloc(0);
const tab = 9;
const lf = 10;
const cr = 13;
const space = 32;
const colon = 58;
const [letterC, letterL, letterN, letterR, letterT] = [99, 108, 110, 114, 116];
const contentLength = Buffer.from("content-length:");
const connection = Buffer.from("connection:");
const transferEncoding = Buffer.from("transfer-encoding:");
const headEnding = Buffer.from("\r\n\r\n");

/** What came is no answer, or not one answer for each request. */
export class MalformedReply extends Error {
  override readonly name = "MalformedReply";
}

export class ReplyParser {
  private readonly limits: ParserLimits;
  private readonly reply = new Reply();
  private phase: Phase = "head";
  private held: Buffer = empty;
  private heldBytes = 0;
  /** Offsets from the first byte of the answer being read, which moves when it is copied aside. */
  private scanned = 0;
  private headBytes = 0;
  private length = 0;
  private chunkAt = 0;
  private keepAlive = true;
  private joined: Buffer = empty;
  private joinedBytes = 0;

  constructor(limits: ParserLimits) {
    this.limits = limits;
  }

  /** Some of an answer has come and not all of it. */
  get midway(): boolean {
    return this.heldBytes > 0 || this.phase !== "head";
  }

  /** `data[0, bytes)` has come. @throws MalformedReply */
  feed(data: Buffer, bytes: number, sink: ReplySink): void {
    let source = data;
    let end = bytes;
    const aside = this.heldBytes > 0;
    if (aside) {
      this.hold(data, 0, bytes);
      source = this.held;
      end = this.heldBytes;
    }
    let start = 0;
    while (start < end) {
      if (sink.underWay === 0) throw new MalformedReply(`${end - start} bytes came that no request asked for`);
      const used = this.step(source, start, end, sink);
      if (used === incomplete) break;
      start += used;
    }
    if (aside) {
      if (start > 0) this.held.copyWithin(0, start, end);
      this.heldBytes = end - start;
    } else if (start < end) this.hold(source, start, end);
  }

  /** The server has closed the connection: the end of an answer that goes that far. @throws MalformedReply when it is cut short */
  end(sink: ReplySink): void {
    if (this.phase === "to-end") {
      this.deliver(this.held, 0, this.held, this.headBytes, this.heldBytes, sink);
      this.heldBytes = 0;
      return;
    }
    if (this.phase === "length") {
      const got = this.heldBytes - this.headBytes;
      throw new MalformedReply(`the answer was cut short: ${got} of the ${this.length} bytes of its body came`);
    }
    if (this.midway) throw new MalformedReply(`the answer was cut short after ${this.heldBytes} bytes`);
  }

  /** Reads on in the answer at `start`; its length when it was whole, else `incomplete`. */
  private step(data: Buffer, start: number, end: number, sink: ReplySink): number {
    if (this.phase === "head") {
      const skipped = this.readHead(data, start, end, sink);
      if (skipped !== 0) return skipped;
    }
    const size = end - start;
    if (this.phase === "length") {
      const whole = this.headBytes + this.length;
      if (size < whole) return incomplete;
      if (size > whole && sink.underWay <= 1)
        throw new MalformedReply(`the answer is longer than the ${this.length} bytes that its Content-Length says`);
      this.deliver(data, start, data, start + this.headBytes, start + whole, sink);
      return whole;
    }
    if (this.phase === "chunks") {
      const whole = this.readChunks(data, start, end);
      if (whole !== incomplete) this.deliver(data, start, this.joined, 0, this.joinedBytes, sink);
      return whole;
    }
    if (size - this.headBytes > this.limits.maxBodyBytes) throw this.tooLong();
    return incomplete;
  }

  /** 0 when the head is whole and a body may follow, the bytes of an interim answer, or `incomplete`. */
  private readHead(data: Buffer, start: number, end: number, sink: ReplySink): number {
    // The ending may straddle what was scanned before.
    const found = data.indexOf(headEnding, start + Math.max(0, this.scanned - 3));
    const { maxHeadBytes, maxBodyBytes } = this.limits;
    if (found < 0 || found + 4 > end) {
      this.scanned = end - start;
      if (this.scanned > maxHeadBytes)
        throw new MalformedReply(`the answer's head is longer than ${maxHeadBytes} bytes`);
      if (this.scanned >= 5) statusOf(data, start, Math.min(end, start + 13));
      return incomplete;
    }
    this.headBytes = found + 4 - start;
    const status = statusOf(data, start, found + 2);
    if (status < 200 && status !== 101) {
      this.scanned = 0;
      return this.headBytes;
    }
    this.reply.status = status;
    this.readHeaders(data, start, found + 2, sink.expectsHead || status === 204 || status === 304 || status === 101);
    if (this.length > maxBodyBytes) throw this.tooLong();
    return 0;
  }

  /** Body length and connection from the header lines; `end` is behind the last of them. */
  private readHeaders(data: Buffer, start: number, end: number, bodyless: boolean): void {
    this.keepAlive = data[start + 7] === 49;
    let length = -1;
    let chunked = false;
    for (let at = data.indexOf(lf, start) + 1; at < end;) {
      const next = data.indexOf(lf, at) + 1;
      // Only three headers matter here. Each is told from nearly all others by one or two letters, so most lines cost no string.
      const first = data[at] | 32;
      if (first === letterC) {
        if ((data[at + 8] | 32) === letterL && isName(data, at, contentLength))
          length = lengthAt(data, at + 15, next, length);
        else if ((data[at + 3] | 32) === letterN && isName(data, at, connection))
          this.keepAlive = keepsAlive(data, at + 11, next, this.keepAlive);
      } else if (first === letterT && (data[at + 1] | 32) === letterR && isName(data, at, transferEncoding))
        chunked = /\bchunked$/i.test(valueAt(data, at + 18, next));
      at = next;
    }
    this.length = bodyless ? 0 : Math.max(0, length);
    this.phase = bodyless || (!chunked && length >= 0) ? "length" : chunked ? "chunks" : "to-end";
    if (this.phase === "to-end") this.keepAlive = false;
    this.chunkAt = this.headBytes;
    this.joinedBytes = 0;
  }

  private readChunks(data: Buffer, start: number, end: number): number {
    for (;;) {
      const at = start + this.chunkAt;
      const lineEnd = data.indexOf(lf, at);
      if (lineEnd < 0 || lineEnd >= end) {
        if (end - at > this.limits.maxHeadBytes) throw new MalformedReply("a chunk's size line does not end");
        return incomplete;
      }
      const size = chunkSize(data.toString("latin1", at, lineEnd));
      const chunkEnd = lineEnd + 1 + size + 2;
      if (size === 0) return this.readTrailers(data, start, lineEnd + 1, end);
      if (this.joinedBytes + size > this.limits.maxBodyBytes) throw this.tooLong();
      if (chunkEnd > end) return incomplete;
      if (data[chunkEnd - 1] !== lf) throw new MalformedReply(`a chunk is longer than the ${size} bytes that it says`);
      this.join(data, lineEnd + 1, lineEnd + 1 + size);
      this.chunkAt = chunkEnd - start;
    }
  }

  /** Trailers are read over; the empty line ends the answer. */
  private readTrailers(data: Buffer, start: number, from: number, end: number): number {
    for (let at = from; ;) {
      const lineEnd = data.indexOf(lf, at);
      if (lineEnd < 0 || lineEnd >= end) {
        if (end - from > this.limits.maxHeadBytes) throw new MalformedReply("the trailers do not end");
        return incomplete;
      }
      if (lineEnd - at <= 1) return lineEnd + 1 - start;
      at = lineEnd + 1;
    }
  }

  private deliver(
    head: Buffer,
    headStart: number,
    body: Buffer,
    bodyStart: number,
    bodyEnd: number,
    sink: ReplySink,
  ): void {
    const { reply } = this;
    reply.headData = head;
    reply.headStart = headStart;
    reply.headEnd = headStart + this.headBytes;
    reply.bodyData = body;
    reply.bodyStart = bodyStart;
    reply.bodyEnd = bodyEnd;
    this.phase = "head";
    this.scanned = 0;
    sink.onReply(reply, this.keepAlive);
  }

  private hold(data: Buffer, from: number, to: number): void {
    this.held = withRoom(this.held, this.heldBytes, to - from);
    data.copy(this.held, this.heldBytes, from, to);
    this.heldBytes += to - from;
  }

  private join(data: Buffer, from: number, to: number): void {
    this.joined = withRoom(this.joined, this.joinedBytes, to - from);
    data.copy(this.joined, this.joinedBytes, from, to);
    this.joinedBytes += to - from;
  }

  private tooLong(): MalformedReply {
    return new MalformedReply(`the answer's body is longer than ${this.limits.maxBodyBytes} bytes`);
  }
}

function withRoom(buffer: Buffer, used: number, more: number): Buffer {
  if (used + more <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafe(Math.max(4_096, (used + more) * 2));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

/** "HTTP/1.x nnn" */
function statusOf(data: Buffer, start: number, end: number): number {
  const version =
    data[start] === 72 &&
    data[start + 1] === 84 &&
    data[start + 2] === 84 &&
    data[start + 3] === 80 &&
    data[start + 4] === 47;
  if (version && end - start < 12) return 0;
  const status = (data[start + 9] - 48) * 100 + (data[start + 10] - 48) * 10 + (data[start + 11] - 48);
  if (version && data[start + 5] === 49 && data[start + 8] === 32 && status >= 100 && status < 1_000) return status;
  throw new MalformedReply(
    `what came is no HTTP/1.1 answer: ${JSON.stringify(data.toString("latin1", start, Math.min(end, start + 40)))}`,
  );
}

/** Whether the line at `at` begins with `name`, which is in lower case and ends in a colon, whatever the line's case. */
function isName(data: Buffer, at: number, name: Buffer): boolean {
  for (let i = name.length - 2; i > 0; i--) if ((data[at + i] | 32) !== (name[i] | 32)) return false;
  return data[at + name.length - 1] === colon;
}

function valueAt(data: Buffer, from: number, end: number): string {
  return data.toString("latin1", from, end).trim();
}

/** The digits of a Content-Length; several must agree. */
function lengthAt(data: Buffer, from: number, end: number, earlier: number): number {
  let at = from;
  while (data[at] === space || data[at] === tab) at++;
  let length = 0;
  let digits = 0;
  for (; data[at] >= 48 && data[at] <= 57; at++, digits++) length = length * 10 + data[at] - 48;
  while (data[at] === space || data[at] === tab || data[at] === cr) at++;
  if (digits > 0 && digits <= 15 && at === end - 1 && (earlier < 0 || earlier === length)) return length;
  throw new MalformedReply(`the answer's Content-Length is ${JSON.stringify(valueAt(data, from, end))}`);
}

function keepsAlive(data: Buffer, from: number, end: number, usual: boolean): boolean {
  // " keep-alive", as nearly every server writes it.
  if (end - from === 13 && (data[from + 1] | 32) === 107 && data[from + 5] === 45) return true;
  const text = valueAt(data, from, end);
  if (/\bclose\b/i.test(text)) return false;
  return /\bkeep-alive\b/i.test(text) || usual;
}

function chunkSize(line: string): number {
  const match = /^([\da-f]{1,8})\s*(?:;.*)?\r?$/i.exec(line);
  if (match === null) throw new MalformedReply(`a chunk's size is ${JSON.stringify(line.slice(0, 40))}`);
  return Number.parseInt(match[1], 16);
}
