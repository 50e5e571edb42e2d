/**
 * One kept-alive connection: what was sent on it is answered in order. Reads go into one buffer that is used again for each, so a read
 * allocates nothing (net's `onread`; TLS has no such thing and brings its own buffers).
 *
 *     opening ──> open ──close, error, garbage──> closed
 */
import net from "node:net";
import tls from "node:tls";
import type { HttpFailure, HttpPoolOptions, WireRequest } from "./exchange.ts";
import { MalformedReply, ReplyParser, type ReplySink } from "./reply-parser.ts";
import type { Reply } from "./reply.ts";

export interface ConnectionOwner {
  onConnected(connection: HttpConnection): void;
  /** It may take another request if `connection.room`. */
  onAnswered(connection: HttpConnection, token: number, reply: Reply): void;
  /** What was written has drained, and there is room again. */
  onRoom(connection: HttpConnection): void;
  /** The connection is gone, with what was under way on it. Empty: it was idle, or could not be made. */
  onClosed(connection: HttpConnection, lost: readonly number[], failure: HttpFailure): void;
}

const readBytes = 64 * 1_024;
const kibibyte = 1_024;
const mebibyte = 1_024 * kibibyte;

/** Reads of all connections of a thread: each is parsed, or copied aside, before the next. */
const readBuffer = Buffer.allocUnsafeSlow(readBytes);

export class HttpConnection implements ReplySink {
  open = false;
  /** It is in the pool's list of those with room. */
  listed = false;
  private readonly owner: ConnectionOwner;
  private readonly socket: net.Socket;
  private readonly parser: ReplyParser;
  private readonly pipelining: number;
  private readonly tokens: number[] = [];
  private readonly heads: boolean[] = [];
  private closed = false;
  private lastRequest = false;
  private connectTimer: NodeJS.Timeout | undefined;

  constructor(origin: URL, options: HttpPoolOptions, owner: ConnectionOwner) {
    this.owner = owner;
    this.pipelining = options.pipelining ?? 1;
    this.parser = new ReplyParser({
      maxHeadBytes: options.maxHeadBytes ?? 64 * kibibyte,
      maxBodyBytes: options.maxBodyBytes ?? 64 * mebibyte,
    });
    this.socket = origin.protocol === "https:" ? this.connectTls(origin, options) : this.connectPlain(origin);
    this.socket.setNoDelay(true);
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.fail(describe(error, origin)));
    this.socket.on("end", () => this.onEnd());
    this.socket.on("drain", () => this.owner.onRoom(this));
    this.socket.on("close", () => this.fail("the connection was closed"));
    const patienceMs = options.connectTimeoutMs ?? 10_000;
    this.connectTimer = setTimeout(() => {
      this.fail(`${origin.host} did not take a connection within ${patienceMs / 1_000} s`);
    }, patienceMs);
  }

  get underWay(): number {
    return this.tokens.length;
  }

  get expectsHead(): boolean {
    return this.heads[0];
  }

  get room(): boolean {
    return this.open && !this.lastRequest && this.tokens.length < this.pipelining && !this.socket.writableNeedDrain;
  }

  send(token: number, request: WireRequest): void {
    this.tokens.push(token);
    this.heads.push(request.head);
    this.socket.write(request.bytes);
  }

  onReply(reply: Reply, keepAlive: boolean): void {
    const token = this.tokens.shift()!;
    this.heads.shift();
    if (!keepAlive) this.lastRequest = true;
    this.owner.onAnswered(this, token, reply);
    if (!keepAlive) this.fail("the server closed the connection after an earlier answer");
  }

  /** Closes it without telling the owner; returns what was under way. */
  abandon(): number[] {
    this.closed = true;
    this.open = false;
    clearTimeout(this.connectTimer);
    this.socket.destroy();
    return this.tokens.splice(0);
  }

  private connectPlain({ hostname, port }: URL): net.Socket {
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number, data: Uint8Array) => this.onData(data as Buffer, bytes),
    };
    const socket = net.connect({ host: bare(hostname), port: Number(port || 80), onread });
    return socket.on("connect", () => this.onConnect());
  }

  private connectTls({ hostname, port }: URL, { insecure }: HttpPoolOptions): net.Socket {
    const host = bare(hostname);
    const servername = net.isIP(host) === 0 ? host : "";
    const socket = tls.connect({
      host,
      port: Number(port || 443),
      servername,
      rejectUnauthorized: insecure !== true,
      ALPNProtocols: ["http/1.1"],
    });
    socket.on("data", (data: Buffer) => this.onData(data, data.length));
    return socket.on("secureConnect", () => this.onConnect());
  }

  private onConnect(): void {
    if (this.closed) return;
    clearTimeout(this.connectTimer);
    this.open = true;
    this.owner.onConnected(this);
  }

  /** True: go on reading, as `onread` wants it. */
  private onData(data: Buffer, bytes: number): boolean {
    if (this.closed) return false;
    try {
      this.parser.feed(data, bytes, this);
    } catch (error) {
      if (!(error instanceof MalformedReply)) throw error;
      this.fail(error.message);
    }
    return true;
  }

  private onEnd(): void {
    if (this.closed) return;
    try {
      this.parser.end(this);
      this.fail("the server closed the connection before it answered");
    } catch (error) {
      if (!(error instanceof MalformedReply)) throw error;
      this.fail(error.message);
    }
  }

  private fail(message: string): void {
    if (this.closed) return;
    const made = this.open;
    const lost = this.abandon();
    const failure: HttpFailure = made
      ? { kind: "unknown", code: "connection-lost", message }
      : { kind: "refused", code: "unavailable", message };
    this.owner.onClosed(this, lost, failure);
  }
}

/** [::1] as sockets take it. */
function bare(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function describe(error: NodeJS.ErrnoException, origin: URL): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return `${origin.host} refuses connections: nothing listens there`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name ${origin.hostname} cannot be resolved (${error.code})`;
    case "ECONNRESET":
    case "EPIPE":
      return `the connection was lost (${error.code})`;
    default:
      return error.code === undefined ? error.message : `${error.message} (${error.code})`;
  }
}
