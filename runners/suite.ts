/** The suite as the command line runs it: each tank with its real runtime, and one pool of generator workers for all runs. */
import { AgentFleet } from "./agents/agent-fleet.ts";
import { codeIdentity } from "./agents/code-identity.ts";
import { sliceIdentity } from "./agents/plan-identity.ts";
import { GeneratorPool, type LoadGenerator } from "./hosts/threads-host.ts";
import type { Calibration, Results } from "./results.ts";
import { runInSimulation } from "./run-simulation.ts";
import { runSuiteWith } from "./run-suite-with.ts";
import { runOnThreads } from "./run-threads.ts";
import type { SuiteObserver, SuiteOptions } from "./suite-types.ts";

/**
 * Runs every experiment in every tank. Rejects with `UsageError` on a setting that fits nothing; a run that is void fails its
 * experiment and the suite goes on. An aborted suite resolves with what was finished.
 */
export async function runSuite(options: SuiteOptions, observer: SuiteObserver): Promise<Results> {
  const slice = options.slice === undefined ? undefined : sliceIdentity(options);
  let generator: LoadGenerator | null = null;
  try {
    const results = await runSuiteWith(options, observer, async (order, tank) => {
      if (tank === "simulation") return runInSimulation(order);
      generator ??= await createGenerator(options, observer);
      return runOnThreads(order, generator);
    });
    if (slice !== undefined) return { ...results, slice };
    if (options.calibrate !== true || options.signal?.aborted === true) return results;
    return { ...results, calibration: await quickCalibration(options.signal) };
  } finally {
    // Assigned in a closure, which the type checker does not follow.
    await (generator as LoadGenerator | null)?.close();
  }
}

/** Always of the same seed: it tests the instrument, and chance must not turn a suite red. */
async function quickCalibration(signal: AbortSignal | undefined): Promise<Calibration[]> {
  const { calibrate } = await import("./oracles/calibrate.ts");
  return calibrate({ tank: "simulation", quick: true, seed: 1, signal });
}

/** Threads of this machine, for all of the load or for its slice; or agents on others. */
async function createGenerator(options: SuiteOptions, observer: SuiteObserver): Promise<LoadGenerator> {
  const { slices: threads = 1, slice, agents } = options;
  if (agents === undefined) return new GeneratorPool(threads, slice);
  const { connectNats } = await import("./agents/nats-transport.ts");
  const transport = await connectNats(agents.natsUrl, "wavetank coordinator");
  const note = (text: string): void => observer.onNote?.(text);
  return new AgentFleet(transport, { code: codeIdentity(), agents: agents.count, threads, note });
}
