/** `wavetank calibrate`: the instrument against queues whose answer is known, in either tank. */
import type { Command } from "commander";
import * as values from "./command-values.ts";
import type { Tank } from "./experiment.ts";

export interface CalibrateFlags {
  readonly tank?: string;
  readonly quick?: boolean;
  readonly seed?: string;
  readonly json?: boolean;
}

export interface CalibrateOptions {
  readonly tanks: readonly Tank[];
  readonly quick: boolean;
  readonly seed: number;
  readonly json: boolean;
}

export function addCalibrateOptions(command: Command): Command {
  return command
    .option("--tank <tank>", "where: simulation, threads or both (default: both)")
    .option(
      "--quick",
      "seconds instead of minutes: wider tolerances in the simulation, fewer operations on the threads",
    )
    .option("--seed <n>", "the seed of everything random (default: 1)")
    .option("--json", "only JSON on stdout");
}

/** @throws UsageError for a value that does not fit */
export function calibrateOptions(flags: CalibrateFlags): CalibrateOptions {
  return {
    tanks: values.parseTanks(flags.tank ?? "both"),
    quick: flags.quick ?? false,
    seed: values.parseSeed(flags.seed ?? "1"),
    json: flags.json ?? false,
  };
}
