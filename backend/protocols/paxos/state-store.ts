/**
 * What a machine sees of its replica's store: its own keys and nothing else. Every write of a machine is one that can be made again from
 * the log, so none is waited for, and each passes by the snapshot that may be under way.
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { Journal } from "./journal.ts";
import type { SnapshotSource } from "./snapshot-source.ts";

export class StateStore implements Store {
  /** Told before each change. */
  snapshot: SnapshotSource | undefined;
  private readonly store: Store;
  private readonly journal: Journal;
  private readonly prefix: StoreKey;

  constructor(store: Store, journal: Journal) {
    this.store = store;
    this.journal = journal;
    this.prefix = journal.stateFrom;
  }

  get(key: StoreKey): Value | undefined {
    return this.store.get(this.prefix + key);
  }

  put(key: StoreKey, value: Value): void {
    this.putLater(key, value);
  }

  delete(key: StoreKey): void {
    this.deleteLater(key);
  }

  putLater(key: StoreKey, value: Value): void {
    const full = this.prefix + key;
    this.snapshot?.beforeChange(full);
    this.journal.putState(full, value);
  }

  deleteLater(key: StoreKey): void {
    const full = this.prefix + key;
    this.snapshot?.beforeChange(full);
    this.journal.deleteState(full);
  }

  scan(from: StoreKey, to: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void {
    const { prefix } = this;
    this.store.scan(prefix + from, prefix + to, (key, value) => visit(key.slice(prefix.length), value));
  }
}
