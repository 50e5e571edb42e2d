/** What a failure detector is to the node it runs on, so that rivals can be compared. */
import type { NodeId } from "../../kernel/units.ts";
import type { Version } from "./claims.ts";
import type { MemberTable } from "./member-table.ts";

/** Hears what its node comes to believe, within the turn. */
export interface MembersObserver {
  /** A stronger claim than before about a member, this one included; `by` said so first, -1: unknown. */
  onClaim(member: NodeId, before: Version, version: Version, by: NodeId): void;
  /** This member found by itself that another does not answer. `probedAt`: when it began to ask, by this node's clock. */
  onMissed(member: NodeId, probedAt: number): void;
  /** Another asked whether this one is alive. */
  onPinged?(): void;
  /** A protocol period begins. */
  onPeriod?(): void;
  /** Others held this member for dead, which it has now contradicted: what it kept for them may have been replaced. */
  onBuried(): void;
}

export interface FailureDetector<Message> {
  readonly table: MemberTable;
  /** Sent so far, of this life. */
  readonly messages: number;
  start(): void;
  /** Tells the others that this member goes of its own will. */
  leave(): void;
  /** Comes back after `leave`. */
  join(): void;
  onMessage(from: NodeId, message: Message): void;
  onTimer(timer: string, key: number): void;
  /** Nothing is left to tell and nobody is suspected. */
  atRest(): boolean;
  check(): void;
  /** Messages sent by kind, periods. */
  counters(): Readonly<Record<string, number>>;
}
