/**
 * The order of a suite. Designs are compared inside rounds: in each round every design runs once, all with the round's seed, in
 * an order drawn for that round, so that a machine that warms up, slows down or is busy for a while does so to all of them.
 */
import { Random, streamSeed } from "../backend/kernel/random.ts";
import { second } from "../backend/kernel/units.ts";
import { checkCallPolicy } from "../backend/policies/caller-check.ts";
import { createWorkload } from "../workloads/catalog.ts";
import { UsageError } from "./command-error.ts";
import type { Design, Experiment, Tank } from "./experiment.ts";
import { createSchedule } from "./schedule.ts";
import { applySettings, checkKeys, checkSizes, checkOverrides, type TankExperiment } from "./settings.ts";
import type { RunItem, SuiteOptions } from "./suite-types.ts";

export interface PlannedRun {
  readonly item: RunItem;
  /** Equal for all designs of a round. */
  readonly seed: number;
}

export interface PlannedExperiment {
  readonly experiment: Experiment;
  readonly tank: Tank;
  /** With every setting of the command line applied. */
  readonly settled: TankExperiment;
  readonly runs: readonly PlannedRun[];
}

/** Throws `UsageError` on a setting that fits nothing. */
export function planSuite(options: SuiteOptions): PlannedExperiment[] {
  const chosen = options.experiments.flatMap((experiment) =>
    options.tanks
      .filter((tank) => runsIn(experiment, tank, options.quick))
      .map((tank) => ({ experiment, tank, settled: applySettings(experiment, tank, options) })),
  );
  if (chosen.length === 0) throw nothingRuns(options);
  const settled = chosen.map((each) => each.settled);
  checkOverrides(settled, options.overrides);
  checkKeys(settled, options.keys);
  checkSizes(settled, options.sizes);
  settled.forEach(checkParts);
  return chosen.map((each) => ({ ...each, runs: planRuns(each.experiment, each.tank, each.settled, options.seed) }));
}

/** An experiment whose plan names no design has no story in that tank. */
function runsIn({ tanks }: Experiment, tank: Tank, quick: boolean): boolean {
  const { designs } = quick ? tanks[tank].quick : tanks[tank].full;
  return designs === undefined || designs.length > 0;
}

function nothingRuns({ experiments, tanks }: SuiteOptions): UsageError {
  return new UsageError({
    what: "no design of the chosen experiments runs in that tank",
    got: `${experiments.map(({ name }) => name).join(", ") || "no experiment"} in ${tanks.join(", ")}`,
    expected:
      "an experiment with designs for the tank: what takes a day or hundreds of nodes is for the simulation only",
    fix: "leave --tank out, or choose the other one",
  });
}

function planRuns(experiment: Experiment, tank: Tank, settled: TankExperiment, suiteSeed: number): PlannedRun[] {
  const runs: PlannedRun[] = [];
  for (let round = 0; round < settled.rounds; round++) {
    const seed = streamSeed(suiteSeed, "round", experiment.name, round);
    const order = Random.stream(suiteSeed, "order", experiment.name, tank, round).shuffle(Object.keys(settled.designs));
    for (const design of order) {
      const expectedS = expectedSeconds(tank, settled, settled.designs[design]);
      runs.push({ item: { experiment: experiment.name, tank, design, round, expectedS }, seed });
    }
  }
  return runs;
}

/** What would fail in the middle of the suite fails before it: workloads, calling policies and loads that do not fit. */
function checkParts(settled: TankExperiment): void {
  try {
    createSchedule(settled.load, settled.forUs, 0);
    for (const { workload, calls } of Object.values(settled.designs)) {
      createWorkload(workload);
      checkCallPolicy(calls);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError({
      what: "a setting is out of range",
      got: error.message,
      expected: "values that the experiment can run with",
      fix: "change or leave out the --set, --rate or --for that made it so",
    });
  }
}

/**
 * Threads: the load itself and a second and a half to start, settle and verify. Simulation: processor time for each operation
 * offered, some 8 us at a station and 80 us through a replicated table.
 */
function expectedSeconds(tank: Tank, settled: TankExperiment, design: Design): number {
  const { load, forUs } = settled;
  if (tank === "threads") return forUs / second + 1.5;
  const eachUs = design.deployment.service.kind === "station" ? 8 : 80;
  return 0.05 + (createSchedule(load, forUs, 0).expected * eachUs) / second;
}
