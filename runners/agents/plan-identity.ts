/**
 * What a suite's plan is, as a digest: experiments with every setting applied, their runs and seeds. Slices belong together when
 * these are equal; where they run, how they are timed and what is claimed of them does not matter.
 */
import { createHash } from "node:crypto";
import { UsageError } from "../command-error.ts";
import type { Experiment } from "../experiment.ts";
import { planSuite } from "../plan.ts";
import type { Results } from "../results.ts";
import type { SuiteOptions } from "../suite-types.ts";
import { checkClients } from "./agent-fleet.ts";

/** @throws UsageError on a setting that fits nothing */
export function planIdentity(options: SuiteOptions): string {
  const plan = planSuite(options).map(({ experiment, tank, settled, runs }) => ({
    experiment: experiment.name,
    tank,
    settled,
    runs: runs.map(({ item, seed }) => [item.design, item.round, seed]),
  }));
  return createHash("sha256").update(JSON.stringify(plan)).digest("hex").slice(0, 16);
}

/** What the file of a slice says of itself. @throws UsageError when the plan cannot be cut so */
export function sliceIdentity(options: SuiteOptions): NonNullable<Results["slice"]> {
  const { index, count, startAtMs } = options.slice!;
  const plan = planSuite(options);
  for (const { settled } of plan) for (const design of Object.values(settled.designs)) checkClients(design, count);
  const runs = plan.flatMap((planned) => planned.runs).length;
  if (startAtMs !== undefined && runs !== 1) {
    throw new UsageError({
      what: "--start-at is the start of one run, and the plan has more",
      got: `${runs} runs`,
      expected: "one experiment, one design, one round",
      fix: "name the experiment and add --design NAME --rounds 1; for many runs let --agents keep the time",
    });
  }
  const { experiments, tanks, quick, seed, designs, overrides, target, rerun } = options;
  const { arrivals, rate, forS, keys, sizes } = options;
  const names = experiments.map(({ name }) => name);
  const changed = { overrides, arrivals, rate, forS, keys, sizes };
  const said = { experiments: names, tanks, quick, seed, designs, ...changed, target, rerun };
  // As a file holds it: without what is undefined.
  const plain = JSON.parse(JSON.stringify(said)) as Record<string, unknown>;
  return { index, count, plan: planIdentity(options), options: plain };
}

/** The options that a slice's file was made with, experiments looked up by name. @throws UsageError when one is not there */
export function optionsOf(slice: NonNullable<Results["slice"]>, catalog: readonly Experiment[]): SuiteOptions {
  const said = slice.options as unknown as Omit<SuiteOptions, "experiments"> & { experiments: readonly string[] };
  const experiments = said.experiments.map((name) => {
    const found = catalog.find((experiment) => experiment.name === name);
    if (found !== undefined) return found;
    throw new UsageError({
      what: "the slices are of an experiment that is not here",
      got: name,
      expected: `one of ${catalog.map((experiment) => experiment.name).join(", ")}`,
      fix: "merge with the code that made the slices",
    });
  });
  return { ...said, experiments };
}
