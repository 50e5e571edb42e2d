/**
 * Planted bugs of the replicated log: the mistakes that implementations of Paxos are known for, each a small wrong version of one role.
 * The harmless ones change what is allowed to change.
 */
import type { Wall } from "./kernel/env.ts";
import type { Micros, NodeId } from "./kernel/units.ts";
import { Acceptor } from "./protocols/paxos/acceptor.ts";
import type { Ballot } from "./protocols/paxos/ballot.ts";
import { ownerOf } from "./protocols/paxos/ballot.ts";
import type { PaxosRoles } from "./protocols/paxos/group.ts";
import { paxosRoles } from "./protocols/paxos/group.ts";
import { Learner } from "./protocols/paxos/learner.ts";
import { Membership } from "./protocols/paxos/membership.ts";
import type { Body, Entry, Member, PaxosMessage } from "./protocols/paxos/messages.ts";
import { Proposer } from "./protocols/paxos/proposer.ts";

/** An answer to a proposal of an earlier ballot counts for the value of this one. */
class MixedBallots extends Proposer {
  protected override becomeLeader(): void {
    const accepted = this.candidacy.reported();
    super.becomeLeader();
    for (const { node, entry } of accepted) this.onAccepted(node, this.ballot, entry.slot);
  }
}

/** The leader fills what may have been chosen with a value of its own. */
class OwnValue extends Proposer {
  protected override adopt(_entry: Entry | undefined): Body {
    return { kind: "no-op", at: this.stamp() };
  }
}

/** Of the values that were accepted in a slot, the one first heard of is taken, whatever its ballot. */
class AnyAcceptedValue extends Proposer {
  protected override outranks(): boolean {
    return false;
  }
}

/** A proposer that has just started leads again with the ballot it had before the crash. */
class BallotReused extends Proposer {
  protected override nextBallot(): Ballot {
    const promised = this.acceptor.ballot;
    return ownerOf(promised) === this.env.self && this.ballot === 0 ? promised : super.nextBallot();
  }
}

/** Half is called a majority. */
class HalfIsMajority extends Proposer {
  protected override majority(): number {
    return Math.max(1, super.majority() - 1);
  }
}

/** A leader that was once given a lease reads from its own state for as long as nobody tells it not to. */
class LeaseOutlived extends Proposer {
  protected override leaseInForce(): boolean {
    return this.lease.until > 0;
  }
}

/** Two who stand at once outbid each other at once, and again. */
class NoBackoff extends Proposer {
  override onRefuse(refusal: Extract<PaxosMessage, { kind: "refuse" }>): void {
    const lost = refusal.ballot === this.ballot && refusal.until === 0 && !this.leading;
    super.onRefuse(refusal);
    if (lost) this.becomeCandidate();
  }
}

/** A lease is granted while another's may be in force. */
class LeaseWithoutWaiting extends Acceptor {
  protected override leasedToAnother(): boolean {
    return false;
  }
}

/** The promise is kept in memory. */
class PromiseForgotten extends Acceptor {
  protected override store(): void {}
}

/** Believes that what it has in a chosen slot is what was chosen there. */
class AnyEntryChosen extends Learner {
  protected override isChosenValue(): boolean {
    return true;
  }
}

/** A wiped disk takes the place of the one it was. */
class WipedVotes extends Membership {
  protected override isIn(members: readonly Member[]): boolean {
    return members.some(({ node }) => node === this.env.self);
  }
}

/* ---- harmless changes, which no checker may take for bugs ---- */

/** Renews its lease twice as often as asked to, in vain: an acceptor takes the later end. */
class ShortLease extends Acceptor {
  override onHeartbeat(from: NodeId, ballot: Ballot, until: Micros, applied: number): boolean {
    return super.onHeartbeat(from, ballot, until - 20_000, applied);
  }
}

/** Gives its lease up a little early. */
class CautiousLeader extends Proposer {
  protected override leaseInForce(): boolean {
    const wall: Wall = { ...this.env.wall, latest: this.env.wall.latest + 10_000 };
    return this.lease.inForce(wall);
  }
}

export interface PaxosMutant {
  readonly name: string;
  readonly description: string;
  readonly paxos: PaxosRoles;
  readonly harmless?: true;
}

export const paxosMutants: readonly PaxosMutant[] = [
  {
    name: "mixed-ballots",
    description: "votes of different ballots make a majority",
    paxos: { ...paxosRoles, Proposer: MixedBallots },
  },
  {
    name: "own-value",
    description: "a new leader proposes its own value over an accepted one",
    paxos: { ...paxosRoles, Proposer: OwnValue },
  },
  {
    name: "any-accepted-value",
    description: "a new leader takes any accepted value, not the highest ballot's",
    paxos: { ...paxosRoles, Proposer: AnyAcceptedValue },
  },
  {
    name: "ballot-reused",
    description: "a ballot is used again after a restart",
    paxos: { ...paxosRoles, Proposer: BallotReused },
  },
  {
    name: "half-is-majority",
    description: "half of the voters, or fewer, decide",
    paxos: { ...paxosRoles, Proposer: HalfIsMajority },
  },
  {
    name: "wiped-disk-votes",
    description: "a wiped disk comes back as a fresh acceptor",
    paxos: { ...paxosRoles, Membership: WipedVotes },
  },
  {
    name: "lease-outlived",
    description: "local reads after the lease has run out",
    paxos: { ...paxosRoles, Proposer: LeaseOutlived },
  },
  {
    name: "no-backoff",
    description: "duelling proposers without backoff",
    paxos: { ...paxosRoles, Proposer: NoBackoff },
  },
  {
    name: "lease-without-waiting",
    description: "a lease is granted while another may be in force",
    paxos: { ...paxosRoles, Acceptor: LeaseWithoutWaiting },
  },
  {
    name: "promise-forgotten",
    description: "a promise does not survive a crash",
    paxos: { ...paxosRoles, Acceptor: PromiseForgotten },
  },
  {
    name: "any-entry-chosen",
    description: "a follower applies what it has accepted, whatever the ballot",
    paxos: { ...paxosRoles, Learner: AnyEntryChosen },
  },
  {
    name: "short-lease",
    description: "harmless: acceptors grant 20 ms less than they are asked for",
    paxos: { ...paxosRoles, Acceptor: ShortLease },
    harmless: true,
  },
  {
    name: "cautious-leader",
    description: "harmless: a leader counts on its lease 10 ms less",
    paxos: { ...paxosRoles, Proposer: CautiousLeader },
    harmless: true,
  },
];
