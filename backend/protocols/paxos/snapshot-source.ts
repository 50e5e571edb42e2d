/**
 * A consistent copy of the machine's state, handed out piece by piece while the machine goes on changing it. What is about to change and
 * has not been handed out yet is saved first (copy on write), so the copy is the state as of one slot and costs memory only for what
 * changes meanwhile.
 *
 *     handed out            cursor            still to go
 *     [ a  b  c  d ......... | ......... p  q  r ]
 *                                        put q: save the old q first
 */
import { OrderedMap } from "../../kernel/ordered-map.ts";
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { Journal } from "./journal.ts";
import type { Control, Slot, SnapshotPiece } from "./messages.ts";
import type { Micros } from "../../kernel/units.ts";

/** Stands for "was not there". */
const absent = Symbol("absent");
const pieceKeys = 256;

export class SnapshotSource {
  readonly id: number;
  readonly slot: Slot;
  private readonly at: Micros;
  private readonly control: Control;
  private readonly store: Store;
  private readonly end: StoreKey;
  private cursor: StoreKey;
  private part = -1;
  private piece: SnapshotPiece | undefined;
  private readonly saved = new OrderedMap<Value | typeof absent>();

  constructor(id: number, store: Store, journal: Journal, applied: { slot: Slot; at: Micros; control: Control }) {
    this.id = id;
    this.store = store;
    this.slot = applied.slot;
    this.at = applied.at;
    this.control = applied.control;
    this.cursor = journal.stateFrom;
    this.end = journal.stateTo;
  }

  /** All of it was handed out. */
  get exhausted(): boolean {
    return this.cursor === this.end;
  }

  /** To be called before the machine changes `key`. */
  beforeChange(key: StoreKey): void {
    if (key < this.cursor || this.saved.has(key)) return;
    this.saved.set(key, this.store.get(key) ?? absent);
  }

  /** The piece of that number; the same again when it is asked for twice, undefined when it is not the next one. */
  take(part: number): SnapshotPiece | undefined {
    if (part === this.part) return this.piece;
    if (part !== this.part + 1) return undefined;
    this.part = part;
    this.piece = this.next();
    return this.piece;
  }

  private next(): SnapshotPiece {
    const from = this.cursor;
    const present = new OrderedMap<Value>();
    let to = this.end;
    this.store.scan(from, this.end, (key, value) => {
      if (present.size === pieceKeys) {
        to = key;
        return false;
      }
      present.set(key, value);
      return true;
    });
    this.saved.scan(from, to, (key, value) => {
      if (value === absent) present.delete(key);
      else present.set(key, value);
    });
    const keys: StoreKey[] = [];
    const values: Value[] = [];
    present.scan(from, to, (key, value) => {
      keys.push(key);
      values.push(value);
    });
    this.cursor = to;
    const { slot, at, control } = this;
    return { slot, at, control, from, to, keys, values, last: to === this.end };
  }
}
