/**
 * The leader of one group, as a place where transactions happen: locks, timestamps, prepared parts.
 *
 *     run        waiting for locks ──> stamped, proposed ──> applied ──> its timestamp has passed: answered, locks released
 *     prepare    waiting for locks ──> stamped, proposed ──> prepared: voted ──> decided, proposed ──> applied: locks released
 *     own        waiting for locks ──> stamped: the coordinator's, which commits it with its decision
 *
 * A part that has a stamp is *pending* until its locks are released. Everything below the least pending stamp is safe to read, as nothing will
 * be committed there any more: t_safe = min(what stamps promise, least pending - 1) (Spanner, OSDI 2012, section 4.1.3).
 *
 * All this is memory. Whoever leads next finds in the log what was prepared, holds its locks again and asks what was decided.
 */
import type { Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { CommitWaits } from "./commit-waits.ts";
import { evaluate } from "./evaluate.ts";
import { heldOf, rebuilt } from "./held.ts";
import type { Held, OwnParts, Reign } from "./held.ts";
import { Departure } from "./departure.ts";
import type { ProposeDeparture } from "./departure.ts";
import type { Claim } from "./lock-table.ts";
import type { LockTable } from "./lock-table.ts";
import type { Stamps } from "./stamps.ts";
import type { KeySpan } from "./tablet-map.ts";
import type {
  GroupId,
  Log,
  OrderMessage,
  Outcome,
  Peers,
  PeerMessage,
  TransactionEnv,
  TransactionOptions,
  Txn,
} from "./messages.ts";
import type { Applied, Prepared, TabletCommand, TabletMachine } from "./tablet-machine.ts";

export interface ParticipantParts {
  readonly env: TransactionEnv;
  readonly log: Log;
  readonly machine: TabletMachine;
  readonly locks: LockTable;
  readonly stamps: Stamps;
  readonly waits: CommitWaits<Held>;
  readonly peers: Peers;
  readonly options: TransactionOptions;
  /** What is pending is less than before. */
  readonly onReleased: () => void;
}

export class Participant {
  protected readonly env: TransactionEnv;
  readonly log: Log;
  readonly machine: TabletMachine;
  protected readonly locks: LockTable;
  readonly stamps: Stamps;
  readonly waits: CommitWaits<Held>;
  private readonly peers: Peers;
  private readonly options: TransactionOptions;
  private readonly onReleased: () => void;
  /** Set once, before anything else is called. */
  own!: OwnParts;
  /** Ballot of the leadership that the memory here is of; -1: none. */
  private reigns = -1;
  /** The log says that this leadership has begun. */
  private led = false;
  /** What it needs to know of earlier ones is at hand. */
  private ready = false;
  private readonly held = new Map<Txn, Held>();
  /** Those with a stamp, in the order of their stamps. */
  protected readonly pending = new Map<Txn, Held>();
  /** What an earlier leader committed may have a timestamp that has not passed yet; none is above this. */
  private inherited: Micros = 0;
  private readonly departure: Departure;
  wounds = 0;

  constructor(parts: ParticipantParts) {
    this.env = parts.env;
    this.log = parts.log;
    this.machine = parts.machine;
    this.locks = parts.locks;
    this.stamps = parts.stamps;
    this.waits = parts.waits;
    this.peers = parts.peers;
    this.options = parts.options;
    this.onReleased = parts.onReleased;
    this.departure = new Departure(parts.options.patienceUs);
  }

  /** Whether this replica leads and may decide things. What it remembers is of this leadership. */
  serves(): boolean {
    if (!this.log.holdsLease) return false;
    if (this.reigns !== this.log.ballot) this.beginReign();
    if (this.led && !this.ready) this.becomeLeader();
    return this.ready;
  }

  /** Its ballot; -1: it does not lead. */
  get reign(): number {
    return this.reigns;
  }

  get busy(): boolean {
    return this.held.size > 0;
  }

  /* ---- orders ---- */

  onOrder(from: NodeId, message: OrderMessage, deadline: Micros): Held | null {
    if (!this.serves()) {
      this.answer(from, message.operation, { kind: "not-leader", leader: this.log.leader });
      return null;
    }
    return heldOf(from, message, this.stamps.present(), deadline);
  }

  /** Asks for the locks and goes on as soon as it holds them. */
  begin(held: Held): void {
    this.held.set(held.part.txn, held);
    if (this.departure.touches(held.claim)) this.refuse(held, this.moved());
    else if (this.locks.request(held.claim)) this.onLocked(held);
    else this.wound(held.claim);
  }

  private onLocked(held: Held): void {
    held.state = "locked";
    const { shared, exclusive } = held.claim;
    const isHere = (key: string): boolean => this.machine.owns(key) && !this.departure.bars(key);
    if (![...shared, ...exclusive].every(isHere)) {
      this.refuse(held, this.moved());
      return;
    }
    const evaluated = evaluate(held.part, (key) => this.machine.newest(key));
    if ("kind" in evaluated) {
      this.refuse(held, evaluated);
      return;
    }
    held.values = evaluated.values;
    held.cells = evaluated.cells;
    this.stamp(held);
    if (held.kind === "own") this.own.onOwnLocked(held);
    else if (held.kind === "run") this.commit(held);
    else this.prepare(held);
  }

  private moved(): Outcome {
    return { kind: "aborted", reason: "moved", claims: this.machine.claims() };
  }

  private stamp(held: Held): void {
    // Keys that came from another group bring timestamps with them.
    this.stamps.raise(this.machine.highest);
    held.stamp = this.stamps.next(held.arrivedAt);
    this.pending.set(held.part.txn, held);
  }

  private commit(held: Held): void {
    const { stamp: timestamp, cells, part } = held;
    this.propose(held, { kind: "commit", reign: this.reigns, txn: part.txn, timestamp, cells, participants: [] });
  }

  private prepare(held: Held): void {
    const { claim, cells, coordinator, part, stamp } = held;
    const { txn, age, reads } = part;
    const { shared, exclusive } = claim;
    const prepared: Prepared = { txn, age, coordinator, timestamp: stamp, reads, shared, exclusive, cells };
    this.propose(held, { kind: "prepare", reign: this.reigns, prepared });
  }

  private propose(held: Held, command: TabletCommand): void {
    held.state = "proposed";
    if (!this.log.propose(held, command as unknown as Value)) this.onRefused(held);
  }

  private refuse(held: Held, outcome: Outcome): void {
    const { kind, coordinator: group, part } = held;
    if (kind === "run") this.answer(held.from, held.operation, outcome);
    else if (kind === "own") this.own.onOwnRefused(held, outcome);
    else this.peers.toLeader(group, { kind: "veto", group, txn: part.txn, outcome });
    this.release(part.txn);
  }

  /* ---- from the log ---- */

  /** The command that `held` proposed is applied. */
  onResult(held: Held, applied: Applied): void {
    if (applied === "void") this.refuse(held, this.moved());
    else if (held.kind === "run") {
      this.maybeReleaseEarly(held);
      if (!this.waits.add(held.stamp, held)) this.onPassed(held);
    } else if (held.state === "resolving") {
      held.state = "over";
      // What is written over it comes later, though its timestamp was another group's choice.
      this.stamps.raise(this.machine.highest);
      this.release(held.part.txn);
      if (held.decided !== null) this.sendLearned(held.coordinator, held.part.txn);
    } else if (this.held.get(held.part.txn) === held) {
      held.state = "prepared";
      this.vote(held);
    }
  }

  /** The leader stepped down: what was proposed may come to be. */
  onLost(held: Held): void {
    if (held.kind === "run") this.answer(held.from, held.operation, { kind: "unknown" });
  }

  /** The leader stepped down before it proposed. */
  onRefused(held: Held): void {
    if (held.operation < 0 || held.kind === "own" || held.state === "resolving") return;
    this.answer(held.from, held.operation, { kind: "not-leader", leader: this.log.leader });
  }

  /** The timer of the waits fired. */
  onTimer(): void {
    for (const held of this.waits.over()) this.onPassed(held);
  }

  private onPassed(held: Held): void {
    held.state = "over";
    if (held.kind === "own") {
      this.own.onPassed(held);
      return;
    }
    const { stamp: timestamp, values } = held;
    this.answer(held.from, held.operation, { kind: "committed", timestamp, group: this.log.group, values });
    this.release(held.part.txn);
  }

  /** Locks are held through the commit wait. */
  maybeReleaseEarly(_held: Held): void {}

  /* ---- two-phase commit ---- */

  onDecision({ txn, timestamp, from }: Extract<PeerMessage, { kind: "decision" }>): void {
    if (!this.serves()) return;
    const held = this.held.get(txn);
    if (held === undefined) {
      // Resolved already, or never begun: there is nothing to commit, and an abort needs no answer.
      if (timestamp !== null) this.sendLearned(from, txn);
    } else if (held.kind === "prepare-part" && (held.state === "waiting" || held.state === "locked")) {
      if (timestamp === null) this.release(txn);
    } else if (held.kind === "prepare-part" && held.state === "prepared") {
      held.decided = timestamp;
      this.propose(held, { kind: "resolve", txn, timestamp });
      held.state = "resolving";
    }
  }

  private vote(held: Held): void {
    const { coordinator: group, part, stamp: timestamp, values } = held;
    held.votedAt = this.env.now;
    this.peers.toLeader(group, { kind: "vote", group, txn: part.txn, from: this.log.group, timestamp, values });
  }

  private sendLearned(group: GroupId, txn: Txn): void {
    this.peers.toLeader(group, { kind: "learned", group, txn, from: this.log.group });
  }

  /* ---- reads ---- */

  /** Whether the state at `timestamp` is complete for these keys and will stay so: then it is promised. */
  maybePromise(keys: readonly string[], timestamp: Micros): boolean {
    if (!this.serves() || timestamp >= this.log.leaseEnd) return false;
    if (!this.waits.passed(Math.min(timestamp, Math.max(this.inherited, this.machine.received)))) return false;
    for (const key of keys) {
      if (!this.departure.mayPromise(key, timestamp)) return false;
      const writer = this.pendingWriter(key);
      if (writer !== undefined && writer.stamp <= timestamp) return false;
    }
    this.stamps.promise(timestamp);
    return true;
  }

  protected pendingWriter(key: string): Held | undefined {
    const txn = this.locks.writerOf(key);
    return txn === undefined ? undefined : this.pending.get(txn);
  }

  /** What the leader tells its followers with the heartbeat: -1 when it may not say. Never ahead of true time. */
  safe(): Micros {
    if (!this.serves()) return -1;
    const safe = Math.min(this.env.wall.earliest, this.leastPending() - 1);
    this.stamps.promise(safe);
    return safe;
  }

  protected leastPending(): Micros {
    for (const { stamp } of this.pending.values()) return stamp;
    return Infinity;
  }

  /* ---- locks ---- */

  /** Gives back what the transaction holds; those who waited go on. */
  release(txn: Txn): void {
    this.held.delete(txn);
    this.releaseLocks(txn);
    this.maybeDepart();
  }

  protected releaseLocks(txn: Txn): void {
    this.pending.delete(txn);
    for (const claim of this.locks.release(txn)) {
      const held = this.held.get(claim.txn);
      if (held !== undefined) this.onLocked(held);
    }
    this.onReleased();
  }

  /** The older does not wait for the younger: the younger's coordinator is to give it up, unless it has decided. */
  private wound(claim: Claim): void {
    for (const txn of this.locks.victims(claim)) {
      const held = this.held.get(txn);
      // What is in one group only is on its way into the log, and waits for nobody.
      if (held === undefined || held.kind === "run") continue;
      this.wounds++;
      if (held.kind === "own") this.own.onWound(txn);
      else this.peers.toLeader(held.coordinator, { kind: "wound", group: held.coordinator, txn });
    }
  }

  /* ---- keys that leave ---- */

  /**
   * Keys in `span` are to leave the group. Asked again until they have.
   *
   * @param whole these are all it has
   * @param propose called once nothing is under way about them
   */
  leave(span: KeySpan, whole: boolean, propose: ProposeDeparture): void {
    if (!this.serves() || !this.departure.begin(span, whole, propose, this.env.now)) return;
    for (const held of this.held.values()) {
      if (held.state === "waiting" && this.departure.touches(held.claim)) this.refuse(held, this.moved());
    }
    this.maybeDepart();
  }

  /** The log said whether they have left. */
  onDeparted(): void {
    this.departure.end();
    this.onReleased();
  }

  private maybeDepart(): void {
    if (!this.departure.draining || this.reigns < 0 || !this.isDrained()) return;
    this.departure.tell(this.reigns, this.stamps.next(this.stamps.present()));
  }

  /** Nothing that this group has decided is yet to be learned by somebody. */
  protected get owesNobody(): boolean {
    return !this.own.busy;
  }

  protected isDrained(): boolean {
    if (this.departure.endsGroup && !this.owesNobody) return false;
    for (const { claim } of this.held.values()) if (this.departure.touches(claim)) return false;
    return true;
  }

  /* ---- leadership ---- */

  tick(): void {
    if (!this.serves()) return;
    const { now } = this.env;
    this.departure.tick(now);
    this.maybeDepart();
    for (const held of this.held.values()) {
      if (held.state === "prepared" && now - held.votedAt >= this.options.retryUs) this.vote(held);
      else if (held.state === "waiting" && held.deadline <= now)
        this.refuse(held, { kind: "aborted", reason: "timeout" });
    }
    for (const claim of this.locks.waiters) this.wound(claim);
  }

  private beginReign(): void {
    this.endReign();
    this.reigns = this.log.ballot;
    this.led = this.hasBegun();
  }

  /** The log has to say so first. */
  protected hasBegun(): boolean {
    const origin: Reign = { kind: "reign", reign: this.reigns };
    const command: TabletCommand = { kind: "lead", reign: this.reigns };
    // Not now: another is about to lead.
    if (!this.log.propose(origin, command as unknown as Value)) this.reigns = -1;
    return false;
  }

  onLed({ reign }: Reign): void {
    if (reign === this.reigns) this.led = true;
    this.serves();
  }

  private becomeLeader(): void {
    this.ready = true;
    this.inherited = this.machine.highest;
    this.stamps.becomeLeader(this.machine.highest);
    this.rebuild();
    this.own.becomeLeader();
  }

  /** Everything prepared holds its locks again, and asks what was decided. */
  protected rebuild(): void {
    const found = this.machine.allPrepared().sort((a, b) => a.timestamp - b.timestamp);
    for (const prepared of found) {
      const held = rebuilt(prepared, (key) => this.machine.newest(key));
      this.held.set(prepared.txn, held);
      this.pending.set(prepared.txn, held);
      this.locks.seize(held.claim);
      this.vote(held);
    }
  }

  /** Another leads, or nobody: what is not in the log is forgotten. */
  endReign(): void {
    if (this.reigns < 0) return;
    this.reigns = -1;
    this.led = false;
    this.ready = false;
    this.departure.end();
    const forgotten = [...this.held.values()];
    this.held.clear();
    this.pending.clear();
    this.locks.clear();
    this.own.endReign();
    for (const held of forgotten) if (held.state === "waiting" || held.state === "locked") this.onRefused(held);
    this.onReleased();
  }

  check(): void {
    this.locks.check();
  }

  private answer(to: NodeId, operation: number, outcome: Outcome): void {
    this.env.sendEarly(to, { kind: "outcome", operation, outcome });
  }
}
