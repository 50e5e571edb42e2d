/**
 * The acceptor: one voter's memory of what it has promised and accepted. Everything it answers is held until it is stored, which the
 * runtime sees to, so after any crash it knows at least what it has said.
 *
 * It also votes for the leader's lease. While a lease that it granted may still be in force somewhere, by its own bound on true time, it
 * promises nothing to anybody else. Any two majorities meet in an acceptor, so no two leases overlap in true time (Spanner, OSDI 2012,
 * section 2.1 and appendix A), unless a clock is outside its bound.
 */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { Ballot } from "./ballot.ts";
import { ownerOf } from "./ballot.ts";
import type { Journal, Promised } from "./journal.ts";
import type { Body, Entry, GroupId, PaxosEnv, Slot } from "./messages.ts";

export class Acceptor {
  protected readonly env: PaxosEnv;
  protected readonly group: GroupId;
  protected readonly journal: Journal;
  private readonly witness: Witness | undefined;
  protected promised: Promised = { ballot: 0, until: 0, lease: 0 };
  /** When it promised its ballot. */
  promisedAt: Micros = -Infinity;
  /** Highest slot ever accepted here. */
  private lastSlot: Slot = 0;

  constructor(env: PaxosEnv, group: GroupId, journal: Journal, witness?: Witness) {
    this.env = env;
    this.group = group;
    this.journal = journal;
    this.witness = witness;
  }

  start(applied: Slot): void {
    this.promised = this.journal.promised();
    this.lastSlot = applied;
    this.journal.scan(applied + 1, ({ slot }) => void (this.lastSlot = slot));
  }

  get ballot(): Ballot {
    return this.promised.ballot;
  }

  get last(): Slot {
    return this.lastSlot;
  }

  /** True time up to which this voter helps nobody but the holder of the lease it granted. */
  get leaseUntil(): Micros {
    return this.promised.until;
  }

  /** Who that is; -1: nobody yet. */
  get leaseHolder(): NodeId {
    return ownerOf(this.promised.lease);
  }

  /** @param chosen up to here this replica knows what is chosen, and reports nothing: the candidate has to learn it anyway */
  onPrepare(from: NodeId, ballot: Ballot, first: Slot, chosen: Slot): void {
    const { env, group, promised } = this;
    if (from === env.self) this.witness?.onStands?.(from, group, ballot);
    if (ballot < promised.ballot) {
      env.send(from, { kind: "refuse", group, ballot, promised: promised.ballot, until: 0 });
      return;
    }
    if (this.leasedToAnother(ballot)) {
      const { until } = promised;
      env.send(from, { kind: "refuse", group, ballot, promised: promised.ballot, until });
      return;
    }
    this.promise(ballot);
    const entries: Entry[] = [];
    this.journal.scan(Math.max(first, chosen + 1), (entry) => void entries.push(entry));
    env.send(from, { kind: "promise", group, ballot, chosen, entries });
  }

  onAccept(from: NodeId, ballot: Ballot, slot: Slot, body: Body): void {
    const { env, group } = this;
    if (ballot < this.promised.ballot) {
      env.send(from, { kind: "refuse", group, ballot, promised: this.promised.ballot, until: 0 });
      return;
    }
    this.promise(ballot);
    this.journal.accept({ slot, ballot, body });
    this.witness?.onAccepted?.(env.self, group, slot, ballot, body);
    if (slot > this.lastSlot) this.lastSlot = slot;
    env.send(from, { kind: "accepted", group, ballot, slot });
  }

  /** Renews or grants the lease, unless another leader's may be in force. Returns false when the ballot is of the past. */
  onHeartbeat(from: NodeId, ballot: Ballot, until: Micros, applied: Slot): boolean {
    const { env, group, promised } = this;
    if (ballot < promised.ballot) {
      env.send(from, { kind: "refuse", group, ballot, promised: promised.ballot, until: 0 });
      return false;
    }
    if (this.leasedToAnother(ballot)) {
      this.promise(ballot);
      env.send(from, { kind: "leased", group, ballot, until: 0, applied });
      return true;
    }
    const granted = this.released(ballot) ? 0 : promised.lease === ballot ? Math.max(promised.until, until) : until;
    this.bind({ ballot, until: granted, lease: ballot });
    env.send(from, { kind: "leased", group, ballot, until: granted, applied });
    return true;
  }

  /**
   * The leader itself gives its lease up, whether it was granted here or the heartbeat that asks for it is still on its way. Returns false
   * when the ballot is of the past.
   */
  onRelease(ballot: Ballot): boolean {
    if (ballot < this.promised.ballot) return false;
    if (this.leasedToAnother(ballot)) this.promise(ballot);
    else this.bind({ ballot, until: 0, lease: ballot });
    return true;
  }

  /** A heartbeat that its leader's release has overtaken grants nothing: nobody would give that lease up again. */
  private released(ballot: Ballot): boolean {
    return this.promised.lease === ballot && this.promised.until === 0;
  }

  /** What a chosen value looked like where it was learned: kept as if accepted, so that this replica can apply and pass it on. */
  keep(entry: Entry): void {
    this.journal.accept(entry);
    if (entry.slot > this.lastSlot) this.lastSlot = entry.slot;
  }

  protected leasedToAnother(ballot: Ballot): boolean {
    const { until, lease } = this.promised;
    return until > 0 && ownerOf(lease) !== ownerOf(ballot) && this.env.wall.earliest <= until;
  }

  private promise(ballot: Ballot): void {
    if (ballot === this.promised.ballot) return;
    this.bind({ ...this.promised, ballot });
  }

  private bind(promised: Promised): void {
    if (promised.ballot > this.promised.ballot) this.promisedAt = this.env.now;
    this.promised = promised;
    this.store();
  }

  protected store(): void {
    this.journal.promise(this.promised);
  }
}
