/**
 * A candidate for a cache gets a copy of the live operations: does the comparison find what is different about it, and does anybody notice that it is there?
 *
 *     application ──> gateway ──> cache ──> answer
 *                        └──────> shadow ──> compared with the answer, and thrown away
 *
 * What the shadow misses while the cache hits is copied to it, as its own application would have loaded it, so that its hit ratio is its own. Towards the
 * end the shadow stands still for a while, and nobody may notice that either.
 */
import type { Deployment } from "../backend/api.ts";
import type { CacheMemory, ZoneShadow, ZonesService } from "../backend/api-zones.ts";
import { cloudDelays } from "../backend/kernel/topology.ts";
import { kibibyte, millisecond, second } from "../backend/kernel/units.ts";
import { atLeast, ratioWithin, within } from "../runners/compare/judge.ts";
import type { Design, Experiment, TankPlan } from "../runners/experiment.ts";
import type { Chart, RunResult } from "../runners/results.ts";
import { cache } from "../workloads/cache.ts";
import { designBars, designsRun, forEachDesign, percentileChart, percents, percentWithInterval } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";

const caches = [0, 1];
const shadows = [2, 3];
const gateways = [4, 5];
const memory: CacheMemory = { memoryBytes: 640 * kibibyte, policy: "s3-fifo" };

function design(title: string, description: string, candidate: Partial<CacheMemory> | null): Design {
  const shadow: ZoneShadow | undefined =
    candidate === null ? undefined : { nodes: shadows, share: 1, cache: candidate };
  const service: ZonesService = {
    kind: "zones",
    cache: memory,
    gateways: shadow === undefined ? [...shadows, ...gateways] : gateways,
    writes: { latch: "one", timeoutUs: 200 * millisecond },
    reads: { timeoutUs: 100 * millisecond },
    lateAfterUs: 300 * millisecond,
    shadow,
  };
  const nodes = [...caches, ...shadows, ...gateways].map(() => ({ region: "r1", zone: "a" }));
  const deployment: Deployment = { topology: { nodes, links: cloudDelays }, durability: "none", turnUs: 5, service };
  return {
    title,
    description,
    deployment,
    workload: cache({
      keys: "zipf:0.99:4000",
      ttlS: 3_600,
      preload: 4_000,
      homes: [gateways],
      lateUs: 300 * millisecond,
    }),
    calls: { clients: 20, timeoutUs: second },
  };
}

const designs = {
  off: design("No shadow", "Nothing is mirrored.", null),
  same: design("The same again", "The shadow is what the cache is.", {}),
  half: design("Half the memory", "The shadow has half of the cache's memory.", {
    memoryBytes: memory.memoryBytes / 2,
  }),
  lru: design("Another policy", "The shadow forgets what was used longest ago, the cache by S3-FIFO.", {
    policy: "lru",
  }),
} satisfies Record<string, Design>;

const shadowed = ["same", "half", "lru"] as const;

function plan(perSecond: number, endS: number, rounds: number, names?: readonly string[]): TankPlan {
  const stopped = { kind: "pause", nodes: shadows, forUs: second / 2 } as const;
  return {
    load: { kind: "poisson", perSecond },
    forUs: endS * second,
    warmUpUs: second,
    rounds,
    faults: [{ atUs: Math.round(endS * 0.8 * second), fault: stopped }],
    ...(names === undefined ? {} : { designs: names }),
  };
}

/** What the comparisons of one run say, as shares of those whose two answers came. */
function comparison({ metrics }: RunResult): Record<string, number> {
  const counter = (name: string): number => metrics[`counter.shadow${name}`] ?? 0;
  const [same, different, missed, only, both] = ["Same", "Different", "Missed", "OnlyHit", "BothMissed"].map(counter);
  const compared = same + different + missed + only + both;
  if (compared === 0) return {};
  const live = (same + different + missed) / compared;
  const candidate = (same + different + only) / compared;
  return {
    liveHitShare: live,
    shadowHitShare: candidate,
    shadowGain: candidate - live,
    differentShare: different / compared,
    comparedShare: compared / counter("Mirrored"),
  };
}

export const shadow: Experiment = {
  name: "shadow",
  title: "A shadow cluster",
  question:
    "A candidate gets the live operations and its answers are compared. Does that find its difference, and does it cost the live cache anything?",
  source: "Netflix, Caching for a Global Netflix, 2016 (shadow clusters); Atikoglu et al., SIGMETRICS 2012 (the sizes)",
  notes:
    "A comparison needs both answers; those under way while the shadow stands still are late, and left out where there are too many. " +
    "Writes between the cache's answer and the shadow's make a few differ that are none.",
  designs,
  tanks: {
    simulation: { full: plan(2_000, 8, 10), quick: plan(2_000, 4, 8) },
    threads: { full: plan(400, 3, 3, ["off", "half"]), quick: plan(400, 3, 1, ["off", "half"]) },
  },
  headline: {
    metric: "p99Ms",
    baseline: "off",
    candidate: "half",
    better: "lower",
    sentence(measured) {
      const hits = (name: string): string => percentWithInterval(percents(measured, "half", name));
      return (
        `Half the memory hits ${hits("shadowHitShare")} where the live cache hits ${hits("liveHitShare")}: ` +
        "known from live traffic, without an answer of it reaching anybody."
      );
    },
  },
  metrics: comparison,
  claims: [
    {
      text: "A shadow that is the same hits as often",
      expected: "hit ratios differ by at most 1 %",
      tanks: ["simulation"],
      judge: (measured) => within(percents(measured, "same", "shadowGain"), -1, 1, "%"),
    },
    {
      text: "The comparison finds that half the memory hits less",
      expected: "at least 3 % of gets less",
      judge: (measured) =>
        atLeast(
          percents(measured, "half", "shadowGain").map((gain) => -gain),
          3,
          "%",
        ),
    },
    {
      text: "Both show the same values",
      expected:
        "at most 1.5 % of comparisons differ: a write came between the two answers, or too late to the shadow that stood still",
      judge: (measured) =>
        forEachDesign(
          measured,
          shadowed.filter((name) => designsRun(measured).includes(name)),
          (name) => within(percents(measured, name, "differentShare"), 0, 1.5, "%"),
        ),
    },
    {
      text: "Nobody waits for the shadow, nor for one that stands still",
      expected: "p99 with it within 5 % of p99 without",
      tanks: ["simulation"],
      judge: (measured) =>
        forEachDesign(measured, [...shadowed], (name) =>
          ratioWithin(measured.values("off", "p99Ms"), measured.values(name, "p99Ms"), 0.95, 1.05),
        ),
    },
    {
      text: "Nobody sees what was not written, or what has expired",
      expected: "every check holds",
      judge: everyCheckHolds,
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    const compared = shadowed.filter((name) => names.includes(name));
    return [
      {
        kind: "bars",
        title: "Hit ratio of the candidate less that of the live cache",
        reading:
          "The same again hits as often; less memory hits less; what another policy does to this load is seen before it serves anybody.",
        valueLabel: "share of gets (%)",
        bars: designBars(measured, compared, (run) => comparison(run).shadowGain * 100),
        rule: { value: 0, label: "live cache" },
      },
      percentileChart(measured, {
        title: "What clients wait",
        reading: "With a shadow and without: the same.",
        designs: names,
      }),
    ];
  },
};
