/**
 * Members that watch each other under faults, while clients add values to keys on their ring. When all is healed every member must believe the
 * same and hold everybody for alive; and then one crashes, which every other one must notice in a bounded time.
 */
import type { Deployment } from "../../backend/api.ts";
import type { LifeguardParts } from "../../backend/api-members.ts";
import type { FaultPlan } from "../../backend/kernel/fault.ts";
import { Random } from "../../backend/kernel/random.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { MembersHistory } from "./members-history.ts";
import { withPatience } from "./patience.ts";
import { regionalDeployment } from "./regional-deployment.ts";
import type { Scenario, ScenarioRun } from "./scenario.ts";

interface MembersScenarioSpec {
  readonly nodes: readonly number[];
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
  readonly keys: number;
}

const loadUs = 6 * second;
const calmUs = second;
const patienceUs = second;
const periodUs = 100 * millisecond;
const suspicionUs = 500 * millisecond;
/** Lifeguard: a suspicion that too few confirm. */
const longestSuspicionUs = 6 * suspicionUs;

const members: MembersScenarioSpec = {
  nodes: [4, 5, 7],
  nemeses: ["crash", "partition", "pause", "slow", "link", "clock", "disk"],
  faults: 8,
  clients: 4,
  keys: 20,
};

export const membersScenarios: readonly Scenario[] = [
  {
    name: "members",
    promise: "members agree on who is there once all is healed, bury nobody without a cause, and miss no crash",
    catches: ["suspicion-without-incarnation", "raises-others-incarnation", "forward-without-checksum"],
    tolerates: [],
    run: (seed, plant) => runMembersScenario(members, seed, plant),
  },
];

function runMembersScenario(spec: MembersScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const draws = Random.stream(seed, "scenario");
  const nodes = draws.pick(spec.nodes);
  const history = new MembersHistory(nodes);
  const simulation = createSimulation(deploymentOf(nodes, draws, plant), seed, { checkEvery: 512, witness: history });
  const shape = { nodes, fromUs: calmUs, toUs: loadUs, count: spec.faults, kinds: spec.nemeses };
  const plan = drawFaultPlan(shape, Random.stream(seed, "faults"));
  history.gentle = isGentle(plan);
  return runUnderFaults({
    simulation,
    history,
    plan,
    loadUs: loadUs + second,
    onFault(fault) {
      if (fault.kind === "crash") history.onCrash(fault.nodes);
      if (fault.kind === "restart") history.onRestart(fault.nodes);
    },
    begin() {
      for (let i = 0; i < spec.clients; i++) work(i, simulation, history, spec, Random.stream(seed, "client", i));
    },
    end() {
      history.onRestart(everyNode(nodes));
      if (!simulation.settle(60 * second)) history.report("not-at-rest", "members still had news 60 s after the heal");
      history.gentle = true;
      mustAgree(simulation, history);
      mustNotice(simulation, history, draws.below(nodes));
    },
  });
}

function deploymentOf(nodes: number, draws: Random, plant?: string): Deployment {
  const all: LifeguardParts = { health: true, suspicion: true, buddies: true };
  const lifeguard = draws.chance(0.5) ? all : undefined;
  const targets = draws.chance(0.2) ? "random" : "round-robin";
  const seeds = draws.chance(0.3) ? [0, 1] : undefined;
  return regionalDeployment(nodes, plant, {
    service: {
      kind: "members",
      detector: {
        kind: "swim",
        periodUs,
        timeoutUs: 20 * millisecond,
        suspicionUs,
        targets,
        ...(lifeguard && { lifeguard }),
        ...(seeds && { seeds }),
      },
    },
  });
}

/** Crashes, clocks and copies take no message from anybody. */
function isGentle(plan: FaultPlan): boolean {
  return plan.every(({ fault: { kind } }) => ["crash", "restart", "clock", "duplicate", "heal"].includes(kind));
}

/** One operation at a time. */
function work(
  id: number,
  simulation: SimulatedBackend,
  history: MembersHistory,
  spec: MembersScenarioSpec,
  random: Random,
): void {
  let operation = 0;
  const go = (): void => {
    if (simulation.now > loadUs + second) return;
    const proceed = withPatience(simulation, patienceUs, () =>
      simulation.at(simulation.now + random.below(60 * millisecond), go),
    );
    const request = { kind: "ring-add", key: `k${random.below(spec.keys)}`, value: `${id}.${++operation}` } as const;
    simulation.request(random.below(simulation.nodes), request, (answer) => {
      if (answer.kind === "ok") history.acknowledged++;
      proceed();
    });
  };
  go();
}

interface View {
  readonly checksum: number;
  readonly standings: readonly string[];
}

function viewOf(simulation: SimulatedBackend, node: NodeId): View | undefined {
  let view: View | undefined;
  simulation.request(node, { kind: "members-list" }, (answer) => {
    if (answer.kind !== "ok" || answer.result.kind !== "members") return;
    const { checksum, members } = answer.result;
    view = { checksum, standings: members.map(({ standing }) => standing) };
  });
  simulation.run(simulation.now + 20 * millisecond);
  return view;
}

/** Within a time in which every member has pinged every other several times, and reached out to whom it held for dead. */
function mustAgree(simulation: SimulatedBackend, history: MembersHistory): void {
  const untilUs = simulation.now + 60 * second;
  const nodes = everyNode(simulation.nodes);
  let said = "";
  while (simulation.now < untilUs) {
    const views = nodes.map((node) => viewOf(simulation, node));
    const [first] = views;
    const alike = views.every((view) => view !== undefined && view.checksum === first?.checksum);
    const alive = views.every((view) => view?.standings.filter((each) => each === "alive").length === nodes.length);
    if (alike && alive) return;
    said = views.map((view, node) => `n${node}: ${view?.checksum} ${view?.standings.join(" ")}`).join("; ");
    simulation.run(simulation.now + second);
  }
  history.report("divergence", `members differ, or hold somebody for dead, 60 s after the heal: ${said}`);
}

function mustNotice(simulation: SimulatedBackend, history: MembersHistory, victim: NodeId): void {
  const n = simulation.nodes;
  history.onCrash([victim]);
  simulation.inject({ kind: "crash", nodes: [victim] });
  const boundUs: Micros = longestSuspicionUs + Math.ceil(2 * n - 1 + 3 * Math.log(n) + 2) * periodUs;
  simulation.run(simulation.now + boundUs);
  for (const node of everyNode(n)) {
    const standing = node === victim ? "dead" : viewOf(simulation, node)?.standings[victim];
    if (standing !== "dead") {
      history.report("undetected", `n${node} holds n${victim} for ${standing}, ${boundUs} us after it crashed`);
    }
  }
  history.onRestart([victim]);
  simulation.inject({ kind: "restart", nodes: [victim] });
  mustAgree(simulation, history);
}

function everyNode(nodes: number): NodeId[] {
  return Array.from({ length: nodes }, (_, i) => i);
}
