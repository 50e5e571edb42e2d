/**
 * A queue in the store: keys that only ever come in at the end and go from anywhere, mostly from the front. A store keeps the place of what was
 * deleted until its next checkpoint, so a scan from the beginning would walk over all that went. This one begins where the first key was when it
 * was last looked for: nothing has come in before it since.
 */
import { afterPrefix } from "../../kernel/store.ts";
import type { Store, StoreKey, Value } from "../../kernel/store.ts";

export class OldestFirst {
  private readonly store: Store;
  private readonly prefix: StoreKey;
  /** Invariant: no key of the queue sorts before it. */
  private from: StoreKey;

  constructor(store: Store, prefix: StoreKey) {
    this.store = store;
    this.prefix = prefix;
    this.from = prefix;
  }

  /** The queue in the store is another. */
  reset(): void {
    this.from = this.prefix;
  }

  /**
   * Visits keys from the oldest on until `visit` returns false.
   *
   * @param next no key that is yet to come sorts before the prefix and this
   */
  scan(next: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void {
    let first: StoreKey | undefined;
    this.store.scan(this.from, afterPrefix(this.prefix), (key, value) => {
      first ??= key;
      return visit(key, value);
    });
    const floor = first ?? this.prefix + next;
    if (floor > this.from) this.from = floor;
  }
}
