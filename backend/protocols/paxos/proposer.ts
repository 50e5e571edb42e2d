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
import type { Witness } from "../../kernel/witness.ts";
import type { Acceptor } from "./acceptor.ts";
import type { Ballot } from "./ballot.ts";
import { ballotOf, roundOf } from "./ballot.ts";
import { Candidacy } from "./candidacy.ts";
import { LeaderLease } from "./leader-lease.ts";
import type { Learner } from "./learner.ts";
import type { Body, Entry, GroupHost, GroupId, Member, Origin, PaxosEnv, PaxosMessage, Slot } from "./messages.ts";
import { Patience } from "./patience.ts";
import { Pipeline } from "./pipeline.ts";
import type { Flight } from "./pipeline.ts";

export interface ProposerOptions {
  readonly leaseUs: Micros;
  readonly heartbeatUs: Micros;
  readonly window: number;
  readonly batch: number;
}

type Role = "follower" | "candidate" | "leader";

export class Proposer {
  protected readonly env: PaxosEnv;
  protected readonly group: GroupId;
  protected readonly acceptor: Acceptor;
  protected readonly learner: Learner;
  protected readonly options: ProposerOptions;
  private readonly host: GroupHost;
  private readonly isElector: () => boolean;
  private readonly witness: Witness | undefined;
  private role: Role = "follower";
  /** Of the present candidacy or leadership. */
  protected ballot: Ballot = 0;
  private highestRound = 0;
  private known: NodeId = -1;
  protected readonly patience: Patience;

  private members: readonly Member[] = [];
  protected readonly candidacy = new Candidacy();
  private readonly pipeline = new Pipeline();
  /** Everything an earlier leader may have answered is in the slots up to this one. */
  private barrier: Slot = 0;
  private lastAt: Micros = 0;
  private gathering = false;
  /** Waits to be, or is, alone in the window. */
  private solo: Body | undefined;
  protected readonly lease = new LeaderLease();
  private heartbeatAt: Micros = -Infinity;
  private ledSince: Micros = 0;
  private preparesSentAt: Micros = 0;
  /** The leader of this ballot named this replica: the leases that it gave up are on their way out. 0: none did. */
  private released: Ballot = 0;
  /** A voter has promised a higher ballot to somebody who does not lead: elect anew once nothing is under way. */
  private outbid = false;
  /** Shall lead once what is under way has come to its end. */
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
    this.patience = new Patience(parts.env.random, options.heartbeatUs, options.leaseUs);
  }

  /** @param place among those who may lead: the first tries first */
  start(place: number): void {
    this.highestRound = roundOf(this.acceptor.ballot);
    // While the lease that it holds lasts nobody else can lead: a leader that was started anew stands before anybody.
    const { leaseUntil, leaseHolder } = this.acceptor;
    const led = leaseHolder === this.env.self && this.env.wall.latest < leaseUntil;
    if (!led) this.patience.wait(this.env.now, 2 * place);
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
    return this.role === "candidate" || this.pipeline.size > 0 || this.pipeline.gathered > 0;
  }

  /** This replica alone may answer reads, and it has applied what earlier leaders may have answered. */
  get holdsLease(): boolean {
    return this.role === "leader" && this.learner.slot >= this.barrier && this.leaseInForce();
  }

  get leaseEnd(): Micros {
    return this.successor < 0 ? this.lease.until : 0;
  }

  protected leaseInForce(): boolean {
    return this.lease.inForce(this.env.wall);
  }

  /** Takes a command for the next slot. Returns false, and has done nothing, unless this replica leads. */
  propose(origin: Origin, command: Value): boolean {
    if (this.role !== "leader" || this.successor >= 0) return false;
    this.pipeline.gather(origin, command);
    this.gather();
    return true;
  }

  /**
   * Puts a change of members or placement into a slot that is alone in the window: nothing else is proposed until it is applied. Returns
   * false unless this replica leads and no such change waits.
   */
  proposeAlone(body: Body): boolean {
    if (this.role !== "leader" || this.solo !== undefined || this.outbid || this.successor >= 0) return false;
    this.solo = body;
    this.proceed();
    return true;
  }

  onGathered(): void {
    this.gathering = false;
    this.fillWindow();
  }

  /** What commands of this moment are stamped with. */
  stamp(): Micros {
    return Math.max(this.lastAt, this.env.wall.latest);
  }

  private gather(): void {
    if (this.gathering || this.pipeline.gathered === 0 || !this.open) return;
    this.gathering = true;
    // The inputs that arrived with this one come first, and into the same slot.
    this.env.sendEarly(this.env.self, { kind: "gathered", group: this.group });
  }

  /** There is room in the window, and nothing that has to be alone in it. */
  private get open(): boolean {
    if (this.role !== "leader" || this.outbid || this.solo !== undefined) return false;
    return this.pipeline.size < this.options.window;
  }

  private fillWindow(): void {
    while (this.pipeline.gathered > 0 && this.open) {
      const { commands, origins } = this.pipeline.take(this.options.batch);
      this.lastAt = this.stamp();
      this.sendAccepts(this.pipeline.launch({ kind: "commands", at: this.lastAt, commands }, origins, this.env.now));
    }
  }

  private sendAccepts(flight: Flight): void {
    const { env, ballot, group, members, pipeline } = this;
    const { slot, body, votes } = flight;
    flight.sentAt = env.now;
    for (const { node } of members) {
      if (votes.has(node)) continue;
      if (node === env.self) this.acceptor.onAccept(node, ballot, slot, body);
      // A proposal promises nothing: after a crash this ballot is never used again.
      else env.sendEarly(node, { kind: "accept", group, ballot, slot, body, chosen: pipeline.chosen });
    }
  }

  onAccepted(from: NodeId, ballot: Ballot, slot: Slot): void {
    if (this.role !== "leader" || ballot !== this.ballot || !this.isVoter(from)) return;
    if (this.pipeline.vote(slot, from, this.majority())) this.claim();
  }

  private claim(): void {
    this.learner.onClaim(this.env.self, this.ballot, this.pipeline.chosen, -Infinity);
  }

  /** Something was applied, or a snapshot installed, whoever found out that it was chosen. */
  onProgress(): void {
    if (this.role === "follower") return;
    // A snapshot holds what changes of voters there were.
    if (this.members !== this.learner.control!.members) this.onMembers(undefined);
    else if (this.role === "candidate") this.maybeLead();
    else if (this.pipeline.chosen > this.learner.chosen) this.claim();
    else this.proceed();
  }

  /** There may be room in the window now, or nothing under way any more. */
  private proceed(): void {
    const { env, pipeline, solo } = this;
    this.fillWindow();
    if (pipeline.size > 0) return;
    if (this.outbid) this.becomeCandidate();
    else if (this.successor >= 0) this.release();
    else if (solo !== undefined) this.sendAccepts(pipeline.launch(solo, null, env.now));
    else this.announce();
  }

  /** The learner has applied an entry: if it was ours, its commands' results go back. */
  onEntryApplied({ slot, ballot, body }: Entry, results: readonly unknown[]): void {
    const flight = this.pipeline.land(slot);
    if (flight?.body === this.solo) this.solo = undefined;
    if (body.at > this.lastAt) this.lastAt = body.at;
    const ours = ballot === this.ballot && this.role === "leader";
    for (const [i, origin] of (flight?.origins ?? []).entries()) {
      if (ours) this.host.onResult(origin, results[i]);
      else this.host.onLost(origin);
    }
    // Chosen by a later leader: what was accepted at our ballot is no proof of what is chosen, and our word would make it one.
    if (ballot > this.ballot && this.role !== "follower") this.becomeFollower();
    if (body.kind === "members") this.onMembers(flight);
  }

  /** New voters from here on. Who finished what another began asks them all again: it knows too little of what they know. */
  private onMembers(flight: Flight | undefined): void {
    if (this.role === "follower") return;
    this.members = this.learner.control!.members;
    this.endLease();
    this.heartbeatAt = -Infinity;
    this.ledSince = this.env.now;
    if (!this.isVoter(this.env.self)) this.becomeFollower();
    else if (this.role === "candidate" || flight === undefined || this.barrier >= flight.slot) this.becomeCandidate();
  }

  /** Tells followers at once what is chosen when no accept will. */
  private announce(): void {
    const { ballot, group } = this;
    const message = { kind: "chosen", group, ballot, ...this.readable() } as const;
    for (const node of this.audience()) if (node !== this.env.self) this.env.sendEarly(node, message);
  }

  private readable(): { chosen: Slot; asOf: Micros; safe: Micros } {
    const asOf = this.holdsLease ? this.env.wall.earliest : -1;
    return { chosen: this.pipeline.chosen, asOf, safe: this.host.safe?.() ?? -1 };
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
    if (!this.lease.onVote(from, until, this.majority()) || !this.leaseInForce()) return;
    this.witness?.onLease(this.env.self, this.group, ballot, this.lease.until);
  }

  private endLease(): void {
    if (this.lease.until > 0) this.witness?.onLease(this.env.self, this.group, this.ballot, 0);
    this.lease.clear();
  }

  private heartbeat(): void {
    const { env, ballot, group } = this;
    this.heartbeatAt = env.now;
    const until = env.wall.earliest + this.options.leaseUs;
    const readable = this.readable();
    for (const node of this.audience()) {
      if (node === env.self) this.acceptor.onHeartbeat(node, ballot, until, this.learner.slot);
      else env.sendEarly(node, { kind: "heartbeat", group, ballot, until, ...readable });
    }
  }

  /** Hands leadership to another replica, who need not wait for the lease to run out. */
  handOver(successor: NodeId): void {
    if (this.role !== "leader" || successor === this.env.self || !this.isVoter(successor)) return;
    this.successor = successor;
    this.proceed();
  }

  private release(): void {
    if (this.host.mayRelease?.() === false) return;
    const { ballot, env, group, members, successor, options } = this;
    this.becomeFollower();
    // Longer than others: nothing else keeps it from leading again, and a successor on a slow disk needs time.
    this.patience.wait(env.now, Math.max(8, Math.ceil(options.leaseUs / options.heartbeatUs / 2)));
    for (const { node } of members) {
      if (node === env.self) this.acceptor.onRelease(ballot);
      else env.send(node, { kind: "release", group, ballot, successor });
    }
  }

  onReleased(successor: NodeId): void {
    this.known = -1;
    this.patience.wait(this.env.now, 4);
    if (successor !== this.env.self || !this.mayStand()) return;
    this.released = this.acceptor.ballot;
    this.becomeCandidate();
  }

  /* ---- elections ---- */

  /** A leader of that ballot is at work. */
  onContact(from: NodeId, ballot: Ballot): void {
    this.highestRound = Math.max(this.highestRound, roundOf(ballot));
    if (from === this.env.self) return;
    if (this.role !== "follower" && ballot > this.ballot) this.becomeFollower();
    this.patience.wait(this.env.now, 3);
    this.patience.calm();
    if (this.known === from) return;
    this.known = from;
    this.host.onLeader(from);
  }

  tick(): void {
    const { acceptor, env, options } = this;
    if (this.role === "leader") {
      if (env.now - this.heartbeatAt >= options.heartbeatUs) this.heartbeat();
      for (const flight of this.pipeline.underWay) {
        if (!flight.chosen && env.now - flight.sentAt >= options.heartbeatUs) this.sendAccepts(flight);
      }
      if (!this.leaseInForce() && env.now - this.ledSince > 2 * options.leaseUs) this.becomeFollower();
      else if (this.successor >= 0 && this.pipeline.size === 0) this.release();
      return;
    }
    if (this.role === "candidate" && env.now - this.preparesSentAt >= options.heartbeatUs) this.sendPrepares();
    if (acceptor.ballot !== this.ballot) this.patience.heed(acceptor.ballot, acceptor.promisedAt);
    if (env.now < this.patience.until) return;
    if (this.known >= 0) {
      this.known = -1;
      this.host.onLeader(-1);
    }
    if (this.mayStand() && this.leaseRanOut()) this.becomeCandidate();
  }

  stand(): void {
    if (this.role === "candidate") this.sendPrepares();
    else if (this.role === "follower" && this.mayStand() && this.leaseRanOut()) this.becomeCandidate();
  }

  private mayStand(): boolean {
    return this.learner.complete && this.isElector();
  }

  protected leaseRanOut(): boolean {
    const { leaseUntil, leaseHolder } = this.acceptor;
    return leaseHolder === this.env.self || this.env.wall.earliest > leaseUntil;
  }

  protected nextBallot(): Ballot {
    this.highestRound = Math.max(this.highestRound, roundOf(this.acceptor.ballot)) + 1;
    return ballotOf(this.highestRound, this.env.self);
  }

  protected becomeCandidate(): void {
    const { env } = this;
    this.solo = undefined;
    this.pipeline.abandon((origin) => this.host.onLost(origin));
    this.endLease();
    this.elections++;
    this.role = "candidate";
    this.outbid = false;
    this.ballot = this.nextBallot();
    this.members = this.learner.control!.members;
    this.candidacy.clear();
    this.patience.backOff(env.now);
    this.acceptor.onPrepare(env.self, this.ballot, this.learner.slot + 1, this.learner.slot);
    this.sendPrepares();
  }

  private sendPrepares(): void {
    const { ballot, env, group } = this;
    this.preparesSentAt = env.now;
    for (const { node } of this.members) {
      if (node === env.self || this.candidacy.has(node)) continue;
      // Held: the ballot is spent before anybody hears of it.
      env.send(node, { kind: "prepare", group, ballot, from: this.learner.slot + 1 });
    }
  }

  onPromise(from: NodeId, { ballot, chosen, entries }: Extract<PaxosMessage, { kind: "promise" }>): void {
    if (this.role !== "candidate" || ballot !== this.ballot || !this.isVoter(from)) return;
    this.candidacy.onPromise(from, { chosen, entries });
    this.maybeLead();
  }

  /** Leads once a majority has promised and everything that any of them knows to be chosen is applied here. */
  private maybeLead(): void {
    if (this.role !== "candidate" || this.candidacy.size < this.majority()) return;
    const { slot, node } = this.candidacy.mostChosen();
    if (this.learner.slot < slot) {
      // Not a claim of any ballot: what is chosen there is fetched from there.
      this.learner.onClaim(node, Infinity, slot, -Infinity);
      return;
    }
    this.becomeLeader();
  }

  protected becomeLeader(): void {
    const { env, learner } = this;
    this.role = "leader";
    this.released = 0;
    this.known = env.self;
    this.successor = -1;
    this.ledSince = env.now;
    this.witness?.onLeads?.(env.self, this.group, this.ballot);
    this.patience.calm();
    this.pipeline.restart(learner.slot);
    const { values, last, change, at } = this.candidacy.unsettled(learner.slot, this.outranks.bind(this));
    this.barrier = last;
    this.lastAt = Math.max(this.lastAt, learner.at, at);
    this.solo = change;
    for (let slot = learner.slot + 1; slot <= last; slot++) {
      this.sendAccepts(this.pipeline.launch(this.adopt(values.get(slot)), null, env.now));
    }
    this.candidacy.clear();
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
    this.highestRound = Math.max(this.highestRound, roundOf(promised));
    if (ballot !== this.ballot || this.role === "follower") return;
    if (until > 0) {
      // Whoever refused has yet to hear that the leader stepped down, or comes too late: a majority has promised. If the leader
      // stepped down for the word of one, everybody would wait until the lease that it has just got has run out.
      if (promised <= this.released || this.role === "leader") return;
      // A lease is in force: its holder may be at work, and will be for so long at the least.
      this.becomeFollower();
      this.patience.backOff(this.env.now + Math.max(0, until - this.env.wall.earliest));
    } else if (promised > ballot) {
      // A voter was cut off and promised itself more. The lease is still ours, so nobody else can win: our next ballot shall be higher.
      if (this.role === "leader" && this.leaseInForce()) {
        this.outbid = true;
        this.proceed();
      } else {
        this.becomeFollower();
        this.patience.backOff(this.env.now);
      }
    }
  }

  private becomeFollower(): void {
    this.solo = undefined;
    this.pipeline.abandon((origin) => this.host.onLost(origin));
    for (const origin of this.pipeline.take(Infinity).origins) this.host.onRefused(origin);
    this.role = "follower";
    this.outbid = false;
    this.released = 0;
    this.successor = -1;
    this.endLease();
    if (this.known === this.env.self) {
      this.known = -1;
      this.host.onLeader(-1);
    }
  }

  private isVoter(node: NodeId): boolean {
    return this.members.some((member) => member.node === node);
  }

  protected majority(): number {
    return Math.floor(this.members.length / 2) + 1;
  }
}
