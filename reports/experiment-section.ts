/** One experiment in one tank: from the question, by claims and charts, to everything needed to run it again. */
import type { ClaimResult, ExperimentResult, Results } from "../runners/results.ts";
import { renderFigure } from "./charts/figure.ts";
import { paletteFor, type Palette } from "./charts/palette.ts";
import {
  absent,
  formatCount,
  formatEstimate,
  formatMethod,
  formatNumber,
  formatScalar,
  formatSeconds,
  formatShare,
} from "./format.ts";
import { html, trusted, type Insertable, type Markup } from "./markup.ts";
import { byStatus, statusBadge, tankLabel } from "./status.ts";
import { invalidReasons, summarizeDesign, verdictSentence, type DesignSummary } from "./summary.ts";
import { anchorOf } from "./verdicts.ts";

export async function experimentSection(experiment: ExperimentResult, results: Results): Promise<Markup> {
  const id = anchorOf(experiment);
  const palette = paletteFor(experiment);
  const figures: Markup[] = [];
  for (const chart of experiment.charts) figures.push(await renderFigure(chart, palette));
  return html`<section class="experiment" aria-labelledby="${id}">
    <header>
      <p class="where">
        ${statusBadge(experiment.status)}<span class="tank">${tankLabel(experiment.tank)}</span
        ><a class="up" href="#verdicts">All verdicts</a>
      </p>
      <h2 id="${id}">${experiment.title}<span class="hidden">, ${experiment.tank}</span></h2>
      <p class="question">${experiment.question}</p>
      <p class="source">${experiment.source}</p>
      <p class="sentence">${verdictSentence(experiment)}</p>
      ${experiment.status === "invalid" && invalidNotice(experiment)}${
        experiment.status === "interrupted" &&
        html`<p class="notice">Stopped by a signal: the figures are of the part that ran.</p>`
      }${experiment.notes !== undefined && html`<p class="notes">${experiment.notes}</p>`}
    </header>
    <h3>Claims</h3>
    ${claimsTable(experiment)}
    <h3>Charts</h3>
    <div class="charts">${figures.length === 0 ? html`<p class="empty">This experiment draws none.</p>` : figures}</div>
    <h3>Designs</h3>
    ${designsTable(experiment, palette)}
    <h3>Conditions</h3>
    ${conditions(experiment, results)}
  </section>`;
}

function invalidNotice(experiment: ExperimentResult): Markup {
  return html`<p class="notice">
    Invalid: ${invalidReasons(experiment)}. Figures of invalid runs are left out of the designs table; the charts are
    shown for diagnosis only.
  </p>`;
}

function claimsTable({ claims, tank }: ExperimentResult): Markup {
  if (claims.length === 0) return html`<p class="empty">No claim applies to this tank.</p>`;
  const row = (claim: ClaimResult): Markup =>
    html`<tr class="${claim.status}">
      <td>${statusBadge(claim.status)}</td>
      <th scope="row">${claim.text}</th>
      <td>${claim.expected}</td>
      <td>
        ${claim.measured}${
          claim.estimate !== undefined &&
          html`<br /><small>${formatEstimate(claim.estimate)}; ${formatMethod(claim.estimate)}</small>`
        }
      </td>
    </tr>`;
  return scrollable(
    `Claims, ${tank}`,
    html`<table class="claims">
      <thead>
        <tr>
          <th scope="col">Status</th>
          <th scope="col">Claim</th>
          <th scope="col">Expected</th>
          <th scope="col">Measured</th>
        </tr>
      </thead>
      <tbody>
        ${[...claims].sort(byStatus).map(row)}
      </tbody>
    </table>`,
  );
}

const columns: readonly (readonly [string, string, (summary: DesignSummary) => string])[] = [
  ["ok/s", "median of runs", ({ okPerSecond }) => formatNumber(okPerSecond)],
  ["p50", "ms", ({ p50Ms }) => formatNumber(p50Ms)],
  ["p99", "ms", ({ p99Ms }) => formatNumber(p99Ms)],
  ["p99.9", "ms", ({ p999Ms }) => formatNumber(p999Ms)],
  ["service p99", "ms, from the send", ({ serviceP99Ms }) => formatNumber(serviceP99Ms)],
  ["ok", "share", ({ okShare }) => formatShare(okShare)],
  ["refused", "share", ({ refusedShare }) => formatShare(refusedShare)],
  ["unknown", "share", ({ unknownShare }) => formatShare(unknownShare)],
  ["attempts", "per operation", ({ attemptsPerOperation }) => formatNumber(attemptsPerOperation)],
  ["runs", "", ({ runs, invalidRuns }) => (invalidRuns === 0 ? String(runs) : `${runs}, ${invalidRuns} invalid`)],
];

function designsTable(experiment: ExperimentResult, palette: Palette): Markup {
  const summaries = experiment.designs.map(summarizeDesign);
  const row = (summary: DesignSummary): Markup =>
    html`<tr>
      <th scope="row">
        <svg width="10" height="10" aria-hidden="true">
          <rect width="10" height="10" rx="2" fill="${palette.colourOf(summary.name)}" />
        </svg>
        ${summary.name}
      </th>
      ${columns.map(
        ([, , value]) =>
          html`<td class="number">
            ${summary.invalidRuns === summary.runs && value(summary) === absent ? "invalid" : value(summary)}
          </td>`,
      )}
    </tr>`;
  return html`${scrollable(
      `Designs of ${experiment.title}, ${experiment.tank}`,
      html`<table class="designs">
        <thead>
          <tr>
            <th scope="col">Design</th>
            ${columns.map(
              ([name, unit]) =>
                html`<th scope="col" class="number">${name}${unit !== "" && html`<br /><small>${unit}</small>`}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${summaries.map(row)}
        </tbody>
      </table>`,
    )}
    <ul class="described">
      ${experiment.designs.map((design, i) => describeDesign(design, summaries[i]!))}
    </ul>`;
}

function describeDesign(
  { name, title, description, differs }: ExperimentResult["designs"][number],
  summary: DesignSummary,
): Markup {
  const reasons = [...summary.refused, ...summary.unknown].map(([reason, count]) => `${reason} ${formatCount(count)}`);
  const { check } = summary;
  const counts = Object.entries(check.counts).map(([key, count]) => `${key} ${formatNumber(count)}`);
  return html`<li><b>${name}</b>: ${title}. ${description}
<dl class="inline">${Object.entries(differs).map(
    ([path, value]) =>
      html`<div>
        <dt><code>${path}</code></dt>
        <dd>${formatScalar(value)}</dd>
      </div>`,
  )}
${
  reasons.length > 0 &&
  html`<div>
    <dt>not ok</dt>
    <dd>${reasons.join(", ")}</dd>
  </div>`
}
<div><dt>check</dt><dd${check.failedRuns > 0 && trusted(' class="violated"')}>${
    check.failedRuns === 0 ? "held" : `violated in ${check.failedRuns} runs: ${check.violations.slice(0, 3).join("; ")}`
  }, ${formatCount(check.examined)} examined${counts.length > 0 && `; ${counts.join(", ")}`}</dd></div></dl></li>`;
}

function conditions(experiment: ExperimentResult, results: Results): Markup {
  const traces = experiment.designs.flatMap(({ name, runs }) =>
    runs.slice(0, 1).map((run) => ({ name, trace: run.trace })),
  );
  return html`<dl class="conditions">
      ${term("Load", experiment.load)}
      ${term("Faults", experiment.bands.length === 0 ? "none" : experiment.bands.map(({ fromS, toS, label }) => `${label}, ${formatNumber(fromS)} to ${formatNumber(toS)} s`).join("; "))}
      ${term("Tank", experiment.tank === "threads" ? `threads on ${results.machine.cpu}, ${results.machine.cores} cores, ${results.machine.disk}` : "simulation: virtual time, one seed; the machine’s speed does not show")}
      ${term("Took", formatSeconds(experiment.tookS))}
      ${traces.some(({ trace }) => trace !== undefined) && term("Trace digests", html`${traces.map(({ name, trace }) => trace !== undefined && html`<span class="trace">${name} <code>${trace.digest}</code> ${formatCount(trace.events)} events, ${formatNumber(trace.eventsPerSecond)} events/s</span>`)}`)}
      ${term("Again", html`<span class="rerun"><code>${experiment.rerun}</code><button type="button" class="copy">Copy</button></span>`)}
    </dl>
    <details>
      <summary>
        Parameters that all designs share (${Object.keys(experiment.parameters).length})<span class="hidden">
          in ${experiment.title}, ${experiment.tank}</span
        >
      </summary>
      <dl class="parameters">
        ${Object.entries(experiment.parameters).map(
          ([path, value]) =>
            html`<div>
              <dt><code>${path}</code></dt>
              <dd>${formatScalar(value)}</dd>
            </div>`,
        )}
      </dl>
    </details>`;
}

function term(name: string, value: Insertable): Markup {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

function scrollable(label: string, table: Markup): Markup {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${label}">${table}</div>`;
}
