/**
 * One, three or five replicas: what do copies cost a writer, and what do they give to readers?
 *
 *     write         leader ──> followers ──> a majority has it        one round trip to the nearest zones, however many there are
 *                   |────────── until its timestamp has passed ──|    beside it: 2 eps
 *     read of now   the leader alone
 *     snapshot      the nearest replica, without a lock               each replica adds a processor
 *
 * Five nodes in three zones take requests in every design; what differs is how many of them keep the data. First a light load of all three,
 * whose latency is looked at; then a flood of snapshot reads, more than anybody can answer.
 */
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { allOf, figure, inEveryRun, ratioAtLeast, ratioWithin } from "../runners/compare/judge.ts";
import type { Design, Experiment, Judgement, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { transactions } from "../workloads/transactions.ts";
import { designBars, designsRun, mean } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";
import { database, neighbours, noneDisordered } from "./database.ts";

const nodes = 5;
const turnUs = 100;
const errorUs = 2.5 * millisecond;
/** Before the flood, operations a second and their number. */
const lightPerSecond = 40;
const lightS = 10;

function design(replicas: number, commitWait: boolean): Design {
  const plural = replicas === 1 ? "1 replica" : `${replicas} replicas`;
  return {
    title: commitWait ? plural : `${plural}, no wait`,
    description: `${plural}${commitWait ? "" : "; answers do not wait until their timestamp has passed"}.`,
    deployment: database({
      topology: oneRegion(nodes, 3, cloudDelays),
      tablets: 1,
      replicas: () => neighbours(0, replicas, nodes),
      leaseUs: 2 * second,
      turnUs,
      commitWait,
      time: { kind: "fixed", errorUs },
    }),
    workload: transactions({
      order: commitWait ? "kept" : "counted",
      tablets: 1,
      keysPerTablet: 1_000,
      mix: { write: 2, readOnly: 1, snapshot: 1 },
      floodFromArrival: lightPerSecond * lightS,
      slackUs: 100,
    }),
    calls: { clients: 20, timeoutUs: second / 2 },
  };
}

const designs = {
  one: design(1, true),
  three: design(3, true),
  five: design(5, true),
  oneEager: design(1, false),
  threeEager: design(3, false),
  fiveEager: design(5, false),
} satisfies Record<string, Design>;

const waiting = ["one", "three", "five"] as const;

/** More than five nodes answer; not so much that taking it in leaves them no time: a turn is 100 us. */
const floodPerSecond = 30_000;

function plan(floodS: number, rounds: number): TankPlan {
  const atUs = lightS * second;
  const lengthUs = floodS * second;
  const load = { kind: "spike", perSecond: lightPerSecond, peakPerSecond: floodPerSecond, atUs, lengthUs } as const;
  return { load, forUs: atUs + lengthUs, warmUpUs: second, rounds, faults: [] };
}

function livePlan(forS: number, rounds: number, names: readonly string[]): TankPlan {
  const load = { kind: "constant", perSecond: lightPerSecond } as const;
  return { load, forUs: forS * second, warmUpUs: second / 2, rounds, faults: [], designs: names };
}

export const replication: Experiment = {
  name: "replication",
  title: "One, three or five replicas",
  question: "What do more replicas cost a write, and what do they give to reads?",
  source: "Corbett et al., Spanner, OSDI 2012, section 5.1, table 3",
  notes:
    "The paper's writes take 14.4, 13.9 and 14.4 ms with 1, 3 and 5 replicas, and 9.4 ms with one and no commit wait; read-only transactions " +
    "1.4, 1.3 and 1.4 ms. It says that the wait is overlapped with Paxos, but its 9.4 ms and 5 ms add up: with one replica there is no round " +
    "trip to overlap with, only a disk that takes 9 ms. Ours takes a third of one, so 5 ms of waiting hide everything, and without the wait a " +
    "single replica saves the round trip between zones, 1 ms, which the paper's disks hid.",
  designs,
  tanks: {
    simulation: { full: plan(0.5, 5), quick: plan(0.3, 3) },
    threads: {
      full: livePlan(1.5, 3, ["one", "five"]),
      quick: livePlan(1.5, 1, ["one", "five"]),
    },
  },
  headline: {
    metric: "snapshot.p50Ms",
    baseline: "one",
    candidate: "five",
    better: "lower",
    sentence(measured, { value }) {
      const meanOf = (name: string, metric: string): number => mean(measured.values(name, metric));
      const writes = `a write takes ${figure(meanOf("one", "write.meanMs"))} ms with one replica and ${figure(meanOf("five", "write.meanMs"))} ms with five`;
      const reads = `a snapshot read ${figure(value)} times as long`;
      if (measured.tank === "threads") return `With commit wait ${writes}, ${reads}.`;
      const flood = figure(meanOf("five", "floodPerSecond") / meanOf("one", "floodPerSecond"));
      return `With commit wait ${writes}, ${reads}, and ${flood} times as many are answered in a flood.`;
    },
  },
  metrics(run, { load, forUs, warmUpUs }) {
    // Of the flood's own time, not of the whole load's.
    const share = load.kind === "spike" ? (forUs - warmUpUs) / load.lengthUs : NaN;
    return { floodPerSecond: (run.metrics["flood.okPerSecond"] ?? NaN) * share };
  },
  claims: [
    {
      text: "With commit wait a write takes as long with five replicas as with one",
      expected: "within 5 % (table 3: 14.4, 13.9 and 14.4 ms)",
      tanks: ["simulation"],
      judge: (measured) =>
        allOf((["three", "five"] as const).map((name) => ratio(measured, "one", name, "write.meanMs", 0.95, 1.05))),
    },
    {
      text: "Without it five replicas cost no more than three: a majority is asked at once",
      expected: "within 15 %",
      tanks: ["simulation"],
      judge: (measured) => ratio(measured, "threeEager", "fiveEager", "write.meanMs", 0.85, 1.15),
    },
    {
      text: "A read of now takes as long with any number of replicas: it asks the leader alone",
      expected: "within 10 % (table 3: 1.4, 1.3 and 1.4 ms)",
      tanks: ["simulation"],
      judge: (measured) =>
        allOf((["three", "five"] as const).map((name) => ratio(measured, "one", name, "read-only.meanMs", 0.9, 1.1))),
    },
    {
      text: "Snapshot reads grow with the replicas",
      expected:
        "three replicas answer at least 1.8 times the flood that one does, five 2.5 times (table 3: 2.9 and 3.7)",
      tanks: ["simulation"],
      judge: (measured) =>
        allOf([
          told(measured, "three", ratioAtLeast(...pair(measured, "one", "three", "floodPerSecond"), 1.8)),
          told(measured, "five", ratioAtLeast(...pair(measured, "one", "five", "floodPerSecond"), 2.5)),
        ]),
    },
    {
      text: "A snapshot is read sooner where a replica is nearer",
      expected: "at most half the time with five replicas, one at every entry",
      tanks: ["simulation"],
      judge: (measured) => ratio(measured, "one", "five", "snapshot.meanMs", 0, 0.5),
    },
    {
      text: "On this machine, too, a write waits two errors whatever the replicas",
      expected: "a median of at least 5 ms",
      tanks: ["threads"],
      judge(measured) {
        const medians = designsRun(measured).flatMap((name) => measured.values(name, "write.p50Ms"));
        return inEveryRun(
          medians.map((ms) => ms >= 5),
          `${medians.map((ms) => ms.toFixed(1)).join(", ")} ms`,
        );
      },
    },
    {
      text: "No acknowledged write is lost, and timestamps agree with real time",
      expected: "every check holds",
      judge: (measured) =>
        allOf([
          everyCheckHolds(measured),
          noneDisordered(
            measured,
            waiting.filter((name) => designsRun(measured).includes(name)),
          ),
        ]),
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    const latency = {
      kind: "bars",
      title: "Mean time of a write",
      reading: "Two claimed errors hide the round trip to a majority.",
      valueLabel: "mean latency (ms)",
      bars: designBars(measured, names, (run) => run.metrics["write.meanMs"]),
    } as const;
    if (measured.tank === "threads") return [latency];
    const flooded = names.filter((name) => (waiting as readonly string[]).includes(name));
    return [
      latency,
      {
        kind: "bars",
        title: "Snapshot reads in a flood",
        reading: "Each replica that may be asked is one more processor.",
        valueLabel: "answered a second",
        bars: designBars(measured, flooded, (run) => run.metrics.floodPerSecond),
      },
    ];
  },
};

function pair(measured: Measured, from: string, to: string, metric: string): [number[], number[]] {
  return [measured.values(from, metric), measured.values(to, metric)];
}

function ratio(measured: Measured, from: string, to: string, metric: string, low: number, high: number): Judgement {
  return told(measured, to, ratioWithin(...pair(measured, from, to, metric), low, high));
}

function told(measured: Measured, name: string, { status, measured: seen }: Judgement): Judgement {
  return { status, measured: `${measured.of(name).design.title}: ${seen}` };
}
