/** Planted bugs of tablets, so that the checkers can be seen to fail. */
import type { StoreKey } from "../../kernel/store.ts";
import { isWithin } from "../../protocols/tablets/tablet.ts";
import { RowsMachine } from "./rows-machine.ts";
import type { RowsMachineClass, RowsOutcome } from "./rows-machine.ts";

/** Ownership was looked at when the write was proposed, and is not again: who meets the split in the log is answered, and lost. */
class SplitLosesInFlight extends RowsMachine {
  protected override refuse(): RowsOutcome {
    return { kind: "ok", result: { kind: "row-written" } };
  }
}

/** A seal is only a note: the tablet goes on serving, and its neighbour takes over what it was when it was sealed. */
class SealedTabletServes extends RowsMachine {
  override owns(key: StoreKey): boolean {
    const { meta } = this.tablet;
    return meta !== undefined && isWithin(key, meta);
  }
}

export const plantedTablets: readonly {
  readonly name: string;
  readonly description: string;
  readonly rows: RowsMachineClass;
}[] = [
  {
    name: "split-loses-in-flight",
    description: "a write proposed before a split and applied after it is answered, and lost",
    rows: SplitLosesInFlight,
  },
  {
    name: "sealed-tablet-serves",
    description: "a tablet that its neighbour takes over goes on taking writes",
    rows: SealedTabletServes,
  },
];
