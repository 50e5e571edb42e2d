/** Sees what happens inside replicated logs, for checkers in the simulation. Nothing in a protocol depends on it. */
import type { Micros, NodeId } from "./units.ts";

export interface Witness {
  /** That replica of the group applied `value` in that slot. */
  onApplied(node: NodeId, group: number, slot: number, value: unknown): void;
  /** It counts on a lease from now up to that bound of true time; `until` 0: no longer. */
  onLease(node: NodeId, group: number, ballot: number, until: Micros): void;
  /** It goes on from a state that holds everything up to that slot: its own disk's, or another's snapshot. */
  onRestored?(node: NodeId, group: number, slot: number): void;
  /** It stands for election. */
  onStands?(node: NodeId, group: number, ballot: number): void;
  /** It won an election, and is about to propose. */
  onLeads?(node: NodeId, group: number, ballot: number): void;
  /** Its promise has reached the one it was given to. */
  onPromised?(node: NodeId, group: number, ballot: number): void;
  /** It believes that of a member from now on, until it hears something stronger. */
  onStanding?(node: NodeId, member: NodeId, standing: string, incarnation: number): void;
  /** It serves that key, which by its own ring is `owner`'s. */
  onServed?(node: NodeId, key: string, owner: NodeId): void;
  onAccepted?(node: NodeId, group: number, slot: number, ballot: number, value: unknown): void;
}
