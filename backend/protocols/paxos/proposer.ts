/**
 * The proposer: how a replica comes to lead, and what it does then.
 *
 *     follower ──silence, and the lease it granted has run out──> candidate ──a majority promised, and it knows what they know──> leader
 *        ^                                                            │                                                             │
 *        └──────────────── refused: a higher ballot, or a lease ──────┴──────────────────── refused, lost its lease ────────────────┘
 *
 * Phase 1 happens once a leadership, for all slots from the first that is not known chosen. What the promises report is proposed again at
 * the new ballot, the highest ballot's value first come, holes become no-ops, and only then come new values (Paxos Made Simple, section 3).
 * Phase 2 is pipelined, a window of slots at a time, and batched: what arrives while the window is full goes into the next slot together.
 *
 * Members change one at a time, and the entry that changes them is alone in the window: the next slot is voted on by the new ones. Any
 * majority before the change meets any after it.
 */
import type { Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Acceptor } from "./acceptor.ts";
import type { Ballot } from "./ballot.ts";
import { ballotOf, roundOf } from "./ballot.ts";
import type { Learner } from "./learner.ts";
import type {
  Body,
  Entry,
  GroupHost,
  GroupId,
  Member,
  Origin,
  PaxosEnv,
  PaxosMessage,
  Slot,
  Witness,
} from "./messages.ts";

export interface ProposerOptions {
  readonly leaseUs: Micros;
  readonly heartbeatUs: Micros;
  readonly window: number;
  readonly batch: number;
}

/** A slot that is proposed and not yet known chosen. */
interface Flight {
  readonly slot: Slot;
  readonly body: Body;
  /** One for each command; null when the value is an earlier leader's. */
  readonly origins: readonly Origin[] | null;
  readonly votes: Set<NodeId>;
  chosen: boolean;
  sentAt: Micros;
}

interface Promise1b {
  readonly chosen: Slot;
  readonly entries: readonly Entry[];
}

type Role = "follower" | "candidate" | "leader";

export class Proposer {
  protected readonly env: PaxosEnv;
  protected readonly group: GroupId;
  protected readonly acceptor: Acceptor;
  protected readonly learner: Learner;
  protected readonly options: ProposerOptions;
  private readonly host: GroupHost;
  /** Whether this very disk is a voter, as far as is known here. */
  private readonly isElector: () => boolean;
  private readonly witness: Witness | undefined;
  private role: Role = "follower";
  /** Of the present candidacy or leadership. */
  protected ballot: Ballot = 0;
  /** Highest round seen anywhere. */
  private round = 0;
  private known: NodeId = -1;
  /** No candidacy before: another leads, or another's turn comes first. */
  private patientUntil: Micros = 0;
  private backoffUs: Micros;

  private members: readonly Member[] = [];
  private readonly promises = new Map<NodeId, Promise1b>();
  private flights = new Map<Slot, Flight>();
  private nextSlot: Slot = 1;
  /** Highest slot such that it and all before it are chosen, as this leader counts. */
  private chosen: Slot = 0;
  /** Everything an earlier leader may have answered is in the slots up to this one. */
  private barrier: Slot = 0;
  private lastAt: Micros = 0;
  private commands: Value[] = [];
  private origins: Origin[] = [];
  private gathering = false;
  private readonly leases = new Map<NodeId, Micros>();
  private leaseEnd: Micros = 0;
  private heartbeatAt: Micros = -Infinity;
  private ledSince: Micros = 0;
  /** When the prepares were last sent. */
  private askedAt: Micros = 0;
  /** The last leader named this replica; leases that it gave up are on their way out. */
  private named = false;
  /** A voter has promised a higher ballot to somebody who does not lead: elect anew once nothing is under way. */
  private outbid = false;
  /** Another shall lead: set while what is under way comes to its end. */
  private successor: NodeId = -1;
  elections = 0;

  constructor(
    parts: {
      readonly env: PaxosEnv;
      readonly group: GroupId;
      readonly acceptor: Acceptor;
      readonly learner: Learner;
      readonly host: GroupHost;
      readonly isElector: () => boolean;
      readonly witness?: Witness;
    },
    options: ProposerOptions,
  ) {
    this.env = parts.env;
    this.group = parts.group;
    this.acceptor = parts.acceptor;
    this.learner = parts.learner;
    this.host = parts.host;
    this.isElector = parts.isElector;
    this.witness = parts.witness;
    this.options = options;
    this.backoffUs = options.heartbeatUs;
  }

  /** @param place among those who may lead: the first tries first */
  start(place: number): void {
    this.round = roundOf(this.acceptor.ballot);
    const { heartbeatUs } = this.options;
    this.patientUntil = this.env.now + place * 2 * heartbeatUs + this.env.random.below(heartbeatUs + 1);
  }

  get leading(): boolean {
    return this.role === "leader";
  }

  get currentBallot(): Ballot {
    return this.role === "leader" ? this.ballot : this.acceptor.ballot;
  }

  /** Who leads, as far as is known here; -1: nobody. */
  get leader(): NodeId {
    return this.role === "leader" ? this.env.self : this.known;
  }

  /** What is proposed, gathered or asked for and not yet settled. */
  get busy(): boolean {
    return this.role === "candidate" || this.flights.size > 0 || this.commands.length > 0;
  }

  /** This replica alone may answer reads: its lease is in force, and it has applied what earlier leaders may have answered. */
  get holdsLease(): boolean {
    return this.role === "leader" && this.learner.slot >= this.barrier && this.leaseInForce();
  }

  protected leaseInForce(): boolean {
    return this.env.wall.latest < this.leaseEnd;
  }

  /* ---- commands ---- */

  /** Takes a command for the next slot. Returns false, and has done nothing, unless this replica leads. */
  propose(origin: Origin, command: Value): boolean {
    if (this.role !== "leader" || this.successor >= 0) return false;
    this.commands.push(command);
    this.origins.push(origin);
    this.gather();
    return true;
  }

  /** Puts a change of members or placement in the next slot that is free for it. Returns false unless it can be now. */
  proposeAlone(body: Body): boolean {
    if (this.role !== "leader" || this.flights.size > 0 || this.outbid || this.successor >= 0) return false;
    this.sendAccepts(this.launch(body, null));
    return true;
  }

  onGathered(): void {
    this.gathering = false;
    this.fillWindow();
  }

  /** At the stamp that commands of this moment get. */
  stamp(): Micros {
    return Math.max(this.lastAt, this.env.wall.latest);
  }

  private gather(): void {
    if (this.gathering || this.commands.length === 0 || !this.open) return;
    this.gathering = true;
    // The inputs that arrived with this one come first, and into the same slot.
    this.env.sendEarly(this.env.self, { kind: "gathered", group: this.group });
  }

  /** There is room in the window, and nothing that has to be alone in it. */
  private get open(): boolean {
    return this.role === "leader" && this.flights.size < this.options.window && !this.outbid && !this.alone;
  }

  private get alone(): boolean {
    for (const { body } of this.flights.values()) if (body.kind === "members") return true;
    return false;
  }

  private fillWindow(): void {
    while (this.commands.length > 0 && this.open) {
      const { batch } = this.options;
      const commands = this.commands;
      const origins = this.origins;
      this.commands = commands.length > batch ? commands.splice(batch) : [];
      this.origins = origins.length > batch ? origins.splice(batch) : [];
      this.lastAt = this.stamp();
      this.sendAccepts(this.launch({ kind: "commands", at: this.lastAt, commands }, origins));
    }
  }

  private launch(body: Body, origins: readonly Origin[] | null): Flight {
    const slot = this.nextSlot++;
    const flight = { slot, body, origins, votes: new Set<NodeId>(), chosen: false, sentAt: this.env.now };
    this.flights.set(slot, flight);
    return flight;
  }

  private sendAccepts(flight: Flight): void {
    const { env, ballot, chosen, group, members } = this;
    const { slot, body, votes } = flight;
    flight.sentAt = env.now;
    for (const { node } of members) {
      if (votes.has(node)) continue;
      if (node === env.self) this.acceptor.onAccept(node, ballot, slot, body);
      // A proposal promises nothing: after a crash this ballot is never used again.
      else env.sendEarly(node, { kind: "accept", group, ballot, slot, body, chosen });
    }
  }

  onAccepted(from: NodeId, ballot: Ballot, slot: Slot): void {
    if (this.role !== "leader" || !this.counts(ballot)) return;
    const flight = this.flights.get(slot);
    if (flight === undefined || !this.isVoter(from)) return;
    flight.votes.add(from);
    if (flight.chosen || !this.isMajority(flight.votes.size)) return;
    flight.chosen = true;
    const before = this.chosen;
    while (this.flights.get(this.chosen + 1)?.chosen === true) this.chosen++;
    if (this.chosen === before) return;
    this.learner.onClaim(this.env.self, this.ballot, this.chosen, -Infinity);
    if (this.role !== "leader") return;
    this.fillWindow();
    if (this.flights.size === 0) {
      if (this.outbid) this.becomeCandidate();
      else if (this.successor >= 0) this.release();
      else this.announce();
    }
  }

  /** Whether an answer at that ballot is one to what this leader proposes. */
  protected counts(ballot: Ballot): boolean {
    return ballot === this.ballot;
  }

  /** The learner has applied an entry: if it was ours, its commands' results go back. */
  onEntryApplied({ slot, ballot, body }: Entry, results: readonly unknown[]): void {
    const flight = this.flights.get(slot);
    this.flights.delete(slot);
    if (slot > this.chosen) this.chosen = slot;
    if (body.at > this.lastAt) this.lastAt = body.at;
    if (flight?.origins !== null && flight !== undefined) {
      const ours = ballot === this.ballot && this.role === "leader";
      for (const [i, origin] of flight.origins.entries()) {
        if (ours) this.host.onResult(origin, results[i]);
        else this.host.onLost(origin);
      }
    }
    if (body.kind === "members") this.onMembers(flight);
  }

  /** New voters from here on. Who finished what another began asks them all again: it knows too little of what they know. */
  private onMembers(flight: Flight | undefined): void {
    if (this.role === "follower") return;
    this.members = this.learner.control!.members;
    this.endLease();
    this.heartbeatAt = -Infinity;
    if (!this.isVoter(this.env.self)) this.becomeFollower();
    else if (this.role === "candidate" || flight === undefined || this.barrier >= flight.slot) this.becomeCandidate();
  }

  /** Tells followers at once what is chosen when no accept will. */
  private announce(): void {
    const { env, ballot, chosen, group } = this;
    const asOf = this.asOf();
    for (const node of this.audience()) {
      if (node !== env.self) env.sendEarly(node, { kind: "chosen", group, ballot, chosen, asOf });
    }
  }

  private asOf(): Micros {
    return this.holdsLease ? this.env.wall.earliest : -1;
  }

  /** Voters, and those who should become ones. */
  private audience(): readonly NodeId[] {
    const nodes = this.members.map(({ node }) => node);
    for (const node of this.learner.control!.placement) if (!nodes.includes(node)) nodes.push(node);
    return nodes;
  }

  /* ---- lease ---- */

  onLeased(from: NodeId, ballot: Ballot, until: Micros): void {
    if (this.role !== "leader" || ballot !== this.ballot || !this.isVoter(from)) return;
    if (until > (this.leases.get(from) ?? 0)) this.leases.set(from, until);
    const granted = [...this.leases.values()].sort((a, b) => b - a);
    const needed = this.majority();
    if (granted.length < needed || granted[needed - 1] <= this.leaseEnd) return;
    this.leaseEnd = granted[needed - 1];
    if (this.leaseInForce()) this.witness?.onLease(this.env.self, this.group, this.ballot, this.leaseEnd);
  }

  private endLease(): void {
    if (this.leaseInForce()) this.witness?.onLease(this.env.self, this.group, this.ballot, 0);
    this.leases.clear();
    this.leaseEnd = 0;
  }

  private heartbeat(): void {
    const { env, ballot, chosen, group } = this;
    this.heartbeatAt = env.now;
    const until = env.wall.earliest + this.options.leaseUs;
    const asOf = this.asOf();
    for (const node of this.audience()) {
      if (node === env.self) this.acceptor.onHeartbeat(node, ballot, until, this.learner.slot);
      else env.sendEarly(node, { kind: "heartbeat", group, ballot, chosen, asOf, until });
    }
  }

  /** Hands leadership to another replica, who need not wait for the lease to run out. */
  handOver(successor: NodeId): void {
    if (this.role !== "leader" || successor === this.env.self || !this.isVoter(successor)) return;
    this.successor = successor;
    if (this.flights.size === 0) this.release();
  }

  private release(): void {
    const { ballot, env, group, successor } = this;
    const voters = this.members.map(({ node }) => node);
    this.becomeFollower();
    for (const node of voters) {
      if (node === env.self) this.acceptor.onRelease(ballot);
      else env.send(node, { kind: "release", group, ballot, successor });
    }
  }

  /** The leader of `ballot` steps down. */
  onReleased(successor: NodeId): void {
    const { heartbeatUs } = this.options;
    this.known = -1;
    this.patientUntil =
      this.env.now + (successor === this.env.self ? 0 : 4 * heartbeatUs + this.env.random.below(heartbeatUs + 1));
    if (successor !== this.env.self || !this.mayStand()) return;
    this.becomeCandidate();
    this.named = true;
  }

  /* ---- elections ---- */

  /** A leader of that ballot is at work. */
  onContact(from: NodeId, ballot: Ballot): void {
    this.round = Math.max(this.round, roundOf(ballot));
    if (from === this.env.self) return;
    if (this.role !== "follower" && ballot > this.ballot) this.becomeFollower();
    const { heartbeatUs } = this.options;
    this.patientUntil = this.env.now + 3 * heartbeatUs + this.env.random.below(heartbeatUs + 1);
    this.backoffUs = heartbeatUs;
    if (this.known === from) return;
    this.known = from;
    this.host.onLeader(from);
  }

  tick(): void {
    const { env, options } = this;
    if (this.role === "leader") {
      if (env.now - this.heartbeatAt >= options.heartbeatUs) this.heartbeat();
      for (const flight of this.flights.values()) {
        if (!flight.chosen && env.now - flight.sentAt >= options.heartbeatUs) this.sendAccepts(flight);
      }
      if (!this.leaseInForce() && env.now - this.ledSince > 2 * options.leaseUs) this.becomeFollower();
      return;
    }
    if (this.role === "candidate" && env.now - this.askedAt >= options.heartbeatUs) this.sendPrepares();
    if (env.now < this.patientUntil) return;
    if (this.known >= 0) {
      this.known = -1;
      this.host.onLeader(-1);
    }
    if (this.mayStand() && this.leaseRanOut()) this.becomeCandidate();
  }

  private mayStand(): boolean {
    return this.learner.complete && this.isElector();
  }

  protected leaseRanOut(): boolean {
    const { leaseUntil, leaseHolder } = this.acceptor;
    return leaseHolder === this.env.self || this.env.wall.earliest > leaseUntil;
  }

  protected nextBallot(): Ballot {
    this.round = Math.max(this.round, roundOf(this.acceptor.ballot)) + 1;
    return ballotOf(this.round, this.env.self);
  }

  private becomeCandidate(): void {
    const { env } = this;
    this.abandonFlights();
    this.endLease();
    this.elections++;
    this.role = "candidate";
    this.outbid = false;
    this.ballot = this.nextBallot();
    this.members = this.learner.control!.members;
    this.promises.clear();
    this.patientUntil = env.now + this.retryDelay();
    this.acceptor.onPrepare(env.self, this.ballot, this.learner.slot + 1, this.learner.slot);
    this.sendPrepares();
  }

  private sendPrepares(): void {
    const { ballot, env, group } = this;
    this.askedAt = env.now;
    for (const { node } of this.members) {
      if (node === env.self || this.promises.has(node)) continue;
      // Held: the ballot is spent before anybody hears of it.
      env.send(node, { kind: "prepare", group, ballot, from: this.learner.slot + 1 });
    }
  }

  /** Two who stand at once must not do so for ever. */
  protected retryDelay(): Micros {
    const delay = 2 * this.options.heartbeatUs + this.env.random.below(Math.ceil(this.backoffUs) + 1);
    this.backoffUs = Math.min(2 * this.backoffUs, this.options.leaseUs);
    return delay;
  }

  onPromise(from: NodeId, { ballot, chosen, entries }: Extract<PaxosMessage, { kind: "promise" }>): void {
    if (this.role !== "candidate" || ballot !== this.ballot || !this.isVoter(from)) return;
    this.promises.set(from, { chosen, entries });
    this.maybeLead();
  }

  /** Leads once a majority has promised and everything that any of them knows to be chosen is applied here. */
  maybeLead(): void {
    if (this.role !== "candidate" || !this.isMajority(this.promises.size)) return;
    let target = 0;
    let informant: NodeId = -1;
    for (const [node, { chosen }] of this.promises) {
      if (chosen <= target) continue;
      target = chosen;
      informant = node;
    }
    if (this.learner.slot < target) {
      // Not a claim of any ballot: what is chosen there is fetched from there.
      this.learner.onClaim(informant, Infinity, target, -Infinity);
      return;
    }
    this.becomeLeader();
  }

  private becomeLeader(): void {
    const { env, learner } = this;
    this.role = "leader";
    this.named = false;
    this.known = env.self;
    this.successor = -1;
    this.ledSince = env.now;
    this.backoffUs = this.options.heartbeatUs;
    this.chosen = learner.slot;
    this.nextSlot = learner.slot + 1;
    this.lastAt = Math.max(this.lastAt, learner.at);
    const found = new Map<Slot, Entry>();
    let last = learner.slot;
    for (const { entries } of this.promises.values()) {
      for (const entry of entries) {
        if (entry.slot <= learner.slot) continue;
        last = Math.max(last, entry.slot);
        const known = found.get(entry.slot);
        if (known === undefined || this.outranks(entry, known)) found.set(entry.slot, entry);
        if (entry.body.at > this.lastAt) this.lastAt = entry.body.at;
      }
    }
    this.barrier = last;
    while (this.nextSlot <= last) {
      const body = this.adopt(found.get(this.nextSlot));
      this.sendAccepts(this.launch(body, null));
    }
    this.promises.clear();
    this.heartbeat();
    this.host.onLeader(env.self);
    this.gather();
  }

  /** Of two values that were accepted in a slot, the one of the higher ballot may have been chosen. */
  protected outranks(entry: Entry, known: Entry): boolean {
    return entry.ballot > known.ballot;
  }

  protected adopt(entry: Entry | undefined): Body {
    return entry?.body ?? { kind: "no-op", at: this.lastAt };
  }

  onRefuse({ ballot, promised, until }: Extract<PaxosMessage, { kind: "refuse" }>): void {
    this.round = Math.max(this.round, roundOf(promised));
    if (ballot !== this.ballot || this.role === "follower") return;
    if (until > 0) {
      // Whoever refused has yet to hear that the leader stepped down.
      if (this.named) return;
      // A lease is in force: its holder may be at work, and will be for so long at the least.
      this.becomeFollower();
      this.patientUntil = this.env.now + Math.max(0, until - this.env.wall.earliest) + this.retryDelay();
    } else if (promised > ballot) {
      if (this.role === "leader" && this.leaseInForce()) this.raiseWhenIdle();
      else {
        this.becomeFollower();
        this.patientUntil = this.env.now + this.retryDelay();
      }
    }
  }

  /** A voter was cut off and promised itself a higher ballot. The lease is still ours, so nobody else can win one: ours shall be higher. */
  private raiseWhenIdle(): void {
    this.outbid = true;
    if (this.flights.size === 0) this.becomeCandidate();
  }

  private becomeFollower(): void {
    this.abandonFlights();
    for (const origin of this.origins) this.host.onRefused(origin);
    this.commands = [];
    this.origins = [];
    this.role = "follower";
    this.outbid = false;
    this.named = false;
    this.successor = -1;
    this.endLease();
    if (this.known === this.env.self) {
      this.known = -1;
      this.host.onLeader(-1);
    }
  }

  private abandonFlights(): void {
    const { flights } = this;
    this.flights = new Map();
    for (const { origins } of flights.values()) for (const origin of origins ?? []) this.host.onLost(origin);
  }

  /* ---- counting ---- */

  private isVoter(node: NodeId): boolean {
    return this.members.some((member) => member.node === node);
  }

  private majority(): number {
    return Math.floor(this.members.length / 2) + 1;
  }

  protected isMajority(votes: number): boolean {
    return votes >= this.majority();
  }
}
