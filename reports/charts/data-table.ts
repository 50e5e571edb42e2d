/**
 * The figures behind a chart, for those who read numbers, copy them, or cannot see the picture. Cells leave out the end tags that
 * HTML lets one leave out: a heat map has thousands of cells.
 */
import type { Timeline } from "../../runners/results.ts";
import { formatEstimate, formatNumber } from "../format.ts";
import { escapeHtml, html, trusted, type Markup } from "../markup.ts";
import { wordOf } from "./pairs.ts";
import type { ReportChart } from "./report-chart.ts";

interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly string[])[];
}

/** One table a series or panel, in the chart's order, each in a scrollable region. */
export function dataTables(chart: ReportChart): Markup {
  return html`${tablesOf(chart).map(
    (table) =>
      html`<div class="scroll" tabindex="0" role="group" aria-label="Data: ${table.caption}">
        ${renderTable(table)}
      </div>`,
  )}`;
}

function renderTable({ caption, head, rows }: Table): Markup {
  const row = (cells: readonly string[]): string =>
    `<tr><th scope="row">${escapeHtml(cells[0] ?? "")}${cells
      .slice(1)
      .map((cell) => `<td>${escapeHtml(cell)}`)
      .join("")}`;
  return trusted(
    `<table class="data"><caption>${escapeHtml(caption)}</caption><thead><tr>${head
      .map((cell) => `<th scope="col">${escapeHtml(cell)}`)
      .join("")}</thead><tbody>${rows.map(row).join("")}</tbody></table>`,
  );
}

function tablesOf(chart: ReportChart): Table[] {
  switch (chart.kind) {
    case "percentiles":
      return chart.series.map((series) => ({
        caption: series.name,
        head: ["percentile (%)", "latency (ms)"],
        rows: series.points.map(([quantile, ms]) => [
          String(Number((quantile! * 100).toPrecision(7))),
          formatNumber(ms),
        ]),
      }));
    case "lines":
      return chart.series.map((series) => ({
        caption: series.name,
        head: [
          chart.xLabel,
          chart.yLabel,
          ...(series.points.some((point) => point.length >= 4) ? ["low", "high"] : []),
        ],
        rows: series.points.map((point) => point.map(formatNumber)),
      }));
    case "bars":
      return [
        {
          caption: chart.title,
          head: ["name", "group", chart.valueLabel, "low", "high"],
          rows: chart.bars.map((bar) => [
            bar.name,
            bar.group ?? "",
            formatNumber(bar.value),
            formatNumber(bar.low),
            formatNumber(bar.high),
          ]),
        },
      ];
    case "pairs":
      return chart.rows.map(({ name, pairs, ratio, verdict }) => ({
        caption: `${name}: ${formatEstimate(ratio, "×")}, ${wordOf({ name, ratio, verdict, pairs }, chart.better)}`,
        head: [chart.margin === undefined ? "round" : "pair", chart.valueLabel],
        rows: pairs.map((pair) => [String(pair.round + 1), `×${formatNumber(pair.ratio)}`]),
      }));
    case "latencies":
      return chart.panels.map((panel) => latencyTable(panel.design, panel.timeline));
    case "timeline":
      return chart.panels.map((panel) => timelineTable(panel.design, panel.timeline));
    case "heatmap":
      return chart.panels.map((panel) => ({
        caption: `${panel.design}: ${chart.valueLabel}`,
        head: [`${chart.yLabel} \\ ${chart.xLabel}`, ...chart.xs.map(formatNumber)],
        rows: chart.ys.map((name, y) => [name, ...(panel.values[y] ?? []).map(formatNumber)]),
      }));
  }
}

/** A row of time, percentiles for columns: the picture's hundreds of cells would be read by nobody. */
function latencyTable(caption: string, timeline: Timeline): Table {
  return {
    caption,
    head: ["from (s)", "ok", "p50 (ms)", "p99 (ms)"],
    rows: timeline.atS.map((atS, i) => [
      formatNumber(atS),
      formatNumber(timeline.ok[i]),
      formatNumber(timeline.p50Ms[i]),
      formatNumber(timeline.p99Ms[i]),
    ]),
  };
}

function timelineTable(caption: string, timeline: Timeline): Table {
  const rate = (count: number): string => formatNumber(count / timeline.intervalS);
  return {
    caption,
    head: ["from (s)", "offered/s", "ok/s", "refused/s", "unknown/s", "attempts/s", "p50 (ms)", "p99 (ms)"],
    rows: timeline.atS.map((atS, i) => [
      formatNumber(atS),
      rate(timeline.offered[i]!),
      rate(timeline.ok[i]!),
      rate(timeline.refused[i]!),
      rate(timeline.unknown[i]!),
      rate(timeline.attempts[i]!),
      formatNumber(timeline.p50Ms[i]),
      formatNumber(timeline.p99Ms[i]),
    ]),
  };
}
