/**
 * One to a thousand points a node on the ring: how even is the load, and who gets it when a node fails?
 *
 *     1 point      ......A..........B.C..........     B is nearly idle; when A fails, B alone takes its load
 *     150 points   .ACBCABBACBACABCACBABCBACABC..     everybody has about a third; when A fails, all share it
 *
 * Every record has one replica and the ring's segments are the partitions (Dynamo's strategy 1), so the load of a node is the
 * ring's doing alone. Writes go to the first reachable node of the walk, so that the failed node's writes show who inherits.
 */
import type { Deployment } from "../backend/api.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { allOf, atLeast, atMost, within } from "../runners/compare/judge.ts";
import type { Design, Experiment, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart, RunResult } from "../runners/results.ts";
import { items } from "../workloads/items.ts";
import {
  designBars,
  designsRun,
  forEachDesign,
  listCounter,
  mean,
  percent,
  percents,
  percentWithInterval,
  timelineChart,
} from "./charts.ts";

const nodes = 16;
/** At one point a node it owns a sixth of the ring and its heir almost nothing: the worst that can happen is easy to see. */
const failed = 10;

function design(virtualNodes: number): Design {
  const deployment: Deployment = {
    topology: oneRegion(nodes, 1, cloudDelays),
    durability: "log",
    turnUs: 2,
    service: { kind: "tables", virtualNodes, quorumTimeoutUs: 500 * millisecond },
  };
  return {
    title: virtualNodes === 1 ? "1 point a node" : `${virtualNodes.toLocaleString("en-US")} points a node`,
    description: `Each node stands at ${virtualNodes} pseudo-random places of the ring.`,
    deployment,
    workload: items({
      table: { partitions: 0, replication: { n: 1, r: 1, w: 1, sloppy: true } },
      keys: "uniform:1000000",
      readShare: 0,
    }),
    calls: { clients: 1, timeoutUs: second },
  };
}

const points = [1, 10, 150, 1_000] as const;
const designs: Readonly<Record<string, Design>> = Object.fromEntries(points.map((v) => [`v${v}`, design(v)]));

function plan(perSecond: number, forS: number, rounds: number): TankPlan {
  return {
    load: { kind: "poisson", perSecond },
    forUs: forS * second,
    warmUpUs: 0,
    rounds,
    faults: [{ atUs: (forS / 3) * second, fault: { kind: "crash", nodes: [failed] } }],
  };
}

/** Standard deviation of a node's share over its mean, for V points on each of n nodes: sqrt((n - 1) / (n V + 1)). */
function expectedCv(virtualNodes: number): number {
  return Math.sqrt((nodes - 1) / (nodes * virtualNodes + 1));
}

const binS = 0.1;

/**
 * Writes by bin of a tenth of a second and by the node that was to coordinate them, as the nodes they entered at counted them.
 * The backend's clock starts before the load does, so bins are counted from the first that has a write.
 */
function writesByBin(run: RunResult): number[][] {
  const flat = listCounter(run, "writesToNode");
  const bins = Array.from({ length: Math.floor(flat.length / nodes) }, (_, bin) =>
    flat.slice(bin * nodes, (bin + 1) * nodes),
  );
  const first = bins.findIndex((bin) => sum(bin) > 0);
  return first < 0 ? [] : bins.slice(first);
}

function writesBetween(run: RunResult, fromS: number, toS: number): number[] {
  const bins = writesByBin(run).slice(Math.round(fromS / binS), Math.round(toS / binS));
  return Array.from({ length: nodes }, (_, node) => sum(bins.map((bin) => bin[node])));
}

function figures(run: RunResult, settled: TankPlan): Record<string, number> {
  const endS = settled.forUs / second;
  const crashS = settled.faults[0].atUs / second;
  const before = writesBetween(run, 0, crashS - binS);
  // A node only suspects the failed one a quarter of a second after it first sent it something; until then it goes on sending.
  const after = writesBetween(run, (crashS + endS) / 2, endS);
  const average = mean(before);
  // Poisson arrivals spread counts by their mean even over equal shares; what is beyond that is the ring's doing.
  const variance = mean(before.map((count) => (count - average) ** 2)) - average;
  const shareBefore = (node: number): number => before[node] / sum(before);
  const gained = after.map((count, node) => (node === failed ? 0 : count / sum(after) - shareBefore(node)));
  return {
    loadCv: Math.sqrt(Math.max(0, variance)) / average,
    busiestShare: Math.max(...before) / average,
    largestHeir: Math.min(1, Math.max(...gained) / shareBefore(failed)),
  };
}

export const virtualNodes: Experiment = {
  name: "virtual-nodes",
  title: "Virtual nodes",
  question: "How many points must a node have on the ring, and who gets a failed node's load?",
  source: "DeCandia et al., Dynamo, SOSP 2007, sections 4.2 and 6.2; Karger et al., Consistent Hashing, STOC 1997",
  notes:
    "The ring's points are fixed by the nodes' numbers, so rounds differ in their load and not in the ring: the spread of the ring itself over many rings is a test of the ring.",
  designs,
  tanks: {
    simulation: { full: plan(8_000, 9, 3), quick: plan(2_500, 7.5, 5) },
    threads: {
      full: { ...plan(2_500, 3.6, 3), designs: ["v1", "v150"] },
      quick: { ...plan(2_500, 3.3, 1), designs: ["v1", "v150"] },
    },
  },
  headline: {
    metric: "largestHeir",
    baseline: "v1",
    candidate: "v150",
    better: "lower",
    sentence(measured) {
      const heir = (name: string): string => percentWithInterval(percents(measured, name, "largestHeir"));
      const cv = (name: string): string => percentWithInterval(percents(measured, name, "loadCv"));
      return (
        `When a node fails, its load falls on one survivor with 1 point a node (${heir("v1")} of it) and on everybody with 150 ` +
        `(at most ${heir("v150")} each); the spread of load between nodes shrinks from ${cv("v1")} to ${cv("v150")}.`
      );
    },
  },
  metrics: figures,
  claims: [
    {
      text: "With 1 point a node one survivor inherits a failed node's whole load",
      expected: "at least 75 % of it; the rest is chance, and what fails until the failure is noticed",
      judge: (measured) => atLeast(percents(measured, "v1", "largestHeir"), 75, "%"),
    },
    {
      text: "With 150 points a node no survivor inherits more than half of it",
      expected: `an even share is ${percent(1 / (nodes - 1))}`,
      judge: (measured) => atMost(percents(measured, "v150", "largestHeir"), 50, "%"),
    },
    {
      text: "The spread of load follows sqrt((n - 1) / (n V + 1))",
      expected:
        points
          .slice(0, 3)
          .map((v) => `V = ${v}: ${percent(expectedCv(v))}`)
          .join(", ") + "; one ring, so within half to twice of it",
      tanks: ["simulation"],
      judge: (measured) =>
        allOf(
          // At a thousand points the spread is too small to be told from the noise of counting.
          points.slice(0, 3).map((v) => {
            const { status, measured: seen } = within(
              percents(measured, `v${v}`, "loadCv"),
              expectedCv(v) * 50,
              expectedCv(v) * 200,
              "%",
            );
            return { status, measured: `V = ${v}: ${seen}` };
          }),
        ),
    },
    {
      text: "After the failure is noticed, every write is accepted by somebody",
      expected: "fewer than 6 % of all writes fail, those of the first moments",
      judge: (measured) =>
        forEachDesign(measured, designsRun(measured), (name) => atLeast(percents(measured, name, "okShare"), 94, "%")),
    },
  ],
  charts(measured): Chart[] {
    return [spread(measured), inheritance(measured), load(measured), failure(measured)];
  },
};

function spread(measured: Measured): Chart {
  const present = points.filter((v) => measured.designs.some(({ name, runs }) => name === `v${v}` && runs.length > 0));
  return {
    kind: "lines",
    title: "Spread of load between nodes",
    reading: "Ten times the points, a third of the spread: the law of large numbers, one point at a time.",
    xLabel: "points a node",
    yLabel: "coefficient of variation of load (%)",
    xScale: "log",
    yScale: "log",
    series: [
      {
        name: "measured",
        points: present.map((v) => {
          const values = measured.values(`v${v}`, "loadCv").map((cv) => cv * 100);
          return [v, mean(values), Math.min(...values), Math.max(...values)];
        }),
      },
      { name: "sqrt((n-1)/(nV+1))", dashed: true, points: present.map((v) => [v, expectedCv(v) * 100]) },
    ],
  };
}

function inheritance(measured: Measured): Chart {
  return {
    kind: "bars",
    title: "Largest part of the failed node's load that one survivor takes",
    reading: "With one point a node a failure doubles somebody's load; with many it is spread thin.",
    valueLabel: "share of the failed node's load (%)",
    bars: designBars(measured, designsRun(measured), (run) => run.metrics.largestHeir * 100),
    rule: { value: 100 / (nodes - 1), label: "even share" },
  };
}

function load(measured: Measured): Chart {
  const stepS = 0.2;
  const steps = Math.floor(measured.plan.forUs / second / stepS);
  const times = Array.from({ length: steps }, (_, i) => i * stepS);
  return {
    kind: "heatmap",
    title: "Writes by node",
    reading: `Node ${failed} fails after a third of the run: its row goes dark and its load appears elsewhere.`,
    xLabel: "seconds",
    yLabel: "node",
    valueLabel: "writes a second",
    xs: times.map((at) => Number(at.toFixed(1))),
    ys: Array.from({ length: nodes }, (_, i) => `n${i}`),
    panels: designsRun(measured).map((name) => {
      const { design: of, runs } = measured.of(name);
      const columns = times.map((at) => writesBetween(runs[0], at, at + stepS));
      return {
        design: of.title,
        values: Array.from({ length: nodes }, (_, node) => columns.map((column) => column[node] / stepS)),
      };
    }),
  };
}

function failure(measured: Measured): Chart {
  return timelineChart(measured, {
    title: "The moment of failure",
    reading: `Writes for the failed node's records fail until it is suspected, a quarter of a second; then the next node takes them.`,
    designs: designsRun(measured),
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
