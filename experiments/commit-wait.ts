/**
 * Spanner waits before it answers. What does that cost, and what does it buy?
 *
 *     order arrives    stamp s = TT.now().latest          answer
 *        |─────────────── log: a majority has it ───────────|
 *        |─── until TT.now().earliest > s: 2 eps ───────────|      latency = hops + max(log, 2 eps)
 *
 * Clocks stand up to nine tenths of their claimed error apart, one ahead, one behind: honest, and as bad as that can be. Zones are 2.2 ms
 * from each other, so the log takes some 5 ms: longer than two errors of 1 ms, shorter than two of 4 or 7.
 */
import type { FixedTime, TimeSpec } from "../backend/kernel/time-spec.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { allOf, inEveryRun, ratioWithin } from "../runners/compare/judge.ts";
import type { Design, Experiment, Judgement, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import type { OrderPromise } from "../workloads/transactions-check.ts";
import { transactions } from "../workloads/transactions.ts";
import { designBars, designsRun, mean } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";
import { database, disordered, neighbours, noneDisordered, someDisordered } from "./database.ts";

/** One way between two zones. */
const zoneUs = { minUs: 2_000, meanUs: 200 } as const;
const topology = oneRegion(3, 3, { ...cloudDelays, betweenZones: { kind: "exponential", ...zoneUs } });
/** To the entry node and back, and from there to the leader and back, which two of three entries have to. */
const hopsMs = (2 * (80 + 20) + (2 / 3) * 2 * (zoneUs.minUs + zoneUs.meanUs)) / 1_000;

function design(
  title: string,
  description: string,
  time: TimeSpec,
  { commitWait = true, order = "kept" }: { commitWait?: boolean; order?: OrderPromise } = {},
): Design {
  return {
    title,
    description,
    deployment: database({
      topology,
      tablets: 3,
      replicas: (tablet) => neighbours(tablet, 3, 3),
      leaseUs: 2 * second,
      turnUs: 5,
      commitWait,
      time,
    }),
    workload: transactions({
      keysPerTablet: 1_000,
      mix: { write: 4, readOnly: 1, snapshot: 0 },
      order,
      slackUs: 100,
    }),
    calls: { clients: 20, timeoutUs: 2 * second },
  };
}

/** Every clock claims `ms`; the first is nine tenths of it ahead, the second as much behind. */
function fixed(ms: number): FixedTime {
  const errorUs = ms * millisecond;
  const disturbed = [1, -1].map((sign, node) => ({ nodes: [node], stepUs: sign * errorUs * 0.9, driftPpm: 0 }));
  return { kind: "fixed", errorUs, disturbed };
}

function waiting(ms: number): Design {
  return design(`Wait, ${ms} ms`, `Answers wait until their timestamp has passed; clocks claim ${ms} ms.`, fixed(ms));
}

const designs = {
  off: design("No wait", "Answers leave as soon as the log has them; clocks claim 7 ms.", fixed(7), {
    commitWait: false,
    order: "counted",
  }),
  wait1: waiting(1),
  wait4: waiting(4),
  wait7: waiting(7),
  polled: design("Wait, polled", "As Spanner's clocks: asked every 30 s, 200 us/s of drift, from 1 to 7 ms.", {
    kind: "polled",
  }),
  liar: design(
    "Wait, one clock lies",
    "As polled, but one quartz drifts by 1,000 us/s, five times what is allowed for, and has lost its masters.",
    { kind: "polled", disturbed: [{ nodes: [1], stepUs: 0, driftPpm: 1_000, polls: false }] },
    { order: "counted" },
  ),
} satisfies Record<string, Design>;

const errorMs = { wait1: 1, wait4: 4, wait7: 7 } as const;
const honest = ["wait1", "wait4", "wait7", "polled"] as const;

function plan(perSecond: number, forS: number, rounds: number): TankPlan {
  const forUs = forS * second;
  return { load: { kind: "poisson", perSecond }, forUs, warmUpUs: 2 * second, rounds, faults: [] };
}

/** All threads read one clock, so nothing can be out of order there: what the wait costs is all that is to be seen. */
const live = ["off", "wait4", "wait7"];

export const commitWait: Experiment = {
  name: "commit-wait",
  title: "Commit wait: what it costs and what it buys",
  question:
    "A transaction is answered only when its timestamp has passed for certain. What does that cost, and what without it?",
  source: "Corbett et al., Spanner, OSDI 2012, sections 3, 4.1.2 and 4.2.1",
  notes:
    "The wait is often told as an addition to the log's time. It begins when the order arrives and runs beside the log, so the longer of " +
    "the two counts, and with good clocks it is free. What is broken without it needs no fault: two honest clocks that differ by less than " +
    "they claim are enough. On the threads all nodes read one clock and claim what the design says.",
  designs,
  tanks: {
    simulation: { full: plan(150, 60, 5), quick: plan(70, 36, 4) },
    threads: {
      full: { ...plan(100, 1.5, 3), warmUpUs: second / 2, designs: live },
      quick: { ...plan(100, 1.5, 1), warmUpUs: second / 2, designs: ["off", "wait4"] },
    },
  },
  headline: {
    metric: "write.meanMs",
    baseline: "off",
    candidate: "wait4",
    better: "lower",
    sentence(measured, ratio) {
      const broken = designsRun(measured).includes("off") ? disordered(measured, "off") : [];
      const count = broken.reduce((sum, each) => sum + each, 0);
      const bought = measured.tank === "simulation" ? `; without it ${count} answers contradict real time` : "";
      return `Clocks good to 4 ms make a write take ${ratio.value.toFixed(2)} times as long with commit wait${bought}.`;
    },
  },
  metrics(run) {
    return { disorderedCount: run.metrics["check.inversions"] + run.metrics["check.staleReads"] };
  },
  claims: [
    {
      text: "A write takes its hops and then the longer of the log and the wait",
      expected: "mean = hops + max(log, 2 eps) within 3 %, the log's own time taken from the design that does not wait",
      tanks: ["simulation"],
      judge: (measured) => allOf(lawNames.map((name) => judgeLaw(measured, name))),
    },
    {
      text: "With clocks good enough the wait is free",
      expected: "2 eps = 2 ms, below the log's 5 ms: within 3 % of no wait at all",
      tanks: ["simulation"],
      judge: (measured) =>
        ratioWithin(measured.values("off", "write.meanMs"), measured.values("wait1", "write.meanMs"), 0.97, 1.03),
    },
    {
      text: "With the wait no answer contradicts real time",
      expected: "0 writes or reads out of order, in every run with honest clocks",
      judge: (measured) =>
        noneDisordered(
          measured,
          honest.filter((name) => designsRun(measured).includes(name)),
        ),
    },
    {
      text: "Without it some do, though every clock is honest",
      expected: "some, in every run",
      tanks: ["simulation"],
      judge: (measured) => someDisordered(measured, "off"),
    },
    {
      text: "A clock that drifts beyond its claim breaks the order all the same",
      expected: "some, in every run: the wait is only as good as the bound",
      tanks: ["simulation"],
      judge: (measured) => someDisordered(measured, "liar"),
    },
    {
      text: "On this machine a write waits two errors, too",
      expected: "the median is at least 8 ms with clocks that claim 4, and 14 ms with those that claim 7",
      tanks: ["threads"],
      judge: (measured) =>
        allOf(
          (["wait4", "wait7"] as const)
            .filter((name) => designsRun(measured).includes(name))
            .map((name) => judgeMedian(measured, name)),
        ),
    },
    {
      text: "No acknowledged write is lost in any design",
      expected: "every check holds",
      judge: everyCheckHolds,
    },
  ],
  charts(measured): Chart[] {
    if (measured.tank === "threads") {
      return [
        {
          kind: "bars",
          title: "Median time of a write",
          reading: "At least two claimed errors, whatever the log takes.",
          valueLabel: "median latency (ms)",
          bars: designBars(measured, designsRun(measured), (run) => run.metrics["write.p50Ms"]),
        },
      ];
    }
    return [
      lawChart(measured),
      {
        kind: "bars",
        title: "Answers that contradict real time",
        reading: "None while clocks keep their bound and answers wait.",
        valueLabel: "writes and reads out of order in a run",
        bars: designBars(measured, designsRun(measured), (run) => run.metrics.disorderedCount),
      },
    ];
  },
};

const lawNames = ["wait1", "wait4", "wait7"] as const;

/** What the law says of a log that, by itself, makes a write take `offMs`. */
function lawMs(offMs: number, claimedMs: number): number {
  return hopsMs + Math.max(offMs - hopsMs, 2 * claimedMs);
}

function lawChart(measured: Measured): Chart {
  const names = designsRun(measured);
  const meanOf = (name: string): number => mean(measured.values(name, "write.meanMs"));
  const offMs = names.includes("off") ? meanOf("off") : NaN;
  const law = [0, (offMs - hopsMs) / 2, 7.5].map((ms) => [ms, lawMs(offMs, ms)]);
  const waited = lawNames.filter((name) => names.includes(name)).map((name) => [errorMs[name], meanOf(name)]);
  return {
    kind: "lines",
    title: "Mean time of a write",
    reading:
      "While two errors are shorter than the log takes, the wait is free; from there on they are what a write takes.",
    xLabel: "error that clocks claim (ms)",
    yLabel: "mean latency (ms)",
    xScale: "linear",
    yScale: "linear",
    series: [
      { name: "measured", points: waited, as: "points" },
      { name: "hops + max(log, 2 eps)", points: Number.isNaN(offMs) ? [] : law, dashed: true },
    ],
  };
}

/** Measured against what the law says of the same round's log. */
function judgeLaw(measured: Measured, name: (typeof lawNames)[number]): Judgement {
  const law = measured.values("off", "write.meanMs").map((ms) => lawMs(ms, errorMs[name]));
  const { status, measured: seen } = ratioWithin(law, measured.values(name, "write.meanMs"), 0.97, 1.03);
  const told = `${mean(measured.values(name, "write.meanMs")).toFixed(2)} ms against ${mean(law).toFixed(2)}`;
  return { status, measured: `${measured.of(name).design.title}: ${told}, ${seen}` };
}

function judgeMedian(measured: Measured, name: "wait4" | "wait7"): Judgement {
  const medians = measured.values(name, "write.p50Ms");
  const held = medians.map((ms) => ms >= 2 * errorMs[name]);
  return inEveryRun(held, `${measured.of(name).design.title}: ${medians.map((ms) => ms.toFixed(1)).join(", ")} ms`);
}
