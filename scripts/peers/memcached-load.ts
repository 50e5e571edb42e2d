/**
 * Drives a memcached server with the program memcached-load.c, compiled when it is first wanted, and reads the line that it prints.
 * An answer whose bytes are not those expected ends the measurement with an error.
 */
import { join } from "node:path";
import type { Bench, Target } from "./processes.ts";
import { run, runAgainst } from "./processes.ts";
import type { Measured } from "./wrk.ts";

/** What the program makes of the keys, all of them there, one value each. */
export const cacheKeys = 100_000;
export const cacheValueBytes = 100;

export interface CacheLoad {
  /** "mg": meta gets; "mixed": one set to nine gets. */
  readonly shape: "get" | "set" | "mixed" | "mg";
  readonly connections: number;
  /** Requests that a connection sends in one write; the next when all are answered. */
  readonly depth: number;
  /** Requests a second at times of their own, with latency from then on; 0: closed loop. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

const fillConnections = 8;
const fillDepth = 16;

/** Compiles the program into the bench's folder. @returns its path */
export async function compileCacheLoad(bench: Bench): Promise<string> {
  const program = join(bench.folder, "memcached-load");
  const source = join(import.meta.dirname, "memcached-load.c");
  await run(bench, ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source, "-lm"]);
  return program;
}

/** Stores every key once. */
export async function fillCache(bench: Bench, program: string, target: Target): Promise<void> {
  const stored = parseCacheLoad(
    await run(bench, [program, portOf(target), "fill", String(fillConnections), String(fillDepth), "1", "1", "0"]),
  );
  if (stored.ok !== cacheKeys) throw new Error(`${stored.ok} keys were stored; expected ${cacheKeys}`);
}

export async function measureCache(
  bench: Bench,
  program: string,
  target: Target,
  { shape, connections, depth, perSecond, seconds, seed }: CacheLoad,
): Promise<Measured> {
  const words = [shape, connections, depth, seconds, seed, perSecond].map(String);
  const { stdout, cpuSeconds } = await runAgainst(bench, target, [program, portOf(target), ...words]);
  return parseCacheLoad(stdout, cpuSeconds);
}

/** @throws Error when the line of figures is missing */
export function parseCacheLoad(stdout: string, cpuSeconds = NaN): Measured {
  const figures = /^measured (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout);
  if (figures === null) throw new Error(`memcached-load printed no figures; it printed:\n${stdout}`);
  const [ok, durationUs, p50Ns, p99Ns] = figures.slice(1).map(Number);
  return {
    perSecond: (ok / durationUs) * 1e6,
    p50Ms: p50Ns / 1e6,
    p99Ms: p99Ns / 1e6,
    ok,
    // One that failed would have ended the program.
    failed: 0,
    answerBytes: NaN,
    cpuUs: (cpuSeconds / ok) * 1e6,
  };
}

function portOf({ url }: Target): string {
  return new URL(url).port;
}
