/** What nodes with tablets say to one another beyond the words of Paxos. */
import type { RowsRequest } from "../../api-tablets.ts";
import type { NodeId } from "../../kernel/units.ts";
import type { PaxosMessage } from "../../protocols/paxos/messages.ts";
import type { TabletReport } from "../../protocols/tablets/balance.ts";
import type { DirectoryCommand, DirectoryMap } from "../../protocols/tablets/directory.ts";
import type { TabletEntry, TabletId } from "../../protocols/tablets/tablet.ts";
import type { ForwardMessage, ForwardReply } from "../forwards.ts";

/** About tablets as such, whatever is kept in them. */
export type FleetMessage =
  | { readonly kind: "map-ask"; readonly since: number }
  /** `leader`: who leads the directory, as far as the sender knows; -1: nobody. */
  | { readonly kind: "map"; readonly map: DirectoryMap; readonly leader: NodeId }
  /** To whoever leads the directory. */
  | { readonly kind: "steer"; readonly command: DirectoryCommand }
  | { readonly kind: "load"; readonly reports: readonly TabletReport[] }
  /** I have a replica of that tablet by now: what you asked of it before was not heard. */
  | { readonly kind: "begun"; readonly tablet: TabletId }
  /** You lead that tablet: let `to` lead it. */
  | { readonly kind: "hand-over"; readonly tablet: TabletId; readonly to: NodeId };

export type TabletsMessage =
  | PaxosMessage
  | FleetMessage
  | (ForwardMessage<RowsRequest> & { readonly group: TabletId })
  | ForwardReply
  /** It does not own the key and has done nothing. `entries`: who may. */
  | { readonly kind: "forward-moved"; readonly operation: number; readonly entries: readonly TabletEntry[] };

export type TabletsTimer = "tick";

export const directoryGroup = 1;
