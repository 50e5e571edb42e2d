/**
 * What must hold of a cache's answers, which may forget anything and invent nothing:
 *
 * - **Every hit shows a value that was written for its key**, and never one whose write was refused.
 * - **No hit after the time to live**, but for the skew of clocks and the time that a write may take to a zone.
 * - **Nothing replaced comes back.** Where an acknowledged write is in all zones: no get shows a value that was in all zones before a set or delete of its
 *   key began which was acknowledged before the get did. Elsewhere such gets are counted.
 * - **One compare-and-swap wins a version.** Of those that compare with the same CAS value of a key at most one is told that it did.
 * - **Counters count what was asked at most once.** Where they are kept they lack nothing that was acknowledged.
 */
import { second } from "../backend/kernel/units.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

export interface CachePromise {
  readonly latch: "all" | "some";
  readonly countsKept: boolean;
  readonly lateUs: Micros;
  readonly skewUs: Micros;
}

export const cacheLatches: readonly CachePromise["latch"][] = ["all", "some"];

interface Write {
  readonly key: string;
  readonly ttlS: number;
  readonly outcome: HistoryEntry["outcome"];
  /** Told that its condition did not hold. */
  readonly lost: boolean;
  readonly startUs: Micros;
  /** When it was acknowledged; Infinity: it never was. */
  readonly knownUs: Micros;
  /** No zone carries it out later. */
  readonly untilUs: Micros;
}

/** `counters`: the final values by key; undefined where one could not be read. */
export function checkCache(
  history: readonly HistoryEntry[],
  counters: ReadonlyMap<string, number | undefined>,
  promise: CachePromise,
): CheckResult {
  const findings = new Findings("gets", "hits", "staleHits", "lostSwapsSeen", "swapsWon", "countsLost");
  const writes = writesOf(history, promise);
  const replaced = replacementsOf(history);
  for (const entry of history) {
    findings.examine();
    if (entry.fact.kind === "get" && entry.outcome === "ok") checkGet(entry, writes, replaced, promise, findings);
  }
  checkSwaps(history, findings);
  checkCounters(history, counters, promise, findings);
  countPhases(history, findings);
  return findings.result("hits show what was written, for as long as it lives and until it is replaced");
}

/** By id. */
function writesOf(history: readonly HistoryEntry[], { latch, lateUs }: CachePromise): Map<string, Write> {
  const writes = new Map<string, Write>();
  for (const { fact, outcome, startUs, endUs, attempts = 1 } of history) {
    if (fact.kind !== "set" && fact.kind !== "swap") continue;
    const ok = outcome === "ok";
    const lost = ok && fact.said !== "stored";
    const untilUs = !ok || attempts > 1 ? Infinity : latch === "all" ? endUs : endUs + lateUs;
    const known = { startUs, knownUs: ok ? endUs : Infinity, untilUs };
    writes.set(String(fact.id), { key: String(fact.key), ttlS: Number(fact.ttlS), outcome, lost, ...known });
  }
  return writes;
}

/** Acknowledged sets and deletes of one key, by when they ended; `latestUs[i]`: the latest start of the first i + 1. */
interface Replacements {
  readonly endUs: Micros[];
  readonly latestUs: Micros[];
}

function replacementsOf(history: readonly HistoryEntry[]): Map<string, Replacements> {
  const byKey = new Map<string, HistoryEntry[]>();
  for (const entry of history) {
    const { fact, outcome } = entry;
    if (outcome !== "ok" || (fact.kind !== "set" && fact.kind !== "delete")) continue;
    const key = String(fact.key);
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [entry]);
    else list.push(entry);
  }
  const replaced = new Map<string, Replacements>();
  for (const [key, entries] of byKey) {
    entries.sort((a, b) => a.endUs - b.endUs);
    let latest = -Infinity;
    const latestUs = entries.map(({ startUs }) => (latest = Math.max(latest, startUs)));
    replaced.set(key, { endUs: entries.map(({ endUs }) => endUs), latestUs });
  }
  return replaced;
}

function checkGet(
  { arrival, fact, startUs }: HistoryEntry,
  writes: ReadonlyMap<string, Write>,
  replaced: ReadonlyMap<string, Replacements>,
  { latch, lateUs, skewUs }: CachePromise,
  findings: Findings,
): void {
  findings.count("gets");
  if (fact.said !== "hit") return;
  findings.count("hits");
  const key = String(fact.key);
  const id = String(fact.shown);
  const what = `${key.replace(/-+$/, "")}: get by arrival ${arrival} shows ${id}`;
  const write = writes.get(id);
  if (id === "preload" && write === undefined) {
    if (latestBefore(replaced.get(key), startUs) > 0) stale(`${what}, set before the load`);
    return;
  }
  if (write === undefined) return findings.violate(`${what}, which nobody wrote`);
  if (write.key !== key) return findings.violate(`${what}, written for another key`);
  if (write.outcome === "refused") return findings.violate(`${what}, whose write was refused`);
  // A zone that accepted what a majority refused has it until it is told to drop it.
  if (write.lost) findings.count("lostSwapsSeen");
  const diesUs = write.knownUs + lateUs + write.ttlS * second + skewUs;
  if (startUs > diesUs) {
    findings.violate(`${what} ${Math.round((startUs - diesUs) / 1_000)} ms after it must have expired`);
  }
  if (latestBefore(replaced.get(key), startUs) > write.untilUs) stale(what);

  function stale(text: string): void {
    if (latch === "all") findings.violate(`${text}, which an acknowledged write had replaced in all zones`);
    else findings.count("staleHits");
  }
}

/** The latest start of those that had ended before `atUs`. */
function latestBefore(replacements: Replacements | undefined, atUs: Micros): Micros {
  if (replacements === undefined) return -Infinity;
  const { endUs, latestUs } = replacements;
  let low = 0;
  let high = endUs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endUs[middle] < atUs) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? -Infinity : latestUs[low - 1];
}

function checkSwaps(history: readonly HistoryEntry[], findings: Findings): void {
  const winners = new Map<string, string>();
  for (const { fact, outcome } of history) {
    if (fact.kind !== "swap" || outcome !== "ok" || fact.said !== "stored") continue;
    findings.count("swapsWon");
    const version = `${String(fact.key)} ${String(fact.compareCas)}`;
    const other = winners.get(version);
    if (other !== undefined)
      findings.violate(`${version}: swaps ${other} and ${String(fact.id)} both won this version`);
    winners.set(version, String(fact.id));
  }
}

function checkCounters(
  history: readonly HistoryEntry[],
  counters: ReadonlyMap<string, number | undefined>,
  { countsKept }: CachePromise,
  findings: Findings,
): void {
  for (const [key, value] of counters) {
    const counts = history.filter(({ fact }) => fact.kind === "count" && fact.key === key);
    const asked = counts.reduce((sum, { attempts = 1 }) => sum + attempts, 0);
    const acknowledged = counts.filter(({ outcome }) => outcome === "ok").length;
    for (const { fact } of counts) {
      if (Number(fact.count ?? 0) > asked)
        findings.violate(`${key} counted to ${String(fact.count)}; asked for ${asked}`);
    }
    if (value === undefined) continue;
    if (value > asked) findings.violate(`${key} is ${value} in the end; only ${asked} were asked for`);
    if (value < acknowledged) findings.count("countsLost", acknowledged - value);
    if (value < acknowledged && countsKept) findings.violate(`${key} is ${value}; ${acknowledged} were acknowledged`);
  }
}

/** Gets that failed, and writes by what their clients were told; as figures the same and gets and hits by phase, and how long gets took by phase and home. */
function countPhases(history: readonly HistoryEntry[], findings: Findings): void {
  const byPhase: Record<string, number> = {};
  const count = (name: string, phase: number, by = 1): void => {
    byPhase[`${name}.${phase}`] = (byPhase[`${name}.${phase}`] ?? 0) + by;
  };
  const took = new Map<string, number[]>();
  for (const { fact, outcome, startUs, endUs } of history) {
    const phase = Number(fact.phase ?? 0);
    if (fact.kind === "get") {
      count("gets", phase);
      count("hits", phase, fact.said === "hit" ? 1 : 0);
      count("getsFailed", phase, outcome === "ok" ? 0 : 1);
      findings.count("getsFailed", outcome === "ok" ? 0 : 1);
      const name = `${phase}.${Number(fact.home ?? 0)}`;
      const list = took.get(name) ?? [];
      took.set(name, list);
      if (outcome === "ok") list.push(endUs - startUs);
    } else if (fact.kind === "set" || fact.kind === "delete") {
      const told = outcome === "ok" ? "acknowledged" : "failed";
      count(told, phase);
      findings.count(told);
    }
  }
  for (const [name, value] of Object.entries(byPhase)) findings.figure(name, value);
  for (const [name, list] of took) {
    list.sort((a, b) => a - b);
    if (list.length > 0) findings.figure(`getP50Us.${name}`, list[Math.floor(list.length * 0.5)]);
  }
}
