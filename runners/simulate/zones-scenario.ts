/**
 * A cache in zones under faults: clients get, load, set, delete, swap and count a few keys while nodes, links and clocks fail. In the end every node is
 * asked for every key. What must hold is the cache workload's own check: nobody ever sees a value that was not written, that has expired, or, where
 * writes wait for all zones, that was replaced; no two swaps win the same version.
 */
import type { Answer, Deployment } from "../../backend/api.ts";
import type { LatchPolicy, ZonesService } from "../../backend/api-zones.ts";
import { Random } from "../../backend/kernel/random.ts";
import { cloudDelays } from "../../backend/kernel/topology.ts";
import type { Place, Topology } from "../../backend/kernel/topology.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import { Cache, cache } from "../../workloads/cache.ts";
import type { CacheParameters } from "../../workloads/cache.ts";
import type { HistoryEntry, Session, Step } from "../../workloads/workload.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { ScenarioHistory } from "./scenario-history.ts";
import type { Scenario, ScenarioRun } from "./scenario.ts";

interface ZonesShape {
  /** Nodes of each zone. */
  readonly zones: readonly number[];
  /** Whether a node that keeps nothing stands in the first zone. */
  readonly gateway: boolean;
}

interface ZonesScenarioSpec {
  readonly shapes: readonly ZonesShape[];
  readonly latches: readonly LatchPolicy[];
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
  readonly keys: number;
}

const loadUs = 6 * second;
const patienceUs = 800 * millisecond;
const lateAfterUs = 300 * millisecond;

const zones: ZonesScenarioSpec = {
  shapes: [
    { zones: [1, 1, 1], gateway: false },
    { zones: [2, 2, 2], gateway: false },
    { zones: [1, 1, 1], gateway: true },
    { zones: [2, 1], gateway: false },
  ],
  latches: ["all", "all", "all", "quorum", "all-minus-1", "one", "none"],
  nemeses: ["crash", "wipe", "power", "partition", "pause", "slow", "link", "disk", "drift", "clock"],
  faults: 10,
  clients: 8,
  keys: 6,
};
/** Answers come twice while another zone is slow to hear of it. */
const zonesLinks: ZonesScenarioSpec = {
  ...zones,
  shapes: [
    { zones: [1, 1, 1], gateway: false },
    { zones: [1, 1, 1], gateway: true },
    { zones: [1, 1, 1, 1], gateway: false },
  ],
  latches: ["all"],
  nemeses: ["link", "partition", "pause"],
  faults: 12,
  clients: 12,
  keys: 4,
};

export const zonesScenarios: readonly Scenario[] = [
  {
    name: "zones",
    promise:
      "a cache in zones: nothing invented, expired or, where all zones have a write, replaced; one swap wins a version",
    catches: ["cas-ignored-on-replica", "acknowledged-after-first-zone"],
    tolerates: [],
    run: (seed, plant) => runZonesScenario(zones, seed, plant),
  },
  {
    name: "zones-links",
    promise:
      "writes that wait for all zones on links that lose, double and delay: what was replaced is never seen again",
    catches: ["latch-counted-twice", "copy-over-recent-write"],
    tolerates: [],
    run: (seed, plant) => runZonesScenario(zonesLinks, seed, plant),
  },
];

function runZonesScenario(spec: ZonesScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const draws = Random.stream(seed, "scenario");
  const shape = draws.pick(spec.shapes);
  const latch = draws.pick(spec.latches);
  const deployment: Deployment = {
    topology: topologyOf(shape),
    durability: "none",
    turnUs: 5,
    plant,
    time: { kind: "polled" },
    service: serviceOf(shape, latch, draws),
  };
  const nodes = deployment.topology.nodes.length;
  const simulation = createSimulation(deployment, seed, { checkEvery: 512 });
  const plan = drawFaultPlan(
    // While a zone is cut off writes that wait for all fail: some shall come after it.
    { nodes, fromUs: second, toUs: loadUs - second, count: spec.faults, kinds: spec.nemeses },
    Random.stream(seed, "faults"),
  );
  const history = new CacheHistory(simulation, workloadOf(spec, latch));
  return runUnderFaults({
    simulation,
    history,
    plan,
    loadUs: loadUs + second,
    begin() {
      for (let i = 0; i < spec.clients; i++) new CacheClient(i, simulation, history, seed).go();
    },
    end() {
      if (!simulation.settle(30 * second)) history.report("not-at-rest", "a node was still busy 30 s after the heal");
      // Until nodes that were avoided are asked again.
      simulation.run(simulation.now + 2 * second);
      history.askEverybody(spec.keys);
    },
    judge: () => history.judge(),
  });
}

function topologyOf({ zones, gateway }: ZonesShape): Topology {
  const place = (zone: number): Place => ({ region: "r1", zone: `z${zone + 1}` });
  const nodes = zones.flatMap((count, zone) => Array.from({ length: count }, () => place(zone)));
  return { nodes: gateway ? [...nodes, place(0)] : nodes, links: cloudDelays };
}

function serviceOf({ zones, gateway }: ZonesShape, latch: LatchPolicy, draws: Random): ZonesService {
  const count = zones.reduce((sum, nodes) => sum + nodes, 0);
  return {
    kind: "zones",
    cache: { memoryBytes: 64 * 1_024 },
    virtualNodes: 16,
    lateAfterUs,
    writes: { latch, timeoutUs: 100 * millisecond },
    reads: { first: draws.pick(["local", "random"]), fill: draws.chance(0.8) },
    avoid: { forUs: 300 * millisecond },
    ...(gateway ? { gateways: [count] } : {}),
    ...(draws.chance(0.5) ? { copy: { pageItems: 3, everyUs: 2 * millisecond } } : {}),
  };
}

function workloadOf({ keys }: ZonesScenarioSpec, latch: LatchPolicy): Cache {
  const parameters: CacheParameters = {
    keys: `uniform:${keys}`,
    mix: { get: 10, set: 3, delete: 2, swap: 4, count: 1 },
    keyBytes: 10,
    valueBytes: 20,
    ttlS: { kind: "uniform", from: 1, to: 8 },
    loadUs: { kind: "uniform", from: 0, to: 20 * millisecond },
    latch: latch === "all" ? "all" : "some",
    lateUs: lateAfterUs,
  };
  return new Cache(cache(parameters).parameters);
}

class CacheHistory extends ScenarioHistory {
  readonly workload: Cache;
  private readonly entries: HistoryEntry[] = [];
  private readonly simulation: SimulatedBackend;
  private arrivals = 0;

  constructor(simulation: SimulatedBackend, workload: Cache) {
    super();
    this.simulation = simulation;
    this.workload = workload;
  }

  nextArrival(): number {
    return this.arrivals++;
  }

  record(arrival: number, { fact }: Step, startUs: Micros, outcome: HistoryEntry["outcome"]): void {
    const endUs = this.simulation.now;
    this.entries.push({ arrival, step: 0, startUs, endUs, outcome, fact: fact! });
    if (outcome !== "ok") return;
    if (fact!.kind === "get") this.reads++;
    else this.acknowledged++;
  }

  /** Every node is up and at rest: each answers for every key, and what it shows is judged with the rest. */
  askEverybody(keys: number): void {
    const { simulation } = this;
    for (let node = 0; node < simulation.nodes; node++) {
      for (let index = 0; index < keys; index++) {
        const key = this.workload.keyOf(index);
        const step: Step = {
          operation: "get",
          request: { kind: "cache", operations: [{ kind: "get", key }] },
          thinkUs: 0,
          fact: { kind: "get", key },
        };
        const startUs = simulation.now;
        simulation.request(node, step.request, (answer) => {
          this.workload.hear(step, answer);
          this.record(-1, step, startUs, answer.kind);
          if (answer.kind !== "ok") this.report("no-progress", `node ${node} cannot get ${key} after the heal`);
        });
      }
    }
    simulation.run(simulation.now + second);
  }

  judge(): void {
    const { violations, counts } = this.workload.check(this.entries, []);
    for (const detail of violations) this.report("cache", detail);
    this.staleReads = counts.staleHits;
    this.lost = counts.countsLost;
  }
}

/** One session after the other; a step that is not answered in time has an unknown outcome and ends its session. */
class CacheClient {
  private readonly simulation: SimulatedBackend;
  private readonly history: CacheHistory;
  private readonly random: Random;
  private readonly seed: number;

  constructor(id: number, simulation: SimulatedBackend, history: CacheHistory, seed: number) {
    this.simulation = simulation;
    this.history = history;
    this.seed = seed;
    this.random = Random.stream(seed, "client", id);
  }

  go(): void {
    if (this.simulation.now > loadUs) return;
    const arrival = this.history.nextArrival();
    const session = this.history.workload.begin(arrival, Random.stream(this.seed, "session", arrival));
    this.step(arrival, session, session.next(null));
  }

  private step(arrival: number, session: Session, step: Step | null): void {
    const { simulation, random, history } = this;
    if (step === null) {
      simulation.at(simulation.now + random.below(40 * millisecond), () => this.go());
      return;
    }
    const startUs = simulation.now;
    let open = true;
    const done = (answer: Answer | null): void => {
      if (!open) return;
      open = false;
      const next = answer === null ? null : session.next(answer);
      history.record(arrival, step, startUs, answer?.kind ?? "unknown");
      simulation.at(simulation.now + (next?.thinkUs ?? 0), () => this.step(arrival, session, next));
    };
    simulation.at(startUs + patienceUs, () => done(null));
    const entry = random.chance(0.3) ? random.below(simulation.nodes) : -1;
    simulation.request(entry, step.request, done);
  }
}
