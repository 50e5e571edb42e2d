/** What the leader of a group remembers of one transaction's part, and who shares the memory. */
import type { VersionedValue } from "../../api-database.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { sharedKeys } from "./evaluate.ts";
import type { Claim } from "./lock-table.ts";
import type { GroupId, OrderMessage, Outcome, Part, Txn } from "./messages.ts";
import type { Cell, Prepared } from "./tablet-machine.ts";

/** One transaction's part here. Also the origin of what it proposes. */
export interface Held {
  readonly kind: "run" | "prepare-part" | "own";
  readonly claim: Claim;
  readonly part: Part;
  /** Who gave the order; operation -1: found in the log. */
  readonly from: NodeId;
  readonly operation: number;
  readonly coordinator: GroupId;
  /** No less than any true time up to its arrival. */
  readonly arrivedAt: Micros;
  readonly deadline: Micros;
  state: "waiting" | "locked" | "proposed" | "prepared" | "resolving" | "over";
  /** Invariant: it will commit at no less. 0: none yet. */
  stamp: Micros;
  values: readonly VersionedValue[];
  cells: readonly Cell[];
  votedAt: Micros;
  /** What its coordinator decided, while it is resolving; null: to abort. */
  decided: Micros | null;
}

/** The origin of the command that a leadership begins with. */
export interface Reign {
  readonly kind: "reign";
  readonly reign: number;
}

/** The coordinator of the same group. */
export interface OwnParts {
  /** Something is being decided, or has been and somebody has yet to learn it. */
  readonly busy: boolean;
  onOwnLocked(held: Held): void;
  onOwnRefused(held: Held, outcome: Outcome): void;
  onWound(txn: Txn): void;
  /** The timestamp of its decision has passed. */
  onPassed(held: Held): void;
  becomeLeader(): void;
  endReign(): void;
}

export function heldOf(from: NodeId, message: OrderMessage, arrivedAt: Micros, deadline: Micros): Held {
  const { kind, operation, part, group } = message;
  return {
    kind: kind === "coordinate" ? "own" : kind,
    claim: claimOf(part),
    part,
    from,
    operation,
    coordinator: kind === "prepare-part" ? message.coordinator : group,
    arrivedAt,
    deadline,
    state: "waiting",
    stamp: 0,
    values: [],
    cells: [],
    votedAt: 0,
    decided: null,
  };
}

/** What an earlier leader prepared. Nobody wrote since, so the values are as they were then. */
export function rebuilt(prepared: Prepared, newest: (key: string) => VersionedValue): Held {
  const { txn, age, coordinator, timestamp, reads, shared, exclusive, cells } = prepared;
  return {
    kind: "prepare-part",
    claim: { txn, age, shared, exclusive },
    part: { txn, age, reads, writes: [], conditions: [] },
    from: -1,
    operation: -1,
    coordinator,
    arrivedAt: 0,
    deadline: Infinity,
    state: "prepared",
    stamp: timestamp,
    values: reads.map(newest),
    cells,
    votedAt: 0,
    decided: null,
  };
}

function claimOf(part: Part): Claim {
  return { txn: part.txn, age: part.age, shared: sharedKeys(part), exclusive: part.writes.map(({ key }) => key) };
}
