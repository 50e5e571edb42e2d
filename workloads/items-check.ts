/**
 * What must hold of single items. With w -> v for "w was over before v began" (real-time-order.ts):
 *
 * - **No write from nowhere.** The final state and every value read name a write of this history that is not known never to
 *   have happened and that did not begin after the read had ended.
 * - **No acknowledged write lost.** If any write of a key was acknowledged, the key has a final state, and no write w that was
 *   acknowledged has f -> w for every final version f. A final version that is w, concurrent with w or later may have replaced
 *   it; an older one may not, whatever rule orders concurrent writes.
 * - **No stale read** (consistent reads, where `strict`; else counted). If an acknowledged write w was over before a read
 *   began, the read shows some version x without x -> w.
 *
 * An eventual read may be stale and is only counted.
 */
import type { Micros } from "../backend/kernel/units.ts";
import type { Effect } from "./real-time-order.ts";
import { effectOf, Findings, isBefore } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

export interface ItemsPromise {
  readonly strict: boolean;
  readonly slackUs: Micros;
}

interface Read {
  readonly entry: HistoryEntry;
  readonly ids: readonly string[];
  readonly consistent: boolean;
}

interface KeyHistory {
  readonly writes: Map<string, Effect>;
  readonly reads: Read[];
}

/** Keys in order of first appearance. */
export function itemKeys(history: readonly HistoryEntry[]): string[] {
  return [...new Set(history.map(({ fact }) => String(fact.key)))];
}

/** `finals[k]` are the ids that the final read of the k-th of `itemKeys` showed; null when it failed. */
export function checkItems(
  history: readonly HistoryEntry[],
  finals: readonly (readonly string[] | null)[],
  promise: ItemsPromise,
): CheckResult {
  const findings = new Findings(
    "staleConsistentReads",
    "staleEventualReads",
    "acknowledgedWrites",
    "unknownWrites",
    "reads",
  );
  const byKey = historiesByKey(history);
  const keys = [...byKey.keys()];
  keys.forEach((key, k) => {
    const { writes, reads } = byKey.get(key)!;
    for (const { happened } of writes.values()) {
      if (happened === "certainly") findings.count("acknowledgedWrites");
      else if (happened === "perhaps") findings.count("unknownWrites");
    }
    checkFinal(key, writes, finals[k] ?? null, promise, findings);
    checkReads(key, writes, reads, promise, findings);
  });
  return findings.result("no acknowledged write is lost, no value comes from nowhere");
}

function historiesByKey(history: readonly HistoryEntry[]): Map<string, KeyHistory> {
  const byKey = new Map<string, KeyHistory>();
  for (const entry of history) {
    const { fact } = entry;
    const key = String(fact.key);
    let known = byKey.get(key);
    if (known === undefined) byKey.set(key, (known = { writes: new Map(), reads: [] }));
    if (fact.kind === "write") known.writes.set(String(fact.id), effectOf(entry));
    else if (entry.outcome === "ok") {
      known.reads.push({ entry, ids: fact.ids as string[], consistent: fact.consistent === true });
    }
  }
  return byKey;
}

function checkFinal(
  key: string,
  writes: Map<string, Effect>,
  ids: readonly string[] | null,
  { slackUs }: ItemsPromise,
  findings: Findings,
): void {
  findings.examine(writes.size);
  if (ids === null) {
    findings.violate(`${key}: its final state could not be read`);
    return;
  }
  const versions = knownVersions(`${key}: final state`, ids, writes, Infinity, findings);
  for (const [id, write] of writes) {
    if (write.happened !== "certainly") continue;
    if (ids.length === 0) findings.violate(`${key}: write ${id} was acknowledged and nothing is stored`);
    else if (versions.length > 0 && versions.every((version) => isBefore(version, write, slackUs))) {
      findings.violate(`${key}: write ${id} was acknowledged and replaced by an older one, ${ids.join(", ")}`);
    }
  }
}

function checkReads(
  key: string,
  writes: Map<string, Effect>,
  reads: readonly Read[],
  { strict, slackUs }: ItemsPromise,
  findings: Findings,
): void {
  const newest = newestAcknowledged(writes);
  for (const { entry, ids, consistent } of reads) {
    findings.examine();
    findings.count("reads");
    const what = `${key}: read by arrival ${entry.arrival}`;
    const versions = knownVersions(what, ids, writes, entry.endUs + slackUs, findings);
    const required = newest(entry.startUs - slackUs);
    if (required === null || versions.some((version) => !isBefore(version, required, slackUs))) continue;
    findings.count(consistent ? "staleConsistentReads" : "staleEventualReads");
    if (strict && consistent) {
      const shown = ids.length === 0 ? "nothing" : ids.join(", ");
      findings.violate(
        `${what} at ${entry.startUs} us shows ${shown}, older than a write begun at ${required.startUs} us and acknowledged`,
      );
    }
  }
}

/** The writes that `ids` name, those reported that cannot be. */
function knownVersions(
  what: string,
  ids: readonly string[],
  writes: Map<string, Effect>,
  beforeUs: Micros,
  findings: Findings,
): Effect[] {
  const versions: Effect[] = [];
  for (const id of ids) {
    const write = writes.get(id);
    if (write === undefined) findings.violate(`${what} shows write ${id}, which nobody made`);
    else if (write.happened === "never") findings.violate(`${what} shows write ${id}, which was refused`);
    else if (write.startUs > beforeUs) findings.violate(`${what} shows write ${id}, which began later`);
    else versions.push(write);
  }
  return versions;
}

/** For an instant, the acknowledged write known by then that began last; null when none was. A version older than that is stale. */
function newestAcknowledged(writes: Map<string, Effect>): (atUs: Micros) => Effect | null {
  const known = [...writes.values()].filter(({ happened }) => happened === "certainly");
  known.sort((a, b) => a.knownUs - b.knownUs);
  const newest: Effect[] = [];
  for (const write of known) {
    const last = newest.at(-1);
    newest.push(last === undefined || write.startUs > last.startUs ? write : last);
  }
  return (atUs) => {
    let low = 0;
    let high = known.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (known[middle].knownUs < atUs) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : newest[low - 1];
  };
}
