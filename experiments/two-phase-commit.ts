/**
 * A transaction over 1 to 200 groups, each with a leader and two followers: how does its latency grow?
 *
 *     client ── prepare ──> n - 1 leaders ── vote ──> coordinator ── max(log, commit wait) ──> client
 *                           each: its log             waits for the last of them
 *
 * The last of n answers comes later the more there are, but only as the logarithm of n. What grows with n itself is the work of the two
 * nodes that speak to all groups, and of every node that leads several of them.
 */
import { cloudDelays, noDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { allOf, inEveryRun, ratioWithin } from "../runners/compare/judge.ts";
import type { Design, Experiment, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { transactions } from "../workloads/transactions.ts";
import { designsRun, mean } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";
import { database, neighbours } from "./database.ts";

const errorUs = 4 * millisecond;
/** What a message costs its receiver: some 100 us of a processor in 2012, with authentication and a stack of remote procedure calls. */
const turnUs = 100;
const groups = 200;
const nodes = 30;

function simulated(participants: number): Design {
  return {
    title: `${participants}`,
    description: `Each transaction writes to ${participants} of ${groups} groups.`,
    deployment: database({
      topology: oneRegion(nodes, 3, cloudDelays),
      tablets: groups,
      replicas: (tablet) => neighbours(tablet, 3, nodes),
      leaseUs: 10 * second,
      turnUs,
      time: { kind: "fixed", errorUs },
    }),
    workload: transactions({ tablets: groups, keysPerTablet: 1_000, participants }),
    calls: { clients: 4, timeoutUs: 5 * second },
  };
}

/** Ten groups are what two processors lead without a queue. */
function live(participants: number): Design {
  return {
    title: `${participants} here`,
    description: `Each transaction writes to ${participants} of 10 groups.`,
    deployment: database({
      topology: oneRegion(3, 3, noDelays),
      tablets: 10,
      replicas: (tablet) => neighbours(tablet, 3, 3),
      leaseUs: 2 * second,
      turnUs,
      time: { kind: "fixed", errorUs },
    }),
    workload: transactions({ tablets: 10, keysPerTablet: 1_000, participants, slackUs: 100 }),
    calls: { clients: 4, timeoutUs: 5 * second },
  };
}

/** Table 4 of the paper: participants, mean and 99th percentile in milliseconds. */
const paper = [
  [1, 17.0],
  [2, 24.5],
  [5, 31.5],
  [10, 30.0],
  [25, 35.5],
  [50, 42.7],
  [100, 71.4],
  [200, 150.5],
] as const;

const counts = paper.map(([count]) => count);
const liveCounts = [1, 5, 10] as const;

const designs: Record<string, Design> = Object.fromEntries([
  ...counts.map((count) => [nameOf(count), simulated(count)] as const),
  ...liveCounts.map((count) => [liveNameOf(count), live(count)] as const),
]);

function nameOf(count: number): string {
  return `n${count}`;
}

function liveNameOf(count: number): string {
  return `live${count}`;
}

function plan(perSecond: number, forS: number, rounds: number, names: readonly string[]): TankPlan {
  const forUs = forS * second;
  return { load: { kind: "constant", perSecond }, forUs, warmUpUs: forUs / 5, rounds, faults: [], designs: names };
}

const all = counts.map(nameOf);

export const twoPhaseCommit: Experiment = {
  name: "two-phase-commit",
  title: "Two-phase commit over 1 to 200 groups",
  question: "How does the latency of a transaction grow with the groups that take part in it?",
  source: "Corbett et al., Spanner, OSDI 2012, section 5.1, table 4",
  notes:
    "The paper has means of 17.0 ms for one participant, 24.5, 31.5, 30.0, 35.5, 42.7, 71.4 and 150.5 for 2, 5, 10, 25, 50, 100 and 200. Only the " +
    "shape is compared. Its logs take 9 ms on disks of 2012, ours a third of a millisecond on a data-centre SSD, so both " +
    "phases of a few participants fit into the commit wait, 8 ms, and one participant is hardly faster than two; its clients read in a phase of " +
    "their own; and what a message costs a processor there is not told: 100 us here. On the threads there are ten groups and two processors, " +
    "which do all the work one after another.",
  designs,
  tanks: {
    simulation: { full: plan(8, 12, 4, all), quick: plan(8, 3, 3, all) },
    threads: {
      full: plan(10, 1.5, 3, liveCounts.map(liveNameOf)),
      quick: plan(10, 1.5, 1, [liveNameOf(1), liveNameOf(10)]),
    },
  },
  headline: {
    metric: "write.meanMs",
    baseline: nameOf(2),
    candidate: nameOf(50),
    better: "lower",
    sentence(measured, ratio) {
      const far = designsRun(measured).includes(nameOf(200)) ? `; 200 take ${meanOf(measured, 200).toFixed(0)} ms` : "";
      return `A transaction over 50 groups takes ${ratio.value.toFixed(2)} times as long as one over 2${far}.`;
    },
  },
  claims: [
    {
      text: "Up to 50 participants a transaction takes little longer than with two",
      expected: "at most 1.9 times the mean of two (table 4: 1.74)",
      tanks: ["simulation"],
      judge: (measured) => allOf([5, 10, 25, 50].map((count) => ratioOf(measured, nameOf(2), nameOf(count), 0, 1.9))),
    },
    {
      text: "At 100 and more it takes noticeably longer",
      expected: "100 at least 1.3 times and 200 at least 2 times the mean of 50 (table 4: 1.67 and 3.52)",
      tanks: ["simulation"],
      judge: (measured) =>
        allOf([
          ratioOf(measured, nameOf(50), nameOf(100), 1.3, Infinity),
          ratioOf(measured, nameOf(50), nameOf(200), 2, Infinity),
        ]),
    },
    {
      text: "On this machine, too, no transaction is answered before two errors have passed",
      expected: "a median of at least 8 ms with any number of participants",
      tanks: ["threads"],
      judge(measured) {
        const medians = designsRun(measured).flatMap((name) => measured.values(name, "write.p50Ms"));
        return inEveryRun(
          medians.map((ms) => ms >= 8),
          `${medians.map((ms) => ms.toFixed(1)).join(", ")} ms`,
        );
      },
    },
    {
      text: "All of a transaction is there or nothing, in the order of timestamps",
      expected: "every check holds",
      judge: everyCheckHolds,
    },
  ],
  charts(measured): Chart[] {
    const here = (measured.tank === "simulation" ? counts : liveCounts).filter((count) =>
      designsRun(measured).includes(name(measured, count)),
    );
    const points = (metric: string): number[][] =>
      here.map((count) => [count, mean(measured.values(name(measured, count), metric))]);
    return [
      {
        kind: "lines",
        title: "Latency by participants",
        reading: "Flat to fifty; from a hundred on, the nodes that speak to all groups are what is waited for.",
        xLabel: "participants",
        yLabel: "latency (ms)",
        xScale: "log",
        yScale: "log",
        series: [
          { name: "mean", points: points("write.meanMs") },
          { name: "99th percentile", points: points("write.p99Ms") },
          { name: "table 4, mean", points: paper.map(([count, ms]) => [count, ms]), dashed: true },
        ],
      },
    ];
  },
};

function name({ tank }: Measured, count: number): string {
  return tank === "simulation" ? nameOf(count) : liveNameOf(count);
}

function meanOf(measured: Measured, count: number): number {
  return mean(measured.values(nameOf(count), "write.meanMs"));
}

function ratioOf(measured: Measured, from: string, to: string, low: number, high: number) {
  const { status, measured: seen } = ratioWithin(
    measured.values(from, "write.meanMs"),
    measured.values(to, "write.meanMs"),
    low,
    high,
  );
  return { status, measured: `${measured.of(to).design.title} over ${measured.of(from).design.title}: ${seen}` };
}
