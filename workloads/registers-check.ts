/**
 * What must hold of answers that carry revisions. A replicated log puts every change into one order and counts it; an answer says how far that
 * order was when it was given. So one order is not looked for, it is claimed, and the claim is checked:
 *
 * - **Real time.** An operation that began after another had ended has a revision no smaller, a write a greater one (Herlihy and Wing, 1990).
 * - **Every read shows the state at its revision.** No acknowledged write of its key lies between what it shows and where it claims to be.
 * - **The end dominates.** The final read of a key is such a read, of the last revision: no acknowledged write is lost.
 * - **A stale read is at most as old as was asked.** It lacks nothing that was answered longer ago.
 */
import type { Micros } from "../backend/kernel/units.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

/** What a read showed: the id of a write, "" when there was none; the revision it was made at; how far the order was. */
export interface Shown {
  readonly id: string;
  readonly modified: number;
  readonly revision: number;
}

export interface RegistersPromise {
  readonly slackUs: Micros;
  /** How old a stale read may be. */
  readonly maxAgeUs: Micros;
}

interface Write {
  readonly key: string;
  readonly id: string;
  readonly revision: number;
  readonly endUs: Micros;
}

/** Keys in order of first appearance. */
export function registerKeys(history: readonly HistoryEntry[]): string[] {
  return [...new Set(history.map(({ fact }) => String(fact.key)))];
}

/** `finals[k]` is what the final read of the k-th of `registerKeys` showed; null when it failed. */
export function checkRegisters(
  history: readonly HistoryEntry[],
  finals: readonly (Shown | null)[],
  promise: RegistersPromise,
): CheckResult {
  const findings = new Findings("acknowledgedWrites", "reads", "staleReads", "gapUs", "ageUs");
  const answered = history.filter(({ outcome, fact }) => outcome === "ok" && Number(fact.revision) > 0);
  const writes = writesOf(answered, findings);
  const strict = answered.filter(({ fact }) => fact.kind === "write" || fact.consistent === true);
  checkRealTime(strict, strict, promise.slackUs, findings);
  const stale = answered.filter(({ fact }) => fact.kind === "read" && fact.consistent !== true);
  if (promise.maxAgeUs < Infinity) checkRealTime(stale, strict, promise.slackUs + promise.maxAgeUs, findings);
  const byKey = new Map<string, Write[]>();
  for (const write of writes) byKey.set(write.key, [...(byKey.get(write.key) ?? []), write]);
  for (const { arrival, fact } of answered) {
    if (fact.kind !== "read") continue;
    findings.count("reads");
    const key = String(fact.key);
    checkShown(`${key}: read by arrival ${arrival}`, fact as unknown as Shown, byKey.get(key) ?? [], findings);
  }
  registerKeys(history).forEach((key, k) => {
    const final = finals[k] ?? null;
    if (final === null) findings.violate(`${key}: its final state could not be read`);
    else checkShown(`${key}: final state`, final, byKey.get(key) ?? [], findings);
  });
  countAges(stale, writes, findings);
  findings.count("gapUs", longestGapUs(history, writes));
  return findings.result("answers fit the one order they claim, and no acknowledged write is lost");
}

/** Acknowledged writes by revision. */
function writesOf(answered: readonly HistoryEntry[], findings: Findings): Write[] {
  const writes: Write[] = [];
  const known = new Map<number, string>();
  for (const { endUs, fact } of answered) {
    if (fact.kind !== "write") continue;
    const write = { key: String(fact.key), id: String(fact.id), revision: Number(fact.revision), endUs };
    findings.count("acknowledgedWrites");
    const other = known.get(write.revision);
    if (other !== undefined) findings.violate(`writes ${other} and ${write.id} have one revision, ${write.revision}`);
    known.set(write.revision, write.id);
    writes.push(write);
  }
  return writes.sort((a, b) => a.revision - b.revision);
}

/** Each of `entries` is no earlier in the order than those of `others` that had ended `slackUs` before it began. */
function checkRealTime(
  entries: readonly HistoryEntry[],
  others: readonly HistoryEntry[],
  slackUs: Micros,
  findings: Findings,
): void {
  const begun = [...entries].sort((a, b) => a.startUs - b.startUs);
  const ended = [...others].sort((a, b) => a.endUs - b.endUs);
  let next = 0;
  let furthest = 0;
  for (const { arrival, startUs, fact } of begun) {
    findings.examine();
    for (; next < ended.length && ended[next].endUs + slackUs < startUs; next++) {
      furthest = Math.max(furthest, Number(ended[next].fact.revision));
    }
    const revision = Number(fact.revision);
    if (revision > furthest || (revision === furthest && fact.kind === "read")) continue;
    findings.violate(
      `${String(fact.key)}: ${fact.kind} by arrival ${arrival} has revision ${revision}; ${furthest} was answered before it began`,
    );
  }
}

/** `writes`: acknowledged ones of the key, by revision. */
function checkShown(what: string, shown: Shown, writes: readonly Write[], findings: Findings): void {
  findings.examine();
  const { id, modified, revision } = shown;
  if (modified > revision) findings.violate(`${what} shows revision ${modified}, and claims to be of ${revision}`);
  const last = writes.findLast((write) => write.revision <= revision);
  if (last !== undefined && last.revision > modified) {
    const missed = `write ${last.id} of revision ${last.revision}, which was acknowledged`;
    findings.violate(`${what} shows revision ${modified}, claims to be of ${revision}, and misses ${missed}`);
  }
  const same = writes.find((write) => write.revision === modified);
  if (same !== undefined && same.id !== id) {
    findings.violate(`${what} shows write ${id} at revision ${modified}, where write ${same.id} was acknowledged`);
  }
}

/** Age: since when something had been answered that the read lacks. */
function countAges(stale: readonly HistoryEntry[], writes: readonly Write[], findings: Findings): void {
  const firstAfter = Array.from({ length: writes.length + 1 }, () => Infinity);
  for (let i = writes.length - 1; i >= 0; i--) firstAfter[i] = Math.min(writes[i].endUs, firstAfter[i + 1]);
  let oldestUs = 0;
  for (const { startUs, fact } of stale) {
    const ageUs = startUs - firstAfter[firstAbove(writes, Number(fact.revision))];
    if (ageUs <= 0) continue;
    findings.count("staleReads");
    oldestUs = Math.max(oldestUs, ageUs);
  }
  findings.count("ageUs", oldestUs);
}

/** Index of the first write of a greater revision. */
function firstAbove(writes: readonly Write[], revision: number): number {
  let low = 0;
  let high = writes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (writes[middle].revision > revision) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The longest time in which no write was acknowledged, from the load's beginning to the last operation's end. */
function longestGapUs(history: readonly HistoryEntry[], writes: readonly Write[]): Micros {
  const ends = [0, ...writes.map(({ endUs }) => endUs)].sort((a, b) => a - b);
  ends.push(history.reduce((last, { endUs }) => Math.max(last, endUs), 0));
  let longest = 0;
  for (let i = 1; i < ends.length; i++) longest = Math.max(longest, ends[i] - ends[i - 1]);
  return longest;
}
