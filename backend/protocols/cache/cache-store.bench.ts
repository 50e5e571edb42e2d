/**
 * What the cache's store costs beside a plain Map of Buffers, which has no limit, no expiry and no eviction: nanoseconds of processor time an operation,
 * garbage collection included, at a million items of 100 bytes (or so many thousand). Both do the same by turns; the medians of the rounds are shown.
 *
 *     node backend/protocols/cache/cache-store.bench.ts [thousand items] [rounds]
 *
 *     get hit, get miss    keys in no order; a hit's value is copied out
 *     overwrite            of keys that are there, with a value of the same length
 *     set new              into room that is there; `full`: each evicts one
 *     resized              overwrites with lengths of 50 to 350 bytes, in a full store
 */
import process from "node:process";
import { evictionPolicies } from "../../api-cache.ts";
import type { EvictionPolicy } from "../../api-cache.ts";
import { Random } from "../../kernel/random.ts";
import { mebibyte } from "../../kernel/units.ts";
import { CacheStore } from "./cache-store.ts";

interface Subject {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): unknown;
}

class PlainMap implements Subject {
  private readonly map = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    const value = this.map.get(key);
    return value && Buffer.from(value);
  }

  set(key: string, value: Uint8Array): unknown {
    return this.map.set(key, Buffer.from(value));
  }
}

class Store implements Subject {
  private readonly store: CacheStore;

  constructor(policy: EvictionPolicy, limitBytes: number) {
    this.store = new CacheStore({ limitBytes, policy, random: new Random(1) });
  }

  get(key: string): Uint8Array | undefined {
    const item = this.store.find(key, 1);
    if (item === 0) return undefined;
    this.store.use(item, 1);
    return this.store.valueOf(item);
  }

  set(key: string, value: Uint8Array): unknown {
    return this.store.set(key, value, 0, Infinity, 1);
  }
}

const items = Number(process.argv[2] ?? 1_000) * 1_000;
const rounds = Number(process.argv[3] ?? 3);
/** Of an item with a key of 15 bytes: three blocks, and its share of index and policy. */
const bytesAnItem = 216;
const value = new Uint8Array(100).fill(120);
const lengths = Array.from({ length: 301 }, (_, i) => new Uint8Array(50 + i).fill(120));
let read = 0;

/** A key as a parser makes it, from bytes: a new string each time. */
const keyBytes = Buffer.from("key:00000000000", "latin1");
function key(i: number): string {
  let n = i;
  for (let at = 14; at > 3; at--) {
    keyBytes[at] = 48 + (n % 10);
    n = Math.floor(n / 10);
  }
  return keyBytes.toString("latin1");
}

/** Different for each i below 2^32, and in no order. */
const scattered = (i: number): number => (Math.imul(i ^ (i >>> 15), 0x2c1b3c6d) >>> 0) % items;

function cpuNs(count: number, one: (i: number) => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) one(i);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / count;
}

function measure(subject: Subject, evicts: boolean): Record<string, number> {
  const found: Record<string, number> = {};
  const count = Math.min(items, 500_000);
  found["set new"] = cpuNs(items, (i) => subject.set(key(i), value));
  found["get hit"] = cpuNs(count, (i) => (read += subject.get(key(scattered(i)))?.length ?? 0));
  found["get miss"] = cpuNs(count, (i) => (read += subject.get(key(scattered(i) + 2 * items)) === undefined ? 1 : 0));
  found["overwrite"] = cpuNs(count, (i) => subject.set(key(scattered(i + count)), value));
  if (evicts) found["set new, full"] = cpuNs(items, (i) => subject.set(key(i + items), value));
  if (evicts)
    found["resized"] = cpuNs(count, (i) => subject.set(key(items + scattered(i)), lengths[scattered(~i) % 301]));
  return found;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

const keyOnly = cpuNs(1_000_000, (i) => (read += key(scattered(i)).length));
const times = new Map<string, Map<string, number[]>>();
for (let round = 0; round < rounds; round++) {
  for (const name of [...evictionPolicies, "Map of Buffers"] as const) {
    const subject =
      name === "Map of Buffers" ? new PlainMap() : new Store(name, Math.ceil(items * bytesAnItem) + mebibyte);
    for (const [what, ns] of Object.entries(measure(subject, name !== "Map of Buffers"))) {
      const row = times.get(what) ?? new Map<string, number[]>();
      row.set(name, [...(row.get(name) ?? []), ns - keyOnly]);
      times.set(what, row);
    }
  }
}
console.log(
  `${items} items of 100 bytes; ns of processor time an operation, less ${keyOnly.toFixed(0)} for making its key`,
);
console.log("".padEnd(16) + [...evictionPolicies, "Map of Buffers"].map((name) => name.padStart(16)).join(""));
for (const [what, row] of times) {
  const cells = [...evictionPolicies, "Map of Buffers"].map((name) => {
    const values = row.get(name);
    return (values ? median(values).toFixed(0) : "-").padStart(16);
  });
  console.log(what.padEnd(16) + cells.join(""));
}
if (read === 0) console.log("nothing was read");
