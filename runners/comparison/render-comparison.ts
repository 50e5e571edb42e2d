/** A comparison in a terminal: a row a metric, and one sentence. */
import { figure } from "../compare/judge.ts";
import type { Comparison, ComparisonRule, ComparisonVerdict } from "../compare/comparison.ts";
import { painter } from "../progress.ts";

const tints: Readonly<Record<ComparisonVerdict, "green" | "red" | "yellow" | "dim">> = {
  better: "green",
  worse: "red",
  equal: "dim",
  undecided: "yellow",
};

export function renderComparisons(comparisons: readonly Comparison[], rule: ComparisonRule, colour: boolean): string[] {
  const paint = painter(colour);
  const [first] = comparisons;
  if (first === undefined) return ["no pair was finished"];
  const width = Math.max(6, ...comparisons.map(({ metric }) => metric.length));
  const counted = first.pairs.length - first.warmUpPairs;
  const cut = first.warmUpPairs === 0 ? "" : ` after ${first.warmUpPairs} of warm-up`;
  const level = figure((1 - rule.alpha) * 100);
  return [
    `a = ${first.baseline}`,
    `b = ${first.candidate}`,
    `${counted} pairs${cut}; equal means within ${figure(rule.margin * 100)} %; p after Holm over ${comparisons.length} metrics`,
    "",
    paint(
      "dim",
      `${"metric".padEnd(width)}          a          b   b / a  ${`${level} % interval`.padEnd(16)}       p  verdict`,
    ),
    ...comparisons.map((comparison) => row(comparison, width, paint)),
  ];
}

function row(comparison: Comparison, width: number, paint: ReturnType<typeof painter>): string {
  const { metric, pairs, warmUpPairs, ratio, adjustedP, verdict } = comparison;
  const counted = pairs.slice(warmUpPairs);
  const mean = (side: 0 | 1): string =>
    (counted.length === 0 ? "-" : figure(counted.reduce((sum, pair) => sum + pair[side], 0) / counted.length)).padStart(
      10,
    );
  const interval = ratio === null ? "none" : `[${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]`;
  const value = ratio === null ? "-" : ratio.value.toFixed(3);
  const needed = neededText(comparison);
  const p = adjustedP < 0.0001 ? "<0.0001" : adjustedP.toFixed(4);
  return `${metric.padEnd(width)} ${mean(0)} ${mean(1)} ${value.padStart(7)}  ${interval.padEnd(16)} ${p.padStart(7)}  ${paint(tints[verdict], verdict)}${needed === "" ? "" : ` (${needed})`}`;
}

/** What an undecided comparison lacks. */
function neededText({ verdict, ratio, pairs, warmUpPairs, pairsNeeded }: Comparison): string {
  if (verdict !== "undecided") return "";
  const counted = pairs.length - warmUpPairs;
  if (pairsNeeded !== null) return `about ${pairsNeeded} pairs would decide, ${pairsNeeded - counted} more`;
  return ratio === null ? "a figure of zero has no ratio" : "no number of pairs in reach would decide";
}

/** What a reader takes home. */
export function compareSentence(comparisons: readonly Comparison[]): string {
  if (comparisons.length === 0) return "Nothing can be said: no pair was finished.";
  const [{ candidate, baseline }] = comparisons;
  const parts = (["worse", "better", "equal", "undecided"] as const).flatMap((verdict) => {
    const found = comparisons.filter((each) => each.verdict === verdict);
    return found.length === 0 ? [] : [`is ${verdict} in ${found.map(withFigures).join(", ")}`];
  });
  return `Against ${baseline}, ${candidate} ${parts.join("; ")}.`;
}

/** `p99Ms (+12.1 % [9.8, 14.6])` */
function withFigures(comparison: Comparison): string {
  const { metric, ratio } = comparison;
  const percent = (value: number): string => figure((value - 1) * 100);
  const change =
    ratio === null
      ? []
      : [`${ratio.value > 1 ? "+" : ""}${percent(ratio.value)} % [${percent(ratio.low)}, ${percent(ratio.high)}]`];
  const needed = neededText(comparison);
  const said = [...change, ...(needed === "" ? [] : [needed])].join("; ");
  return said === "" ? metric : `${metric} (${said})`;
}
