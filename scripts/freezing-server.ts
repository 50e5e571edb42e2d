/**
 * A server whose latencies are known: each request takes its time of the one server there is, and now and then the whole process
 * stands still. Run as a child process: its arguments are the service time, the freeze's length (0: none), how often, and when
 * first, in milliseconds after the first request; it sends its port to its parent and, when asked, how many requests it has answered.
 *
 *     requests ──> queue ──one at a time──> answers            |····|▓▓▓▓|··········|▓▓▓▓|···   ▓ nothing is read or written
 *
 * Service ends at instants computed ahead (each a service time after the one before it), so that a late turn of the loop delays an answer
 * and not those behind it.
 */
import { createServer, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

const answer = Buffer.from("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");

class FreezingServer {
  answered = 0;
  private readonly serviceMs: number;
  private readonly freezeMs: number;
  private readonly everyMs: number;
  private readonly firstMs: number;
  private readonly cell = new Int32Array(new SharedArrayBuffer(4));
  private readonly queue: Socket[] = [];
  /** When the request at the head of the queue is served. */
  private doneMs = 0;
  private turning = false;
  private began = false;

  constructor(serviceMs: number, freezeMs: number, everyMs: number, firstMs: number) {
    this.serviceMs = serviceMs;
    this.freezeMs = freezeMs;
    this.everyMs = everyMs;
    this.firstMs = firstMs;
  }

  onConnection(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    let tail = "";
    socket.on("data", (data: Buffer) => {
      const text = tail + data.toString("latin1");
      const heads = text.split("\r\n\r\n");
      tail = heads.pop()!;
      for (let i = 0; i < heads.length; i++) this.onRequest(socket);
    });
  }

  private onRequest(socket: Socket): void {
    const nowMs = performance.now();
    if (!this.began) {
      this.began = true;
      if (this.freezeMs > 0) this.freezeAt(nowMs + this.firstMs);
    }
    if (this.queue.length === 0) this.doneMs = nowMs + this.serviceMs;
    this.queue.push(socket);
    if (this.turning) return;
    this.turning = true;
    setImmediate(() => this.turn());
  }

  private turn(): void {
    let served = 0;
    const nowMs = performance.now();
    while (served < this.queue.length && this.doneMs <= nowMs) {
      const socket = this.queue[served++];
      if (!socket.destroyed) socket.write(answer);
      this.doneMs += this.serviceMs;
    }
    this.queue.splice(0, served);
    this.answered += served;
    this.turning = this.queue.length > 0;
    if (this.turning) setImmediate(() => this.turn());
  }

  /** The process stands still from `atMs` on, which the loop's timer meets within a millisecond or two; it ends on time. */
  private freezeAt(atMs: number): void {
    setTimeout(() => {
      const restMs = atMs + this.freezeMs - performance.now();
      Atomics.wait(this.cell, 0, 0, restMs);
      this.doneMs += restMs;
      this.freezeAt(atMs + this.everyMs);
    }, atMs - performance.now());
  }
}

const [serviceMs, freezeMs, everyMs, firstMs] = process.argv.slice(2).map(Number);
const server = new FreezingServer(serviceMs, freezeMs, everyMs, firstMs);
const listener = createServer((socket) => server.onConnection(socket));
listener.listen({ port: 0, host: "127.0.0.1", backlog: 1_024 }, () => {
  const address = listener.address();
  process.send?.({ port: typeof address === "object" && address !== null ? address.port : 0 });
});
process.on("message", () => process.send?.({ answered: server.answered }));
process.on("disconnect", () => process.exit());
