/**
 * A range of keys becomes hot and cools again, in a store of five tablets.
 *
 *     |── even ──|────── nine of ten operations in a twentieth of the keys ──────|──────── even ────────|
 *      a fifth      fixed, by size: all of it in one log        by load: halved,   merged, once nobody
 *      a log        where it queues without end                 each half a log    asks for them any more
 *
 * A log takes one write at a time here, so what it carries is one a round trip to another zone and a flush: some 700 a second, about the
 * cap of a partition of DynamoDB (1,000). A log that batches would carry the load, and hide what is asked.
 */
import type { Deployment } from "../backend/api.ts";
import type { TabletRules } from "../backend/api-tablets.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { allOf, atLeast, atMost, inEveryRun } from "../runners/compare/judge.ts";
import type { Design, Experiment, TankPlan } from "../runners/experiment.ts";
import type { Chart, RunResult } from "../runners/results.ts";
import { rowKey, rows } from "../workloads/rows.ts";
import {
  designBars,
  designsRun,
  forEachDesign,
  percent,
  percents,
  percentWithInterval,
  percentileChart,
  timelineChart,
} from "./charts.ts";
import { okShareBetween, recoverySeconds } from "./timeline.ts";

const perSecond = 1_200;
const keys = 3_000;
const hotKeys = 150;
const evenS = 2;
const hotS = 8;
/** The last seconds of the hot spell: everything that is to be done has been done. */
const settledS = 3;
/** On a real disk: a load that any machine bears, logs that batch, and tablets that split all the same. */
const livePerSecond = 150;

interface More {
  readonly live?: boolean;
  /** Nine of ten operations ask for so many keys while they are hot. */
  readonly hot?: number;
}

function design(title: string, description: string, balance?: TabletRules, more: More = {}): Design {
  const { live = false, hot = hotKeys } = more;
  const rate = live ? livePerSecond : perSecond;
  const log = live ? { leaseUs: 2 * second } : { leaseUs: second, window: 1, batch: 1 };
  const deployment: Deployment = {
    topology: oneRegion(3, 3, cloudDelays),
    durability: "log",
    turnUs: 20,
    service: {
      kind: "tablets",
      log: { replicas: [0, 1, 2], ...log },
      bounds: [1, 2, 3, 4].map((i) => rowKey((i * keys) / 5)),
      balance,
    },
  };
  return {
    title,
    description,
    deployment,
    workload: rows({
      keys: `uniform:${keys}`,
      spell: {
        fromArrival: evenS * rate,
        toArrival: (evenS + hotS) * rate,
        keys: `hotspot:0.9:${hot}:${keys}`,
      },
      readShare: 0.1,
      slackUs: millisecond,
    }),
    calls: { clients: 1, timeoutUs: live ? 2 * second : second },
  };
}

const patience = { patienceUs: second / 2, restUs: second } as const;

const byLoad: TabletRules = {
  ...patience,
  splitAbovePerSecond: 800,
  mergeBelowPerSecond: 265,
  mergeMaxRows: 2_000,
  mergeMaxBytes: 500_000,
};

const designs = {
  fixed: design("Fixed ranges", "Five tablets, whatever is asked."),
  bySize: design("Split by size", "A tablet of more than 250 rows is split where its rows are halved.", {
    ...patience,
    splitAboveRows: 250,
    mergeBelowPerSecond: 0,
  }),
  byLoad: design(
    "Split by load",
    "A tablet that is asked too often is split where its load is halved; cool ones merge.",
    byLoad,
  ),
  oneKey: design("One hot key, split by load", "As by load, and nine of ten operations ask for one key.", byLoad, {
    hot: 1,
  }),
  live: design(
    "Split under a light load",
    "As by load, at an eighth of the load and with logs that batch: what a split costs those under way.",
    { ...patience, splitAbovePerSecond: 100, mergeBelowPerSecond: 20 },
    { live: true },
  ),
} satisfies Record<string, Design>;

const simulated = ["fixed", "bySize", "byLoad"] as const;

function plan(afterS: number, rounds: number, rate = perSecond): TankPlan {
  const forUs = (evenS + hotS + afterS) * second;
  return { load: { kind: "poisson", perSecond: rate }, forUs, warmUpUs: 0, rounds, faults: [] };
}

export const tabletSplit: Experiment = {
  name: "tablet-split",
  title: "A hot range: fixed tablets, split by size, split by load",
  question: "A range of keys becomes hot. Does splitting its tablet restore service, and at what cost while it splits?",
  source:
    "Elhemali et al., Amazon DynamoDB, USENIX ATC 2022, section 4 (split for consumption); Corbett et al., Spanner, OSDI 2012, section 2",
  notes:
    "Spanner's paper moves fragments between groups and leaves splits untold; the protocol is this project's own. A single hot key is not " +
    "split for: no key halves its load. Tablets that are cool while another is hot merge, and when the load is even again one of them may " +
    "have to split anew: what is seen at the end of the spell.",
  designs,
  tanks: {
    simulation: {
      full: { ...plan(10, 5), designs: [...simulated, "oneKey"] },
      quick: { ...plan(6, 3), designs: simulated },
    },
    threads: {
      full: { ...plan(2, 3, livePerSecond), designs: ["live"] },
      quick: { ...plan(0.5, 1, livePerSecond), designs: ["live"] },
    },
  },
  headline: {
    metric: "hotOkShare",
    baseline: "fixed",
    candidate: "byLoad",
    better: "higher",
    sentence(measured) {
      const share = (name: string): string => percentWithInterval(percents(measured, name, "hotOkShare"));
      return (
        `While a range is hot, fixed tablets answer ${share("fixed")} of all operations in time; ` +
        `once its tablet has split where its load is halved, ${share("byLoad")} are.`
      );
    },
  },
  metrics(run) {
    return {
      evenOkShare: okShareBetween(run, 0.4, evenS - 0.1),
      // Rows are half a second long and the spell ends at an arrival, at about its second: the row that may hold its end is left out.
      hotOkShare: okShareBetween(run, evenS + hotS - settledS, evenS + hotS - 0.6),
      // From the beginning of the spell until nine of ten operations are answered in time for the rest of it.
      restoredS: Math.min(recoverySeconds(run, evenS, evenS + hotS), hotS),
      splits: counted(run, "splits"),
      merges: counted(run, "merges"),
      staleRoutes: counted(run, "staleRoutes"),
    };
  },
  claims: [
    {
      text: "An even load is answered by every design",
      expected: "at least 98 % in time",
      judge: (measured) =>
        forEachDesign(measured, designsRun(measured), (name) =>
          atLeast(percents(measured, name, "evenOkShare"), 98, "%"),
        ),
    },
    {
      text: "Fixed tablets lose the hot range",
      expected:
        "more is asked than one log takes, so its queue passes the timeout: at most 40 % of all operations in time",
      tanks: ["simulation"],
      judge: (measured) => atMost(percents(measured, "fixed", "hotOkShare"), 40, "%"),
    },
    {
      text: "Splitting by size does not help: the hot keys stay together",
      expected: "at most 40 % in time, though there are more tablets",
      tanks: ["simulation"],
      judge: (measured) =>
        allOf([
          atMost(percents(measured, "bySize", "hotOkShare"), 40, "%"),
          atLeast(measured.values("bySize", "splits"), 3, "splits"),
        ]),
    },
    {
      text: "Splitting where the load is halved restores service",
      expected: "at least 99 % in time once settled",
      tanks: ["simulation"],
      judge: (measured) => atLeast(percents(measured, "byLoad", "hotOkShare"), 99, "%"),
    },
    {
      text: "A single hot key is not split for, and splitting would not help it",
      expected: "no key halves its load: at most 1 split in a run, of what has merged meanwhile; at most 30 % in time",
      tanks: ["simulation"],
      judge(measured) {
        const splits = measured.values("oneKey", "splits");
        return allOf([
          inEveryRun(
            splits.map((count) => count <= 1),
            `${splits.join(", ")} splits`,
          ),
          atMost(percents(measured, "oneKey", "hotOkShare"), 30, "%"),
        ]);
      },
    },
    {
      text: "A split loses nothing and is hardly felt",
      expected: "at most 1 % of all operations without an answer in time, the seconds before the split included",
      tanks: ["simulation"],
      judge: (measured) => atMost(percents(measured, "byLoad", "unknownShare"), 1, "%"),
    },
    {
      text: "A split under a light load fails nobody",
      expected: "at least one split, and 98 % of all operations answered in time, those under way included",
      tanks: ["threads"],
      judge(measured) {
        const [splits, shares] = ["splits", "okShare"].map((name) => measured.values("live", name));
        const told = splits.map((count, i) => `${count} splits, ${percent(shares[i])} in time`).join("; ");
        const held = splits.map((count, i) => count > 0 && shares[i] >= 0.98);
        return inEveryRun(held, told);
      },
    },
    {
      text: "It is restored soon: a hot tablet is noticed, split, and its new log led, within seconds",
      expected: "half a second of patience, one of rest, and the queue of that time: at most 4 s for the whole way",
      tanks: ["simulation"],
      judge: (measured) => atMost(measured.values("byLoad", "restoredS"), 4, "s"),
    },
    {
      text: "Cool neighbours merge, and nothing flaps",
      expected: "at least one merge, and at most 12 splits and merges in the whole run",
      tanks: ["simulation"],
      judge(measured) {
        const [splits, merges] = ["splits", "merges"].map((name) => measured.values("byLoad", name));
        const told = splits.map((count, i) => `${count} splits, ${merges[i]} merges`).join("; ");
        const held = splits.map((count, i) => merges[i] > 0 && count + merges[i] <= 12);
        return inEveryRun(held, told);
      },
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      timelineChart(measured, {
        title: "Before, during and after the hot spell",
        reading: `From ${evenS} s to ${evenS + hotS} s nine of ten operations ask for a twentieth of the keys.`,
        designs: names,
      }),
      {
        kind: "bars",
        title: "Answered in time while the range is hot",
        reading: "More tablets help only if the hot keys end up in different ones.",
        valueLabel: "share of operations (%)",
        bars: designBars(measured, names, (run) => run.metrics.hotOkShare * 100),
      },
      percentileChart(measured, {
        title: "Latency of answered operations",
        reading: "Of the whole run, the seconds in which the tablet was too hot and not yet split included.",
        designs: names,
      }),
    ];
  },
};

function counted(run: RunResult, name: string): number {
  const value = run.counters[name];
  return typeof value === "number" ? value : 0;
}
