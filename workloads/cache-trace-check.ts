/** What of a trace was hit, what could have been by a cache that knew the future, and whether every hit showed the value of its key. */
import type { CheckResult, HistoryEntry } from "./workload.ts";

/** One get of several keys. `hits` and `wrong` come with the answer. */
export interface Gets {
  readonly kind: "gets";
  /** Which trace, by its place in the list. */
  readonly trace: number;
  /** Late enough in the trace to be counted. */
  readonly warm: boolean;
  readonly keys: readonly number[];
  hits?: number;
  /** Hits with the value of another key, or with none that was ever set. */
  wrong?: number;
}

export function checkTrace(history: readonly HistoryEntry[], names: readonly string[], room: number): CheckResult {
  const gets = history
    .filter(({ fact }) => fact.kind === "gets")
    .toSorted((a, b) => a.arrival - b.arrival)
    .map(({ fact }) => fact as unknown as Gets);
  const violations: string[] = [];
  const counts: Record<string, number> = {};
  for (const [trace, name] of names.entries()) {
    const own = gets.filter((get) => get.trace === trace);
    const answered = own.filter(({ warm, hits }) => warm && hits !== undefined);
    const wrong = own.reduce((sum, get) => sum + (get.wrong ?? 0), 0);
    if (wrong > 0) violations.push(`${wrong} hits of trace ${name} showed a value that is not its key's`);
    counts[`${name}Gets`] = answered.reduce((sum, { keys }) => sum + keys.length, 0);
    counts[`${name}Hits`] = answered.reduce((sum, { hits }) => sum + hits!, 0);
    counts[`${name}Best`] = bestHits(own, room);
  }
  const examined = gets.reduce((sum, { hits }) => sum + (hits ?? 0), 0);
  return {
    name: "a hit shows its key's value",
    held: violations.length === 0 && examined > 0,
    examined,
    violations,
    counts,
  };
}

/**
 * Hits, from the warm part on, of a cache of `room` items that keeps those that are asked for again soonest, and need not keep what it fetched (Belady's
 * MIN with bypass; optimal when items are alike).
 */
export function bestHits(gets: readonly Gets[], room: number): number {
  const keys = gets.flatMap((get) => get.keys);
  const warmFrom = gets.filter(({ warm }) => !warm).reduce((sum, get) => sum + get.keys.length, 0);
  const next = new Int32Array(keys.length);
  const lastSeen = new Map<number, number>();
  for (let at = keys.length - 1; at >= 0; at--) {
    next[at] = lastSeen.get(keys[at]) ?? keys.length;
    lastSeen.set(keys[at], at);
  }
  // An item that is kept is known by the request that will hit it. Whether one is kept: `kept`; the latest of them: a search down from `latest`.
  const kept = new Uint8Array(keys.length + 1);
  let [hits, count, latest] = [0, 0, 0];
  for (let at = 0; at < keys.length; at++) {
    if (kept[at] === 1) {
      kept[at] = 0;
      count--;
      if (at >= warmFrom) hits++;
    }
    if (next[at] === keys.length) continue;
    kept[next[at]] = 1;
    latest = Math.max(latest, next[at]);
    if (++count <= room) continue;
    while (kept[latest] === 0) latest--;
    kept[latest] = 0;
    count--;
  }
  return hits;
}
