/**
 * Requests to one origin over at most so many connections, made as they are needed. What no connection has room for waits in order;
 * whoever measures from the intended start counts that wait.
 *
 *     submit ──> waiting ──flush──> connection with room ──> reply | failure
 *                   └──none has room──> one more connection, up to the limit
 *
 * Nothing is allocated for a request but its place in two tables, so that giving up on one looks at no other. Writes leave at `flush`, or by themselves in the same turn of the
 * event loop when an answer made room: after all answers of one poll were read, so that sending does not come between them.
 */
import { OpenTable } from "../../../backend/kernel/open-table.ts";
import { HttpConnection, type ConnectionOwner } from "./connection.ts";
import type { HttpFailure, HttpPoolOptions, HttpReply, WireRequest } from "./exchange.ts";
import type { Reply } from "./reply.ts";
import { RequestQueue } from "./request-queue.ts";

const givenUpBefore: HttpFailure = {
  kind: "unknown",
  code: "connection-lost",
  message: "a request before it was given up",
};

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
  /** The connection that carries a request, by token, from its send to its answer. */
  private readonly carriers = new OpenTable<HttpConnection>();
  private flushing: NodeJS.Immediate | undefined;
  private closing = false;

  /** @throws TypeError when the origin is neither http nor https */
  constructor(origin: URL, options: HttpPoolOptions) {
    if (!/^https?:$/.test(origin.protocol))
      throw new TypeError(`${origin.href} is no address to load: expected an http or https URL`);
    this.origin = origin;
    this.options = options;
  }

  /**
   * Sends `request` as soon as a connection has room for it. `token`, at least 0, names it in the callbacks; no request that waits or
   * is under way has it.
   */
  submit(token: number, request: WireRequest): void {
    this.waiting.push(token, request);
    this.flushing ??= setImmediate(() => this.flush());
  }

  /** Nobody waits for `token` any more. A request that was sent takes its connection with it: its answer would come before others'. */
  cancel(token: number): void {
    if (this.waiting.cancel(token)) return;
    const connection = this.carriers.get(token);
    if (connection === undefined) return;
    this.carriers.delete(token);
    const lost = connection.abandon().filter((other) => other !== token);
    this.onClosed(connection, lost, givenUpBefore);
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
      this.carriers.set(token, connection);
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
    this.carriers.delete(token);
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
    for (const token of lost) this.carriers.delete(token);
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
