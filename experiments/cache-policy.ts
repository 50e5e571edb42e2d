/**
 * Four ways to choose what a full cache forgets, on five traces: LRU, segmented LRU, S3-FIFO and W-TinyLFU.
 *
 *     LRU         forgets what was used least recently: whatever comes by pushes out what was good
 *     segmented   what was used twice is safe from what was used once
 *     S3-FIFO     a tenth for newcomers; who is not used there twice is gone, and remembered as a ghost
 *     W-TinyLFU   counts everybody, and lets a newcomer in when it is asked for more often than who would go
 *
 * All have the same memory, what they remember of forgotten items included. Keys and sizes are alike, so the best that any policy could do can be
 * computed afterwards.
 */
import type { Deployment } from "../backend/api.ts";
import type { EvictionPolicy } from "../backend/api-cache.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import { second } from "../backend/kernel/units.ts";
import { allOf, atLeast } from "../runners/compare/judge.ts";
import type { Design, Experiment, Judgement, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { cacheTrace, traceNames } from "../workloads/cache-trace.ts";
import type { TraceName } from "../workloads/cache-trace.ts";
import { designBars, designsRun, mean, percents, percentWithInterval } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";

const room = 500;
const arrivalsATrace = 2_000;
/** An item of 10 bytes of key and 100 of value takes three blocks of 64 bytes and what comes with them. */
const memoryBytes = 1_024 + room * 3 * 72;

function design(policy: EvictionPolicy, title: string, description: string): Design {
  const deployment: Deployment = {
    topology: oneRegion(1),
    durability: "log",
    turnUs: 2,
    service: { kind: "cache", memoryBytes, policy },
  };
  return {
    title,
    description,
    deployment,
    workload: cacheTrace({ keys: 10 * room, arrivals: arrivalsATrace, room }),
    calls: { clients: 1, timeoutUs: second },
  };
}

const designs = {
  lru: design("lru", "LRU", "One queue; a use puts an item at its new end."),
  segmented: design(
    "segmented-lru",
    "Segmented LRU",
    "Probation, and a protected segment of 80 % for what was used there.",
  ),
  s3fifo: design(
    "s3-fifo",
    "S3-FIFO",
    "Three queues that nothing moves in: small, main, and ghosts of what left the small one.",
  ),
  tinylfu: design("w-tinylfu", "W-TinyLFU", "A window of 1 %, and counters that judge who may enter the main cache."),
} satisfies Record<string, Design>;

function plan(perSecond: number, rounds: number): TankPlan {
  const forUs = Math.ceil((traceNames.length * arrivalsATrace * second) / perSecond);
  return { load: { kind: "constant", perSecond }, forUs, warmUpUs: 0, rounds, faults: [] };
}

const hitShare = (trace: TraceName): string => `${trace}HitShare`;

/** Points by which `design` is ahead of LRU on a trace, run by run. */
function ahead(measured: Measured, design: string, trace: TraceName): number[] {
  const lru = percents(measured, "lru", hitShare(trace));
  return percents(measured, design, hitShare(trace)).map((share, i) => share - lru[i]);
}

/** Each design is ahead on its trace by so many points; what is printed is the one that is ahead by least. */
function aheadBy(measured: Measured, points: number, wanted: readonly (readonly [string, TraceName])[]): Judgement {
  const each = wanted.map(([design, trace]) => ({
    ...atLeast(ahead(measured, design, trace), points, "points"),
    which: `${measured.of(design).design.title} on ${trace}`,
    by: mean(ahead(measured, design, trace)),
  }));
  const { status } = allOf(each);
  const least = each
    .filter((one) => status === "held" || one.status !== "held")
    .reduce((a, b) => (b.by < a.by ? b : a));
  const among = wanted.length === 1 ? "" : `, the least of ${wanted.length}`;
  return { status, measured: `${least.which}: ${least.measured}${among}` };
}

const better = ["segmented", "s3fifo", "tinylfu"];
const every = (trace: TraceName): [string, TraceName][] => better.map((name) => [name, trace]);

export const cachePolicy: Experiment = {
  name: "cache-policy",
  title: "What a full cache forgets",
  question: "By how much do newer eviction policies beat LRU, and where do they lose?",
  source:
    "Yang et al., FIFO queues are all you need for cache eviction, SOSP 2023; Einziger, Friedman and Manes, TinyLFU, ACM Transactions on Storage 2017",
  notes:
    "The cache holds a tenth of the keys that come again. Traces follow each other in one cache, so a policy also has to let go of what the last one taught " +
    "it: counts that last are W-TinyLFU's strength and, where popularity shifts, its price. The S3-FIFO paper's traces hold items for days; a loop longer " +
    "than cache and ghosts together is its known weakness. How often a policy's own work is done says nothing about what it costs: that is measured " +
    "by itself (backend/protocols/cache/hit-ratio.bench.ts).",
  designs,
  tanks: {
    simulation: { full: plan(2_000, 5), quick: plan(2_000, 3) },
    threads: { full: plan(5_000, 3), quick: plan(5_000, 1) },
  },
  headline: {
    metric: hitShare("wonders"),
    baseline: "lru",
    candidate: "s3fifo",
    better: "higher",
    sentence(measured) {
      const shown = (name: string, trace: TraceName): string =>
        percentWithInterval(percents(measured, name, hitShare(trace)));
      return (
        `Where half of what is asked for never comes again S3-FIFO has ${shown("s3fifo", "wonders")} of it and LRU ${shown("lru", "wonders")}; ` +
        `on a loop only W-TinyLFU has anything, ${shown("tinylfu", "loop")}.`
      );
    },
  },
  metrics(run) {
    const figures: Record<string, number> = {};
    for (const trace of traceNames) {
      const gets = run.metrics[`check.${trace}Gets`];
      figures[hitShare(trace)] = run.metrics[`check.${trace}Hits`] / gets;
      figures[`${trace}BestShare`] = run.metrics[`check.${trace}Best`] / gets;
    }
    return figures;
  },
  claims: [
    {
      text: "Where popularity lasts, each of the three beats LRU",
      expected: "by at least 2 points on zipf, scans and one-hit wonders",
      judge: (measured) => aheadBy(measured, 2, [...every("zipf"), ...every("scans"), ...every("wonders")]),
    },
    {
      text: "On a loop that does not fit, LRU has nothing and W-TinyLFU a good part of what can be had",
      expected: "W-TinyLFU at least 12 points ahead, after traces that taught it other things",
      judge: (measured) => aheadBy(measured, 12, [["tinylfu", "loop"]]),
    },
    {
      text: "Where popularity shifts, what was learnt costs: S3-FIFO next to nothing, W-TinyLFU most",
      expected: "behind LRU by at most 1 point with S3-FIFO, 4 with segmented LRU, 6.5 with W-TinyLFU",
      judge: (measured) =>
        allOf([
          aheadBy(measured, -1, [["s3fifo", "shifting"]]),
          aheadBy(measured, -4, [["segmented", "shifting"]]),
          aheadBy(measured, -6.5, [["tinylfu", "shifting"]]),
        ]),
    },
    {
      text: "What is hit is what was stored under that key",
      expected: "every check holds",
      judge: everyCheckHolds,
    },
  ],
  charts(measured): Chart[] {
    return traceNames.map((trace) => byPolicy(measured, trace));
  },
};

const readings: Readonly<Record<TraceName, string>> = {
  zipf: "Popularity that lasts: the more a policy knows of the past, the better.",
  scans: "Keys in a row that never come again: LRU lets them push out everything.",
  wonders: "Every second request is for a key that never comes again.",
  shifting: "Every so often other keys are the popular ones: what was learnt is wrong.",
  loop: "Around and around, two and a half times what fits: LRU forgets each key just before it is asked for.",
};

function byPolicy(measured: Measured, trace: TraceName): Chart {
  const names = designsRun(measured);
  const best = mean(percents(measured, names[0], `${trace}BestShare`));
  return {
    kind: "bars",
    title: `Hit ratio: ${trace}`,
    reading: readings[trace],
    valueLabel: "gets that were hits (%)",
    bars: designBars(measured, names, (run) => run.metrics[hitShare(trace)] * 100),
    rule: { value: best, label: "knowing the future" },
  };
}
