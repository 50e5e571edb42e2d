/** `wavetank simulate`: many seeds of faults against the simulated backend, every check on; a failing seed is printed to replay. */
import * as values from "./command-values.ts";
import { UsageError } from "./command-error.ts";

export interface SimulateFlags {
  readonly seeds?: string;
  readonly from?: string;
  readonly plant?: string;
  readonly scenario?: string;
}

export interface SimulateOptions {
  readonly seeds: number;
  readonly from: number;
  /** A planted bug by name, or "all" for the table of planted and caught. */
  readonly plant?: string;
  readonly scenario?: string;
}

export function simulateOptions(flags: SimulateFlags): SimulateOptions {
  const seeds = values.parseSeeds(flags.seeds ?? "100");
  const from = values.parseFrom(flags.from ?? "1");
  if (!Number.isSafeInteger(from + seeds))
    throw new UsageError({
      what: "--from and --seeds reach beyond the largest seed",
      got: `${from} + ${seeds}`,
      expected: `a sum of at most ${Number.MAX_SAFE_INTEGER}`,
      fix: "start from a smaller seed",
    });
  return { seeds, from, plant: flags.plant, scenario: flags.scenario };
}
