/**
 * The database under faults: clients move money between accounts in several groups, write what they read elsewhere, and read at timestamps.
 * Whatever happens, the timestamps must be an order that explains every answer and agrees with real time; money is neither made nor lost.
 */
import type { Answer, DatabaseService, Deployment, LogSpec } from "../../backend/api.ts";
import type { DatabaseRequest, VersionedValue } from "../../backend/api-database.ts";
import type { TabletRules } from "../../backend/api-tablets.ts";
import { Random } from "../../backend/kernel/random.ts";
import type { TimeSpec } from "../../backend/kernel/time-spec.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import type { Held } from "../check/external-consistency.ts";
import { DatabaseHistory, leaderName } from "./database-history.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { LeaderHunt } from "./leader-hunt.ts";
import type { HuntSpec } from "./leader-hunt.ts";
import { withPatience } from "./patience.ts";
import { regionalDeployment } from "./regional-deployment.ts";
import type { ScenarioRun } from "./scenario.ts";
import { operate } from "./tablet-operator.ts";

export interface DatabaseScenarioSpec {
  /** Each group has three replicas, led from another node than the group before. */
  readonly shapes: readonly { readonly nodes: number; readonly groups: number }[];
  readonly log: Omit<LogSpec, "replicas">;
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
  readonly accounts: number;
  readonly commitWait?: boolean;
  /** The clocks of n0 and n1 are honest, and as far apart as clocks that claim this error may nearly be. Absent: quartz and masters. */
  readonly claimedErrorUs?: Micros;
  readonly versionsKeptUs?: Micros;
  /** Whoever leads the first group is hunted down, besides; where tablets move, whoever is elected anywhere. */
  readonly hunt?: HuntSpec;
  /** Tablets split, merge and change leaders: by an operator, and in every other run by themselves too. */
  readonly moves?: { readonly actEveryUs: Micros; readonly balance?: TabletRules };
}

const loadUs = 4 * second;
/** Nothing is disturbed before: the groups are founded and leaders elected. */
const calmUs = 1_200 * millisecond;
const patienceUs = 1_500 * millisecond;

export function runDatabaseScenario(spec: DatabaseScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const draws = Random.stream(seed, "scenario");
  const { nodes, groups } = draws.pick(spec.shapes);
  const balance = spec.moves !== undefined && draws.chance(0.5) ? spec.moves.balance : undefined;
  const moves = spec.moves && { keepers: [0, 1, 2], balance };
  const history = new DatabaseHistory();
  const simulation = createSimulation(deploymentOf(spec, nodes, groups, moves, plant), seed, {
    checkEvery: 512,
    witness: history,
  });
  history.now = () => simulation.now;
  if (spec.moves !== undefined) history.watched = 0;
  const shape = { nodes, fromUs: calmUs, toUs: loadUs, count: spec.faults, kinds: spec.nemeses };
  const plan = drawFaultPlan(shape, Random.stream(seed, "faults"));
  let hunt: LeaderHunt | undefined;
  return runUnderFaults({
    simulation,
    history,
    plan,
    disturbedAtUs: spec.hunt && calmUs,
    loadUs,
    onFault: (fault) => fault.kind === "crash" && history.onCrash(fault.nodes),
    begin() {
      hunt = spec.hunt && huntLeaders(spec.hunt, simulation, history, Random.stream(seed, "hunt"));
      if (spec.moves !== undefined) {
        const { actEveryUs } = spec.moves;
        const operator = { keys: spec.accounts, keyOf: accountKey, actEveryUs, fromUs: calmUs / 2, toUs: loadUs };
        operate(simulation, operator, Random.stream(seed, "operator"));
      }
      for (let i = 0; i < spec.clients; i++) new DatabaseClient(i, simulation, history, spec, seed).go();
    },
    end() {
      if (!simulation.settle(60 * second)) {
        history.report("not-at-rest", "the database was still busy 60 s after the heal");
      }
      finish(simulation, history, spec);
    },
    judge: () => history.judge(),
    unplanned: () => hunt?.plan ?? [],
  });
}

function huntLeaders(
  spec: HuntSpec,
  simulation: SimulatedBackend,
  history: DatabaseHistory,
  random: Random,
): LeaderHunt {
  const hunt = new LeaderHunt(spec, {
    simulation,
    random,
    fromUs: calmUs,
    toUs: loadUs,
    onCrash: (nodes) => history.onCrash(nodes),
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

function deploymentOf(
  spec: DatabaseScenarioSpec,
  nodes: number,
  groups: number,
  moves: DatabaseService["moves"],
  plant?: string,
): Deployment {
  const { accounts, commitWait, log, versionsKeptUs } = spec;
  const tablets: DatabaseService["tablets"] = Array.from({ length: groups }, (_, i) => ({
    from: i === 0 ? "" : accountKey(Math.round((i * accounts) / groups)),
    replicas: [0, 1, 2].map((k) => (i + k) % nodes),
  }));
  return regionalDeployment(nodes, plant, {
    time: timeOf(spec),
    service: { kind: "database", log, tablets, commitWait, versionsKeptUs, moves },
  });
}

function timeOf({ claimedErrorUs: errorUs }: DatabaseScenarioSpec): TimeSpec {
  // Quartz and masters as Spanner's, polled more often, so that bounds saw within a run.
  if (errorUs === undefined) return { kind: "polled", pollUs: 3 * second, driftBoundPpm: 2_000 };
  const disturbed = [1, -1].map((sign, node) => ({ nodes: [node], stepUs: sign * errorUs * 0.9, driftPpm: 0 }));
  return { kind: "fixed", errorUs, disturbed };
}

function accountKey(account: number): string {
  return `a${String(account).padStart(2, "0")}`;
}

/** One operation at a time; a timeout leaves the outcome unknown and the client goes on. */
class DatabaseClient {
  private readonly id: number;
  private readonly simulation: SimulatedBackend;
  private readonly history: DatabaseHistory;
  private readonly random: Random;
  private readonly accounts: number;
  private operation = 0;

  constructor(
    id: number,
    simulation: SimulatedBackend,
    history: DatabaseHistory,
    { accounts }: DatabaseScenarioSpec,
    seed: number,
  ) {
    this.id = id;
    this.simulation = simulation;
    this.history = history;
    this.random = Random.stream(seed, "client", id);
    this.accounts = accounts;
  }

  go(): void {
    const { random, simulation, history } = this;
    if (simulation.now > loadUs) return;
    const proceed = withPatience(simulation, patienceUs, () =>
      simulation.at(simulation.now + random.below(60 * millisecond), () => this.go()),
    );
    const invokedAt = simulation.now;
    const name = `${this.id}.${++this.operation}`;
    const request = this.draw();
    const entry = random.chance(0.2) ? random.below(simulation.nodes) : -1;
    simulation.request(entry, request, (answer) => {
      record(history, name, request, answer, invokedAt, simulation.now);
      proceed();
    });
  }

  private draw(): DatabaseRequest {
    const { random } = this;
    const [a, b, c] = random.shuffle(Array.from({ length: this.accounts }, (_, i) => accountKey(i)));
    const amount = 1 + random.below(9);
    const timeoutUs = patienceUs;
    const kind = random.below(20);
    if (kind < 7) return transfer(a, b, amount);
    // What is written follows from what was read elsewhere: two of these would not see each other's write, without locks on what is read.
    if (kind < 10)
      return { kind: "transact", reads: [a, b, c], writes: [{ kind: "add", key: c, delta: 0 }], timeoutUs };
    if (kind < 12) return { kind: "transact", reads: [a], writes: [{ kind: "add", key: a, delta: 0 }], timeoutUs };
    if (kind < 16) return { kind: "snapshot-read", keys: [a, b, c], at: { kind: "strong" }, timeoutUs };
    if (kind < 17) return { kind: "transact", reads: [a, b], writes: [], timeoutUs };
    const us = random.below(500) * millisecond;
    if (kind < 19) return { kind: "snapshot-read", keys: [a, b, c], at: { kind: "max-staleness", us }, timeoutUs };
    const timestamp = Math.max(0, this.simulation.now - us);
    return { kind: "snapshot-read", keys: [a, b, c], at: { kind: "exact", timestamp }, timeoutUs };
  }
}

function transfer(from: string, to: string, amount: number): DatabaseRequest {
  return {
    kind: "transact",
    reads: [from, to],
    writes: [
      { kind: "add", key: from, delta: -amount },
      { kind: "add", key: to, delta: amount },
    ],
    timeoutUs: patienceUs,
  };
}

function record(
  history: DatabaseHistory,
  name: string,
  request: DatabaseRequest,
  answer: Answer,
  invokedAt: Micros,
  completedAt: Micros,
): void {
  if (answer.kind !== "ok") return;
  const { result } = answer;
  if (result.kind !== "transacted" && result.kind !== "snapshot") throw new Error(`${request.kind}: ${result.kind}`);
  const { timestamp } = result;
  const reads = result.values.map(({ key, value }) => [key, value] as const);
  const common = { name, invokedAt, completedAt, timestamp, reads };
  if (request.kind === "snapshot-read") {
    const kind = request.at.kind === "strong" ? "read-only" : "snapshot";
    history.onTransaction({ ...common, kind, leader: "", writes: [] });
  } else if (result.kind === "transacted") {
    const kind = request.writes.length > 0 ? "read-write" : "read-only";
    history.onTransaction({
      ...common,
      kind,
      leader: leaderName(result.group),
      writes: written(request, result.values),
    });
  }
}

function written(
  { writes }: Extract<DatabaseRequest, { kind: "transact" }>,
  before: readonly VersionedValue[],
): (readonly [string, Held])[] {
  const held = new Map(before.map(({ key, value }) => [key, value]));
  return writes.map((write) => {
    if (write.kind === "add") return [write.key, ((held.get(write.key) as number | null) ?? 0) + write.delta];
    return [write.key, write.kind === "set" ? write.value : null];
  });
}

/** After the heal: every node moves money and reads all accounts; the sum is what it was, and replicas have the same past. */
function finish(simulation: SimulatedBackend, history: DatabaseHistory, { accounts }: DatabaseScenarioSpec): void {
  const keys = Array.from({ length: accounts }, (_, i) => accountKey(i));
  const ask = (node: NodeId, name: string, request: DatabaseRequest): readonly VersionedValue[] | undefined => {
    const invokedAt = simulation.now;
    let answered: Answer | undefined;
    let completedAt = 0;
    simulation.request(node, request, (answer) => {
      answered = answer;
      completedAt = simulation.now;
    });
    simulation.run(simulation.now + 2 * second);
    if (answered?.kind !== "ok" || !("values" in answered.result)) {
      history.report("no-progress", `${name} at n${node} after the heal: ${JSON.stringify(answered)}`);
      return undefined;
    }
    record(history, name, request, answered, invokedAt, completedAt);
    return answered.result.values as readonly VersionedValue[];
  };
  for (let node = 0; node < simulation.nodes; node++) {
    ask(node, `end.${node}`, transfer(keys[node % accounts], keys[(node + 1) % accounts], 1));
    sum(history, ask(node, `all.${node}`, { kind: "snapshot-read", keys, at: { kind: "strong" } }), node);
  }
  const timestamp = simulation.now - second;
  const states = new Map<string, NodeId[]>();
  for (let node = 0; node < simulation.nodes; node++) {
    const values = ask(node, `past.${node}`, { kind: "snapshot-read", keys, at: { kind: "exact", timestamp } });
    const state = JSON.stringify(values);
    states.set(state, [...(states.get(state) ?? []), node]);
  }
  if (states.size > 1) {
    const held = [...states].map(([state, at]) => `n${at.join(" n")}: ${state}`).join("; ");
    history.report("divergence", `replicas differ as of ${timestamp}: ${held}`);
  }
}

function sum(history: DatabaseHistory, values: readonly VersionedValue[] | undefined, node: NodeId): void {
  if (values === undefined) return;
  const total = values.reduce((before, { value }) => before + ((value as number | null) ?? 0), 0);
  if (total !== 0) history.report("money", `the accounts sum to ${total} as n${node} reads them; expected 0`);
}
