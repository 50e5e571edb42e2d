/**
 * An M/M/1 queue behind HTTP: a calibrated server, whose percentiles and whose capacity theory knows. Run as a child process; its
 * arguments are the mean service time in milliseconds and a seed, and it sends its port to its parent, or prints it without one.
 *
 *     requests ──> queue ──exponential service, one at a time──> answers at computed instants
 *
 * Service is reckoned, not done: an answer leaves at its instant to within some 20 us, by turns of the event loop when it is near.
 */
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import { Random } from "../backend/kernel/random.ts";

const answer = Buffer.from("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
const [meanMs, seed] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 1)];
const random = Random.stream(seed, "service");

const waiting: { readonly socket: Socket; readonly doneMs: number }[] = [];
let head = 0;
let freeMs = 0;
let turning = false;

function onRequest(socket: Socket): void {
  const nowMs = performance.now();
  freeMs = Math.max(freeMs, nowMs) + random.exponential(meanMs);
  waiting.push({ socket, doneMs: freeMs });
  if (!turning) turn();
}

/** Answers what is due and looks again: at once when the next is near, else after a timer that ends well before it. */
function turn(): void {
  const nowMs = performance.now();
  while (head < waiting.length && waiting[head].doneMs <= nowMs) waiting[head++].socket.write(answer);
  if (head > 1_024) waiting.splice(0, head).length = head = 0;
  turning = head < waiting.length;
  if (!turning) return;
  const waitMs = waiting[head].doneMs - nowMs;
  if (waitMs > 3) setTimeout(turn, waitMs - 2);
  else setImmediate(turn);
}

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  // One request at a time on a connection, each small enough to come in one piece.
  socket.on("data", () => onRequest(socket));
});
server.listen(Number(process.argv[4] ?? 0), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  if (process.send === undefined) process.stdout.write(`http://127.0.0.1:${port}/\n`);
  else process.send({ port });
});
