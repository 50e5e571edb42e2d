/** The rows of one tablet as a state machine: whether the key is owned is looked at here, in the log's order, and nowhere else counts. */
import type { Answer } from "../../api.ts";
import type { Store, StoreKey } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import { rowsOf } from "../../protocols/tablets/split.ts";
import type { Rows } from "../../protocols/tablets/split.ts";
import { rowPrefix, Tablet } from "../../protocols/tablets/tablet.ts";
import type { Moved, RangeCommand, RangeResult, TabletHost, TabletMeta } from "../../protocols/tablets/tablet.ts";

export type RowCommand =
  | { readonly kind: "row-put"; readonly key: StoreKey; readonly value: string }
  | {
      readonly kind: "row-swap";
      readonly key: StoreKey;
      readonly expected: string | null;
      readonly value: string;
    };

export type RowsCommand = RowCommand | RangeCommand;
export type RowsOutcome = Answer | Moved | RangeResult;

const written: Answer = { kind: "ok", result: { kind: "row-written" } };
const other: Answer = { kind: "refused", code: "condition-failed", message: "The row is not what was expected" };

export class RowsMachine {
  readonly tablet: Tablet;
  protected readonly store: Store;
  /** Writes that found their key gone when their turn came. */
  refusedInLog = 0;

  constructor(store: Store, initial: TabletMeta | undefined, host: TabletHost) {
    this.store = store;
    this.tablet = new Tablet(store, initial, host);
  }

  apply(command: RowsCommand, at: Micros): RowsOutcome {
    switch (command.kind) {
      case "row-put":
        if (!this.owns(command.key)) return this.refuse();
        this.store.putLater(rowPrefix + command.key, command.value);
        return written;
      case "row-swap":
        if (!this.owns(command.key)) return this.refuse();
        if (this.get(command.key) !== command.expected) return other;
        this.store.putLater(rowPrefix + command.key, command.value);
        return written;
      default:
        return this.tablet.apply(command, at);
    }
  }

  /** @returns undefined at a replica that has no state yet */
  read({ key }: { readonly key: StoreKey }): RowsOutcome | undefined {
    if (this.tablet.meta === undefined) return undefined;
    if (!this.owns(key)) return this.tablet.moved();
    return { kind: "ok", result: { kind: "row", value: this.get(key) } };
  }

  reset(): void {
    this.tablet.reset();
  }

  due(): undefined {
    return undefined;
  }

  owns(key: StoreKey): boolean {
    return this.tablet.owns(key);
  }

  rows(): Rows {
    return rowsOf(this.store);
  }

  heirloom(): [] {
    return [];
  }

  keyOf(row: StoreKey): StoreKey {
    return row;
  }

  protected refuse(): RowsOutcome {
    this.refusedInLog++;
    return this.tablet.moved();
  }

  private get(key: StoreKey): string | null {
    return (this.store.get(rowPrefix + key) as string | undefined) ?? null;
  }
}

export type RowsMachineClass = typeof RowsMachine;
