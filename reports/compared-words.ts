/** What a comparison says, in words: for the page, its first line and the Markdown. Everything is taken from the results file. */
import type { Compared, JudgedMetric } from "../runners/results.ts";
import { formatCount, formatMetric, formatNumber, hasInterval } from "./format.ts";

export type Verdict = JudgedMetric["verdict"];

/** Worst first, and what is not known before what is the same. */
const order: readonly Verdict[] = ["worse", "better", "undecided", "equal"];

/** The comparison in a word: worse as soon as one figure is. */
export function overallVerdict(metrics: readonly JudgedMetric[]): Verdict {
  return order.find((verdict) => metrics.some((each) => each.verdict === verdict)) ?? "undecided";
}

export function allMetrics({ groups }: Compared): JudgedMetric[] {
  return groups.flatMap(({ metrics }) => metrics);
}

/** `exponential is worse than none in ok per second (−80.3 %), better in p99 (−80.1 %)` */
export function shortSentence({ baseline, candidate, groups, partial }: Compared): string {
  const many = groups.length > 1;
  const parts = order.flatMap((verdict) => {
    const found = groups.flatMap(({ name, metrics }) =>
      metrics
        .filter((each) => each.verdict === verdict)
        .map((each) => `${many ? `${name}: ` : ""}${nameOf(each)}${aside(each)}`),
    );
    return found.length === 0 ? [] : [`${relation[verdict]} ${listOf(found)}`];
  });
  const names = `${candidate.name} against ${baseline.name}`;
  if (parts.length === 0) return `${names}: nothing can be said, no pair was finished`;
  return `${names}: ${parts.join(", ")}${partial ? "; stopped before its pairs were all run" : ""}`;
}

const relation: Readonly<Record<Verdict, string>> = {
  worse: "worse in",
  better: "better in",
  equal: "equal in",
  undecided: "undecided in",
};

/** One figure: by how much, how sure, and what is still needed. */
export function metricSentence(metric: JudgedMetric, margin: number): string {
  const { ratio, verdict } = metric;
  const name = nameOf(metric);
  if (ratio === null) return `${name}: ${sentenceEnd(neededText(metric))}`;
  const level = Number((ratio.level * 100).toPrecision(3));
  const interval = hasInterval(ratio)
    ? `${level} % interval ${change(ratio.low, ratio.value)} to ${change(ratio.high, ratio.value)}`
    : "no interval";
  const means =
    verdict === "equal"
      ? `, all of it within the ${formatNumber(margin * 100)} % that count as equal`
      : verdict === "undecided"
        ? `: ${neededText(metric)}`
        : "";
  return `${name}: ${change(ratio.value, ratio.value)} (${interval})${sentenceEnd(means)}`;
}

/** What an undecided figure lacks; empty where it is decided. */
export function neededText({ verdict, ratio, pairs, warmUpPairs, pairsNeeded }: JudgedMetric): string {
  if (verdict !== "undecided") return "";
  const more = pairsNeeded === null ? 0 : pairsNeeded - (pairs.length - warmUpPairs);
  if (more > 0) return `${formatCount(more)} more ${more === 1 ? "pair" : "pairs"} like these would decide it`;
  return ratio === null ? "a figure of zero has no ratio" : "no number of pairs in reach would decide it";
}

/** Pairs that count. */
export function countedPairs({ groups }: Compared): number {
  return groups.reduce(
    (most, { metrics }) =>
      metrics.reduce((of, { pairs, warmUpPairs }) => Math.max(of, pairs.length - warmUpPairs), most),
    0,
  );
}

/** What a reader must know before believing any of it. */
export function cautions({ partial, pairsAsked, interleaved, kind, baseline, candidate }: Compared): string[] {
  const machines = [baseline.facts.machine, candidate.facts.machine];
  return [
    ...(partial
      ? [
          `Stopped before its ${formatCount(pairsAsked ?? 0)} pairs, so nothing is decided: whoever stops when the figures look good is wrong too often.`,
        ]
      : []),
    ...(interleaved
      ? []
      : [
          "These runs were not interleaved: what the machine did to one side only cannot be told from what the code did.",
        ]),
    ...(kind === "results" && machines[0] !== machines[1] ? ["The two files are of different machines."] : []),
  ];
}

/** `−14.3 %`; `×4.31` where it is at least twice. `of` decides which, so that an interval reads like its figure. */
export function change(ratio: number, of: number): string {
  if (of >= 2) return `×${formatNumber(ratio)}`;
  const percent = (ratio - 1) * 100;
  const size = formatNumber(Math.abs(Number(percent.toFixed(2))));
  return size === "0" ? "0 %" : `${percent > 0 ? "+" : "−"}${size} %`;
}

export function formatP(p: number): string {
  return p < 0.0001 ? "< 0.0001" : String(Number(p.toPrecision(2)));
}

/** Without the unit, which a ratio has not. */
export function nameOf({ metric }: Pick<JudgedMetric, "metric">): string {
  return formatMetric(metric).replace(/ \((?:ms|µs)\)$/, "");
}

export function worstFirst(a: JudgedMetric, b: JudgedMetric): number {
  return order.indexOf(a.verdict) - order.indexOf(b.verdict);
}

function aside({ ratio, verdict }: JudgedMetric): string {
  return ratio === null || verdict === "equal" ? "" : ` (${change(ratio.value, ratio.value)})`;
}

function listOf(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function sentenceEnd(text: string): string {
  return `${text}.`;
}
