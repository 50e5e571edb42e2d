/**
 * The quorum store under faults, in one run of virtual time:
 *
 *     |-- warm up --|-- faults and load --|-- heal, settle --|-- read everything from every node --|
 *                          safety                liveness                 convergence
 *
 * A few clients work on a few records, each either reading or adding a line to what it read last, with the context of that read,
 * so stale contexts, siblings and concurrent coordinators are the rule and not the exception.
 */
import type { Answer, Deployment, Item, MergeRule, Replication } from "../../backend/api.ts";
import { Random } from "../../backend/kernel/random.ts";
import { cloudDelays, oneRegion } from "../../backend/kernel/topology.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { LineHistory } from "./line-history.ts";
import type { ScenarioRun } from "./scenario.ts";

export interface QuorumScenarioSpec {
  readonly nodes: readonly number[];
  readonly replication: Replication;
  readonly merge: MergeRule;
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
  readonly records: number;
}

const loadUs = 5 * second;
const clientTimeoutUs = 1_500 * millisecond;
const tableName = "lines";

/** What a client remembers of a record: what it read last, and with which context. */
interface Seen {
  lines: Item;
  context: string;
}

export function runQuorumScenario(spec: QuorumScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const random = Random.stream(seed, "scenario");
  const nodes = random.pick(spec.nodes);
  const simulation = createSimulation(deploymentOf(spec, nodes, plant), seed, { checkEvery: 512 });
  const history = new LineHistory(spec.records, spec.replication.sloppy);
  const plan = drawFaultPlan(
    { nodes, fromUs: second / 2, toUs: loadUs - second / 2, count: spec.faults, kinds: spec.nemeses },
    Random.stream(seed, "faults"),
  );
  for (const { atUs, fault } of plan) simulation.at(atUs, () => simulation.inject(fault));
  for (let i = 0; i < spec.clients; i++) new Client(i, simulation, history, spec.records, seed).go();
  try {
    simulation.run(loadUs);
    if (!simulation.settle(60 * second)) history.report("not-at-rest", "replicas were still busy 60 s after the heal");
    readEverything(simulation, history, spec.records, nodes);
  } catch (error) {
    history.report("invariant", error instanceof Error ? error.message : String(error));
  }
  if (history.acknowledged < 20)
    history.report("no-progress", `${history.acknowledged} writes acknowledged, 20 expected`);
  return {
    violations: history.violations,
    events: simulation.events,
    virtualUs: simulation.now,
    acknowledged: history.acknowledged,
    reads: history.reads,
    staleReads: history.staleReads,
    digest: simulation.digest(),
    plan,
  };
}

function deploymentOf(spec: QuorumScenarioSpec, nodes: number, plant?: string): Deployment {
  return {
    topology: oneRegion(nodes, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    plant,
    service: {
      kind: "tables",
      virtualNodes: 16,
      quorumTimeoutUs: second,
      tables: [
        {
          name: tableName,
          hashKey: { name: "id", type: "S" },
          merge: spec.merge,
          replication: nodes === 1 ? { n: 1, r: 1, w: 1, sloppy: false } : spec.replication,
          capacity: { kind: "unlimited" },
          partitions: 8,
        },
      ],
    },
  };
}

/** One operation at a time, reading or adding a line; a timeout leaves the outcome unknown and the client goes on. */
class Client {
  private readonly id: number;
  private readonly simulation: SimulatedBackend;
  private readonly history: LineHistory;
  private readonly random: Random;
  private readonly seen: Seen[];
  private operation = 0;

  constructor(id: number, simulation: SimulatedBackend, history: LineHistory, records: number, seed: number) {
    this.id = id;
    this.simulation = simulation;
    this.history = history;
    this.random = Random.stream(seed, "client", id);
    this.seen = Array.from({ length: records }, () => ({ lines: {}, context: "" }));
  }

  go(): void {
    const operation = ++this.operation;
    const record = this.random.below(this.seen.length);
    const entry = this.random.chance(0.2) ? this.random.below(this.simulation.nodes) : -1;
    const begunAt = this.simulation.now;
    let open = true;
    const proceed = (): void => {
      if (open) this.simulation.at(this.simulation.now + this.random.below(80 * millisecond), () => this.go());
      open = false;
    };
    this.simulation.at(begunAt + clientTimeoutUs, proceed);
    if (begunAt > loadUs) return;
    if (this.random.chance(0.5)) this.read(record, entry, begunAt, () => open, proceed);
    else this.write(record, entry, `${this.id}-${operation}`, proceed);
  }

  private read(record: number, entry: number, begunAt: Micros, open: () => boolean, proceed: () => void): void {
    this.simulation.request(entry, getRequest(record, true), (answer) => {
      const { item, context } = itemOf(answer) ?? {};
      if (context !== undefined && open()) {
        const lines = item?.lines?.M ?? {};
        this.history.onRead(record, new Set(Object.keys(lines)), begunAt, this.simulation.now, false);
        this.seen[record] = { lines, context };
      }
      proceed();
    });
  }

  private write(record: number, entry: number, line: string, proceed: () => void): void {
    const { lines, context } = this.seen[record];
    const next: Item = { ...lines, [line]: { N: "1" } };
    this.history.onWrite(record, line);
    const item: Item = { id: { S: `r${record}` }, lines: { M: next } };
    this.simulation.request(entry, { kind: "put", table: tableName, item, context }, (answer) => {
      if (answer.kind === "ok") this.history.onWritten(record, line, this.simulation.now);
      proceed();
    });
  }
}

/**
 * First every node is asked for what it would answer alone, and they must agree: a quorum read would repair what it looks at. Then
 * every node reads by quorum and must return every acknowledged line.
 */
function readEverything(simulation: SimulatedBackend, history: LineHistory, records: number, nodes: number): void {
  for (const consistent of [false, true]) {
    for (let record = 0; record < records; record++) {
      const begunAt = simulation.now;
      const contexts = new Map<number, string>();
      for (let node = 0; node < nodes; node++) {
        simulation.request(node, getRequest(record, consistent), (answer) => {
          const { item, context } = itemOf(answer) ?? {};
          if (context === undefined) {
            history.report("no-progress", `node ${node} cannot read record ${record} after the heal: ${answer.kind}`);
            return;
          }
          history.onRead(record, new Set(Object.keys(item?.lines?.M ?? {})), begunAt, simulation.now, true);
          contexts.set(node, context);
        });
      }
      simulation.run(simulation.now + 2 * second);
      if (new Set(contexts.values()).size > 1) {
        const held = [...contexts].map(([node, context]) => `n${node} has {${context}}`).join(", ");
        history.report("divergence", `record ${record} differs after the heal: ${held}`);
      }
    }
  }
}

function getRequest(record: number, consistent: boolean) {
  return { kind: "get", table: tableName, key: { id: { S: `r${record}` } }, consistent } as const;
}

function itemOf(answer: Answer): { item: Item | null; context: string } | null {
  return answer.kind === "ok" && answer.result.kind === "item" ? answer.result : null;
}
