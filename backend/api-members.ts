/** What can be asked of a group of members that watch each other, and how they are set up. Times are microseconds. */
import type { Micros, NodeId } from "./kernel/units.ts";

export type MemberStanding = "unknown" | "alive" | "suspect" | "dead" | "left";

export type MembersRequest =
  /** Who is there, by the node that is asked. */
  | { readonly kind: "members-list"; readonly timeoutUs?: Micros }
  /** The node that is asked goes, or comes back. Answered as "members-list". */
  | { readonly kind: "members-leave"; readonly timeoutUs?: Micros }
  | { readonly kind: "members-join"; readonly timeoutUs?: Micros }
  /** What node `of` noted since it started; the node that is asked asks it. */
  | { readonly kind: "members-report"; readonly of: NodeId; readonly timeoutUs?: Micros }
  /** Adds a value, if there is one, to those under the key, which its owner by the ring keeps in memory; answered with all of them. */
  | { readonly kind: "ring-add"; readonly key: string; readonly value?: string; readonly timeoutUs?: Micros };

export interface MemberView {
  readonly node: NodeId;
  readonly standing: MemberStanding;
  readonly incarnation: number;
}

/** What a node came to believe. Instants by its own clock, microseconds since the run began. */
export interface MembersNotes {
  readonly node: NodeId;
  readonly now: Micros;
  /** Two numbers each: when a protocol period began, and how many messages this one had sent until then. */
  readonly sent: readonly number[];
  /** Three numbers each: the member that did not answer this one, when it began to ask, when it gave up. */
  readonly missed: readonly number[];
  /** Three numbers each: the member that this one held for dead from then on, when, and who had said so first. */
  readonly dead: readonly number[];
  /** When this one was pinged. */
  readonly pinged: readonly number[];
}

export type MembersResult =
  | {
      readonly kind: "members";
      readonly node: NodeId;
      readonly now: Micros;
      /** Of everything that is believed. */
      readonly checksum: number;
      /** Of who is on the ring. */
      readonly ringChecksum: number;
      readonly members: readonly MemberView[];
    }
  | { readonly kind: "members-notes"; readonly notes: MembersNotes }
  /** `servedBy`: the owner, by its own ring, when it served the request; `now` by its clock. */
  | {
      readonly kind: "ring-values";
      readonly values: readonly string[];
      readonly servedBy: NodeId;
      readonly now: Micros;
    };

/** Lifeguard's three parts. */
export interface LifeguardParts {
  /** A member in bad health probes more slowly and waits longer. */
  readonly health: boolean;
  /** A suspicion that nobody confirms lasts up to six times as long. */
  readonly suspicion: boolean;
  /** A suspect is told so by whoever pings it next. */
  readonly buddies: boolean;
}

export interface SwimSpec {
  readonly kind: "swim";
  /** T; 1 s by default. */
  readonly periodUs?: Micros;
  /** Until a ping counts as unanswered; a fifth of T by default. */
  readonly timeoutUs?: Micros;
  /** How long a suspect has to clear itself; 5 s by default, Ringpop's. 0: who does not answer is dead. */
  readonly suspicionUs?: Micros;
  /** k; 3 by default. */
  readonly indirect?: number;
  readonly targets?: "round-robin" | "random";
  /** A claim is passed on lambda ln(n + 1) times; 3 by default. */
  readonly lambda?: number;
  /** Claims that go with a message; 8 by default. */
  readonly claims?: number;
  /** Absent: none. */
  readonly lifeguard?: LifeguardParts;
  /** Whom a node that starts asks who is there. Absent: all nodes take each other for members from the start. */
  readonly seeds?: readonly NodeId[];
}

export interface HeartbeatsSpec {
  readonly kind: "heartbeats";
  /** 1 s by default. */
  readonly periodUs?: Micros;
  /** Silence after which a member is suspected; two periods and a half by default. */
  readonly suspectUs?: Micros;
  /** How long after that it is dead; 5 s by default. */
  readonly suspicionUs?: Micros;
}

/** Nodes that watch each other, and a ring of those that are there. */
export interface MembersService {
  readonly kind: "members";
  readonly detector: SwimSpec | HeartbeatsSpec;
  /** Points of a node on the ring; 100 by default. */
  readonly virtualNodes?: number;
}
