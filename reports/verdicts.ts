/**
 * The first screen: what each experiment found, by how much, and how sure that is. Every ratio is drawn on one shared log axis, so
 * that a small effect looks small beside a large one, and the side on which the candidate is better is said in words.
 */
import type { ExperimentResult, Results } from "../runners/results.ts";
import { formatInterval, formatMetric, formatNumber, formatShare, hasInterval } from "./format.ts";
import { html, trusted, type Insertable, type Markup } from "./markup.ts";
import { statusBadge, tankLabel } from "./status.ts";
import { groupByName, invalidReasons, verdictSentence, winnerOf } from "./summary.ts";

const widthPx = 230;
const heightPx = 34;
const insetPx = 8;
/** Ratios beyond are drawn as arrows at the edge. */
const widest = 100;

export function verdictSection(results: Results): Markup {
  const reach = reachOf(results.experiments);
  return html`<section aria-labelledby="verdicts">
    <h2 id="verdicts">Verdicts</h2>
    <div class="cards">${groupByName(results).map((group) => card(group, reach))}</div>
    ${
      results.experiments.some(({ verdict }) => verdict.ratio !== undefined) &&
      html`<p class="fine">
        Dot and bar: candidate over baseline with its interval, all on one log scale; the bar that keeps clear of the
        line at ×1 shows a difference. ${methodText(results)}
      </p>`
    }
  </section>`;
}

export function anchorOf(experiment: ExperimentResult): string {
  return `${experiment.name}-${experiment.tank}`.replace(/[^\w-]/g, "-");
}

function card(group: readonly ExperimentResult[], reach: number): Markup {
  const [first] = group;
  return html`<article class="card">
    <h3>${first!.title}</h3>
    <p class="question">${first!.question}</p>
    ${group.map((experiment) => row(experiment, reach))}
  </article>`;
}

function row(experiment: ExperimentResult, reach: number): Markup {
  const { status } = experiment;
  const invalid = status === "invalid";
  return html`<div class="verdict ${status}">
    <div class="state">${statusBadge(status)}<span class="tank">${tankLabel(experiment.tank)}</span></div>
    <p class="sentence">
      <a href="#${anchorOf(experiment)}">${verdictSentence(experiment)}</a>${winnerText(experiment)}${
        invalid && html`<span class="warning">${invalidReasons(experiment)}</span>`
      }
    </p>
    <div class="ratio">
      ${invalid ? html`<p class="none">no ratio: run invalid</p>` : ratioFigure(experiment, reach)}
    </div>
  </div>`;
}

function ratioFigure(experiment: ExperimentResult, reach: number): Insertable {
  const { verdict } = experiment;
  const { ratio } = verdict;
  if (ratio === undefined) return withoutRatio(experiment);
  return html`<p class="figure"><b>×${formatNumber(ratio.value)}</b></p>
    <div>
      ${forestPlot(experiment, reach)}
      <p class="interval">${formatInterval(ratio, "×")}, n = ${ratio.n}</p>
    </div>`;
}

/** A figure of zero has no ratio: the two figures themselves then. */
function withoutRatio({ verdict, designs }: ExperimentResult): Markup {
  const { metric, baseline, candidate } = verdict;
  const mean = (name: string): number | undefined => {
    const runs = designs.find((design) => design.name === name)?.runs ?? [];
    const values = runs.flatMap((run) => run.metrics[metric] ?? []);
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const show = metric.endsWith("Share") ? formatShare : formatNumber;
  const [before, after] = [mean(baseline), mean(candidate)];
  if (baseline === candidate && after !== undefined) {
    return html`<div>
      <p class="figure"><b>${show(after)}</b></p>
      <p class="none">${formatMetric(metric)}</p>
    </div>`;
  }
  if (before === undefined || after === undefined) return html`<p class="none">no ratio</p>`;
  return html`<div>
    <p class="figure"><b>${show(before)} → ${show(after)}</b></p>
    <p class="none">${formatMetric(metric)}, ${baseline} → ${candidate}; no ratio to a figure of zero</p>
  </div>`;
}

/** The interval's own word, in case the sentence was written by an optimist. */
function winnerText(experiment: ExperimentResult): Insertable {
  const { verdict } = experiment;
  const winner = winnerOf(experiment);
  const pair = `${formatMetric(verdict.metric)}, ${verdict.candidate} over ${verdict.baseline}, ${verdict.better} is better`;
  if (winner === undefined) {
    const alone = verdict.ratio !== undefined && experiment.status !== "invalid";
    return alone && html`<span class="winner">One run decides nothing: ${pair}</span>`;
  }
  return html`<span class="winner"
    >${winner === "neither" ? html`<b>No difference shown</b>` : html`<b>${verdict[winner]}</b> better`}: ${pair}</span
  >`;
}

function forestPlot({ verdict }: ExperimentResult, reach: number): Insertable {
  const { ratio } = verdict;
  if (ratio === undefined) return undefined;
  const x = (value: number): number => {
    const share = Math.log(Math.min(reach, Math.max(1 / reach, value))) / Math.log(reach);
    return Math.round((widthPx / 2 + share * (widthPx / 2 - insetPx)) * 10) / 10;
  };
  const better = verdict.better === "higher" ? widthPx / 2 : insetPx;
  const beyond = ratio.low > reach || ratio.high < 1 / reach;
  const label = `${formatMetric(verdict.metric)} of ${verdict.candidate} over ${verdict.baseline}: ${formatNumber(ratio.value)}, ${formatInterval(ratio)}; ${verdict.better} is better`;
  const bar = beyond
    ? trusted(
        `<path d="${ratio.low > reach ? `M${widthPx - 10} 7l7 5-7 5z` : "M10 7l-7 5 7 5z"}" fill="var(--accent)"/>`,
      )
    : html`<path
          d="M${x(ratio.low)} 12H${x(ratio.high)}M${x(ratio.low)} 8v8M${x(ratio.high)} 8v8"
          stroke="var(--accent)"
          stroke-width="2"
          fill="none"
        /><circle cx="${x(ratio.value)}" cy="12" r="4" fill="var(--accent)" />`;
  const ticks = [1 / reach, 1, reach].map(
    (value, i) =>
      html`<text
        x="${[insetPx, widthPx / 2, widthPx - insetPx][i]}"
        y="33"
        text-anchor="${["start", "middle", "end"][i]}"
        >×${formatNumber(value)}</text
      >`,
  );
  const side = verdict.better === "higher" ? 0.75 : 0.25;
  return html`<svg
    class="forest"
    width="${widthPx}"
    height="${heightPx}"
    viewBox="0 0 ${widthPx} ${heightPx}"
    role="img"
    aria-label="${label}"
  >
    <rect x="${better}" y="1" width="${widthPx / 2 - insetPx}" height="22" fill="var(--better)" rx="2" />
    <path d="M${insetPx} 23H${widthPx - insetPx}" stroke="var(--axis)" />
    <path d="M${widthPx / 2} 1v22" stroke="var(--muted)" />
    ${bar}${ticks}
    <text x="${widthPx * side}" y="33" text-anchor="middle">better</text>
  </svg>`;
}

/** The axis runs from 1/reach to reach: the next of 2, 5, 10 ... that holds every interval. */
function reachOf(experiments: readonly ExperimentResult[]): number {
  const farthest = experiments
    .flatMap(({ verdict: { ratio }, status }) =>
      ratio === undefined || status === "invalid" ? [] : [ratio.low, ratio.high],
    )
    .filter((value) => value > 0 && Number.isFinite(value))
    .reduce((most, value) => Math.max(most, value, 1 / value), 1.2);
  return [1.25, 1.5, 2, 5, 10, 20, 50].find((reach) => reach >= farthest) ?? widest;
}

function methodText(results: Results): string {
  const methods = new Set(
    results.experiments.flatMap(({ verdict: { ratio } }) =>
      ratio === undefined || !hasInterval(ratio) ? [] : [ratio.method],
    ),
  );
  return methods.size === 0 ? "" : `Intervals: ${[...methods].join("; ")}.`;
}
