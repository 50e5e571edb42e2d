/**
 * Transactions over the key ranges of a database, one a session: writes that touch one or more ranges, read-only transactions, and reads of
 * a snapshot. Every write leaves an id of its own, so the state afterwards says which writes it comes from; every answer says at which
 * timestamp it happened, so the check can ask whether the order of timestamps is the order of real time.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { Parameters } from "./parameters.ts";
import type { OrderPromise } from "./transactions-check.ts";
import { checkTransactions, writtenKeys } from "./transactions-check.ts";
import type { CheckResult, Fact, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

/** Weights of what sessions do. */
export interface TransactionMix {
  readonly write: number;
  /** A read of one key as of now. */
  readonly readOnly: number;
  /** A read of one key as of a little earlier, at the nearest replica. */
  readonly snapshot: number;
}

export interface TransactionsParameters {
  /** Ranges of keys, which begin where `tabletKey` says. Default 3. */
  readonly tablets?: number;
  /** Default 10,000. */
  readonly keysPerTablet?: number;
  /** Ranges that a write touches, a key in each. Default 1. */
  readonly participants?: number;
  /** Default: writes only. */
  readonly mix?: TransactionMix;
  /** Arrivals from that number on are a flood of snapshot reads. Default null: there is none. */
  readonly floodFromArrival?: number | null;
  /** How old a snapshot may be. Default 1 s. */
  readonly stalenessUs?: Micros;
  /**
   * What timestamps promise. "kept": that a transaction which began after another's answer has a greater one. "counted": nothing,
   * and what breaks the order is counted. Default "kept".
   */
  readonly order?: OrderPromise;
  /** Instants closer than this count as one: the error of the clocks that record. Default 0. */
  readonly slackUs?: Micros;
  /** So often, the check says how far timestamps have moved against real time. Default null: it does not. */
  readonly shiftEveryUs?: Micros | null;
}

export const transactionsDefaults = {
  tablets: 3,
  keysPerTablet: 10_000,
  participants: 1,
  mix: { write: 1, readOnly: 0, snapshot: 0 },
  floodFromArrival: null,
  stalenessUs: 1_000_000,
  order: "kept",
  slackUs: 0,
  shiftEveryUs: null,
} satisfies Required<TransactionsParameters>;

export function transactions(parameters: TransactionsParameters = {}): WorkloadSpec {
  return { name: "transactions", parameters: { ...transactionsDefaults, ...parameters } };
}

/** Where range number `tablet` begins; the first begins at "". */
export function tabletFrom(tablet: number): string {
  return tablet === 0 ? "" : `t${String(tablet).padStart(4, "0")}`;
}

export function tabletKey(tablet: number, number: number): string {
  return `t${String(tablet).padStart(4, "0")}/${number}`;
}

/** Keys in one request of the final reads. */
const finalBatch = 250;

export class Transactions implements Workload {
  readonly name = "transactions";
  private readonly tablets: number;
  private readonly keysPerTablet: number;
  private readonly participants: number;
  private readonly mix: TransactionMix;
  private readonly floodFromArrival: number;
  private readonly stalenessUs: Micros;
  private readonly order: OrderPromise;
  private readonly slackUs: Micros;
  private readonly shiftEveryUs: Micros | null;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("transactions", transactionsDefaults, given);
    this.tablets = parameters.whole("tablets", 1, 9_999);
    this.keysPerTablet = parameters.whole("keysPerTablet", 1, 2 ** 31);
    this.participants = parameters.whole("participants", 1, this.tablets);
    this.mix = mixOf(parameters);
    const isFlooded = parameters.raw("floodFromArrival") !== null;
    this.floodFromArrival = isFlooded ? parameters.whole("floodFromArrival", 0, Infinity) : Infinity;
    this.stalenessUs = parameters.whole("stalenessUs", 0, Infinity);
    this.order = orderOf(parameters);
    this.slackUs = parameters.whole("slackUs", 0, Infinity);
    this.shiftEveryUs = parameters.raw("shiftEveryUs") === null ? null : parameters.whole("shiftEveryUs", 1, Infinity);
  }

  /** Every range has a leader before the load begins. */
  setup(): readonly Request[] {
    return Array.from({ length: this.tablets }, (_, tablet) => {
      const write = { kind: "set", key: tabletKey(tablet, 0), value: "setup" } as const;
      return { kind: "transact", reads: [], writes: [write] };
    });
  }

  begin(arrival: number, random: Random): Session {
    if (arrival >= this.floodFromArrival) return new OneTransaction(this.snapshot("flood", random));
    const { write, readOnly, snapshot } = this.mix;
    const drawn = random.float() * (write + readOnly + snapshot);
    if (drawn < write) return new OneTransaction(this.write(arrival, random));
    if (drawn < write + readOnly) return new OneTransaction(this.readOnly(random));
    return new OneTransaction(this.snapshot("snapshot", random));
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    const keys = writtenKeys(history);
    const reads: Request[] = [];
    for (let i = 0; i < keys.length; i += finalBatch) {
      reads.push({ kind: "snapshot-read", keys: keys.slice(i, i + finalBatch), at: { kind: "strong" } });
    }
    return reads;
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    const { order, slackUs, shiftEveryUs } = this;
    return checkTransactions(history, finals, { order, slackUs, shiftEveryUs });
  }

  private write(arrival: number, random: Random): Step {
    const id = String(arrival);
    const keys = this.someTablets(random).map((tablet) => tabletKey(tablet, random.below(this.keysPerTablet)));
    const writes = keys.map((key) => ({ kind: "set", key, value: id }) as const);
    const fact: Fact = { kind: "write", id, keys, timestamp: null };
    return { operation: "write", request: { kind: "transact", reads: [], writes }, thinkUs: 0, fact };
  }

  private readOnly(random: Random): Step {
    const keys = [this.key(random)];
    const fact: Fact = { kind: "read", keys, timestamp: null, seen: 0 };
    return { operation: "read-only", request: { kind: "transact", reads: keys, writes: [] }, thinkUs: 0, fact };
  }

  private snapshot(operation: string, random: Random): Step {
    const keys = [this.key(random)];
    const at = { kind: "max-staleness", us: this.stalenessUs } as const;
    const fact: Fact = { kind: "snapshot", keys, timestamp: null, seen: 0 };
    return { operation, request: { kind: "snapshot-read", keys, at }, thinkUs: 0, fact };
  }

  private key(random: Random): string {
    return tabletKey(random.below(this.tablets), random.below(this.keysPerTablet));
  }

  /** Different ones, at random. */
  private someTablets(random: Random): readonly number[] {
    if (this.participants === 1) return [random.below(this.tablets)];
    const all = Array.from({ length: this.tablets }, (_, tablet) => tablet);
    return random.shuffle(all).slice(0, this.participants);
  }
}

function mixOf(parameters: Parameters): TransactionMix {
  const mix = parameters.raw("mix") as Partial<TransactionMix> | null;
  const weights = [mix?.write, mix?.readOnly, mix?.snapshot];
  const fits = weights.every((weight) => typeof weight === "number" && weight >= 0 && Number.isFinite(weight));
  if (fits && weights.some((weight) => weight! > 0)) return mix as TransactionMix;
  const expected = "weights write, readOnly and snapshot, numbers from 0, one of them above it";
  throw parameters.mistake("mix", mix, expected, "{ write: 1, readOnly: 0, snapshot: 0 }");
}

function orderOf(parameters: Parameters): OrderPromise {
  const order = parameters.text("order");
  if (order === "kept" || order === "counted") return order;
  throw parameters.mistake("order", order, "kept or counted", '"kept"');
}

class OneTransaction implements Session {
  private readonly step: Step;

  constructor(step: Step) {
    this.step = step;
  }

  next(previous: Answer | null): Step | null {
    if (previous === null) return this.step;
    const { fact } = this.step;
    if (fact === undefined || previous.kind !== "ok") return null;
    const { result } = previous;
    if (result.kind !== "transacted" && result.kind !== "snapshot") return null;
    fact.timestamp = result.timestamp;
    if (fact.kind !== "write") fact.seen = Math.max(...result.values.map(({ timestamp }) => timestamp));
    return null;
  }
}
