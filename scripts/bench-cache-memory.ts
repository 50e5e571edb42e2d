/**
 * What a million items of 100 bytes cost beyond processor time: pauses of the garbage collector while the cache is under load, and resident memory beside
 * that of Debian's memcached for the same items. Prints whether no pause was longer than 10 ms, and whether memory is within 1.5 times memcached's.
 *
 *     node scripts/bench-cache-memory.ts [seconds of load] [thousand items] [policy]
 *
 * The load is nine gets to one set, in batches as a door hands them on; values are copied out and dropped. Ours is measured in this process, all of Node
 * included; memcached, when it is installed, is a child that is filled over its own protocol. Both know the limit that holds the items and a tenth more.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { evictionPolicies } from "../backend/api-cache.ts";
import type { CacheOperation } from "../backend/api-cache.ts";
import { Random } from "../backend/kernel/random.ts";
import { mebibyte } from "../backend/kernel/units.ts";
import { CacheStore } from "../backend/protocols/cache/cache-store.ts";
import { CacheExecutor } from "../backend/services/cache/cache-executor.ts";
import { startMemcached } from "./peers/memcached-server.ts";
import { withBench } from "./peers/processes.ts";
import type { Bench } from "./peers/processes.ts";
import { findProgram } from "./system-packages.ts";

const mostPauseMs = 10;
const mostTimesMemory = 1.5;
const batch = 64;
const valueBytes = 100;
const bytesAnItem = 216;

const [seconds, thousands] = [Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 1_000)];
const named = process.argv[4] ?? "s3-fifo";
const policy = evictionPolicies.find((each) => each === named);
if (policy === undefined) throw new Error(`policy: got "${named}", expected one of ${evictionPolicies.join(", ")}`);
const items = thousands * 1_000;
const limitBytes = Math.ceil(items * bytesAnItem * 1.1);
const keyOf = (i: number): string => `key:${String(i).padStart(11, "0")}`;
const value = new Uint8Array(valueBytes).fill(120);

function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kibibytes![1]) * 1_024;
}

/* ---- ours -------------------------------------------------------------------------------------------------------------------- */

async function load(executor: CacheExecutor, nowS: () => number): Promise<{ operations: number; pausesMs: number[] }> {
  const pausesMs: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) pausesMs.push(duration);
  });
  observer.observe({ entryTypes: ["gc"] });
  const random = new Random(2);
  let operations = 0;
  for (const until = performance.now() + seconds * 1_000; performance.now() < until; operations += batch) {
    const made = Array.from({ length: batch }, (): CacheOperation => {
      const key = keyOf(random.below(items));
      if (random.chance(0.9)) return { kind: "get", key };
      return { kind: "store", mode: "set", key, value, flags: 0, ttlS: Infinity };
    });
    executor.run(made, nowS());
    // A door lets the event loop turn between batches, and the observer hears of collections then.
    if (operations % (batch * 64) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await pause(50);
  observer.disconnect();
  return { operations, pausesMs };
}

interface Resident {
  /** Of the process: filled, after the load, and what Node had before the first item. */
  readonly filled: number;
  readonly loaded: number;
  readonly before: number;
}

async function ours(): Promise<Resident> {
  const before = residentBytes(process.pid);
  const store = new CacheStore({ limitBytes, policy, random: new Random(1) });
  for (let i = 0; i < items; i++) store.set(keyOf(i), value, 0, Infinity, 1);
  const filled = residentBytes(process.pid);
  const began = Math.floor(Date.now() / 1_000);
  const [cpu, from] = [process.cpuUsage(), performance.now()];
  const { operations, pausesMs } = await load(
    new CacheExecutor(store),
    () => Math.floor(Date.now() / 1_000) - began + 1,
  );
  const { user, system } = process.cpuUsage(cpu);
  const tookS = (performance.now() - from) / 1_000;
  console.log(
    `${store.items} items of ${valueBytes} bytes, ${policy}: ${Math.round(operations / tookS)} operations/s for ${tookS.toFixed(0)} s, ` +
      `${((user + system) / operations).toFixed(2)} us of processor time each, making them included`,
  );
  reportPauses(pausesMs, tookS);
  const loaded = residentBytes(process.pid);
  console.log(
    `resident: ${inMebibytes(before)} Node before the first item, ${inMebibytes(filled)} filled, ${inMebibytes(loaded)} after the load; the store ` +
      `uses ${inMebibytes(store.usedBytes)} of ${inMebibytes(store.limitBytes)}, ${inMebibytes(store.bytes)} in items`,
  );
  return { filled, loaded, before };
}

/** On a machine that others use as well a pause may be their turn: so beside the pauses stands how long a loop that allocates nothing is stopped. */
function reportPauses(pausesMs: readonly number[], tookS: number): void {
  const sorted = pausesMs.toSorted((a, b) => a - b);
  const over = sorted.filter((ms) => ms > mostPauseMs).length;
  const share = sorted.reduce((sum, ms) => sum + ms, 0) / (tookS * 1_000);
  const stops = stopsMs(Math.min(10, seconds));
  const stopped = stops.filter((ms) => ms > mostPauseMs).length;
  const verdict =
    over === 0 ? "held" : stopped === 0 ? "NOT held" : "undecided: this machine stops longer than that by itself";
  console.log(
    `${sorted.length} collections, ${(100 * share).toFixed(1)} % of the time: median ${(sorted[sorted.length >> 1] ?? 0).toFixed(1)} ms, longest ` +
      `${(sorted.at(-1) ?? 0).toFixed(1)} ms, ${over} over ${mostPauseMs} ms: no pause over ${mostPauseMs} ms ${verdict}`,
  );
  console.log(
    `a loop that allocates nothing, ${Math.min(10, seconds)} s: longest stop ${Math.max(0, ...stops).toFixed(1)} ms, ${stopped} over ${mostPauseMs} ms`,
  );
}

/** Gaps of more than a millisecond in a loop that only looks at the clock. */
function stopsMs(forS: number): number[] {
  const stops: number[] = [];
  let last = performance.now();
  for (const until = last + forS * 1_000; last < until;) {
    const now = performance.now();
    if (now - last > 1) stops.push(now - last);
    last = now;
  }
  return stops;
}

const inMebibytes = (bytes: number): string => `${(bytes / mebibyte).toFixed(0)} MiB`;

/* ---- memcached --------------------------------------------------------------------------------------------------------------- */

/** What it says last, once that ends as `end`. */
async function said(socket: Socket, end: string): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.endsWith(end)) return text;
  }
  throw new Error(`memcached hung up; it said ${text.slice(-100)}`);
}

async function fill(socket: Socket): Promise<void> {
  const line = `${"x".repeat(valueBytes)}\r\n`;
  for (let from = 0; from < items; from += 2_000) {
    let text = "";
    for (let i = from; i < Math.min(items, from + 2_000); i++)
      text += `set ${keyOf(i)} 0 0 ${valueBytes} noreply\r\n${line}`;
    if (!socket.write(text)) await once(socket, "drain");
  }
  socket.write("mn\r\n");
  await said(socket, "MN\r\n");
}

async function memcached(bench: Bench): Promise<number> {
  const { port, child } = await startMemcached(bench, {
    threads: 1,
    memoryMebibytes: Math.ceil(limitBytes / mebibyte),
  });
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  await fill(socket);
  socket.write("stats\r\n");
  const stats = await said(socket, "END\r\n");
  const stat = (name: string): number => Number(new RegExp(`STAT ${name} (\\d+)`).exec(stats)?.[1]);
  socket.destroy();
  const resident = residentBytes(child.pid!);
  console.log(
    `memcached: ${stat("curr_items")} items, ${inMebibytes(stat("bytes"))} in items, ${stat("evictions")} evictions, ${inMebibytes(resident)} resident`,
  );
  return resident;
}

function compare(own: Resident, peer: number): void {
  const judged = (what: string, bytes: number): string =>
    `${what} ${(bytes / peer).toFixed(2)} times memcached's: at most ${mostTimesMemory} ${bytes <= mostTimesMemory * peer ? "held" : "NOT held"}`;
  console.log(judged("what the items added to this process is", own.filled - own.before));
  console.log(judged("with what the load left behind it is", own.loaded - own.before));
  console.log(judged("the whole process, Node included, is", own.loaded));
}

const own = await ours();
if (findProgram(["memcached"]) === undefined)
  console.log("memcached is not installed: memory is not compared (node scripts/system-packages.ts memcached)");
else await withBench("cache-memory", async (bench) => compare(own, await memcached(bench)));
