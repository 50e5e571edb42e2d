/**
 * The memcached front door: memcached's text, meta and binary protocols over TCP, byte for byte as memcached 1.6 speaks them. It listens on every worker
 * thread, all on one port (SO_REUSEPORT), so a request is coordinated by the thread it lands on.
 *
 *     socket ──one shared buffer──> Connection ── TextCommands | BinaryCommands ──> operations ──> backend
 *                                        <──── one write ──── Output <──── Forms <──── outcomes <───┘
 *
 * A plain get costs as much in the socket as in all the rest, so sockets are kept cheap: all connections of a door read into one buffer, which is parsed
 * where it lies, and answers are written from another.
 */
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Answer, Request } from "../../api.ts";
import { mebibyte } from "../../kernel/units.ts";
import { BinaryCommands } from "./binary-commands.ts";
import { Connection } from "./connection.ts";
import type { Surroundings } from "./connection.ts";
import { Output } from "./output.ts";
import { readInto } from "./shared-reads.ts";
import type { DoorFigures } from "./stats-command.ts";
import { TextCommands } from "./text-commands.ts";

export interface MemcachedDoorOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly reusePort?: boolean;
  readonly backend: { submit(request: Request, done: (answer: Answer) => void): void };
  /** As memcached counts an item, 59 bytes and more besides key and value. 1 MiB by default. */
  readonly maxItemBytes?: number;
  /** memcached's 1,024 by default. */
  readonly maxConnections?: number;
  /** Operations of one connection that are served before those of others; memcached's 20 by default. */
  readonly operationsPerTurn?: number;
}

export interface MemcachedDoor {
  /** memcached://host:port */
  readonly url: string;
  close(): Promise<void>;
}

/** Whose protocol it speaks, to the byte; some clients take nothing but three numbers. */
export const memcachedVersion = "1.6.18";

const readBytes = 65_536;
/** Of unfinished commands and commands that wait, of all connections. */
const maxKeptBytes = 64 * mebibyte;
const sweepMs = 1_000;

/** Listens. Rejects when the port cannot be had. */
export async function createMemcachedDoor(options: MemcachedDoorOptions): Promise<MemcachedDoor> {
  const door = new Door(options);
  await door.listen();
  return door;
}

class Door implements MemcachedDoor, DoorFigures, Surroundings {
  readonly version = memcachedVersion;
  readonly maxConnections: number;
  readonly maxItemBytes: number;
  readonly operationsPerTurn: number;
  readonly backend: MemcachedDoorOptions["backend"];
  readonly startedAtMs = Date.now();
  readonly out = new Output();
  readonly text: TextCommands;
  readonly binary: BinaryCommands;
  totalConnections = 0;
  rejectedConnections = 0;
  bytesRead = 0;
  bytesWritten = 0;
  private readonly options: MemcachedDoorOptions;
  private readonly server: Server;
  private readonly buffer = Buffer.allocUnsafeSlow(readBytes);
  private readonly open = new Map<Socket, Connection>();
  private kept = 0;
  private sweeping: NodeJS.Timeout | undefined;

  constructor(options: MemcachedDoorOptions) {
    this.options = options;
    this.backend = options.backend;
    this.maxConnections = options.maxConnections ?? 1_024;
    this.maxItemBytes = options.maxItemBytes ?? mebibyte;
    this.operationsPerTurn = options.operationsPerTurn ?? 20;
    this.text = new TextCommands(this.maxItemBytes, this);
    this.binary = new BinaryCommands(this.text, this);
    const serverOptions = { noDelay: true, allowHalfOpen: true, pauseOnConnect: true };
    this.server = createServer(serverOptions, (socket) => this.admit(socket));
  }

  get url(): string {
    return `memcached://${this.host}:${this.port}`;
  }

  get host(): string {
    return this.options.host;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.open.size;
  }

  keep(bytes: number): boolean {
    this.kept += bytes;
    return this.kept <= maxKeptBytes;
  }

  wrote(bytes: number): void {
    this.bytesWritten += bytes;
  }

  async listen(): Promise<void> {
    const { host, port, reusePort } = this.options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.server.once("error", reject);
    this.server.listen({ host, port, reusePort, backlog: 1_024 }, resolve);
    await promise;
    this.server.off("error", reject);
    this.sweeping = setInterval(() => {
      for (const connection of this.open.values()) connection.sweep();
    }, sweepMs);
    this.sweeping.unref();
  }

  /** What is under way is answered; then connections end. */
  async close(): Promise<void> {
    clearInterval(this.sweeping);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    for (const connection of this.open.values()) connection.close();
    await promise;
  }

  private admit(accepted: Socket): void {
    if (this.open.size >= this.maxConnections) {
      this.rejectedConnections++;
      accepted.on("error", () => accepted.destroy());
      accepted.end("ERROR Too many open connections\r\n");
      accepted.resume();
      return;
    }
    this.totalConnections++;
    const socket = readInto(this.buffer, accepted, (length) => {
      this.bytesRead += length;
      connection.take(this.buffer, length);
    });
    const connection = new Connection(socket, this);
    this.open.set(socket, connection);
    socket.once("close", () => this.open.delete(socket));
    socket.resume();
  }
}
