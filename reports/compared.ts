/**
 * A comparison of two things: each figure's verdict in a sentence, the pairs it was made from with the margin that counts as equal,
 * the figures with their corrected p-values, and what exactly was compared.
 */
import type { Compared, JudgedMetric, Results } from "../runners/results.ts";
import { renderFigure } from "./charts/figure.ts";
import type { Palette } from "./charts/palette.ts";
import type { PairsChart } from "./charts/pairs.ts";
import {
  allMetrics,
  cautions,
  change,
  countedPairs,
  formatP,
  metricSentence,
  nameOf,
  neededText,
  overallVerdict,
  shortSentence,
  worstFirst,
} from "./compared-words.ts";
import { copyable } from "./copyable.ts";
import {
  absent,
  formatCount,
  formatMetric,
  formatNumber,
  formatRatio,
  formatScalar,
  formatShare,
  hasInterval,
} from "./format.ts";
import { html, type Insertable, type Markup } from "./markup.ts";
import { statusBadge } from "./status.ts";
import { scrollable } from "./tables.ts";

type Group = Compared["groups"][number];

/** The figures are of one thing against one other: one colour is enough. */
export const comparedPalette: Palette = { colourOf: () => "var(--s1)", shapeOf: () => "circle" };

export async function comparedSection(compared: Compared, { rerun }: Results): Promise<Markup> {
  const groups: Markup[] = [];
  for (const group of compared.groups) groups.push(await groupPart(group, compared));
  return html`<section class="compared" aria-labelledby="compared">
    <h2 id="compared">${compared.candidate.name} against ${compared.baseline.name}</h2>
    ${cautions(compared).map((text) => html`<p class="notice">${text}</p>`)} ${groups}
    <h3>What was compared</h3>
    ${conditions(compared, rerun)}
  </section>`;
}

/** The page's first line. */
export function comparedAnswer(compared: Compared): Markup {
  const word = overallVerdict(allMetrics(compared));
  return html`<span class="answer-word ${word}">${word.replace(/^./, (letter) => letter.toUpperCase())}:</span>
    <span class="answer-of">${shortSentence(compared)}.</span>`;
}

/** What the strip below it says of a comparison: name, value, whether it is a warning. */
export function comparedCells(compared: Compared): (readonly [string, Insertable, boolean])[] {
  const { interleaved, partial, pairsAsked, leftOut, rule } = compared;
  const asked = pairsAsked === null ? "" : ` of ${formatCount(pairsAsked)}`;
  const warm = rule.warmUpPairs === 0 ? "no pair warms up" : `after ${formatCount(rule.warmUpPairs)} to warm up`;
  const order = interleaved
    ? html`<b>interleaved</b>: one side right after the other, which one first drawn for each pair`
    : html`<b>not interleaved</b>: the runs were made before`;
  return [
    [
      "Pairs",
      html`<b class="plain">${formatCount(countedPairs(compared))}${asked}</b> counted, ${warm}<br />${formatCount(leftOut.length)}
        left out`,
      partial || leftOut.length > 0,
    ],
    ["Order", order, !interleaved],
    [
      "Rule",
      html`a false better or worse in <b class="plain">${formatShare(rule.alpha)}</b> at most, over all figures<br />equal
        within ${formatShare(rule.margin)}`,
      false,
    ],
  ];
}

/** Pairs of all figures of a group, those where more is better apart from those where less is. */
export function comparedCharts({ metrics }: Group, { rule, baseline, candidate }: Compared): PairsChart[] {
  return (["higher", "lower"] as const).flatMap((better): PairsChart[] => {
    const rows = metrics.filter((metric) => metric.better === better).flatMap(rowOf);
    if (rows.length === 0) return [];
    return [
      {
        kind: "pairs",
        title: better === "higher" ? "Where more is better" : "Where less is better",
        reading: `A dot is one pair of runs, ${candidate.name} over ${baseline.name}. An interval clear of ×1 shows a difference, one inside the grey shows that there is none to speak of.`,
        valueLabel: "ratio",
        better,
        margin: rule.margin,
        rows,
      },
    ];
  });
}

function rowOf({ metric, ratio, verdict, pairs, warmUpPairs }: JudgedMetric): PairsChart["rows"] {
  if (ratio === null) return [];
  const ratios = pairs.map(([before, after], round) => ({ round, ratio: after! / before! })).slice(warmUpPairs);
  return [{ name: nameOf({ metric }), ratio, verdict, pairs: ratios }];
}

async function groupPart(group: Group, compared: Compared): Promise<Markup> {
  const { name, metrics } = group;
  const figures: Markup[] = [];
  for (const chart of comparedCharts(group, compared)) figures.push(await renderFigure(chart, comparedPalette));
  return html`${name !== "" && html`<h3>${name}</h3>`}
  ${
    metrics.length === 0
      ? html`<p class="empty">No pair was finished.</p>`
      : html`<ul class="judged">
            ${metrics.toSorted(worstFirst).map(
              (metric) =>
                html`<li>
                  ${statusBadge(metric.verdict)}
                  <p>${metricSentence(metric, compared.rule.margin)}</p>
                </li>`,
            )}
          </ul>
          ${name === "" && html`<h3>Pairs and figures</h3>`}
          <div class="charts">${figures}</div>
          ${figuresTable(group)}`
  }`;
}

function figuresTable({ name, metrics }: Group): Markup {
  const mean = ({ pairs, warmUpPairs }: JudgedMetric, side: 0 | 1): string => {
    const counted = pairs.slice(warmUpPairs);
    return formatNumber(counted.reduce((sum, pair) => sum + pair[side]!, 0) / counted.length);
  };
  const columns: readonly (readonly [string, (metric: JudgedMetric) => Insertable])[] = [
    ["baseline", (metric) => mean(metric, 0)],
    ["candidate", (metric) => mean(metric, 1)],
    ["ratio", ({ ratio }) => (ratio === null ? absent : formatRatio(ratio.value))],
    ["interval", (metric) => intervalText(metric)],
    ["p", ({ signedRankP }) => formatP(signedRankP)],
    ["p after Holm", ({ adjustedP }) => html`<b>${formatP(adjustedP)}</b>`],
    ["verdict", ({ verdict }) => html`<span>${statusBadge(verdict)}</span>`],
    ["still needed", (metric) => neededText(metric) || absent],
  ];
  const kindOf = (title: string): string => (words.includes(title) ? "words" : "number");
  return scrollable(
    `Figures${name === "" ? "" : `, ${name}`}`,
    html`<table class="figures-compared">
      <caption class="hidden">
        Means of the counted runs, the ratio of the pairs with its interval, and the signed-rank p
      </caption>
      <thead>
        <tr>
          <th scope="col">Figure</th>
          ${columns.map(([title]) => html`<th scope="col" class="${kindOf(title)}">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${metrics.map(
          (metric) =>
            html`<tr>
              <th scope="row">${formatMetric(metric.metric)}</th>
              ${columns.map(([title, value]) => html`<td class="${kindOf(title)}" data-label="${title}">${value(metric)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}

function intervalText({ ratio }: JudgedMetric): string {
  if (ratio === null || !hasInterval(ratio)) return "none";
  return `${change(ratio.low, ratio.value)} to ${change(ratio.high, ratio.value)}`;
}

/** Columns of the table that hold no number. */
const words = ["verdict", "still needed"];

const kinds: Readonly<Record<Compared["kind"], string>> = {
  designs: "two designs of one experiment",
  revisions: "two revisions of this repository, each in a worktree of its own",
  urls: "two services at URLs, loaded alike",
  results: "two results files of runs made before",
};

function conditions(compared: Compared, rerun: string): Markup {
  const { baseline, candidate, kind, shared, leftOut } = compared;
  const method = allMetrics(compared).find(({ ratio }) => ratio !== null)?.ratio?.method;
  return html`<dl class="conditions">
    ${term("Compared", kinds[kind])} ${term("Baseline", side(baseline))} ${term("Candidate", side(candidate))}
    ${Object.entries(shared).map(([name, value]) =>
      term(
        name.replace(/^./, (letter) => letter.toUpperCase()),
        formatScalar(value),
      ),
    )}
    ${term("Rule", ruleText(compared))} ${method !== undefined && term("Interval", method)}
    ${leftOut.length > 0 && term("Left out", html`${leftOut.map((text) => html`<span class="trace">${text}</span>`)}`)}
    ${term("Again", copyable(rerun, "the line that repeats this comparison"))}
  </dl>`;
}

function ruleText({ rule }: Compared): string {
  const { alpha, margin } = rule;
  return `better or worse: the interval excludes ×1 and the signed-rank p, corrected after Holm, is below ${alpha}; else equal: the interval lies within ${formatShare(margin)} of ×1; else undecided`;
}

function side({ name, facts }: Compared["baseline"]): Markup {
  return html`<b>${name}</b>${Object.entries(facts).map(
      ([fact, value]) =>
        html`<span class="trace">${fact}: ${fact === "commit" ? html`<code>${value}</code>` : value}</span>`,
    )}`;
}

function term(name: string, value: Insertable): Markup {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}
