/**
 * Requests to one origin over at most so many connections, made as they are needed. What no connection has room for waits in order;
 * whoever measures from the intended start counts that wait.
 *
 *     submit ──> waiting ──flush──> connection with room ──> reply | failure
 *                   └──none has room──> one more connection, up to the limit
 *
 * Nothing is allocated for a request but its place in the queue. Writes leave at `flush`, or by themselves in the same turn of the
 * event loop when an answer made room: after all answers of one poll were read, so that sending does not come between them.
 */
import { HttpConnection, type ConnectionOwner } from "./connection.ts";
import type { HttpFailure, HttpPoolOptions, HttpReply, WireRequest } from "./exchange.ts";
import type { Reply } from "./reply.ts";

export class HttpPool implements ConnectionOwner {
  /** Set by whoever submits, before the first request. The reply is valid during the call. */
  onReply: (token: number, reply: HttpReply) => void = () => undefined;
  onFailure: (token: number, failure: HttpFailure) => void = () => undefined;
  /** The request is about to be written: until here it waited. Not after, because the write may hand the processor to the server. */
  onWritten: (token: number) => void = () => undefined;
  /** Connections made so far. */
  connected = 0;
  private readonly origin: URL;
  private readonly options: HttpPoolOptions;
  private readonly connections = new Set<HttpConnection>();
  private opening = 0;
  /** Connections with room, the one used last on top: few are kept warm rather than all lukewarm. */
  private readonly roomy: HttpConnection[] = [];
  private readonly waiting = new RequestQueue();
  private flushing: NodeJS.Immediate | undefined;
  private closing = false;

  /** @throws TypeError when the origin is neither http nor https */
  constructor(origin: URL, options: HttpPoolOptions) {
    if (!/^https?:$/.test(origin.protocol))
      throw new TypeError(`${origin.href} is no address to load: expected an http or https URL`);
    this.origin = origin;
    this.options = options;
  }

  /** Sends `request` as soon as a connection has room for it. `token` names it in the callbacks; it must be new. */
  submit(token: number, request: WireRequest): void {
    this.waiting.push(token, request);
    this.flushing ??= setImmediate(() => this.flush());
  }

  /** Nobody waits for `token` any more. A request that was sent takes its connection with it: its answer would come before others'. */
  cancel(token: number): void {
    if (this.waiting.cancel(token)) return;
    for (const connection of this.connections) {
      if (!connection.carries(token)) continue;
      const failure = {
        kind: "unknown",
        code: "connection-lost",
        message: "a request before it was given up",
      } as const;
      const lost = connection.abandon().filter((other) => other !== token);
      this.onClosed(connection, lost, failure);
      return;
    }
  }

  /** Sends what waits, as far as there is room. */
  flush(): void {
    if (this.flushing !== undefined) {
      clearImmediate(this.flushing);
      this.flushing = undefined;
    }
    while (this.waiting.size > 0) {
      const connection = this.roomy.pop();
      if (connection === undefined) break;
      connection.listed = false;
      if (!connection.room) continue;
      const token = this.waiting.firstToken;
      this.onWritten(token);
      connection.send(token, this.waiting.shift());
      this.list(connection);
    }
    // One connection being made for each request that waits, as far as the limit allows.
    while (this.opening < this.waiting.size && this.connections.size < this.options.connections) this.connect();
  }

  /** Closes every connection; what is under way has no answer. */
  close(): Promise<void> {
    this.closing = true;
    if (this.flushing !== undefined) clearImmediate(this.flushing);
    for (const connection of this.connections) connection.abandon();
    this.connections.clear();
    return Promise.resolve();
  }

  onConnected(connection: HttpConnection): void {
    this.opening--;
    this.connected++;
    this.list(connection);
    this.flush();
  }

  onAnswered(connection: HttpConnection, token: number, reply: Reply): void {
    this.list(connection);
    this.onReply(token, reply);
    if (this.waiting.size > 0) this.flushing ??= setImmediate(() => this.flush());
  }

  onRoom(connection: HttpConnection): void {
    this.list(connection);
    if (this.waiting.size > 0) this.flush();
  }

  onClosed(connection: HttpConnection, lost: readonly number[], failure: HttpFailure): void {
    this.connections.delete(connection);
    if (this.closing) return;
    for (const token of lost) this.onFailure(token, failure);
    if (failure.kind === "refused") {
      this.opening--;
      // It was made for the request that has waited longest, which is the one that hears of it.
      if (this.waiting.size > 0) {
        const token = this.waiting.firstToken;
        this.waiting.shift();
        this.onFailure(token, failure);
      }
    }
    if (this.waiting.size > 0) this.flushing ??= setImmediate(() => this.flush());
  }

  private connect(): void {
    this.opening++;
    this.connections.add(new HttpConnection(this.origin, this.options, this));
  }

  private list(connection: HttpConnection): void {
    if (connection.listed || !connection.room) return;
    connection.listed = true;
    this.roomy.push(connection);
  }
}

/** Requests in order, in two arrays that are used again. */
class RequestQueue {
  size = 0;
  private tokens: number[] = [];
  private requests: (WireRequest | undefined)[] = [];
  private head = 0;

  push(token: number, request: WireRequest): void {
    this.tokens.push(token);
    this.requests.push(request);
    this.size++;
  }

  /** Of the oldest that was not cancelled. Only when `size` is above 0. */
  get firstToken(): number {
    while (this.requests[this.head] === undefined) this.head++;
    return this.tokens[this.head];
  }

  /** After `firstToken`. */
  shift(): WireRequest {
    const request = this.requests[this.head]!;
    this.requests[this.head++] = undefined;
    this.size--;
    if (this.size === 0) {
      this.tokens.length = 0;
      this.requests.length = 0;
      this.head = 0;
    } else if (this.head > 1_024 && this.head * 2 > this.tokens.length) {
      this.tokens = this.tokens.slice(this.head);
      this.requests = this.requests.slice(this.head);
      this.head = 0;
    }
    return request;
  }

  /** False when it is not here. */
  cancel(token: number): boolean {
    const at = this.tokens.indexOf(token, this.head);
    if (at < 0 || this.requests[at] === undefined) return false;
    this.requests[at] = undefined;
    this.size--;
    return true;
  }
}
