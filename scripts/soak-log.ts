/**
 * Minutes of puts to etcd's store on three replicas, while one node after another is killed and started again: does anything grow that should
 * not? Prints memory, the logs' segments and the databases' files as it goes; in the end no replica may lack what was acknowledged.
 *
 *     node scripts/soak-log.ts [--minutes 5] [--rate 1000]
 *
 * The store keeps every revision until it is compacted, as etcd's does; it is compacted every ten seconds, but for the last 20,000.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Answer, Deployment } from "../backend/api.ts";
import { startThreads } from "../backend/backend.ts";
import type { ThreadsBackend } from "../backend/backend.ts";
import { DirectConnection } from "../backend/connection.ts";
import { Random } from "../backend/kernel/random.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import { mebibyte } from "../backend/kernel/units.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, rate: { type: "string", default: "1000" } },
});
const minutes = Number(values.minutes);
const rate = Number(values.rate);
const keys = 20_000;
const keptRevisions = 20_000;
const sliceMs = 10;
const reportMs = 15_000;
const patienceUs = 3_000_000;
const random = Random.stream(1, "soak");
const value = Buffer.alloc(384, 1).toString("base64");

const deployment: Deployment = {
  topology: oneRegion(3),
  service: { kind: "keys", log: { replicas: [0, 1, 2] } },
  durability: "log",
};

/** Puts at a constant rate, whatever becomes of them. */
class Puts {
  acknowledged = 0;
  unknown = 0;
  refused = 0;
  /** By key: the highest revision that an answer told. */
  readonly latest = new Map<number, number>();
  revision = 0;
  private sent = 0;
  private readonly began = performance.now();
  private readonly keyByPut = new Map<number, number>();
  private readonly connection: DirectConnection;
  private readonly timer: NodeJS.Timeout;

  constructor(connection: DirectConnection) {
    this.connection = connection;
    connection.onAnswer = (put, answer) => this.hear(put, answer);
    this.timer = setInterval(() => this.send(), sliceMs);
  }

  async end(): Promise<void> {
    clearInterval(this.timer);
    while (this.keyByPut.size > 0) await pause(20);
  }

  private send(): void {
    const due = ((performance.now() - this.began) / 1_000) * rate;
    for (; this.sent < due; this.sent++) {
      const key = random.below(keys);
      this.keyByPut.set(this.sent, key);
      this.connection.submit(this.sent, { kind: "key-put", key: `key ${key}`, value, timeoutUs: patienceUs });
    }
  }

  private hear(put: number, answer: Answer): void {
    const key = this.keyByPut.get(put)!;
    this.keyByPut.delete(put);
    if (answer.kind === "unknown") this.unknown++;
    else if (answer.kind === "refused") this.refused++;
    else if (answer.result.kind === "key-put") {
      const { revision } = answer.result;
      this.acknowledged++;
      this.revision = Math.max(this.revision, revision);
      this.latest.set(key, Math.max(this.latest.get(key) ?? 0, revision));
    }
  }
}

function mebibytesOf(directory: string, part: "log" | "store"): string {
  const sizes = [0, 1, 2].map((node) => {
    const folder = join(directory, `node-${node}`, part);
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    return (bytes / mebibyte).toFixed(0);
  });
  return sizes.join("/").padStart(12);
}

async function trouble(backend: ThreadsBackend, untilMs: number): Promise<number> {
  let kills = 0;
  while (performance.now() < untilMs) {
    await pause(4_000 + random.below(6_000));
    const node = random.below(3);
    await backend.inject({ kind: "crash", nodes: [node] });
    await pause(random.below(3_000));
    await backend.inject({ kind: "restart", nodes: [node] });
    kills++;
  }
  return kills;
}

async function compact(backend: ThreadsBackend, puts: Puts, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    await pause(10_000);
    const revision = puts.revision - keptRevisions;
    if (revision > 0) await backend.request({ kind: "key-compact", revision });
  }
}

async function watch(directory: string, puts: Puts, backend: ThreadsBackend, untilMs: number): Promise<void> {
  const began = performance.now();
  console.log("seconds  acknowledged  unknown  refused  RSS MiB   logs MiB    stores MiB      slots");
  while (performance.now() < untilMs) {
    await pause(reportMs);
    const { appliedSlotsByNode } = await backend.counters();
    const slots = Math.max(...(appliedSlotsByNode as number[]));
    console.log(
      ((performance.now() - began) / 1_000).toFixed(0).padStart(7),
      puts.acknowledged.toLocaleString("en").padStart(13),
      String(puts.unknown).padStart(8),
      String(puts.refused).padStart(8),
      (process.memoryUsage.rss() / mebibyte).toFixed(0).padStart(8),
      mebibytesOf(directory, "log"),
      mebibytesOf(directory, "store"),
      slots.toLocaleString("en").padStart(10),
    );
  }
}

/** Acknowledged puts that a replica has not got, nor anything later of their key. */
async function missing(backend: ThreadsBackend, puts: Puts): Promise<number> {
  let count = 0;
  for (const [key, revision] of puts.latest) {
    for (let node = 0; node < 3; node++) {
      const answer = await backend.request({ kind: "key-range", key: `key ${key}`, serializable: true }, node);
      const entry = answer.kind === "ok" && answer.result.kind === "key-range" ? answer.result.entries[0] : undefined;
      if (entry === undefined || entry.modRevision < revision) count++;
    }
  }
  return count;
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-soak-"));
  try {
    const backend = await startThreads(deployment, { seed: 1, directory });
    const puts = new Puts(new DirectConnection(backend.connect()));
    const untilMs = performance.now() + minutes * 60_000;
    const [kills] = await Promise.all([
      trouble(backend, untilMs),
      compact(backend, puts, untilMs),
      watch(directory, puts, backend, untilMs),
    ]);
    await puts.end();
    const settled = await backend.settle(20_000);
    const lost = await missing(backend, puts);
    console.log(
      `${kills} kills; replicas at rest: ${settled ? "yes" : "no"}; acknowledged and missing at a replica: ${lost}`,
    );
    if (lost > 0 || !settled) process.exitCode = 1;
    await backend.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
process.exit();
