/**
 * The common request without Node's HTTP in between, which costs a third of the processor time of a put: a request and its body in one
 * piece of the stream, over a connection that has nothing else under way.
 *
 *     piece ──whole, plain, and one──> handler ──takes it──> answer, one write
 *       └──anything else────────────────────┴──────────────> Node's HTTP gets the connection, with what was read, for good
 *
 * So there is no second HTTP parser to get wrong: what is not exactly of the common form (a chunked body, an upgrade, "Expect", a second
 * request behind the first, a strange character, two lengths or two hosts) is Node's to judge, and limits and timeouts of slow senders are
 * Node's too. Only the time that a connection may be idle and the requests that it may carry are counted here.
 */
import { STATUS_CODES } from "node:http";
import type { Server } from "node:http";
import type { Socket } from "node:net";

export interface PlainRequest {
  readonly method: string;
  /** Path and query string. */
  readonly url: string;
  /** Names and values by turns, as they came; no name is of those that steer the connection. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** Calls `reply` once if it returns true. Otherwise it has done nothing, and Node's HTTP takes the request. */
export type PlainHandler = (request: PlainRequest, reply: PlainReply) => boolean;

/** @param head lines of the head, each with its line end; what concerns the connection and the length is added */
export type PlainReply = (status: number, head: string, body: string, last: boolean) => void;

export interface PlainLimits {
  readonly maxBodyBytes: number;
  readonly maxHeaders: number;
  /** A connection is closed with the answer to this one. 0: never. */
  readonly maxRequests: number;
  readonly idleMs: number;
}

interface Head {
  readonly text: string;
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly bodyBytes: number;
}

const crlfCrlf = Buffer.from("\r\n\r\n");

export class PlainHttp {
  private readonly handler: PlainHandler;
  private readonly limits: PlainLimits;
  private readonly rest: (socket: Socket) => void;
  private readonly connections = new Set<Connection>();
  private date = "";
  private sweeps = 0;
  private closing = false;

  /** Stands in front of the server's own way with connections. */
  constructor(server: Server, handler: PlainHandler, limits: PlainLimits) {
    const [rest] = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
    server.removeListener("connection", rest);
    this.handler = handler;
    this.limits = limits;
    this.rest = (socket) => rest.call(server, socket);
    server.on("connection", (socket) => this.adopt(socket));
    this.sweep(0);
  }

  /** To be called at a fixed interval. */
  sweep(intervalMs: number): void {
    this.date = new Date().toUTCString();
    this.sweeps++;
    for (const connection of this.connections) connection.age(this.sweeps, intervalMs);
  }

  /** Every answer from now on is its connection's last; what is idle is closed. */
  close(): void {
    this.closing = true;
    for (const connection of this.connections) connection.closeIdle();
  }

  private adopt(socket: Socket): void {
    const { handler, limits } = this;
    const connection = new Connection(socket, {
      handler,
      limits,
      sweeps: () => this.sweeps,
      date: () => this.date,
      closing: () => this.closing,
      handOver: (piece) => {
        this.connections.delete(connection);
        this.rest(socket);
        if (piece !== undefined) socket.unshift(piece);
        socket.resume();
      },
    });
    this.connections.add(connection);
    socket.once("close", () => this.connections.delete(connection));
  }
}

interface Surroundings {
  readonly handler: PlainHandler;
  readonly limits: PlainLimits;
  sweeps(): number;
  date(): string;
  closing(): boolean;
  handOver(piece: Buffer | undefined): void;
}

class Connection {
  private readonly socket: Socket;
  private readonly around: Surroundings;
  private readonly onData = (piece: Buffer): void => this.take(piece);
  private readonly onEnd = (): void => this.end();
  private readonly onError = (): void => void this.socket.destroy();
  /** Clients send the same head again and again. */
  private head: Head | undefined;
  private requests = 0;
  private underWay = false;
  private ended = false;
  /** What came before the answer was written. */
  private early: Buffer[] = [];
  private usedAt: number;

  constructor(socket: Socket, around: Surroundings) {
    this.socket = socket;
    this.around = around;
    this.usedAt = around.sweeps();
    socket.on("data", this.onData);
    socket.on("end", this.onEnd);
    socket.on("error", this.onError);
  }

  age(sweeps: number, intervalMs: number): void {
    if (!this.underWay && (sweeps - this.usedAt) * intervalMs > this.around.limits.idleMs) this.socket.destroy();
  }

  closeIdle(): void {
    if (!this.underWay) this.socket.destroy();
  }

  private take(piece: Buffer): void {
    if (this.underWay) {
      this.early.push(piece);
      this.socket.pause();
      return;
    }
    const { handler, limits } = this.around;
    const headBytes = piece.indexOf(crlfCrlf);
    const head = headBytes < 0 ? undefined : this.readHead(piece.toString("latin1", 0, headBytes));
    const bodyAt = headBytes + crlfCrlf.length;
    if (head === undefined || head.bodyBytes > limits.maxBodyBytes || piece.length !== bodyAt + head.bodyBytes) {
      this.handOver(piece);
      return;
    }
    this.usedAt = this.around.sweeps();
    this.underWay = true;
    const { method, url, rawHeaders } = head;
    const request = { method, url, rawHeaders, body: piece.toString("utf8", bodyAt) };
    if (!handler(request, (status, lines, body, last) => this.answer(status, lines, body, last))) this.handOver(piece);
  }

  private readHead(text: string): Head | undefined {
    if (text !== this.head?.text) this.head = readHead(text, this.around.limits.maxHeaders);
    return this.head;
  }

  private answer(status: number, lines: string, body: string, last: boolean): void {
    const { socket, around } = this;
    // Whoever answered and then threw may answer once more.
    if (!this.underWay || socket.destroyed) return;
    this.underWay = false;
    this.usedAt = around.sweeps();
    const { idleMs, maxRequests } = around.limits;
    const final = last || this.ended || around.closing() || ++this.requests === maxRequests;
    const kept = final ? "close" : `keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleMs / 1_000)}`;
    const bytes = Buffer.byteLength(body);
    const text =
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${lines}Content-Length: ${bytes}\r\n` +
      `Date: ${around.date()}\r\nConnection: ${kept}\r\n\r\n${body}`;
    const encoding = bytes === body.length ? "latin1" : "utf8";
    if (final) socket.end(text, encoding);
    else {
      socket.write(text, encoding);
      if (this.early.length > 0) this.handOver(Buffer.concat(this.early));
    }
  }

  private handOver(piece: Buffer): void {
    const { socket } = this;
    this.underWay = false;
    this.early = [];
    socket.pause();
    socket.off("data", this.onData);
    socket.off("end", this.onEnd);
    socket.off("error", this.onError);
    this.around.handOver(piece);
  }

  /** The client sends no more; it may still read. */
  private end(): void {
    this.ended = true;
    if (!this.underWay) this.socket.end();
  }
}

/** Names that say something about the connection or the body's form, or that must not come twice: a request with one is not plain. */
const steering = /^(?:transfer-encoding|expect|upgrade|trailer|te|proxy-connection|keep-alive)$/i;
const requestLine = /^([A-Z]{3,7}) (\/[!-~]*) HTTP\/1\.1$/;
const headerName = /^[A-Za-z0-9-]+$/;
const headerValue = /^[!-~](?:[ -~]*[!-~])?$/;

/** Undefined unless it is a head of the common form, with its length or without a body. */
export function readHead(text: string, maxHeaders: number): Head | undefined {
  const [first, ...lines] = text.split("\r\n");
  const asked = requestLine.exec(first);
  if (asked === null || lines.length > maxHeaders) return undefined;
  const rawHeaders: string[] = [];
  let hosts = 0;
  let bodyBytes = -1;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (colon < 1 || !headerName.test(name) || !(value === "" || headerValue.test(value))) return undefined;
    switch (name.toLowerCase()) {
      case "host":
        hosts++;
        break;
      case "content-length":
        if (bodyBytes >= 0 || !/^\d{1,9}$/.test(value)) return undefined;
        bodyBytes = Number(value);
        break;
      case "connection":
        if (value.toLowerCase() !== "keep-alive") return undefined;
        break;
      default:
        if (steering.test(name)) return undefined;
    }
    rawHeaders.push(name, value);
  }
  if (hosts !== 1) return undefined;
  return { text, method: asked[1], url: asked[2], rawHeaders, bodyBytes: Math.max(0, bodyBytes) };
}
