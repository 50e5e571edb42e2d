/** A made-up comparison with every verdict that there is, and a figure without a ratio. */
import type { Compared, JudgedMetric, Results } from "../runners/results.ts";
import { sampleEnvelope, sampleEstimate, sampleRandom } from "./sample-runs.ts";

const pairs = 19;

interface Drawn extends Pick<JudgedMetric, "metric" | "better" | "verdict" | "pairsNeeded" | "adjustedP"> {
  readonly baseline: number;
  readonly ratio: number;
  /** Half width of the interval, as a share. */
  readonly half: number;
}

function judged({ baseline, ratio, half, ...metric }: Drawn): JudgedMetric {
  const random = sampleRandom(metric.metric.length);
  const drawn = Array.from({ length: pairs + 1 }, () => {
    const before = baseline * (0.9 + random() * 0.2);
    return [before, before * ratio * (1 + (random() - 0.5) * half * 5)];
  });
  return {
    ...metric,
    pairs: drawn,
    warmUpPairs: 1,
    ratio: ratio === 0 ? null : sampleEstimate(ratio, half, pairs),
    signedRankP: metric.adjustedP / 5,
  };
}

const metrics: JudgedMetric[] = [
  judged({ metric: "okPerSecond", better: "higher", verdict: "equal", pairsNeeded: null, adjustedP: 0.41, baseline: 812, ratio: 1.003, half: 0.008 }), // prettier-ignore
  judged({ metric: "p50Ms", better: "lower", verdict: "better", pairsNeeded: null, adjustedP: 0.00001, baseline: 4.2, ratio: 0.914, half: 0.02 }), // prettier-ignore
  judged({ metric: "p99Ms", better: "lower", verdict: "worse", pairsNeeded: null, adjustedP: 0.0031, baseline: 18, ratio: 1.16, half: 0.06 }), // prettier-ignore
  judged({ metric: "p999Ms", better: "lower", verdict: "undecided", pairsNeeded: 74, adjustedP: 0.62, baseline: 41, ratio: 1.02, half: 0.09 }), // prettier-ignore
  judged({ metric: "refusedShare", better: "lower", verdict: "undecided", pairsNeeded: null, adjustedP: 1, baseline: 0, ratio: 0, half: 0 }), // prettier-ignore
];

export const sampleCompared: Compared = {
  kind: "revisions",
  baseline: {
    name: "HEAD~1",
    facts: { commit: "7744326a0c1d5e2f9b8a7c6d5e4f3a2b1c0d9e8f", subject: "Reads go to one node" },
  },
  candidate: {
    name: "HEAD",
    facts: {
      commit: "1c0d9e8f7744326a0c1d5e2f9b8a7c6d5e4f3a2b",
      subject: "Reads go to two nodes, the first answer wins",
    },
  },
  shared: { "each run": "wavetank run quorum-price --tank threads --design one" },
  interleaved: true,
  partial: false,
  pairsAsked: pairs + 1,
  leftOut: ["pair 7: baseline sends were late by 48 ms at the 99th percentile; the limit is 5 ms"],
  rule: { alpha: 0.05, margin: 0.02, warmUpPairs: 1, seed: 1 },
  groups: [{ name: "", metrics }],
};

export function comparedResults(changes: Partial<Compared> = {}): Results {
  return {
    ...sampleEnvelope,
    rerun: "npm run wavetank -- compare HEAD~1 HEAD --experiment quorum-price --tank threads --pairs 20",
    experiments: [],
    compared: { ...sampleCompared, ...changes },
  };
}
