/** Planted bugs of the dispatch service. */
import { ForwardWithoutChecksum } from "../members/mutants.ts";
import type { DispatchRoles } from "./dispatch-node.ts";
import { dispatchRoles } from "./dispatch-node.ts";
import { Holdings } from "./holdings.ts";
import type { HeldDriver } from "./holdings.ts";
import { Keeper } from "./keeper.ts";

class BooksWhileClaiming extends Holdings {
  protected override isOwned({ phase, leaving }: HeldDriver): boolean {
    return phase !== "writing" && !leaving;
  }
}

class ForgetsThePromise extends Keeper {
  protected override isFenced(): boolean {
    return false;
  }
}

export const plantedDispatch: readonly { name: string; description: string; dispatch: DispatchRoles }[] = [
  {
    name: "booking-without-ownership",
    description: "a driver is given away by whoever heard of it last, before the keepers have promised it to that node",
    dispatch: { ...dispatchRoles, holdings: BooksWhileClaiming },
  },
  {
    name: "hand-over-without-fence",
    description: "keepers accept what the former owner of a driver writes after another has claimed it",
    dispatch: { ...dispatchRoles, keeper: ForgetsThePromise },
  },
  {
    name: "dispatch-without-checksum",
    description: "a node serves what was forwarded to it by another ring, and keeps drivers that are not its own",
    dispatch: { ...dispatchRoles, ringpop: ForwardWithoutChecksum },
  },
];
