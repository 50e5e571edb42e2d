/**
 * Reads and writes over stations that hedge, under faults. A read may be done by as many servers as its hedges reach; a write has its effect once
 * if it was answered, and at most once if nobody knows.
 */
import { Random } from "../../backend/kernel/random.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import type { HedgeSpec } from "../../backend/api-tails.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { withPatience } from "./patience.ts";
import { regionalDeployment } from "./regional-deployment.ts";
import { ScenarioHistory } from "./scenario-history.ts";
import type { Scenario, ScenarioRun } from "./scenario.ts";

interface HedgeScenarioSpec {
  readonly nodes: readonly number[];
  readonly hedges: readonly HedgeSpec[];
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
}

const loadUs = 4 * second;
const calmUs = 500 * millisecond;
const patienceUs = 300 * millisecond;

const hedges: HedgeScenarioSpec = {
  nodes: [3, 5],
  // Patience in a wide range of hedges, so that some are always late and some never.
  hedges: [3, 10, 40].map((ms) => ({ copies: 3, delay: { kind: "fixed", afterUs: [ms * millisecond] } })),
  nemeses: ["crash", "partition", "pause", "slow", "link", "disk"],
  faults: 6,
  clients: 6,
};

export const hedgeScenarios: readonly Scenario[] = [
  {
    name: "hedges",
    promise: "reads are hedged and writes never: a write that was answered was done once, any other at most once",
    catches: ["hedge-on-a-write"],
    tolerates: [],
    run: (seed, plant) => runHedgeScenario(hedges, seed, plant),
  },
];

function runHedgeScenario(spec: HedgeScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const draws = Random.stream(seed, "scenario");
  const nodes = draws.pick(spec.nodes);
  const simulation = createSimulation(
    regionalDeployment(nodes, plant, {
      service: {
        kind: "station",
        servers: 1,
        serviceUs: 3 * millisecond,
        service: "exponential",
        discipline: "fifo",
        queueLimit: 20,
        dropExpired: draws.chance(0.5),
        fanOut: { parts: 1, leaves: "queues", hedge: draws.pick(spec.hedges) },
      },
    }),
    seed,
  );
  const history = new WritesHistory();
  const shape = { nodes, fromUs: calmUs, toUs: loadUs, count: spec.faults, kinds: spec.nemeses };
  return runUnderFaults({
    simulation,
    history,
    plan: drawFaultPlan(shape, Random.stream(seed, "faults")),
    loadUs: loadUs + second,
    begin() {
      for (let i = 0; i < spec.clients; i++) ask(simulation, history, Random.stream(seed, "client", i));
    },
    end() {
      if (!simulation.settle(10 * second)) history.report("not-at-rest", "a copy still waited 10 s after the heal");
      history.judge((simulation.counters().effects as number[] | undefined) ?? []);
    },
  });
}

/** One operation after another; two in three are writes. */
function ask(simulation: SimulatedBackend, history: WritesHistory, random: Random): void {
  if (simulation.now > loadUs) return;
  const write = random.below(3) > 0;
  const operation = write ? history.onWrite() : 0;
  const next = withPatience(simulation, patienceUs, () =>
    simulation.at(simulation.now + random.below(30 * millisecond), () => ask(simulation, history, random)),
  );
  simulation.request(-1, { kind: "work", operation, write, timeoutUs: patienceUs }, ({ kind }) => {
    if (kind === "ok" && write) history.onWritten(operation);
    else if (kind === "ok") history.reads++;
    next();
  });
}

class WritesHistory extends ScenarioHistory {
  private readonly acked: boolean[] = [];

  onWrite(): number {
    return this.acked.push(false) - 1;
  }

  onWritten(operation: number): void {
    this.acked[operation] = true;
    this.acknowledged++;
  }

  /** `effects[i]`: how often write i was done. */
  judge(effects: readonly number[]): void {
    this.acked.forEach((acked, i) => {
      const done = effects[i] ?? 0;
      if (done > 1) this.report("phantom", `write ${i} was done ${done} times`);
      if (acked && done === 0) this.report("lost-write", `write ${i} was acknowledged and not done`);
    });
  }
}
