/**
 * What one entry of the replicated log costs, without HTTP: three replicas of the key-value store on this thread, each with its own log
 * on this disk, and puts of 128 bytes to 10,000 keys, a given number under way. An entry counts when its answer is there: synced by two
 * replicas of three, and applied.
 *
 *     node backend/log.bench.ts [seconds a measurement] [puts under way, ...]
 *
 * Processor time is that of the whole process, with the pool that writes and V8's helpers: on a shared machine it holds still while the
 * rate falls.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Worker, isMainThread } from "node:worker_threads";
import type { Answer, Deployment, Request } from "./api.ts";
import { oneRegion } from "./kernel/topology.ts";
import { mebibyte } from "./kernel/units.ts";
import { rolesOf } from "./mutants.ts";
import { ThreadHost } from "./runtimes/threads/thread-host.ts";
import { nodeFactory } from "./services/node.ts";

/** As a thread of a backend is set up, so that garbage costs here what it costs there. */
const maxYoungGenerationSizeMb = 192;

const keys = 10_000;
const value = Buffer.alloc(96, "wave tank").toString("base64");
const puts: Request[] = Array.from({ length: keys }, (_, i) => ({ kind: "key-put", key: `key-${i}`, value }));

const deployment: Deployment = {
  topology: oneRegion(3),
  service: { kind: "keys", log: { replicas: [0, 1, 2] } },
  durability: "log",
};

function openHost(directory: string): ThreadHost {
  const down: Answer = { kind: "refused", code: "unavailable", message: "the node is down" };
  return new ThreadHost({
    thread: 0,
    threads: 1,
    topology: deployment.topology,
    seed: 1,
    epoch: process.hrtime.bigint(),
    directory,
    factory: nodeFactory(deployment, rolesOf(undefined)),
    node: {
      durability: "log",
      acknowledgeEarly: false,
      segmentBytes: 16 * mebibyte,
      clockErrorUs: 0,
      beganAtUs: Date.now() * 1_000,
      lostReply: down,
      downReply: () => down,
      fail: (_node, error) => {
        throw error instanceof Error ? error : new Error(String(error));
      },
    },
    peers: new Map(),
  });
}

/** Keeps `underWay` puts open for a while, then waits for the last; calls `counted` at each answer in time. */
function load(host: ThreadHost, seconds: number, underWay: number): Promise<number[]> {
  const tookMs: number[] = [];
  const until = performance.now() + seconds * 1_000;
  let next = 0;
  let open = 0;
  return new Promise((resolve, reject) => {
    const go = (): void => {
      const began = performance.now();
      open++;
      host.submit(puts[(next++ * 7_919) % keys], (answer) => {
        open--;
        if ((answer as Answer).kind !== "ok") return reject(new Error(JSON.stringify(answer)));
        const now = performance.now();
        tookMs.push(now - began);
        if (now < until) go();
        else if (open === 0) resolve(tookMs);
      });
    };
    for (let i = 0; i < underWay; i++) go();
  });
}

async function measure(host: ThreadHost, seconds: number, underWay: number): Promise<string> {
  const counted = (name: "logGroups" | "logBytes"): number =>
    host.counters().reduce((sum, [, counters]) => sum + (counters[name] as number), 0);
  const groups = (): number => counted("logGroups");
  const bytes = (): number => counted("logBytes");
  const [cpu, groupsBefore, bytesBefore, began] = [process.cpuUsage(), groups(), bytes(), performance.now()];
  const tookMs = (await load(host, seconds, underWay)).sort((a, b) => a - b);
  const { user, system } = process.cpuUsage(cpu);
  const count = tookMs.length;
  const rate = (count / (performance.now() - began)) * 1_000;
  const at = (share: number): string => tookMs[Math.floor(share * (count - 1))].toFixed(2);
  return (
    `${String(underWay).padStart(5)} under way  ${String(Math.round(rate)).padStart(6)} entries/s  ` +
    `cpu ${((user + system) / count).toFixed(1)} us (system ${(system / count).toFixed(1)})  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  ` +
    `${(count / ((groups() - groupsBefore) / 3)).toFixed(1)} a write of a log, ${Math.round((bytes() - bytesBefore) / 3 / count)} bytes\n`
  );
}

async function bench(seconds: number, counts: readonly number[]): Promise<void> {
  setFlagsFromString("--no-parallel-scavenge");
  const directory = mkdtempSync(join(tmpdir(), "log-bench-"));
  const host = openHost(directory);
  await host.start();
  await load(host, 1.5, 64);
  for (const underWay of counts) process.stdout.write(await measure(host, seconds, underWay));
  await host.close();
  rmSync(directory, { recursive: true });
}

if (isMainThread) {
  const worker = new Worker(import.meta.filename, {
    argv: process.argv.slice(2),
    resourceLimits: { maxYoungGenerationSizeMb },
  });
  worker.on("error", (error) => {
    throw error;
  });
} else {
  const [seconds = 4, ...counts] = process.argv.slice(2).map(Number);
  await bench(seconds, counts.length > 0 ? counts : [1, 16, 64, 256, 1_024]);
}
