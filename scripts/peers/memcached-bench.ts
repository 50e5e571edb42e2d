/**
 * The cache behind memcached's interface beside memcached itself, one worker thread each: plain requests, many in flight, and a steady
 * rate with the latency from when each request was due. Both are driven by the same C program, which checks every byte that comes back.
 */
import { availableParallelism } from "node:os";
import type { Contest, PeerOptions, Plan } from "./duel.ts";
import { duel, duelReport, print } from "./duel.ts";
import type { CacheLoad } from "./memcached-load.ts";
import { cacheKeys, cacheValueBytes, compileCacheLoad, fillCache, measureCache } from "./memcached-load.ts";
import { startMemcached } from "./memcached-server.ts";
import type { Bench, Target } from "./processes.ts";
import { hasPrograms, run, withBench } from "./processes.ts";
import { startDoor } from "./wavetank-door.ts";

interface Case {
  readonly title: string;
  readonly shape: CacheLoad["shape"];
  readonly depth: number;
  readonly perSecond: number;
  readonly least: number | null;
}

const connections = 64;
const memoryMebibytes = 1_024;

/** What a JavaScript server can hope for: memcached sends each classic get's answer in a packet of its own, and nothing else so. */
const cases: readonly Case[] = [
  { title: "plain gets", shape: "get", depth: 1, perSecond: 0, least: 0.9 },
  { title: "plain sets", shape: "set", depth: 1, perSecond: 0, least: 0.9 },
  { title: "plain 90/10", shape: "mixed", depth: 1, perSecond: 0, least: 0.9 },
  { title: "16 gets in flight", shape: "get", depth: 16, perSecond: 0, least: 2 },
  { title: "16 sets in flight", shape: "set", depth: 16, perSecond: 0, least: 0.7 },
  { title: "16 meta gets in flight", shape: "mg", depth: 16, perSecond: 0, least: 0.7 },
  { title: "90/10 at 20,000/s", shape: "mixed", depth: 1, perSecond: 20_000, least: null },
  { title: "90/10 at 40,000/s", shape: "mixed", depth: 1, perSecond: 40_000, least: null },
];

export async function compareCaches({ quick, seed, peersOnly, named }: PeerOptions): Promise<void> {
  const plan: Plan = { rounds: quick ? 2 : 5, seconds: quick ? 2 : 3, seed };
  const chosen = cases.filter(({ title }) => title.includes(named));
  if (chosen.length === 0) {
    const titles = cases.map(({ title }) => `"${title}"`).join(", ");
    process.stderr.write(`bench:peers: --case "${named}": expected a part of one of ${titles}\n`);
    process.exitCode = 2;
    return;
  }
  if (!hasPrograms(["memcached", "gcc", "libc6-dev"], ["memcached", "cc"])) return;
  await withBench("cache", async (bench) => {
    const program = await compileCacheLoad(bench);
    const theirs = await startTheirs(bench);
    const ours = peersOnly ? null : await startDoor(bench, "memcached", 1);
    introduce((await run(bench, ["memcached", "-V"])).trim(), plan, ours !== null);
    await fillCache(bench, program, theirs);
    if (ours !== null) await fillCache(bench, program, ours);
    const contests = chosen.map((each) => contestOf(bench, program, each, ours, theirs));
    const outcomes = await duel(contests, plan);
    print(...duelReport(outcomes, "memcached", plan));
    print("Every answer was compared byte for byte with what its key's value must be.");
  });
}

/** A memcached of one worker thread as a side of a comparison. */
async function startTheirs(bench: Bench): Promise<Target> {
  const { port, child } = await startMemcached(bench, { threads: 1, memoryMebibytes });
  return { url: `memcached://127.0.0.1:${port}`, pids: [child.pid!] };
}

function contestOf(bench: Bench, program: string, each: Case, ours: Target | null, theirs: Target): Contest {
  const { title, shape, depth, perSecond, least } = each;
  const load = { shape, depth, perSecond, connections };
  return {
    title,
    least,
    tail: perSecond > 0,
    ours: ours === null ? null : (round) => measureCache(bench, program, ours, { ...load, ...round }),
    theirs: (round) => measureCache(bench, program, theirs, { ...load, ...round }),
  };
}

function introduce(version: string, { rounds, seconds }: Plan, withOurs: boolean): void {
  const processors = availableParallelism();
  print(
    `Gets and sets of ${cacheValueBytes} bytes, ${cacheKeys.toLocaleString("en")} keys chosen evenly, ${connections} connections, ${processors} processors shared by all`,
    `  ${version}  one worker thread`,
    withOurs
      ? "  wavetank          one node on one thread, a process of its own"
      : "  without wavetank: the peer alone",
    "  in flight: so many requests in one write of a connection, the next when all are answered",
    "  at a rate: Poisson arrivals, sent when due whether earlier ones are answered or not; latency from when they were due",
    `  ${rounds} rounds, each ${seconds} s a side and case, the sides in random order, after a round that is not counted`,
    "",
  );
}
