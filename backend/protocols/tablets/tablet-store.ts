/**
 * What a tablet's group sees of its node's store. The rows of a node's tablets lie in spaces that tablets may share, each in stretches of
 * its own; so a split moves no row, however many there are: it only says whose they are from now on.
 *
 *     the group's keys       s7/m    s7/r/guava    s7/r/kiwi                p7/...
 *                              │          │             │                     │
 *     the node's store       s7/m      t1/guava      t1/kiwi                p7/...          tablet 7 here: space 1 from "g" to "p"
 *
 * The group's log, snapshots included, knows only the upper line. A write to a key outside the tablet's range is a bug and throws: no
 * tablet can touch another's rows. (TiKV's regions share a store in the same way.)
 */
import type { NodeStore, Store, StoreKey, Value } from "../../kernel/store.ts";
import { afterPrefix } from "../../kernel/store.ts";
import type { SpaceMap } from "./space-map.ts";
import { spacePrefix } from "./space-map.ts";
import { endOfKeys, metaKey, rowPrefix } from "./tablet.ts";
import type { TabletId, TabletMeta } from "./tablet.ts";

export class TabletStore implements NodeStore {
  private readonly store: Store;
  private readonly spaces: SpaceMap;
  private readonly tablet: TabletId;
  private readonly metaAt: StoreKey;
  private readonly rowsFrom: StoreKey;
  private readonly rowsTo: StoreKey;

  constructor(store: Store, spaces: SpaceMap, tablet: TabletId) {
    this.store = store;
    this.spaces = spaces;
    this.tablet = tablet;
    this.metaAt = `s${tablet}/${metaKey}`;
    this.rowsFrom = `s${tablet}/${rowPrefix}`;
    this.rowsTo = afterPrefix(this.rowsFrom);
  }

  get(key: StoreKey): Value | undefined {
    if (!key.startsWith(this.rowsFrom)) return this.store.get(key);
    const at = this.placeOf(key.slice(this.rowsFrom.length));
    return at === undefined ? undefined : this.store.get(at);
  }

  put(key: StoreKey, value: Value): void {
    if (key.startsWith(this.rowsFrom)) throw new Error(`rows are put later, got a put of ${key}`);
    this.store.put(key, value);
  }

  delete(key: StoreKey): void {
    if (key.startsWith(this.rowsFrom)) throw new Error(`rows are deleted later, got a delete of ${key}`);
    this.store.delete(key);
  }

  putLater(key: StoreKey, value: Value): void {
    if (key === this.metaAt) this.spaces.cover(this.tablet, value as unknown as TabletMeta);
    this.store.putLater(this.place(key), value);
  }

  deleteLater(key: StoreKey): void {
    // A snapshot deletes the metadata and puts other in its place; until then the rows are where they were.
    this.store.deleteLater(this.place(key));
  }

  putDerived(key: StoreKey): void {
    throw new Error(`a tablet's state is logged, for a split begins with it; got ${key} to be derived`);
  }

  deleteDerived(key: StoreKey): void {
    this.putDerived(key);
  }

  settle(): void {}

  scan(from: StoreKey, to: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void {
    const { rowsFrom, rowsTo } = this;
    if (from >= rowsTo || to <= rowsFrom) {
      this.store.scan(from, to, visit);
      return;
    }
    let going = true;
    const onVisit = (key: StoreKey, value: Value): boolean => (going = visit(key, value) !== false);
    if (from < rowsFrom) this.store.scan(from, rowsFrom, onVisit);
    const low = from > rowsFrom ? from.slice(rowsFrom.length) : "";
    const high = to < rowsTo ? to.slice(rowsFrom.length) : endOfKeys;
    for (const segment of this.spaces.segments(this.tablet)) {
      if (!going) return;
      const first = low > segment.from ? low : segment.from;
      const end = high < segment.to ? high : segment.to;
      if (first >= end) continue;
      const prefix = spacePrefix(segment.space);
      this.store.scan(prefix + first, prefix + end, (key, value) =>
        onVisit(rowsFrom + key.slice(prefix.length), value),
      );
    }
    if (going && to > rowsTo) this.store.scan(rowsTo, to, onVisit);
  }

  private place(key: StoreKey): StoreKey {
    if (!key.startsWith(this.rowsFrom)) return key;
    const row = key.slice(this.rowsFrom.length);
    const at = this.placeOf(row);
    if (at === undefined)
      throw new Error(`tablet ${this.tablet} would write "${row}", which lies outside of its range`);
    return at;
  }

  private placeOf(row: StoreKey): StoreKey | undefined {
    for (const { space, from, to } of this.spaces.segments(this.tablet)) {
      if (row < to) return row >= from ? spacePrefix(space) + row : undefined;
    }
    return undefined;
  }
}
