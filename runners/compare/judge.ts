/**
 * From figures to judgements. A claim is *held* when the whole interval lies on its side of the bound, *failed* when the whole
 * interval lies on the other side, and *undecided* otherwise. Fewer than three runs decide nothing, however clear they look,
 * because a spread between runs was never seen. Runs that agree exactly have an interval without width, which decides.
 */
import type { Judgement } from "../experiment.ts";
import type { ClaimStatus, Estimate } from "../results.ts";
import { fewestRuns, meanEstimate, ratioEstimate } from "./estimate.ts";

/** The mean over runs is at least `bound`. `unit` is appended to figures: "ms", "/s", "%" ... */
export function atLeast(values: readonly number[], bound: number, unit = ""): Judgement {
  return within(values, bound, Infinity, unit);
}

/** The mean over runs is at most `bound`. */
export function atMost(values: readonly number[], bound: number, unit = ""): Judgement {
  return within(values, -Infinity, bound, unit);
}

/** The mean over runs lies in [low, high]. */
export function within(values: readonly number[], low: number, high: number, unit = ""): Judgement {
  if (values.length === 0) return { status: "undecided", measured: "nothing: no run was finished" };
  return judge(meanEstimate(values), low, high, unit);
}

/** Candidate over baseline, paired by round, lies in [low, high]. Undecided when a baseline or candidate figure is zero. */
export function ratioWithin(
  baseline: readonly number[],
  candidate: readonly number[],
  low: number,
  high: number,
): Judgement {
  const ratio = ratioEstimate(baseline, candidate);
  if (ratio === null) {
    const figures = `${baseline.map(figure).join(", ") || "none"} and ${candidate.map(figure).join(", ") || "none"}`;
    return { status: "undecided", measured: `no ratio exists: figures of the runs are ${figures}` };
  }
  return judge(ratio, low, high, "times");
}

export function ratioAtLeast(baseline: readonly number[], candidate: readonly number[], bound: number): Judgement {
  return ratioWithin(baseline, candidate, bound, Infinity);
}

export function ratioAtMost(baseline: readonly number[], candidate: readonly number[], bound: number): Judgement {
  return ratioWithin(baseline, candidate, 0, bound);
}

/** Something that is counted and must hold in every run, such as "no item was lost": one run that breaks it is enough to fail. */
export function inEveryRun(held: readonly boolean[], measured: string): Judgement {
  if (held.length === 0) return { status: "undecided", measured: "nothing: no run was finished" };
  return { status: held.every(Boolean) ? "held" : "failed", measured };
}

/** All of them: failed when one failed, held when each is. */
export function allOf(judgements: readonly Judgement[]): Judgement {
  const status: ClaimStatus = judgements.some((judgement) => judgement.status === "failed")
    ? "failed"
    : judgements.length > 0 && judgements.every((judgement) => judgement.status === "held")
      ? "held"
      : "undecided";
  return { status, measured: judgements.map((judgement) => judgement.measured).join("; ") };
}

/** An estimate against [low, high]. */
export function judge(estimate: Estimate, low: number, high: number, unit = ""): Judgement {
  const inside = estimate.low >= low && estimate.high <= high;
  const outside = estimate.low > high || estimate.high < low;
  const status = estimate.n < fewestRuns ? "undecided" : inside ? "held" : outside ? "failed" : "undecided";
  return { status, measured: describeEstimate(estimate, unit), estimate };
}

/** "12.3 ms [11.9, 12.7], 95 % of 5 runs" */
export function describeEstimate(estimate: Estimate, unit = ""): string {
  const value = unit === "" ? figure(estimate.value) : `${figure(estimate.value)} ${unit}`;
  if (estimate.n === 1) return `${value}, one run`;
  const interval = `[${figure(estimate.low)}, ${figure(estimate.high)}]`;
  if (estimate.n < fewestRuns) return `${value} ${interval}, range of ${estimate.n} runs`;
  return `${value} ${interval}, ${figure(estimate.level * 100)} % interval of ${estimate.n} runs`;
}

/** Four significant digits, without exponent where people would not write one. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(magnitude >= 100 ? 4 : 3)));
}
