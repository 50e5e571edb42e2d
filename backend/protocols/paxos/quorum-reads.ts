/**
 * Linearizable reads without a lease: ask a majority for the highest slot each has accepted, and read when everything up to the highest of
 * them is applied here (Charapko et al., "Linearizable Quorum Reads in Paxos", HotStorage 2019). What was answered before the read began
 * was accepted by a majority, and any two majorities meet.
 *
 * The voters may have changed without this replica knowing. The entry that changed them was accepted by a majority of the voters it knows,
 * so it is among what the read waits for; then it asks again, the new ones.
 */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Learner } from "./learner.ts";
import type { GroupId, Member, Origin, PaxosEnv, Slot } from "./messages.ts";

interface Read {
  readonly origin: Origin;
  members: readonly Member[];
  readonly answered: Set<NodeId>;
  target: Slot;
  askedAt: Micros;
  settled: boolean;
}

export class QuorumReads {
  private readonly env: PaxosEnv;
  private readonly group: GroupId;
  private readonly learner: Learner;
  private readonly lastAccepted: () => Slot;
  private readonly onReadable: (origin: Origin) => void;
  private readonly retryUs: Micros;
  private readonly reads = new Map<number, Read>();
  private next: number;

  constructor(
    parts: {
      readonly env: PaxosEnv;
      readonly group: GroupId;
      readonly learner: Learner;
      readonly lastAccepted: () => Slot;
      readonly onReadable: (origin: Origin) => void;
    },
    retryUs: Micros,
  ) {
    this.env = parts.env;
    this.group = parts.group;
    this.learner = parts.learner;
    this.lastAccepted = parts.lastAccepted;
    this.onReadable = parts.onReadable;
    this.retryUs = retryUs;
    // An answer to a question of an earlier life must not be taken for one to this life's.
    this.next = this.env.random.uint32() * 2 ** 20;
  }

  get busy(): boolean {
    return this.reads.size > 0;
  }

  /** Returns false when this replica knows no voters to ask. */
  begin(origin: Origin): boolean {
    const { control, complete } = this.learner;
    if (control === null || !complete) return false;
    const { members } = control;
    const read: Read = { origin, members, answered: new Set(), target: 0, askedAt: 0, settled: false };
    const id = this.next++;
    this.reads.set(id, read);
    this.ask(id, read);
    return true;
  }

  /** Gives up on a read, if it is still under way. */
  abandon(origin: Origin): void {
    for (const [id, read] of this.reads) if (read.origin === origin) this.reads.delete(id);
  }

  onMark(from: NodeId, read: number): void {
    this.env.sendEarly(from, { kind: "marked", group: this.group, read, slot: this.lastAccepted() });
  }

  onMarked(from: NodeId, id: number, slot: Slot): void {
    const read = this.reads.get(id);
    if (read === undefined || read.settled || !read.members.some(({ node }) => node === from)) return;
    read.answered.add(from);
    read.target = Math.max(read.target, slot);
    if (read.answered.size <= read.members.length / 2) return;
    read.settled = true;
    this.maybeFinish(id, read);
  }

  /** Something was applied. */
  onApplied(): void {
    for (const [id, read] of this.reads) if (read.settled) this.maybeFinish(id, read);
  }

  tick(): void {
    for (const [id, read] of this.reads) {
      if (!read.settled && this.env.now - read.askedAt >= this.retryUs) this.ask(id, read);
    }
  }

  private ask(id: number, read: Read): void {
    const { env, group } = this;
    read.askedAt = env.now;
    for (const { node } of read.members) {
      if (!read.answered.has(node)) env.sendEarly(node, { kind: "mark", group, read: id });
    }
  }

  private maybeFinish(id: number, read: Read): void {
    if (this.learner.slot < read.target || !this.learner.complete) return;
    const { members } = this.learner.control!;
    if (members !== read.members && !sameMembers(members, read.members)) {
      read.members = members;
      read.answered.clear();
      read.settled = false;
      this.ask(id, read);
      return;
    }
    this.reads.delete(id);
    this.onReadable(read.origin);
  }
}

function sameMembers(a: readonly Member[], b: readonly Member[]): boolean {
  return a.length === b.length && a.every(({ incarnation }, i) => incarnation === b[i].incarnation);
}
