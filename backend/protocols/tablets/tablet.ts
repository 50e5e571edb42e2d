/**
 * A tablet: a range of keys, and the group of replicas whose log decides about them. Its own log is the only authority on what it owns;
 * the directory, and every cached map, only says where to ask. A tablet is known by the number of its group.
 *
 *     key space   |── tablet 2, version 4 ──|──── tablet 7, version 4 ────|── tablet 3, version 1 ──|
 *                 ""                        g                             p                         end
 *
 * Whoever owns a key next has a higher version than whoever owned it before: a split gives both halves the old version plus one, a merge
 * gives the whole the higher of the two plus one. So of two claims on one key the one with the higher version is the later.
 *
 * Ownership is looked at where a command is applied, never where it is proposed. A write that was proposed before a split and comes
 * behind it in the log finds that its key has left, does nothing, and says who has it now.
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";

/** Number of a tablet and of its group; never used again. */
export type TabletId = number;

export const firstKey: StoreKey = "";
/** Above every key. */
export const endOfKeys: StoreKey = "\u00ff\u00ff\u00ff\u00ff";

/** [from, to) in byte order. */
export interface Span {
  readonly from: StoreKey;
  readonly to: StoreKey;
}

/** What anybody says of a tablet: true at some time, and outdated by any claim of a higher version on the same keys. */
export interface TabletEntry extends Span {
  readonly tablet: TabletId;
  readonly version: number;
  readonly replicas: readonly NodeId[];
}

/** The tablet's replicated state but for its rows. */
export interface TabletMeta extends TabletEntry {
  /** The tablet that takes over; 0 while this one serves. */
  readonly sealedInto: TabletId;
  /** Who left by the last few splits, latest last: said to those who ask for their keys. */
  readonly heirs: readonly TabletEntry[];
}

/** Commands of a tablet's log that change what it owns. Each names the version it is meant for; a copy finds another and does nothing. */
export type RangeCommand =
  /** Keys from `at` on leave for a tablet that begins to exist with this. */
  | { readonly kind: "split"; readonly version: number; readonly at: StoreKey; readonly child: TabletId }
  /** This tablet is taken over by its left neighbour and changes no more; refused when it has more than `maxRows` rows or `maxBytes`. */
  | {
      readonly kind: "seal";
      readonly version: number;
      readonly into: TabletId;
      readonly maxRows: number;
      readonly maxBytes: number;
    }
  /** The left neighbour takes over what the sealed one held: all its rows. */
  | {
      readonly kind: "absorb";
      readonly version: number;
      readonly right: TabletEntry;
      readonly keys: readonly StoreKey[];
      readonly values: readonly Value[];
    };

/** The key is not, or no longer, owned here. `entries`: what is known to own it and its neighbours. */
export interface Moved {
  readonly kind: "moved";
  readonly entries: readonly TabletEntry[];
}

export interface RangeResult {
  readonly kind: "range";
  /** False: meant for another version, or refused. */
  readonly changed: boolean;
}

export interface TabletHost {
  /** The replica of `child` begins here, from rows that are there already, as of the parent's split; unless there is one already. */
  onSplit(child: TabletMeta, at: Micros): void;
}

/** Where the machine keeps what is said here: keys relative to the machine's own state. */
export const metaKey: StoreKey = "m";
export const rowPrefix: StoreKey = "r/";
const heirsKept = 4;

export function isWithin(key: StoreKey, { from, to }: Span): boolean {
  return key >= from && key < to;
}

export function overlap(a: Span, b: Span): boolean {
  return a.from < b.to && b.from < a.to;
}

export function entryOf({ tablet, from, to, version, replicas }: TabletEntry): TabletEntry {
  return { tablet, from, to, version, replicas };
}

export function foundingMeta(entry: TabletEntry): TabletMeta {
  return { ...entryOf(entry), sealedInto: 0, heirs: [] };
}

/** The part of a machine that says what the tablet owns. Its state is `meta`; a service's machine asks before it touches a row. */
export class Tablet {
  private readonly store: Store;
  private readonly host: TabletHost;
  private readonly initial: TabletMeta | undefined;
  private cached: TabletMeta | undefined;

  /** @param initial what a tablet that was there from the start begins with; undefined for one that begins by a split */
  constructor(store: Store, initial: TabletMeta | undefined, host: TabletHost) {
    this.store = store;
    this.initial = initial;
    this.host = host;
  }

  /** Undefined at a replica that has no state yet. */
  get meta(): TabletMeta | undefined {
    return (this.cached ??= (this.store.get(metaKey) as unknown as TabletMeta | undefined) ?? this.initial);
  }

  reset(): void {
    this.cached = undefined;
  }

  owns(key: StoreKey): boolean {
    const { meta } = this;
    return meta !== undefined && meta.sealedInto === 0 && isWithin(key, meta);
  }

  moved(): Moved {
    const { meta } = this;
    if (meta === undefined) return { kind: "moved", entries: [] };
    const own = meta.sealedInto === 0 ? [entryOf(meta)] : [];
    return { kind: "moved", entries: [...own, ...meta.heirs] };
  }

  apply(command: RangeCommand, at: Micros): RangeResult {
    const { meta } = this;
    if (meta === undefined || meta.version !== command.version || meta.sealedInto !== 0) return unchanged;
    switch (command.kind) {
      case "split":
        return this.split(meta, command.at, command.child, at);
      case "seal":
        return this.seal(meta, command.into, command.maxRows, command.maxBytes);
      case "absorb":
        return this.absorb(meta, command);
    }
  }

  private split(meta: TabletMeta, key: StoreKey, child: TabletId, at: Micros): RangeResult {
    if (key <= meta.from || key >= meta.to) return unchanged;
    const version = meta.version + 1;
    const heir: TabletEntry = { tablet: child, from: key, to: meta.to, version, replicas: meta.replicas };
    // First, so that the rows change hands before the tablet says that it reaches no longer there.
    this.host.onSplit(foundingMeta(heir), at);
    this.put({ ...meta, to: key, version, heirs: [...meta.heirs, heir].slice(-heirsKept) });
    return changed;
  }

  private seal(meta: TabletMeta, into: TabletId, maxRows: number, maxBytes: number): RangeResult {
    if (this.isWithinLimits(maxRows, maxBytes)) {
      this.put({ ...meta, sealedInto: into });
      return changed;
    }
    // Another version, so that a copy of this command does not find a smaller tablet later and seal it when nobody waits for it.
    this.put({ ...meta, version: meta.version + 1 });
    return unchanged;
  }

  private absorb(meta: TabletMeta, { right, keys, values }: Extract<RangeCommand, { kind: "absorb" }>): RangeResult {
    if (right.from !== meta.to) return unchanged;
    const version = Math.max(meta.version, right.version) + 1;
    const heirs = meta.heirs.filter((heir) => heir.tablet !== right.tablet);
    this.put({ ...meta, to: right.to, version, heirs });
    for (const [i, key] of keys.entries()) this.store.putLater(rowPrefix + key, values[i]);
    return changed;
  }

  private isWithinLimits(maxRows: number, maxBytes: number): boolean {
    let rows = 0;
    let bytes = 0;
    this.store.scan(rowPrefix, rowPrefix + endOfKeys, (key, value) => {
      rows++;
      bytes += rowBytes(key, value);
      return rows <= maxRows && bytes <= maxBytes;
    });
    return rows <= maxRows && bytes <= maxBytes;
  }

  private put(meta: TabletMeta): void {
    this.cached = meta;
    this.store.putLater(metaKey, meta as unknown as Value);
  }
}

const changed: RangeResult = { kind: "range", changed: true };
const unchanged: RangeResult = { kind: "range", changed: false };

/** About what a row takes on disk. */
export function rowBytes(key: StoreKey, value: Value): number {
  return key.length + (typeof value === "string" ? value.length : JSON.stringify(value).length);
}
