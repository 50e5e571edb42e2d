/**
 * Messages on their way between nodes, seen from one thread.
 *
 *     send ──> fate (delay, loss, doubling) ──> same thread:  into the other node's inbox, by reference
 *                                           └─> other thread: into its frame, posted once a pump
 *
 * By reference is sound because a message belongs to nobody once it is sent: neither core may change it.
 */
import type { MessagePort } from "node:worker_threads";
import type { NodeId } from "../../kernel/units.ts";
import type { Alarms } from "./alarms.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import type { Links } from "./links.ts";
import type { Clock } from "./run-clock.ts";

export type Deliver = (from: NodeId, to: NodeId, message: unknown) => void;

export class Mailbox {
  /** Messages posted to and taken from other threads; their sums over all threads agree when nothing is on its way. */
  posted = 0;
  taken = 0;
  private readonly thread: number;
  private readonly peers: ReadonlyMap<number, MessagePort>;
  private readonly threads: number;
  private readonly frames: unknown[][];
  private readonly links: Links;
  private readonly alarms: Alarms;
  private readonly clock: Clock;
  private readonly deliver: Deliver;

  constructor(
    thread: number,
    peers: ReadonlyMap<number, MessagePort>,
    parts: { links: Links; alarms: Alarms; clock: Clock; deliver: Deliver },
  ) {
    this.thread = thread;
    this.peers = peers;
    this.threads = peers.size + 1;
    this.frames = Array.from({ length: this.threads }, () => []);
    this.links = parts.links;
    this.alarms = parts.alarms;
    this.clock = parts.clock;
    this.deliver = parts.deliver;
    for (const port of peers.values()) port.on("message", (frame: Uint8Array) => this.take(frame));
  }

  send(from: NodeId, to: NodeId, message: unknown): void {
    if (this.links.calm) {
      this.forward(from, to, message);
      return;
    }
    for (const delay of this.links.fate(from, to)) {
      if (delay === 0) this.forward(from, to, message);
      else this.alarms.at(this.clock.now() + delay, () => this.forward(from, to, message));
    }
  }

  /** Posts one frame to each thread that has messages waiting. */
  flush(): void {
    for (const [thread, port] of this.peers) {
      const waiting = this.frames[thread];
      if (waiting.length === 0) continue;
      this.frames[thread] = [];
      this.posted += waiting.length / 3;
      const frame = encodeFrame(waiting);
      port.postMessage(frame, [frame.buffer]);
    }
  }

  close(): void {
    for (const port of this.peers.values()) port.close();
  }

  private forward(from: NodeId, to: NodeId, message: unknown): void {
    const thread = to % this.threads;
    if (thread === this.thread) this.deliver(from, to, message);
    else this.frames[thread].push(from, to, message);
  }

  private take(frame: Uint8Array): void {
    const values = decodeFrame(frame);
    this.taken += values.length / 3;
    for (let i = 0; i < values.length; i += 3) {
      this.deliver(values[i] as NodeId, values[i + 1] as NodeId, values[i + 2]);
    }
  }
}
