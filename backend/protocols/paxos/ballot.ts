/**
 * Ballots: a round and the node that owns it, in one number, so that they compare as numbers and no two nodes ever own the same one.
 */
import type { NodeId } from "../../kernel/units.ts";

/** 0 is below every ballot. */
export type Ballot = number;

const nodes = 1_024;

export function ballotOf(round: number, node: NodeId): Ballot {
  return round * nodes + node;
}

export function roundOf(ballot: Ballot): number {
  return Math.floor(ballot / nodes);
}

/** Whose ballot it is; -1 for ballot 0. */
export function ownerOf(ballot: Ballot): NodeId {
  return ballot === 0 ? -1 : ballot % nodes;
}
