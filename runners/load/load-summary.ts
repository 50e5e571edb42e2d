/** The end of a load in a terminal: what was asked and answered, latency from both starts, the generator, the claims. */
import { figure } from "../compare/judge.ts";
import { Histogram } from "../measure/histogram.ts";
import { painter, type Look, type Paint } from "../progress.ts";
import type { ExperimentResult, RunResult } from "../results.ts";
import { callText } from "./load-result.ts";
import type { LoadPlan } from "./load-plan.ts";

const quantiles: readonly (readonly [string, number])[] = [
  ["p50", 0.5],
  ["p90", 0.9],
  ["p99", 0.99],
  ["p99.9", 0.999],
];

export function renderLoad(
  plan: LoadPlan,
  experiment: ExperimentResult,
  look: Pick<Look, "columns" | "colour">,
): string[] {
  const paint = painter(look.colour);
  const [{ runs }] = experiment.designs;
  const lines = [paint("bold", callText(plan)), paint("dim", experiment.load)];
  if (runs.length === 0) return [...lines, "no run was finished"];
  lines.push("", ...outcomes(runs), "", ...latencies(runs, paint), "", ...generators(runs, paint));
  for (const { status, text, measured } of experiment.claims) {
    const tint = status === "held" ? "green" : status === "failed" ? "red" : "yellow";
    lines.push(`${paint(tint, status.padEnd(9))} ${text}: ${measured}`);
  }
  return lines;
}

function outcomes(runs: readonly RunResult[]): string[] {
  const mean = (metric: string): number => runs.reduce((sum, run) => sum + (run.metrics[metric] ?? 0), 0) / runs.length;
  const share = (value: number): string => `${figure(value * 100)} %`;
  const lines = [
    `offered   ${figure(mean("offeredPerSecond"))}/s`,
    `ok        ${figure(mean("okPerSecond"))}/s   ${share(mean("okShare"))}`,
  ];
  if (mean("goodShare") < mean("okShare"))
    lines.push(
      `good      ${figure(mean("goodputPerSecond"))}/s   ${share(mean("goodShare"))}   within the time asked for`,
    );
  for (const kind of ["refused", "unknown"] as const) {
    const codes = new Map<string, number>();
    for (const run of runs)
      for (const operation of run.operations)
        for (const [code, count] of Object.entries(operation[kind])) codes.set(code, (codes.get(code) ?? 0) + count);
    const named = [...codes].map(([code, count]) => `${code} ${count.toLocaleString("en-US")}`).join(", ");
    lines.push(`${kind.padEnd(9)} ${share(mean(`${kind}Share`))}${named === "" ? "" : `   ${named}`}`);
  }
  return lines;
}

/** From the intended start and from the send: where they differ, requests waited in the generator or for a connection. */
function latencies(runs: readonly RunResult[], paint: Paint): string[] {
  const merged = { latency: new Histogram(), service: new Histogram() };
  for (const run of runs) {
    for (const operation of run.operations) {
      merged.latency.merge(Histogram.decode(operation.latency));
      merged.service.merge(Histogram.decode(operation.service));
    }
  }
  if (merged.latency.count === 0) return ["no operation was ok, so there is no latency"];
  const row = (name: string, histogram: Histogram): string => {
    const cells = quantiles.map(([, q]) => milliseconds(histogram.quantile(q)));
    return `${name.padEnd(28)}${[...cells, milliseconds(histogram.max)].map((cell) => cell.padStart(10)).join("")}`;
  };
  const header = `${"latency, ms".padEnd(28)}${[...quantiles.map(([name]) => name), "max"].map((name) => name.padStart(10)).join("")}`;
  return [
    paint("dim", header),
    row("from the intended start", merged.latency),
    row("from the send (uncorrected)", merged.service),
  ];
}

function generators(runs: readonly RunResult[], paint: Paint): string[] {
  const worst = runs.reduce((a, b) => (a.generator.latenessP99Us >= b.generator.latenessP99Us ? a : b)).generator;
  const late = `sends late by ${milliseconds(worst.latenessP50Us)} ms at p50, ${milliseconds(worst.latenessP99Us)} ms at p99`;
  const reasons = [...new Set(runs.flatMap((run) => (run.generator.valid ? [] : run.generator.reasons)))];
  if (reasons.length === 0) return [`generator ${late}`];
  return [`generator ${late}`, ...reasons.map((reason) => paint("yellow", `invalid   ${reason}`))];
}

function milliseconds(us: number): string {
  return us >= 100_000 ? (us / 1_000).toFixed(0) : us >= 10_000 ? (us / 1_000).toFixed(1) : (us / 1_000).toFixed(3);
}
