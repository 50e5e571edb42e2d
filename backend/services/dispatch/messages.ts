/** What dispatch nodes say to each other. `operation` names what the sender waits for; a late or doubled answer is ignored by it. */
import type { Answer } from "../../api.ts";
import type {
  DriverSeen,
  DriverState,
  Match,
  MatchRider,
  Place,
  ReportPosition,
  TripState,
} from "../../api-dispatch.ts";
import type { Env } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { RingpopMessage } from "../../protocols/ringpop/messages.ts";
import type { RingpopTimer } from "../../protocols/ringpop/ringpop.ts";
import type { MembershipMessage, MembershipTimer } from "./membership.ts";

/** A driver given to a rider. */
export interface Trip {
  readonly trip: string;
  readonly rider: string;
  readonly match: Match;
}

/** What a driver's register holds. `past`: the last trip that it brought to an end. */
export interface RegisterValue {
  readonly trip: Trip | null;
  readonly past: { readonly trip: string; readonly rider: string } | null;
}

/** A value and when it was accepted: a later epoch, or a later sequence of the same epoch, replaces it. */
export interface Accepted {
  readonly epoch: number;
  readonly sequence: number;
  readonly value: RegisterValue;
}

export const nothingAccepted: Accepted = { epoch: 0, sequence: 0, value: { trip: null, past: null } };

/** Of owners to keepers, about one driver. */
export type KeeperRequest =
  /** `life`: of the node, drawn when it starts, so that it does not take an epoch of an earlier life for its own. */
  | { readonly kind: "claim"; readonly driver: string; readonly epoch: number; readonly life: number }
  /** `again`: a new owner writes what it found. Else the owner has decided it, now. */
  | { readonly kind: "accept"; readonly driver: string; readonly accepted: Accepted; readonly again: boolean };

/** Of keepers to owners. */
export type KeeperAnswer =
  | { readonly kind: "promise"; readonly driver: string; readonly epoch: number; readonly accepted: Accepted }
  | { readonly kind: "accepted"; readonly driver: string; readonly epoch: number; readonly sequence: number }
  /** Somebody has claimed the driver at `epoch`, which is later. */
  | { readonly kind: "fenced"; readonly driver: string; readonly epoch: number }
  /** Not accepted: another driver's register has the trip here, as `by` says; null: it is over. */
  | {
      readonly kind: "taken";
      readonly driver: string;
      readonly epoch: number;
      readonly sequence: number;
      readonly by: Accepted | null;
    };

/** What one keeper knows of a trip or a driver. */
export interface KeeperView {
  readonly driver: string | null;
  /** Who claimed it last, at which epoch; 0: nobody. */
  readonly owner: NodeId;
  readonly epoch: number;
  readonly accepted: Accepted;
  /** The trip that was asked for, when it is over. */
  readonly ended: TripState | null;
}

/** One driver by one keeper, for lists of trips. */
export interface RegisterView {
  readonly driver: string;
  readonly accepted: Accepted;
}

/** A request on its way to an owner. `until`: when nobody waits for its answer any longer, by the entry node's clock; it is not begun then. */
export interface Routed {
  readonly request: ReportPosition | MatchRider;
  readonly until: Micros;
}

export interface Candidate {
  readonly driver: string;
  readonly owner: NodeId;
  readonly from: Place;
  readonly distanceMeters: number;
}

/** Where a driver was, given to the next owner. */
export interface Position extends Place {
  readonly driver: string;
  readonly heading: number | null;
  readonly state: DriverState;
  readonly ageUs: Micros;
}

export type BookOutcome =
  | { readonly kind: "booked" }
  /** Not by this. `doubtful`: some keeper may have it, and it may yet come to be; with another driver the trip is safe all the same. */
  | { readonly kind: "lost"; readonly doubtful: boolean }
  /** The trip has a driver already; null: it is over. */
  | { readonly kind: "taken"; readonly by: Match | null };

export type DispatchMessage =
  | RingpopMessage<Routed, Answer, never>
  | MembershipMessage
  | KeeperRequest
  | KeeperAnswer
  | { readonly kind: "find"; readonly operation: number; readonly driver?: string; readonly trip?: string }
  | { readonly kind: "found"; readonly operation: number; readonly view: KeeperView }
  | { readonly kind: "list"; readonly operation: number }
  /** The trip, which no driver has, is never to have one. Not `done`: one has. */
  | { readonly kind: "bury"; readonly operation: number; readonly trip: string }
  | { readonly kind: "buried"; readonly operation: number; readonly done: boolean }
  | {
      readonly kind: "listed";
      readonly operation: number;
      readonly registers: readonly RegisterView[];
      readonly ended: readonly TripState[];
    }
  | { readonly kind: "search"; readonly operation: number; readonly at: Place; readonly rings: number }
  | { readonly kind: "candidates"; readonly operation: number; readonly candidates: readonly Candidate[] }
  | { readonly kind: "book"; readonly operation: number; readonly driver: string; readonly trip: Trip }
  | { readonly kind: "book-outcome"; readonly operation: number; readonly outcome: BookOutcome }
  /** `over`: some keeper has it that the trip, which this driver had, is over. */
  | {
      readonly kind: "end";
      readonly operation: number;
      readonly driver: string;
      readonly trip: string;
      readonly over: boolean;
    }
  | { readonly kind: "end-outcome"; readonly operation: number; readonly ended: boolean }
  | { readonly kind: "where"; readonly operation: number; readonly driver: string }
  | { readonly kind: "there"; readonly operation: number; readonly seen: DriverSeen | null }
  | { readonly kind: "positions"; readonly positions: readonly Position[] };

export type DispatchTimer =
  | RingpopTimer
  | MembershipTimer
  /** A keeper has not answered in time. Key: the held driver's number. */
  | "keepers"
  /** A node asked for candidates, or to book one, has not answered in time. Key: the operation. */
  | "matching"
  | "errand"
  | "sweep";

export type DispatchEnv = Env<DispatchMessage, DispatchTimer, Answer>;
