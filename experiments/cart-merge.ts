/**
 * The shopping cart under a partition: what becomes of two shoppers who change one cart on both sides of a broken network?
 *
 *     n0 n1 | n2 n3 n4          union           both sides accept, every line survives, removed lines may come back
 *      cart | cart              last writer     both sides accept, one side's lines are gone
 *                               strict quorum   the side without two replicas refuses, nothing is lost
 *
 * Pairs of sessions read the same cart, change it and write it back with the context they read, one from each side.
 */
import type { Deployment, MergeRule, Replication } from "../backend/api.ts";
import { second } from "../backend/kernel/units.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { atLeast, inEveryRun } from "../runners/compare/judge.ts";
import type { Design, Experiment, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { cartConflict } from "../workloads/cart-conflict.ts";
import { designBars, designsRun, percents, percentWithInterval, timelineChart } from "./charts.ts";

const sides: readonly [readonly number[], readonly number[]] = [
  [0, 1],
  [2, 3, 4],
];
const quorum = { n: 3, r: 2, w: 2 };

function design(title: string, description: string, merge: MergeRule, sloppy: boolean): Design {
  const replication: Replication = { ...quorum, sloppy };
  const deployment: Deployment = {
    topology: oneRegion(5, 1, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "tables", virtualNodes: 150, quorumTimeoutUs: second / 2 },
  };
  return {
    title,
    description,
    deployment,
    workload: cartConflict({ table: { merge, replication }, carts: 60, sides }),
    calls: { clients: 1, timeoutUs: second },
  };
}

const designs = {
  union: design(
    "Union of versions",
    "Sloppy quorum; concurrent carts are merged line by line, as in Dynamo.",
    "union",
    true,
  ),
  lastWriterWins: design(
    "Last writer wins",
    "Sloppy quorum; of concurrent carts the one with the later timestamp stays.",
    "last-writer-wins",
    true,
  ),
  strict: design(
    "Strict quorum",
    "Writes that two of the cart's three replicas cannot store are refused.",
    "union",
    false,
  ),
} satisfies Record<string, Design>;

function plan(perSecond: number, s: { from: number; to: number; end: number }, rounds: number): TankPlan {
  return {
    load: { kind: "poisson", perSecond },
    forUs: s.end * second,
    warmUpUs: 0,
    rounds,
    faults: [
      { atUs: s.from * second, fault: { kind: "partition", from: sides[0], to: sides[1] } },
      { atUs: s.to * second, fault: { kind: "heal" } },
    ],
  };
}

export const cartMerge: Experiment = {
  name: "cart-merge",
  title: "Union, last writer wins, or refusal",
  question: "Two shoppers change one cart on both sides of a partition. What is in it afterwards?",
  source: "DeCandia et al., Dynamo, SOSP 2007, sections 4.4 and 6.1",
  notes:
    "The paper's cart may show removed items again after a merge; such lines are counted as resurrected and are no violation. " +
    "The strict design loses nothing and answers fewer: which of the two a shop wants is the paper's question.",
  designs,
  tanks: {
    simulation: { full: plan(80, { from: 5, to: 20, end: 30 }, 5), quick: plan(80, { from: 3, to: 10, end: 15 }, 3) },
    threads: {
      full: plan(120, { from: 0.6, to: 2.4, end: 3 }, 3),
      quick: plan(120, { from: 0.5, to: 2, end: 2.5 }, 1),
    },
  },
  headline: {
    metric: "savedShare",
    baseline: "lastWriterWins",
    candidate: "union",
    better: "higher",
    sentence(measured) {
      const lost = (name: string): string => percentWithInterval(percents(measured, name, "lostShare"));
      const unanswered = percentWithInterval(percents(measured, "strict", "unansweredShare"));
      return (
        `Merging by union loses ${lost("union")} of the acknowledged lines, last writer wins ${lost("lastWriterWins")}; ` +
        `a strict quorum loses ${lost("strict")} and refuses or leaves unanswered ${unanswered} of the operations.`
      );
    },
  },
  metrics(run) {
    const added = run.metrics["check.linesAdded"];
    return {
      savedShare: added > 0 ? 1 - run.metrics["check.linesLost"] / added : NaN,
      lostShare: added > 0 ? run.metrics["check.linesLost"] / added : NaN,
      unansweredShare: run.metrics.refusedShare + run.metrics.unknownShare,
      resurrectedShare: added > 0 ? run.metrics["check.linesResurrected"] / added : NaN,
    };
  },
  claims: [
    {
      text: "Union loses no acknowledged line",
      expected: "0 of all lines added",
      judge: (measured) => noneLost(measured, "union"),
    },
    {
      text: "Last writer wins loses acknowledged lines",
      expected: "more than 1 % of the lines added",
      judge: (measured) => atLeast(percents(measured, "lastWriterWins", "lostShare"), 1, "%"),
    },
    {
      text: "A strict quorum loses no acknowledged line",
      expected: "0 of all lines added",
      judge: (measured) => noneLost(measured, "strict"),
    },
    {
      text: "A strict quorum refuses during the partition",
      expected: "at least 3 % of all operations refused or unknown",
      judge: (measured) => atLeast(percents(measured, "strict", "unansweredShare"), 3, "%"),
    },
    {
      text: "A sloppy quorum goes on answering on both sides",
      expected: "at least 95 % of all operations ok: those of the first quarter second meet nodes not yet suspected",
      judge: (measured) => atLeast(percents(measured, "union", "okShare"), 95, "%"),
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      {
        kind: "bars",
        title: "Acknowledged lines lost",
        reading: "Last writer wins is consistent and forgets; union and a strict quorum forget nothing.",
        valueLabel: "share of lines added (%)",
        bars: designBars(measured, names, (run) => run.metrics.lostShare * 100),
      },
      {
        kind: "bars",
        title: "Operations refused or unknown",
        reading: "What nothing-is-lost costs without merging: answers.",
        valueLabel: "share of operations (%)",
        bars: designBars(measured, names, (run) => run.metrics.unansweredShare * 100),
      },
      {
        kind: "bars",
        title: "Removed lines that came back",
        reading: "The price of union: a line removed on one side returns from the other.",
        valueLabel: "share of lines added (%)",
        bars: designBars(measured, names, (run) => run.metrics.resurrectedShare * 100),
      },
      timelineChart(measured, {
        title: "Through the partition",
        reading:
          "Sloppy quorums answer within a fraction of a second of the cut; the strict one refuses until it heals.",
        designs: names,
      }),
    ];
  },
};

function noneLost(measured: Measured, name: string) {
  const lost = measured.values(name, "check.linesLost");
  const added = measured.values(name, "check.linesAdded");
  return inEveryRun(
    lost.map((count, i) => count === 0 && added[i] > 0),
    `lost ${lost.join(", ")} of ${added.join(", ")} lines`,
  );
}
