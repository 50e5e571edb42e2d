/**
 * The coordinator of one operation: asks replicas, counts answers, replies. Dynamo, SOSP 2007, section 4.5.
 *
 *     write   mint here -> store to the others ->  w stored?  -> written      the rest is owed to whoever did not answer
 *     read    fetch r (nearest first) -> r fetched? -> merge -> answer -> repair whoever was behind
 *
 * Strict quorum: only the record's n replicas count. Sloppy: the first n nodes of the ring walk that are not suspected, each
 * stand-in keeping a hint for the replica it stands in for.
 *
 * Departures from the paper: a read first asks only the r replicas it needs and the others after `speculateAfterUs`, or one more when
 * its hedge is due (nothing is called off: a replica answers a fetch in the turn in which it hears of it); and every
 * write is owed durably to all its replicas (handoff.ts), which does the work of the paper's Merkle trees for writes that were
 * coordinated by a disk that still exists.
 */
import type { Item, MergeRule, Replication } from "../../api.ts";
import { OpenTable } from "../../kernel/open-table.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Hedge, HedgedCall } from "../../policies/hedge.ts";
import type { Handoff } from "./handoff.ts";
import type { QuorumEnv, QuorumMessage, RecordKey } from "./messages.ts";
import type { Peers } from "./peers.ts";
import type { Replica } from "./replica.ts";
import { mintByRule, stampAfter } from "./replica.ts";
import type { Clock, Versions } from "./versions.ts";
import { mergeVersions, mint, noVersions, sameVersions } from "./versions.ts";

/** Where a record lives and by which rules. */
export interface Target {
  readonly key: RecordKey;
  readonly merge: MergeRule;
  readonly replication: Replication;
  /** The record's n replicas, in ring order. */
  readonly preference: readonly NodeId[];
  /** Every node in ring order, the preference list first. */
  readonly walk: readonly NodeId[];
}

/** Who asked: the service around the coordinator. `token` is its own name for the operation. */
export interface QuorumClient {
  onWritten(token: number, versions: Versions): void;
  onRead(token: number, versions: Versions): void;
  /** Too few replicas are reachable to begin: nothing happened. */
  onUnavailable(token: number, reachable: number, needed: number): void;
  /** Begun, but the quorum did not answer in time: a write may have happened and, being owed, will. */
  onQuorumLost(token: number, answered: number, needed: number): void;
}

/** When reads ask a further replica. `arm`: have `onHedgeDue` called with this number after so long. */
export interface ReadHedges {
  readonly policy: Hedge;
  arm(delayUs: Micros, op: number): void;
}

export const speculateAfterUs: Micros = 30 * millisecond;
/** Writes sent ahead are confirmed together, after so many or at the next tick. */
const confirmEvery = 32;
const nobody: readonly NodeId[] = [];

export interface Pending {
  readonly op: number;
  readonly kind: "write" | "read";
  readonly token: number;
  readonly target: Target;
  readonly needed: number;
  readonly startedAt: Micros;
  readonly deadline: Micros;
  /** Write: the round of the debt this write opened. */
  round: number;
  /** The write's versions, or what the answers so far add up to. */
  versions: Versions;
  readonly answered: NodeId[];
  readonly answers: Versions[];
  /** Nodes asked and, for each, the replica it stands in for (itself when none). */
  readonly asked: NodeId[];
  readonly standsFor: NodeId[];
  done: boolean;
  speculated: boolean;
  /** Null: a write, or reads are not hedged here. */
  hedge: HedgedCall | null;
  /** Of `asked`, how many were asked at first. */
  first: number;
}

export class Coordinator {
  protected readonly env: QuorumEnv;
  protected readonly peers: Peers;
  protected readonly replica: Replica;
  protected readonly handoff: Handoff;
  private readonly client: QuorumClient;
  private readonly hedges: ReadHedges | null;
  /** Without hedges: all replicas are asked after `speculateAfterUs`. Off where reads are hedged, by their budget, or never to be. */
  speculates: boolean;
  private readonly pending = new OpenTable<Pending>();
  /** Numbers of this life: [firstOp, nextOp) are given. */
  private readonly firstOp: number;
  private nextOp: number;
  /** Writes sent ahead of this node's flush since the last confirmation, and to whom. */
  private unconfirmed = 0;
  private readonly toConfirm: NodeId[] = [];
  repairs = 0;

  constructor(
    env: QuorumEnv,
    peers: Peers,
    replica: Replica,
    handoff: Handoff,
    client: QuorumClient,
    hedges: ReadHedges | null = null,
  ) {
    this.hedges = hedges;
    this.speculates = hedges === null;
    this.env = env;
    this.peers = peers;
    this.replica = replica;
    this.handoff = handoff;
    this.client = client;
    // Answers to operations of an earlier life must not be taken for ours.
    this.firstOp = env.random.uint32() * 2 ** 20;
    this.nextOp = this.firstOp;
  }

  get outstanding(): number {
    return this.pending.size + this.unconfirmed;
  }

  /** The node that should coordinate a write: a replica, or with a sloppy quorum a stand-in; undefined when none is reachable. */
  coordinatorOf(target: Target): NodeId | undefined {
    const candidates = target.replication.sloppy ? target.walk : target.preference;
    return candidates.find((node) => node === this.env.self || !this.peers.suspects(node));
  }

  /** May this node coordinate a write to the record? */
  mayWrite(target: Target): boolean {
    const { self } = this.env;
    if (target.preference.includes(self)) return true;
    return target.replication.sloppy && this.reachable(target).nodes.includes(self);
  }

  /** Null context: over whatever this node holds. `deadline` is on this node's clock. */
  write(token: number, target: Target, context: Clock | null, item: Item | null, deadline: Micros): void {
    const { self } = this.env;
    const { nodes, standsFor } = this.reachable(target);
    const needed = this.writesNeeded(target.replication);
    const reachable = nodes.filter((node) => node === self || !this.peers.suspects(node)).length;
    if (reachable < needed) {
      this.client.onUnavailable(token, reachable, needed);
      return;
    }
    const op = this.open("write", token, target, needed, deadline);
    const others = target.preference.filter((node) => node !== self);
    const mine = standsFor[nodes.indexOf(self)];
    if (mine === self) {
      op.versions = this.replica.write(target.key, target.merge, context, item);
      if (others.length > 0) op.round = this.handoff.owe(target.key, others);
    } else {
      op.versions = this.mintAsStandIn(target, context, item);
      op.round = this.handoff.keepHint(target.key, target.preference, op.versions);
    }
    // A coordinator that is no replica (nodes may disagree for a moment) counts only where stand-ins do.
    if (mine === self || target.replication.sloppy) op.answered.push(self);
    for (let i = 0; i < nodes.length; i++) {
      if (nodes[i] !== self) this.askToStore(op, nodes[i], standsFor[i], mine === self);
    }
    if (op.answered.length >= needed) this.finishWrite(op);
  }

  /** `needed` replicas must answer; `deadline` is on this node's clock. */
  read(token: number, target: Target, needed: number, deadline: Micros): void {
    const { nodes } = this.reachable(target);
    const ready = nodes.filter((node) => node === this.env.self || !this.peers.suspects(node));
    if (ready.length < needed) {
      this.client.onUnavailable(token, ready.length, needed);
      return;
    }
    const self = ready.includes(this.env.self);
    if (self && needed === 1) {
      this.client.onRead(token, this.answerTo(target.key));
      return;
    }
    const op = this.open("read", token, target, this.readsNeeded(needed), deadline);
    if (self) this.addAnswer(op, this.env.self, this.answerTo(target.key));
    for (const node of ready) {
      if (op.answered.length + op.asked.length >= op.needed) break;
      if (node !== this.env.self) this.askToFetch(op, node);
    }
    if (op.answered.length >= op.needed) this.finishRead(op);
    else this.beginHedge(op);
  }

  /** A read's next hedge is due, unless it was answered meanwhile. */
  onHedgeDue(id: number): void {
    const op = this.pending.get(id);
    const call = op?.hedge ?? null;
    if (op === undefined || call === null || this.hedges === null) return;
    const another = this.reachable(op.target).nodes.find(
      (node) => node !== this.env.self && !op.asked.includes(node) && !this.peers.suspects(node),
    );
    if (another === undefined || !this.hedges.policy.tryHedge(call, this.env.now)) return;
    this.askToFetch(op, another);
    this.armHedge(op, call);
  }

  onStored(from: NodeId, id: number): void {
    this.peers.onAnswered(from);
    const op = this.pending.get(id);
    if (op === undefined || op.kind !== "write" || this.isRepeated(op, from)) return;
    const index = op.asked.indexOf(from);
    if (index < 0) return;
    op.answered.push(from);
    this.handoff.onPaid(op.target.key, op.standsFor[index], op.round);
    if (!op.done && op.answered.length >= op.needed) this.finishWrite(op);
    this.closeIfComplete(op);
  }

  onFetched(from: NodeId, id: number, versions: Versions): void {
    this.peers.onAnswered(from);
    const op = this.pending.get(id);
    if (op === undefined || op.kind !== "read" || this.isRepeated(op, from)) return;
    this.addAnswer(op, from, versions);
    if (op.hedge?.done === true) this.hedges?.policy.onCopyEnded(op.hedge, 1, { kind: "ok" }, this.env.now);
    if (op.done) this.repairBehind(op);
    else if (op.answered.length >= op.needed) this.finishRead(op);
    this.closeIfComplete(op);
  }

  /** What this node knows of a record, hints it keeps for others included. */
  answerTo(key: RecordKey): Versions {
    const held = this.replica.fetch(key);
    const hinted = this.handoff.hinted(key);
    return hinted === null ? held : mergeVersions(held, hinted);
  }

  /** Gives up on what is past its deadline; asks further replicas for reads that wait. Operations are in order of start. */
  tick(): void {
    if (this.unconfirmed > 0) this.confirm();
    for (const [, op] of this.pending.entries()) {
      if (op.deadline <= this.env.now) this.expire(op);
      else if (this.speculates && !op.speculated && this.env.now - op.startedAt >= speculateAfterUs) this.speculate(op);
    }
  }

  /* ---- the seams at which mutants differ ---- */

  protected writesNeeded(replication: Replication): number {
    return replication.w;
  }

  protected readsNeeded(needed: number): number {
    return needed;
  }

  /** The network may deliver an answer twice. */
  protected isRepeated(op: Pending, from: NodeId): boolean {
    return op.answered.includes(from);
  }

  protected repair(node: NodeId, op: Pending): void {
    const { key } = op.target;
    if (node === this.env.self) this.replica.repair(key, op.versions);
    else this.env.send(node, { kind: "repair", key, versions: op.versions });
  }

  /* ---- inside ---- */

  /** The nodes that count for this record now and whom each stands in for. */
  private reachable(target: Target): { nodes: readonly NodeId[]; standsFor: readonly NodeId[] } {
    const { preference, walk, replication } = target;
    const down = (node: NodeId): boolean => node !== this.env.self && this.peers.suspects(node);
    if (!replication.sloppy || !preference.some(down)) return { nodes: preference, standsFor: preference };
    const stands = walk.slice(preference.length).filter((node) => !down(node));
    const nodes: NodeId[] = [];
    const standsFor: NodeId[] = [];
    for (const replica of preference) {
      const node = down(replica) ? (stands.shift() ?? replica) : replica;
      nodes.push(node);
      standsFor.push(replica);
    }
    return { nodes, standsFor };
  }

  /** A stand-in has no replica of the record, so each hint it mints into is a new actor: what it gave away it has forgotten. */
  private mintAsStandIn(target: Target, context: Clock | null, item: Item | null): Versions {
    const held = this.handoff.hinted(target.key) ?? noVersions;
    const stamp = stampAfter(held, this.env.wall.latest);
    const actor = this.replica.freshActor();
    return mintByRule(target.merge, held, context, item, (seen, written) => mint(held, seen, actor, stamp, written));
  }

  private open(kind: "write" | "read", token: number, target: Target, needed: number, deadline: Micros): Pending {
    const op: Pending = {
      op: this.nextOp++,
      kind,
      token,
      target,
      needed,
      startedAt: this.env.now,
      deadline,
      round: 0,
      versions: noVersions,
      answered: [],
      answers: [],
      asked: [],
      standsFor: [],
      done: false,
      speculated: kind === "write",
      hedge: null,
      first: 0,
    };
    this.pending.set(op.op, op);
    return op;
  }

  /**
   * Between replicas a write is sent ahead of this node's own flush, so that the copies are flushed side by side; the receiver
   * vouches for it (vouches.ts). The answer to the client, being held, still waits for this node's flush too.
   */
  private askToStore(op: Pending, node: NodeId, standsFor: NodeId, replica: boolean): void {
    op.asked.push(node);
    op.standsFor.push(standsFor);
    this.peers.onAsked(node);
    const ahead = replica && standsFor === node;
    const message: QuorumMessage = {
      kind: "store",
      op: op.op,
      key: op.target.key,
      versions: op.versions,
      standInFor: standsFor === node ? -1 : standsFor,
      vouchTo: ahead ? op.target.preference : nobody,
    };
    if (ahead) this.sendAhead(node, message);
    else this.env.send(node, message);
  }

  private sendAhead(node: NodeId, message: QuorumMessage): void {
    this.env.sendEarly(node, message);
    this.unconfirmed++;
    if (!this.toConfirm.includes(node)) this.toConfirm.push(node);
    if (this.unconfirmed >= confirmEvery) this.confirm();
  }

  /** Held, so it arrives only if everything it speaks of is durable here. */
  private confirm(): void {
    const { firstOp: first, nextOp: below } = this;
    for (const node of this.toConfirm) this.env.send(node, { kind: "confirm", first, below });
    this.toConfirm.length = 0;
    this.unconfirmed = 0;
  }

  private askToFetch(op: Pending, node: NodeId): void {
    op.asked.push(node);
    op.standsFor.push(node);
    this.peers.onAsked(node);
    this.env.sendEarly(node, { kind: "fetch", op: op.op, key: op.target.key });
  }

  private addAnswer(op: Pending, node: NodeId, versions: Versions): void {
    op.answered.push(node);
    op.answers.push(versions);
    op.versions = mergeVersions(op.versions, versions);
  }

  private finishWrite(op: Pending): void {
    op.done = true;
    this.client.onWritten(op.token, op.versions);
    this.closeIfComplete(op);
  }

  private beginHedge(op: Pending): void {
    if (this.hedges === null) return;
    op.first = op.asked.length;
    op.hedge = this.hedges.policy.begin(this.env.now, "read");
    this.armHedge(op, op.hedge);
  }

  private armHedge({ op }: Pending, { hedgeAtUs }: HedgedCall): void {
    if (hedgeAtUs !== Infinity) this.hedges!.arm(Math.max(0, hedgeAtUs - this.env.now), op);
  }

  /** A hedge has won when one of the answers that were enough came from a replica that was not asked at first. */
  private endHedge({ hedge, answered, asked, first }: Pending): void {
    if (hedge === null) return;
    const won = asked.some((node, i) => i >= first && answered.includes(node));
    this.hedges!.policy.onCopyEnded(hedge, won ? 2 : 1, { kind: "ok" }, this.env.now);
  }

  private finishRead(op: Pending): void {
    op.done = true;
    this.endHedge(op);
    this.client.onRead(op.token, op.versions);
    this.repairBehind(op);
    this.closeIfComplete(op);
  }

  /** Sends the merge to every replica whose answer lacked some of it. Stand-ins are left alone: they will hand over. */
  private repairBehind(op: Pending): void {
    for (let i = 0; i < op.answered.length; i++) {
      if (sameVersions(op.answers[i], op.versions) || !op.target.preference.includes(op.answered[i])) continue;
      this.repairs++;
      this.repair(op.answered[i], op);
      op.answers[i] = op.versions;
    }
  }

  private closeIfComplete(op: Pending): void {
    if (op.done && op.asked.every((node) => op.answered.includes(node))) this.pending.delete(op.op);
  }

  private expire(op: Pending): void {
    this.pending.delete(op.op);
    if (!op.done) this.client.onQuorumLost(op.token, op.answered.length, op.needed);
  }

  private speculate(op: Pending): void {
    op.speculated = true;
    if (op.done) return;
    for (const node of this.reachable(op.target).nodes) {
      if (node !== this.env.self && !op.asked.includes(node)) this.askToFetch(op, node);
    }
  }
}
