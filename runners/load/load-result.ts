/** The runs of a load as one experiment of a results file, so that the report, the exports and `compare` take them as they take others. */
import { second } from "../../backend/kernel/units.ts";
import { firstRows } from "../../experiments/charts.ts";
import { Histogram } from "../measure/histogram.ts";
import { figure } from "../compare/judge.ts";
import type { Chart, ClaimResult, ExperimentResult, RunResult } from "../results.ts";
import { describeLoad } from "../schedule.ts";
import { flatten } from "../settings.ts";
import type { LoadPlan } from "./load-plan.ts";
import { judgeThreshold, type Threshold } from "./threshold.ts";

export interface JudgedLoad {
  readonly plan: LoadPlan;
  readonly runs: readonly RunResult[];
  readonly finished: boolean;
  readonly thresholds: readonly Threshold[];
  readonly rerun: string;
}

export function loadResult(judged: JudgedLoad): ExperimentResult {
  const { plan, runs } = judged;
  const claims = claimsOf(judged);
  const what = plan.source.kind === "call" ? callText(plan) : plan.source.path;
  return {
    name: "load",
    title: `Load on ${plan.endpoint.origin}`,
    question: `How does ${plan.endpoint.origin} answer ${describeLoad(plan.load, plan.forUs)}?`,
    source: what,
    tank: "service",
    status: statusOf(judged, claims),
    verdict: {
      sentence: sentenceOf(runs),
      metric: "p99Ms",
      baseline: "service",
      candidate: "service",
      better: "lower",
    },
    load: describeLoad(plan.load, plan.forUs),
    bands: [],
    parameters: flatten(plan),
    designs: [{ name: "service", title: plan.endpoint.origin, description: what, differs: {}, runs: [...runs] }],
    claims,
    charts: runs.length === 0 ? [] : chartsOf(plan, runs),
    tookS: runs.reduce((sum, run) => sum + run.tookS, 0),
    rerun: judged.rerun,
  };
}

export function callText({ endpoint, source }: LoadPlan): string {
  if (source.kind === "file") return source.path;
  const { method, path, body } = source.call;
  return `${method ?? (body === undefined ? "GET" : "POST")} ${endpoint.origin}${path}`;
}

function claimsOf({ plan, runs, thresholds }: JudgedLoad): ClaimResult[] {
  if (runs.length === 0) return [];
  const claims = thresholds.map((threshold) => judgeThreshold(threshold, runs));
  const examined = runs.reduce((sum, run) => sum + run.check.examined, 0);
  if (plan.checks.length === 0 && examined === 0) return claims;
  const failed = runs.reduce((sum, run) => sum + (run.check.counts.failed ?? 0), 0);
  const examples = runs.flatMap((run) => run.check.violations).slice(0, 2);
  const shown = examples.length === 0 ? "" : `, for instance ${examples.join("; ")}`;
  return [
    ...claims,
    {
      text: "Every answer that the service did not refuse passes its checks",
      expected: "0 failed",
      measured: `${failed.toLocaleString("en-US")} of ${examined.toLocaleString("en-US")} failed${shown}`,
      // Checks that saw nothing have shown nothing.
      status: failed === 0 && examined > 0 ? "held" : "failed",
    },
  ];
}

function statusOf({ runs, finished }: JudgedLoad, claims: readonly ClaimResult[]): ExperimentResult["status"] {
  if (!finished) return "interrupted";
  if (runs.some((run) => !run.generator.valid)) return "invalid";
  return claims.some(({ status }) => status === "failed") ? "failed" : "held";
}

function sentenceOf(runs: readonly RunResult[]): string {
  if (runs.length === 0) return "No run was finished.";
  const mean = (metric: string): number =>
    runs.reduce((sum, run) => sum + (run.metrics[metric] ?? Number.NaN), 0) / runs.length;
  const share = `${figure(mean("okShare") * 100)} % of ${figure(mean("offeredPerSecond"))} operations a second were ok`;
  const p99 = mean("p99Ms");
  return Number.isFinite(p99)
    ? `${share}; half within ${figure(mean("p50Ms"))} ms and 99 % within ${figure(p99)} ms of their intended start.`
    : `${share}.`;
}

/** Corrected and uncorrected latency, and the first run over time. */
function chartsOf(plan: LoadPlan, runs: readonly RunResult[]): Chart[] {
  const curve = (of: "latency" | "service"): number[][] => {
    const merged = new Histogram();
    for (const run of runs) for (const operation of run.operations) merged.merge(Histogram.decode(operation[of]));
    return merged.curve().map(([quantile, us]) => [quantile, us / 1_000]);
  };
  const series = [
    { name: "from the intended start", points: curve("latency") },
    { name: "from the send (uncorrected)", points: curve("service"), dashed: true },
  ].filter(({ points }) => points.length > 0);
  const rows = Math.floor(plan.forUs / second / runs[0].timeline.intervalS + 1e-9);
  const timeline = firstRows(runs[0].timeline, rows);
  return [
    {
      kind: "percentiles",
      title: "Latency by percentile",
      reading: "Where the curves part, requests waited to be sent: the uncorrected figure leaves that wait out.",
      series,
    },
    {
      kind: "timeline",
      title: "Over time",
      reading: "Operations by outcome, and the latency of those that were ok, interval by interval of the first run.",
      bands: [],
      panels: [{ design: plan.endpoint.origin, timeline }],
    },
  ];
}
