/**
 * Planted bugs of the quorum store, each a small wrong version of one role, so that the checkers can be seen to fail.
 */
import type { Item, Replication } from "./api.ts";
import type { RecordKey } from "./protocols/quorum/messages.ts";
import type { Clock, Versions } from "./protocols/quorum/versions.ts";
import { counterOf, joinClocks } from "./protocols/quorum/versions.ts";
import type { Pending, Target } from "./protocols/quorum/coordinator.ts";
import { Coordinator } from "./protocols/quorum/coordinator.ts";
import type { Debt } from "./protocols/quorum/handoff.ts";
import { Handoff } from "./protocols/quorum/handoff.ts";
import { Peers } from "./protocols/quorum/peers.ts";
import { asValue, Replica } from "./protocols/quorum/replica.ts";
import { Vouches } from "./protocols/quorum/vouches.ts";
import type { QuorumRoles } from "./services/tables/tables-node.ts";
import { quorumRoles } from "./services/tables/tables-node.ts";

/** R + W <= N, called strict: a read may miss the only replica that has the write. */
class TooFewAnswers extends Coordinator {
  protected override writesNeeded(_replication: Replication): number {
    return 1;
  }
  protected override readsNeeded(_needed: number): number {
    return 1;
  }
}

/** What was to be kept for an unreachable replica is forgotten at once. */
class DroppedHint extends Handoff {
  protected override record(): number {
    return 0;
  }
}

/** A coordinator that crashes before its flush takes with it that its replicas are owed the write. */
class NoVouch extends Vouches {
  override keep(): void {}
}

/** A name that outlives a crash: what was sent ahead of the flush is forgotten, and its dot minted once more. */
class ActorOutlivesCrash extends Replica {
  protected override actorOf(used: boolean): string {
    const actor = used ? (this.env.store.get("m/actor") as string) : this.freshActor();
    if (!used) this.env.store.put("m/actor", actor);
    return actor;
  }
}

/** The debt is struck off when it is sent, not when it is acknowledged. */
class HintDeletedOnSend extends Handoff {
  protected override hand(key: string, debt: Debt): number {
    const sent = super.hand(key, debt);
    if (sent > 0) this.forget(key);
    return sent;
  }
}

/** Read repair sends back the oldest answer, and the replica believes it. */
class RepairWithOldest extends Coordinator {
  protected override repair(node: number, op: Pending): void {
    const oldest = [...op.answers].sort((a, b) => total(a) - total(b))[0];
    const { key } = op.target;
    if (node === this.env.self) this.replica.repair(key, oldest);
    else this.env.send(node, { kind: "repair", key, versions: oldest });
  }
}
class BelievesRepairs extends Replica {
  override repair(key: RecordKey, versions: Versions): void {
    this.env.store.put(key, asValue(versions));
  }
}

/** A plain version vector: a write by the same coordinator counts as having seen that coordinator's earlier ones. */
class NoDot extends Replica {
  protected override mint(held: Versions, context: Clock, actor: string, stamp: number, item: Item | null): Versions {
    const known = joinClocks(held.clock, context);
    const counter = counterOf(known, actor) + 1;
    const seen = joinClocks(context, [[actor, counter]]);
    const siblings = held.siblings.filter((sibling) => counterOf(seen, sibling.actor) < sibling.counter);
    siblings.push({ actor, counter, stamp, item });
    return { clock: joinClocks(known, [[actor, counter]]), siblings };
  }
}

/** A doubled answer counts as two. */
class AnswerCountedTwice extends Coordinator {
  protected override isRepeated(): boolean {
    return false;
  }
}

/** Hints count towards W although the table is strict. */
class StandInCounted extends Coordinator {
  override write(token: number, target: Target, context: Clock | null, item: Item | null, deadline: number): void {
    const replication = { ...target.replication, sloppy: true };
    super.write(token, { ...target, replication }, context, item, deadline);
  }
}

/** Any acknowledgement pays whatever is owed by then. */
class AnyAcknowledgementPays extends Handoff {
  override onPaid(key: RecordKey, target: number): void {
    super.onPaid(key, target, this.debts.get(key)?.round ?? 0);
  }
}

/** A replica keeps the latest sibling of what it merges, and the clock of all. */
class SiblingDropped extends Replica {
  override store(key: RecordKey, versions: Versions): boolean {
    const changed = super.store(key, versions);
    const { clock, siblings } = this.versionsOf(key);
    const latest = [...siblings].sort((a, b) => b.stamp - a.stamp).slice(0, 1);
    this.env.store.put(key, asValue({ clock, siblings: latest }));
    return changed;
  }
}

/** A deletion is forgotten as soon as it is stored, before every replica has it. */
class TombstoneDropped extends Replica {
  override store(key: RecordKey, versions: Versions): boolean {
    const changed = super.store(key, versions);
    if (this.versionsOf(key).siblings.every(({ item }) => item === null)) this.env.store.delete(key);
    return changed;
  }
}

/* ---- harmless changes, which no checker may take for bugs ---- */

class PatientPeers extends Peers {
  protected override patienceUs(): number {
    return 1_000_000;
  }
}

/** Asks replicas in the opposite order, so that other nodes answer first. */
class OtherFanOut extends Coordinator {
  override read(token: number, target: Target, needed: number, deadline: number): void {
    super.read(token, { ...target, preference: [...target.preference].reverse() }, needed, deadline);
  }
}

class RepairsTwice extends Coordinator {
  protected override repair(node: number, op: Pending): void {
    super.repair(node, op);
    super.repair(node, op);
  }
}

function total({ clock }: Versions): number {
  return clock.reduce((sum, [, counter]) => sum + counter, 0);
}

export interface QuorumMutant {
  readonly name: string;
  readonly description: string;
  readonly roles: QuorumRoles;
  readonly harmless?: true;
}

export const quorumMutants: readonly QuorumMutant[] = [
  {
    name: "too-few-answers",
    description: "R + W <= N called strict",
    roles: { ...quorumRoles, Coordinator: TooFewAnswers },
  },
  { name: "dropped-hint", description: "a hint is never kept", roles: { ...quorumRoles, Handoff: DroppedHint } },
  {
    name: "no-vouch",
    description: "a replica does not answer for what its coordinator may have forgotten",
    roles: { ...quorumRoles, Vouches: NoVouch },
  },
  {
    name: "actor-outlives-crash",
    description: "a coordinator mints under its old name after a crash",
    roles: { ...quorumRoles, Replica: ActorOutlivesCrash },
  },
  {
    name: "hint-deleted-on-send",
    description: "a hint is deleted before its acknowledgement",
    roles: { ...quorumRoles, Handoff: HintDeletedOnSend },
  },
  {
    name: "repair-with-oldest",
    description: "read repair writes the older version",
    roles: { ...quorumRoles, Coordinator: RepairWithOldest, Replica: BelievesRepairs },
  },
  {
    name: "no-dot",
    description: "version vector without the dot",
    roles: { ...quorumRoles, Replica: NoDot },
  },
  {
    name: "answer-counted-twice",
    description: "a doubled answer counts as two",
    roles: { ...quorumRoles, Coordinator: AnswerCountedTwice },
  },
  {
    name: "stand-in-counted-strictly",
    description: "a hint counts towards a strict W",
    roles: { ...quorumRoles, Coordinator: StandInCounted },
  },
  {
    name: "any-acknowledgement-pays",
    description: "an acknowledgement of old versions pays for new ones",
    roles: { ...quorumRoles, Handoff: AnyAcknowledgementPays },
  },
  {
    name: "sibling-dropped",
    description: "merging keeps one sibling",
    roles: { ...quorumRoles, Replica: SiblingDropped },
  },
  {
    name: "tombstone-dropped",
    description: "a deletion is forgotten before every replica has it",
    roles: { ...quorumRoles, Replica: TombstoneDropped },
  },
  {
    name: "patient-peers",
    description: "harmless: suspects after a second",
    roles: { ...quorumRoles, Peers: PatientPeers },
    harmless: true,
  },
  {
    name: "other-fan-out",
    description: "harmless: reads ask in the opposite order",
    roles: { ...quorumRoles, Coordinator: OtherFanOut },
    harmless: true,
  },
  {
    name: "repairs-twice",
    description: "harmless: sends each repair twice",
    roles: { ...quorumRoles, Coordinator: RepairsTwice },
    harmless: true,
  },
];
