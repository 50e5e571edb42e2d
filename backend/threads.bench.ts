/**
 * What the threads runtime costs by itself, under the toy core: node backend/threads.bench.ts [seconds a measurement]
 *
 * Three parts, in turns, three times: replicated durable writes (3 nodes, majority of 2, 64 in flight over direct connections), reads of
 * the same, records a second of one node's log, and round trips between two threads. Only their ratios mean something on a shared machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { startThreads } from "./backend.ts";
import { DirectConnection } from "./connection.ts";
import type { Request } from "./api.ts";
import { Log } from "./runtimes/threads/log.ts";
import { decodeFrame, encodeFrame } from "./runtimes/threads/frame.ts";
import { toyCore, toyDeployment, toyGet, toyPut } from "./toy-requests.ts";

const seconds = Number(process.argv[2] ?? 3);
const inFlight = 64;
const keys = 100_000;

interface Rate {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Keeps `inFlight` operations open until the time is up; `begin(i)` starts the i-th, `end(i)` is called when it is done. */
function closedLoop(begin: (i: number) => void): { end: (i: number) => void; result: Promise<Rate> } {
  const started: number[] = [];
  const tookMs: number[] = [];
  const from = performance.now();
  let next = 0;
  let open = 0;
  let finish!: (rate: Rate) => void;
  const result = new Promise<Rate>((resolve) => (finish = resolve));
  const go = (): void => {
    started[next] = performance.now();
    open++;
    begin(next++);
  };
  const end = (i: number): void => {
    const now = performance.now();
    open--;
    tookMs.push(now - started[i]);
    if (now - from < seconds * 1_000) return go();
    if (open > 0) return undefined;
    tookMs.sort((a, b) => a - b);
    const at = (share: number): number => tookMs[Math.floor(share * (tookMs.length - 1))];
    return finish({ perSecond: (tookMs.length / (now - from)) * 1_000, p50Ms: at(0.5), p99Ms: at(0.99) });
  };
  queueMicrotask(() => {
    for (let i = 0; i < inFlight; i++) go();
  });
  return { end, result };
}

async function overConnection(connection: DirectConnection, make: (i: number) => Request): Promise<Rate> {
  const { end, result } = closedLoop((i) => connection.submit(i, make(i)));
  connection.onAnswer = (i, answer) => {
    if (answer.kind !== "ok") throw new Error(JSON.stringify(answer));
    end(i);
  };
  return result;
}

async function logRecords(): Promise<Rate> {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-bench-"));
  const { log } = await Log.open({ directory, sync: true, segmentBytes: 1 << 24, floor: 0 });
  let waiting: number[] = [];
  let writing = false;
  const record = Buffer.alloc(144, 7);
  const write = (): void => {
    if (writing || waiting.length === 0) return;
    writing = true;
    const group = waiting;
    waiting = [];
    log.write(Buffer.concat(group.map(() => record)), () => {
      writing = false;
      if (log.full) {
        log.rotate();
        log.release(log.last);
      }
      for (const i of group) end(i);
      write();
    });
  };
  const { end, result } = closedLoop((i) => {
    waiting.push(i);
    queueMicrotask(write);
  });
  const rate = await result;
  await log.close();
  rmSync(directory, { recursive: true });
  return rate;
}

/** Frames of one message there and back between this thread and a worker, 64 in flight. */
async function roundTrips(): Promise<Rate> {
  const { port1, port2 } = new MessageChannel();
  const echo =
    `const { workerData: port } = require("node:worker_threads");` +
    `port.on("message", (frame) => port.postMessage(frame, [frame.buffer]));`;
  const worker = new Worker(echo, { eval: true, workerData: port2, transferList: [port2] });
  const { end, result } = closedLoop((i) => {
    const frame = encodeFrame([0, 1, { kind: "stored", id: i }]);
    port1.postMessage(frame, [frame.buffer]);
  });
  port1.on("message", (frame: Uint8Array) => end((decodeFrame(frame)[2] as { id: number }).id));
  const rate = await result;
  await worker.terminate();
  port1.close();
  return rate;
}

const backend = await startThreads(toyDeployment(3), { seed: 1, createNode: toyCore });
const connection = new DirectConnection(backend.connect());
const value = "x".repeat(100);
for (let round = 1; round <= 3; round++) {
  const rates: Record<string, Rate> = {
    "replicated durable writes": await overConnection(connection, (i) => toyPut(`key ${i % keys}`, value)),
    "quorum reads": await overConnection(connection, (i) => toyGet(`key ${i % keys}`)),
    "log records": await logRecords(),
    "round trips between threads": await roundTrips(),
  };
  for (const [name, { perSecond, p50Ms, p99Ms }] of Object.entries(rates)) {
    const figures = `${perSecond.toFixed(0).padStart(8)}/s  p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms`;
    console.log(`round ${round}  ${name.padEnd(28)}${figures}`);
  }
}
const { logGroups, logBytes, turns } = await backend.counters();
console.log(`turns ${String(turns)}, log groups ${String(logGroups)}, log bytes ${String(logBytes)}`);
connection.close();
await backend.close();
