/**
 * Reads and writes of single keys of a store on a replicated log, one operation a session. Every write carries an id of its own and every answer
 * the revision it was given at, so the check need not search for an order. One arrival may instead ask the leader to hand over, as an operator
 * does before a machine is taken away.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { KeyValue } from "../backend/api-coordination.ts";
import type { Random } from "../backend/kernel/random.ts";
import type { Micros, NodeId } from "../backend/kernel/units.ts";
import type { KeyChooser } from "./keys.ts";
import { keyChooser } from "./keys.ts";
import { Parameters } from "./parameters.ts";
import { checkRegisters, registerKeys } from "./registers-check.ts";
import type { RegistersPromise, Shown } from "./registers-check.ts";
import type { CheckResult, Fact, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

/** Arrival number `atArrival` asks that the replica on node `to` shall lead. */
export interface HandOver {
  readonly atArrival: number;
  readonly to: NodeId;
}

export interface RegistersParameters {
  /** Distribution of keys. Default "uniform:100". */
  readonly keys?: string;
  /** Share of operations that read. Default 0.5. */
  readonly readShare?: number;
  /** Reads by any replica that lacks nothing answered so long ago; -1: linearizable reads. Default -1. */
  readonly maxAgeUs?: Micros;
  /** Node that shall lead when the load begins; -1: whoever does. Default -1. */
  readonly leader?: NodeId;
  /** Default null: nobody asks for it. */
  readonly handOver?: HandOver | null;
  /** Instants closer than this count as one: the error of the clocks that record. Default 0. */
  readonly slackUs?: Micros;
}

export const registersDefaults = {
  keys: "uniform:100",
  readShare: 0.5,
  maxAgeUs: -1,
  leader: -1,
  handOver: null,
  slackUs: 0,
} satisfies Required<RegistersParameters>;

export function registers(parameters: RegistersParameters = {}): WorkloadSpec {
  return { name: "registers", parameters: { ...registersDefaults, ...parameters } };
}

export class Registers implements Workload {
  readonly name = "registers";
  private readonly keys: KeyChooser;
  private readonly readShare: number;
  /** -1: reads are linearizable. */
  private readonly maxAgeUs: Micros;
  private readonly leader: NodeId;
  private readonly handOver: HandOver | null;
  private readonly promise: RegistersPromise;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("registers", registersDefaults, given);
    this.keys = keyChooser(parameters.text("keys"));
    this.readShare = parameters.number("readShare", 0, 1);
    this.maxAgeUs = parameters.whole("maxAgeUs", -1, Infinity);
    this.leader = parameters.whole("leader", -1, Infinity);
    this.handOver = handOverOf(parameters);
    this.promise = { slackUs: parameters.whole("slackUs", 0, Infinity), maxAgeUs: this.maxAgeUs };
  }

  setup(): readonly Request[] {
    return this.leader < 0 ? [] : [{ kind: "log-hand-over", to: this.leader }];
  }

  begin(arrival: number, random: Random): Session {
    const { handOver, leader } = this;
    if (arrival === handOver?.atArrival) return handOverTo(handOver.to);
    // Asked for again: an election under way may have overtaken what was asked before the load.
    if (arrival === 0 && leader >= 0) return handOverTo(leader);
    const key = `register-${this.keys.next(random, arrival)}`;
    return new RegisterSession(random.chance(this.readShare) ? this.read(key) : this.write(key, arrival));
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    return registerKeys(history).map((key) => ({ kind: "key-range", key }));
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    return checkRegisters(history, finals.map(shownBy), this.promise);
  }

  private read(key: string): Step {
    const consistent = this.maxAgeUs < 0;
    const request = { kind: "key-range", key, ...(consistent ? {} : { maxAgeUs: this.maxAgeUs }) } as const;
    return { operation: "read", request, thinkUs: 0, fact: { kind: "read", key, consistent } satisfies Fact };
  }

  private write(key: string, arrival: number): Step {
    const id = String(arrival);
    const request = { kind: "key-put", key, value: btoa(id) } as const;
    return { operation: "write", request, thinkUs: 0, fact: { kind: "write", key, id } satisfies Fact };
  }
}

function handOverTo(to: NodeId): Session {
  return new RegisterSession({ operation: "hand-over", request: { kind: "log-hand-over", to }, thinkUs: 0 });
}

function handOverOf(parameters: Parameters): HandOver | null {
  const handOver = parameters.raw("handOver") as HandOver | null;
  if (handOver === null) return null;
  const { atArrival, to } = handOver;
  if ([atArrival, to].every((value) => Number.isSafeInteger(value) && value >= 0)) return handOver;
  const expected = "null, or { atArrival, to } with the number of an arrival and of a node";
  throw parameters.mistake("handOver", handOver, expected, "{ atArrival: 1000, to: 1 }");
}

class RegisterSession implements Session {
  private readonly step: Step;

  constructor(step: Step) {
    this.step = step;
  }

  next(previous: Answer | null): Step | null {
    if (previous === null) return this.step;
    const { fact } = this.step;
    if (fact === undefined || previous.kind !== "ok") return null;
    if (fact.kind === "read") Object.assign(fact, shownBy(previous));
    else if (previous.result.kind === "key-put") fact.revision = previous.result.revision;
    return null;
  }
}

/** Null when the answer shows nothing at all. */
function shownBy(answer: Answer): Shown | null {
  if (answer.kind !== "ok" || answer.result.kind !== "key-range") return null;
  const { entries, revision } = answer.result;
  const entry: KeyValue | undefined = entries.at(0);
  return { id: entry === undefined ? "" : atob(entry.value), modified: entry?.modRevision ?? 0, revision };
}
