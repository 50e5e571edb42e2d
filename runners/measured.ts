/** What claims, charts and the verdict see: the runs of one experiment in one tank, asked for by name. */
import type { DesignRuns, Experiment, Measured, Tank } from "./experiment.ts";
import type { RunResult } from "./results.ts";
import { planOf, type TankExperiment } from "./settings.ts";

/** A design that exists was left out on the command line or not reached before an interruption. Nothing is wrong; nothing is known. */
export class NotRun extends Error {
  override readonly name: string = "NotRun";
}

/** The tank's own plan leaves the design out, so that a claim about it does not apply there. */
export class NotPlanned extends NotRun {
  override readonly name = "NotPlanned";
}

export function measuredOf(
  experiment: Experiment,
  tank: Tank,
  quick: boolean,
  settled: TankExperiment,
  runs: Readonly<Record<string, readonly RunResult[]>>,
): Measured {
  const designs: DesignRuns[] = Object.entries(settled.designs).map(([name, design]) => ({
    name,
    design,
    runs: (runs[name] ?? []).toSorted((a, b) => a.round - b.round),
  }));
  const planned = (quick ? experiment.tanks[tank].quick : experiment.tanks[tank].full).designs;
  const of = (name: string): DesignRuns => {
    const found = designs.find((design) => design.name === name);
    if (found !== undefined && found.runs.length > 0) return found;
    if (Object.hasOwn(experiment.designs, name)) {
      if (planned === undefined || planned.includes(name)) throw new NotRun(`design ${name} was not run`);
      throw new NotPlanned(`design ${name} is not run in this tank`);
    }
    const known = Object.keys(experiment.designs).join(", ");
    throw new Error(`${experiment.name} has no design "${name}"; expected one of ${known}`);
  };
  return {
    tank,
    quick,
    plan: planOf(settled),
    designs,
    of,
    values: (name, metric) => of(name).runs.map((run) => metricOf(run, metric, name)),
  };
}

function metricOf(run: RunResult, metric: string, design: string): number {
  const value = run.metrics[metric];
  if (value !== undefined) return value;
  const known = Object.keys(run.metrics)
    .filter((name) => !name.includes("."))
    .join(", ");
  throw new Error(`design ${design}, round ${run.round}, has no figure "${metric}"; it has ${known}`);
}
