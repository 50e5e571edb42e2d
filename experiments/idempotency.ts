/**
 * Keys on and off under lost answers: how often is a card charged twice because its owner's client asked again?
 *
 *     client ──charge──> leader ──> log          the charge is made
 *        ^ ............. answer lost             and nobody heard of it
 *        └──the same, again──> leader            with a key: the first answer; without: another charge
 *
 * Links between nodes lose messages throughout, and the leader dies once. Clients try up to four times, always with the same key; one design
 * looks at it and the other does not.
 */
import type { Deployment } from "../backend/api.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { atLeast, inEveryRun } from "../runners/compare/judge.ts";
import type { Design, Experiment, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { charges } from "../workloads/charges.ts";
import { designBars, designsRun, percentileChart, percents, percentWithInterval, timelineChart } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";

function design(title: string, description: string, idempotency: boolean): Design {
  const deployment: Deployment = {
    topology: oneRegion(3, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "charges", idempotency, log: { replicas: [0, 1, 2], leaseUs: 500 * millisecond } },
  };
  return {
    title,
    description,
    deployment,
    workload: charges({ once: idempotency, repeatShare: 0, thinkUs: { kind: "exponential", mean: 40_000 } }),
    calls: {
      clients: 20,
      timeoutUs: 400 * millisecond,
      retry: { attempts: 4, backoff: { kind: "full-jitter", baseUs: 50 * millisecond, capUs: 400 * millisecond } },
    },
  };
}

const designs = {
  keys: design("Idempotency keys", "The first answer to a key is kept and given to whoever sends it again.", true),
  none: design("No keys", "Each request is a request of its own.", false),
} satisfies Record<string, Design>;

const nodes = [0, 1, 2];

function plan(perSecond: number, s: { from: number; to: number; end: number }, rounds: number): TankPlan {
  return {
    load: { kind: "poisson", perSecond },
    forUs: s.end * second,
    warmUpUs: s.from * 0.5 * second,
    rounds,
    faults: [
      { atUs: s.from * second, fault: { kind: "drop", from: nodes, to: nodes, probability: 0.03 } },
      { atUs: s.from * 1.5 * second, fault: { kind: "crash", nodes: [0] } },
      { atUs: (s.from * 1.5 + 0.3) * second, fault: { kind: "restart", nodes: [0] } },
      { atUs: s.to * second, fault: { kind: "heal" } },
    ],
  };
}

export const idempotency: Experiment = {
  name: "idempotency",
  title: "Idempotency keys, or none",
  question: "Answers are lost and clients ask again. How many cards are charged twice?",
  source:
    "Stripe API reference, Idempotent requests; Leach, Designing robust and predictable APIs with idempotency, 2017",
  notes:
    "A key is part of the charge's own transaction in the log, so whoever sees the one sees the other. Both designs ask four times at " +
    "most; what is still unanswered then may have been charged, and is counted once.",
  designs,
  tanks: {
    simulation: { full: plan(200, { from: 3, to: 12, end: 15 }, 5), quick: plan(200, { from: 2, to: 6, end: 8 }, 3) },
    threads: {
      full: plan(400, { from: 0.4, to: 2.2, end: 2.4 }, 5),
      quick: plan(200, { from: 1, to: 2.5, end: 3 }, 1),
    },
  },
  headline: {
    metric: "onceShare",
    baseline: "none",
    candidate: "keys",
    better: "higher",
    sentence(measured) {
      const doubled = (name: string): string => percentWithInterval(percents(measured, name, "doubledShare"));
      return `Without keys ${doubled("none")} of all charges are second charges for one request, with keys ${doubled("keys")}.`;
    },
  },
  metrics(run) {
    const made = run.metrics["check.charges"];
    const doubledShare = made > 0 ? run.metrics["check.doubled"] / made : NaN;
    return { doubledShare, onceShare: 1 - doubledShare };
  },
  claims: [
    {
      text: "With keys nobody is charged twice",
      expected: "0 charges beyond the first of a key, in every run",
      judge(measured) {
        const doubled = measured.values("keys", "check.doubled");
        return inEveryRun(
          doubled.map((count) => count === 0),
          `${doubled.length} runs with ${doubled.join(", ")} second charges`,
        );
      },
    },
    {
      text: "Without keys clients that ask again charge twice",
      expected: "at least 0.2 % of all charges",
      judge: (measured) => atLeast(percents(measured, "none", "doubledShare"), 0.2, "%"),
    },
    {
      text: "Money adds up in both designs",
      expected: "every check holds: the balance is what the books come to, and no answered charge is missing",
      judge: everyCheckHolds,
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      {
        kind: "bars",
        title: "Second charges for one request",
        reading: "What a lost answer costs where the service does not remember what it was asked.",
        valueLabel: "share of all charges (%)",
        bars: designBars(measured, names, (run) => run.metrics.doubledShare * 100),
      },
      percentileChart(measured, {
        title: "Latency of all operations",
        reading: "A key is one more thing to look up and to write; the tail is clients who ask again.",
        designs: names,
      }),
      timelineChart(measured, {
        title: "Through the loss",
        reading: "Links lose messages until they heal; the leader dies once.",
        designs: names,
      }),
    ];
  },
};
