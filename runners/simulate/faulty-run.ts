/**
 * One run of virtual time that every scenario shares:
 *
 *     |-- warm up --|-- faults and load --|-- heal, settle --|-- what must hold in the end --|
 *                          safety                liveness               convergence
 *
 * What the clients ask and what must hold is the scenario's; when it is looked at, and what makes a run worth looking at, is decided here.
 */
import type { Fault, FaultPlan } from "../../backend/kernel/fault.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import type { ScenarioHistory } from "./scenario-history.ts";
import type { ScenarioRun } from "./scenario.ts";

/** Writes that must be acknowledged before the first fault and after it, or the run has shown nothing. */
const usefulWrites = 5;

export interface FaultyRun {
  readonly simulation: SimulatedBackend;
  readonly history: ScenarioHistory;
  readonly plan: FaultPlan;
  /** When the first disturbance comes, if it is not the plan's first. */
  readonly disturbedAtUs?: Micros;
  readonly loadUs: Micros;
  /** Told just before each fault of the plan. */
  readonly onFault?: (fault: Fault) => void;
  /** Sets clients, operators and hunters to work. */
  readonly begin: () => void;
  /** When the load is over: heals, waits, asks what must hold. What it throws is a broken invariant. */
  readonly end: () => void;
  /** Looks at the history as a whole. */
  readonly judge?: () => void;
  /** Faults that were not planned. */
  readonly unplanned?: () => FaultPlan;
}

export function runUnderFaults(run: FaultyRun): ScenarioRun {
  const { simulation, history, plan, onFault } = run;
  let beforeFaults = 0;
  simulation.at(run.disturbedAtUs ?? plan[0].atUs, () => (beforeFaults = history.acknowledged));
  for (const { atUs, fault } of plan) {
    simulation.at(atUs, () => {
      onFault?.(fault);
      simulation.inject(fault);
    });
  }
  run.begin();
  try {
    simulation.run(run.loadUs);
    run.end();
  } catch (error) {
    history.report("invariant", error instanceof Error ? error.message : String(error));
  }
  run.judge?.();
  const unplanned = run.unplanned?.() ?? [];
  return {
    violations: history.violations,
    valid: beforeFaults >= usefulWrites && history.acknowledged - beforeFaults >= usefulWrites,
    events: simulation.events,
    virtualUs: simulation.now,
    acknowledged: history.acknowledged,
    reads: history.reads,
    staleReads: history.staleReads,
    lost: history.lost,
    digest: simulation.digest(),
    plan: unplanned.length === 0 ? plan : [...plan, ...unplanned].sort((a, b) => a.atUs - b.atUs),
  };
}
