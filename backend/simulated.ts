/** The simulation half of the composition root: a deployment in virtual time. */
import type { Answer, Deployment, Request } from "./api.ts";
import type { Counters } from "./kernel/counters.ts";
import type { Fault } from "./kernel/fault.ts";
import type { Delay } from "./kernel/topology.ts";
import type { Micros, NodeId } from "./kernel/units.ts";
import type { Witness } from "./kernel/witness.ts";
import { rolesOf } from "./mutants.ts";
import { referenceOf } from "./protocols/truetime/timescale.ts";
import { TrueTime } from "./protocols/truetime/true-time.ts";
import { Simulation } from "./runtimes/simulation/simulation.ts";
import { nodeFactory } from "./services/node.ts";

const refused: Answer = { kind: "refused", code: "unavailable", message: "The node is down: connection refused" };
const lost: Answer = { kind: "unknown", code: "connection-lost", message: "The node went down before it answered" };

export interface SimulatedBackend {
  /** True time, microseconds since the simulation began. */
  readonly now: Micros;
  /**
   * What `env.wall` bounds at a true time of the simulation, while clocks are honest: true time itself, but for a leap second. A
   * checker compares a core's timestamps with this.
   */
  referenceUs(trueUs: Micros): number;
  readonly events: number;
  readonly nodes: number;
  /** Nodes that found their log damaged and stay down for good. */
  readonly broken: readonly NodeId[];
  at(timeUs: Micros, callback: () => void): void;
  /** Asks `entry`, or a random live node when it is negative. The answer may never come. */
  request(entry: NodeId, request: Request, onAnswer: (answer: Answer) => void): void;
  inject(fault: Fault): void;
  run(untilUs: Micros): void;
  /** Heals everything, restarts every node and runs until replicas are at rest; false when they were not within `limitUs`. */
  settle(limitUs: Micros): boolean;
  counters(): Counters;
  /** Signs the trace so far and every disk's content. */
  digest(): string;
}

export interface SimulatedOptions {
  readonly flush?: Delay;
  /** Error that clocks claim where the deployment does not say what they are made of (`time`). */
  readonly clockBoundUs?: Micros;
  /** Sees inside the replicated logs. */
  readonly witness?: Witness;
  readonly checkEvery?: number;
}

export function createSimulation(
  deployment: Deployment,
  seed: number,
  options: SimulatedOptions = {},
): SimulatedBackend {
  const { time } = deployment;
  const simulation = new Simulation({
    topology: deployment.topology,
    seed,
    createCore: nodeFactory(deployment, rolesOf(deployment.plant), options.witness),
    connection: { refused, lost },
    turnUs: deployment.turnUs ?? 0,
    durable: deployment.durability === "log",
    acknowledgeBeforeDurable: deployment.plant === "acknowledge-before-durable",
    clockBoundUs: time?.kind === "fixed" ? time.errorUs : undefined,
    time: time?.kind === "polled" ? new TrueTime(time, seed) : undefined,
    ...options,
  });
  for (const clock of time?.disturbed ?? []) simulation.inject({ kind: "clock", ...clock });
  return {
    get now() {
      return simulation.now;
    },
    get events() {
      return simulation.events;
    },
    referenceUs: referenceOf(deployment.time),
    nodes: deployment.topology.nodes.length,
    get broken() {
      return simulation.nodes.filter(({ broken }) => broken).map(({ self }) => self);
    },
    at: (timeUs, callback) => simulation.at(timeUs, callback),
    request: (entry, request, onAnswer) => simulation.request(entry, request, onAnswer as (answer: unknown) => void),
    inject: (fault) => simulation.inject(fault),
    run: (untilUs) => simulation.run(untilUs),
    settle: (limitUs) => simulation.settle(limitUs),
    counters: () => simulation.counters(),
    digest: () => simulation.digest(),
  };
}
