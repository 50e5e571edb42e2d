/**
 * The scenarios of the quorum store: clients write and read a few records, and after the heal every node must answer alike. What is
 * written, and what a read must show, differs from one to the next.
 */
import type { Answer, Deployment, Item, MergeRule, Replication } from "../../backend/api.ts";
import { Random } from "../../backend/kernel/random.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { regionalDeployment } from "./regional-deployment.ts";
import type { ScenarioHistory } from "./scenario-history.ts";
import type { ScenarioRun } from "./scenario.ts";

export interface StoreScenarioSpec {
  readonly nodes: readonly number[];
  readonly replication: Replication;
  readonly merge: MergeRule;
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
  readonly records: number;
  /** Disks may be wiped: what was lost, and replicas that differ for it, are counted and are no violation. */
  readonly mayLose?: boolean;
}

export const loadUs = 5 * second;
const clientTimeoutUs = 1_500 * millisecond;
const tableName = "lines";
/** What a scenario adds to the shared run. */
export interface Play<H extends ScenarioHistory> {
  readonly history: H;
  readonly client: (id: number, simulation: SimulatedBackend) => ScenarioClient;
  /** Checks one final answer; the reads of one record by all nodes began together at `begunAt`. */
  readonly onFinalRead: (record: number, answer: ItemAnswer, begunAt: Micros, at: Micros) => void;
}

export type ItemAnswer = Extract<Extract<Answer, { kind: "ok" }>["result"], { kind: "item" }>;

export function play<H extends ScenarioHistory>(
  spec: StoreScenarioSpec,
  seed: number,
  plant: string | undefined,
  { history, client, onFinalRead }: Play<H>,
): ScenarioRun {
  const nodes = Random.stream(seed, "scenario").pick(spec.nodes);
  const simulation = createSimulation(deploymentOf(spec, nodes, plant), seed, { checkEvery: 512 });
  const plan = drawFaultPlan(
    { nodes, fromUs: second / 2, toUs: loadUs, count: spec.faults, kinds: spec.nemeses },
    Random.stream(seed, "faults"),
  );
  return runUnderFaults({
    simulation,
    history,
    plan,
    loadUs,
    begin() {
      for (let i = 0; i < spec.clients; i++) client(i, simulation).go();
    },
    end() {
      // What is owed to a node that stays down for good is owed for good: the others are given a while and never come to rest.
      const broken = simulation.broken.length > 0;
      if (!simulation.settle(broken ? 5 * second : 60 * second) && !broken) {
        history.report("not-at-rest", "replicas were still busy 60 s after the heal");
      }
      readEverything(spec, simulation, history, onFinalRead);
    },
  });
}

function deploymentOf(spec: StoreScenarioSpec, nodes: number, plant?: string): Deployment {
  return regionalDeployment(nodes, plant, {
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
  });
}

/** One operation at a time; a timeout leaves the outcome unknown and the client goes on. */
export abstract class ScenarioClient {
  protected readonly id: number;
  protected readonly simulation: SimulatedBackend;
  protected readonly random: Random;
  private readonly records: number;
  private operation = 0;

  constructor(id: number, simulation: SimulatedBackend, records: number, seed: number) {
    this.id = id;
    this.simulation = simulation;
    this.records = records;
    this.random = Random.stream(seed, "client", id);
  }

  go(): void {
    const name = `${this.id}-${++this.operation}`;
    const record = this.random.below(this.records);
    const entry = this.random.chance(0.2) ? this.random.below(this.simulation.nodes) : -1;
    const begunAt = this.simulation.now;
    let open = true;
    const proceed = (): void => {
      if (open) this.simulation.at(this.simulation.now + this.random.below(80 * millisecond), () => this.go());
      open = false;
    };
    this.simulation.at(begunAt + clientTimeoutUs, proceed);
    if (begunAt > loadUs) return;
    if (this.random.chance(0.5)) {
      this.simulation.request(entry, getRequest(record, true), (answer) => {
        const read = itemOf(answer);
        if (read !== null && open) this.onRead(record, read, begunAt);
        proceed();
      });
    } else {
      this.write(record, entry, name, proceed);
    }
  }

  protected abstract onRead(record: number, read: ItemAnswer, begunAt: Micros): void;
  protected abstract write(record: number, entry: NodeId, name: string, proceed: () => void): void;
}

/**
 * First every node is asked for what it would answer alone, and they must agree: a quorum read would repair what it looks at. Then
 * every node reads by quorum. Where a disk is gone for good, only the second is promised.
 */
function readEverything(
  spec: StoreScenarioSpec,
  simulation: SimulatedBackend,
  history: ScenarioHistory,
  onFinalRead: Play<ScenarioHistory>["onFinalRead"],
): void {
  const alive = Array.from({ length: simulation.nodes }, (_, i) => i).filter((i) => !simulation.broken.includes(i));
  const agree = spec.mayLose !== true && simulation.broken.length === 0;
  for (const consistent of agree ? [false, true] : [true]) {
    for (let record = 0; record < spec.records; record++) {
      const begunAt = simulation.now;
      const contexts = new Map<number, string>();
      for (const node of alive) {
        simulation.request(node, getRequest(record, consistent), (answer) => {
          const read = itemOf(answer);
          if (read === null) {
            history.report("no-progress", `node ${node} cannot read record ${record} after the heal: ${answer.kind}`);
            return;
          }
          onFinalRead(record, read, begunAt, simulation.now);
          contexts.set(node, read.context);
        });
      }
      simulation.run(simulation.now + 2 * second);
      if (agree && new Set(contexts.values()).size > 1) {
        const held = [...contexts].map(([node, context]) => `n${node} has {${context}}`).join(", ");
        history.report("divergence", `record ${record} differs after the heal: ${held}`);
      }
    }
  }
}

export function putRequest(record: number, item: Item, context?: string) {
  return { kind: "put", table: tableName, item: { id: { S: `r${record}` }, ...item }, context } as const;
}

export function deleteRequest(record: number, context?: string) {
  return { kind: "delete", table: tableName, key: { id: { S: `r${record}` } }, context } as const;
}

function getRequest(record: number, consistent: boolean) {
  return { kind: "get", table: tableName, key: { id: { S: `r${record}` } }, consistent } as const;
}

function itemOf(answer: Answer): ItemAnswer | null {
  return answer.kind === "ok" && answer.result.kind === "item" ? answer.result : null;
}
