/**
 * Work for queueing stations: one operation a session, which asks for nothing but service. What is measured is when it is
 * served and whether; all that can be checked is that each operation had exactly one outcome.
 */
import type { Request } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import { distributionOf, draw, type Distribution } from "./distribution.ts";
import { checkOneOutcome } from "./one-outcome.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

export interface WorkParameters {
  /** Name of the report's row. Default "work". */
  readonly operation?: string;
  /** How long each is served, microseconds; drawn by the session, so it is a function of (seed, arrival). Absent: the station draws. */
  readonly serviceUs?: Distribution;
}

export const workDefaults = { operation: "work" } satisfies WorkParameters;

export function work(parameters: WorkParameters = {}): WorkloadSpec {
  return { name: "work", parameters: { ...workDefaults, ...parameters } };
}

export class Work implements Workload {
  readonly name = "work";
  private readonly operation: string;
  private readonly serviceUs: Distribution | null;

  constructor(parameters: Readonly<Record<string, unknown>>) {
    const read = new Parameters("work", { ...workDefaults, serviceUs: null }, parameters);
    this.operation = read.text("operation");
    this.serviceUs = read.raw("serviceUs") === null ? null : distributionOf(read, "serviceUs");
  }

  setup(): readonly Request[] {
    return [];
  }

  begin(arrival: number, random: Random): Session {
    const asked = { kind: "work", operation: arrival } as const;
    const request = this.serviceUs === null ? asked : { ...asked, serviceUs: draw(this.serviceUs, random) };
    const only: Step = { operation: this.operation, request, thinkUs: 0, fact: { kind: "work" } };
    return { next: (previous) => (previous === null ? only : null) };
  }

  finalReads(): readonly Request[] {
    return [];
  }

  check(history: readonly HistoryEntry[]): CheckResult {
    return checkOneOutcome(history, "operation");
  }
}
