/** Planted bugs of the database, each a small wrong version of one role, so that the checkers can be seen to fail. */
import type { Value } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import { CommitWaits } from "../../protocols/transactions/commit-waits.ts";
import { Coordinator } from "../../protocols/transactions/coordinator.ts";
import type { Job } from "../../protocols/transactions/coordinator.ts";
import { LockTable } from "../../protocols/transactions/lock-table.ts";
import type { Txn } from "../../protocols/transactions/messages.ts";
import { Participant } from "../../protocols/transactions/participant.ts";
import type { Held } from "../../protocols/transactions/held.ts";
import { Stamps } from "../../protocols/transactions/stamps.ts";
import { TabletMachine } from "../../protocols/transactions/tablet-machine.ts";
import type { Prepared } from "../../protocols/transactions/tablet-machine.ts";
import { DatabaseTablet } from "./database-tablet.ts";
import { transactionRoles } from "./seat.ts";
import type { TransactionRoles } from "./seat.ts";

/** Answers as soon as the log has it. */
class NoCommitWait extends CommitWaits<Held> {
  override passed(): boolean {
    return true;
  }
}

/** s = TT.now().earliest: commit wait has nothing to wait for. */
class EarliestStamps extends Stamps {
  override present(): Micros {
    return this.env.wall.earliest;
  }
}

/** What the participants prepared at is not looked at: they may have promised readers more. */
class CoordinatorsStamp extends Coordinator {
  protected override timestampOf({ own }: Job): Micros {
    return own.stamp;
  }
}

/** t_safe looks at what one group commits by itself, and forgets what is prepared and undecided. */
class SafeWithoutPrepared extends Participant {
  protected override leastPending(): Micros {
    for (const { kind, stamp } of this.pending.values()) if (kind === "run") return stamp;
    return Infinity;
  }
  protected override pendingWriter(key: string): Held | undefined {
    const held = super.pendingWriter(key);
    return held?.kind === "run" ? held : undefined;
  }
}

/** Readers see what is committed before its timestamp has passed. */
class LocksReleasedEarly extends Participant {
  override maybeReleaseEarly({ part }: Held): void {
    this.releaseLocks(part.txn);
  }
}

/** Write skew: two transactions read what the other one writes. */
class NoReadLocks extends LockTable {
  protected override readKeys(): readonly string[] {
    return [];
  }
}

/** What was prepared before a restart is not there when the decision comes. */
class PreparedInMemory extends TabletMachine {
  private memory: Map<Txn, Prepared> | undefined;

  override prepared(txn: Txn): Prepared | undefined {
    return this.memory?.get(txn);
  }
  override allPrepared(): Prepared[] {
    return [...(this.memory ?? new Map<Txn, Prepared>()).values()];
  }
  protected override keepPrepared(prepared: Prepared): void {
    this.memory ??= new Map();
    this.memory.set(prepared.txn, prepared);
  }
  override dropPrepared(txn: Txn): void {
    this.memory?.delete(txn);
  }
}

/** A leader does not say in the log that it begins: what a deposed one stamped counts whenever it comes, below what readers were promised. */
class SilentLeader extends Participant {
  protected override hasBegun(): boolean {
    return true;
  }
}

/** A split takes what is prepared for done: the keys leave and the record goes. */
class SplitForgetsPrepared extends DatabaseTablet {
  protected override mayLeave(change: Parameters<DatabaseTablet["mayLeave"]>[0]): boolean {
    const { machine } = this;
    for (const { txn, exclusive } of machine.allPrepared()) {
      if (change.kind === "seal" || exclusive.some((key) => key >= change.at)) machine.dropPrepared(txn);
    }
    return true;
  }
}

/** Its leader waits for nobody either. */
class LeaveAtOnce extends Participant {
  protected override isDrained(): boolean {
    return true;
  }
}

/** A tablet is merged away while somebody has yet to learn what it committed: whoever asks later is told that it aborted. */
class SealForgetsDecisions extends DatabaseTablet {
  protected override mayLeave(change: Parameters<DatabaseTablet["mayLeave"]>[0]): boolean {
    return change.kind === "seal" ? !this.machine.isPreparedFrom("") : super.mayLeave(change);
  }
}

class LeaveUnheard extends Participant {
  protected override get owesNobody(): boolean {
    return true;
  }
}

/** The child of a split knows nothing of what its parent had: neither which versions are gone nor which timestamps were given. */
class ChildForgetsHead extends DatabaseTablet {
  override heirloom(): [] {
    return [];
  }
}

/** The child of a split stamps from its own clock on, which may be behind what its parent promised to readers. */
class ChildStampsFromZero extends DatabaseTablet {
  override heirloom(): [string, Value][] {
    return super.heirloom().map(([key, head]) => [key, { ...(head as Record<string, Value>), highest: 0 }]);
  }
}

/** Harmless: stamps half a millisecond later than they need be, and waits for it. */
class LaterStamps extends Stamps {
  override present(): Micros {
    return super.present() + 500;
  }
}

export interface PlantedTransactions {
  readonly name: string;
  readonly description: string;
  readonly transactions: TransactionRoles;
  readonly harmless?: true;
}

export const plantedTransactions: readonly PlantedTransactions[] = [
  {
    name: "commit-wait-skipped",
    description: "a transaction is answered before its timestamp has passed",
    transactions: { ...transactionRoles, CommitWaits: NoCommitWait },
  },
  {
    name: "earliest-as-timestamp",
    description: "s = TT.now().earliest",
    transactions: { ...transactionRoles, Stamps: EarliestStamps },
  },
  {
    name: "timestamp-of-coordinator-only",
    description: "s does not look at the participants' prepare timestamps",
    transactions: { ...transactionRoles, Coordinator: CoordinatorsStamp },
  },
  {
    name: "safe-without-prepared",
    description: "t_safe forgets prepared transactions",
    transactions: { ...transactionRoles, Participant: SafeWithoutPrepared },
  },
  {
    name: "locks-released-early",
    description: "locks are released before commit wait ends",
    transactions: { ...transactionRoles, Participant: LocksReleasedEarly },
  },
  {
    name: "no-read-locks",
    description: "what is read is not locked: write skew",
    transactions: { ...transactionRoles, LockTable: NoReadLocks },
  },
  {
    name: "prepared-in-memory",
    description: "what is prepared is lost at a participant's restart",
    transactions: { ...transactionRoles, TabletMachine: PreparedInMemory },
  },
  {
    name: "old-stamps-count",
    description: "a stamp of a deposed leader counts after its successor has begun",
    transactions: { ...transactionRoles, Participant: SilentLeader },
  },
  {
    name: "split-forgets-prepared",
    description: "a tablet splits while transactions are prepared in it, and they are forgotten",
    transactions: { ...transactionRoles, DatabaseTablet: SplitForgetsPrepared, Participant: LeaveAtOnce },
  },
  {
    name: "seal-forgets-decisions",
    description: "a tablet is merged away before all have learned what it committed",
    transactions: { ...transactionRoles, DatabaseTablet: SealForgetsDecisions, Participant: LeaveUnheard },
  },
  {
    name: "child-forgets-horizon",
    description: "the child of a split does not know which versions its parent dropped, nor what it stamped",
    transactions: { ...transactionRoles, DatabaseTablet: ChildForgetsHead },
  },
  {
    name: "child-stamps-from-zero",
    description: "the child of a split does not stamp above what its parent gave and promised",
    transactions: { ...transactionRoles, DatabaseTablet: ChildStampsFromZero },
  },
  {
    name: "later-stamps",
    description: "harmless: stamps are half a millisecond late",
    transactions: { ...transactionRoles, Stamps: LaterStamps },
    harmless: true,
  },
];
