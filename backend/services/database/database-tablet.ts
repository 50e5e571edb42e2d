/**
 * The replicated state of a tablet whose keys come and go: the transactions' machine, and beside it what the tablet owns. Keys change hands
 * at one place in the log, and that place is looked at here once more, whatever the leader believed when it proposed:
 *
 *     split    void if an earlier leader proposed it, or while something prepared touches a key that would leave
 *     seal     void if an earlier leader proposed it, or while anything is prepared, or a commit is yet to be learned by somebody
 *     absorb   the left neighbour goes on above every timestamp that the right one gave or promised
 *
 * The child of a split begins with the versions that are there and the parent's highest timestamp, raised to what its leader promised to
 * readers: below that nobody will commit, so a read of the past finds the same at the child as it found at the parent.
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import { rowsOf } from "../../protocols/tablets/split.ts";
import type { Rows } from "../../protocols/tablets/split.ts";
import { Tablet } from "../../protocols/tablets/tablet.ts";
import type { RangeCommand, RangeResult, TabletHost, TabletMeta } from "../../protocols/tablets/tablet.ts";
import { keyOfVersion } from "../../protocols/transactions/tablet-machine.ts";
import type { Applied, Ownership, TabletCommand, TabletMachine } from "../../protocols/transactions/tablet-machine.ts";

export interface MoveCommand {
  readonly kind: "move";
  /** Ballot of the leader that proposed it. */
  readonly reign: number;
  /** Every timestamp that was given or promised for the keys which move is at or below it. */
  readonly floor: Micros;
  /** Of the versions that move. */
  readonly horizon: Micros;
  readonly change: RangeCommand;
}

export type DatabaseCommand = TabletCommand | MoveCommand;

const unchanged: RangeResult = { kind: "range", changed: false };

export class DatabaseTablet {
  readonly tablet: Tablet;
  readonly machine: TabletMachine;
  private readonly store: Store;

  constructor(
    store: Store,
    initial: TabletMeta | undefined,
    host: TabletHost,
    { Machine, versionsKeptUs }: { readonly Machine: typeof TabletMachine; readonly versionsKeptUs: Micros },
  ) {
    this.store = store;
    this.tablet = new Tablet(store, initial, host);
    const { tablet } = this;
    const ownership: Ownership = {
      owns: (key) => tablet.owns(key),
      get open() {
        return tablet.meta?.sealedInto === 0;
      },
      claims: () => tablet.moved().entries,
    };
    this.machine = new Machine(store, versionsKeptUs, ownership);
  }

  apply(command: DatabaseCommand, at: Micros): Applied | RangeResult {
    return command.kind === "move" ? this.move(command, at) : this.machine.apply(command, at);
  }

  private move({ reign, floor, horizon, change }: MoveCommand, at: Micros): RangeResult {
    if (change.kind !== "absorb" && (reign < this.machine.reign || !this.mayLeave(change))) return unchanged;
    // First, so that a child begins above it.
    if (change.kind === "absorb") this.machine.receive(floor, horizon);
    else this.machine.raise(floor);
    return this.tablet.apply(change, at);
  }

  protected mayLeave(change: Exclude<RangeCommand, { kind: "absorb" }>): boolean {
    if (change.kind === "split") return !this.machine.isPreparedFrom(change.at);
    return !this.machine.isPreparedFrom("") && !this.machine.owes;
  }

  /** Reads go past the log. */
  read(): undefined {
    return undefined;
  }

  due(): undefined {
    return undefined;
  }

  reset(): void {
    this.tablet.reset();
    this.machine.reset();
  }

  /* ---- for whoever splits and merges ---- */

  rows(): Rows {
    return rowsOf(this.store);
  }

  heirloom(): [StoreKey, Value][] {
    return this.machine.heirloom();
  }

  keyOf(row: StoreKey): StoreKey {
    return keyOfVersion(row);
  }
}
