/**
 * The replicated state of one group: every version of every key, what is prepared, and what was decided.
 *
 *     r/<key> 00 <timestamp, descending>   value; null: deleted            the newest version at or below t is one short scan away
 *     p<txn>                               prepared: locks, writes, the timestamp below which it will not commit
 *     d<txn>                               decided here, as the coordinator: kept until every participant has learned it
 *     x<at><txn>                           aborted because nobody knew of it: kept a minute, longer than any copy of it travels
 *     h                                    { highest timestamp, horizon, reign }
 *
 * The first decision about a transaction is the one that counts: of a commit and an abort in one log, the later finds the earlier and does
 * nothing. That is what lets a leader who knows nothing of a transaction presume that it aborted (presumed abort, Mohan and Lindsay, 1983).
 *
 * A value that one acceptor took from a leader long gone may be chosen after all, several leaders later, and what it commits would lie below
 * timestamps that those have promised away. So every leader begins with a command that says so, and timestamps of earlier ones end there.
 */
import type { DatabaseValue, VersionedValue } from "../../api-database.ts";
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import { afterPrefix } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import { minute } from "../../kernel/units.ts";
import type { Age, GroupId, Txn } from "./messages.ts";
import type { TabletClaim } from "./tablet-map.ts";

/** A key and what it becomes; null: deleted. */
export type Cell = readonly [key: string, value: DatabaseValue | null];

export interface Prepared {
  readonly txn: Txn;
  readonly age: Age;
  readonly coordinator: GroupId;
  /** It will commit at no less. */
  readonly timestamp: Micros;
  readonly reads: readonly string[];
  readonly shared: readonly string[];
  readonly exclusive: readonly string[];
  readonly cells: readonly Cell[];
}

export interface Decision {
  /** Null: aborted. */
  readonly timestamp: Micros | null;
  /** Who has to learn it. */
  readonly participants: readonly GroupId[];
}

export type Applied = Decision | "void" | null;

export type TabletCommand =
  /** From here on this leadership stamps; what an earlier one stamped and is not here yet is void. */
  | { readonly kind: "lead"; readonly reign: number }
  /** A whole transaction, or the coordinator's part of one with participants. */
  | {
      readonly kind: "commit";
      readonly reign: number;
      readonly txn: Txn;
      readonly timestamp: Micros;
      readonly cells: readonly Cell[];
      readonly participants: readonly GroupId[];
    }
  | { readonly kind: "prepare"; readonly reign: number; readonly prepared: Prepared }
  /** What the coordinator decided about what was prepared here. */
  | { readonly kind: "resolve"; readonly txn: Txn; readonly timestamp: Micros | null }
  /** Nobody knows of it. */
  | { readonly kind: "presume-abort"; readonly txn: Txn }
  /** Every participant has learned it. */
  | { readonly kind: "forget"; readonly txn: Txn };

/** Says which keys the group has, where they come and go. */
export interface Ownership {
  owns(key: string): boolean;
  /** False: it has been taken over, or is about to be, and changes no more. */
  readonly open: boolean;
  claims(): readonly TabletClaim[];
}

interface Head {
  /** No timestamp in any command applied so far is above it, and none that was promised for keys which came from another group. */
  readonly highest: Micros;
  /** Versions that were replaced at or before it may be gone. */
  readonly horizon: Micros;
  /** Ballot of the leadership that stamps. */
  readonly reign: number;
}

const nothing: Head = { highest: 0, horizon: 0, reign: 0 };

/** Before the key of a version, and nothing else in the state begins with it. */
const versionsFrom: StoreKey = "r/";
const preparedPrefix: StoreKey = "p";
const headKey: StoreKey = "h";
const separator = "\u0000";
const stampDigits = 16;
const presumedUs: Micros = minute;

export class TabletMachine {
  protected readonly store: Store;
  private readonly versionsKeptUs: Micros;
  private readonly ownership: Ownership | undefined;
  private head: Head = nothing;
  /** No timestamp that came with keys of another group is above it. Memory: whoever leads next goes by `highest`. */
  received: Micros = 0;

  /** @param ownership absent: all keys that are asked of it are its own */
  constructor(store: Store, versionsKeptUs: Micros, ownership?: Ownership) {
    this.store = store;
    this.versionsKeptUs = versionsKeptUs;
    this.ownership = ownership;
    this.reset();
  }

  /* ---- the state machine ---- */

  /** Returns what was decided, where a decision is what the command is about; "void": it did nothing, and never will. */
  apply(command: TabletCommand, at: Micros): Applied {
    switch (command.kind) {
      case "lead":
        if (command.reign > this.head.reign) this.keepHead({ ...this.head, reign: command.reign });
        return null;
      case "commit":
        return this.isVoid(command.reign, command.cells) ? "void" : this.commit(command, at);
      case "prepare":
        if (this.isVoid(command.reign, command.prepared.cells)) return "void";
        this.raise(command.prepared.timestamp);
        this.keepPrepared(command.prepared);
        return null;
      case "resolve":
        this.resolve(command.txn, command.timestamp, at);
        return null;
      case "presume-abort":
        return this.presumeAbort(command.txn, at);
      case "forget":
        this.store.deleteLater(`d${command.txn}`);
        return null;
    }
  }

  /** Reads go past the log, under the leader's locks or at a timestamp. */
  read(): undefined {
    return undefined;
  }

  due(): undefined {
    return undefined;
  }

  reset(): void {
    this.head = (this.store.get(headKey) as unknown as Head | undefined) ?? nothing;
  }

  /** Stamped by an earlier leader, or about a key that has left. */
  private isVoid(reign: number, cells: readonly Cell[]): boolean {
    if (this.ownership?.open === false) return true;
    return reign < this.head.reign || cells.some(([key]) => !this.owns(key));
  }

  /* ---- what the leader asks ---- */

  /** Whether the group keeps that key, as far as its log says. */
  owns(key: string): boolean {
    return this.ownership?.owns(key) ?? true;
  }

  claims(): readonly TabletClaim[] {
    return this.ownership?.claims() ?? [];
  }

  get reign(): number {
    return this.head.reign;
  }

  get highest(): Micros {
    return this.head.highest;
  }

  get horizon(): Micros {
    return this.head.horizon;
  }

  /** The newest version at or below `timestamp`. */
  versionAt(key: string, timestamp: Micros): VersionedValue {
    const prefix = versionPrefix(key);
    let found: VersionedValue = { key, value: null, timestamp: 0 };
    this.store.scan(prefix + descending(timestamp), afterPrefix(prefix), (at, value) => {
      found = { key, value: value as DatabaseValue | null, timestamp: ascending(at.slice(prefix.length)) };
      return false;
    });
    return found;
  }

  newest(key: string): VersionedValue {
    return this.versionAt(key, Number.MAX_SAFE_INTEGER);
  }

  prepared(txn: Txn): Prepared | undefined {
    return this.store.get(preparedPrefix + txn) as unknown as Prepared | undefined;
  }

  allPrepared(): Prepared[] {
    const found: Prepared[] = [];
    this.store.scan(
      preparedPrefix,
      afterPrefix(preparedPrefix),
      (_key, value) => void found.push(value as unknown as Prepared),
    );
    return found;
  }

  decision(txn: Txn): Decision | undefined {
    return this.store.get(`d${txn}`) as unknown as Decision | undefined;
  }

  allDecisions(): [Txn, Decision][] {
    const found: [Txn, Decision][] = [];
    this.store.scan("d", afterPrefix("d"), (key, value) => {
      found.push([key.slice(1), value as unknown as Decision]);
    });
    return found;
  }

  /* ---- keys that come and go ---- */

  /** Keys from `from` on are written or read by what is prepared. */
  isPreparedFrom(from: string): boolean {
    const touches = ({ reads, shared, exclusive }: Prepared): boolean =>
      [...reads, ...shared, ...exclusive].some((key) => key >= from);
    return this.allPrepared().some(touches);
  }

  /** Somebody has yet to learn what was committed. */
  get owes(): boolean {
    return this.allDecisions().some(([, { timestamp }]) => timestamp !== null);
  }

  /** Nothing will be committed at or below `highest` any more, whoever had the keys until now. */
  receive(highest: Micros, horizon: Micros): void {
    if (highest > this.received) this.received = highest;
    this.raise(highest);
    if (horizon > this.horizon) this.keepHead({ ...this.head, horizon });
  }

  /** What whoever gets keys of this group begins with, besides their versions. */
  heirloom(): [StoreKey, Value][] {
    return [[headKey, { ...this.head, reign: 0 } as unknown as Value]];
  }

  /* ---- */

  private commit({ txn, timestamp, cells, participants }: Extract<TabletCommand, { kind: "commit" }>, at: Micros) {
    if (participants.length > 0) {
      const decided = this.decision(txn);
      if (decided !== undefined) return decided;
    }
    const decision: Decision = { timestamp, participants };
    if (participants.length > 0) this.store.putLater(`d${txn}`, decision as unknown as Value);
    this.write(cells, timestamp, at);
    return decision;
  }

  private resolve(txn: Txn, timestamp: Micros | null, at: Micros): void {
    const prepared = this.prepared(txn);
    if (prepared === undefined) return;
    this.dropPrepared(txn);
    if (timestamp !== null) this.write(prepared.cells, timestamp, at);
  }

  protected keepPrepared(prepared: Prepared): void {
    this.store.putLater(preparedPrefix + prepared.txn, prepared as unknown as Value);
  }

  dropPrepared(txn: Txn): void {
    this.store.deleteLater(preparedPrefix + txn);
  }

  private presumeAbort(txn: Txn, at: Micros): Decision {
    const decided = this.decision(txn);
    if (decided !== undefined) return decided;
    const decision: Decision = { timestamp: null, participants: [] };
    this.store.putLater(`d${txn}`, decision as unknown as Value);
    this.store.putLater(`x${padded(at)}${txn}`, null);
    const over: StoreKey[] = [];
    this.store.scan("x", `x${padded(Math.max(0, at - presumedUs))}`, (key) => void over.push(key));
    for (const key of over) {
      this.store.deleteLater(key);
      this.store.deleteLater(`d${key.slice(1 + stampDigits)}`);
    }
    return decision;
  }

  private write(cells: readonly Cell[], timestamp: Micros, at: Micros): void {
    this.raise(timestamp);
    for (const [key, value] of cells) {
      this.store.putLater(versionPrefix(key) + descending(timestamp), value);
      this.forgetVersions(key, at - this.versionsKeptUs);
    }
  }

  /** Of the versions at or below the horizon only the newest is of use, and if that is a deletion not even it. */
  private forgetVersions(key: string, horizon: Micros): void {
    if (horizon <= 0) return;
    const prefix = versionPrefix(key);
    const old: StoreKey[] = [];
    this.store.scan(prefix + descending(horizon), afterPrefix(prefix), (at, value) => {
      if (old.length > 0 || value === null) old.push(at);
      else old.push("");
    });
    let dropped = 0;
    for (const at of old) {
      if (at === "") continue;
      this.store.deleteLater(at);
      dropped++;
    }
    if (dropped > 0 && horizon > this.head.horizon) this.keepHead({ ...this.head, horizon });
  }

  raise(timestamp: Micros): void {
    if (timestamp > this.head.highest) this.keepHead({ ...this.head, highest: timestamp });
  }

  private keepHead(head: Head): void {
    this.head = head;
    this.store.putLater(headKey, head as unknown as Value);
  }
}

function versionPrefix(key: string): StoreKey {
  return `${versionsFrom}${key}${separator}`;
}

/** The key of a version's place, without `versionsFrom`. */
export function keyOfVersion(row: StoreKey): string {
  return row.slice(0, row.indexOf(separator));
}

function padded(stamp: Micros): string {
  return String(stamp).padStart(stampDigits, "0");
}

/** The greater the timestamp, the earlier in the order of keys. */
function descending(timestamp: Micros): string {
  return padded(Number.MAX_SAFE_INTEGER - timestamp);
}

function ascending(digits: string): Micros {
  return Number.MAX_SAFE_INTEGER - Number(digits);
}
