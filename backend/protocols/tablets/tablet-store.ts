/**
 * What a tablet's group sees of its node's store. The rows of all tablets of a node lie in spaces that tablets share, and a tablet's
 * metadata says which stretches are its own; so a split moves no row, however many there are: it only says whose they are from now on.
 *
 *     the group's keys       s7/m    s7/r/guava    s7/r/kiwi                p7/...
 *                              │          │             │                     │
 *     the node's store       s7/m    t2v1/guava    t2v1/kiwi                p7/...          spaces of 7: from "g" on "2v1"
 *
 * The group's log, snapshots included, knows only the left side, and each replica may have its rows elsewhere. A write to a key outside
 * the tablet's range is a bug and throws: no tablet can touch another's rows. (TiKV's regions share a store in the same way.)
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import { afterPrefix } from "../../kernel/store.ts";
import type { SpaceMap } from "./space-map.ts";
import { segmentsOf } from "./space-map.ts";
import { endOfKeys, isWithin, metaKey, rowPrefix } from "./tablet.ts";
import type { TabletId, TabletMeta } from "./tablet.ts";

export class TabletStore implements Store {
  private readonly store: Store;
  private readonly spaces: SpaceMap;
  private readonly tablet: TabletId;
  private readonly metaAt: StoreKey;
  private readonly rowsFrom: StoreKey;
  private readonly rowsTo: StoreKey;
  private meta: TabletMeta | undefined;

  /** @param initial what holds as long as the store has no metadata */
  constructor(store: Store, spaces: SpaceMap, tablet: TabletId, initial: TabletMeta | undefined) {
    this.store = store;
    this.spaces = spaces;
    this.tablet = tablet;
    this.metaAt = `s${tablet}/${metaKey}`;
    this.rowsFrom = `s${tablet}/${rowPrefix}`;
    this.rowsTo = afterPrefix(this.rowsFrom);
    this.meta = (store.get(this.metaAt) as unknown as TabletMeta | undefined) ?? initial;
    spaces.adopt(tablet, this.meta);
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
    if (key === this.metaAt) {
      this.meta = value as unknown as TabletMeta;
      this.spaces.adopt(this.tablet, this.meta);
    }
    this.store.putLater(this.place(key), value);
  }

  deleteLater(key: StoreKey): void {
    // A snapshot deletes the metadata and puts other in its place; until then the rows are where they were.
    this.store.deleteLater(this.place(key));
  }

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
    for (const segment of this.meta === undefined ? [] : segmentsOf(this.meta)) {
      if (!going) return;
      const first = low > segment.from ? low : segment.from;
      const end = high < segment.to ? high : segment.to;
      if (first >= end) continue;
      const prefix = `t${segment.space}/`;
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
    if (at === undefined) {
      const range = this.meta === undefined ? "nothing" : `["${this.meta.from}", "${this.meta.to}")`;
      throw new Error(`tablet ${this.tablet} owns ${range} and would write "${row}"`);
    }
    return at;
  }

  private placeOf(row: StoreKey): StoreKey | undefined {
    const { meta } = this;
    if (meta === undefined || !isWithin(row, meta)) return undefined;
    const { spaces } = meta;
    let i = spaces.length - 1;
    while (spaces[i].from > row) i--;
    return `t${spaces[i].space}/${row}`;
  }
}
