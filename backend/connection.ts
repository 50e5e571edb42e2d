/**
 * A client's connection into the threads without HTTP between: one port a thread, requests and answers in batches. The ports can be
 * transferred, so load generators on threads of their own speak to the nodes' threads and to nothing in between.
 */
import type { MessagePort } from "node:worker_threads";
import type { Answer, Request } from "./api.ts";
import type { NodeId } from "./kernel/units.ts";
import { anyEntry } from "./runtimes/threads/client-port.ts";
import type { LiveNotice } from "./runtimes/threads/client-port.ts";
import { decodeFrame, encodeFrame } from "./runtimes/threads/frame.ts";

interface Lane {
  readonly port: MessagePort;
  waiting: unknown[];
  /** Nodes up on that thread, as last heard. */
  live: number;
}

export class DirectConnection {
  /** Called once for each request submitted, in the order answers arrive. Set it before the first `submit`. */
  onAnswer: (id: number, answer: Answer) => void = () => undefined;
  private readonly lanes: Lane[];
  private turn = 0;
  private flushing = false;

  /** @param ports as `connect` of the backend made them: index = thread. */
  constructor(ports: readonly MessagePort[]) {
    this.lanes = ports.map((port) => ({ port, waiting: [], live: 1 }));
    for (const lane of this.lanes) lane.port.on("message", (frame: Uint8Array | LiveNotice) => this.take(lane, frame));
  }

  /**
   * Sends a request to `entry`, or round robin over live nodes. It leaves with the others of this turn of the event loop.
   *
   * @param id any number; the answer carries it. The caller keeps it unique among those open.
   */
  submit(id: number, request: Request, entry?: NodeId): void {
    const lane = entry === undefined ? this.nextLane() : this.lanes[entry % this.lanes.length];
    lane.waiting.push(id, entry ?? anyEntry, request);
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => this.flush());
  }

  /** Sends at once what was submitted. */
  flush(): void {
    this.flushing = false;
    for (const lane of this.lanes) {
      if (lane.waiting.length === 0) continue;
      const frame = encodeFrame(lane.waiting);
      lane.waiting = [];
      lane.port.postMessage(frame, [frame.buffer]);
    }
  }

  /** Answers still to come are not delivered. */
  close(): void {
    for (const lane of this.lanes) lane.port.close();
  }

  /** Every live node gets the same share, so a thread with two gets twice what a thread with one gets. */
  private nextLane(): Lane {
    let live = 0;
    for (const lane of this.lanes) live += lane.live;
    let place = live === 0 ? 0 : this.turn++ % live;
    for (const lane of this.lanes) {
      if (place < lane.live) return lane;
      place -= lane.live;
    }
    return this.lanes[0];
  }

  private take(lane: Lane, frame: Uint8Array | LiveNotice): void {
    if (!(frame instanceof Uint8Array)) {
      lane.live = frame.live;
      return;
    }
    const values = decodeFrame(frame);
    for (let i = 0; i < values.length; i += 2) this.onAnswer(values[i] as number, values[i + 1] as Answer);
  }
}
