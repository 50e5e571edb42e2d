/**
 * Tablets under faults: clients put, read, and compare and swap a few keys while an operator splits and merges the tablets that they are in
 * and moves leaders about. In the end every answer must fit one order of each key, every key must have an owner that serves it, and all
 * replicas of a tablet must have the same rows.
 */
import type { Answer, Deployment, LogSpec } from "../../backend/api.ts";
import type { TabletRules } from "../../backend/api-tablets.ts";
import { Random } from "../../backend/kernel/random.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import type { RegisterInput, RegisterOutput } from "../check/models.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { withPatience } from "./patience.ts";
import { regionalDeployment } from "./regional-deployment.ts";
import type { Scenario, ScenarioRun } from "./scenario.ts";
import { TabletHistory } from "./tablet-history.ts";
import { operate } from "./tablet-operator.ts";

interface TabletScenarioSpec {
  /** Nodes of the cluster; the first three keep everything, the others only forward. */
  readonly nodes: readonly number[];
  readonly log: Omit<LogSpec, "replicas">;
  /** In every other run tablets split, merge and change leaders by themselves too. */
  readonly balance?: TabletRules;
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
  readonly keys: number;
  /** Mean time between two acts of the operator; 0: there is none. */
  readonly actEveryUs: Micros;
}

const loadUs = 6 * second;
/** Nothing is disturbed before: groups are founded and leaders elected. */
const calmUs = 1_500 * millisecond;
const patienceUs = 1_500 * millisecond;

const tablets: TabletScenarioSpec = {
  nodes: [3, 4, 5],
  log: { leaseUs: 500 * millisecond, window: 4, batch: 8, keepSlots: 32 },
  nemeses: ["crash", "partition", "pause", "slow", "link", "disk", "drift"],
  faults: 8,
  clients: 8,
  keys: 6,
  actEveryUs: 150 * millisecond,
  balance: {
    splitAbovePerSecond: 150,
    mergeBelowPerSecond: 50,
    patienceUs: 200 * millisecond,
    restUs: 400 * millisecond,
  },
};
const tabletsPower: TabletScenarioSpec = { ...tablets, nodes: [3], nemeses: ["power", "wipe", "disk", "link"] };

export const tabletScenarios: readonly Scenario[] = [
  {
    name: "tablets",
    promise: "tablets split, merge and change leaders under load: each key has one owner and one order of its values",
    catches: ["split-loses-in-flight", "sealed-tablet-serves"],
    tolerates: [],
    run: (seed, plant) => runTabletScenario(tablets, seed, plant),
  },
  {
    name: "tablets-power-loss",
    promise:
      "power is lost and a disk is wiped while tablets split and merge: what was begun is finished, nothing is lost",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runTabletScenario(tabletsPower, seed, plant),
  },
];

function runTabletScenario(spec: TabletScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const draws = Random.stream(seed, "scenario");
  const nodes = draws.pick(spec.nodes);
  const balance = draws.chance(0.5) ? spec.balance : undefined;
  const history = new TabletHistory();
  const simulation = createSimulation(deploymentOf(spec, nodes, balance, plant), seed, {
    checkEvery: 512,
    witness: history,
  });
  history.now = () => simulation.now;
  const shape = { nodes, fromUs: calmUs, toUs: loadUs, count: spec.faults, kinds: spec.nemeses };
  const plan = drawFaultPlan(shape, Random.stream(seed, "faults"));
  return runUnderFaults({
    simulation,
    history,
    plan,
    loadUs,
    onFault: (fault) => fault.kind === "crash" && history.onCrash(fault.nodes),
    begin() {
      for (let i = 0; i < spec.clients; i++) new TabletClient(i, simulation, history, spec, seed).go();
      const operator = { ...spec, keyOf, fromUs: calmUs / 2, toUs: loadUs };
      if (spec.actEveryUs > 0) operate(simulation, operator, Random.stream(seed, "operator"));
    },
    end() {
      if (!simulation.settle(60 * second)) history.report("not-at-rest", "tablets were still busy 60 s after the heal");
      finish(simulation, history, spec);
    },
    judge: () => history.judge(),
  });
}

function deploymentOf(
  spec: TabletScenarioSpec,
  nodes: number,
  balance: TabletRules | undefined,
  plant?: string,
): Deployment {
  return regionalDeployment(nodes, plant, {
    time: { kind: "polled" },
    service: { kind: "tablets", log: { ...spec.log, replicas: [0, 1, 2] }, balance },
  });
}

export function keyOf(number: number): string {
  return `k${String(number).padStart(2, "0")}`;
}

/** One operation at a time; a timeout leaves the outcome unknown and the client goes on. */
class TabletClient {
  private readonly id: number;
  private readonly simulation: SimulatedBackend;
  private readonly history: TabletHistory;
  private readonly random: Random;
  private readonly keys: number;
  private operation = 0;
  /** Values this client last saw. */
  private readonly seen = new Map<string, string | null>();

  constructor(
    id: number,
    simulation: SimulatedBackend,
    history: TabletHistory,
    { keys }: TabletScenarioSpec,
    seed: number,
  ) {
    this.id = id;
    this.simulation = simulation;
    this.history = history;
    this.random = Random.stream(seed, "client", id);
    this.keys = keys;
  }

  go(): void {
    const { random, simulation } = this;
    if (simulation.now > loadUs) return;
    const proceed = withPatience(simulation, patienceUs, () =>
      simulation.at(simulation.now + random.below(25 * millisecond), () => this.go()),
    );
    this.ask(this.draw(keyOf(random.below(this.keys))), proceed);
  }

  private draw(key: string): RegisterInput {
    const { random } = this;
    const value = `${this.id}.${++this.operation}`;
    const kind = random.below(20);
    if (kind < 8) return { kind: "read", key };
    if (kind < 16) return { kind: "write", key, value };
    return { kind: "cas", key, expected: this.seen.get(key) ?? null, value };
  }

  private ask(input: RegisterInput, proceed: () => void): void {
    const { history, id: client, random, simulation } = this;
    const invokedAt = simulation.now;
    const entry = random.chance(0.3) ? random.below(simulation.nodes) : -1;
    let known = false;
    // An answer may never come, and then the operation may have happened all the same.
    history.atEnd(() => {
      if (!known) history.record({ client, invokedAt, completedAt: Infinity, input });
    });
    simulation.request(entry, requestOf(input), (answer) => {
      const output = outputOf(answer, input);
      if (answer.kind !== "unknown") known = true;
      if (output !== undefined) {
        history.record({ client, invokedAt, completedAt: simulation.now, input, output });
        if (output.kind === "value") this.seen.set(input.key, output.value as string | null);
        else if (input.kind !== "read" && (output.kind === "written" || output.swapped)) {
          this.seen.set(input.key, input.value as string);
        }
      }
      proceed();
    });
  }
}

function requestOf(input: RegisterInput) {
  const { key } = input;
  switch (input.kind) {
    case "read":
      return { kind: "row-get", key } as const;
    case "write":
      return { kind: "row-put", key, value: String(input.value) } as const;
    case "cas":
      return {
        kind: "row-swap",
        key,
        expected: input.expected === null ? null : String(input.expected),
        value: String(input.value),
      } as const;
  }
}

/** Undefined when the outcome is unknown, or when it was refused and so did not happen. */
function outputOf(answer: Answer, input: RegisterInput): RegisterOutput | undefined {
  if (answer.kind === "refused" && answer.code === "condition-failed") return { kind: "swapped", swapped: false };
  if (answer.kind !== "ok") return undefined;
  const { result } = answer;
  if (result.kind === "row") return { kind: "value", value: result.value };
  if (result.kind !== "row-written") throw new Error(`a row request was answered with ${result.kind}`);
  return input.kind === "cas" ? { kind: "swapped", swapped: true } : { kind: "written" };
}

/** After the heal: every key can be written and read, through every node, and the map has no gap and nothing under way. */
function finish(simulation: SimulatedBackend, history: TabletHistory, { keys }: TabletScenarioSpec): void {
  for (let i = 0; i < keys; i++) {
    const key = keyOf(i);
    const node = i % simulation.nodes;
    const ask = (input: RegisterInput): void => {
      const invokedAt = simulation.now;
      let answered: Answer | undefined;
      simulation.request(node, requestOf(input), (answer) => (answered = answer));
      simulation.run(simulation.now + second / 2);
      const output = answered && outputOf(answered, input);
      if (output !== undefined) history.record({ client: -1, invokedAt, completedAt: simulation.now, input, output });
      else {
        history.report(
          "no-progress",
          `a ${input.kind} of ${key} at n${node} after the heal: ${answered?.kind ?? "no answer"}`,
        );
        history.record({ client: -1, invokedAt, completedAt: Infinity, input });
      }
    };
    ask({ kind: "read", key });
    ask({ kind: "write", key, value: `end.${i}` });
    ask({ kind: "read", key });
  }
  simulation.run(simulation.now + 2 * second);
  compareReplicas(simulation, history, keys);
}

/** Whatever any replica answers from what it has applied is the same: nothing is under way. */
function compareReplicas(simulation: SimulatedBackend, history: TabletHistory, keys: number): void {
  for (let i = 0; i < keys; i++) {
    const key = keyOf(i);
    const values = new Set<string>();
    for (let node = 0; node < 3; node++) {
      simulation.request(node, { kind: "row-get", key, maxAgeUs: Infinity }, (answer) =>
        values.add(JSON.stringify(answer)),
      );
    }
    simulation.run(simulation.now + second);
    if (values.size > 1)
      history.report("divergence", `replicas differ about ${key} after the heal: ${[...values].join(" ")}`);
  }
}
