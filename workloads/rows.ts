/**
 * Reads and writes of single rows of a store that keeps them in the order of their keys, one operation a session. Keys are numbers with
 * leading zeros, so that a hotspot of the first hundred is a hot range. Every write carries an id of its own, so the state afterwards and
 * every value read name the write they come from.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";
import type { Distribution } from "./distribution.ts";
import { distributionOf, draw } from "./distribution.ts";
import { checkItems, itemKeys } from "./items-check.ts";
import type { KeyChooser } from "./keys.ts";
import { keyChooser } from "./keys.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, Fact, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

/** While arrivals have a number in [fromArrival, toArrival), keys are drawn from `keys`. */
export interface KeySpell {
  readonly fromArrival: number;
  readonly toArrival: number;
  readonly keys: string;
}

export interface RowsParameters {
  /** Distribution of keys. Default "uniform:1000". */
  readonly keys?: string;
  /** A spell of other keys. Default null. */
  readonly spell?: KeySpell | null;
  /** Share of operations that read. Default 0.5. */
  readonly readShare?: number;
  /** Bytes of a written value beside its id. Default 100. */
  readonly valueBytes?: Distribution;
  /** Instants closer than this count as one: the error of the clocks that record. Default 0. */
  readonly slackUs?: Micros;
}

export const rowsDefaults = {
  keys: "uniform:1000",
  spell: null,
  readShare: 0.5,
  valueBytes: 100,
  slackUs: 0,
} satisfies Required<RowsParameters>;

export function rows(parameters: RowsParameters = {}): WorkloadSpec {
  return { name: "rows", parameters: { ...rowsDefaults, ...parameters } };
}

/** Key of a number. */
export function rowKey(number: number): string {
  return `row-${String(number).padStart(9, "0")}`;
}

export class Rows implements Workload {
  readonly name = "rows";
  private readonly keys: KeyChooser;
  private readonly spell: KeySpell | null;
  private readonly spellKeys: KeyChooser;
  private readonly readShare: number;
  private readonly valueBytes: Distribution;
  private readonly slackUs: Micros;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("rows", rowsDefaults, given);
    this.keys = keyChooser(parameters.text("keys"));
    this.spell = spellOf(parameters);
    this.spellKeys = this.spell === null ? this.keys : keyChooser(this.spell.keys);
    this.readShare = parameters.number("readShare", 0, 1);
    this.valueBytes = distributionOf(parameters, "valueBytes");
    this.slackUs = parameters.whole("slackUs", 0, Infinity);
  }

  setup(): readonly Request[] {
    return [];
  }

  begin(arrival: number, random: Random): Session {
    const { spell } = this;
    const inSpell = spell !== null && arrival >= spell.fromArrival && arrival < spell.toArrival;
    const key = rowKey((inSpell ? this.spellKeys : this.keys).next(random, arrival));
    return new RowSession(random.chance(this.readShare) ? this.read(key) : this.write(key, arrival, random));
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    return itemKeys(history).map((key) => ({ kind: "row-get", key }));
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    return checkItems(history, finals.map(idsIn), { strict: true, slackUs: this.slackUs });
  }

  private read(key: string): Step {
    const fact: Fact = { kind: "read", key, consistent: true, ids: [] };
    return { operation: "read", request: { kind: "row-get", key }, thinkUs: 0, fact };
  }

  private write(key: string, arrival: number, random: Random): Step {
    const id = String(arrival);
    const value = `${id} ${"w".repeat(draw(this.valueBytes, random))}`;
    const request = { kind: "row-put", key, value } as const;
    return { operation: "write", request, thinkUs: 0, fact: { kind: "write", key, id } };
  }
}

function spellOf(parameters: Parameters): KeySpell | null {
  const spell = parameters.raw("spell") as KeySpell | null;
  if (spell === null) return null;
  const { fromArrival, toArrival, keys } = spell;
  const isRange = Number.isSafeInteger(fromArrival) && Number.isSafeInteger(toArrival) && fromArrival <= toArrival;
  if (isRange && fromArrival >= 0 && typeof keys === "string") return spell;
  const expected = "null, or { fromArrival, toArrival, keys } with two numbers of arrivals and a distribution of keys";
  const example = '{ fromArrival: 2000, toArrival: 9000, keys: "hotspot:0.9:100" }';
  throw parameters.mistake("spell", spell, expected, example);
}

class RowSession implements Session {
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

/** The id of the write that an answer shows; none when nothing is stored; null when it shows nothing at all. */
function idsIn(answer: Answer): string[] | null {
  if (answer.kind !== "ok" || answer.result.kind !== "row") return null;
  const { value } = answer.result;
  return value === null ? [] : [value.slice(0, value.indexOf(" "))];
}
