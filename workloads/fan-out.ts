/**
 * Reads that are cut into parts, one for each server or one for each key: a read is answered when its last part is. What is asked is
 * service alone; which server does it and how late it is are the stations' own.
 *
 * A load of several steps can be told apart in the report: `rows` names so many arrivals after another, and each name is a row with
 * percentiles of its own.
 */
import type { Request } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import { checkOneOutcome } from "./one-outcome.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

/** The next `arrivals` arrivals are counted in this row of the report. */
export interface FanOutRow {
  readonly name: string;
  readonly arrivals: number;
}

export interface FanOutParameters {
  /** Servers or keys a read is spread over: 100 in Dean and Barroso's first example, 1,000 keys in the second. Default 100. */
  readonly parts?: number;
  /** Share of operations that change something and must not be done twice. Default 0. */
  readonly writeShare?: number;
  /** Default: all reads in one row called "read". Arrivals beyond the last row are counted in it. */
  readonly rows?: readonly FanOutRow[];
}

export const fanOutDefaults = { parts: 100, writeShare: 0, rows: [] } satisfies Required<FanOutParameters>;

export function fanOut(parameters: FanOutParameters = {}): WorkloadSpec {
  return { name: "fan-out", parameters: { ...fanOutDefaults, ...parameters } };
}

export class FanOut implements Workload {
  readonly name = "fan-out";
  private readonly parts: number;
  private readonly writeShare: number;
  private readonly rows: readonly FanOutRow[];

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("fan-out", fanOutDefaults, given);
    this.parts = parameters.whole("parts", 1, 100_000);
    this.writeShare = parameters.number("writeShare", 0, 1);
    this.rows = rowsOf(parameters);
  }

  setup(): readonly Request[] {
    return [];
  }

  begin(arrival: number, random: Random): Session {
    const write = random.chance(this.writeShare);
    const request: Request = write
      ? { kind: "work", operation: arrival, parts: 1, write }
      : { kind: "work", operation: arrival, parts: this.parts };
    const operation = write ? "write" : this.rowOf(arrival);
    const only: Step = { operation, request, thinkUs: 0, fact: { kind: "fan-out" } };
    return { next: (previous) => (previous === null ? only : null) };
  }

  finalReads(): readonly Request[] {
    return [];
  }

  check(history: readonly HistoryEntry[]): CheckResult {
    return checkOneOutcome(history, "read");
  }

  private rowOf(arrival: number): string {
    let end = 0;
    for (const { name, arrivals } of this.rows) {
      end += arrivals;
      if (arrival < end) return name;
    }
    return this.rows.at(-1)?.name ?? "read";
  }
}

function rowsOf(parameters: Parameters): readonly FanOutRow[] {
  const rows = parameters.raw("rows");
  const fits = (row: unknown): boolean => {
    const { name, arrivals } = (row ?? {}) as Partial<FanOutRow>;
    return typeof name === "string" && name !== "" && Number.isSafeInteger(arrivals) && arrivals! > 0;
  };
  if (Array.isArray(rows) && rows.every(fits)) return rows as readonly FanOutRow[];
  throw parameters.mistake("rows", rows, "a list of { name, arrivals }", '[{ name: "load 10 %", arrivals: 2000 }]');
}
