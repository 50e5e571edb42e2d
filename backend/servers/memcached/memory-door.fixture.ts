/**
 * The door without sockets: connections are fed and read in this process, over one node's cache with a clock set by hand. The backend
 * answers at once, or when `settle` lets it, so that input arrives while a turn is under way.
 */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Answer, Request } from "../../api.ts";
import { Random } from "../../kernel/random.ts";
import { mebibyte } from "../../kernel/units.ts";
import { CacheStore } from "../../protocols/cache/cache-store.ts";
import { CacheExecutor } from "../../services/cache/cache-executor.ts";
import { BinaryCommands } from "./binary-commands.ts";
import { Connection } from "./connection.ts";
import type { Surroundings } from "./connection.ts";
import type { Line } from "./dialogue-play.fixture.ts";
import { memcachedVersion } from "./door.ts";
import { Output } from "./output.ts";
import { TextCommands } from "./text-commands.ts";

/** A cache alone, as doors see a backend. Its clock stands still. */
export class MemoryBackend {
  readonly store: CacheStore;
  nowS = Math.floor(Date.now() / 1_000);
  /** Answers wait for `settle`. */
  later = false;
  private readonly executor: CacheExecutor;
  private readonly waiting: (() => void)[] = [];

  constructor(limitBytes = 64 * mebibyte) {
    this.store = new CacheStore({ limitBytes, random: new Random(1) });
    this.executor = new CacheExecutor(this.store);
  }

  submit(request: Request, done: (answer: Answer) => void): void {
    if (request.kind !== "cache") throw new Error(`a cache was asked for ${request.kind}`);
    const answer = (): void => {
      const outcomes = this.executor.run(request.operations, this.nowS);
      done({ kind: "ok", result: { kind: "cached", outcomes } });
    };
    if (this.later) this.waiting.push(answer);
    else answer();
  }

  /** Answers what waits, and what comes of that, the connections in an order that `random` chooses. */
  settle(random?: Random): void {
    while (this.waiting.length > 0) {
      const [next] = this.waiting.splice(random?.below(this.waiting.length) ?? 0, 1);
      next();
    }
  }
}

export class MemoryDoor {
  readonly backend: MemoryBackend;
  /** Bytes of unfinished input that connections said they keep. */
  kept = 0;
  private readonly around: Surroundings;

  constructor(backend: MemoryBackend, operationsPerTurn = 20) {
    this.backend = backend;
    const figures = {
      version: memcachedVersion,
      host: "127.0.0.1",
      port: 11_211,
      maxConnections: 1_024,
      maxItemBytes: mebibyte,
      operationsPerTurn,
      startedAtMs: 0,
      connections: 1,
      totalConnections: 1,
      rejectedConnections: 0,
      bytesRead: 0,
      bytesWritten: 0,
    };
    const text = new TextCommands(mebibyte, figures);
    this.around = {
      backend,
      text,
      binary: new BinaryCommands(text, figures),
      out: new Output(),
      operationsPerTurn,
      keep: (bytes) => {
        this.kept += bytes;
        return true;
      },
      wrote: () => undefined,
    };
  }

  connect(): MemoryLine {
    const line = new MemoryLine();
    line.connection = new Connection(line.socket, this.around);
    return line;
  }
}

/** The client's end of a connection in memory. */
export class MemoryLine extends EventEmitter implements Line {
  connection!: Connection;
  /** The client does not read: answers stay in the socket. */
  stalled = false;
  paused = false;
  private pieces: Buffer[] = [];
  private unsent: Buffer[] = [];
  private unsentBytes = 0;
  private gone = false;
  /** Overwritten after each piece, as the door's is. */
  private readonly buffer = Buffer.alloc(65_536);
  private unread: Buffer[] = [];

  /** What the connection takes for its socket: the part that it uses. */
  get socket(): Socket {
    return this as unknown as Socket;
  }

  get closed(): boolean {
    return this.gone;
  }

  get received(): Buffer {
    if (this.pieces.length > 1) this.pieces = [Buffer.concat(this.pieces)];
    return this.pieces[0] ?? Buffer.alloc(0);
  }

  keep(rest: Buffer): void {
    this.pieces = rest.length === 0 ? [] : [rest];
  }

  send(bytes: Buffer): void {
    this.unread.push(bytes);
    this.arrive();
  }

  change(): Promise<boolean> {
    return Promise.resolve(false);
  }

  pieceArrived(): Promise<void> {
    return Promise.resolve();
  }

  /** Reads what it did not read while it was stalled. */
  unstall(): void {
    this.stalled = false;
    this.pieces.push(...this.unsent);
    this.unsent = [];
    this.unsentBytes = 0;
    this.emit("drain");
  }

  private arrive(): void {
    for (let piece = this.unread.shift(); piece !== undefined; piece = this.unread.shift()) {
      for (let at = 0; at < piece.length; at += this.buffer.length) {
        if (this.gone) return;
        if (this.paused) {
          this.unread.unshift(piece.subarray(at));
          return;
        }
        const length = piece.copy(this.buffer, 0, at);
        this.connection.take(this.buffer, length);
        this.buffer.fill(0xaa, 0, length);
      }
    }
  }

  /* ---- what the server does to the socket ---------------------------------------------------------------------------------- */

  get destroyed(): boolean {
    return this.gone;
  }

  get writableLength(): number {
    return this.unsentBytes;
  }

  write(bytes: Uint8Array): boolean {
    const copy = Buffer.from(bytes);
    if (!this.stalled) {
      this.pieces.push(copy);
      return true;
    }
    this.unsent.push(copy);
    this.unsentBytes += copy.length;
    return false;
  }

  pause(): this {
    this.paused = true;
    return this;
  }

  resume(): this {
    if (!this.paused) return this;
    this.paused = false;
    this.arrive();
    return this;
  }

  /** Of either side: the client says that it sends no more, and the server answers in kind. */
  end(): void {
    if (this.ending) this.destroy();
    else {
      this.ending = true;
      this.emit("end");
    }
  }
  private ending = false;

  destroySoon(): void {
    this.destroy();
  }

  destroy(): this {
    if (this.gone) return this;
    this.gone = true;
    this.emit("close");
    return this;
  }
}
