/** Probes of a capacity search: one short open-loop run at a rate, of a URL, of a design in either tank, or of the oracles' station. */
import { second } from "../../backend/kernel/units.ts";
import type { CapacityOf, CapacityOptions } from "../command-capacity.ts";
import type { Parts } from "../command-parts.ts";
import type { Experiment, Tank } from "../experiment.ts";
import { GeneratorPool } from "../hosts/threads-host.ts";
import { runLoad } from "../load/run-load.ts";
import { stationDesign, stations } from "../oracles/stations.ts";
import type { RunResult } from "../results.ts";
import { Interrupted } from "../run-order.ts";
import { runInSimulation } from "../run-simulation.ts";
import { runOnThreads } from "../run-threads.ts";
import { strainOf, type Probe } from "./slo-search.ts";

/** Of the oracles' station: a mean service of 1 ms in virtual time; long beside a timer's lateness on the threads. */
export const mm1ServiceUs: Readonly<Record<Tank, number>> = { simulation: 1_000, threads: 20_000 };

/** Cut from the start of each probe: a queue takes a while to be as long as it will be. */
const warmUpShare = 0.2;
/** Ten beyond the 99th percentile, or it says nothing: slower probes last longer, up to this. */
const fewestOperations = 1_000;
const longestS = 60;

export interface ProbedRun {
  readonly probe: Probe;
  readonly run: RunResult;
}

export interface Prober {
  probe(perSecond: number, number: number): Promise<ProbedRun>;
  close(): Promise<void>;
}

export async function openProber(options: CapacityOptions, parts: Parts, signal: AbortSignal): Promise<Prober> {
  const { of, seed } = options;
  const runOf = await runner(of, options, parts, signal);
  return {
    probe: async (perSecond, number) => {
      const run = await runOf.run(perSecond, seed + number);
      return { probe: probeOf(perSecond, run, options), run };
    },
    close: () => runOf.close(),
  };
}

function probeOf(perSecond: number, run: RunResult, { thresholds }: CapacityOptions): Probe {
  const { metrics, generator } = run;
  const figures = { ...metrics, errorShare: metrics.refusedShare + metrics.unknownShare };
  return {
    perSecond,
    strain: strainOf(figures, thresholds),
    achievedPerSecond: metrics.okPerSecond,
    concurrency: (metrics.okPerSecond * (metrics.meanMs ?? Number.NaN)) / 1_000,
    figures,
    valid: generator.valid,
  };
}

function lengthOf(perSecond: number, { forS }: CapacityOptions): { readonly forUs: number; readonly warmUpUs: number } {
  const neededS = fewestOperations / perSecond / (1 - warmUpShare);
  const forUs = Math.round(Math.max(forS, Math.min(longestS, neededS)) * second);
  return { forUs, warmUpUs: Math.round(forUs * warmUpShare) };
}

interface Runner {
  run(perSecond: number, seed: number): Promise<RunResult>;
  close(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

async function runner(of: CapacityOf, options: CapacityOptions, parts: Parts, signal: AbortSignal): Promise<Runner> {
  if (of.kind === "url") {
    return {
      run: async (perSecond, seed) => {
        const load = { kind: "poisson", perSecond } as const;
        const length = lengthOf(perSecond, options);
        const { runs } = await runLoad({ ...of.plan, load, ...length, rounds: 1, seed }, { signal });
        if (runs.length === 0) throw new Interrupted("the search was interrupted");
        return runs[0];
      },
      close: nothing,
    };
  }
  if (of.kind === "mm1") return stationRunner(of.tank, options, signal);
  const experiment = (await parts.catalog()).find(({ name }) => name === of.experiment)!;
  return designRunner(experiment, of, options, parts, signal);
}

function stationRunner(tank: Tank, options: CapacityOptions, signal: AbortSignal): Runner {
  const design = stationDesign(stations[0], mm1ServiceUs[tank]);
  const pool = tank === "threads" ? new GeneratorPool(1) : null;
  return {
    run: (perSecond, seed) => {
      const load = { kind: "poisson", perSecond } as const;
      const settled = { load, ...lengthOf(perSecond, options), rounds: 1, faults: [], designs: { station: design } };
      const target = { kind: "direct" } as const;
      const order = { design, settled, round: 0, seed, target, slices: 1, signal, onProgress: () => undefined };
      return pool === null ? runInSimulation(order) : runOnThreads(order, pool);
    },
    close: () => pool?.close() ?? nothing(),
  };
}

/** A design as its experiment has it, without faults, under Poisson arrivals. */
function designRunner(
  experiment: Experiment,
  { design, tank }: Extract<CapacityOf, { kind: "design" }>,
  options: CapacityOptions,
  parts: Parts,
  signal: AbortSignal,
): Runner {
  return {
    run: async (perSecond, seed) => {
      const results = await parts.runSuite(
        {
          // Its own claims, figures and charts are about its faults, which a search leaves out.
          experiments: [{ ...experiment, claims: [], metrics: undefined, charts: () => [] }],
          tanks: [tank],
          quick: true,
          seed,
          designs: [design],
          overrides: [
            { path: "rounds", value: 1 },
            { path: "faults", value: [] },
          ],
          arrivals: `poisson:${perSecond}`,
          forS: lengthOf(perSecond, options).forUs / second,
          target: { kind: "direct" },
          signal,
          rerun: "",
        },
        {},
      );
      const [run] = results.experiments.flatMap(({ designs }) => designs.flatMap(({ runs }) => runs));
      if (run !== undefined) return run;
      if (signal.aborted) throw new Interrupted("the search was interrupted");
      const why = results.experiments.flatMap(({ claims }) => claims.map(({ measured }) => measured));
      throw new Error(`a probe at ${perSecond}/s was void: ${why.join("; ")}`);
    },
    close: nothing,
  };
}
