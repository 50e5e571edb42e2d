/**
 * What the parts of a transaction say to one another. A transaction's keys lie in groups; each group is a replicated log with a leader.
 *
 *     driver ── run ─────────> leader of the only group                                            ── outcome ──> driver
 *     driver ── prepare-part > leaders of the other groups ── vote / veto ─────> coordinator
 *     driver ── coordinate ──> leader of one of the groups, the coordinator     ── decision ─────> leaders; they have learned it
 *                                                                                                  ── outcome ──> driver
 *     driver ── read ────────> any replica                                                         ── values ───> driver
 *
 * Reads and conditions ride on the first phase, as in Sinfonia (SOSP 2007, section 4.3); Spanner's clients read in a phase of their own.
 * What goes from group to group says which group it is for and may be lost or doubled: it is sent again until it is answered.
 */
import type { RefusalCode } from "../../api.ts";
import type { DatabaseCondition, DatabaseWrite, VersionedValue } from "../../api-database.ts";
import type { Env, Wall } from "../../kernel/env.ts";
import type { Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { TabletClaim } from "./tablet-map.ts";

export type GroupId = number;
/** One attempt at a transaction: unique for ever. */
export type Txn = string;

/** When a transaction first began; an attempt after a wound keeps it. The less, the older. */
export interface Age {
  readonly at: Micros;
  readonly node: NodeId;
  readonly sequence: number;
}

/** What a transaction does in one group. */
export interface Part {
  readonly txn: Txn;
  readonly age: Age;
  readonly reads: readonly string[];
  readonly writes: readonly DatabaseWrite[];
  readonly conditions: readonly DatabaseCondition[];
}

/** How an attempt ended, as its driver hears of it. */
export type Outcome =
  | {
      readonly kind: "committed";
      readonly timestamp: Micros;
      readonly group: GroupId;
      readonly values: readonly VersionedValue[];
    }
  /** Nothing happened and nothing will: it may be tried again. */
  | {
      readonly kind: "aborted";
      readonly reason: "wounded" | "timeout" | "leader-changed" | "moved";
      /** Of "moved": who has the keys, as far as is known there. */
      readonly claims?: readonly TabletClaim[];
    }
  | { readonly kind: "refused"; readonly code: RefusalCode; readonly message: string }
  | { readonly kind: "unknown" }
  /** Not begun here. `leader`: who leads, as far as is known; -1: nobody. */
  | { readonly kind: "not-leader"; readonly leader: NodeId };

/** From the driver. Whoever gets it knows a second copy by the number of the operation. */
interface Order {
  readonly group: GroupId;
  readonly operation: number;
  readonly part: Part;
  readonly leftUs: Micros;
  /** The sender's earliest idea of the true time. */
  readonly sentAt: Micros;
}

export type OrderMessage =
  | ({ readonly kind: "run" } & Order)
  | ({ readonly kind: "prepare-part"; readonly coordinator: GroupId } & Order)
  | ({ readonly kind: "coordinate"; readonly participants: readonly GroupId[] } & Order);

export type ReadMessage = {
  readonly kind: "read";
  readonly group: GroupId;
  readonly operation: number;
  readonly keys: readonly string[];
  /**
   * - "leader": as of now, by the leader's own clock
   * - "strong": as of `timestamp`, which may lie ahead of the leader's clock
   * - "exact": as of `timestamp`
   * - "fresher": as of `timestamp` or of later
   */
  readonly at: "leader" | "strong" | "exact" | "fresher";
  readonly timestamp: Micros;
};

/** Between groups. */
export type PeerMessage =
  /** Prepared at `timestamp`; also asks what was decided. */
  | {
      readonly kind: "vote";
      readonly group: GroupId;
      readonly txn: Txn;
      readonly from: GroupId;
      readonly timestamp: Micros;
      readonly values: readonly VersionedValue[];
    }
  | {
      readonly kind: "veto";
      readonly group: GroupId;
      readonly txn: Txn;
      readonly outcome: Outcome;
    }
  /** An older transaction waits for it. */
  | { readonly kind: "wound"; readonly group: GroupId; readonly txn: Txn }
  /** `timestamp` null: aborted. */
  | {
      readonly kind: "decision";
      readonly group: GroupId;
      readonly txn: Txn;
      readonly from: GroupId;
      readonly timestamp: Micros | null;
    }
  | { readonly kind: "learned"; readonly group: GroupId; readonly txn: Txn; readonly from: GroupId };

export type DriverMessage =
  | { readonly kind: "outcome"; readonly operation: number; readonly outcome: Outcome }
  | {
      readonly kind: "values";
      readonly operation: number;
      readonly timestamp: Micros;
      readonly values: readonly VersionedValue[];
    }
  | { readonly kind: "unread"; readonly operation: number; readonly outcome: Outcome };

/** To all replicas: who leads? Only the leader answers. */
export type LocateMessage =
  | { readonly kind: "locate"; readonly group: GroupId }
  | { readonly kind: "located"; readonly group: GroupId };

export type TransactionMessage = OrderMessage | ReadMessage | PeerMessage | DriverMessage | LocateMessage;

/* ---- what the roles need from outside ----------------------------------------------------------------------------------- */

export type TransactionEnv = Pick<
  Env<TransactionMessage, string, never>,
  "self" | "now" | "wall" | "random" | "store" | "send" | "sendEarly" | "after" | "cancel"
>;

/** The replicated log of a group, as its replica here sees it. */
export interface Log {
  readonly group: GroupId;
  /** This replica leads, nobody else can, and it has applied whatever was answered before. */
  readonly holdsLease: boolean;
  /** True time up to which nobody else can lead. */
  readonly leaseEnd: Micros;
  /** Of the present leadership, if this replica leads; greater than those before. */
  readonly ballot: number;
  readonly leader: NodeId;
  /** The state is complete and may be read. */
  readonly readable: boolean;
  /** The leader promised that all that will ever be committed at or before this is in what is applied here. */
  readonly safe: Micros;
  /** Returns false, and has done nothing, unless this replica leads. */
  propose(origin: unknown, command: Value): boolean;
}

/** Sends to the leader of a group, or to all its replicas while nobody knows who leads. */
export interface Peers {
  toLeader(group: GroupId, message: PeerMessage): void;
}

/** TrueTime's questions. */
export interface TrueTimeRules {
  /** `t` has definitely passed. */
  after(wall: Wall, t: Micros): boolean;
  /** How long until then, about. */
  commitWaitUs(wall: Wall, t: Micros): Micros;
}

export interface TransactionOptions {
  /** How often what was not answered is said again. */
  readonly retryUs: Micros;
  /** How long a coordinator waits for its participants. */
  readonly patienceUs: Micros;
  readonly commitWait: boolean;
}

export function isOlder(a: Age, b: Age): boolean {
  if (a.at !== b.at) return a.at < b.at;
  if (a.node !== b.node) return a.node < b.node;
  return a.sequence < b.sequence;
}
