/**
 * What must hold of transactions with timestamps, from what clients saw of them.
 *
 *     T1 |-----| s1                  answer of T1 before the start of T2  =>  s1 < s2      external consistency (Spanner, OSDI 2012,
 *                  |-----| T2 s2                                                          section 1): one sweep over real time
 *     a read as of now covers what was answered, or seen, before it began
 *     a read at t, a snapshot's too, shows the newest version at or below t
 *     the newest version of a key is that of its greatest timestamp, and no acknowledged write is missing
 */
import type { Answer } from "../backend/api.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

export type OrderPromise = "kept" | "counted";

export interface TransactionsPromise {
  readonly order: OrderPromise;
  readonly slackUs: Micros;
  readonly shiftEveryUs: Micros | null;
}

/** As the workload records it. `timestamp` is null until an answer said it. */
interface TransactionFact {
  readonly kind: "write" | "read" | "snapshot";
  readonly timestamp: Micros | null;
  /** Reads: the greatest timestamp of a version that was read. */
  readonly seen: Micros;
  readonly id: string;
  /** Of a read: one. */
  readonly keys: readonly string[];
}

interface Done {
  readonly name: string;
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly timestamp: Micros;
  /** What later ones must be above. */
  readonly seen: Micros;
  readonly reads: boolean;
}

/**
 * Counts: `inversions` of writes and `staleReads`, how many of the transactions that were ordered in real time have timestamps in another
 * order; `largestInversionUs`; and `shiftMs.N`, how far the timestamp of interval N's first write is from real time, that of interval 0 taken as right.
 */
export function checkTransactions(
  history: readonly HistoryEntry[],
  finals: readonly Answer[],
  promise: TransactionsPromise,
): CheckResult {
  const findings = new Findings("inversions", "staleReads", "largestInversionUs", "snapshots");
  const done: Done[] = [];
  for (const { arrival, startUs, endUs, outcome, fact } of history) {
    const { kind, timestamp, seen } = fact as unknown as TransactionFact;
    if (outcome !== "ok" || timestamp === null) continue;
    findings.examine();
    if (kind === "snapshot") {
      findings.count("snapshots");
      continue;
    }
    const reads = kind === "read";
    done.push({ name: `${kind} ${arrival}`, startUs, endUs, timestamp, seen: reads ? seen : timestamp, reads });
  }
  checkOrder(done, promise, findings);
  if (promise.shiftEveryUs !== null) countShifts(done, promise.shiftEveryUs, findings);
  checkReads(history, findings);
  checkFinals(history, finals, findings);
  return findings.result("timestamps agree with real time, and no write is lost");
}

function checkOrder(done: readonly Done[], { order, slackUs }: TransactionsPromise, findings: Findings): void {
  const byStart = done.toSorted((a, b) => a.startUs - b.startUs);
  const byEnd = done.toSorted((a, b) => a.endUs - b.endUs);
  let floor: Done | null = null;
  let ended = 0;
  let largestUs = 0;
  for (const each of byStart) {
    for (; ended < byEnd.length && byEnd[ended].endUs + slackUs < each.startUs; ended++) {
      if (floor === null || byEnd[ended].seen > floor.seen) floor = byEnd[ended];
    }
    if (floor === null) continue;
    const shortUs: Micros = floor.seen - each.timestamp;
    if (shortUs < 0 || (each.reads && shortUs === 0)) continue;
    findings.count(each.reads ? "staleReads" : "inversions");
    largestUs = Math.max(largestUs, shortUs);
    if (order === "counted") continue;
    findings.violate(
      `${each.name} has timestamp ${each.timestamp}, but ${floor.name}, answered ${each.startUs - floor.endUs} us before it began, has ${floor.seen}`,
    );
  }
  findings.count("largestInversionUs", largestUs);
}

function countShifts(done: readonly Done[], everyUs: Micros, findings: Findings): void {
  const firsts: Done[] = [];
  for (const each of done) {
    const interval = Math.floor(each.startUs / everyUs);
    if (!each.reads && !(firsts[interval]?.startUs <= each.startUs)) firsts[interval] = each;
  }
  const aheadUs = ({ timestamp, startUs }: Done): Micros => timestamp - startUs;
  if (firsts[0] === undefined) return;
  const rightUs = aheadUs(firsts[0]);
  firsts.forEach((first, i) => findings.count(`shiftMs.${i}`, (aheadUs(first) - rightUs) / 1_000));
}

/** A write without an answer may explain a version that nobody is known to have written, never one that is missing. */
function checkReads(history: readonly HistoryEntry[], findings: Findings): void {
  const written = new Map<string, Micros[]>();
  for (const { outcome, fact } of history) {
    const { kind, keys, timestamp } = fact as unknown as TransactionFact;
    if (kind !== "write" || outcome !== "ok" || timestamp === null) continue;
    for (const key of keys) {
      const times = written.get(key);
      if (times === undefined) written.set(key, [timestamp]);
      else times.push(timestamp);
    }
  }
  for (const { arrival, outcome, fact } of history) {
    const { kind, keys, timestamp, seen } = fact as unknown as TransactionFact;
    if (kind === "write" || outcome !== "ok" || timestamp === null) continue;
    const last = Math.max(0, ...(written.get(keys[0]) ?? []).filter((time) => time <= timestamp));
    if (seen > timestamp) findings.violate(`${kind} ${arrival} as of ${timestamp} holds a version of ${seen}`);
    else if (seen < last)
      findings.violate(
        `${kind} ${arrival} as of ${timestamp} shows ${keys[0]} of ${seen}, but it was written at ${last}`,
      );
  }
}

/** Of every write that may have happened, in order. */
export function writtenKeys(history: readonly HistoryEntry[]): string[] {
  const keys = new Set<string>();
  for (const { fact } of history) {
    if (fact.kind === "write") for (const key of fact.keys as readonly string[]) keys.add(key);
  }
  return [...keys].toSorted();
}

function checkFinals(history: readonly HistoryEntry[], finals: readonly Answer[], findings: Findings): void {
  const newest = new Map<string, { timestamp: Micros; id: string }>();
  const perhaps = new Set<string>();
  for (const { outcome, attempts = 1, fact } of history) {
    if (fact.kind !== "write") continue;
    const { id, keys, timestamp } = fact as unknown as TransactionFact;
    // One that was sent again may have happened twice; its answer told of one.
    if (outcome === "unknown" || attempts > 1) perhaps.add(id);
    if (outcome !== "ok" || timestamp === null) continue;
    for (const key of keys) if (timestamp > (newest.get(key)?.timestamp ?? 0)) newest.set(key, { timestamp, id });
  }
  const found = new Map<string, { timestamp: Micros; value: unknown }>();
  for (const answer of finals) {
    if (answer.kind !== "ok" || answer.result.kind !== "snapshot") findings.violate("a final read was not answered");
    else for (const { key, timestamp, value } of answer.result.values) found.set(key, { timestamp, value });
  }
  for (const [key, { timestamp, id }] of newest) {
    findings.examine();
    const held = found.get(key);
    const ours = held?.timestamp === timestamp && held.value === id;
    const later = held !== undefined && held.timestamp > timestamp && perhaps.has(String(held.value));
    if (ours || later) continue;
    findings.violate(
      `${key} holds ${String(held?.value)} of ${held?.timestamp}; expected ${id} of ${timestamp}, its last acknowledged write`,
    );
  }
}
