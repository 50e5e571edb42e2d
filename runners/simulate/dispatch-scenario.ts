/**
 * Dispatch under faults: drivers drive about and report, riders ask, ask again when nothing comes back, ride, and say when they are there.
 * Cells are owned one by one and nodes are suspected soon, so drivers change hands all the time, and rings differ.
 */
import type { Answer, Deployment } from "../../backend/api.ts";
import type { DispatchMembership, DispatchRequest, DispatchResult, Place } from "../../backend/api-dispatch.ts";
import { Random } from "../../backend/kernel/random.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import { DispatchHistory } from "./dispatch-history.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { regionalDeployment } from "./regional-deployment.ts";
import type { Scenario, ScenarioRun } from "./scenario.ts";

interface DispatchScenarioSpec {
  readonly nodes: readonly number[];
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly drivers: number;
  readonly riders: number;
}

/** Quick to suspect. With heartbeats alone each node believes what it hears itself, so their rings differ for as long as what they hear. */
const memberships: readonly DispatchMembership[] = [
  { kind: "swim", periodUs: 60 * millisecond, timeoutUs: 15 * millisecond, suspicionUs: 200 * millisecond },
  {
    kind: "heartbeats",
    periodUs: 40 * millisecond,
    suspectUs: 100 * millisecond,
    suspicionUs: 50 * millisecond,
  },
];
const loadUs = 5 * second;
const calmUs = 700 * millisecond;
const reportUs = 150 * millisecond;
const patienceUs = 700 * millisecond;
const centre: Place = { latitude: 52.52, longitude: 13.405 };
/** Half the width of the city, degrees: some 2 km. */
const reach = 0.02;

const dispatch: DispatchScenarioSpec = {
  nodes: [3, 4, 5],
  nemeses: ["crash", "partition", "pause", "slow", "link", "disk", "drift"],
  faults: 10,
  drivers: 6,
  riders: 5,
};
const dispatchPower: DispatchScenarioSpec = { ...dispatch, nodes: [3], nemeses: ["power", "disk", "link"] };

export const dispatchScenarios: readonly Scenario[] = [
  {
    name: "dispatch",
    promise: "no driver is given to two riders and no trip two drivers, whoever owns what; no match is lost",
    catches: ["booking-without-ownership", "hand-over-without-fence", "dispatch-without-checksum"],
    tolerates: [],
    run: (seed, plant) => runDispatchScenario(dispatch, seed, plant),
  },
  {
    name: "dispatch-power-loss",
    promise: "all nodes lose power at once, again and again: who was given to whom is known afterwards",
    catches: ["booking-without-ownership"],
    tolerates: [],
    run: (seed, plant) => runDispatchScenario(dispatchPower, seed, plant),
  },
];

function runDispatchScenario(spec: DispatchScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const draws = Random.stream(seed, "scenario");
  const nodes = draws.pick(spec.nodes);
  const history = new DispatchHistory();
  const simulation = createSimulation(deploymentOf(nodes, draws.pick(memberships), plant), seed, { checkEvery: 64 });
  const shape = { nodes, fromUs: calmUs, toUs: loadUs, count: spec.faults, kinds: spec.nemeses };
  const plan = drawFaultPlan(shape, Random.stream(seed, "faults"));
  const drivers = Array.from({ length: spec.drivers }, (_, i) => new Driver(i, simulation, history, seed));
  return runUnderFaults({
    simulation,
    history,
    plan,
    loadUs,
    begin() {
      for (const driver of drivers) driver.go();
      for (let i = 0; i < spec.riders; i++) new Rider(i, simulation, history, seed).go();
    },
    end: () => finish(simulation, history, drivers),
  });
}

function deploymentOf(nodes: number, membership: DispatchMembership, plant?: string): Deployment {
  return regionalDeployment(nodes, plant, {
    service: {
      kind: "dispatch",
      keepers: [0, 1, 2],
      resolution: 8,
      ownedResolution: 8,
      membership,
      expireUs: second,
      maxRings: 4,
    },
  });
}

/** Drives about, and says where it is. */
class Driver {
  readonly name: string;
  private readonly simulation: SimulatedBackend;
  private readonly history: DispatchHistory;
  private readonly random: Random;
  private place: Place;

  constructor(id: number, simulation: SimulatedBackend, history: DispatchHistory, seed: number) {
    this.name = `d${id}`;
    this.simulation = simulation;
    this.history = history;
    this.random = Random.stream(seed, "driver", id);
    this.place = somewhere(this.random);
  }

  go(): void {
    const { random, simulation } = this;
    if (random.chance(0.3)) this.place = somewhere(random);
    this.report(() => undefined);
    simulation.at(simulation.now + random.between(reportUs / 2, 2 * reportUs), () => this.go());
  }

  report(done: (trip: string | null | undefined) => void): void {
    const { name, simulation, history } = this;
    const sentAt = simulation.now;
    const request = { kind: "position-report", driver: name, ...this.place, state: "available" } as const;
    ask(simulation, this.random, request, (result) => {
      if (result?.kind !== "position") return done(undefined);
      history.onReported(name, result.trip, sentAt, simulation.now);
      done(result.trip);
    });
  }
}

/** match, again until it is answered ──> ride ──> end, again until it is answered */
class Rider {
  private readonly id: number;
  private readonly simulation: SimulatedBackend;
  private readonly history: DispatchHistory;
  private readonly random: Random;
  private trips = 0;

  constructor(id: number, simulation: SimulatedBackend, history: DispatchHistory, seed: number) {
    this.id = id;
    this.simulation = simulation;
    this.history = history;
    this.random = Random.stream(seed, "rider", id);
  }

  go(): void {
    const { simulation, random } = this;
    if (simulation.now > loadUs) return;
    const trip = `${this.id}.${this.trips++}`;
    this.history.onSent(trip);
    const place = somewhere(random);
    this.hail(trip, place);
    // An impatient thumb.
    if (random.chance(0.1)) this.hail(trip, place);
  }

  private hail(trip: string, place: Place): void {
    const { history, random, simulation } = this;
    let open = true;
    simulation.at(simulation.now + patienceUs, () => {
      if (!open) return;
      open = false;
      // Some give up, and whoever has the trip shall know.
      if (random.chance(0.3)) this.end(trip);
      else this.hail(trip, place);
    });
    ask(simulation, random, { kind: "match", rider: `r${this.id}`, trip, ...place }, (result) => {
      if (result?.kind !== "match") return;
      if (result.match !== null) history.onMatched(trip, result.match, simulation.now);
      if (!open) return;
      open = false;
      const rideUs = random.between(50, 400) * millisecond;
      simulation.at(simulation.now + rideUs, () => this.end(trip));
    });
  }

  private end(trip: string): void {
    const { history, random, simulation } = this;
    let open = true;
    const sentAt = simulation.now;
    history.onEndSent(trip, sentAt);
    simulation.at(simulation.now + patienceUs, () => {
      if (open) this.end(trip);
      open = false;
    });
    ask(simulation, random, { kind: "trip-end", trip }, (result) => {
      if (result?.kind !== "trip-ended") return;
      history.onEnded(trip, result.ended, sentAt, simulation.now);
      if (!open) return;
      open = false;
      simulation.at(simulation.now + random.below(100 * millisecond), () => this.go());
    });
  }
}

function somewhere(random: Random): Place {
  return {
    latitude: centre.latitude + (random.float() - 0.5) * reach,
    longitude: centre.longitude + (random.float() - 0.5) * 2 * reach,
  };
}

type Ask = (result: DispatchResult | undefined) => void;

function ask(simulation: SimulatedBackend, random: Random, request: DispatchRequest, done: Ask): void {
  const entry = random.chance(0.3) ? random.below(simulation.nodes) : -1;
  simulation.request(entry, { ...request, timeoutUs: patienceUs }, (answer) => done(resultOf(answer)));
}

function resultOf(answer: Answer): DispatchResult | undefined {
  return answer.kind === "ok" ? (answer.result as DispatchResult) : undefined;
}

/** All is healed: whoever is free can be had, and the keepers remember every trip. */
function finish(simulation: SimulatedBackend, history: DispatchHistory, drivers: readonly Driver[]): void {
  simulation.inject({ kind: "heal" });
  simulation.settle(10 * second);
  simulation.run(simulation.now + 3 * second);
  const list = request(simulation, { kind: "trip-list" });
  if (list.kind !== "trips") throw new Error("no list of trips");
  const running = new Map(list.trips.filter(({ ended }) => !ended).map(({ trip, driver }) => [driver, trip]));
  for (const driver of drivers) {
    let told: string | null | undefined;
    driver.report((trip) => (told = trip));
    simulation.run(simulation.now + second);
    const expected = running.get(driver.name) ?? null;
    if (told !== expected) history.report("lost-match", `${driver.name} is on ${expected}, and was told of ${told}`);
  }
  const free = drivers.length - running.size;
  for (let i = 0; i < free; i++) {
    const trip = `last.${i}`;
    history.onSent(trip);
    // Who has just moved to another node's cell is nobody's for a moment.
    let result = request(simulation, { kind: "match", rider: "last", trip, ...centre });
    for (let tries = 0; tries < 3 && result.kind === "match" && result.match === null; tries++)
      result = request(simulation, { kind: "match", rider: "last", trip, ...centre });
    if (result.kind !== "match" || result.match === null)
      history.report("no-progress", `${free} drivers are free, ${i} could be had`);
    else history.onMatched(trip, result.match, simulation.now);
  }
  const last = request(simulation, { kind: "trip-list" });
  if (last.kind === "trips") history.judge(last.trips);
}

function request(simulation: SimulatedBackend, asked: DispatchRequest): DispatchResult {
  for (let tries = 0; tries < 10; tries++) {
    let result: DispatchResult | undefined;
    simulation.request(-1, asked, (answer) => (result = resultOf(answer)));
    simulation.run(simulation.now + second);
    if (result !== undefined) return result;
  }
  throw new Error(`${asked.kind} had no answer within 10 s after the heal`);
}
