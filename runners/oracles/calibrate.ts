/**
 * The instrument against what it should show. Both tanks run stations whose behaviour is known, through the generator, driver, recorder
 * and backend that experiments use, and are set beside theory before any other figure is believed.
 *
 *   simulation   independent replications: the mean within 3 sigma of theory, sigma from their spread; p99 of all within 2 %
 *   threads      a few hundred operations cannot tell theory from chance, so each run is set beside Lindley's recursion over the very
 *                arrivals and service times that were drawn: within 5 %. What theory says is shown beside it.
 *   both         Little's law: what was in the system on average is the rate times the time in it, each measured for itself
 */
import { Random, streamSeed } from "../../backend/kernel/random.ts";
import { second, type Micros } from "../../backend/kernel/units.ts";
import { draw } from "../../workloads/distribution.ts";
import { unpackHistory } from "../agents/recorder-json.ts";
import { GeneratorPool } from "../hosts/threads-host.ts";
import { Histogram } from "../measure/histogram.ts";
import type { Calibration, RunResult } from "../results.ts";
import { throwIfAborted, type RunOrder } from "../run-order.ts";
import { runInSimulation } from "../run-simulation.ts";
import { runOnThreads } from "../run-threads.ts";
import { createSchedule } from "../schedule.ts";
import type { Tank } from "../experiment.ts";
import { sojourns } from "./lindley.ts";
import { littleOfHistory, littleOfTimelines } from "./little.ts";
import { meanAndError } from "./standard-error.ts";
import { liveClosedLoop, simulatedClosedLoop } from "./closed-loop-oracle.ts";
import { withinShare } from "./within-share.ts";
import { arrivalRate, meanMs, p99Ms, serviceTimes, stationDesign, stations, type Station } from "./stations.ts";

export interface CalibrationPlan {
  readonly tank: Tank;
  readonly quick: boolean;
  readonly seed: number;
  readonly signal?: AbortSignal;
  onRow?(row: Calibration): void;
}

const replications = 20;
const simulatedServiceUs = 10_000;
/** Long beside what a timer of the threads is late by. */
const liveServiceUs = 20_000;

/** Every row, held or not. Rejects with Interrupted when aborted. */
export async function calibrate(plan: CalibrationPlan): Promise<Calibration[]> {
  const rows: Calibration[] = [];
  const add = (...more: Calibration[]): void => {
    for (const row of more) {
      rows.push(row);
      plan.onRow?.(row);
    }
  };
  if (plan.tank === "simulation") {
    for (const station of chosen(plan)) add(...(await simulated(station, plan)));
    add(...simulatedClosedLoop(plan.seed, plan.quick));
    return rows;
  }
  const pool = new GeneratorPool(1);
  try {
    for (const station of stations) add(...(await live(station, plan, pool)));
    add(...(await liveClosedLoop(plan.seed, plan.quick)));
  } finally {
    await pool.close();
  }
  return rows;
}

/** What a suite can afford beside its runs: a second or two. */
function chosen({ quick }: CalibrationPlan): readonly Station[] {
  return quick ? stations.filter(({ rho }) => rho < 0.9) : stations;
}

async function simulated(station: Station, plan: CalibrationPlan): Promise<Calibration[]> {
  const operations = operationsOf(station, plan.quick);
  const forUs = Math.round((operations / replications / arrivalRate(station, simulatedServiceUs)) * second);
  const means: number[] = [];
  const merged = new Histogram();
  const runs: RunResult[] = [];
  for (let i = 0; i < replications; i++) {
    const seed = streamSeed(plan.seed, "calibrate", station.name, i);
    const run = await runInSimulation(orderOf(station, simulatedServiceUs, forUs, forUs / 20, seed, plan));
    runs.push(run);
    means.push(run.metrics.meanMs);
    for (const { latency } of run.operations) merged.merge(Histogram.decode(latency));
  }
  const common = { oracle: station.name, tank: plan.tank };
  const theory = meanMs(station, simulatedServiceUs);
  const [mean, sigma] = meanAndError(means);
  const rows: Calibration[] = [
    {
      ...common,
      quantity: "mean in system, ms",
      theory,
      measured: mean,
      tolerance: `3 sigma, ${(3 * sigma).toPrecision(2)}`,
      held: Math.abs(mean - theory) <= 3 * sigma,
    },
  ];
  const tail = p99Ms(station, simulatedServiceUs);
  if (tail !== null && !plan.quick)
    rows.push(withinShare({ ...common, quantity: "p99 in system, ms" }, tail, merged.quantile(0.99) / 1_000, 0.02));
  rows.push(littleOfTimelines(common, runs, forUs / 20, forUs));
  return rows;
}

/** More where waits are long and remember each other: the relative error of a mean grows as 1 / (1 - rho). */
function operationsOf({ rho }: Station, quick: boolean): number {
  if (quick) return 200_000;
  return rho >= 0.9 ? 15_000_000 : rho >= 0.8 ? 6_000_000 : 2_000_000;
}

async function live(station: Station, plan: CalibrationPlan, pool: GeneratorPool): Promise<Calibration[]> {
  throwIfAborted(plan.signal);
  const forUs = (plan.quick ? 3 : 10) * second;
  const seed = streamSeed(plan.seed, "calibrate", station.name, "threads");
  // As a slice of its own, which is all of the load, so that the run keeps its history.
  const order = { ...orderOf(station, liveServiceUs, forUs, 0, seed, plan), slice: { index: 0, count: 1 } };
  const run = await runOnThreads(order, pool);
  const exact = exactSojourns(station, forUs, seed);
  const common = { oracle: station.name, tank: plan.tank };
  const mean = exact.reduce((sum, us) => sum + us, 0) / exact.length / 1_000;
  const p99 = exact.toSorted((a, b) => a - b)[Math.ceil(exact.length * 0.99) - 1] / 1_000;
  const theory = meanMs(station, liveServiceUs);
  const beside = ` (theory's mean ${theory.toFixed(1)})`;
  return [
    withinShare(
      { ...common, quantity: `mean in system, ms, of these ${exact.length} draws${beside}` },
      mean,
      run.metrics.meanMs,
      0.05,
    ),
    withinShare({ ...common, quantity: "p99 in system, ms, of these draws" }, p99, run.metrics.p99Ms, 0.05),
    littleOfHistory(common, run, unpackHistory(run.remains!.history), forUs),
  ];
}

/** Lindley over what the schedule and the workload draw: both are functions of the seed. */
function exactSojourns(station: Station, forUs: Micros, seed: number): Float64Array {
  const load = { kind: "poisson", perSecond: arrivalRate(station, liveServiceUs) } as const;
  const arrivals = [...createSchedule(load, forUs, seed)];
  const times = serviceTimes(station, liveServiceUs);
  const services = arrivals.map(({ index }) => draw(times, Random.stream(seed, "session", index)));
  return sojourns(
    arrivals.map(({ atUs }) => atUs),
    services,
    station.servers,
  );
}

function orderOf(
  station: Station,
  meanServiceUs: Micros,
  forUs: Micros,
  warmUpUs: Micros,
  seed: number,
  { signal }: CalibrationPlan,
): RunOrder {
  const design = stationDesign(station, meanServiceUs);
  const load = { kind: "poisson", perSecond: arrivalRate(station, meanServiceUs) } as const;
  return {
    design,
    settled: { load, forUs, warmUpUs: Math.round(warmUpUs), rounds: 1, faults: [], designs: { station: design } },
    round: 0,
    seed,
    target: { kind: "direct" },
    slices: 1,
    signal,
    onProgress: () => undefined,
  };
}
