/**
 * One replica of three stands still for a moment, as one does that collects its garbage. Reads that need its answer wait for it, or ask the third
 * replica.
 *
 *     plain     two replicas are asked, and no other
 *     hedged    ... the third after 10 ms, for one read in twenty at most
 *     p95       ... after what 95 % of the last 1,000 reads took
 *
 * It is paused for 240 ms of every five seconds, too short to be suspected, and half of the reads ask it: one read in forty is late.
 * Clients ask the other two nodes; who asks a node that stands still is helped by no hedge inside.
 */
import type { Deployment } from "../backend/api.ts";
import type { HedgeSpec } from "../backend/api-tails.ts";
import type { FaultAt } from "../backend/kernel/fault.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { figure, inEveryRun } from "../runners/compare/judge.ts";
import type { Design, Experiment, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { items } from "../workloads/items.ts";
import { designBars, designsRun, mean, percent, percentileChart } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";

const slow = 2;
const pauseMs = 240;
const everyS = 5;

function design(title: string, description: string, hedge: HedgeSpec | "never"): Design {
  const deployment: Deployment = {
    topology: oneRegion(3, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "tables", virtualNodes: 150, quorumTimeoutUs: 400 * millisecond, hedge },
  };
  return {
    title,
    description,
    deployment,
    workload: items({ readShare: 0.9, entries: [0, 1], strict: true, slackUs: 2 * millisecond }),
    calls: { clients: 20, timeoutUs: second },
  };
}

/** The hedges of one read in twenty at most, saved up for one pause. */
const budget = { kind: "share", share: 0.05, burst: 50 } as const;

const designs = {
  plain: design("No hedge", "A read asks two replicas and no other.", "never"),
  hedged: design("Hedge at 10 ms", "A read asks two replicas, and the third after 10 ms, within a budget of 5 %.", {
    copies: 2,
    delay: { kind: "fixed", afterUs: [10 * millisecond] },
    budget,
  }),
  p95: design("Hedge at p95", "As before, after what 95 % of the last 1,000 reads took.", {
    copies: 2,
    delay: { kind: "quantile", quantile: 0.95, window: 1_000, initialUs: 10 * millisecond },
    budget,
  }),
} satisfies Record<string, Design>;

function plan(pauses: number, rounds: number, more: Partial<TankPlan> = {}): TankPlan {
  const faults = Array.from({ length: pauses }, (_, i): FaultAt => {
    const fault = { kind: "pause", nodes: [slow], forUs: pauseMs * millisecond } as const;
    return { atUs: (i + 0.7) * everyS * second, fault };
  });
  const forUs = pauses * everyS * second;
  return { load: { kind: "poisson", perSecond: 500 }, forUs, warmUpUs: 0, rounds, faults, ...more };
}

/** By how much p99 of reads fell in each round. */
function fall(measured: Measured, name: string): number[] {
  const plain = measured.values("plain", "read.p99Ms");
  return measured.values(name, "read.p99Ms").map((ms, i) => 1 - ms / plain[i]);
}

/** The pause makes fewer than one read in twenty late: where p95 is late too, something else stood still. */
function undisturbed(measured: Measured): boolean[] {
  const [plain, hedged] = ["plain", "hedged"].map((name) => measured.values(name, "read.p95Ms"));
  return plain.map((ms, i) => Math.max(ms, hedged[i]) < 10);
}

export const slowReplica: Experiment = {
  name: "slow-replica",
  title: "A replica that stands still now and then",
  question: "How much of a slow replica does a hedged read notice, and for how many more requests?",
  source: "Dean and Barroso, The Tail at Scale, CACM 56(2), 2013; DeCandia et al., Dynamo, SOSP 2007, section 4.5",
  notes:
    "Left alone the store asks every replica after 30 ms, which is a hedge of its own; here the design without one has none. A delay that follows p95 sends " +
    "what its budget allows, slow replica or not.",
  designs,
  tanks: {
    simulation: { full: plan(4, 3), quick: plan(2, 2) },
    threads: {
      full: plan(1, 3, { designs: ["plain", "hedged"] }),
      quick: plan(1, 1, { designs: ["plain", "hedged"] }),
    },
  },
  headline: {
    metric: "read.p99Ms",
    baseline: "plain",
    candidate: "hedged",
    better: "lower",
    sentence: (measured) =>
      `A read that asks a third replica after 10 ms takes ${percent(1 - mean(fall(measured, "hedged")))} of the p99 it had, for ` +
      `${percent(mean(measured.values("hedged", "extraShare")))} more requests.`,
  },
  metrics({ metrics }): Record<string, number> {
    const reads = metrics["counter.hedgeReads"];
    return reads === undefined ? {} : { extraShare: metrics["counter.hedgeSent"] / reads };
  },
  claims: [
    {
      text: "Hedged at 10 ms, p99 of reads falls by 80 % at least",
      expected:
        "from more than half of a pause to 10 ms and a round trip, in every round in which p95 of reads is below 10 ms in both designs",
      judge(measured) {
        const falls = fall(measured, "hedged");
        const counted = undisturbed(measured);
        const seen = ["plain", "hedged"].map((name) => measured.values(name, "read.p99Ms").map(figure).join(", "));
        const text = `${falls.map(percent).join(", ")}: from ${seen[0]} ms to ${seen[1]} ms`;
        const held = falls.filter((_, i) => counted[i]).map((share) => share >= 0.8);
        if (held.length > 0) return inEveryRun(held, `${text}; ${held.length} of ${falls.length} rounds undisturbed`);
        return {
          status: "undecided",
          measured: `${text}; in every round p95 was above 10 ms: the machine had other work`,
        };
      },
    },
    {
      text: "It takes at most 5 % more requests",
      expected: "one read in forty needs another replica's answer; the budget allows one in twenty",
      judge(measured) {
        const shares = measured.values("hedged", "extraShare");
        return inEveryRun(
          shares.map((share) => share <= 0.05),
          shares.map(percent).join(", "),
        );
      },
    },
    {
      text: "No write is sent twice, and no acknowledged one is missed by a later read",
      expected: "r + w > n, and hedges only add answers: every check holds",
      judge: everyCheckHolds,
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      {
        kind: "bars",
        title: "p99 of reads",
        reading: "A hedge is as good as its delay: the tail begins where it is sent.",
        valueLabel: "ms",
        bars: designBars(measured, names, (run) => run.metrics["read.p99Ms"]),
      },
      percentileChart(measured, {
        title: "Reads and writes",
        reading: "One read in forty needs the replica that stands still; writes need any two and wait for nobody.",
        designs: names,
      }),
    ];
  },
};
