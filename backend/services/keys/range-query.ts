/**
 * A range as etcd answers it: in key order and cut at the limit while scanning, unless a filter or an order needs every entry first. The
 * count is of all keys in the range, whatever the limit and the filters.
 */
import type { KeyValue, RangeQuery, RangeResult, SortTarget } from "../../api-coordination.ts";
import type { KeyHistory } from "./key-history.ts";

const none: RangeResult = { entries: [], more: false, count: 0 };

/** @param query at a revision that is neither compacted nor to come */
export function answerRange(history: KeyHistory, query: RangeQuery): RangeResult {
  const revision = query.revision ?? 0;
  if (query.end === undefined && query.countOnly !== true && !isFiltered(query)) {
    const entry = history.get(query.key, revision);
    if (entry === undefined) return none;
    return { entries: [query.keysOnly === true ? withoutValue(entry) : entry], more: false, count: 1 };
  }
  if (query.countOnly === true) return { entries: [], more: false, count: history.count(query, revision) };
  const limit = query.limit ?? 0;
  const whole = query.sort !== undefined || isFiltered(query);
  const entries: KeyValue[] = [];
  const most = whole || limit === 0 ? Infinity : limit;
  let more = false;
  history.scan(query, revision, (entry) => {
    if (entries.length === most) {
      more = true;
      return false;
    }
    entries.push(entry);
    return true;
  });
  const count = more ? history.count(query, revision) : entries.length;
  if (!whole) return { entries: finished(entries, query), more, count };
  const chosen = sorted(filtered(entries, query), query);
  const cut = limit > 0 && chosen.length > limit ? chosen.slice(0, limit) : chosen;
  return { entries: finished(cut, query), more: cut.length < chosen.length, count };
}

function isFiltered(query: RangeQuery): boolean {
  return (
    (query.minModRevision ?? 0) !== 0 ||
    (query.maxModRevision ?? 0) !== 0 ||
    (query.minCreateRevision ?? 0) !== 0 ||
    (query.maxCreateRevision ?? 0) !== 0
  );
}

function filtered(entries: readonly KeyValue[], query: RangeQuery): KeyValue[] {
  const within = (value: number, min = 0, max = 0): boolean =>
    (min === 0 || value >= min) && (max === 0 || value <= max);
  return entries.filter(
    ({ modRevision, createRevision }) =>
      within(modRevision, query.minModRevision, query.maxModRevision) &&
      within(createRevision, query.minCreateRevision, query.maxCreateRevision),
  );
}

function sorted(entries: KeyValue[], { sort }: RangeQuery): KeyValue[] {
  if (sort === undefined) return entries;
  const compare = orders[sort.by];
  return entries.sort(sort.descending ? (a, b) => compare(b, a) : compare);
}

function finished(entries: KeyValue[], query: RangeQuery): KeyValue[] {
  return query.keysOnly === true ? entries.map(withoutValue) : entries;
}

function withoutValue(entry: KeyValue): KeyValue {
  return { ...entry, value: "" };
}

const orders: Readonly<Record<SortTarget, (a: KeyValue, b: KeyValue) => number>> = {
  key: (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
  version: (a, b) => a.version - b.version,
  create: (a, b) => a.createRevision - b.createRevision,
  mod: (a, b) => a.modRevision - b.modRevision,
  value: (a, b) => compareValues(a.value, b.value),
};

/** Orders two base64 texts by the bytes they stand for. */
export function compareValues(a: string, b: string): number {
  if (a === b) return 0;
  return atob(a) < atob(b) ? -1 : 1;
}
