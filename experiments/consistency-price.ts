/**
 * The same charge on a quorum store, on a replicated log and on one node: read a balance, record a charge, write the balance.
 *
 *     overwrite    three quorums, nothing holds them together      what others wrote in between is overwritten
 *     add          two quorums, the store adds                     who is not answered asks again and adds again
 *     log          one read and one transaction at the leader      both writes or none, on condition that nobody was faster
 *     one node     as on the log, with nobody to ask               and nobody to go on when it stops
 *
 * First the leader's node is cut off from the others, later it crashes and comes back; clients ask again what was not answered.
 */
import type { Deployment, ServiceSpec } from "../backend/api.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { allOf, atLeast, atMost, figure, inEveryRun, ratioAtMost, ratioWithin } from "../runners/compare/judge.ts";
import type { Claim, Design, Experiment, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { balances } from "../workloads/balances.ts";
import { designBars, designsRun, forEachDesign, mean, percents, percentWithInterval, timelineChart } from "./charts.ts";

function design(title: string, description: string, service: ServiceSpec, by: "overwrite" | "add" | "log"): Design {
  const deployment: Deployment = {
    topology: oneRegion(3, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service,
  };
  return {
    title,
    description,
    deployment,
    workload: balances({ by, keys: "uniform:20", exact: by === "log" }),
    calls: {
      clients: 20,
      timeoutUs: 400 * millisecond,
      retry: { attempts: 3, backoff: { kind: "full-jitter", baseUs: 50 * millisecond, capUs: 400 * millisecond } },
    },
  };
}

const quorum: ServiceSpec = { kind: "tables", virtualNodes: 150, quorumTimeoutUs: 300 * millisecond };

function log(replicas: readonly number[]): ServiceSpec {
  return { kind: "keys", log: { replicas, leaseUs: 500 * millisecond } };
}

const designs = {
  overwrite: design(
    "Quorum, the client adds",
    "R=2 W=2 of 3: read the balance, write the charge, write the balance.",
    quorum,
    "overwrite",
  ),
  add: design(
    "Quorum, the store adds",
    "R=2 W=2 of 3: write the charge, then have the balance raised by one.",
    quorum,
    "add",
  ),
  log: design(
    "Log of 3 replicas",
    "Read at the leader, then both writes in one transaction of the log.",
    log([0, 1, 2]),
    "log",
  ),
  single: design("One node", "The same on a log of one replica.", log([0]), "log"),
} satisfies Record<string, Design>;

type Name = keyof typeof designs;

interface Times {
  /** The leader's node is cut off, and joined again. */
  readonly cutS: number;
  readonly healedS: number;
  /** It crashes, and is back 0.4 s later. */
  readonly crashS: number;
  readonly endS: number;
}

function plan(s: Times, rounds: number, more: Partial<TankPlan> = {}): TankPlan {
  return {
    load: { kind: "poisson", perSecond: 150 },
    forUs: s.endS * second,
    warmUpUs: 0,
    rounds,
    faults: [
      { atUs: s.cutS * second, fault: { kind: "partition", from: [0], to: [1, 2] } },
      { atUs: s.healedS * second, fault: { kind: "heal" } },
      { atUs: s.crashS * second, fault: { kind: "crash", nodes: [0] } },
      { atUs: (s.crashS + 0.4) * second, fault: { kind: "restart", nodes: [0] } },
    ],
    ...more,
  };
}

/** Counted in every run of a design: "3, 0, 1 lost; 0, 0, 2 doubled". */
function counted(measured: Measured, name: Name): string {
  const of = (what: string): string => measured.values(name, `check.${what}`).join(", ");
  return `${of("lost")} lost and ${of("doubled")} doubled of ${of("charges")} charges`;
}

const claims: readonly Claim[] = [
  {
    text: "Money adds up on the log and on one node, through the partition and the crash",
    expected: "0 lost, 0 doubled in every run, and every acknowledged charge is there",
    judge(measured) {
      const exact = designsRun(measured).filter((name) => name === "log" || name === "single");
      return forEachDesign(measured, exact, (name) => {
        const wrong = measured.values(name, "wrongShare");
        const held = measured.of(name).runs.map(({ check }, i) => check.held && wrong[i] === 0);
        return inEveryRun(held, counted(measured, name as Name));
      });
    },
  },
  {
    text: "A quorum loses no acknowledged write, and loses money where the client adds",
    expected:
      "R + W > N is about single writes: each check holds, yet two charges of one account in the time of one lose one of them; " +
      "7.5 charges a second of an account, 4 ms each: at least 1 % in every run",
    judge(measured) {
      const wrong = measured.values("overwrite", "wrongShare");
      const held = measured.of("overwrite").runs.map(({ check }, i) => check.held && wrong[i] >= 0.01);
      return inEveryRun(held, counted(measured, "overwrite"));
    },
  },
  {
    text: "Where the store adds it loses or doubles less, and still does",
    expected:
      "some in every run, for nothing holds charge and balance together; and at most half of the share where the client adds",
    tanks: ["simulation"],
    judge(measured) {
      const [added, overwritten] = ["add", "overwrite"].map((name) => measured.values(name, "wrongShare"));
      return inEveryRun(
        added.map((share, i) => share > 0 && share <= overwritten[i] / 2),
        counted(measured, "add"),
      );
    },
  },
  {
    text: "A charge through the log takes less time than three quorums",
    expected:
      "by round trips between zones and flushes: 2/3 to the leader for each of two requests, and one to a majority, against three: " +
      "0.6 to 0.9 times the median",
    tanks: ["simulation"],
    judge: (measured) =>
      ratioWithin(measured.values("overwrite", "charge.p50Ms"), measured.values("log", "charge.p50Ms"), 0.6, 0.9),
  },
  {
    text: "A single write costs on the log what it costs a quorum, and the way to the leader",
    expected: "two thirds of a round trip between zones on top of one: 1 to 1.8 times the time beyond the read",
    tanks: ["simulation"],
    judge: (measured) =>
      ratioWithin(measured.values("overwrite", "writeMs"), measured.values("log", "writeMs"), 1, 1.8),
  },
  {
    text: "One node is fastest, and gone while it is cut off or down; the log answers",
    expected:
      "at most 0.9 times the log's median; at least 97 % of the log's charges made (three attempts at the node that is cut off: " +
      "1/27 of those asked meanwhile), at most 95 % of its own (8/27)",
    tanks: ["simulation"],
    judge: (measured) =>
      allOf([
        ratioAtMost(measured.values("log", "charge.p50Ms"), measured.values("single", "charge.p50Ms"), 0.9),
        atLeast(percents(measured, "log", "madeShare"), 97, "%"),
        atMost(percents(measured, "single", "madeShare"), 95, "%"),
      ]),
  },
];

export const consistencyPrice: Experiment = {
  name: "consistency-price",
  title: "A charge on a quorum, on a log, on one node",
  question: "What does it cost that money adds up, and what does it cost that it does not?",
  source:
    "DeCandia et al., Dynamo, SOSP 2007, sections 2.1 and 4.5; Corbett et al., Spanner, OSDI 2012, section 1 (on application programmers)",
  notes:
    "Dynamo promises no isolation and was not meant for this. R + W > N is often called strong consistency: each single write is then seen by every later " +
    "read, and two writes that belong together still are not one. Charges are of one unit each, so that what is missing can be counted.",
  designs,
  tanks: {
    simulation: {
      full: plan({ cutS: 5, healedS: 8, crashS: 11, endS: 15 }, 5),
      quick: plan({ cutS: 2, healedS: 4.5, crashS: 6, endS: 8 }, 3),
    },
    threads: {
      full: plan({ cutS: 0.6, healedS: 1, crashS: 1.6, endS: 2.4 }, 2, { designs: ["overwrite", "log", "single"] }),
      quick: plan({ cutS: 0.4, healedS: 0.7, crashS: 1, endS: 1.6 }, 1, { designs: ["overwrite", "log"] }),
    },
  },
  headline: {
    metric: "addsUpShare",
    baseline: "overwrite",
    candidate: "log",
    better: "higher",
    sentence(measured) {
      const wrong = (name: Name): string => percentWithInterval(percents(measured, name, "wrongShare"));
      const ms = (name: Name): string => `${figure(mean(measured.values(name, "charge.p50Ms")))} ms`;
      return (
        `On a quorum ${wrong("overwrite")} of all charges are missing from the balance or counted twice, on a log ${wrong("log")}; ` +
        `the median charge takes ${ms("overwrite")} and ${ms("log")}.`
      );
    },
  },
  metrics({ metrics }) {
    const wrongShare = (metrics["check.lost"] + metrics["check.doubled"]) / metrics["check.charges"];
    return {
      wrongShare,
      addsUpShare: 1 - wrongShare,
      madeShare: metrics["check.completed"] / metrics["check.asked"],
      // All steps are due at once, so what is beyond the read's latency is the write's.
      writeMs: (metrics["record.p50Ms"] ?? metrics["charge.p50Ms"]) - metrics["read.p50Ms"],
    };
  },
  claims,
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      {
        kind: "bars",
        title: "Charges that the balance lacks or has twice",
        reading: "A quorum keeps every write and loses what two of them mean together.",
        valueLabel: "share of charges (%)",
        bars: designBars(measured, names, (run) => run.metrics.wrongShare * 100),
      },
      {
        kind: "bars",
        title: "Median time of a whole charge",
        reading: "One transaction at a leader is fewer round trips than three quorums.",
        valueLabel: "ms",
        bars: designBars(measured, names, (run) => run.metrics["charge.p50Ms"]),
      },
      timelineChart(measured, {
        title: "Through the partition and the crash",
        reading:
          "Node 0 is cut off in the first band and crashes in the second: a majority goes on, one node does not.",
        designs: names,
      }),
    ];
  },
};
