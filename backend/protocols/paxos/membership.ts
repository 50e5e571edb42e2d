/**
 * Who votes. A group is founded once, by the first node of its placement, when it has heard from every other and none of them knows of any
 * members. From then on the log itself says who votes.
 *
 *     empty disk ── hello ──> all others          nobody knows members, and I am the founder   ──> found: these disks are the members
 *                <─ welcome ─                     members, and my disk is one of them          ──> voter
 *                                                 members, and my disk is none of them         ──> outsider: learns, does not vote
 *
 * A disk that was wiped comes back under a new name and so is an outsider: a fresh acceptor in the place of one that had promised things
 * would let two majorities decide. The leader removes the old name, and adds the new one when it has caught up: two changes, each by one.
 */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Journal } from "./journal.ts";
import type { Learner } from "./learner.ts";
import type { Body, Control, GroupId, Member, PaxosEnv, PaxosMessage, Slot } from "./messages.ts";
import type { Proposer } from "./proposer.ts";

interface Introduction {
  readonly incarnation: string;
  readonly firstAt: Micros;
  readonly lastAt: Micros;
  /** It knew who votes. */
  readonly learned: boolean;
  /** It has answered this very disk. */
  readonly welcomed: boolean;
}

/** How far behind a newcomer may be when it becomes a voter. */
const closeSlots = 64;

export class Membership {
  protected readonly env: PaxosEnv;
  private readonly group: GroupId;
  private readonly journal: Journal;
  private readonly learner: Learner;
  private readonly proposer: Proposer;
  private readonly placement: readonly NodeId[];
  private readonly heartbeatUs: Micros;
  /** The group began with a state that stands for slot 1. A majority that had none of it would begin anew. */
  private readonly inherits: boolean;
  protected incarnation = "";
  private readonly introduced = new Map<NodeId, Introduction>();
  private readonly progress = new Map<NodeId, Slot>();
  private helloAt: Micros = -Infinity;

  constructor(
    parts: {
      readonly env: PaxosEnv;
      readonly group: GroupId;
      readonly journal: Journal;
      readonly learner: Learner;
      readonly proposer: Proposer;
    },
    placement: readonly NodeId[],
    heartbeatUs: Micros,
    inherits = false,
  ) {
    this.env = parts.env;
    this.group = parts.group;
    this.journal = parts.journal;
    this.learner = parts.learner;
    this.proposer = parts.proposer;
    this.placement = placement;
    this.heartbeatUs = heartbeatUs;
    this.inherits = inherits;
  }

  /** Returns whether this disk was used before. */
  start(): boolean {
    const known = this.journal.incarnation();
    this.incarnation = known ?? `${this.env.wall.latest}-${this.env.random.uint32().toString(36)}`;
    if (known === undefined) this.journal.name(this.incarnation);
    if (this.learner.control === null && this.placement.length === 1) this.maybeFound();
    return known !== undefined;
  }

  /** This very disk is a voter. */
  get elector(): boolean {
    const { control, slot } = this.learner;
    if (control === null || !this.isIn(control.members)) return false;
    // Who has joined since the founding has no vote on what was before: it does not know what the disk it replaces had promised.
    return slot >= Math.max(control.since ?? 0, this.inherits ? 1 : 0);
  }

  protected isIn(members: readonly Member[]): boolean {
    return members.some(({ node, incarnation }) => node === this.env.self && incarnation === this.incarnation);
  }

  /** That node has a replica, or shall have one. */
  knows(node: NodeId): boolean {
    const { members, placement } = this.learner.control ?? { members: [], placement: [] };
    return placement.includes(node) || members.some((member) => member.node === node);
  }

  /** Who else may know something. */
  get others(): readonly NodeId[] {
    const { self } = this.env;
    const nodes = new Set(this.placement);
    for (const { node } of this.learner.control?.members ?? []) nodes.add(node);
    nodes.delete(self);
    return [...nodes];
  }

  tick(): void {
    const { env } = this;
    // Who knows that it has no replica is silent until the leader speaks to it.
    const seeking = !this.elector && (this.learner.control === null || this.knows(env.self));
    if (seeking && env.now - this.helloAt >= this.heartbeatUs) {
      this.helloAt = env.now;
      for (const node of this.others) this.introduceTo(node);
    }
    if (this.proposer.leading) this.reconcile();
  }

  /** Held: a disk's name must not be forgotten once it is known. */
  introduceTo(node: NodeId): void {
    const { group, incarnation, learner } = this;
    this.env.send(node, { kind: "hello", group, incarnation, learned: learner.control !== null });
  }

  onHello(from: NodeId, incarnation: string, learned: boolean): void {
    this.introduce(from, incarnation, learned, false);
    if (learned && this.learner.control !== null && !this.knows(from)) this.learner.inform(from);
    this.env.send(from, {
      kind: "welcome",
      group: this.group,
      incarnation: this.incarnation,
      control: this.learner.control,
      to: incarnation,
    });
  }

  onWelcome(from: NodeId, { incarnation, control, to }: Extract<PaxosMessage, { kind: "welcome" }>): void {
    this.introduce(from, incarnation, control !== null, to === this.incarnation);
    if (this.learner.control !== null) return;
    if (control === null) this.maybeFound();
    else if (this.isIn(control.members)) this.learner.found(control);
    else this.onOutsider(control);
  }

  /** Another replica's progress, as the leader hears of it. */
  onProgress(from: NodeId, applied: Slot): void {
    this.progress.set(from, applied);
  }

  /** Nothing to do here: what is chosen is learned from the others, and in it that this disk votes, some day. */
  protected onOutsider(_control: Control): void {}

  private introduce(node: NodeId, incarnation: string, learned: boolean, welcomed: boolean): void {
    const { now } = this.env;
    const last = this.introduced.get(node);
    const known = last?.incarnation === incarnation ? last : undefined;
    // What the disk before this one had caught up with is gone.
    if (known === undefined) this.progress.delete(node);
    this.introduced.set(node, {
      incarnation,
      firstAt: known?.firstAt ?? now,
      lastAt: now,
      learned: learned || known?.learned === true,
      welcomed: welcomed || known?.welcomed === true,
    });
  }

  private maybeFound(): void {
    const { self } = this.env;
    if (self !== this.placement[0] || this.inherits) return;
    const members: Member[] = [];
    for (const node of this.placement) {
      const known = this.introduced.get(node);
      // What a disk said to the one that was here before is no answer: much may have been chosen since.
      if (node !== self && (known === undefined || known.learned || !known.welcomed)) return;
      members.push({ node, incarnation: known?.incarnation ?? this.incarnation });
    }
    this.learner.found({ members, placement: this.placement });
  }

  /**
   * One step from the members there are to the placement there should be. A wiped disk's old name goes first, for it cannot vote; then
   * newcomers come before leavers go. A leader that has to leave first lets one that stays lead: were it the only one to know that it
   * was removed, the others would wait for its vote.
   */
  private reconcile(): void {
    const { members, placement } = this.learner.control!;
    const replaced = members.find((member) => this.isReplaced(member));
    const newcomer = this.newcomer();
    const leaver = members.find(({ node }) => !placement.includes(node) && node !== this.env.self);
    if (replaced !== undefined && members.length > 1) this.propose(members.filter((member) => member !== replaced));
    else if (newcomer !== undefined) this.propose([...members, newcomer]);
    else if (leaver !== undefined) this.propose(members.filter((member) => member !== leaver));
    else if (!placement.includes(this.env.self)) {
      const heir = members.find(({ node }) => node !== this.env.self);
      if (heir !== undefined) this.proposer.handOver(heir.node);
    }
  }

  private propose(members: readonly Member[]): void {
    const body: Body = { kind: "members", at: this.proposer.stamp(), members };
    this.proposer.proposeAlone(body);
  }

  /** A replica that should vote and has caught up. */
  private newcomer(): Member | undefined {
    const { members, placement } = this.learner.control!;
    for (const node of placement) {
      if (members.some((member) => member.node === node)) continue;
      const known = this.introduced.get(node);
      if (known === undefined || this.isStale(known)) continue;
      if ((this.progress.get(node) ?? -1) >= this.learner.slot - closeSlots) {
        return { node, incarnation: known.incarnation };
      }
    }
    return undefined;
  }

  /** Another disk has spoken for that node, more than once: what was delayed or doubled on its way says it only once. */
  private isReplaced({ node, incarnation }: Member): boolean {
    const known = this.introduced.get(node);
    if (known === undefined || node === this.env.self || this.isStale(known)) return false;
    return known.incarnation !== incarnation && known.lastAt - known.firstAt >= 2 * this.heartbeatUs;
  }

  private isStale({ lastAt }: Introduction): boolean {
    return this.env.now - lastAt > 5 * this.heartbeatUs;
  }
}
