/** The suite as the command line runs it: each tank with its real runtime, and one pool of generator workers for all runs. */
import { GeneratorPool } from "./hosts/threads-host.ts";
import type { Results } from "./results.ts";
import { runInSimulation } from "./run-simulation.ts";
import { runSuiteWith } from "./run-suite-with.ts";
import { runOnThreads } from "./run-threads.ts";
import type { SuiteObserver, SuiteOptions } from "./suite-types.ts";

/**
 * Runs every experiment in every tank. Rejects with `UsageError` on a setting that fits nothing; a run that is void fails its
 * experiment and the suite goes on. An aborted suite resolves with what was finished.
 */
export async function runSuite(options: SuiteOptions, observer: SuiteObserver): Promise<Results> {
  const slices = options.slices ?? 1;
  let pool: GeneratorPool | null = null;
  try {
    return await runSuiteWith(options, observer, (order, tank) => {
      if (tank === "simulation") return runInSimulation(order);
      pool ??= new GeneratorPool(slices);
      return runOnThreads(order, pool);
    });
  } finally {
    // Assigned in a closure, which the type checker does not follow.
    await (pool as GeneratorPool | null)?.close();
  }
}
