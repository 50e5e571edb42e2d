/**
 * Traces on which eviction policies differ, one after the other: the same number of arrivals each, and keys of its own. An arrival gets some keys in one
 * request and sets those that were missing in another.
 *
 *     zipf       popularity falls as 1 / rank^0.99 and lasts
 *     scans      the same, and now and then keys in a row that nobody asked for before or will again
 *     wonders    the same, and every second request is for a key of its own
 *     shifting   the same, but every so often other keys are the popular ones
 *     loop       the same keys around and around, more than fit
 *
 * What is hit is counted after a quarter of a trace, when the cache has forgotten the one before. Beside it stands what a cache would have hit that knew
 * the future (Belady, IBM Systems Journal 1966): no policy can do better with so many items.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { CacheOperation, CacheOutcome } from "../backend/api-cache.ts";
import type { Random } from "../backend/kernel/random.ts";
import { checkTrace } from "./cache-trace-check.ts";
import type { Gets } from "./cache-trace-check.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, Fact, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";
import { ZipfRanks } from "./zipf.ts";

export const traceNames = ["zipf", "scans", "wonders", "shifting", "loop"] as const;
export type TraceName = (typeof traceNames)[number];

export interface CacheTraceParameters {
  /** Keys that are asked for again and again, a trace. Default 5,000. */
  readonly keys?: number;
  /** Arrivals a trace. Default 2,000. */
  readonly arrivals?: number;
  /** Keys in one get. Default 16. */
  readonly batch?: number;
  /** Items that the cache has room for; only the best that can be is computed from it. Default 500. */
  readonly room?: number;
  /** Default 100. */
  readonly valueBytes?: number;
}

export const cacheTraceDefaults = {
  keys: 5_000,
  arrivals: 2_000,
  batch: 16,
  room: 500,
  valueBytes: 100,
} satisfies Required<CacheTraceParameters>;

export function cacheTrace(parameters: CacheTraceParameters = {}): WorkloadSpec {
  return { name: "cache-trace", parameters: { ...cacheTraceDefaults, ...parameters } };
}

/** Of the keys: scanned in a row, how often, shifted by at once, looped over. Of the arrivals of a trace: between two shifts. */
const scanShare = 0.5;
const scanEveryKeys = 2;
const shiftShare = 0.05;
const loopShare = 0.25;
const shiftEvery = 0.2;
const theta = 0.99;

export class CacheTrace implements Workload {
  readonly name = "cache-trace";
  private readonly arrivals: number;
  private readonly batch: number;
  private readonly room: number;
  private readonly keys: number;
  private readonly valueBytes: number;
  private readonly ranks: ZipfRanks;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("cache-trace", cacheTraceDefaults, given);
    this.keys = parameters.whole("keys", 20, 10_000_000);
    this.arrivals = parameters.whole("arrivals", 4, 10_000_000);
    this.batch = parameters.whole("batch", 1, 1_000);
    this.room = parameters.whole("room", 1, 10_000_000);
    this.valueBytes = parameters.whole("valueBytes", 0, 100_000);
    this.ranks = new ZipfRanks(this.keys, theta);
  }

  setup(): readonly Request[] {
    return [];
  }

  begin(arrival: number, random: Random): Session {
    const trace = Math.floor(arrival / this.arrivals) % traceNames.length;
    const within = arrival % this.arrivals;
    const keys = Array.from({ length: this.batch }, (_, i) =>
      this.keyAt(traceNames[trace], within * this.batch + i, random),
    );
    return new TraceSession({ kind: "gets", trace, warm: within >= this.arrivals / 4, keys }, this.valueBytes);
  }

  /** The key that request number `at` of a trace is for. */
  private keyAt(trace: TraceName, at: number, random: Random): number {
    const { keys } = this;
    const popular = this.ranks.next(random);
    switch (trace) {
      case "zipf":
        return popular;
      case "scans":
        return at % (scanEveryKeys * keys) < (scanEveryKeys - scanShare) * keys ? popular : keys + at;
      case "wonders":
        return at % 2 === 0 ? popular : keys + at;
      case "shifting": {
        const shifts = Math.floor(at / (shiftEvery * this.arrivals * this.batch));
        return (popular + shifts * Math.ceil(shiftShare * keys)) % keys;
      }
      case "loop":
        return at % Math.ceil(loopShare * keys);
    }
  }

  finalReads(): readonly Request[] {
    return [];
  }

  check(history: readonly HistoryEntry[]): CheckResult {
    return checkTrace(history, traceNames, this.room);
  }
}

const keyOf = (trace: number, key: number): string => `${traceNames[trace][0]}${String(key).padStart(9, "0")}`;

/** Says which key it belongs to, so that a hit can be judged by itself. */
function valueOf(key: string, length: number): Uint8Array {
  const value = new Uint8Array(length);
  for (let i = 0; i < length; i++) value[i] = key.charCodeAt(i % key.length);
  return value;
}

class TraceSession implements Session {
  private readonly gets: Gets & Fact;
  private readonly valueBytes: number;
  private filled = false;

  constructor(gets: Gets & Fact, valueBytes: number) {
    this.gets = gets;
    this.valueBytes = valueBytes;
  }

  next(previous: Answer | null): Step | null {
    const { trace, keys } = this.gets;
    if (previous === null) {
      const operations = keys.map((key): CacheOperation => ({ kind: "get", key: keyOf(trace, key) }));
      return { operation: "get", request: { kind: "cache", operations }, thinkUs: 0, fact: this.gets };
    }
    if (this.filled || previous.kind !== "ok" || previous.result.kind !== "cached") return null;
    this.filled = true;
    const missing = this.hear(previous.result.outcomes);
    if (missing.length === 0) return null;
    const operations = missing.map((key): CacheOperation => {
      const name = keyOf(trace, key);
      return { kind: "store", mode: "set", key: name, value: valueOf(name, this.valueBytes), flags: 0, ttlS: Infinity };
    });
    return { operation: "set", request: { kind: "cache", operations }, thinkUs: 0 };
  }

  /** Counts hits, and gives the keys that were missing. */
  private hear(outcomes: readonly CacheOutcome[]): number[] {
    const { gets } = this;
    gets.hits = 0;
    gets.wrong = 0;
    const missing = new Set<number>();
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.kind === "hit") {
        gets.hits++;
        if (!isValueOf(outcome.value, keyOf(gets.trace, gets.keys[i]), this.valueBytes)) gets.wrong++;
      } else missing.add(gets.keys[i]);
    }
    return [...missing];
  }
}

function isValueOf(value: Uint8Array, key: string, length: number): boolean {
  if (value.length !== length) return false;
  for (let i = 0; i < length; i++) if (value[i] !== key.charCodeAt(i % key.length)) return false;
  return true;
}
