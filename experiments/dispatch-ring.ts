/**
 * Where shall a city's drivers be kept? On one node, on a ring of eight with one point or a hundred each, or in a strip of the map a node.
 * A match ends at the stadium, and later one node dies for two seconds.
 */
import type { Deployment } from "../backend/api.ts";
import type { Placement } from "../backend/api-dispatch.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { atMost, ratioAtLeast, ratioAtMost } from "../runners/compare/judge.ts";
import type { Design, Experiment, TankPlan } from "../runners/experiment.ts";
import { Histogram } from "../runners/measure/histogram.ts";
import type { Chart, RunResult } from "../runners/results.ts";
import { dispatch } from "../workloads/dispatch.ts";
import {
  designBars,
  designsRun,
  forEachDesign,
  listCounter,
  percents,
  percentWithInterval,
  timelineChart,
} from "./charts.ts";

const nodes = 8;
/** Each reports every 2 s. */
const drivers = 1_500;
const reportsPerRider = 15;
const perSecond = 800;
/** Of the run: when the stadium empties, and when a node dies. */
const surge = { from: 0.25, to: 0.5 };
const deathAt = 0.6;
const downUs = 2 * second;
const forS = 9;

function design(title: string, description: string, count: number, placement: Placement): Design {
  const deployment: Deployment = {
    topology: oneRegion(count, 3, cloudDelays),
    durability: "log",
    // What a turn costs, so that one node feels the whole city.
    turnUs: 60,
    service: { kind: "dispatch", keepers: count === 1 ? [0] : [1, 2, 3], placement },
  };
  const arrivals = perSecond * forS;
  return {
    title,
    description,
    deployment,
    workload: dispatch({
      drivers,
      reportsPerRider,
      rideUs: second,
      surgeFrom: Math.round(arrivals * surge.from),
      surgeTo: Math.round(arrivals * surge.to),
    }),
    calls: { clients: 1, timeoutUs: 900 * millisecond },
  };
}

const ring = (virtualNodes: number): Placement => ({ kind: "ring", virtualNodes });
const designs = {
  one: design("One node", "All drivers in the memory of one node.", 1, ring(1)),
  plain: design(
    "Ring, 1 point a node",
    "Cells by their hash; each node stands at one point of the ring.",
    nodes,
    ring(1),
  ),
  ring: design(
    "Ring, 100 points a node",
    "Cells by their hash; each node stands at a hundred points.",
    nodes,
    ring(100),
  ),
  strips: design("Strips of the map", "Each node has a strip from north to south.", nodes, {
    kind: "strips",
    west: 13.1,
    east: 13.7,
  }),
} satisfies Record<string, Design>;

function plan(rounds: number, only?: readonly string[]): TankPlan {
  const atUs = Math.round(forS * deathAt * second);
  return {
    load: { kind: "poisson", perSecond },
    forUs: forS * second,
    warmUpUs: 0,
    rounds,
    ...(only === undefined ? {} : { designs: only }),
    faults: [
      { atUs, fault: { kind: "crash", nodes: [0] } },
      { atUs: atUs + downUs, fault: { kind: "restart", nodes: [0] } },
    ],
  };
}

function figures(run: RunResult): Record<string, number> {
  const latency = run.operations.find(({ operation }) => operation === "match")!.latency;
  const reports = listCounter(run, "reportsByNode");
  const { "check.matched": matched, "check.unmatched": unmatched, "check.silenceUs": silenceUs } = run.metrics;
  return {
    matchP99Ms: Histogram.decode(latency).quantile(0.99) / millisecond,
    unmatchedShare: unmatched / (matched + unmatched),
    busiestShare: Math.max(...reports) / reports.reduce((sum, count) => sum + count, 0),
    silenceS: silenceUs / second,
  };
}

const rings = ["plain", "ring", "strips"];

export const dispatchRing: Experiment = {
  name: "dispatch-ring",
  title: "Dispatch on a ring",
  question: "On which node shall a city's drivers be kept, and what happens when it dies?",
  source: "Uber Engineering, Ringpop, 2015; Karger et al., Consistent Hashing, STOC 1997; Brodsky, H3, 2018",
  notes:
    "Who was given to whom is on the disks of three keepers whatever the design, so no design gives a driver twice or loses a match: that is checked in every run. " +
    "A node that died has lost where its drivers were, and hears of them with their next reports.",
  designs,
  tanks: {
    simulation: { full: plan(5), quick: plan(3) },
    threads: { full: plan(2, ["plain", "ring"]), quick: plan(1, ["ring"]) },
  },
  headline: {
    metric: "busiestShare",
    baseline: "plain",
    candidate: "ring",
    better: "lower",
    sentence(measured) {
      const share = (name: string): string => percentWithInterval(percents(measured, name, "busiestShare"));
      return `The busiest of eight nodes takes ${share("plain")} of the reports with one point a node, ${share("ring")} with a hundred, ${share("strips")} in strips.`;
    },
  },
  metrics: figures,
  claims: [
    {
      text: "A hundred points a node keep the busiest node below one point's",
      expected: "at most 0.9 of its share",
      judge: (measured) =>
        ratioAtMost(measured.values("plain", "busiestShare"), measured.values("ring", "busiestShare"), 0.9),
    },
    {
      text: "On several nodes a node's death leaves few riders without a driver",
      expected: "at most 5 % of those that were answered",
      judge: (measured) =>
        forEachDesign(measured, rings, (name) => atMost(percents(measured, name, "unmatchedShare"), 5, "%")),
    },
    {
      text: "Positions are back within seconds of an owner's death",
      expected: "no driver is unheard for more than 6 s, of which 2 s are its own",
      judge: (measured) => forEachDesign(measured, rings, (name) => atMost(measured.values(name, "silenceS"), 6, "s")),
    },
    {
      text: "One node is no slower while it is alive: it has nobody to ask",
      expected: "the ring's p99 is at least that of one node",
      judge: (measured) => ratioAtLeast(measured.values("one", "matchP99Ms"), measured.values("ring", "matchP99Ms"), 1),
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      {
        kind: "bars",
        title: "Reports at the busiest node",
        reading: "A city is denser in its middle than a ring of few points, or a strip, can bear.",
        valueLabel: "share of reports (%)",
        bars: designBars(measured, names, (run) => run.metrics.busiestShare * 100),
      },
      timelineChart(measured, {
        title: "The stadium empties, and a node dies",
        reading: "What was on its way to the dead node is lost until the others know; then they have its cells.",
        designs: names,
      }),
    ];
  },
};
