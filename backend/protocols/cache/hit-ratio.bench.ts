/**
 * How often each eviction policy has what is asked for, and what a request costs it: processor time of a look-up, and a set after a miss. Items of 100
 * bytes, all alike; a cache with room for so many per cent of the keys. `best` knows the future.
 *
 *     node backend/protocols/cache/hit-ratio.bench.ts [thousand requests] [thousand keys] [per cent, ...]
 */
import process from "node:process";
import { evictionPolicies } from "../../api-cache.ts";
import type { EvictionPolicy } from "../../api-cache.ts";
import { Random } from "../../kernel/random.ts";
import { mebibyte } from "../../kernel/units.ts";
import { BlockArena } from "./block-arena.ts";
import { CacheStore } from "./cache-store.ts";
import { bestHits, traces } from "./traces.fixture.ts";

const [requests = 1_000, keys = 100, ...shares] = process.argv.slice(2).map(Number);
const value = new Uint8Array(100);
/** With a key of 8 bytes, three blocks. */
const bytesAnItem = 3 * (BlockArena.bytesABlock + 4);

function hitsOf(policy: EvictionPolicy, trace: Int32Array, items: number): { hits: number; ns: number } {
  const store = new CacheStore({ limitBytes: items * bytesAnItem + 1_024, policy, random: new Random(1) });
  const names = new Map<number, string>();
  for (const key of trace) if (!names.has(key)) names.set(key, key.toString(36).padStart(8, "0"));
  let hits = 0;
  const before = process.cpuUsage();
  for (let i = 0; i < trace.length; i++) {
    const key = names.get(trace[i])!;
    const item = store.find(key, 1);
    if (item === 0) {
      store.set(key, value, 0, Infinity, 1);
    } else {
      hits++;
      store.use(item, 1);
    }
  }
  const { user, system } = process.cpuUsage(before);
  return { hits, ns: ((user + system) * 1_000) / trace.length };
}

for (const share of shares.length > 0 ? shares : [1, 10]) {
  const items = (keys * 1_000 * share) / 100;
  console.log(
    `\n${requests},000 requests, ${keys},000 keys, room for ${share} % of them (${((items * bytesAnItem) / mebibyte).toFixed(1)} MiB); hits in per cent (ns)`,
  );
  console.log("".padEnd(18) + [...evictionPolicies, "best"].map((name) => name.padStart(16)).join(""));
  for (const { name, keys: trace } of traces(requests * 1_000, keys * 1_000, 1)) {
    const cells = evictionPolicies.map((policy) => {
      const { hits, ns } = hitsOf(policy, trace, items);
      return `${((100 * hits) / trace.length).toFixed(2)} (${ns.toFixed(0)})`.padStart(16);
    });
    console.log(
      name.padEnd(18) + cells.join("") + ((100 * bestHits(trace, items)) / trace.length).toFixed(2).padStart(16),
    );
  }
}
