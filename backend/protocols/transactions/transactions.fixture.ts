/**
 * A few nodes, each the leader of one group, in a world where nothing is lost and a log takes a fixed time: for transcripts that can be
 * read. Clocks are right and claim an error of 2 ms; a message takes 1 ms, a log 1.5 ms.
 */
import type { Answer } from "../../api.ts";
import type { DatabaseWrite } from "../../api-database.ts";
import { OrderedMap } from "../../kernel/ordered-map.ts";
import { Random } from "../../kernel/random.ts";
import type { NodeStore, StoreKey, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { CommitWaits } from "./commit-waits.ts";
import { Coordinator } from "./coordinator.ts";
import type { Job, Presumption } from "./coordinator.ts";
import { Driver } from "./driver.ts";
import type { Held, Reign } from "./held.ts";
import { Leaders } from "./leaders.ts";
import { LockTable } from "./lock-table.ts";
import type { GroupId, Log, TransactionEnv, TransactionMessage, TransactionOptions } from "./messages.ts";
import { Participant } from "./participant.ts";
import { Reader } from "./reader.ts";
import type { SnapshotRead, Transact } from "./requests.ts";
import { SnapshotReads } from "./snapshot-reads.ts";
import { Stamps } from "./stamps.ts";
import { TabletMachine } from "./tablet-machine.ts";
import type { TabletCommand } from "./tablet-machine.ts";
import { StaticTabletMap } from "./tablet-map.ts";
import type { TabletMap } from "./tablet-map.ts";

const errorUs: Micros = 2_000;
const messageUs: Micros = 1_000;
const logUs: Micros = 1_500;

export class MemoryStore implements NodeStore {
  private readonly map = new OrderedMap<Value>();
  get(key: StoreKey): Value | undefined {
    return this.map.get(key);
  }
  put(key: StoreKey, value: Value): void {
    this.map.set(key, value);
  }
  delete(key: StoreKey): void {
    this.map.delete(key);
  }
  putLater(key: StoreKey, value: Value): void {
    this.map.set(key, value);
  }
  deleteLater(key: StoreKey): void {
    this.map.delete(key);
  }
  putDerived(key: StoreKey, value: Value): void {
    this.map.set(key, value);
  }
  deleteDerived(key: StoreKey): void {
    this.map.delete(key);
  }
  settle(): void {}
  scan(from: StoreKey, to: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void {
    this.map.scan(from, to, visit);
  }
}

type Origin = Held | Job | Presumption | Reign | undefined;

/** A node and the group that it leads: group n + 1. */
interface ToyNode {
  readonly driver: Driver;
  readonly reader: Reader;
  readonly reads: SnapshotReads;
  participant: Participant;
  coordinator: Coordinator;
  readonly machine: TabletMachine;
  ballot: number;
}

export class ToyGroups {
  now: Micros = 100_000;
  readonly lines: string[] = [];
  readonly nodes: ToyNode[] = [];
  /** Messages of that kind vanish. */
  readonly lost = new Set<string>();
  private readonly events: { at: Micros; order: number; act: () => void }[] = [];
  private order = 0;
  private request = 0;
  /** Orders that have been begun. */
  private readonly seen = new Set<string>();
  /** Which group keeps which keys, and what the drivers believe. */
  private kept: StaticTabletMap;
  private believed: StaticTabletMap;

  /** Group n + 1, led by node n, keeps keys from `froms[n]` on. */
  constructor(froms: readonly string[]) {
    this.kept = mapOf(froms);
    this.believed = this.kept;
    for (const node of froms.keys()) this.nodes.push(this.build(node));
    for (const { participant } of this.nodes) participant.serves();
    this.run(10_000);
    this.lines.length = 0;
  }

  transact(node: NodeId, writes: readonly DatabaseWrite[], reads: readonly string[] = []): void {
    const body: Transact = { kind: "transact", reads, writes };
    this.say(`client -> n${node} transact ${describeWrites(writes)}`);
    this.nodes[node].driver.begin(++this.request, body, this.now + 1_000_000);
  }

  read(node: NodeId, keys: readonly string[], at: SnapshotRead["at"]): void {
    this.say(`client -> n${node} read ${keys.join(" ")} ${at.kind}`);
    this.nodes[node].reader.begin(++this.request, { keys, at }, this.now + 1_000_000);
  }

  /** Keys go to other groups, as these begin, and nobody but the groups knows. The versions stay where they are. */
  move(froms: readonly string[]): void {
    this.say(`groups begin at ${froms.map((from) => `"${from}"`).join(" ")}`);
    this.kept = mapOf(froms);
  }

  /** Keys of the node's group from `from` on are to leave it. */
  leave(node: NodeId, from: string, whole = false): void {
    this.say(`n${node} lets keys from "${from}" go`);
    this.nodes[node].participant.leave({ from, to: "~" }, whole, (_reign, floor) => {
      this.say(`      g${node + 1} told: they leave, all above ${ms(floor).slice(3)}`);
      return true;
    });
  }

  left(node: NodeId): void {
    this.nodes[node].participant.onDeparted();
  }

  learnMap(): void {
    this.believed = this.kept;
  }

  /** The leader forgets everything that is not in its log, and leads again. */
  depose(node: NodeId): void {
    this.say(`n${node} begins another leadership`);
    this.nodes[node].participant.endReign();
    this.nodes[node].ballot++;
    this.nodes[node].participant.serves();
  }

  tick(): void {
    for (const { participant, coordinator, driver, reads, reader } of this.nodes) {
      participant.tick();
      coordinator.tick();
      driver.tick();
      reads.tick();
      reader.tick();
    }
  }

  run(forUs: Micros): void {
    const until = this.now + forUs;
    for (;;) {
      this.events.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.events[0];
      if (next === undefined || next.at > until) break;
      this.events.shift();
      this.now = next.at;
      next.act();
    }
    this.now = until;
  }

  private at(delayUs: Micros, act: () => void): void {
    this.events.push({ at: this.now + delayUs, order: this.order++, act });
  }

  private say(line: string): void {
    this.lines.push(`${((this.now - 110_000) / 1_000).toFixed(1).padStart(5)}  ${line}`);
  }

  private build(self: NodeId): ToyNode {
    const env = this.envOf(self);
    const options: TransactionOptions = { retryUs: 50_000, patienceUs: 100_000, commitWait: true };
    const map: TabletMap = {
      version: 1,
      find: (key) => this.believed.find(key),
      replicas: (group) => [group - 1],
      isOver: () => false,
    };
    const known = (group: GroupId): Log => ({ ...log, group, leader: group - 1 });
    const leaders = new Leaders(env, { here: known, replicas: (group) => map.replicas(group) }, 10_000);
    const peers = {
      toLeader: (group: GroupId, message: TransactionMessage) => env.sendEarly(group - 1, message),
    };
    const log = this.logOf(self);
    const machine = new TabletMachine(new MemoryStore(), 60_000_000);
    machine.owns = (key) => this.kept.find(key).group === self + 1;
    const rules = {
      after: ({ earliest }: { earliest: Micros }, t: Micros) => earliest > t,
      commitWaitUs: ({ earliest }: { earliest: Micros }, t: Micros) => t - earliest + 1,
    };
    const answer = (_request: number, body: Answer): void => this.say(`n${self} -> client ${describeAnswer(body)}`);
    const stamps = new Stamps(env, self + 1);
    const waits = new CommitWaits<Held>(env, self + 1, rules, true);
    const onReleased = (): void => node.reads.retry();
    const participant = new Participant({
      env,
      log,
      machine,
      locks: new LockTable(),
      stamps,
      waits,
      peers,
      options,
      onReleased,
    });
    const coordinator = new Coordinator(env, participant, peers, options);
    participant.own = coordinator;
    const retryLater = (delayUs: Micros, job: number): void => this.at(delayUs, () => node.driver.onRetry(job));
    const node: ToyNode = {
      driver: new Driver(env, map, leaders, options, { answer, retryLater }),
      reader: new Reader(env, map, leaders, options, answer),
      reads: new SnapshotReads(env, participant, 50_000),
      participant,
      coordinator,
      machine,
      ballot: 1,
    };
    node.driver.start();
    return node;
  }

  private logOf(self: NodeId): Log {
    const ballot = (): number => this.nodes[self].ballot;
    return {
      group: self + 1,
      holdsLease: true,
      leaseEnd: Infinity,
      get ballot() {
        return ballot();
      },
      leader: self,
      readable: true,
      safe: -1,
      propose: (origin, command) => {
        const proposedAt = ballot();
        this.at(logUs, () => {
          const { participant, coordinator, machine } = this.nodes[self];
          const result = machine.apply(command as unknown as TabletCommand, this.now);
          this.say(`      g${self + 1} ${describeCommand(command as unknown as TabletCommand)}`);
          const whose = origin as Origin;
          if (whose === undefined || proposedAt !== ballot()) return;
          if (whose.kind === "reign") participant.onLed(whose);
          else if (whose.kind === "job" || whose.kind === "presumption") coordinator.onResult(whose, result);
          else participant.onResult(whose, result);
        });
        return true;
      },
    };
  }

  private envOf(self: NodeId): TransactionEnv {
    const now = (): Micros => this.now;
    const send = (to: NodeId, message: TransactionMessage): void => {
      const lost = this.lost.has(message.kind);
      if (to !== self) this.say(`n${self} -> n${to} ${describe(message)}${lost ? ", lost" : ""}`);
      if (!lost) this.at(to === self ? 0 : messageUs, () => this.deliver(self, to, message));
    };
    return {
      self,
      get now() {
        return now();
      },
      get wall() {
        return { earliest: now() - errorUs, latest: now() + errorUs };
      },
      random: Random.stream(1, "toy", self),
      store: new MemoryStore(),
      send,
      sendEarly: send,
      after: (delayUs) => {
        this.at(delayUs, () => this.nodes[self].participant.onTimer());
        return 1;
      },
      cancel: () => undefined,
    };
  }

  private deliver(from: NodeId, to: NodeId, message: TransactionMessage): void {
    const { participant, coordinator, driver, reader, reads } = this.nodes[to];
    if ("part" in message) {
      const name = `${from} ${message.operation}`;
      if (this.seen.has(name)) return;
      this.seen.add(name);
    }
    switch (message.kind) {
      case "coordinate":
        return coordinator.onCoordinate(from, message, this.now + message.leftUs);
      case "run":
      case "prepare-part": {
        const held = participant.onOrder(from, message, this.now + message.leftUs);
        return held === null ? undefined : participant.begin(held);
      }
      case "vote":
        return coordinator.onVote(message);
      case "veto":
        return coordinator.onVeto(message);
      case "wound":
        return coordinator.onWound(message.txn);
      case "decision":
        return participant.onDecision(message);
      case "learned":
        return coordinator.onLearned(message);
      case "outcome":
        return driver.onOutcome(message.operation, message.outcome);
      case "read":
        return reads.onRead(from, message);
      case "values":
        return reader.onValues(message);
      case "unread":
        return reader.onUnread(message.operation, message.outcome);
      default:
        return undefined;
    }
  }
}

function mapOf(froms: readonly string[]): StaticTabletMap {
  return new StaticTabletMap(froms.map((from, node) => ({ from, replicas: [node] })));
}

/** Without what differs from life to life: n0.k3j2.1.2 is the second attempt at the first transaction of n0. */
function short(txn: string): string {
  const [node, , sequence, attempt] = txn.split(".");
  return `T${node}.${sequence}${attempt === "1" ? "" : ` attempt ${attempt}`}`;
}

function describeWrites(writes: readonly DatabaseWrite[]): string {
  return writes
    .map((write) => (write.kind === "add" ? `${write.key}+=${write.delta}` : `${write.kind} ${write.key}`))
    .join(" ");
}

/** Stamps as milliseconds since the transcript began. */
function ms(timestamp: Micros | null): string {
  return timestamp === null ? "aborted" : `at ${((timestamp - 110_000) / 1_000).toFixed(1)}`;
}

function describe(message: TransactionMessage): string {
  switch (message.kind) {
    case "run":
    case "coordinate":
    case "prepare-part":
      return `${message.kind} ${short(message.part.txn)} ${describeWrites(message.part.writes)}`;
    case "vote":
    case "decision":
      return `${message.kind} ${short(message.txn)} ${ms(message.timestamp)}`;
    case "veto":
    case "wound":
    case "learned":
      return `${message.kind} ${short(message.txn)}`;
    case "outcome":
      return `outcome ${message.outcome.kind}`;
    case "read":
      return `read ${message.keys.join(" ")}`;
    case "values":
      return `values ${message.values.map(({ key, value }) => `${key}=${value}`).join(" ")}`;
    default:
      return message.kind;
  }
}

function describeCommand(command: TabletCommand): string {
  switch (command.kind) {
    case "lead":
      return "lead";
    case "prepare":
      return `prepare ${short(command.prepared.txn)} ${ms(command.prepared.timestamp)}`;
    case "commit":
    case "resolve":
      return `${command.kind} ${short(command.txn)} ${ms(command.timestamp)}`;
    default:
      return `${command.kind} ${short(command.txn)}`;
  }
}

function describeAnswer(answer: Answer): string {
  if (answer.kind !== "ok") return `${answer.kind} ${answer.code}`;
  if (!("values" in answer.result) || !("timestamp" in answer.result)) return answer.result.kind;
  const values = answer.result.values as readonly { readonly key: string; readonly value: unknown }[];
  const read = values.map(({ key, value }) => `${key}=${String(value)}`).join(" ");
  return `${answer.result.kind} ${ms(answer.result.timestamp)}${read === "" ? "" : ` ${read}`}`;
}
