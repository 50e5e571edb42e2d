/**
 * What the ordered map costs beside a plain Map, the floor of whatever finds a value by its key: nanoseconds of processor time an operation,
 * garbage collection included. Both do the same by turns, five rounds, and the medians are shown. The strings of the keys are put together
 * anew for each use, as cores do it, so what a string costs is in both.
 *
 *     node backend/kernel/ordered-map.bench.ts [thousand keys]       of the large loads, 200 by default
 *
 *     charges     Three maps, for three replicas, of the charge service's rows. A charge is 8 reads and 8 writes, 5 of them of new keys: two
 *                 families that ascend, one that descends, one by customer and one by idempotency key. Now and then the oldest of a family
 *                 are looked for, as the relay does.
 *     checkpoint  The walk over them afterwards, in pages of 64 keys.
 *     random      New keys in no order.
 *     overwrite   Three keys over and over.
 *     simulated   Small maps: gets, puts, deletes and short scans by turns.
 *     log         Entries come at the end, are read once and go at the beginning.
 *     by turns    One new key in no order, one scan of one key.
 */
import process from "node:process";
import { OrderedMap } from "./ordered-map.ts";

interface Measured {
  get(key: string): number | undefined;
  set(key: string, value: number): unknown;
  delete(key: string): boolean;
  scan(from: string, to: string, visit: (key: string, value: number) => boolean | void): void;
}

/** The floor does not pay for order, and does nothing when it is asked for. */
class PlainMap extends Map<string, number> implements Measured {
  scan(): void {}
}

const rounds = 5;
const prefix = "s1/";
const account = "acct_1bdafdd53e8fa61c!";
const customers = 10_000;
const keysACharge = 5;
const operationsACharge = 16;
const firstNumber = 1.79e15;
let read = 0;

/** Seven bytes, in the order of numbers. */
function ascending(n: number): string {
  const low = n % 0x1000000;
  const high = (n - low) / 0x1000000;
  const [a, b, c, d] = [high >> 24, high >> 16, high >> 8, high];
  return String.fromCharCode(a & 255, b & 255, c & 255, d & 255, (low >> 16) & 255, (low >> 8) & 255, low & 255);
}

const descending = (n: number): string => ascending(Number.MAX_SAFE_INTEGER - n);

/** Different for each i, and in no order. */
const scattered = (i: number): number => Math.imul(i ^ (i >>> 15), 0x2c1b3c6d) >>> 0;

function get(map: Measured, key: string): number {
  const value = map.get(prefix + key) ?? 0;
  read += value;
  return value;
}

function page(map: Measured, from: string, to: string, limit: number): string | undefined {
  let count = 0;
  let last: string | undefined;
  map.scan(from, to, (key, value) => {
    last = key;
    read += value;
    return ++count < limit;
  });
  return last;
}

function charge(map: Measured, i: number): void {
  const put = (key: string, value: number): unknown => map.set(prefix + key, value);
  const number = firstNumber + 2 * i;
  const customer = scattered(i) % customers;
  const idempotency = `k${account}0eaaa503-4c72-47ab-881f-91e759b39a21-${i}`;
  get(map, idempotency);
  get(map, `u${account}${descending(firstNumber - customer)}`);
  put("n", get(map, "n") + 2);
  put(`c${account}${descending(number)}`, i);
  put(`C${account}cus_18DrQM${customer}Xx2Gi\0${descending(number)}`, 0);
  for (const balance of ["busd!*network", `busd!${account}`]) put(balance, get(map, balance) + 1);
  put(`o${ascending(number + 1)}`, i);
  put(idempotency, i);
  put(`x${ascending(firstNumber + 90 * i)}${ascending(number)}`, i);
  get(map, `c${account}${descending(number)}`);
  get(map, `c${account}${descending(number)}`);
}

/* ---- loads: each gives nanoseconds an operation, by the name of what was measured --------------------------------------------- */

function cpuNs(count: number, run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / count;
}

function each(count: number, one: (i: number) => void): number {
  return cpuNs(count, () => {
    for (let i = 0; i < count; i++) one(i);
  });
}

type Load = (make: () => Measured, keys: number) => Record<string, number>;

const charges: Load = (make, keys) => {
  const maps = [make(), make(), make()];
  for (const map of maps) {
    for (let i = 0; i < customers; i++) map.set(`${prefix}u${account}${descending(firstNumber - i)}`, i);
  }
  const count = Math.ceil(keys / keysACharge);
  const perCharge = each(count, (i) => {
    for (const map of maps) charge(map, i);
    if (i % 300 === 0) for (const family of ["x", "p"]) page(maps[0], prefix + family, `${prefix + family}\u00ff`, 64);
  });
  const perKey = cpuNs(maps.length * count * keysACharge, () => {
    for (const map of maps) {
      for (let from: string | undefined = ""; from !== undefined; from &&= `${from}\0`) from = page(map, from, "~", 64);
    }
  });
  return { charges: perCharge / maps.length / operationsACharge, checkpoint: perKey };
};

const random: Load = (make, keys) => {
  const map = make();
  return { random: each(keys, (i) => map.set(`${prefix}k${scattered(i).toString(36)}-${scattered(~i)}`, i)) };
};

const overwrite: Load = (make, keys) => {
  const map = make();
  return { overwrite: each(keys, (i) => map.set(`${prefix}b${account}${i % 3}`, i)) };
};

const simulated: Load = (make) => {
  const maps = Array.from({ length: 50 }, make);
  const one = (i: number): void => {
    const draw = scattered(i);
    const map = maps[i % maps.length];
    const key = `d/table/${draw % 40_000}`;
    const kind = (draw >>> 20) & 7;
    if (kind < 2) get(map, key);
    else if (kind < 5) map.set(prefix + key, get(map, key) + i);
    else if (kind < 7) map.delete(prefix + key);
    else page(map, prefix + key, `${prefix}e`, 4);
  };
  return { simulated: each(300_000, one) };
};

const log: Load = (make) => {
  const map = make();
  const entry = (slot: number): string => `e${String(slot).padStart(10, "0")}`;
  const one = (i: number): void => {
    map.set(prefix + entry(i), i);
    get(map, entry(i));
    map.delete(prefix + entry(i - 500));
  };
  return { log: each(100_000, one) / 3 };
};

const byTurns: Load = (make) => {
  const map = make();
  const one = (i: number): void => {
    map.set(`${prefix}k${scattered(i)}`, i);
    page(map, `${prefix}k${scattered(~i)}`, `${prefix}l`, 1);
  };
  return { "by turns": each(100_000, one) / 2 };
};

/* ---- report ----------------------------------------------------------------------------------------------------------------- */

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

const keys = Number(process.argv[2] ?? 200) * 1_000;
const subjects = { ordered: () => new OrderedMap<number>(), plain: () => new PlainMap() };
console.log(`${"".padEnd(12)}${"ordered map".padStart(14)}${"Map".padStart(10)}   ns an operation`);
for (const load of [charges, random, overwrite, simulated, log, byTurns]) {
  const times = new Map<string, { ordered: number[]; plain: number[] }>();
  for (let round = 0; round < rounds; round++) {
    for (const subject of ["ordered", "plain"] as const) {
      for (const [name, ns] of Object.entries(load(subjects[subject], keys))) {
        const entry = times.get(name) ?? { ordered: [], plain: [] };
        entry[subject].push(ns);
        times.set(name, entry);
      }
    }
  }
  for (const [name, { ordered, plain }] of times) {
    const floor = name === "checkpoint" ? "-" : median(plain).toFixed(0);
    console.log(`${name.padEnd(12)}${median(ordered).toFixed(0).padStart(14)}${floor.padStart(10)}`);
  }
}
if (read === 0) console.log("nothing was read");
