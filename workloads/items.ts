/**
 * Reads and writes of single items, one operation a session. Every write carries an id of its own, so the state afterwards
 * and every value read name the write they come from, and the check can ask whether that write may be the one.
 */
import type { Answer, Item, Request, Result, TableSpec } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";
import type { Distribution } from "./distribution.ts";
import { distributionOf, draw } from "./distribution.ts";
import { checkItems, itemKeys } from "./items-check.ts";
import type { KeyChooser } from "./keys.ts";
import { keyChooser } from "./keys.ts";
import type { TableOptions } from "./parameters.ts";
import { Parameters, tableOf } from "./parameters.ts";
import type { CheckResult, Fact, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

export interface KeyShift {
  readonly atArrival: number;
  readonly keys: string;
}

export interface ItemsParameters {
  /** Default: "items", last writer wins, n 3, r 2, w 2, strict, unlimited, 8 partitions. */
  readonly table?: TableOptions;
  /** Distribution of keys. Default "uniform:1000". */
  readonly keys?: string;
  /** From arrival number `atArrival` on, keys are drawn from another distribution. Default null: they never are. */
  readonly shift?: KeyShift | null;
  /** Share of operations that read. Default 0.5. */
  readonly readShare?: number;
  /** Bytes of a written value, its 'value' attribute alone. Default 100. */
  readonly valueBytes?: Distribution;
  /** Whether reads ask for consistency. Default true. */
  readonly consistent?: boolean;
  /** Before each key's number. Default "item-". */
  readonly prefix?: string;
  /** Whether a stale consistent read is a violation: true only where r + w > n and the quorum is strict. Default false. */
  readonly strict?: boolean;
  /** Instants closer than this count as one: the error of the clocks that order writes and of those that record. Default 0. */
  readonly slackUs?: Micros;
  /** Nodes that clients ask. Default none: any. */
  readonly entries?: readonly number[];
}

export const itemsDefaults = {
  table: {},
  keys: "uniform:1000",
  shift: null,
  readShare: 0.5,
  valueBytes: 100,
  consistent: true,
  prefix: "item-",
  strict: false,
  slackUs: 0,
  entries: [],
} satisfies Required<ItemsParameters>;

export function items(parameters: ItemsParameters = {}): WorkloadSpec {
  return { name: "items", parameters: { ...itemsDefaults, ...parameters } };
}

export class Items implements Workload {
  readonly name = "items";
  private readonly table: TableSpec;
  private readonly keys: KeyChooser;
  private readonly shiftAtArrival: number;
  private readonly shiftedKeys: KeyChooser;
  private readonly readShare: number;
  private readonly valueBytes: Distribution;
  private readonly consistent: boolean;
  private readonly prefix: string;
  private readonly strict: boolean;
  private readonly slackUs: Micros;
  private readonly entries: readonly number[];

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("items", itemsDefaults, given);
    this.table = tableOf("the table of the items workload", "key", { name: "items" }, parameters.raw("table"));
    this.keys = keyChooser(parameters.text("keys"));
    const shift = shiftOf(parameters);
    this.shiftAtArrival = shift?.atArrival ?? Infinity;
    this.shiftedKeys = shift === null ? this.keys : keyChooser(shift.keys);
    this.readShare = parameters.number("readShare", 0, 1);
    this.valueBytes = distributionOf(parameters, "valueBytes");
    this.consistent = parameters.boolean("consistent");
    this.prefix = parameters.text("prefix");
    this.strict = parameters.boolean("strict");
    this.slackUs = parameters.whole("slackUs", 0, Infinity);
    this.entries = entriesOf(parameters);
  }

  setup(): readonly Request[] {
    return [{ kind: "create-table", table: this.table }];
  }

  begin(arrival: number, random: Random): Session {
    const keys = arrival < this.shiftAtArrival ? this.keys : this.shiftedKeys;
    const key = this.prefix + keys.next(random, arrival);
    const step = random.chance(this.readShare) ? this.read(key) : this.write(key, String(arrival), random);
    return new ItemSession(this.entries.length === 0 ? step : { ...step, entry: random.pick(this.entries) });
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    return itemKeys(history).map((key) => this.get(key, true));
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    return checkItems(history, finals.map(idsIn), { strict: this.strict, slackUs: this.slackUs });
  }

  private read(key: string): Step {
    const fact: Fact = { kind: "read", key, consistent: this.consistent, ids: [] };
    return { operation: "read", request: this.get(key, this.consistent), thinkUs: 0, fact };
  }

  private write(key: string, id: string, random: Random): Step {
    const item: Item = { key: { S: key }, id: { S: id }, value: { S: valueOf(draw(this.valueBytes, random)) } };
    const request = { kind: "put", table: this.table.name, item } as const;
    return { operation: "write", request, thinkUs: 0, fact: { kind: "write", key, id } };
  }

  private get(key: string, consistent: boolean): Request {
    return { kind: "get", table: this.table.name, key: { key: { S: key } }, consistent };
  }
}

function shiftOf(parameters: Parameters): KeyShift | null {
  const shift = parameters.raw("shift") as KeyShift | null;
  if (shift === null) return null;
  const { atArrival, keys } = shift;
  if (Number.isSafeInteger(atArrival) && atArrival >= 0 && typeof keys === "string") return shift;
  const expected = "null, or { atArrival, keys } with the number of an arrival and a distribution of keys";
  throw parameters.mistake("shift", shift, expected, '{ atArrival: 2000, keys: "hotspot:1:1" }');
}

function entriesOf(parameters: Parameters): readonly number[] {
  const entries = parameters.raw("entries");
  const fits = Array.isArray(entries) && entries.every((node) => Number.isSafeInteger(node) && node >= 0);
  if (fits) return entries as readonly number[];
  throw parameters.mistake("entries", entries, "a list of nodes' numbers", "[0, 1]");
}

class ItemSession implements Session {
  private readonly step: Step;

  constructor(step: Step) {
    this.step = step;
  }

  next(previous: Answer | null): Step | null {
    if (previous === null) return this.step;
    const { fact } = this.step;
    if (fact?.kind === "read") fact.ids = idsIn(previous) ?? [];
    return null;
  }
}

/** The write ids an answer shows: none when nothing is stored, several when siblings are; null when it shows nothing at all. */
function idsIn(answer: Answer): string[] | null {
  if (answer.kind !== "ok" || answer.result.kind !== "item") return null;
  return storedItems(answer.result).map((item) => item.id?.S ?? "");
}

/** All concurrent versions an item answer carries. */
export function storedItems(result: Result & { kind: "item" }): readonly Item[] {
  if (result.siblings.length > 0) return result.siblings;
  return result.item === null ? [] : [result.item];
}

const filler = "wavetank ".repeat(114);

function valueOf(bytes: number): string {
  return bytes <= filler.length
    ? filler.slice(0, bytes)
    : filler.repeat(Math.ceil(bytes / filler.length)).slice(0, bytes);
}
