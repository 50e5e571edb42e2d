/** What every history of a scenario counts, and the violations it found. */
import type { BallotRule } from "../check/ballot-rules.ts";
import type { LogRule } from "../check/log-agreement.ts";

export interface Violation {
  readonly invariant:
    | "lost-write"
    | "stale-read"
    | "resurrection"
    | "not-concurrent"
    | "phantom"
    | "divergence"
    | "no-progress"
    | "not-at-rest"
    | "log-divergence"
    | BallotRule
    | LogRule
    | "lease-overlap"
    | "linearizability"
    | "undecided"
    | "external-consistency"
    | "atomicity"
    | "money"
    | "cache"
    | "double-booking"
    | "two-drivers"
    | "lost-match"
    | "incarnation"
    | "false-dead"
    | "not-owner"
    | "undetected"
    | "invariant";
  readonly detail: string;
}

export class ScenarioHistory {
  readonly violations: Violation[] = [];
  /** Writes. */
  acknowledged = 0;
  reads = 0;
  staleReads = 0;
  /** Acknowledged writes missing at the end where the scenario allows it, once for each final read that misses one. */
  lost = 0;

  report(invariant: Violation["invariant"], detail: string): void {
    if (this.violations.length < 20) this.violations.push({ invariant, detail });
  }
}
