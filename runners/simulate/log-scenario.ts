/**
 * The replicated log under faults: clients put, read, compare and swap, and delete a few keys; operators move replicas and leadership about.
 * In the end every replica must have the same state, every answer must fit one order, and whatever was wiped must vote again.
 */
import type { Answer, Deployment, LogSpec } from "../../backend/api.ts";
import { Random } from "../../backend/kernel/random.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import type { KeyValueInput, KeyValueOutput } from "../check/models.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { LeaderHunt } from "./leader-hunt.ts";
import type { HuntSpec } from "./leader-hunt.ts";
import { LogHistory } from "./log-history.ts";
import { withPatience } from "./patience.ts";
import { regionalDeployment } from "./regional-deployment.ts";
import type { ScenarioRun } from "./scenario.ts";

export interface LogScenarioSpec {
  /** Nodes of the cluster, and how many of them are replicas at first. */
  readonly shapes: readonly { readonly nodes: number; readonly replicas: number }[];
  readonly log: Omit<LogSpec, "replicas">;
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
  readonly keys: number;
  /** Replicas and leadership move about meanwhile. */
  readonly moves?: boolean;
  /** Whoever leads is hunted down, besides. */
  readonly hunt?: HuntSpec;
}

const loadUs = 6 * second;
/** Nothing is disturbed before: the group is founded and a leader elected. */
const calmUs = 1_500 * millisecond;
const patienceUs = 1_500 * millisecond;
/** A stale read may be this old. */
const maxAgeUs = 700 * millisecond;

export function runLogScenario(spec: LogScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const draws = Random.stream(seed, "scenario");
  const { nodes, replicas } = draws.pick(spec.shapes);
  const history = new LogHistory();
  const simulation = createSimulation(deploymentOf(spec, nodes, replicas, plant), seed, {
    checkEvery: 512,
    witness: history,
  });
  history.now = () => simulation.now;
  if (spec.moves !== true && spec.log.heartbeatUs !== undefined) history.restlessUs = 2 * spec.log.heartbeatUs;
  const shape = { nodes, fromUs: calmUs, toUs: loadUs, count: spec.faults, kinds: spec.nemeses };
  const plan = drawFaultPlan(shape, Random.stream(seed, "faults"));
  let hunt: LeaderHunt | undefined;
  return runUnderFaults({
    simulation,
    history,
    plan,
    disturbedAtUs: spec.hunt && calmUs,
    loadUs,
    onFault: (fault) => fault.kind === "crash" && history.onCrash(fault.nodes, fault.wipe === true),
    begin() {
      hunt = spec.hunt && huntLeaders(spec.hunt, simulation, history, Random.stream(seed, "hunt"));
      for (let i = 0; i < spec.clients; i++) new LogClient(i, simulation, history, spec, seed).go();
      if (spec.moves === true) moveAbout(simulation, nodes, replicas, Random.stream(seed, "moves"));
    },
    end() {
      if (!simulation.settle(60 * second)) history.report("not-at-rest", "the log was still busy 60 s after the heal");
      finish(simulation, history, spec);
    },
    judge: () => history.judge(),
    unplanned: () => hunt?.plan ?? [],
  });
}

function huntLeaders(spec: HuntSpec, simulation: SimulatedBackend, history: LogHistory, random: Random): LeaderHunt {
  const hunt = new LeaderHunt(spec, {
    simulation,
    random,
    fromUs: calmUs,
    // What is left must show that there is still a log.
    toUs: loadUs - second,
    onCrash: (nodes, wiped) => history.onCrash(nodes, wiped),
  });
  history.onElected = (leader) => hunt.onElected(leader);
  const lookAgain = (): void => {
    if (simulation.now > loadUs) return;
    hunt.onTime(history.leader);
    simulation.at(simulation.now + 100 * millisecond, lookAgain);
  };
  simulation.at(calmUs, lookAgain);
  return hunt;
}

function deploymentOf(spec: LogScenarioSpec, nodes: number, replicas: number, plant?: string): Deployment {
  return regionalDeployment(nodes, plant, {
    // Quartz and masters as Spanner's: drift within the bound costs time and no more.
    time: { kind: "polled" },
    service: { kind: "keys", log: { ...spec.log, replicas: Array.from({ length: replicas }, (_, i) => i) } },
  });
}

/** One operation at a time; a timeout leaves the outcome unknown and the client goes on. */
class LogClient {
  private readonly id: number;
  private readonly simulation: SimulatedBackend;
  private readonly history: LogHistory;
  private readonly random: Random;
  private readonly keys: number;
  private operation = 0;
  /** Mod revisions this client last saw. */
  private readonly seen = new Map<string, number>();

  constructor(id: number, simulation: SimulatedBackend, history: LogHistory, spec: LogScenarioSpec, seed: number) {
    this.id = id;
    this.simulation = simulation;
    this.history = history;
    this.random = Random.stream(seed, "client", id);
    this.keys = spec.keys;
  }

  go(): void {
    const { random, simulation } = this;
    if (simulation.now > loadUs) return;
    const proceed = withPatience(simulation, patienceUs, () =>
      simulation.at(simulation.now + random.below(60 * millisecond), () => this.go()),
    );
    const key = `k${random.below(this.keys)}`;
    if (random.chance(0.12)) this.readStale(key, proceed);
    else this.ask(this.draw(key), proceed);
  }

  private draw(key: string): KeyValueInput {
    const { random } = this;
    const value = `${this.id}.${++this.operation}`;
    const kind = random.below(20);
    if (kind < 8) return { kind: "get", key };
    if (kind < 15) return { kind: "put", key, value };
    if (kind < 18) return { kind: "put-if", key, value, expected: this.seen.get(key) ?? 0 };
    return { kind: "delete", key };
  }

  private ask(input: KeyValueInput, proceed: () => void): void {
    const { history, id: client, random, simulation } = this;
    const invokedAt = simulation.now;
    const entry = random.chance(0.2) ? random.below(simulation.nodes) : -1;
    let known = false;
    // An answer may never come, and then the operation may have happened all the same.
    history.atEnd(() => {
      if (!known) history.record({ client, invokedAt, completedAt: Infinity, input });
    });
    simulation.request(entry, requestOf(input), (answer) => {
      if (answer.kind !== "unknown") known = true;
      const output = outputOf(input, answer);
      if (output !== undefined) {
        history.record({ client, invokedAt, completedAt: simulation.now, input, output });
        if ("number" in output && output.number !== undefined) this.seen.set(input.key, output.number);
      }
      proceed();
    });
  }

  private readStale(key: string, proceed: () => void): void {
    const { simulation } = this;
    const begunAt = simulation.now;
    simulation.request(-1, { kind: "key-range", key, maxAgeUs }, (answer) => {
      if (answer.kind === "ok" && answer.result.kind === "key-range") {
        this.history.onStaleRead(key, answer.result.entries[0]?.modRevision ?? 0, begunAt, maxAgeUs);
      }
      proceed();
    });
  }
}

function requestOf(input: KeyValueInput) {
  const { key } = input;
  switch (input.kind) {
    case "get":
      return { kind: "key-range", key } as const;
    case "put":
      return { kind: "key-put", key, value: String(input.value) } as const;
    case "delete":
      return { kind: "key-delete-range", key } as const;
    case "put-if":
      return {
        kind: "key-txn",
        compare: [{ key, target: "mod", operator: "=", operand: input.expected }],
        success: [{ kind: "put", key, value: String(input.value) }],
        failure: [],
      } as const;
  }
}

/** Undefined when the outcome is unknown, or when it was refused and so did not happen. */
function outputOf(input: KeyValueInput, answer: Answer): KeyValueOutput | undefined {
  if (answer.kind !== "ok") return undefined;
  const { result } = answer;
  switch (result.kind) {
    case "key-range": {
      const [entry] = result.entries;
      return entry === undefined
        ? { kind: "absent" }
        : { kind: "found", value: entry.value, number: entry.modRevision };
    }
    case "key-put":
      return { kind: "put", number: result.revision };
    case "key-deleted":
      return result.deleted > 0
        ? { kind: "deleted", existed: true, number: result.revision }
        : { kind: "deleted", existed: false };
    case "key-txn":
      return result.succeeded ? { kind: "put", number: result.revision } : { kind: "refused" };
    default:
      throw new Error(`${input.kind} was answered with ${result.kind}`);
  }
}

/** An operator who moves replicas to other nodes and leadership to other replicas, at random. */
function moveAbout(simulation: SimulatedBackend, nodes: number, replicas: number, random: Random): void {
  let at: Micros = calmUs;
  for (;;) {
    at += random.between(300, 1_500) * millisecond;
    if (at > loadUs) return;
    const order = random.shuffle(Array.from({ length: nodes }, (_, i) => i));
    const place = random.chance(0.5);
    simulation.at(at, () => {
      const request = place
        ? ({ kind: "log-place", nodes: order.slice(0, replicas) } as const)
        : ({ kind: "log-hand-over", to: order[0] } as const);
      simulation.request(-1, request, () => undefined);
    });
  }
}

/** After the heal: every node takes a write, and every replica has the same state. */
function finish(simulation: SimulatedBackend, history: LogHistory, spec: LogScenarioSpec): void {
  const everyNode = Array.from({ length: simulation.nodes }, (_, i) => i);
  for (const node of everyNode) {
    const input = { kind: "put", key: `k${node % spec.keys}`, value: `end.${node}` } as const;
    const invokedAt = simulation.now;
    let answered: Answer | undefined;
    simulation.request(node, requestOf(input), (answer) => (answered = answer));
    simulation.run(simulation.now + 2 * second);
    const output = answered && outputOf(input, answered);
    if (output === undefined) {
      history.report("no-progress", `a write at n${node} after the heal: ${answered?.kind ?? "no answer"}`);
      history.record({ client: -1, invokedAt, completedAt: Infinity, input });
    } else {
      history.record({ client: -1, invokedAt, completedAt: simulation.now, input, output });
    }
  }
  simulation.run(simulation.now + 2 * second);
  const states = new Map<string, number[]>();
  for (const node of everyNode) {
    simulation.request(node, { kind: "key-range", key: "\0", end: "\0", serializable: true }, (answer) => {
      const state = JSON.stringify(answer);
      states.set(state, [...(states.get(state) ?? []), node]);
    });
  }
  simulation.run(simulation.now + second);
  if (states.size > 1) {
    const held = [...states].map(([state, at]) => `n${at.join(" n")}: ${state}`).join("; ");
    history.report("divergence", `replicas differ after the heal: ${held}`);
  }
}
