/**
 * One replica of one group on a node: its log, its state, and the roles that its leader plays in transactions. They are wired here by plain
 * calls; the transactions know the log as an interface of their own.
 */
import type { Store } from "../../kernel/store.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { hour } from "../../kernel/units.ts";
import { Group } from "../../protocols/paxos/group.ts";
import type { GroupOptions, PaxosRoles } from "../../protocols/paxos/group.ts";
import type { PaxosEnv, PaxosMessage } from "../../protocols/paxos/messages.ts";
import type { StateMachine } from "../../protocols/paxos/state-machine.ts";
import { CommitWaits } from "../../protocols/transactions/commit-waits.ts";
import { Coordinator } from "../../protocols/transactions/coordinator.ts";
import type { Job, Presumption } from "../../protocols/transactions/coordinator.ts";
import { LockTable } from "../../protocols/transactions/lock-table.ts";
import type {
  Log,
  OrderMessage,
  Peers,
  TransactionEnv,
  TransactionMessage,
  TransactionOptions,
} from "../../protocols/transactions/messages.ts";
import { Participant } from "../../protocols/transactions/participant.ts";
import type { Held, Reign } from "../../protocols/transactions/held.ts";
import { SnapshotReads } from "../../protocols/transactions/snapshot-reads.ts";
import { Stamps } from "../../protocols/transactions/stamps.ts";
import { TabletMachine } from "../../protocols/transactions/tablet-machine.ts";
import type { Applied } from "../../protocols/transactions/tablet-machine.ts";
import { after, commitWaitUs } from "../../protocols/truetime/truetime.ts";

/** What the roles are made of; tests put a mutant in the place of one. */
export interface TransactionRoles {
  readonly CommitWaits: typeof CommitWaits<Held>;
  readonly Coordinator: typeof Coordinator;
  readonly LockTable: typeof LockTable;
  readonly Participant: typeof Participant;
  readonly Stamps: typeof Stamps;
  readonly TabletMachine: typeof TabletMachine;
}

export const transactionRoles: TransactionRoles = {
  CommitWaits: CommitWaits<Held>,
  Coordinator,
  LockTable,
  Participant,
  Stamps,
  TabletMachine,
};

type Origin = Held | Job | Presumption | Reign | undefined;

export class Seat {
  readonly group: Group;
  readonly log: Log;
  private readonly env: TransactionEnv;
  private readonly participant: Participant;
  private readonly coordinator: Coordinator;
  private readonly reads: SnapshotReads;
  private readonly stamps: Stamps;

  constructor(
    paxosEnv: PaxosEnv,
    env: TransactionEnv,
    groupOptions: GroupOptions,
    options: TransactionOptions,
    peers: Peers,
    roles: { readonly paxos: PaxosRoles; readonly transactions: TransactionRoles },
    { versionsKeptUs = hour, witness }: { readonly versionsKeptUs?: Micros; readonly witness?: Witness },
  ) {
    this.env = env;
    let machine: TabletMachine | undefined;
    const build = (store: Store): StateMachine<unknown, unknown, unknown> => {
      machine = new roles.transactions.TabletMachine(store, versionsKeptUs);
      return machine as unknown as StateMachine<unknown, unknown, unknown>;
    };
    this.group = new Group(paxosEnv, groupOptions, build, this.host(), roles.paxos, witness);
    this.log = logOf(this.group);
    const group = groupOptions.group;
    this.stamps = new roles.transactions.Stamps(env, group);
    const waits = new roles.transactions.CommitWaits(env, group, { after, commitWaitUs }, options.commitWait);
    const locks = new roles.transactions.LockTable();
    this.participant = new roles.transactions.Participant({
      env,
      log: this.log,
      machine: machine!,
      locks,
      stamps: this.stamps,
      waits,
      peers,
      options,
      onReleased: () => this.reads.retry(),
    });
    this.coordinator = new roles.transactions.Coordinator(env, this.participant, peers, options);
    this.participant.own = this.coordinator;
    this.reads = new SnapshotReads(env, this.participant, options.retryUs);
  }

  private host() {
    return {
      onResult: (origin: unknown, result: unknown) => this.onResult(origin as Origin, result as Applied),
      onLost: (origin: unknown) => this.onLost(origin as Origin),
      onRefused: (origin: unknown) => this.onRefused(origin as Origin),
      onReadable: () => undefined,
      onApplied: () => this.reads.retry(),
      onLeader: (leader: NodeId) => leader !== this.env.self && this.participant.endReign(),
      safe: () => this.participant.safe(),
      mayRelease: () => after(this.env.wall, this.stamps.ahead),
    };
  }

  start(): void {
    this.stamps.start();
    this.group.start();
  }

  onOrder(from: NodeId, message: OrderMessage, deadline: Micros): void {
    if (message.kind === "coordinate") {
      this.coordinator.onCoordinate(from, message, deadline);
      return;
    }
    const held = this.participant.onOrder(from, message, deadline);
    if (held !== null) this.participant.begin(held);
  }

  onMessage(from: NodeId, message: PaxosMessage | TransactionMessage): void {
    switch (message.kind) {
      case "read":
        this.reads.onRead(from, message);
        break;
      case "vote":
        this.coordinator.onVote(message);
        break;
      case "veto":
        this.coordinator.onVeto(message);
        break;
      case "wound":
        this.coordinator.onWound(message.txn);
        break;
      case "learned":
        this.coordinator.onLearned(message);
        break;
      case "decision":
        this.participant.onDecision(message);
        break;
      case "locate":
        if (this.group.leading) this.env.sendEarly(from, { kind: "located", group: message.group });
        break;
      default:
        this.group.onMessage(from, message as PaxosMessage);
        // What a heartbeat promises may be what a reader waits for.
        if (message.kind === "heartbeat" || message.kind === "chosen" || message.kind === "leased") this.reads.retry();
    }
  }

  onPassed(): void {
    this.participant.onTimer();
  }

  tick(): void {
    this.group.tick();
    this.participant.tick();
    this.coordinator.tick();
    this.reads.tick();
  }

  check(): void {
    this.group.check();
    this.participant.check();
  }

  get atRest(): boolean {
    const { group, participant, coordinator, reads } = this;
    return !group.busy && group.leader >= 0 && !participant.busy && !coordinator.busy && !reads.busy;
  }

  counters(): Record<string, number> {
    const { wounds } = this.participant;
    return { ...this.group.counters(), wounds, readWaits: this.reads.waits };
  }

  private onResult(origin: Origin, result: Applied): void {
    if (origin === undefined) return;
    if (origin.kind === "reign") this.participant.onLed(origin);
    else if (origin.kind === "job" || origin.kind === "presumption") this.coordinator.onResult(origin, result);
    else this.participant.onResult(origin, result);
  }

  private onLost(origin: Origin): void {
    if (origin === undefined || origin.kind === "reign") return;
    if (origin.kind === "job" || origin.kind === "presumption") this.coordinator.onLost(origin);
    else this.participant.onLost(origin);
  }

  private onRefused(origin: Origin): void {
    if (origin === undefined || origin.kind === "reign") return;
    if (origin.kind === "job" || origin.kind === "presumption") this.coordinator.onRefused(origin);
    else this.participant.onRefused(origin);
  }
}

/** The group as the transactions see their log. */
function logOf(group: Group): Log {
  return {
    group: group.group,
    get holdsLease() {
      return group.holdsLease;
    },
    get leaseEnd() {
      return group.leaseEnd;
    },
    get ballot() {
      return group.ballot;
    },
    get leader() {
      return group.leader;
    },
    get readable() {
      return group.readable;
    },
    get safe() {
      return group.safe;
    },
    propose: (origin, command) => group.propose(origin, command),
  };
}
