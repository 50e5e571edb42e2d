/**
 * External consistency (Spanner, OSDI 2012, sections 1 and 4.1.2): "if the start of a transaction T2 occurs after the commit of
 * a transaction T1, then the commit timestamp of T2 must be greater than the commit timestamp of T1". With timestamps given no
 * order has to be searched for, only checked:
 *
 *     T1 |-----| s1                complete(T1) < invoke(T2)  =>  s1 < s2           one sweep over real time
 *                  |-----| T2 s2   complete(T) > s(T) in true time                  the timestamp has passed, or a later one could be less
 *                                  replay in the order of s gives every read        the timestamps are a witness of one serial order
 *
 * Lock-free reads. A strong read-only transaction may take any timestamp that covers what anybody had seen before it began:
 * every commit that had completed, and every version that a completed read had returned. A snapshot read may be as old as it
 * likes.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import { sweep } from "./sweep.ts";
import { Violations } from "./violations.ts";

export type Held = string | number | null;

/** One that committed. Times are true time. */
export interface Transaction {
  /** In messages. */
  readonly name: string;
  /** `snapshot`: it asked for the state at `timestamp`. */
  readonly kind: "read-write" | "read-only" | "snapshot";
  /** Who chose the timestamp: unique among the read-write transactions of a leader. */
  readonly leader: string;
  readonly invokedAt: Micros;
  /** Infinity where the client never learnt that it committed. */
  readonly completedAt: Micros;
  readonly timestamp: Micros;
  /** What it read, before its own writes: values or versions; null: nothing was there. */
  readonly reads: readonly (readonly [key: string, held: Held])[];
  readonly writes: readonly (readonly [key: string, held: Held])[];
}

export type ExternalConsistencyRule =
  | "real-time-order"
  | "early-acknowledgement"
  | "duplicate-timestamp"
  | "conflict-at-one-timestamp"
  | "read";

/** What had been committed or seen by some instant. */
export interface Floor {
  readonly timestamp: Micros;
  readonly name: string;
}

/**
 * The real-time rule alone, fed as things happen: O(1) a transaction, and nothing is kept of one that is through. A checker of
 * revisions (etcd's, say) is this too: they are timestamps that wait for nobody.
 */
export class RealTimeOrder {
  readonly violations: Violations<ExternalConsistencyRule>;
  private highest: Floor = { timestamp: -Infinity, name: "nothing" };

  constructor(violations = new Violations<ExternalConsistencyRule>()) {
    this.violations = violations;
  }

  /** At a transaction's invocation: what its timestamp has to be above. */
  onInvoked(): Floor {
    return this.highest;
  }

  /** When the timestamp is known. `floor`: from the invocation. A read may have the floor's own timestamp. */
  onTimestamp(name: string, timestamp: Micros, floor: Floor, reads: boolean): void {
    if (timestamp > floor.timestamp || (reads && timestamp === floor.timestamp)) return;
    this.violations.add(
      "real-time-order",
      () =>
        `${name} has timestamp ${timestamp}, but ${floor.name}, over or seen before it began, has ${floor.timestamp}; expected a ${reads ? "timestamp that covers it" : "greater one"}`,
    );
  }

  /** At a transaction's completion. `seen`: its timestamp or, of a read, the greatest timestamp of a version it returned. */
  onCompleted(name: string, seen: Micros): void {
    if (seen > this.highest.timestamp) this.highest = { timestamp: seen, name };
  }
}

/** `initial`: what keys held before the first transaction; null where it says nothing. */
export function checkExternalConsistency(
  transactions: readonly Transaction[],
  initial: ReadonlyMap<string, Held> = new Map(),
): Violations<ExternalConsistencyRule> {
  for (const { name, invokedAt, completedAt, timestamp } of transactions) {
    if (Number.isFinite(timestamp) && Number.isFinite(invokedAt) && completedAt >= invokedAt) continue;
    throw new RangeError(
      `transaction ${name} cannot be checked; got timestamp ${timestamp}, from ${invokedAt} to ${completedAt}; ` +
        `expected finite numbers, and completedAt at or after invokedAt; fix: what records the transactions`,
    );
  }
  const replay = new Replay(initial);
  const { violations } = replay;
  replay.run(transactions);
  checkTimestamps(transactions, violations);
  const order = new RealTimeOrder(violations);
  sweep(
    transactions,
    ({ kind, name, timestamp }) => {
      if (kind !== "snapshot") order.onTimestamp(name, timestamp, order.onInvoked(), kind === "read-only");
    },
    (transaction) => {
      if (transaction.kind === "read-write") order.onCompleted(transaction.name, transaction.timestamp);
      else order.onCompleted(`the version that ${transaction.name} returned`, replay.seen.get(transaction)!);
    },
  );
  return violations;
}

function checkTimestamps(transactions: readonly Transaction[], violations: Violations<ExternalConsistencyRule>): void {
  const given = new Map<string, Map<Micros, string>>();
  for (const { kind, name, leader, completedAt, timestamp } of transactions) {
    if (kind !== "read-write") continue;
    if (completedAt <= timestamp)
      violations.add(
        "early-acknowledgement",
        () => `${name} was acknowledged at ${completedAt}, when its timestamp ${timestamp} had not passed`,
      );
    let ofLeader = given.get(leader);
    if (ofLeader === undefined) given.set(leader, (ofLeader = new Map()));
    const other = ofLeader.get(timestamp);
    if (other !== undefined)
      violations.add("duplicate-timestamp", () => `leader ${leader} gave ${timestamp} to both ${other} and ${name}`);
    ofLeader.set(timestamp, name);
  }
}

interface Version {
  readonly held: Held;
  readonly timestamp: Micros;
  readonly writer: string;
}

/** One transaction after another, in the order of timestamps: the serial execution that the timestamps claim there was. */
class Replay {
  readonly violations = new Violations<ExternalConsistencyRule>();
  /** For each read-only transaction, the greatest timestamp of a version it returned. */
  readonly seen = new Map<Transaction, Micros>();
  private readonly versions = new Map<string, Version>();

  constructor(initial: ReadonlyMap<string, Held>) {
    for (const [key, held] of initial) this.versions.set(key, { held, timestamp: -Infinity, writer: "nobody" });
  }

  run(transactions: readonly Transaction[]): void {
    const sorted = transactions.toSorted((a, b) => a.timestamp - b.timestamp);
    for (let from = 0; from < sorted.length;) {
      let to = from;
      while (to < sorted.length && sorted[to].timestamp === sorted[from].timestamp) to++;
      this.atOneTimestamp(sorted.slice(from, to));
      from = to;
    }
  }

  /** Writers read what was before, other readers what is after. */
  private atOneTimestamp(transactions: readonly Transaction[]): void {
    const writers = transactions.filter(({ kind }) => kind === "read-write");
    for (const writer of writers) this.read(writer);
    for (const writer of writers) this.write(writer);
    for (const reader of transactions) if (reader.kind !== "read-write") this.seen.set(reader, this.read(reader));
  }

  private read({ name, kind, timestamp, reads }: Transaction): Micros {
    let seen = -Infinity;
    for (const [key, held] of reads) {
      const version = this.versions.get(key) ?? { held: null, timestamp: -Infinity, writer: "nobody" };
      seen = Math.max(seen, version.timestamp);
      if (version.held === held) continue;
      this.violations.add(
        "read",
        () =>
          `${name}, ${kind} at ${timestamp}, read ${key} as ${held}; expected ${version.held}, written by ${version.writer}` +
          (version.timestamp === -Infinity ? "" : ` at ${version.timestamp}`),
      );
    }
    return seen;
  }

  private write({ name, timestamp, writes }: Transaction): void {
    for (const [key, held] of writes) {
      const before = this.versions.get(key);
      if (before !== undefined && before.timestamp === timestamp && before.writer !== name)
        this.violations.add(
          "conflict-at-one-timestamp",
          () => `${before.writer} and ${name} both wrote ${key} at ${timestamp}; which came last is not told`,
        );
      this.versions.set(key, { held, timestamp, writer: name });
    }
  }
}
