/**
 * What a load must meet, as `--slo` writes it: `p99<50ms`, `p99.9<200ms`, `errors<0.1%`, `rate>950`. Each becomes a claim, judged
 * over the runs' own figures; a figure that does not exist (no answer was ok) fails its claim.
 */
import { UsageError } from "../command-error.ts";
import { meanEstimate } from "../compare/estimate.ts";
import { describeEstimate } from "../compare/judge.ts";
import type { ClaimResult, RunResult } from "../results.ts";

export interface Threshold {
  readonly text: string;
  readonly metric: string;
  readonly side: "below" | "above";
  /** In the metric's own unit: milliseconds, a share or a rate. */
  readonly bound: number;
  readonly unit: string;
}

const latencies: Readonly<Record<string, string>> = {
  p50: "p50Ms",
  p90: "p90Ms",
  p95: "p95Ms",
  p99: "p99Ms",
  "p99.9": "p999Ms",
  max: "maxMs",
  mean: "meanMs",
};

const millisecondsPer: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 };

/** @throws UsageError */
export function parseThreshold(text: string): Threshold {
  const match = /^([\w.]+)([<>])(\d+(?:\.\d+)?)(us|ms|s|%)?$/.exec(text.replaceAll(" ", ""));
  if (match !== null) {
    const [, name, sign, digits, unit] = match;
    const side = sign === "<" ? "below" : "above";
    const value = Number(digits);
    if (Object.hasOwn(latencies, name) && unit !== undefined && unit in millisecondsPer)
      return { text, metric: latencies[name], side, bound: value * millisecondsPer[unit], unit: "ms" };
    if (name === "errors" && unit === "%") return { text, metric: "errorShare", side, bound: value / 100, unit: "" };
    if (name === "ok" && unit === "%") return { text, metric: "okShare", side, bound: value / 100, unit: "" };
    if (name === "rate" && unit === undefined) return { text, metric: "okPerSecond", side, bound: value, unit: "/s" };
  }
  throw new UsageError({
    what: "--slo is not a threshold",
    got: text === "" ? "an empty value" : text,
    expected: `one of ${Object.keys(latencies).join(", ")} with < or > and a duration; errors or ok and a share in %; rate and a number`,
    fix: "for instance --slo 'p99<50ms' 'errors<0.1%'; quote it, or the shell takes < for a file",
  });
}

/** Judged by every run's own figure; three runs and more also show their spread. */
export function judgeThreshold(
  { text, metric, side, bound, unit }: Threshold,
  runs: readonly RunResult[],
): ClaimResult {
  const values = runs.map((run) => run.metrics[metric] ?? Number.NaN);
  const expected = `${side} ${bound} ${unit}`.trimEnd();
  if (values.some((value) => !Number.isFinite(value)))
    return { text, expected, measured: "no such figure: no answer was ok", status: "failed" };
  const held = values.every((value) => (side === "below" ? value < bound : value > bound));
  const estimate = meanEstimate(values);
  return { text, expected, measured: describeEstimate(estimate, unit), status: held ? "held" : "failed", estimate };
}
