/** The scenarios that `wavetank simulate` knows: a system, its faults, and what must hold whatever the seed. */
import type { FaultPlan } from "../../backend/kernel/fault.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { chargesScenarios } from "./charges-scenario.ts";
import { databaseScenarios } from "./database-scenarios.ts";
import { dispatchScenarios } from "./dispatch-scenario.ts";
import { hedgeScenarios } from "./hedge-scenario.ts";
import { logScenarios } from "./log-scenarios.ts";
import { membersScenarios } from "./members-scenario.ts";
import type { Violation } from "./scenario-history.ts";
import { storeScenarios } from "./store-scenarios.ts";
import { tabletScenarios } from "./tablet-scenario.ts";
import { zonesScenarios } from "./zones-scenario.ts";

export interface ScenarioRun {
  readonly violations: readonly Violation[];
  /** False when too few writes were acknowledged before the first fault or after it: such a run has shown nothing. */
  readonly valid: boolean;
  readonly events: number;
  readonly virtualUs: Micros;
  readonly acknowledged: number;
  readonly reads: number;
  readonly staleReads: number;
  /** Acknowledged writes that final reads miss, where the scenario allows it. */
  readonly lost: number;
  readonly digest: string;
  readonly plan: FaultPlan;
}

export interface Scenario {
  readonly name: string;
  readonly promise: string;
  /** Planted bugs that this scenario is expected to catch. */
  readonly catches: readonly string[];
  /** Harmless changes that this scenario must not take for a bug. */
  readonly tolerates: readonly string[];
  run(seed: number, plant?: string): ScenarioRun;
}

export const scenarios: readonly Scenario[] = [
  ...storeScenarios,
  ...logScenarios,
  ...databaseScenarios,
  ...hedgeScenarios,
  ...zonesScenarios,
  ...tabletScenarios,
  ...chargesScenarios,
  ...dispatchScenarios,
  ...membersScenarios,
];
