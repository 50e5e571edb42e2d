/**
 * What the replicas of one group say to one another. Names are those of "Paxos Made Simple" (Lamport, 2001): prepare and promise, accept
 * and accepted. A node may hold replicas of many groups, so every message names its group.
 *
 *     candidate -- prepare -->  acceptors  -- promise / refuse -->  candidate           once a leadership, for every slot still open
 *     leader    -- accept  -->  acceptors  -- accepted / refuse --> leader              once a slot, many slots under way
 *     leader    -- heartbeat -> acceptors  -- leased / refuse -->   leader              the lease, and how far the log is chosen
 *     follower  -- fetch -->    anyone     -- log -->               follower            what it missed
 *     follower  -- snapshot-ask -> anyone  -- snapshot -->          follower            when what it missed is no longer kept
 */
import type { Env } from "../../kernel/env.ts";
import type { StoreKey, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Ballot } from "./ballot.ts";

/** Number of an entry of the log, from 1. */
export type Slot = number;
export type GroupId = number;

/**
 * A voter: a node and the life of its disk. A disk that was wiped comes back as another incarnation, which has promised nothing and so
 * must not be taken for the old one.
 */
export interface Member {
  readonly node: NodeId;
  readonly incarnation: string;
}

/** One value of the log. `at`: the leader's stamp, see StateMachine.apply. */
export type Body =
  | { readonly kind: "commands"; readonly at: Micros; readonly commands: readonly Value[] }
  /** Fills a hole that an earlier leader left. */
  | { readonly kind: "no-op"; readonly at: Micros }
  /** From the next slot on, these vote. */
  | { readonly kind: "members"; readonly at: Micros; readonly members: readonly Member[] }
  /** Where replicas should be; the leader changes the members one at a time until they are these. */
  | { readonly kind: "placement"; readonly at: Micros; readonly nodes: readonly NodeId[] };

/** A value as one acceptor accepted it. */
export interface Entry {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly body: Body;
}

interface OfGroup {
  readonly group: GroupId;
}

export type PaxosMessage = OfGroup &
  (
    | { readonly kind: "prepare"; readonly ballot: Ballot; readonly from: Slot }
    /** `entries`: accepted in slots above `chosen` and from the asked-for slot on. `chosen`: up to here the acceptor knows what is chosen. */
    | {
        readonly kind: "promise";
        readonly ballot: Ballot;
        readonly chosen: Slot;
        readonly entries: readonly Entry[];
      }
    /** To a prepare, accept or heartbeat at `ballot`. `until`: a lease stands in the way up to this true time; else 0. */
    | { readonly kind: "refuse"; readonly ballot: Ballot; readonly promised: Ballot; readonly until: Micros }
    | {
        readonly kind: "accept";
        readonly ballot: Ballot;
        readonly slot: Slot;
        readonly body: Body;
        readonly chosen: Slot;
      }
    | { readonly kind: "accepted"; readonly ballot: Ballot; readonly slot: Slot }
    /** Everything up to `chosen` is chosen, and what was answered before true time `asOf` is in it. `safe`: see GroupHost.safe. */
    | {
        readonly kind: "chosen";
        readonly ballot: Ballot;
        readonly chosen: Slot;
        readonly asOf: Micros;
        readonly safe: Micros;
      }
    | {
        readonly kind: "heartbeat";
        readonly ballot: Ballot;
        readonly chosen: Slot;
        readonly asOf: Micros;
        readonly safe: Micros;
        readonly until: Micros;
      }
    /** `until`: the lease granted, 0 when another's is in force. `applied`: how far this replica is. */
    | { readonly kind: "leased"; readonly ballot: Ballot; readonly until: Micros; readonly applied: Slot }
    /** The leader gives its lease up; `successor` need not wait. */
    | { readonly kind: "release"; readonly ballot: Ballot; readonly successor: NodeId }
    | { readonly kind: "fetch"; readonly from: Slot }
    /** Chosen entries, without a gap from the asked-for slot. */
    | { readonly kind: "log"; readonly entries: readonly Entry[]; readonly chosen: Slot }
    /** `id` 0 asks for a new snapshot. */
    | { readonly kind: "snapshot-ask"; readonly id: number; readonly part: number }
    | { readonly kind: "snapshot"; readonly id: number; readonly part: number; readonly piece: SnapshotPiece }
    /** What is the highest slot you have accepted? */
    | { readonly kind: "mark"; readonly read: number }
    | { readonly kind: "marked"; readonly read: number; readonly slot: Slot }
    /** A replica that does not vote introduces its disk. `learned`: it knows who voted at some time. */
    | { readonly kind: "hello"; readonly incarnation: string; readonly learned: boolean }
    /** `to`: the disk that said hello. */
    | { readonly kind: "welcome"; readonly incarnation: string; readonly control: Control | null; readonly to: string }
    /** To oneself: propose what has gathered. */
    | { readonly kind: "gathered" }
    /** To oneself: apply what is left. */
    | { readonly kind: "apply-on" }
  );

/** The group's own replicated state. */
export interface Control {
  readonly members: readonly Member[];
  readonly placement: readonly NodeId[];
  /** The slot that made these the members; absent: the founding did. */
  readonly since?: Slot;
}

/** Part of the machine's state as of `slot`: everything there was from `from` to `to`, in key order. */
export interface SnapshotPiece {
  readonly slot: Slot;
  readonly at: Micros;
  readonly control: Control;
  readonly from: StoreKey;
  /** Exclusive. */
  readonly to: StoreKey;
  readonly keys: readonly StoreKey[];
  readonly values: readonly Value[];
  readonly last: boolean;
}

/** Whose command it is, so that its result finds the way back; opaque to the protocol. */
export type Origin = unknown;

/** What a group asks of the node that it is part of. */
export interface GroupHost {
  /** The command is chosen and applied here; `result` is the machine's. */
  onResult(origin: Origin, result: unknown): void;
  /** The command was proposed and this replica will not learn what becomes of it: it may be applied or not. */
  onLost(origin: Origin): void;
  /** The command was never proposed. */
  onRefused(origin: Origin): void;
  /** The state holds everything that was answered when the read began. */
  onReadable(origin: Origin): void;
  /** The state moved on. */
  onApplied(): void;
  /** Another replica leads, as far as is known here; -1: nobody. */
  onLeader(leader: NodeId): void;
  /** Asked of the leader: a timestamp that its followers may read at once they have applied what is chosen now; -1: none. */
  safe?(): Micros;
  /** Asked of a leader that is to hand over: what it promised under its lease has passed. */
  mayRelease?(): boolean;
}

export type PaxosEnv = Pick<
  Env<PaxosMessage, string, never>,
  "self" | "now" | "wall" | "random" | "store" | "send" | "sendEarly"
>;
