/**
 * A second is put into the day. A whole day around it, from noon to noon, with a rush of transactions at midnight.
 *
 *     reference      ignored ─────────────────   step ────────┐            linear ──╲___           cosine ────╮
 *     against true time                                       └──────── -1 s            ╲___ -1 s             ╰───── -1 s
 *                    noon     midnight    noon
 *
 * Where clocks step, each node does so at a moment of its own, at most 100 ms after midnight: until the last has, claims of a few
 * milliseconds are wrong by a second. Where they are smeared, all run slow together by less than the drift they allow for.
 */
import type { LeapSecond } from "../backend/kernel/time-spec.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { hour, second } from "../backend/kernel/units.ts";
import { allOf, atLeast, atMost, figure, inEveryRun, ratioWithin } from "../runners/compare/judge.ts";
import type { Design, Experiment, TankPlan } from "../runners/experiment.ts";
import type { Chart, RunResult } from "../runners/results.ts";
import type { OrderPromise } from "../workloads/transactions-check.ts";
import { transactions } from "../workloads/transactions.ts";
import { designBars, designsRun, forEachDesign, mean } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";
import { database, neighbours, noneDisordered, someDisordered } from "./database.ts";

const midnightUs = 12 * hour;
const dayUs = 24 * hour;

function design(title: string, description: string, leap: LeapSecond, order: OrderPromise = "kept"): Design {
  return {
    title,
    description,
    deployment: database({
      topology: oneRegion(3, 3, cloudDelays),
      tablets: 2,
      replicas: (tablet) => neighbours(tablet, 3, 3),
      // Nobody dies here; a day of idle heartbeats need not be simulated.
      leaseUs: 60 * second,
      heartbeatUs: 15 * second,
      turnUs: 5,
      time: { kind: "polled", leap },
    }),
    workload: transactions({
      tablets: 2,
      keysPerTablet: 1_000,
      mix: { write: 3, readOnly: 1, snapshot: 0 },
      order,
      slackUs: 100,
      shiftEveryUs: hour,
    }),
    calls: { clients: 20, timeoutUs: 10 * second },
  };
}

const atUs = midnightUs;
const designs = {
  ignored: design("Nothing", "The second is not counted: a fleet on TAI or GPS time.", { kind: "ignored", atUs }),
  step: design(
    "Step",
    "At midnight each node sets its clock back by a second, within 100 ms of the others.",
    { kind: "step", atUs },
    "counted",
  ),
  linear: design("Linear smear", "From noon to noon all clocks run 11.574 us/s slow.", { kind: "linear", atUs }),
  cosine: design("Cosine smear", "In the twelve hours before midnight clocks run slow, gently at both ends.", {
    kind: "cosine",
    atUs,
    windowUs: 12 * hour,
  }),
} satisfies Record<string, Design>;

const smears = ["linear", "cosine"] as const;
const smooth = ["ignored", ...smears] as const;

function plan(perSecond: number, peakPerSecond: number, rounds: number): TankPlan {
  // The load's first second is as much later than the day's as finding the first leaders took: a minute at most.
  const peak = { peakPerSecond, atUs: midnightUs - 80 * second, lengthUs: 84 * second };
  return { load: { kind: "spike", perSecond, ...peak, poisson: true }, forUs: dayUs, warmUpUs: 0, rounds, faults: [] };
}

const notOnThreads: TankPlan = { ...plan(1, 1, 1), designs: [] };

export const leapSecond: Experiment = {
  name: "leap-second",
  title: "A leap second: stepped, smeared or ignored",
  question: "A second is inserted at midnight. What does a database that lives by its clocks notice of it?",
  source:
    "Pascoe, Time, technology and leaping seconds, 2011; Google Public NTP, Leap Smear; Corbett et al., Spanner, OSDI 2012, section 3",
  notes:
    "The outages of 1 July 2012 are told as a livelock in clock_gettime. What the kernel's developers found is that the timer base was not told " +
    "of the step (clock_was_set was not called): absolute timers expired a second early from then on, so loops that slept until a time spun. A " +
    "smear is told as 11.6 us/s for a day: it is 1/86,400, 11.574, from noon to noon UTC, and never more than half a second from UTC; that of " +
    "2011 was a cosine. Smeared and unsmeared clocks must not be mixed: a deployment whose time masters treat the second differently from its " +
    "nodes is refused. Virtual time only: a day is a day on the threads.",
  designs,
  tanks: {
    simulation: { full: plan(0.04, 100, 5), quick: plan(0.01, 60, 3) },
    threads: { full: notOnThreads, quick: notOnThreads },
  },
  headline: {
    metric: "write.maxMs",
    baseline: "step",
    candidate: "linear",
    better: "lower",
    sentence(measured) {
      const longest = (name: string): string => `${figure(mean(measured.values(name, "write.maxMs")))} ms`;
      const broken = mean(measured.values("step", "disorderedCount")).toFixed(0);
      return (
        `Clocks that step make ${broken} answers contradict real time and writes wait up to ${longest("step")}; ` +
        `smeared over a day the longest write takes ${longest("linear")} and nothing is out of order.`
      );
    },
  },
  metrics(run) {
    return {
      disorderedCount: run.metrics["check.inversions"] + run.metrics["check.staleReads"],
      shiftMs: run.metrics["check.shiftMs.23"] ?? NaN,
    };
  },
  claims: [
    {
      text: "A step breaks the order of timestamps",
      expected: "some answers contradict real time, in every run",
      judge: (measured) => someDisordered(measured, "step"),
    },
    {
      text: "And it costs a second of waiting: what was stamped before it has to pass again",
      expected: "the longest write takes at least 0.7 s: a second less the time since its leader last wrote",
      judge: (measured) => atLeast(measured.values("step", "write.maxMs"), 700, "ms"),
    },
    {
      text: "A smear breaks nothing",
      expected: "0 out of order in every run, as where the second is not counted",
      judge: (measured) => noneDisordered(measured, smooth),
    },
    {
      text: "And nobody waits for it",
      expected: "the longest write takes two errors of at most 7 ms and the hops: at most 25 ms",
      judge: (measured) =>
        forEachDesign(measured, smooth, (name) => atMost(measured.values(name, "write.maxMs"), 25, "ms")),
    },
    {
      text: "Nor is the error bound any wider: what a write waits on average stays the same",
      expected: "a mean within 5 % of where the second is not counted",
      judge: (measured) =>
        forEachDesign(measured, smears, (name) =>
          ratioWithin(measured.values("ignored", "write.meanMs"), measured.values(name, "write.meanMs"), 0.95, 1.05),
        ),
    },
    {
      text: "All but those who ignore it have counted the second by the end of the day",
      expected: "an hour before noon timestamps are a second behind, within 60 ms: the linear smear has an hour to go",
      judge: (measured) =>
        allOf([
          judgeShift(measured.of("ignored").runs, 0),
          ...(["step", ...smears] as const).map((name) => judgeShift(measured.of(name).runs, -1_000)),
        ]),
    },
    { text: "No acknowledged write is lost in any design", expected: "every check holds", judge: everyCheckHolds },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      {
        kind: "lines",
        title: "Timestamps against true time",
        reading: "A step puts the whole second into one moment; a smear spreads it over hours, with everybody in step.",
        xLabel: "hours since noon",
        yLabel: "timestamps have moved by (ms)",
        xScale: "linear",
        yScale: "linear",
        series: names.map((name) => ({
          name: measured.of(name).design.title,
          points: shifts(measured.of(name).runs[0]),
        })),
      },
      {
        kind: "bars",
        title: "Longest write",
        reading: "Commit wait waits for the second to pass a second time, where clocks step.",
        valueLabel: "longest latency of a write (ms)",
        bars: designBars(measured, names, (run) => run.metrics["write.maxMs"]),
      },
    ];
  },
};

function shifts(run: RunResult): number[][] {
  return Array.from({ length: 24 }, (_, i) => [i, run.metrics[`check.shiftMs.${i}`]]).filter(
    ([, ms]) => ms !== undefined,
  );
}

function judgeShift(runs: readonly RunResult[], expectedMs: number) {
  const seen = runs.map(({ metrics }) => metrics.shiftMs);
  const held = seen.map((ms) => Math.abs(ms - expectedMs) < 60);
  return inEveryRun(held, `${seen.map((ms) => ms.toFixed(0)).join(", ")} ms`);
}
