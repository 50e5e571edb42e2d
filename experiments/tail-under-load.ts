/**
 * Hedges are load. Twenty servers with queues, whose own times have a tail, under 10 % to 95 % of what they can do: what a second copy saves
 * while there is room, and what it costs when there is none.
 *
 *     little load    the copy finds an idle server                           p99 falls
 *     much load      everybody waits, so everything is sent twice             more load, more waiting, more copies
 *     a budget       one read in fifty, however many are late                 nothing to gain where all wait, and little to lose
 *     tied           the copy that nobody begins costs nothing                p99 falls at every load
 *
 * A server cannot stop what it has begun, as those of the paper cannot; what waits in its queue can be taken back.
 */
import type { Deployment, StationService } from "../backend/api.ts";
import type { FanOutSpec, HedgeSpec, SurvivalCurve } from "../backend/api-tails.ts";
import { noDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { figure, inEveryRun } from "../runners/compare/judge.ts";
import type { Claim, Design, Experiment, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { fanOut } from "../workloads/fan-out.ts";
import type { FanOutRow } from "../workloads/fan-out.ts";
import { designBars, designsRun } from "./charts.ts";

const servers = 20;
const loads = [10, 30, 50, 70, 80, 90, 95] as const;
/** At these a hedge without a budget is expected to do harm. */
const high = [80, 90, 95] as const;

/** Mean 4.02 ms, median 2.8 ms, p99 23 ms; the tail is cut short so that a mean waiting time exists. */
const curve: SurvivalCurve = [
  [2 * millisecond, 1],
  [6 * millisecond, 0.1],
  [60 * millisecond, 0.002],
  [600 * millisecond, 1e-6],
];

/** The integral of the survival function, microseconds. */
function meanUs(points: SurvivalCurve): number {
  let sum = points[0][0];
  points.slice(1).forEach(([at, survival], i) => {
    const [from, before] = points[i];
    const slope = Math.log(before / survival) / Math.log(at / from);
    const last = i === points.length - 2;
    sum += ((before * from) / (slope - 1)) * (last ? 1 : 1 - (at / from) ** (1 - slope));
  });
  return sum;
}

/** Reads a second at one per cent of what the servers can do. */
const perPercent = (servers * second) / meanUs(curve) / 100;

const row = (load: number): string => `load ${load} %`;

/** A quarter of each step is let pass before anything is counted under its name. */
function rows(stepS: number): FanOutRow[] {
  return loads.flatMap((load) => {
    const arrivals = rateOf(load) * stepS;
    const settling = Math.floor(arrivals / 4);
    return [
      { name: "settling", arrivals: settling },
      { name: row(load), arrivals: arrivals - settling },
    ];
  });
}

function rateOf(load: number): number {
  return Math.round(load * perPercent);
}

const stepS = 3;

function design(title: string, description: string, spread: Partial<FanOutSpec>): Design {
  const service: StationService = {
    kind: "station",
    servers: 1,
    serviceUs: 4 * millisecond,
    service: "exponential",
    discipline: "fifo",
    queueLimit: 1e9,
    dropExpired: false,
    fanOut: { parts: 1, leaves: "queues", curve, ...spread },
  };
  const deployment: Deployment = { topology: oneRegion(servers, 1, noDelays), durability: "none", service };
  return {
    title,
    description,
    deployment,
    workload: fanOut({ parts: 1, rows: rows(stepS) }),
    calls: { clients: 1, timeoutUs: 600 * second },
  };
}

const at10: HedgeSpec = { copies: 2, delay: { kind: "fixed", afterUs: [10 * millisecond] } };
const atP95: HedgeSpec = {
  copies: 2,
  delay: { kind: "quantile", quantile: 0.95, window: 1_000, initialUs: 10 * millisecond },
};

const designs = {
  none: design("No hedge", "Each read is asked of one server.", {}),
  fixed: design("Hedge at 10 ms", "A second server after 10 ms; both run to their end.", {
    hedge: at10,
    cancel: false,
  }),
  p95: design("Hedge at p95", "A second server after what 95 % of the last 1,000 reads took; both run to their end.", {
    hedge: atP95,
    cancel: false,
  }),
  cancelled: design(
    "Hedge at 10 ms, losers called off",
    "As before, and the copy that lost is dropped if it still waits.",
    {
      hedge: at10,
    },
  ),
  budget: design("Hedge at 10 ms, within a budget", "Losers are called off, and at most one read in fifty is hedged.", {
    hedge: { ...at10, budget: { kind: "share", share: 0.02, burst: 2 } },
  }),
  tied: design("Tied", "Two servers, the second 1 ms later; whoever begins one tells the other to drop it.", {
    tied: { copies: 2, staggerUs: 1 * millisecond },
  }),
} satisfies Record<string, Design>;

type Name = keyof typeof designs;

function plan(more: Partial<TankPlan>): TankPlan {
  const ratesPerSecond = loads.map(rateOf);
  const forUs = stepS * loads.length * second;
  return { load: { kind: "step", ratesPerSecond }, forUs, warmUpUs: 0, rounds: 3, faults: [], ...more };
}

/** p99 against that without a hedge: the geometric mean over runs. */
function against(measured: Measured, name: Name, load: number): number {
  const plain = measured.values("none", `${row(load)}.p99Ms`);
  const logs = measured.values(name, `${row(load)}.p99Ms`).map((ms, i) => Math.log(ms / plain[i]));
  return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
}

function compared(measured: Measured, name: Name, at: readonly number[]): string {
  return at.map((load) => `${load} %: x${figure(against(measured, name, load))}`).join(", ");
}

function ratios(
  text: string,
  expected: string,
  name: Name,
  at: readonly number[],
  fits: (ratio: number) => boolean,
): Claim {
  return {
    text,
    expected,
    tanks: ["simulation"],
    judge: (measured) =>
      inEveryRun(
        at.map((load) => fits(against(measured, name, load))),
        `p99 against none, by load: ${compared(measured, name, at)}`,
      ),
  };
}

export const tailUnderLoad: Experiment = {
  name: "tail-under-load",
  title: "Hedges under load",
  question: "From what load on does asking twice make the tail longer?",
  source: "Dean and Barroso, The Tail at Scale, CACM 56(2), 2013; budgets after gRPC proposal A6 and Finagle",
  notes:
    "Every server has its own queue and reads choose theirs at random, so that there is always a shorter queue to move to: that favours hedges. " +
    "One run climbs through all loads, so a design that has fallen behind at one load carries its backlog into the next.",
  designs,
  tanks: {
    simulation: {
      full: plan({}),
      quick: plan({ rounds: 1, designs: ["none", "fixed", "budget", "tied"] }),
    },
    threads: { full: plan({ designs: [] }), quick: plan({ designs: [] }) },
  },
  headline: {
    metric: "load 90 %.p99Ms",
    baseline: "none",
    candidate: "fixed",
    better: "lower",
    sentence: (measured) =>
      `At 10 % load a hedge after 10 ms takes p99 to ${figure(against(measured, "fixed", 10))} of what it was, at 90 % to ` +
      `${figure(against(measured, "fixed", 90))} times; within a budget of 2 % it is ${figure(against(measured, "budget", 90))} times, tied ` +
      `${figure(against(measured, "tied", 90))}.`,
  },
  claims: [
    ratios(
      "A hedge helps while there is room",
      "at 10 % load p99 falls by a third at least",
      "fixed",
      [10],
      (r) => r < 0.67,
    ),
    ratios(
      "Without a budget hedging is harmful at high load",
      "everything waits longer than 10 ms, so everything is sent twice: p99 at least twice that of no hedge",
      "fixed",
      high,
      (r) => r > 2,
    ),
    ratios(
      "Waiting for p95 does not help: it follows the load it makes",
      "p99 at least twice that of no hedge at 90 and 95 %",
      "p95",
      [90, 95],
      (r) => r > 2,
    ),
    {
      text: "With a budget it is not harmful",
      expected:
        "2 % more requests, most of them dropped in the queue: p99 at 80, 90 and 95 % together at most 1.25 times that of no hedge; one " +
        "load of one run alone varies by more between equal designs",
      tanks: ["simulation"],
      judge(measured) {
        const together = Math.cbrt(high.reduce((product, load) => product * against(measured, "budget", load), 1));
        return inEveryRun([together <= 1.25], `x${figure(together)} together; ${compared(measured, "budget", high)}`);
      },
    },
    ratios(
      "Tied requests help at every load",
      "the shorter of two queues: p99 below that of no hedge everywhere",
      "tied",
      loads,
      (r) => r < 1,
    ),
    ratios("Tied requests help most when servers are busy", "p99 at most a third", "tied", high, (r) => r < 1 / 3),
    {
      text: "Hedging without a budget sends nearly everything twice",
      expected: "more than half of all reads over the whole climb; with the budget at most 2 % and its burst",
      tanks: ["simulation"],
      judge(measured) {
        const share = (name: Name): number[] =>
          measured.of(name).runs.map(({ metrics }) => metrics["counter.hedgeSent"] / metrics["counter.hedgeReads"]);
        const [fixed, budget] = [share("fixed"), share("budget")];
        const held = fixed.map((each, i) => each > 0.5 && budget[i] < 0.025);
        return inEveryRun(held, `${fixed.map(figure).join(", ")} and ${budget.map(figure).join(", ")} hedges a read`);
      },
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [10, 50, 80, 95].map((load) => ({
      kind: "bars",
      title: `p99 at ${row(load)}`,
      reading:
        load < 50
          ? "With idle servers a second copy is answered at once."
          : "What all do twice, all wait for twice as long.",
      valueLabel: "ms",
      bars: designBars(measured, names, (run) => run.metrics[`${row(load)}.p99Ms`]),
    }));
  },
};
