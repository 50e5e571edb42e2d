/** A planted bug of stations that answer together, for proving that a checker sees it. */
import { Hedge } from "../../policies/hedge.ts";
import type { FanOutRoles } from "./fan-out-node.ts";
import { fanOutRoles } from "./fan-out-node.ts";

/** A late write is sent again, and done twice. */
class HedgesWrites extends Hedge {
  protected override mayHedge(): boolean {
    return true;
  }
}

export interface FanOutMutant {
  readonly name: string;
  readonly description: string;
  readonly fanOut: FanOutRoles;
}

export const plantedHedges: readonly FanOutMutant[] = [
  {
    name: "hedge-on-a-write",
    description: "a write that takes long is sent to another server as well",
    fanOut: { ...fanOutRoles, Hedge: HedgesWrites },
  },
];
