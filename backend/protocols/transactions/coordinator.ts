/**
 * Two-phase commit, driven by the leader of one of the groups that a transaction touches, over the leaders of the others.
 *
 *     collecting ──all votes, own locks──> deciding ──applied──> committed ──s has passed──> telling ──all have learned──> forgotten
 *         └── veto, wound, patience ──> given up                              answer to the driver, locks released
 *
 * The timestamp is no less than any vote's and than the coordinator's own stamp, which is no less than TT.now().latest when the order
 * arrived (Spanner, OSDI 2012, section 4.2.1). Commit wait runs while the log works.
 *
 * A decision to commit is in the coordinator's log. One to give up needs no record: the only leader that had the order has dropped it, and
 * nobody else can commit it. A leader that is asked about a transaction it never heard of writes into its log that it aborted before it
 * says so, because the order may still be on its way to whoever leads next.
 */
import type { VersionedValue } from "../../api-database.ts";
import type { Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { second } from "../../kernel/units.ts";
import type {
  GroupId,
  OrderMessage,
  Outcome,
  Peers,
  PeerMessage,
  TransactionEnv,
  TransactionOptions,
  Txn,
} from "./messages.ts";
import type { Held } from "./held.ts";
import type { Participant } from "./participant.ts";
import type { Applied, Decision, TabletCommand } from "./tablet-machine.ts";

interface Vote {
  readonly timestamp: Micros;
  readonly values: readonly VersionedValue[];
}

/** A transaction whose order is here. Also the origin of its commit command. */
export interface Job {
  readonly kind: "job";
  readonly txn: Txn;
  readonly own: Held;
  readonly participants: readonly GroupId[];
  readonly votes: Map<GroupId, Vote>;
  readonly until: Micros;
  state: "collecting" | "deciding" | "committed";
  timestamp: Micros;
}

/** Decided and durable; somebody has yet to learn it. */
interface Telling {
  readonly timestamp: Micros;
  readonly deaf: Set<GroupId>;
  toldAt: Micros;
}

/** Votes of a transaction whose order is not here. */
interface Stray {
  readonly firstAt: Micros;
  readonly votes: Map<GroupId, Vote>;
  veto: Outcome | undefined;
  presuming: boolean;
}

/** The origin of a presumed abort. */
export interface Presumption {
  readonly kind: "presumption";
  readonly txn: Txn;
}

const rememberUs: Micros = 20 * second;

export class Coordinator {
  protected readonly env: TransactionEnv;
  private readonly participant: Participant;
  private readonly peers: Peers;
  private readonly options: TransactionOptions;
  private readonly jobs = new Map<Txn, Job>();
  private readonly telling = new Map<Txn, Telling>();
  private readonly strays = new Map<Txn, Stray>();
  /** Given up lately, oldest first: their participants need not wait for what is presumed of the unknown. */
  private readonly dead = new Map<Txn, Micros>();

  constructor(env: TransactionEnv, participant: Participant, peers: Peers, options: TransactionOptions) {
    this.env = env;
    this.participant = participant;
    this.peers = peers;
    this.options = options;
  }

  get busy(): boolean {
    return this.jobs.size > 0 || this.telling.size > 0;
  }

  /* ---- the order ---- */

  onCoordinate(from: NodeId, message: Extract<OrderMessage, { kind: "coordinate" }>, deadline: Micros): void {
    const { participant, env, options } = this;
    const own = participant.onOrder(from, message, deadline);
    if (own === null) return;
    const { txn } = message.part;
    const until = Math.min(deadline, env.now + options.patienceUs);
    const { participants } = message;
    const job: Job = {
      kind: "job",
      txn,
      own,
      participants,
      votes: new Map(),
      until,
      state: "collecting",
      timestamp: 0,
    };
    const stray = this.strays.get(txn);
    this.strays.delete(txn);
    this.jobs.set(txn, job);
    if (participant.machine.decision(txn) !== undefined || stray?.presuming === true) {
      this.giveUp(job, { kind: "aborted", reason: "timeout" });
      return;
    }
    for (const [group, vote] of stray?.votes ?? []) job.votes.set(group, vote);
    if (stray?.veto === undefined) participant.begin(own);
    else this.giveUp(job, stray.veto);
  }

  onOwnLocked({ part }: Held): void {
    const job = this.jobs.get(part.txn);
    if (job !== undefined) this.maybeDecide(job);
  }

  onOwnRefused({ part }: Held, outcome: Outcome): void {
    const job = this.jobs.get(part.txn);
    if (job !== undefined) this.giveUp(job, outcome);
  }

  onWound(txn: Txn): void {
    if (!this.participant.serves()) return;
    const job = this.jobs.get(txn);
    if (job?.state === "collecting") this.giveUp(job, { kind: "aborted", reason: "wounded" });
  }

  onVeto({ txn, outcome }: Extract<PeerMessage, { kind: "veto" }>): void {
    if (!this.participant.serves()) return;
    const job = this.jobs.get(txn);
    if (job?.state === "collecting") this.giveUp(job, outcome);
    else if (job === undefined && !this.dead.has(txn)) this.strayOf(txn).veto = outcome;
  }

  onVote({ txn, from, timestamp, values }: Extract<PeerMessage, { kind: "vote" }>): void {
    if (!this.participant.serves()) return;
    const job = this.jobs.get(txn);
    if (job !== undefined) {
      if (job.state !== "collecting") return;
      job.votes.set(from, { timestamp, values });
      this.maybeDecide(job);
      return;
    }
    const decision = this.participant.machine.decision(txn);
    if (decision !== undefined) this.tell(from, txn, decision);
    else if (this.dead.has(txn)) this.tell(from, txn, { timestamp: null, participants: [] });
    else this.onStrayVote(txn, from, { timestamp, values });
  }

  /** The order may be on its way still; after a while it is presumed that it never comes. */
  private onStrayVote(txn: Txn, from: GroupId, vote: Vote): void {
    const stray = this.strayOf(txn);
    stray.votes.set(from, vote);
    if (stray.presuming || this.env.now - stray.firstAt < this.options.patienceUs) return;
    const origin: Presumption = { kind: "presumption", txn };
    stray.presuming = this.propose(origin, { kind: "presume-abort", txn });
  }

  private strayOf(txn: Txn): Stray {
    let stray = this.strays.get(txn);
    if (stray === undefined) {
      stray = { firstAt: this.env.now, votes: new Map(), veto: undefined, presuming: false };
      this.strays.set(txn, stray);
    }
    return stray;
  }

  /* ---- the decision ---- */

  private maybeDecide(job: Job): void {
    const { own, participants, txn, votes } = job;
    if (job.state !== "collecting" || own.stamp === 0 || participants.some((group) => !votes.has(group))) return;
    job.state = "deciding";
    job.timestamp = this.timestampOf(job);
    own.state = "proposed";
    const { cells } = own;
    const { reign } = this.participant;
    const command: TabletCommand = { kind: "commit", reign, txn, timestamp: job.timestamp, cells, participants };
    if (!this.propose(job, command)) this.giveUp(job, { kind: "aborted", reason: "leader-changed" });
  }

  /** At or above everything that was prepared; another than any that this leader gave before. */
  protected timestampOf({ own, votes }: Job): Micros {
    const highest = Math.max(...[...votes.values()].map(({ timestamp }) => timestamp));
    return highest <= own.stamp ? own.stamp : this.participant.stamps.next(highest);
  }

  /** Nothing of it is in any log but what was prepared, and its participants hear that it is over. */
  private giveUp(job: Job, outcome: Outcome): void {
    this.drop(job, outcome);
    this.participant.release(job.txn);
    for (const group of job.participants) this.tell(group, job.txn, { timestamp: null, participants: [] });
  }

  private drop(job: Job, outcome: Outcome): void {
    this.jobs.delete(job.txn);
    this.dead.set(job.txn, this.env.now);
    this.answer(job, outcome);
  }

  private answer({ own }: Job, outcome: Outcome): void {
    this.env.sendEarly(own.from, { kind: "outcome", operation: own.operation, outcome });
  }

  /* ---- from the log ---- */

  onResult(origin: Job | Presumption, applied: Applied): void {
    const decision = applied === "void" || applied === null ? { timestamp: null, participants: [] } : applied;
    if (origin.kind === "presumption") this.onPresumed(origin.txn, decision);
    else if (decision.timestamp !== origin.timestamp) this.giveUp(origin, { kind: "aborted", reason: "timeout" });
    else this.onCommitted(origin);
  }

  private onCommitted(job: Job): void {
    job.state = "committed";
    this.participant.maybeReleaseEarly(job.own);
    if (!this.participant.waits.add(job.timestamp, job.own)) this.onPassed(job.own);
  }

  onPassed({ part }: Held): void {
    const job = this.jobs.get(part.txn);
    if (job === undefined) return;
    this.jobs.delete(job.txn);
    const values = [...job.own.values];
    for (const vote of job.votes.values()) values.push(...vote.values);
    this.answer(job, { kind: "committed", timestamp: job.timestamp, group: this.participant.log.group, values });
    this.participant.release(job.txn);
    // Who leads in its place, if somebody does, finds the decision in the log.
    if (this.participant.reign >= 0) this.beginTelling(job.txn, job);
  }

  private onPresumed(txn: Txn, decision: Decision): void {
    const stray = this.strays.get(txn);
    this.strays.delete(txn);
    for (const group of stray?.votes.keys() ?? []) this.tell(group, txn, decision);
  }

  onLost(origin: Job | Presumption): void {
    if (origin.kind === "presumption") return;
    this.jobs.delete(origin.txn);
    this.answer(origin, { kind: "unknown" });
  }

  onRefused(origin: Job | Presumption): void {
    if (origin.kind === "job") this.drop(origin, { kind: "aborted", reason: "leader-changed" });
  }

  /* ---- telling ---- */

  private beginTelling(txn: Txn, { timestamp, participants }: { timestamp: Micros; participants: readonly GroupId[] }) {
    this.telling.set(txn, { timestamp, deaf: new Set(participants), toldAt: this.env.now });
    for (const group of participants) this.tell(group, txn, { timestamp, participants });
  }

  private tell(to: GroupId, txn: Txn, { timestamp }: Decision): void {
    // Who learns of it makes it visible.
    if (timestamp !== null && !this.participant.waits.passed(timestamp)) return;
    const from = this.participant.log.group;
    this.peers.toLeader(to, { kind: "decision", group: to, txn, from, timestamp });
  }

  onLearned({ txn, from }: Extract<PeerMessage, { kind: "learned" }>): void {
    const telling = this.telling.get(txn);
    if (telling === undefined || !telling.deaf.delete(from) || telling.deaf.size > 0) return;
    this.telling.delete(txn);
    this.propose(undefined, { kind: "forget", txn });
  }

  tick(): void {
    const { now } = this.env;
    if (!this.participant.serves()) return;
    for (const [txn, telling] of this.telling) {
      if (now - telling.toldAt < this.options.retryUs) continue;
      telling.toldAt = now;
      for (const group of telling.deaf) this.tell(group, txn, { timestamp: telling.timestamp, participants: [] });
    }
    for (const job of this.jobs.values()) {
      if (job.state === "collecting" && job.until <= now) this.giveUp(job, { kind: "aborted", reason: "timeout" });
    }
    for (const [txn, at] of this.dead) {
      if (now - at < rememberUs) break;
      this.dead.delete(txn);
    }
    for (const [txn, stray] of this.strays) if (now - stray.firstAt > rememberUs) this.strays.delete(txn);
  }

  /* ---- leadership ---- */

  /** Decisions of earlier leaders that somebody has yet to learn. */
  becomeLeader(): void {
    this.telling.clear();
    for (const [txn, { timestamp, participants }] of this.participant.machine.allDecisions()) {
      if (timestamp !== null) this.beginTelling(txn, { timestamp, participants });
    }
  }

  /** What was not proposed is given up for good: nobody else has the order. What was, hears from the log. */
  endReign(): void {
    for (const job of this.jobs.values()) {
      if (job.state === "collecting") this.drop(job, { kind: "aborted", reason: "leader-changed" });
    }
    this.telling.clear();
    this.strays.clear();
  }

  private propose(origin: Job | Presumption | undefined, command: TabletCommand): boolean {
    return this.participant.log.propose(origin, command as unknown as Value);
  }
}
