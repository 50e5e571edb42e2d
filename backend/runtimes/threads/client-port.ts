/** One direct connection as its thread sees it: frames of requests come in, one frame of answers leaves a pump. */
import type { MessagePort } from "node:worker_threads";
import type { NodeId } from "../../kernel/units.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import type { Done } from "./node-loop.ts";

export interface ClientPortHooks {
  submit(request: unknown, done: Done, entry: NodeId | undefined): void;
  schedule(): void;
}

/** Sent between frames: how many nodes of this thread are up. */
export interface LiveNotice {
  readonly live: number;
}

/** Entry of a request that any node may take. */
export const anyEntry = -1;

export class ClientPort {
  private answers: unknown[] = [];
  private readonly port: MessagePort;
  private readonly hooks: ClientPortHooks;

  constructor(port: MessagePort, hooks: ClientPortHooks) {
    this.port = port;
    this.hooks = hooks;
    port.on("message", (frame: Uint8Array) => this.take(frame));
  }

  announce(live: number): void {
    const notice: LiveNotice = { live };
    this.port.postMessage(notice);
  }

  flush(): void {
    if (this.answers.length === 0) return;
    const frame = encodeFrame(this.answers);
    this.answers = [];
    this.port.postMessage(frame, [frame.buffer]);
  }

  close(): void {
    this.port.close();
  }

  /** Triples: the connection's id of the request, the entry node, the request. */
  private take(frame: Uint8Array): void {
    const values = decodeFrame(frame);
    for (let i = 0; i < values.length; i += 3) {
      const id = values[i];
      const entry = values[i + 1] as NodeId;
      const done = (reply: unknown): void => {
        this.answers.push(id, reply);
        this.hooks.schedule();
      };
      this.hooks.submit(values[i + 2], done, entry === anyEntry ? undefined : entry);
    }
  }
}
