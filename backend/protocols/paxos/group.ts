/**
 * One replica of one group: the roles of multi-Paxos wired together by plain calls.
 *
 *     commands ──> Proposer ──accept──> Acceptor ──accepted──> Proposer ──chosen──> Learner ──> machine ──> results
 *                                                                                      |
 *     reads    ──> holdsLease, or QuorumReads <────────────────────────────────────────┘
 *                  Membership: who votes, and whether this disk does
 */
import type { Store, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Witness } from "../../kernel/witness.ts";
import { Acceptor } from "./acceptor.ts";
import { Journal } from "./journal.ts";
import { Learner } from "./learner.ts";
import type { AnyMachine } from "./learner.ts";
import { Membership } from "./membership.ts";
import type { Body, Control, GroupHost, GroupId, Origin, PaxosEnv, PaxosMessage, Slot } from "./messages.ts";
import { Proposer } from "./proposer.ts";
import { QuorumReads } from "./quorum-reads.ts";
import { StateStore } from "./state-store.ts";

/** The roles a group is made of; tests put a mutant in the place of one. */
export interface PaxosRoles {
  readonly Acceptor: typeof Acceptor;
  readonly Learner: typeof Learner;
  readonly Membership: typeof Membership;
  readonly Proposer: typeof Proposer;
}

export const paxosRoles: PaxosRoles = { Acceptor, Learner, Membership, Proposer };

export interface GroupOptions {
  readonly group: GroupId;
  /** Where replicas are at the founding; the first of them founds. */
  readonly placement: readonly NodeId[];
  readonly leaseUs: Micros;
  readonly heartbeatUs: Micros;
  readonly window: number;
  readonly batch: number;
  readonly keepSlots: number;
  /**
   * The group is not founded: each replica begins with the same state at slot 1, which is in no log, or gets it by a snapshot; who has
   * not got it does not vote. False when absent.
   */
  readonly inherits?: boolean;
  /** State is in no log but this group's: after a crash it is applied again from the entries since a checkpoint. False when absent. */
  readonly derives?: boolean;
}

export class Group {
  readonly group: GroupId;
  private readonly env: PaxosEnv;
  private readonly options: GroupOptions;
  private readonly acceptor: Acceptor;
  private readonly learner: Learner;
  private readonly membership: Membership;
  private readonly proposer: Proposer;
  private readonly reads: QuorumReads;
  private readonly machine: AnyMachine;
  private readonly host: GroupHost;
  private readonly witness: Witness | undefined;

  constructor(
    env: PaxosEnv,
    options: GroupOptions,
    build: (store: Store) => AnyMachine,
    host: GroupHost,
    roles: PaxosRoles = paxosRoles,
    witness?: Witness,
  ) {
    const { group, heartbeatUs, keepSlots } = options;
    this.env = env;
    this.group = group;
    this.options = options;
    this.host = host;
    this.witness = witness;
    const journal = new Journal(env.store, group, options.derives === true);
    const state = new StateStore(env.store, journal);
    this.machine = build(state);
    this.acceptor = new roles.Acceptor(env, group, journal, witness);
    const { acceptor, machine } = this;
    this.learner = new roles.Learner(
      { env, group, journal, acceptor, store: env.store, state, machine, witness },
      {
        onEntryApplied: (entry, results) => this.proposer.onEntryApplied(entry, results),
        onProgress: () => this.onProgress(),
      },
      { keepSlots, fetchTimeoutUs: heartbeatUs, placement: options.placement },
    );
    const { learner } = this;
    const isElector = (): boolean => this.membership.elector;
    this.proposer = new roles.Proposer({ env, group, acceptor, learner, host, isElector, witness }, options);
    const { proposer } = this;
    this.membership = new roles.Membership(
      { env, group, journal, learner, proposer },
      options.placement,
      heartbeatUs,
      options.inherits,
    );
    this.reads = new QuorumReads(
      {
        env,
        group,
        learner,
        lastAccepted: () => Math.max(acceptor.last, learner.slot),
        onReadable: (origin) => host.onReadable(origin),
      },
      heartbeatUs,
    );
  }

  /** Returns whether this replica's disk was used before. */
  start(): boolean {
    this.learner.start();
    this.acceptor.start(this.learner.slot);
    this.proposer.start(Math.max(0, this.options.placement.indexOf(this.env.self)));
    this.learner.resume();
    return this.membership.start();
  }

  /* ---- for the node ---- */

  get leading(): boolean {
    return this.proposer.leading;
  }

  get leader(): NodeId {
    return this.proposer.leader;
  }

  /** This replica votes, as far as it knows. */
  get elector(): boolean {
    return this.membership.elector;
  }

  get holdsLease(): boolean {
    return this.proposer.holdsLease;
  }

  /** True time up to which nobody else can lead; 0 when that may be any moment. */
  get leaseEnd(): Micros {
    return this.proposer.leaseEnd;
  }

  /** What will ever be committed at or before this is applied here, as the leader promised; -1: unknown. */
  get safe(): Micros {
    return this.learner.safe;
  }

  get ballot(): number {
    return this.proposer.currentBallot;
  }

  get applied(): Slot {
    return this.learner.slot;
  }

  get chosen(): Slot {
    return Math.max(this.learner.chosen, this.learner.slot);
  }

  /** Stamp of the last value applied. */
  get at(): Micros {
    return this.learner.at;
  }

  /** Everything answered before this true time can be read here; -Infinity: unknown. */
  get asOf(): Micros {
    return this.learner.asOf;
  }

  /** The state is complete and kept up to date, so it may be read. */
  get readable(): boolean {
    return this.learner.complete && this.membership.knows(this.env.self);
  }

  get busy(): boolean {
    if (this.proposer.leading && !this.placement.reached) return true;
    return this.proposer.busy || this.learner.busy || this.reads.busy;
  }

  /** Returns false, and has done nothing, unless this replica leads. */
  propose(origin: Origin, command: Value): boolean {
    return this.proposer.propose(origin, command);
  }

  /** Asks a majority; `onReadable` follows. Returns false when there is nobody to ask. */
  beginRead(origin: Origin): boolean {
    return this.reads.begin(origin);
  }

  abandonRead(origin: Origin): void {
    this.reads.abandon(origin);
  }

  handOver(successor: NodeId): void {
    this.proposer.handOver(successor);
  }

  /** Stands for election now, if it may, or asks again for votes: for a group that has just begun, where nobody can lead yet. */
  stand(): void {
    this.proposer.stand();
  }

  /** Who votes as of the last entry applied, also while entries are being applied; null: not known. */
  get control(): Control | null {
    return this.learner.control;
  }

  /** What the state consists of is no longer this machine's alone to change: a copy under way would mix two states. */
  dropSnapshot(): void {
    this.learner.dropSnapshot();
  }

  /** Where replicas should be, and whether the voters are there already. */
  get placement(): { readonly nodes: readonly NodeId[]; readonly reached: boolean } {
    const { members, placement } = this.learner.control ?? { members: [], placement: [] };
    const reached = members.length === placement.length && members.every(({ node }) => placement.includes(node));
    return { nodes: placement, reached };
  }

  /** Replicas shall be on these nodes. Returns false unless this replica leads and no such change is under way. */
  place(nodes: readonly NodeId[]): boolean {
    const body: Body = { kind: "placement", at: this.proposer.stamp(), nodes };
    return this.proposer.proposeAlone(body);
  }

  counters(): Record<string, number> {
    return {
      appliedSlots: this.learner.slot,
      elections: this.proposer.elections,
      logFetches: this.learner.fetches,
      snapshotsInstalled: this.learner.installs,
    };
  }

  check(): void {
    if (this.learner.complete) this.machine.check?.();
  }

  tick(): void {
    this.membership.tick();
    this.proposer.tick();
    this.learner.tick(this.membership.others);
    this.reads.tick();
    if (!this.proposer.leading) return;
    const command = this.machine.due(this.env.wall.latest);
    if (command !== undefined) this.proposer.propose(undefined, command as Value);
  }

  onMessage(from: NodeId, message: PaxosMessage): void {
    switch (message.kind) {
      case "hello":
        this.membership.onHello(from, message.incarnation, message.learned);
        break;
      case "welcome":
        this.membership.onWelcome(from, message);
        break;
      case "fetch":
        this.learner.onFetch(from, message.from);
        break;
      case "log":
        this.learner.onLog(from, message);
        break;
      case "snapshot-ask":
        this.learner.onSnapshotAsk(from, message.id, message.part);
        break;
      case "snapshot":
        this.learner.onSnapshot(from, message.id, message.part, message.piece);
        break;
      case "chosen":
        this.onChosen(from, message);
        break;
      case "heartbeat":
        this.onHeartbeat(from, message);
        break;
      case "gathered":
        this.proposer.onGathered();
        break;
      case "apply-on":
        this.learner.onApplyOn();
        break;
      case "marked":
        // Whoever asked, voter or not.
        this.reads.onMarked(from, message.read, message.slot);
        break;
      default:
        if (this.membership.elector) this.onVoterMessage(from, message);
        else if (message.kind === "prepare") this.onStrangersPrepare(from, message.from);
    }
  }

  /** Asked for a vote that this replica, by what it knows, does not have: one of the two knows less than the other. */
  private onStrangersPrepare(from: NodeId, first: Slot): void {
    const { learner } = this;
    if (learner.slot >= first) learner.inform(from);
    else if (learner.control !== null) learner.onClaim(from, Infinity, first - 1, -1);
  }

  private onVoterMessage(
    from: NodeId,
    message: Exclude<
      PaxosMessage,
      {
        kind:
          | "hello"
          | "welcome"
          | "fetch"
          | "log"
          | "snapshot-ask"
          | "snapshot"
          | "chosen"
          | "heartbeat"
          | "gathered"
          | "apply-on"
          | "marked";
      }
    >,
  ): void {
    const { acceptor, proposer } = this;
    switch (message.kind) {
      case "prepare":
        if (!this.membership.knows(from)) this.learner.inform(from);
        acceptor.onPrepare(from, message.ballot, message.from, this.learner.vouched);
        break;
      case "promise":
        this.witness?.onPromised?.(from, this.group, message.ballot);
        proposer.onPromise(from, message);
        break;
      case "refuse":
        proposer.onRefuse(message);
        break;
      case "accept":
        if (message.ballot >= acceptor.ballot) proposer.onContact(from, message.ballot);
        // What is vouched for is chosen, and may be no longer kept: there is nothing to vote on.
        if (message.slot <= this.learner.vouched) this.learner.inform(from);
        else acceptor.onAccept(from, message.ballot, message.slot, message.body);
        this.learner.onClaim(from, message.ballot, message.chosen, -1);
        break;
      case "accepted":
        proposer.onAccepted(from, message.ballot, message.slot);
        break;
      case "leased":
        this.membership.onProgress(from, message.applied);
        proposer.onLeased(from, message.ballot, message.until);
        break;
      case "release":
        if (acceptor.onRelease(message.ballot)) proposer.onReleased(message.successor);
        break;
      case "mark":
        this.reads.onMark(from, message.read);
        break;
    }
  }

  private onChosen(from: NodeId, message: Extract<PaxosMessage, { kind: "chosen" }>): void {
    const { ballot, chosen, asOf, safe } = message;
    if (ballot >= this.acceptor.ballot) this.proposer.onContact(from, ballot);
    this.learner.onClaim(from, ballot, chosen, asOf, safe);
  }

  private onHeartbeat(from: NodeId, message: Extract<PaxosMessage, { kind: "heartbeat" }>): void {
    const { ballot, chosen, asOf, safe, until } = message;
    const { env, group, learner } = this;
    if (!this.membership.elector) {
      // An outsider learns, and says how far it is; it votes for nothing.
      this.proposer.onContact(from, ballot);
      this.membership.introduceTo(from);
      env.sendEarly(from, { kind: "leased", group, ballot, until: 0, applied: learner.slot });
    } else if (this.acceptor.onHeartbeat(from, ballot, until, learner.slot)) {
      this.proposer.onContact(from, ballot);
    }
    learner.onClaim(from, ballot, chosen, asOf, safe);
  }

  private onProgress(): void {
    this.proposer.onProgress();
    this.reads.onApplied();
    this.host.onApplied();
  }
}
