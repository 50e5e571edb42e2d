/**
 * Every key's past, back to the last compaction: multi-version storage after etcd's mvcc package, in one ordered store.
 *
 *     k<key>    -> place of the key's latest change, and the numbers that the next one follows from
 *     r<place>  -> the change: key, value, ..., and the place of the same key's change before it
 *     c         -> revision compacted to, and how far the sweep has come
 *
 * A value is written once, where the change is; a read at an old revision follows the places backwards from `k`. etcd keeps the index in
 * memory and rebuilds it at every start; here it is in the store, so a start reads nothing. The current revision is that of the last
 * change and is found by bisection, so no third write is paid for it: a change at the compacted revision is never swept away, so there is
 * a last change whenever there was any.
 */
import type { KeyEvent, KeyRange, KeyValue } from "../../api-coordination.ts";
import { afterPrefix, maxKeyBytes as maxStoreKeyBytes } from "../../kernel/store.ts";
import type { Store } from "../../kernel/store.ts";
import { numberLength, numberText, placeText, textNumber } from "./order-codec.ts";

/** The longest key. The store's limit, less what the machine and whoever keeps the store put before it. */
export const maxKeyBytes = maxStoreKeyBytes - 100;

/** Key, value (null: deleted), create revision, version, lease, place of the key's change before this one or "". */
type Change = readonly [string, string | null, number, number, number, string];

/** Place of a key's latest change, and its create revision, version (0: deleted) and lease since. */
export type Latest = readonly [string, number, number, number];

/** What is compacted away, and from which place on the sweep has yet to look; "": it has looked everywhere. */
type Compaction = readonly [number, string];

const compactionKey = "c";
/** Of an empty store, as etcd counts. */
const firstRevision = 1;

/**
 * Where the first key that is not before `key` would stand. A longer key than the store takes is never there; it may still bound a range,
 * and what can be there is on the same side of its beginning as of itself.
 */
function slotOf(key: string): string {
  return key.length <= maxKeyBytes ? `k${key}` : `k${key.slice(0, maxKeyBytes)}\0`;
}

/** Where the store's scan of a range with an end ends. */
function endSlot(end: string): string {
  return end === "\0" ? "l" : slotOf(end);
}

export class KeyHistory {
  /** Of the last change that was finished. */
  revision = firstRevision;
  /** Reads below it are refused; -1 until the first compaction. */
  compacted = -1;
  /** Changes made since `revision`: they stand at `revision` + 1 until `finish`. */
  changes = 0;
  private swept = "";
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
    this.reset();
  }

  reset(): void {
    const compaction = this.store.get(compactionKey) as Compaction | undefined;
    this.compacted = compaction === undefined ? -1 : compaction[0];
    this.swept = compaction === undefined ? "" : compaction[1];
    this.revision = this.lastRevision();
    this.changes = 0;
  }

  /** The key's latest change, undefined when there was none or it is forgotten. */
  latest(key: string): Latest | undefined {
    return this.store.get(slotOf(key)) as Latest | undefined;
  }

  /** The key after its latest change; undefined when that was a deletion. */
  live(latest: Latest): KeyValue | undefined {
    return exists(latest) ? this.keyValue(latest[0]) : undefined;
  }

  /** @param revision at which; 0: now. Not below `compacted`. */
  get(key: string, revision: number): KeyValue | undefined {
    const latest = this.latest(key);
    if (latest === undefined) return undefined;
    return revision === 0 ? this.live(latest) : this.back(latest[0], numberText(revision));
  }

  /** Visits the keys of the range as they were at a revision (0: now), in order, until `visit` returns false. */
  scan(range: KeyRange, revision: number, visit: (entry: KeyValue) => boolean | void): void {
    if (range.end === undefined) {
      const entry = this.get(range.key, revision);
      if (entry !== undefined) visit(entry);
      return;
    }
    const limit = numberText(revision);
    this.store.scan(slotOf(range.key), endSlot(range.end), (_slot, value) => {
      const latest = value as Latest;
      const entry = revision !== 0 ? this.back(latest[0], limit) : this.live(latest);
      return entry === undefined || visit(entry);
    });
  }

  /** Keys in the range at a revision (0: now). */
  count(range: KeyRange, revision: number): number {
    let count = 0;
    if (revision !== 0 || range.end === undefined) this.scan(range, revision, () => void count++);
    else {
      this.store.scan(slotOf(range.key), endSlot(range.end), (_slot, latest) => {
        if (exists(latest as Latest)) count++;
      });
    }
    return count;
  }

  /** @param latest of the key, which saves a look */
  put(key: string, value: string, lease: number, latest: Latest | undefined): void {
    const before = latest === undefined ? "" : latest[0];
    const old = latest !== undefined && exists(latest);
    const createRevision = old ? latest[1] : this.revision + 1;
    const version = old ? latest[2] + 1 : 1;
    const place = placeText(this.revision + 1, this.changes++);
    this.store.putLater(`r${place}`, [key, value, createRevision, version, lease, before]);
    this.store.putLater(`k${key}`, [place, createRevision, version, lease]);
  }

  /** Deletes a key that exists. */
  remove(key: string): void {
    const place = placeText(this.revision + 1, this.changes++);
    this.store.putLater(`r${place}`, [key, null, 0, 0, 0, this.latest(key)![0]]);
    this.store.putLater(`k${key}`, [place, 0, 0, 0]);
  }

  /** Ends a command: what it changed shares the next revision; without changes the revision stays. */
  finish(): void {
    if (this.changes === 0) return;
    this.changes = 0;
    this.revision++;
  }

  /**
   * Visits changes of `revision` and later in order, until `visit` returns false. `visit` is told the revision and makes the event of what
   * it wants, so that a watcher of few keys does not pay for all.
   */
  events(
    revision: number,
    visit: (key: string, revision: number, event: (before: boolean) => KeyEvent) => boolean,
  ): void {
    this.store.scan(`r${numberText(revision)}`, afterPrefix("r"), (slot, value) => {
      const change = value as Change;
      const at = textNumber(slot, 1);
      return visit(change[0], at, (before) => this.event(change, at, before));
    });
  }

  /** Forgets what every key was before `revision`; `sweep` gives the room back. */
  compact(revision: number): void {
    // The sweep looks at the changes of the last compaction's revision once more: it spared deletions there.
    const spared = placeText(Math.max(0, this.compacted), 0);
    this.compacted = revision;
    this.setSwept(this.swept !== "" && this.swept < spared ? this.swept : spared);
  }

  /** The sweep of a compaction is not done. */
  get sweeping(): boolean {
    return this.swept !== "";
  }

  /** Looks at up to `limit` changes that are compacted and deletes what no read can see any more. */
  sweep(limit: number): void {
    const stop = placeText(this.compacted + 1, 0);
    const places: string[] = [];
    const changes: Change[] = [];
    this.store.scan(`r${this.swept}`, `r${stop}`, (slot, value) => {
      places.push(slot.slice(1));
      changes.push(value as Change);
      return places.length < limit;
    });
    for (const [i, place] of places.entries()) this.forgetBefore(place, changes[i]);
    this.setSwept(places.length < limit ? "" : `${places.at(-1)!}\0`);
  }

  /** @throws Error when a place leads nowhere, out of order or to another key */
  check(): void {
    this.store.scan("k", "l", (slot, value) => {
      const [place, createRevision, version, lease] = value as Latest;
      const change = this.store.get(`r${place}`) as Change | undefined;
      if (change === undefined || change[0] !== slot.slice(1)) {
        throw new Error(`key ${JSON.stringify(slot.slice(1))}: its latest change is not where it should be`);
      }
      if (change[2] !== createRevision || change[3] !== version || change[4] !== lease) {
        throw new Error(`key ${JSON.stringify(slot.slice(1))}: what its latest change was is told in two ways`);
      }
      if (change[5] >= place) throw new Error(`key ${JSON.stringify(slot.slice(1))}: its changes are out of order`);
      if (textNumber(place) > this.revision) {
        throw new Error(`key ${JSON.stringify(slot.slice(1))} changed after revision ${this.revision}`);
      }
    });
  }

  /** Follows a key's changes from `place` back to the last one at or before a revision. */
  private back(latest: string, limit: string): KeyValue | undefined {
    let place = latest;
    while (place.slice(0, numberLength) > limit) {
      const change = this.store.get(`r${place}`) as Change | undefined;
      if (change === undefined || change[5] === "") return undefined;
      place = change[5];
    }
    return this.keyValue(place);
  }

  /** Undefined when the change was a deletion, or is swept away, which only happens to what reads as deleted. */
  private keyValue(place: string): KeyValue | undefined {
    const change = this.store.get(`r${place}`) as Change | undefined;
    if (change === undefined || change[1] === null) return undefined;
    return entryOf(change, change[1], textNumber(place));
  }

  private event(change: Change, revision: number, withBefore: boolean): KeyEvent {
    const [key, value, , , , previous] = change;
    const entry =
      value === null
        ? { key, value: "", createRevision: 0, modRevision: revision, version: 0, lease: 0 }
        : entryOf(change, value, revision);
    const kind = value === null ? "delete" : "put";
    // Below the compacted revision a change may be swept at one replica and not yet at another: none tells.
    if (!withBefore || previous === "" || revision <= this.compacted) return { kind, entry };
    const before = this.keyValue(previous);
    return before === undefined ? { kind, entry } : { kind, entry, before };
  }

  private forgetBefore(place: string, [key, value, , , , previous]: Change): void {
    const isOld = (place: string): boolean => textNumber(place) < this.compacted;
    if (previous !== "" && isOld(previous) && this.store.get(`r${previous}`) !== undefined) {
      this.store.deleteLater(`r${previous}`);
    }
    if (value !== null || !isOld(place)) return;
    this.store.deleteLater(`r${place}`);
    if (this.latest(key)?.[0] === place) this.store.deleteLater(`k${key}`);
  }

  private setSwept(from: string): void {
    this.swept = from;
    this.store.putLater(compactionKey, [this.compacted, from]);
  }

  private lastRevision(): number {
    if (!this.hasChangeFrom(0)) return firstRevision;
    let low = 0;
    let high = Number.MAX_SAFE_INTEGER;
    while (low < high) {
      const middle = low + Math.floor((high - low + 1) / 2);
      if (this.hasChangeFrom(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private hasChangeFrom(revision: number): boolean {
    let found = false;
    this.store.scan(`r${numberText(revision)}`, afterPrefix("r"), () => {
      found = true;
      return false;
    });
    return found;
  }
}

/** Whether the key is there, or its deletion. */
export function exists(latest: Latest): boolean {
  return latest[2] > 0;
}

function entryOf(change: Change, value: string, modRevision: number): KeyValue {
  return { key: change[0], value, createRevision: change[2], modRevision, version: change[3], lease: change[4] };
}
