/**
 * What a ring needs of others, declared here: who is a member, from whatever failure detector, and a circle of points. The services put
 * SWIM and consistent hashing in their place.
 */
import type { NodeId } from "../../kernel/units.ts";

export type Standing = "unknown" | "alive" | "suspect" | "dead" | "left";

export interface MembersView {
  standingOf(node: NodeId): Standing;
  /** 0 while nothing is known of the node. Only the node itself raises it. */
  incarnationOf(node: NodeId): number;
  /** Alive or suspected, ascending: a suspect may be well, and keeps its keys until it is declared dead. */
  present(): readonly NodeId[];
}

/** Owners of hashes in [0, 2^32). A function of the members alone. */
export interface KeyRing {
  ownerOf(hash: number): NodeId;
}

/** @param members ascending, at least one */
export type BuildRing = (members: readonly NodeId[]) => KeyRing;
