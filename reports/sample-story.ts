/** What a made-up experiment tells, and the result that it becomes. */
import type { Chart, ClaimResult, Comparison, Estimate, ExperimentResult } from "../runners/results.ts";
import { sampleDesign, sampleEstimate, sampleRandom, standardCharts, type SampleDesign } from "./sample-runs.ts";

type Tank = ExperimentResult["tank"];

export interface Story extends Pick<
  ExperimentResult,
  "name" | "title" | "question" | "source" | "notes" | "load" | "bands" | "claims" | "charts"
> {
  readonly candidate: string;
  readonly sentence: string;
  readonly ratio: ExperimentResult["verdict"]["ratio"];
  readonly metric: string;
  readonly better: ExperimentResult["verdict"]["better"];
  readonly status?: ExperimentResult["status"];
}

export function experiment(tank: Tank, designs: readonly SampleDesign[], story: Story): ExperimentResult {
  const { candidate, sentence, ratio, metric, better, status, charts, ...told } = story;
  const standard: Chart[] = standardCharts(designs, told.bands, [
    "The three outcomes of every second, and the latency of what was answered; the shaded spans are the faults.",
    "The designs agree at the median and part in the tail.",
  ]);
  const failed = told.claims.some((one) => one.status === "failed");
  const measured = designs.map((design) => sampleDesign(design, tank, tank === "threads" ? 3 : 2));
  return {
    ...told,
    tank,
    status: failed ? "failed" : status === "failed" ? "undecided" : "held",
    verdict: { sentence, metric, baseline: designs[0]!.name, candidate, better, ratio },
    parameters: {
      "deployment.nodes": 5,
      "deployment.replication.n": 3,
      "deployment.replication.r": 2,
      "deployment.replication.w": 2,
      "deployment.disk.sync": true,
      "workload.payloadBytes": 256,
      "load.warmUpS": 5,
    },
    designs: measured,
    comparisons: ratio === undefined ? undefined : sampleComparisons(designs, candidate, ratio, metric, better),
    charts: [...charts, ...standard],
    tookS: tank === "threads" ? 68 : 7.4,
    rerun: `npm run bench -- ${told.name} --tank ${tank} --seed 42`,
  };
}

export function claim(text: string, expected: string, measured: string, status: ClaimResult["status"]): ClaimResult {
  return { text, expected, measured, status };
}

/** The same experiment with more runs: copies of those it has, which is all the same to the page. */
export function withRounds(experiment: ExperimentResult, rounds: number): ExperimentResult {
  const designs = experiment.designs.map((design) => ({
    ...design,
    runs: Array.from({ length: rounds }, (_, round) => ({ ...design.runs[round % design.runs.length]!, round })),
  }));
  return { ...experiment, designs };
}

/** The candidate has the headline's ratio; the others, something that touches 1. */
function sampleComparisons(
  designs: readonly SampleDesign[],
  candidate: string,
  ratio: Estimate,
  metric: string,
  better: Comparison["better"],
): Comparison[] {
  const [baseline, ...others] = designs.map(({ name }) => name);
  const random = sampleRandom(17);
  return others.map((name) => {
    const estimate = name === candidate ? ratio : sampleEstimate(1.012, 0.02, ratio.n);
    const spread = Math.log(estimate.high / estimate.value) * 1.6;
    const pairs = Array.from({ length: ratio.n }, (_, round) => ({
      round,
      ratio: estimate.value * Math.exp((random() + random() - 1) * spread),
    }));
    return { baseline: baseline!, candidate: name, metric, better, pairs, ratio: estimate };
  });
}
