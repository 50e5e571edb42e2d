/**
 * One replica among peers that a test plays: it says what they say, and reads what the replica answers, one line a message.
 *
 *     replica.hears(1, "prepare 5.1 from 1")      ─>  "1: promise 5.1 chosen 0 []"
 *
 * Node 0 is the replica itself. Ballots are written round.node, values by their commands. The machine keeps a list of what it was told.
 */
import { OrderedMap } from "../../kernel/ordered-map.ts";
import { Random } from "../../kernel/random.ts";
import type { NodeStore, Store, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Ballot } from "./ballot.ts";
import { ballotOf, ownerOf, roundOf } from "./ballot.ts";
import { Group } from "./group.ts";
import type { GroupOptions } from "./group.ts";
import type { Body, Control, Entry, PaxosEnv, PaxosMessage } from "./messages.ts";
import type { StateMachine } from "./state-machine.ts";

type Bare<M> = M extends unknown ? Omit<M, "group"> : never;
export type Said = Bare<PaxosMessage>;

/** Founding members: nodes 0, 1 and 2, whose disks are called d0, d1, d2. */
export const founders: Control = {
  members: [0, 1, 2].map((node) => ({ node, incarnation: `d${node}` })),
  placement: [0, 1, 2],
};

export function mapStore(map: OrderedMap<Value>): NodeStore {
  return {
    get: (key) => map.get(key),
    put: (key, value) => map.set(key, value),
    delete: (key) => void map.delete(key),
    putLater: (key, value) => map.set(key, value),
    deleteLater: (key) => void map.delete(key),
    putDerived: (key, value) => map.set(key, value),
    deleteDerived: (key) => void map.delete(key),
    settle: () => {},
    scan: (from, to, visit) => map.scan(from, to, visit),
  };
}

/** Counts commands and keeps each under its number. */
export class ListMachine implements StateMachine<string, string, string> {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  apply(command: string): string {
    const count = Number(this.store.get("count") ?? 0) + 1;
    this.store.put("count", count);
    this.store.put(`c${String(count).padStart(6, "0")}`, command);
    return `${command} is number ${count}`;
  }

  read(): string {
    return this.list.join(" ");
  }

  reset(): void {}

  due(): undefined {
    return undefined;
  }

  get list(): readonly string[] {
    const found: string[] = [];
    this.store.scan("c0", "c9", (_, value) => void found.push(value as string));
    return found;
  }
}

export function commands(...given: string[]): Body {
  return { kind: "commands", at: 1, commands: given };
}

export class Replica {
  readonly disk: OrderedMap<Value>;
  now: Micros = 0;
  /** How far the clocks of nodes are off, at most. */
  boundUs: Micros = millisecond;
  group!: Group;
  machine!: ListMachine;
  /** What became of commands and reads. */
  readonly outcomes: string[] = [];
  private lines: string[] = [];
  private readonly options: GroupOptions;

  constructor(more: Partial<GroupOptions> = {}, control: Control | null = founders, disk = new OrderedMap<Value>()) {
    this.disk = disk;
    this.options = {
      group: 1,
      placement: [0, 1, 2],
      leaseUs: 100 * millisecond,
      heartbeatUs: 10 * millisecond,
      window: 4,
      batch: 2,
      keepSlots: 8,
      ...more,
    };
    if (control !== null) {
      disk.set("p1/disk", "d0");
      disk.set("p1/applied", { slot: 0, at: 0, control, installing: false } as unknown as Value);
    }
    this.start();
  }

  /** A crash and a restart: memory is gone, and what a store keeps is the runtime's concern. */
  start(): void {
    this.lines = [];
    const env: PaxosEnv = {
      self: 0,
      now: 0,
      wall: { earliest: 0, latest: 0 },
      random: new Random(1),
      store: mapStore(this.disk),
      send: (to, message) => this.onSent(to, message),
      sendEarly: (to, message) => this.onSent(to, message),
    };
    Object.defineProperty(env, "now", { get: () => this.now });
    Object.defineProperty(env, "wall", {
      get: () => ({ earliest: this.now - this.boundUs, latest: this.now + this.boundUs }),
    });
    this.group = new Group(env, this.options, (store) => (this.machine = new ListMachine(store)), {
      onResult: (origin, result) => this.outcomes.push(`${String(origin)}: ${String(result)}`),
      onLost: (origin) => this.outcomes.push(`${String(origin)}: unknown`),
      onRefused: (origin) => this.outcomes.push(`${String(origin)}: not proposed`),
      onReadable: (origin) => this.outcomes.push(`${String(origin)}: readable`),
      onApplied: () => undefined,
      onLeader: () => undefined,
    });
    this.group.start();
    this.deliverToSelf();
  }

  get incarnation(): string {
    return this.disk.get("p1/disk") as string;
  }

  /** That node says something; returns what is answered and said to anybody. */
  hears(from: NodeId, message: Said): string[] {
    this.group.onMessage(from, { ...message, group: 1 } as PaxosMessage);
    return this.said();
  }

  /** Time passes, with a tick at the end. */
  waits(us: Micros): string[] {
    this.now += us;
    this.group.tick();
    return this.said();
  }

  proposes(...given: string[]): string[] {
    for (const command of given) if (!this.group.propose(command, command)) this.outcomes.push(`${command}: refused`);
    return this.said();
  }

  /** Becomes the leader by the vote of node 1, which had accepted `entries`; returns its ballot. */
  leads(entries: readonly Entry[] = [], chosen = 0): Ballot {
    this.now += 500 * millisecond;
    this.group.tick();
    this.said();
    const ballot = this.group.ballot;
    this.hears(1, { kind: "promise", ballot, chosen, entries });
    return ballot;
  }

  said(): string[] {
    this.deliverToSelf();
    const { lines } = this;
    this.lines = [];
    return lines;
  }

  private readonly toSelf: PaxosMessage[] = [];

  private deliverToSelf(): void {
    for (let message = this.toSelf.shift(); message !== undefined; message = this.toSelf.shift()) {
      this.group.onMessage(0, message);
    }
  }

  private onSent(to: NodeId, message: PaxosMessage): void {
    if (to === 0) this.toSelf.push(message);
    else this.lines.push(`${to}: ${wordsOf(message)}`);
  }
}

export function ballotText(ballot: Ballot): string {
  return ballot === 0 ? "0" : `${roundOf(ballot)}.${ownerOf(ballot)}`;
}

/** Its round and whose it is. */
export function ballot(round: number, node: NodeId): Ballot {
  return ballotOf(round, node);
}

export function bodyText(body: Body): string {
  switch (body.kind) {
    case "commands":
      return body.commands.map((command) => (typeof command === "string" ? command : commandText(command))).join("+");
    case "no-op":
      return "no-op";
    case "members":
      return `members ${body.members.map(({ node, incarnation }) => (incarnation === `d${node}` ? incarnation : node)).join(" ")}`;
    case "placement":
      return `placement ${body.nodes.join(" ")}`;
  }
}

function commandText(command: Value): string {
  const { key, value } = command as { key?: string; value?: string };
  return `${key ?? "?"}=${value ?? "-"}`;
}

export function entryText({ slot, ballot: at, body }: Entry): string {
  return `${slot}@${ballotText(at)} ${bodyText(body)}`;
}

/** A message as a line of a transcript. */
export function wordsOf(message: PaxosMessage): string {
  switch (message.kind) {
    case "prepare":
      return `prepare ${ballotText(message.ballot)} from ${message.from}`;
    case "promise":
      return `promise ${ballotText(message.ballot)} chosen ${message.chosen} [${message.entries.map(entryText).join(", ")}]`;
    case "refuse": {
      const why = message.until > 0 ? "leased" : `promised ${ballotText(message.promised)}`;
      return `refuse ${ballotText(message.ballot)}: ${why}`;
    }
    case "accept":
      return `accept ${ballotText(message.ballot)} ${message.slot}: ${bodyText(message.body)}, chosen ${message.chosen}`;
    case "accepted":
      return `accepted ${ballotText(message.ballot)} ${message.slot}`;
    case "chosen":
      return `chosen ${message.chosen}`;
    case "heartbeat":
      return `heartbeat ${ballotText(message.ballot)} chosen ${message.chosen}`;
    case "leased":
      return message.until > 0 ? `leased ${ballotText(message.ballot)}` : `not leased ${ballotText(message.ballot)}`;
    case "release":
      return `release ${ballotText(message.ballot)} to ${message.successor}`;
    case "fetch":
      return `fetch from ${message.from}`;
    case "log":
      return `log [${message.entries.map(entryText).join(", ")}] chosen ${message.chosen}`;
    case "snapshot-ask":
      return `snapshot-ask ${message.part}`;
    case "snapshot":
      return `snapshot ${message.part} of slot ${message.piece.slot}${message.piece.last ? ", the last" : ""}`;
    case "marked":
      return `marked ${message.slot}`;
    case "hello":
      return `hello${message.learned ? ", I know who votes" : ""}`;
    case "welcome":
      return message.control === null ? "welcome, I know nobody" : "welcome";
    default:
      return message.kind;
  }
}
