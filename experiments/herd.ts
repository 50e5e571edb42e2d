/**
 * A hot key expires, and a thousand clients want it. Who recomputes it?
 *
 *     plain      everybody who asks before the first has set it again      the herd
 *     coalesced  the first; the others wait until it is there
 *     stale      the first to find it due, while the others take what is still there: nobody waits
 */
import type { Deployment } from "../backend/api.ts";
import { noDelays, oneRegion } from "../backend/kernel/topology.ts";
import { mebibyte, second } from "../backend/kernel/units.ts";
import { figure, inEveryRun } from "../runners/compare/judge.ts";
import type { Claim, Design, Experiment, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { herd } from "../workloads/herd.ts";
import { designBars, designsRun, mean } from "./charts.ts";

const deployment: Deployment = {
  topology: oneRegion(1, 1, noDelays),
  durability: "none",
  service: { kind: "cache", memoryBytes: 16 * mebibyte },
};

function design(title: string, description: string, by: string): Design {
  return { title, description, deployment, workload: herd({ by }), calls: { clients: 1_000, timeoutUs: second } };
}

const designs = {
  plain: design("Plain expiry", "Who misses recomputes.", "plain"),
  coalesced: design("Coalesced", "The first to miss recomputes, the others ask again every 10 ms.", "coalesced"),
  stale: design(
    "Stale while revalidate",
    "The first to find it due recomputes, the others take the old value.",
    "stale",
  ),
} satisfies Record<string, Design>;

function plan(seconds: number, rounds: number, more: Partial<TankPlan> = {}): TankPlan {
  return {
    load: { kind: "poisson", perSecond: 1_000 },
    forUs: seconds * second,
    warmUpUs: 0,
    rounds,
    faults: [],
    ...more,
  };
}

function once(name: "coalesced" | "stale"): Claim {
  return {
    text: `${designs[name].title}: exactly one recomputation for each expiry`,
    expected: "among a thousand clients, in every run and for every expiry",
    judge(measured) {
      const most = measured.values(name, "check.mostPerExpiry");
      const expiries = measured.values(name, "check.expiries");
      return inEveryRun(
        most.map((count, i) => count === 1 && expiries[i] >= 2),
        `at most ${most.join(", ")} in ${expiries.join(", ")} expiries`,
      );
    },
  };
}

export const herdExperiment: Experiment = {
  name: "herd",
  title: "The herd at an expiry",
  question: "How often is a hot value recomputed when it expires?",
  source:
    "memcached, doc/protocol.txt, meta get with N and R; Nishtala et al., Scaling Memcache at Facebook, NSDI 2013, section 3.2.1",
  notes:
    "A value lives 3 s and takes 50 ms to recompute; with stale-while-revalidate it is due when it has less than 2 s left.",
  designs,
  tanks: {
    simulation: { full: plan(20, 3), quick: plan(10, 1) },
    threads: { full: plan(8, 1, { designs: [] }), quick: plan(8, 1, { designs: [] }) },
  },
  headline: {
    metric: "check.recomputations",
    baseline: "plain",
    candidate: "stale",
    better: "lower",
    sentence: (measured) =>
      `At plain expiry up to ${figure(Math.max(...measured.values("plain", "check.mostPerExpiry")))} clients recompute one value at once; with ` +
      `stale-while-revalidate one does.`,
  },
  claims: [
    {
      text: "Plain expiry brings the herd",
      expected: "a thousand clients a second for 50 ms: 30 recomputations or more for one expiry",
      judge(measured) {
        const perExpiry = measured
          .values("plain", "check.recomputations")
          .map((count, i) => count / measured.values("plain", "check.expiries")[i]);
        return inEveryRun([mean(perExpiry) >= 30], `${perExpiry.map(figure).join(", ")} an expiry`);
      },
    },
    once("coalesced"),
    once("stale"),
  ],
  charts(measured): Chart[] {
    return [
      {
        kind: "bars",
        title: "Recomputations at one expiry, at most",
        reading: "One is enough.",
        valueLabel: "recomputations",
        bars: designBars(measured, designsRun(measured), (run) => run.metrics["check.mostPerExpiry"]),
      },
    ];
  },
};
