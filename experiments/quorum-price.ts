/**
 * One, two or three answers: what does a shopper pay for each promise, and what does it buy when a replica stops?
 *
 *     R=1 W=1   asks nobody twice          a read may miss what was just written
 *     R=2 W=2   a majority each time       R + W > N: every read sees every write acknowledged before it
 *     R=1 W=3   every replica, each write  one that stops stops all writes
 *
 * Sessions view, add to, change and check out carts; half-way one of three nodes stands still for a while.
 */
import type { Deployment, Replication } from "../backend/api.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { atLeast, ratioAtMost } from "../runners/compare/judge.ts";
import type { Design, Experiment, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { checkout } from "../workloads/checkout.ts";
import { designBars, designsRun, percentileChart, percents, percentWithInterval, timelineChart } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";

function design(title: string, description: string, r: number, w: number): Design {
  const replication: Replication = { n: 3, r, w, sloppy: false };
  const deployment: Deployment = {
    topology: oneRegion(3, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "tables", virtualNodes: 150, quorumTimeoutUs: 400 * millisecond },
  };
  const orders = { replication: { n: 3, r: 2, w: 2, sloppy: false } };
  return {
    title,
    description,
    deployment,
    workload: checkout({
      table: { merge: "union", replication },
      orders,
      keys: "zipf:0.99:2000",
      thinkUs: { kind: "exponential", mean: 40_000 },
      strict: r + w > 3,
    }),
    calls: { clients: 20, timeoutUs: second },
  };
}

const designs = {
  one: design("R=1 W=1", "A read or write is answered by one replica; the others follow.", 1, 1),
  majority: design("R=2 W=2", "Two of three replicas answer every read and write.", 2, 2),
  all: design("R=1 W=3", "Every write is on all three replicas before it is answered.", 1, 3),
} satisfies Record<string, Design>;

function plan(sessionsPerSecond: number, s: { from: number; for: number; end: number }, rounds: number): TankPlan {
  return {
    load: { kind: "poisson", perSecond: sessionsPerSecond },
    forUs: s.end * second,
    warmUpUs: 0,
    rounds,
    faults: [{ atUs: s.from * second, fault: { kind: "pause", nodes: [2], forUs: s.for * second } }],
  };
}

export const quorumPrice: Experiment = {
  name: "quorum-price",
  title: "One, two or three answers",
  question: "What does a quorum cost a shopper, and what does it buy when a replica stops?",
  source: "DeCandia et al., Dynamo, SOSP 2007, section 4.5; Bailis et al., PBS, VLDB 2012",
  notes: "Orders are placed by majority in every design; what differs is the cart. Clients do not retry.",
  designs,
  tanks: {
    simulation: { full: plan(100, { from: 6, for: 3, end: 15 }, 4), quick: plan(100, { from: 4, for: 2, end: 10 }, 3) },
    threads: {
      full: plan(150, { from: 0.7, for: 0.8, end: 2.2 }, 3),
      quick: plan(150, { from: 0.6, for: 0.8, end: 2 }, 1),
    },
  },
  headline: {
    metric: "add.p50Ms",
    baseline: "majority",
    candidate: "one",
    better: "lower",
    sentence(measured, ratio) {
      const failed = (name: string): string => percentWithInterval(percents(measured, name, "unansweredShare"));
      return (
        `Answering from one replica adds to a cart in ${percentWithInterval([ratio.value * 100])} of the time a majority takes; ` +
        `while one of three nodes stands still, a majority leaves ${failed("majority")} of all operations unanswered and W=3 ${failed("all")}.`
      );
    },
  },
  metrics: (run) => ({ unansweredShare: run.metrics.refusedShare + run.metrics.unknownShare }),
  claims: [
    {
      text: "One answer is faster than two",
      expected: "the median put takes at most 90 % of the majority's",
      tanks: ["simulation"],
      judge: (measured) =>
        ratioAtMost(measured.values("majority", "add.p50Ms"), measured.values("one", "add.p50Ms"), 0.9),
    },
    {
      text: "Waiting for all three is slower than for two",
      expected: "the median put takes at most 95 % of W=3's",
      tanks: ["simulation"],
      judge: (measured) =>
        ratioAtMost(measured.values("all", "add.p50Ms"), measured.values("majority", "add.p50Ms"), 0.95),
    },
    {
      text: "W=3 cannot write while one replica stands still",
      expected: "a third more unanswered than the majority's, whose paused node leaves its own clients waiting too",
      judge: (measured) =>
        ratioAtMost(measured.values("all", "unansweredShare"), measured.values("majority", "unansweredShare"), 0.75),
    },
    {
      text: "No design loses an acknowledged line or places an order twice",
      expected: "every check holds",
      judge: everyCheckHolds,
    },
    {
      text: "A majority answers nearly everything all the same",
      expected: "at least 85 % of all operations, those sent to the paused node included",
      judge: (measured) => atLeast(percents(measured, "majority", "okShare"), 85, "%"),
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      percentileChart(measured, {
        title: "Latency of all operations",
        reading: "The median is the price of waiting for more replicas; the tail is the node that stood still.",
        designs: names,
      }),
      {
        kind: "bars",
        title: "Operations refused or unanswered",
        reading: "What a stopped replica costs: little with a majority, every write with W=3.",
        valueLabel: "share of operations (%)",
        bars: designBars(measured, names, (run) => run.metrics.unansweredShare * 100),
      },
      timelineChart(measured, {
        title: "Through the pause",
        reading: "Node 2 stands still in the grey band; its own clients wait for it in every design.",
        designs: names,
      }),
    ];
  },
};
