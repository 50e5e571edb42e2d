/**
 * What this node still owes others: each write it coordinated, until every replica has it, and each write it keeps for a node
 * that was out of reach (Dynamo section 4.6, hinted handoff). One durable record a key, so that a crash forgets no debt:
 *
 *     "o/<record>" -> { targets: [2], versions }      versions null: whatever this node's own replica holds
 *
 * A debt is paid when its target says it stored the versions of that round; a newer write to the key starts a new round. Payments
 * made are only remembered in memory: after a crash all targets are paid once more, which merging makes harmless. So a paid debt's
 * record may lie for a while: a key written again soon finds its record there and costs no write, the others are swept in bulk.
 */
import { afterPrefix } from "../../kernel/store.ts";
import type { Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { QuorumEnv, RecordKey } from "./messages.ts";
import type { Peers } from "./peers.ts";
import type { Replica } from "./replica.ts";
import type { Versions } from "./versions.ts";
import { mergeVersions } from "./versions.ts";

const resendAfterUs: Micros = 300 * millisecond;
const sendsPerTick = 128;
/** Debts looked at in one tick: those of a node that is down cost no send, yet must not make a tick long. */
const looksPerTick = 2_048;
/** How long the record of a paid debt lies before it is swept. */
const sweepAfterUs: Micros = 1_000 * millisecond;
const prefix = "o/";

export interface Debt {
  targets: NodeId[];
  /** Kept apart from the replica's data when this node is none of the record's replicas. */
  versions: Versions | null;
  round: number;
  /** When it was last sent or, of a paid debt, when it was paid. */
  sentAt: Micros;
  /** The targets that its durable record names. */
  readonly recorded: readonly NodeId[];
}

export class Handoff {
  protected readonly env: QuorumEnv;
  private readonly peers: Peers;
  private readonly replica: Replica;
  /** In the order they were last sent: the first is the one to send again. */
  protected readonly debts = new Map<RecordKey, Debt>();
  /** Paid, but their records still lie in the store; in the order they were paid. */
  private readonly paid = new Map<RecordKey, Debt>();
  private rounds: number;
  hintsKept = 0;
  handedOver = 0;

  constructor(env: QuorumEnv, peers: Peers, replica: Replica) {
    this.env = env;
    this.peers = peers;
    this.replica = replica;
    // A late acknowledgement of an earlier life's round must not pay a debt of this one.
    this.rounds = env.random.uint32() * 2 ** 20;
  }

  start(): void {
    this.env.store.scan(prefix, afterPrefix(prefix), (storeKey, value) => {
      const { targets, versions } = value as unknown as Debt;
      const debt = { targets: [...targets], versions, round: ++this.rounds, sentAt: 0, recorded: targets };
      this.debts.set(storeKey.slice(prefix.length), debt);
    });
  }

  get outstanding(): number {
    return this.debts.size;
  }

  /** Records of paid debts that wait to be swept. */
  get unswept(): number {
    return this.paid.size;
  }

  /** This node wrote `key` and owes it to `targets`. Returns the round that their acknowledgements must name. */
  owe(key: RecordKey, targets: readonly NodeId[]): number {
    return this.record(key, targets, null);
  }

  /** Keeps `versions` for `intended`, which could not be reached. */
  keepHint(key: RecordKey, intended: readonly NodeId[], versions: Versions): number {
    this.hintsKept++;
    return this.record(key, intended, versions);
  }

  /** What is kept here for others: part of the answer when a coordinator reads from a stand-in. */
  hinted(key: RecordKey): Versions | null {
    return this.debts.get(key)?.versions ?? null;
  }

  /** `target` has what was owed as of `round`. */
  onPaid(key: RecordKey, target: NodeId, round: number): void {
    const debt = this.debts.get(key);
    if (debt === undefined || debt.round !== round) return;
    debt.targets = debt.targets.filter((id) => id !== target);
    if (debt.targets.length === 0) this.forget(key);
  }

  /** Sends again what has been owed for a while, at most `sendsPerTick`, oldest first; sweeps what was paid a while ago. */
  tick(): void {
    this.sweep();
    let budget = sendsPerTick;
    let looks = looksPerTick;
    for (const [key, debt] of this.debts) {
      if (budget <= 0 || looks-- <= 0 || this.env.now - debt.sentAt < resendAfterUs) break;
      this.debts.delete(key);
      this.debts.set(key, debt);
      debt.sentAt = this.env.now;
      budget -= this.hand(key, debt);
    }
  }

  protected hand(key: RecordKey, debt: Debt): number {
    const versions = debt.versions ?? this.replica.versionsOf(key);
    let sent = 0;
    for (const target of debt.targets) {
      if (this.peers.suspects(target)) continue;
      this.peers.onAsked(target);
      this.env.send(target, { kind: "hand", key, round: debt.round, versions });
      this.handedOver++;
      sent++;
    }
    return sent;
  }

  protected record(key: RecordKey, targets: readonly NodeId[], versions: Versions | null): number {
    const earlier = this.debts.get(key);
    const owedTo = earlier === undefined ? [...targets] : [...new Set([...earlier.targets, ...targets])];
    const lying = earlier ?? this.paid.get(key);
    const recorded = versions === null && lying !== undefined && records(lying, owedTo);
    const debt: Debt = {
      targets: owedTo,
      versions: earlier?.versions && versions ? mergeVersions(earlier.versions, versions) : versions,
      round: ++this.rounds,
      sentAt: this.env.now,
      recorded: recorded ? lying.recorded : owedTo,
    };
    this.debts.delete(key);
    this.debts.set(key, debt);
    this.paid.delete(key);
    if (!recorded) {
      const kept = { targets: debt.recorded, versions: debt.versions };
      this.env.store.put(prefix + key, kept as unknown as Value);
    }
    return debt.round;
  }

  protected forget(key: RecordKey): void {
    const debt = this.debts.get(key);
    if (debt === undefined) return;
    this.debts.delete(key);
    debt.sentAt = this.env.now;
    this.paid.set(key, debt);
  }

  private sweep(): void {
    let looks = looksPerTick;
    for (const [key, { sentAt }] of this.paid) {
      if (looks-- <= 0 || this.env.now - sentAt < sweepAfterUs) break;
      this.paid.delete(key);
      this.env.store.delete(prefix + key);
    }
  }
}

/** Does the debt's durable record, which holds no versions of its own, name at least these targets? */
function records({ versions, recorded }: Debt, targets: readonly NodeId[]): boolean {
  return versions === null && targets.every((target) => recorded.includes(target));
}
