/** A capacity search as one experiment of a results file: the probe nearest to the answer as its run, and the curves of all probes. */
import type { CapacityOptions } from "../command-capacity.ts";
import { figure } from "../compare/judge.ts";
import { machineFingerprint, workTree } from "../machine.ts";
import { schemaVersion, type Chart, type ExperimentResult, type Results } from "../results.ts";
import type { Threshold } from "../load/threshold.ts";
import { flatten } from "../settings.ts";
import type { CapacityReport } from "./capacity-command.ts";
import type { ProbedRun } from "./probes.ts";
import type { CapacityFound, Probe } from "./slo-search.ts";
import { uslAt, type UslFit } from "./usl.ts";

export function capacityResults(
  options: CapacityOptions,
  report: CapacityReport,
  probed: readonly ProbedRun[],
  startedAt: Date,
): Results {
  return {
    schema: schemaVersion,
    startedAt: startedAt.toISOString(),
    tookS: (Date.now() - startedAt.getTime()) / 1_000,
    seed: options.seed,
    quick: false,
    ...workTree(),
    rerun: options.rerun,
    machine: machineFingerprint(),
    experiments: [experimentOf(options, report, probed)],
  };
}

function experimentOf(
  options: CapacityOptions,
  report: CapacityReport,
  probed: readonly ProbedRun[],
): ExperimentResult {
  const { found } = report;
  const asked = options.thresholds.map(({ text }) => text).join(" and ");
  const distance = ({ probe }: ProbedRun): number => Math.abs(probe.perSecond - found.perSecond);
  const nearest = probed.reduce((best, each) => (distance(each) < distance(best) ? each : best));
  const sentence =
    found.kind === "met"
      ? `At least ${figure(found.perSecond)} operations a second meet ${asked}: every rate probed did.`
      : found.kind === "broken"
        ? `No rate probed meets ${asked}.`
        : `Up to ${figure(found.perSecond)} operations a second [${figure(found.low)}, ${figure(found.high)}] meet ${asked}.`;
  return {
    name: "capacity",
    title: `Capacity of ${options.target}`,
    question: `What is the highest rate with ${asked}?`,
    source: `open-loop search over ${probed.length} probes of ${options.forS} s`,
    tank: options.of.kind === "url" ? "service" : options.of.tank,
    status: found.perSecond > 0 ? "held" : "failed",
    verdict: { sentence, metric: "okPerSecond", baseline: "service", candidate: "service", better: "higher" },
    load: `Poisson, ${figure(nearest.probe.perSecond)} operations/s, the probe nearest to the answer`,
    bands: [],
    parameters: flatten({
      slo: options.thresholds.map(({ text }) => text).join(", "),
      search: options.search,
      forS: options.forS,
    }),
    designs: [{ name: "service", title: options.target, description: asked, differs: {}, runs: [nearest.run] }],
    claims: [],
    charts: chartsOf(options, report),
    tookS: probed.reduce((sum, { run }) => sum + run.tookS, 0),
    rerun: options.rerun,
  };
}

function chartsOf({ thresholds }: CapacityOptions, { found, kneePerSecond, usl }: CapacityReport): Chart[] {
  const probes = found.probes.toSorted((a, b) => a.perSecond - b.perSecond);
  const times = thresholds.filter(({ unit }) => unit === "ms");
  return [
    throughputChart(probes, kneePerSecond),
    ...times.map((threshold) => thresholdChart(probes, threshold, found)),
    ...(usl === null ? [] : [scalingChart(probes, usl)]),
  ];
}

function throughputChart(probes: readonly Probe[], kneePerSecond: number | null): Chart {
  const ends = [probes[0], probes[probes.length - 1]];
  return {
    kind: "lines",
    title: "Answered against offered",
    reading: "Where the points leave the dashed line, the service no longer follows.",
    xLabel: "offered/s",
    yLabel: "ok/s",
    xScale: "log",
    yScale: "log",
    series: [
      {
        name: "measured",
        as: "points",
        points: probes.map(({ perSecond, achievedPerSecond }) => [perSecond, achievedPerSecond]),
      },
      { name: "all of it", dashed: true, points: ends.map(({ perSecond }) => [perSecond, perSecond]) },
    ],
    marks: kneePerSecond === null ? [] : [{ x: kneePerSecond, label: `knee ${figure(kneePerSecond)}/s` }],
  };
}

function thresholdChart(probes: readonly Probe[], { metric, bound, text }: Threshold, found: CapacityFound): Chart {
  const measured = probes.filter(({ figures }) => figures[metric] > 0);
  return {
    kind: "lines",
    title: `${text.split(/[<>]/)[0]} against offered`,
    reading: "The answer is the rate at which the figure reaches its bound.",
    xLabel: "offered/s",
    yLabel: "ms",
    xScale: "log",
    yScale: "log",
    series: [
      {
        name: "measured",
        as: "points",
        points: measured.map(({ perSecond, figures }) => [perSecond, figures[metric]]),
      },
    ],
    rule: { value: bound, label: text },
    marks: found.kind === "found" ? [{ x: found.perSecond, label: `${figure(found.perSecond)}/s` }] : [],
  };
}

function scalingChart(probes: readonly Probe[], usl: UslFit): Chart {
  const points = probes
    .filter(({ concurrency }) => concurrency > 0)
    .map(({ concurrency, achievedPerSecond }) => [concurrency, achievedPerSecond]);
  const ns = points.map(([n]) => n);
  const [least, most] = [Math.min(...ns), Math.max(...ns)];
  const law = Array.from({ length: 40 }, (_, i) => least * (most / least) ** (i / 39)).map((n) => [n, uslAt(usl, n)]);
  return {
    kind: "lines",
    title: "Throughput by what is in the system, and the law fitted to it",
    reading: `Contention of ${figure(usl.sigma * 100)} % and coherency of ${figure(usl.kappa * 100)} % bend the curve; ${usl.peak === null ? "no peak within the measured range" : `its peak is ${figure(usl.peak.perSecond)}/s with ${figure(usl.peak.n)} in the system`}.`,
    xLabel: "in the system",
    yLabel: "ok/s",
    xScale: "log",
    yScale: "linear",
    series: [
      { name: "measured", as: "points", points },
      { name: "universal scalability law", dashed: true, points: law },
    ],
    marks: usl.peak === null ? [] : [{ x: usl.peak.n, label: `peak ${figure(usl.peak.perSecond)}/s` }],
  };
}
