/**
 * The directory: which tablet owns which keys, as the state of a group of its own. It gives numbers to tablets, and it remembers what was
 * begun, so that whoever leads a tablet next finishes it.
 *
 *     serving ──split-begin──> splitting at k into c ──split-finish──> [from, k) and c [k, to), both one version up
 *        ^                                                                                                   │
 *        └──────merge-finish: one entry, one version up── merging l and r <──merge-begin─────────────────────┘
 *                                                              └──merge-cancel: r was too large, r one version up──> serving
 *
 * One thing at a time happens to a tablet. A command names the version it is meant for, as it stands here; on another it changes
 * nothing, and the answer says what there is instead. So each may be sent any number of times.
 *
 * The directory follows: a tablet has changed, by its own log, before `split-finish` or `merge-finish` says so here.
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import { afterPrefix } from "../../kernel/store.ts";
import type { TabletEntry, TabletId } from "./tablet.ts";
import { endOfKeys, entryOf, firstKey, overlap } from "./tablet.ts";

/** What is under way with a tablet. */
export type Intent =
  | { readonly kind: "split"; readonly at: StoreKey; readonly child: TabletId }
  /** Stands at both. */
  | { readonly kind: "merge"; readonly left: TabletId; readonly right: TabletId };

export interface DirectoryEntry extends TabletEntry {
  readonly intent: Intent | null;
}

export type DirectoryCommand =
  | { readonly kind: "split-begin"; readonly tablet: TabletId; readonly version: number; readonly at: StoreKey }
  | { readonly kind: "split-finish"; readonly tablet: TabletId; readonly version: number }
  | {
      readonly kind: "merge-begin";
      readonly left: TabletId;
      readonly leftVersion: number;
      readonly right: TabletId;
      readonly rightVersion: number;
    }
  | { readonly kind: "merge-finish"; readonly left: TabletId; readonly version: number }
  | { readonly kind: "merge-cancel"; readonly right: TabletId; readonly version: number };

/** `version`: of the whole map, raised by every change. */
export type DirectoryResult =
  | { readonly kind: "changed"; readonly version: number; readonly entries: readonly DirectoryEntry[] }
  /** Nothing was changed: `entries` are what there is. */
  | { readonly kind: "stale"; readonly version: number; readonly entries: readonly DirectoryEntry[] }
  | { readonly kind: "refused"; readonly version: number; readonly why: string };

/** The whole map, if it is newer than `since`. */
export interface MapQuery {
  readonly kind: "map";
  readonly since: number;
}

export interface DirectoryMap {
  readonly version: number;
  /** Tablets that will begin have this number or a higher one. */
  readonly next: TabletId;
  /** In key order, without a gap; empty when there is nothing newer. */
  readonly entries: readonly DirectoryEntry[];
}

interface Head {
  readonly version: number;
  readonly nextTablet: TabletId;
}

const headKey: StoreKey = "h";
const entryPrefix: StoreKey = "e/";

export class Directory {
  private readonly store: Store;
  private readonly initial: readonly DirectoryEntry[];
  private head: Head | undefined;
  private byTablet = new Map<TabletId, DirectoryEntry>();
  /** Finished, as far as this replica applied them since it started. */
  splits = 0;
  merges = 0;

  /** @param initial the tablets that there are from the start, in key order and without a gap */
  constructor(store: Store, initial: readonly TabletEntry[]) {
    this.store = store;
    this.initial = initial.map((entry) => ({ ...entryOf(entry), intent: null }));
    assertCovers(this.initial);
  }

  reset(): void {
    this.head = undefined;
    this.byTablet.clear();
  }

  get version(): number {
    this.load();
    return this.head!.version;
  }

  read({ since }: MapQuery): DirectoryMap {
    this.load();
    const { version, nextTablet: next } = this.head!;
    return { version, next, entries: version > since ? this.entries() : [] };
  }

  find(key: StoreKey): DirectoryEntry {
    return this.entries().find(({ from, to }) => key >= from && key < to)!;
  }

  apply(command: DirectoryCommand): DirectoryResult {
    this.load();
    switch (command.kind) {
      case "split-begin":
        return this.beginSplit(command.tablet, command.version, command.at);
      case "split-finish":
        return this.finishSplit(command.tablet, command.version);
      case "merge-begin":
        return this.beginMerge(command);
      case "merge-finish":
        return this.finishMerge(command.left, command.version);
      case "merge-cancel":
        return this.cancelMerge(command.right, command.version);
    }
  }

  due(): undefined {
    return undefined;
  }

  /** Throws unless every key has exactly one entry and what is under way is so at both ends. */
  check(): void {
    this.load();
    const entries = this.entries();
    assertCovers(entries);
    for (const { tablet, intent } of entries) {
      if (intent?.kind !== "merge") continue;
      const other = this.byTablet.get(intent.left === tablet ? intent.right : intent.left)?.intent;
      if (other?.kind !== "merge" || other.left !== intent.left || other.right !== intent.right) {
        throw new Error(`tablet ${tablet} merges and its neighbour does not know`);
      }
    }
  }

  private beginSplit(tablet: TabletId, version: number, at: StoreKey): DirectoryResult {
    const entry = this.byTablet.get(tablet);
    if (entry === undefined || entry.version !== version) return this.stale(entry === undefined ? [] : [entry]);
    const { intent } = entry;
    if (intent !== null)
      return intent.kind === "split" && intent.at === at ? this.changed([entry]) : this.stale([entry]);
    if (at <= entry.from || at >= entry.to) return this.refuse(`"${at}" does not lie inside of tablet ${tablet}`);
    const child = this.head!.nextTablet;
    this.raise(child + 1);
    return this.changed([this.put({ ...entry, intent: { kind: "split", at, child } })]);
  }

  private finishSplit(tablet: TabletId, version: number): DirectoryResult {
    const entry = this.byTablet.get(tablet);
    if (entry === undefined || entry.version !== version || entry.intent?.kind !== "split") {
      return this.stale(entry === undefined ? [] : [entry]);
    }
    const { at, child } = entry.intent;
    this.raise();
    this.splits++;
    const next = { ...entry, version: version + 1, intent: null };
    return this.changed([this.put({ ...next, to: at }), this.put({ ...next, tablet: child, from: at })]);
  }

  private beginMerge(command: Extract<DirectoryCommand, { kind: "merge-begin" }>): DirectoryResult {
    const left = this.byTablet.get(command.left);
    const right = this.byTablet.get(command.right);
    const known = [left, right].filter((entry) => entry !== undefined);
    if (left?.version !== command.leftVersion || right?.version !== command.rightVersion) return this.stale(known);
    const intent: Intent = { kind: "merge", left: left.tablet, right: right.tablet };
    if (left.intent !== null || right.intent !== null) {
      const same = left.intent?.kind === "merge" && left.intent.right === right.tablet;
      return same ? this.changed(known) : this.stale(known);
    }
    if (left.to !== right.from) return this.refuse(`tablet ${right.tablet} does not follow tablet ${left.tablet}`);
    if (!sameNodes(left, right))
      return this.refuse(`tablets ${left.tablet} and ${right.tablet} are on different nodes`);
    this.raise();
    return this.changed([this.put({ ...left, intent }), this.put({ ...right, intent })]);
  }

  private finishMerge(tablet: TabletId, version: number): DirectoryResult {
    const left = this.byTablet.get(tablet);
    if (left?.version !== version || left.intent?.kind !== "merge" || left.intent.left !== tablet) {
      return this.stale(left === undefined ? [] : [left]);
    }
    const right = this.byTablet.get(left.intent.right)!;
    this.raise();
    this.merges++;
    this.byTablet.delete(right.tablet);
    this.store.deleteLater(entryPrefix + right.from);
    const next = Math.max(left.version, right.version) + 1;
    return this.changed([this.put({ ...left, to: right.to, version: next, intent: null })]);
  }

  private cancelMerge(tablet: TabletId, version: number): DirectoryResult {
    const right = this.byTablet.get(tablet);
    if (right?.version !== version || right.intent?.kind !== "merge" || right.intent.right !== tablet) {
      return this.stale(right === undefined ? [] : [right]);
    }
    const left = this.byTablet.get(right.intent.left)!;
    this.raise();
    return this.changed([
      this.put({ ...left, intent: null }),
      this.put({ ...right, version: version + 1, intent: null }),
    ]);
  }

  private changed(entries: readonly DirectoryEntry[]): DirectoryResult {
    return { kind: "changed", version: this.head!.version, entries };
  }

  private stale(entries: readonly DirectoryEntry[]): DirectoryResult {
    return { kind: "stale", version: this.head!.version, entries };
  }

  private refuse(why: string): DirectoryResult {
    return { kind: "refused", version: this.head!.version, why };
  }

  private raise(nextTablet: TabletId = this.head!.nextTablet): void {
    this.head = { version: this.head!.version + 1, nextTablet };
    this.store.putLater(headKey, this.head as unknown as Value);
  }

  private put(entry: DirectoryEntry): DirectoryEntry {
    this.byTablet.set(entry.tablet, entry);
    this.store.putLater(entryPrefix + entry.from, entry as unknown as Value);
    return entry;
  }

  private entries(): DirectoryEntry[] {
    this.load();
    return [...this.byTablet.values()].sort((a, b) => (a.from < b.from ? -1 : 1));
  }

  private load(): void {
    if (this.head !== undefined) return;
    const last = Math.max(...this.initial.map(({ tablet }) => tablet));
    this.head = (this.store.get(headKey) as unknown as Head | undefined) ?? { version: 1, nextTablet: last + 1 };
    this.byTablet.clear();
    for (const entry of this.initial) this.byTablet.set(entry.tablet, entry);
    if (this.head.version === 1) return;
    this.loadStored();
  }

  /** Entries that never changed are not stored: they hold as long as nothing stored reaches over them. */
  private loadStored(): void {
    const stored: DirectoryEntry[] = [];
    this.store.scan(entryPrefix, afterPrefix(entryPrefix), (_, value) => {
      stored.push(value as unknown as DirectoryEntry);
    });
    const untouched = this.initial.filter((entry) => !stored.some((other) => overlap(entry, other)));
    this.byTablet.clear();
    for (const entry of [...untouched, ...stored]) this.byTablet.set(entry.tablet, entry);
  }
}

function sameNodes(a: TabletEntry, b: TabletEntry): boolean {
  return a.replicas.length === b.replicas.length && a.replicas.every((node) => b.replicas.includes(node));
}

function assertCovers(entries: readonly TabletEntry[]): void {
  let next: StoreKey = firstKey;
  for (const { tablet, from, to } of entries) {
    if (from !== next || to <= from) throw new Error(`tablet ${tablet} begins at "${from}", expected "${next}"`);
    next = to;
  }
  if (next !== endOfKeys) throw new Error(`no tablet owns the keys from "${next}" on`);
}
