/** Sees what happens inside replicated logs, for checkers in the simulation. Nothing in a protocol depends on it. */
import type { Micros, NodeId } from "./units.ts";

export interface Witness {
  /** That replica of the group applied `value` in that slot. */
  onApplied(node: NodeId, group: number, slot: number, value: unknown): void;
  /** It counts on a lease from now up to that bound of true time; `until` 0: no longer. */
  onLease(node: NodeId, group: number, ballot: number, until: Micros): void;
}
