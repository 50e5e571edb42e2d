/**
 * One replica of one group on a node: its log, its state, and the roles that its leader plays in transactions. They are wired here by plain
 * calls; the transactions know the log as an interface of their own.
 */
import type { Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Group } from "../../protocols/paxos/group.ts";
import type { GroupHost, PaxosMessage } from "../../protocols/paxos/messages.ts";
import type { RangeCommand, TabletMeta } from "../../protocols/tablets/tablet.ts";
import { CommitWaits } from "../../protocols/transactions/commit-waits.ts";
import { Coordinator } from "../../protocols/transactions/coordinator.ts";
import type { Job, Presumption } from "../../protocols/transactions/coordinator.ts";
import { LockTable } from "../../protocols/transactions/lock-table.ts";
import type {
  GroupId,
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
import { DatabaseTablet } from "./database-tablet.ts";
import type { MoveCommand } from "./database-tablet.ts";

/** What the roles are made of; tests put a mutant in the place of one. */
export interface TransactionRoles {
  readonly CommitWaits: typeof CommitWaits<Held>;
  readonly DatabaseTablet: typeof DatabaseTablet;
  readonly Coordinator: typeof Coordinator;
  readonly LockTable: typeof LockTable;
  readonly Participant: typeof Participant;
  readonly Stamps: typeof Stamps;
  readonly TabletMachine: typeof TabletMachine;
}

export const transactionRoles: TransactionRoles = {
  CommitWaits: CommitWaits<Held>,
  DatabaseTablet,
  Coordinator,
  LockTable,
  Participant,
  Stamps,
  TabletMachine,
};

/** The origin of a command by which keys leave. */
interface Departing {
  readonly kind: "departing";
}

type Origin = Held | Job | Presumption | Reign | Departing | undefined;

export interface SeatParts {
  readonly env: TransactionEnv;
  readonly group: GroupId;
  readonly options: TransactionOptions;
  readonly peers: Peers;
  readonly roles: TransactionRoles;
  /** Builds the group's replica here and its machine. */
  readonly open: (host: GroupHost) => { readonly group: Group; readonly machine: TabletMachine };
  readonly onApplied: () => void;
}

export class Seat {
  readonly group: Group;
  /** The group as the transactions see it. */
  readonly log: Log;
  private readonly env: TransactionEnv;
  private readonly participant: Participant;
  private readonly coordinator: Coordinator;
  private readonly reads: SnapshotReads;
  private readonly stamps: Stamps;
  private readonly alsoApplied: () => void;

  constructor({ env, group: id, options, peers, roles, open, onApplied }: SeatParts) {
    this.env = env;
    this.alsoApplied = onApplied;
    const { group, machine } = open(this.host());
    this.group = group;
    this.log = group;
    this.stamps = new roles.Stamps(env, id);
    const waits = new roles.CommitWaits(env, id, { after, commitWaitUs }, options.commitWait);
    this.participant = new roles.Participant({
      env,
      log: this.log,
      machine,
      locks: new roles.LockTable(),
      stamps: this.stamps,
      waits,
      peers,
      options,
      onReleased: () => this.reads.retry(),
    });
    this.coordinator = new roles.Coordinator(env, this.participant, peers, options);
    this.participant.own = this.coordinator;
    this.reads = new SnapshotReads(env, this.participant, options.retryUs);
  }

  private host(): GroupHost {
    return {
      onResult: (origin: unknown, result: unknown) => this.onResult(origin as Origin, result as Applied),
      onLost: (origin: unknown) => this.onLost(origin as Origin),
      onRefused: (origin: unknown) => this.onRefused(origin as Origin),
      onReadable: () => undefined,
      onApplied: () => {
        this.alsoApplied();
        this.reads.retry();
      },
      onLeader: (leader: NodeId) => {
        if (leader !== this.env.self) this.participant.endReign();
      },
      safe: () => this.participant.safe(),
      mayRelease: () => after(this.env.wall, this.stamps.ahead),
    };
  }

  /** Before the group starts. */
  start(): void {
    this.stamps.start();
  }

  /** The replica is given up: who waits here asks elsewhere. */
  end(): void {
    this.participant.endReign();
    this.stamps.end();
  }

  /**
   * The step that is due in the log of this tablet, which is led here.
   *
   * @param right what an absorb takes over
   */
  change(meta: TabletMeta, change: RangeCommand, right: TabletMachine | undefined): void {
    const move = (reign: number, floor: Micros, horizon: Micros): Value =>
      ({ kind: "move", reign, floor, horizon, change }) satisfies MoveCommand as unknown as Value;
    if (change.kind === "absorb") {
      if (right !== undefined) this.log.propose(undefined, move(0, right.highest, right.horizon));
      return;
    }
    const origin: Departing = { kind: "departing" };
    const span = { from: change.kind === "split" ? change.at : meta.from, to: meta.to };
    this.participant.leave(span, change.kind === "seal", (reign, floor) =>
      this.log.propose(origin, move(reign, floor, 0)),
    );
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

  /** After the group's own. */
  tick(): void {
    this.participant.tick();
    this.coordinator.tick();
    this.reads.tick();
  }

  check(): void {
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
    if (origin.kind === "departing") this.participant.onDeparted();
    else if (origin.kind === "reign") this.participant.onLed(origin);
    else if (origin.kind === "job" || origin.kind === "presumption") this.coordinator.onResult(origin, result);
    else this.participant.onResult(origin, result);
  }

  private onLost(origin: Origin): void {
    if (origin === undefined || origin.kind === "reign" || origin.kind === "departing") return;
    if (origin.kind === "job" || origin.kind === "presumption") this.coordinator.onLost(origin);
    else this.participant.onLost(origin);
  }

  private onRefused(origin: Origin): void {
    if (origin === undefined || origin.kind === "reign" || origin.kind === "departing") return;
    if (origin.kind === "job" || origin.kind === "presumption") this.coordinator.onRefused(origin);
    else this.participant.onRefused(origin);
  }
}
