/**
 * Three ways to read from a replicated log, and what each costs: nothing, a way to the leader, or a majority's answer.
 *
 *     by lease     the leader answers alone: nobody else can lead before its lease has run out    as old as nothing
 *     by quorum    any replica asks a majority how far the log is, and waits until it is there    as old as nothing
 *     stale        any replica answers that lacks nothing answered a second ago                   at most a second old
 *
 * First a replica is cut off for longer than a second, then the leader dies. Leases are what its death costs; who asks a majority does not
 * notice, and who may be a second old reads on for a second, at the replica that is cut off as well.
 */
import type { Deployment } from "../backend/api.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { figure, inEveryRun, ratioAtMost, ratioWithin } from "../runners/compare/judge.ts";
import type { Design, Experiment, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { registers } from "../workloads/registers.ts";
import { designBars, designsRun, percents, percentWithInterval, timelineChart } from "./charts.ts";

const leaseS = 2;
const ageS = 1;

function design(title: string, description: string, reads: "lease" | "quorum", maxAgeUs = -1): Design {
  const deployment: Deployment = {
    topology: oneRegion(3, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "keys", log: { replicas: [0, 1, 2], leaseUs: leaseS * second, reads } },
  };
  return {
    title,
    description,
    deployment,
    workload: registers({ readShare: 0.9, leader: 0, maxAgeUs }),
    calls: { clients: 20, timeoutUs: 100 * millisecond },
  };
}

const designs = {
  lease: design("By lease", "The leader answers from its own state while its lease holds.", "lease"),
  quorum: design("By quorum", "Any replica answers, once a majority has said how far the log is.", "quorum"),
  stale: design("A second old", "Any replica answers that is at most a second behind.", "lease", ageS * second),
} satisfies Record<string, Design>;

interface Times {
  /** Node 2 is cut off, and joined again. */
  readonly cutS: number;
  readonly healedS: number;
  /** Node 0, which leads, crashes for good. */
  readonly crashS: number;
  readonly endS: number;
}

function plan(perSecond: number, s: Times, rounds: number, more: Partial<TankPlan> = {}): TankPlan {
  return {
    load: { kind: "poisson", perSecond },
    forUs: s.endS * second,
    warmUpUs: 0,
    rounds,
    faults: [
      { atUs: s.cutS * second, fault: { kind: "partition", from: [2], to: [0, 1] } },
      { atUs: s.healedS * second, fault: { kind: "heal" } },
      { atUs: s.crashS * second, fault: { kind: "crash", nodes: [0] } },
    ],
    ...more,
  };
}

export const readPrice: Experiment = {
  name: "read-price",
  title: "Reads by lease, by quorum, and a second old",
  question: "What does a read cost that is never stale, and what does a stale one buy?",
  source: "Corbett et al., Spanner, OSDI 2012, sections 2.1, 4.2.2 and 4.2.4; Ongaro, Consensus, 2014, section 6.4",
  notes:
    "With replicas in three zones a quorum's answer is as far away as the leader is for two thirds of the clients: its price is messages, not time. A leader " +
    "that dies with a write under way leaves a question that no majority can answer before another leads: then reads by quorum wait as well. " +
    "Reads that fail here fail after 100 ms and are not tried again.",
  designs,
  tanks: {
    simulation: {
      full: plan(400, { cutS: 4, healedS: 5.5, crashS: 8, endS: 16 }, 5),
      quick: plan(400, { cutS: 2, healedS: 3.5, crashS: 5, endS: 10 }, 3),
    },
    threads: {
      full: plan(200, { cutS: 0.2, healedS: 0.5, crashS: 0.7, endS: 2 }, 2, { timeScale: 0.5 }),
      quick: plan(200, { cutS: 0.2, healedS: 0.5, crashS: 0.7, endS: 1.8 }, 1, {
        timeScale: 0.5,
        designs: ["lease", "stale"],
      }),
    },
  },
  headline: {
    metric: "read.p50Ms",
    baseline: "lease",
    candidate: "stale",
    better: "lower",
    sentence(measured, ratio) {
      const failed = (name: string): string => percentWithInterval(percents(measured, name, "readsFailedShare"));
      const time = percentWithInterval([ratio.value * 100]);
      return (
        `A read that may be a second old takes ${time} of the time of one by lease; of all reads, a cut and a leader's death leave ` +
        `${failed("lease")} unanswered by lease and ${failed("stale")} where a second old will do.`
      );
    },
  },
  metrics: ({ metrics }, { forUs }) => ({
    readsFailedShare: 1 - metrics["read.okShare"],
    readsFailedS: ((1 - metrics["read.okShare"]) * forUs) / second,
  }),
  claims: [
    {
      text: "No read is staler than it may be",
      expected: "every check holds; a second old: stale reads are seen in the simulation, none of them older",
      judge(measured) {
        const runs = designsRun(measured).flatMap((name) => measured.of(name).runs);
        const stale = measured.values("stale", "check.staleReads");
        const ages = measured.values("stale", "check.ageUs").map((us) => us / second);
        const held = runs.every(({ check }) => check.held);
        return inEveryRun(
          ages.map((age, i) => held && (stale[i] > 0 || measured.tank === "threads") && age <= ageS),
          `${runs.length} runs; stale reads ${stale.join(", ")}, the oldest by ${ages.map((age) => age.toFixed(3)).join(", ")} s`,
        );
      },
    },
    {
      text: "A read that may be old is answered next door",
      expected:
        "0.2 ms to the nearest node and back, against a round trip between zones more: at most 0.3 times the median",
      tanks: ["simulation"],
      judge: (measured) =>
        ratioAtMost(measured.values("lease", "read.p50Ms"), measured.values("stale", "read.p50Ms"), 0.3),
    },
    {
      text: "A majority is as far away as the leader",
      expected:
        "the first of two answers against the only one: 0.7 to 1.4 times the median, which lies between those beside the leader and the others",
      tanks: ["simulation"],
      judge: (measured) =>
        ratioWithin(measured.values("lease", "read.p50Ms"), measured.values("quorum", "read.p50Ms"), 0.7, 1.4),
    },
    {
      text: "When the leader dies, reads by lease wait for another, reads by quorum do not, and old ones wait less",
      expected:
        "unanswered in the middle one of the runs, by lease: as many as are asked in 1.6 s at the least (the lease less two heartbeats); by " +
        "quorum: at most in 0.8 s (a third of them while a replica is cut off); a second old: at least 0.8 s less than by lease",
      tanks: ["simulation"],
      judge(measured) {
        const [lease, quorum, stale] = ["lease", "quorum", "stale"].map((name) => {
          return middle(measured.values(name, "readsFailedS"));
        });
        const held = lease >= leaseS * 0.8 && quorum <= 0.8 && lease - stale >= ageS * 0.8;
        return inEveryRun([held], `${figure(lease)} s, ${figure(quorum)} s and ${figure(stale)} s`);
      },
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      {
        kind: "bars",
        title: "Median time of a read",
        reading: "Never stale costs a round trip between zones, whoever is asked.",
        valueLabel: "ms",
        bars: designBars(measured, names, (run) => run.metrics["read.p50Ms"]),
      },
      {
        kind: "bars",
        title: "Reads without an answer",
        reading: "What a replica that is cut off and a leader's death cost those who read.",
        valueLabel: "share of reads (%)",
        bars: designBars(measured, names, (run) => run.metrics.readsFailedShare * 100),
      },
      timelineChart(measured, {
        title: "Through the cut and the leader's death",
        reading: "Writes wait for another leader in every design; nine of ten operations are reads.",
        designs: names,
      }),
    ];
  },
};

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
