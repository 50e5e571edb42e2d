/**
 * One experiment in one tank: the question and the answer, claims, by how much, the experiment's own charts, then the depth that
 * every experiment has, and everything needed to run it again.
 */
import type { ClaimResult, ExperimentResult, Results } from "../runners/results.ts";
import { renderFigure } from "./charts/figure.ts";
import { paletteFor, type Palette } from "./charts/palette.ts";
import type { ReportChart } from "./charts/report-chart.ts";
import { copyable } from "./copyable.ts";
import { comparisonChart, latencyOverTime, ownCharts, percentileChart, spreadChart, throughputChart } from "./depth.ts";
import { correctionTable, designsTable, differencesTable, healthTable, type Described } from "./design-tables.ts";
import { latenciesOf, type DesignLatencies } from "./distribution.ts";
import { formatCount, formatEstimate, formatMethod, formatNumber, formatScalar, formatSeconds } from "./format.ts";
import { html, type Insertable, type Markup } from "./markup.ts";
import { packed } from "./packed.ts";
import { byStatus, statusBadge, tankLabel } from "./status.ts";
import { invalidReasons, summarizeDesign, verdictSentence } from "./summary.ts";
import { scrollable } from "./tables.ts";
import { anchorOf } from "./verdicts.ts";

export async function experimentSection(experiment: ExperimentResult, results: Results): Promise<Markup> {
  const id = anchorOf(experiment);
  const described = describe(experiment);
  const figures = await renderAll(described.main, described.palette);
  const deeper = await renderAll(described.depth, described.palette);
  const correction = correctionTable(described);
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
    ${
      experiment.claims.length > 0 &&
      html`<h3>Claims</h3>
        ${claimsTable(experiment)}`
    }
    <h3>Designs</h3>
    ${designsTable(described)}
    ${
      experiment.designs.length > 1 &&
      html`<h3>What differs between them</h3>
        ${differencesTable(described)}`
    }
    <h3>Charts</h3>
    ${packed(
      html`<div class="charts">
        ${figures.length === 0 ? html`<p class="empty">This experiment draws none.</p>` : figures}
      </div>`,
    )}
    ${
      (deeper.length > 0 || correction !== undefined) &&
      html`<h3>Latency in depth</h3>
        ${packed(html`<div class="charts">${deeper}${correction !== undefined && correctionFigure(correction)}</div>`)}`
    }
    <h3>Generator health</h3>
    ${healthTable(described)}
    <h3>Conditions</h3>
    ${conditions(experiment, results)}
  </section>`;
}

/** The charts of an experiment as the report shows them, and the palette that serves all of them. */
export function shownCharts(experiment: ExperimentResult): { charts: ReportChart[]; palette: Palette } {
  const { main, depth, palette } = describe(experiment);
  return { charts: [...main, ...depth], palette };
}

interface Shown extends Described {
  readonly main: readonly ReportChart[];
  readonly depth: readonly ReportChart[];
}

function describe(experiment: ExperimentResult): Shown {
  const latencies = experiment.designs.map(latenciesOf);
  const summaries = experiment.designs.map((design, i) => summarizeDesign(design, latencies[i]));
  const { main, depth } = chartsOf(experiment, latencies);
  const palette = paletteFor({ designs: experiment.designs, charts: [...main, ...depth] });
  return { experiment, palette, latencies, summaries, main, depth };
}

function chartsOf(
  experiment: ExperimentResult,
  latencies: readonly DesignLatencies[],
): { main: ReportChart[]; depth: ReportChart[] } {
  const present = (charts: readonly (ReportChart | undefined)[]): ReportChart[] =>
    charts.filter((chart) => chart !== undefined);
  return {
    main: present([comparisonChart(experiment), ...ownCharts(experiment), throughputChart(experiment)]),
    depth: present([
      latencyOverTime(experiment),
      percentileChart(experiment, latencies),
      spreadChart(experiment, latencies),
    ]),
  };
}

function correctionFigure(correction: Markup): Markup {
  return html`<div class="chart half">
    <h4>Corrected and uncorrected latency</h4>
    <p class="reading">
      Milliseconds <b>from the intended start</b> and, beside, from the last attempt’s send: what a closed-loop tool
      shows, which leaves out the wait before sending.
    </p>
    ${correction}
  </div>`;
}

async function renderAll(charts: readonly ReportChart[], palette: Palette): Promise<Markup[]> {
  const figures: Markup[] = [];
  for (const chart of charts) figures.push(await renderFigure(chart, palette));
  return figures;
}

function invalidNotice(experiment: ExperimentResult): Markup {
  return html`<p class="notice">
    Invalid: ${invalidReasons(experiment)}. Figures of invalid runs are left out of the designs table; the charts are
    shown for diagnosis only.
  </p>`;
}

function claimsTable({ claims, tank }: ExperimentResult): Markup {
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

function conditions(experiment: ExperimentResult, results: Results): Markup {
  const traces = experiment.designs.flatMap(({ name, runs }) =>
    runs.slice(0, 1).map((run) => ({ name, trace: run.trace })),
  );
  return html`<dl class="conditions">
      ${term("Load", experiment.load)}
      ${term("Faults", experiment.bands.length === 0 ? "none" : experiment.bands.map(({ fromS, toS, label }) => `${label}, ${formatNumber(fromS)} to ${formatNumber(toS)} s`).join("; "))}
      ${term("Tank", tankText(experiment, results))} ${term("Took", formatSeconds(experiment.tookS))}
      ${traces.some(({ trace }) => trace !== undefined) && term("Trace digests", html`${traces.map(({ name, trace }) => trace !== undefined && html`<span class="trace">${name} <code>${trace.digest}</code> ${formatCount(trace.events)} events, ${formatNumber(trace.eventsPerSecond)} events/s</span>`)}`)}
      ${term("Again", copyable(experiment.rerun, `the line that repeats ${experiment.title}, ${experiment.tank}`))}
    </dl>
    <details class="printed">
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

function tankText({ tank }: ExperimentResult, { machine }: Results): string {
  if (tank === "simulation") return "simulation: virtual time, one seed; the machine’s speed does not show";
  const place = `${machine.cpu}, ${machine.cores} cores`;
  return tank === "threads" ? `threads on ${place}, ${machine.disk}` : `a service at a URL, load from ${place}`;
}

function term(name: string, value: Insertable): Markup {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}
