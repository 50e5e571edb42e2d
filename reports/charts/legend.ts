/** What the marks of a chart mean, for the page above a drawing and for a drawing that stands alone as a file. */
import { formatNumber } from "../format.ts";
import { html, trusted, type Markup } from "../markup.ts";
import { largestOf, scalePng } from "./heatmap.ts";
import { mostInACell } from "./latencies.ts";
import type { Palette } from "./palette.ts";
import type { ReportChart } from "./report-chart.ts";

/** `key` is SVG inside a box of `keyPx` by 12 pixels. */
export interface LegendEntry {
  readonly key: string;
  readonly keyPx: number;
  readonly label: string;
}

export function legendOf(chart: ReportChart, palette: Palette): Markup | false {
  const entries = legendEntries(chart, palette);
  if (entries.length === 0) return false;
  return html`<ul class="legend">
    ${entries.map(
      ({ key, keyPx, label }) =>
        html`<li>${trusted(`<svg width="${keyPx}" height="12" aria-hidden="true">${key}</svg>`)}${label}</li>`,
    )}
  </ul>`;
}

export function legendEntries(chart: ReportChart, palette: Palette): LegendEntry[] {
  switch (chart.kind) {
    case "percentiles":
      return chart.series.map((series) => curveEntry(palette, series));
    case "lines":
      return chart.series.map((series) => curveEntry(palette, series));
    case "timeline":
      return timelineEntries(chart);
    case "heatmap":
      return [
        scaleEntry(`0 to ${formatNumber(largestOf(chart))} ${chart.valueLabel}`),
        ...((chart.bands ?? []).length > 0 ? [strip] : []),
      ];
    case "latencies":
      return [
        scaleEntry(`0 to ${mostInACell(chart)} ok operations, log scale`),
        ...(chart.bands.length > 0 ? [strip] : []),
      ];
    case "pairs":
      return [
        {
          key: '<circle cx="6" cy="6" r="3.5" fill="var(--muted)"/>',
          keyPx: 12,
          label: chart.margin === undefined ? "one round" : "one pair",
        },
        { key: '<rect width="26" height="12" fill="var(--muted)" opacity=".3"/>', keyPx: 26, label: "interval" },
        { key: '<path d="M2 0v12" stroke="var(--muted)" stroke-width="2.5"/>', keyPx: 5, label: "mean" },
        patch("var(--better-solid)", "better"),
        ...(chart.margin === undefined
          ? []
          : [patch("var(--equal-solid)", `equal: within ${formatNumber(chart.margin * 100)} %`)]),
      ];
    case "bars":
      return [];
  }
}

function timelineEntries(chart: Extract<ReportChart, { kind: "timeline" }>): LegendEntry[] {
  const happened = (outcome: "refused" | "unknown"): boolean =>
    chart.panels.some((panel) => panel.timeline[outcome].some((count) => count > 0));
  const stroke = (label: string, width: number, extra = ""): LegendEntry => ({
    key: `<path d="M0 6h22" fill="none" stroke="var(--text)" stroke-width="${width}"${extra}/>`,
    keyPx: 22,
    label,
  });
  return [
    patch("var(--s1)", "ok, in the design’s colour"),
    ...(happened("refused") ? [patch("var(--refused)", "refused")] : []),
    ...(happened("unknown") ? [patch("var(--unknown)", "unknown")] : []),
    stroke("offered", 1),
    stroke("attempts", 1, ' stroke-dasharray="1 2"'),
    stroke("p99", 2.5),
    stroke("p50", 1.25, ' opacity=".6"'),
    ...(chart.bands.length > 0 ? [patch("var(--band-solid)", "fault")] : []),
  ];
}

function patch(colour: string, label: string): LegendEntry {
  return { key: `<rect width="14" height="12" rx="2" fill="${colour}"/>`, keyPx: 14, label };
}

/** A fault on a map: along its top, with an edge at either end. */
const strip: LegendEntry = {
  key: '<path d="M1 12V4h20v8" fill="none" stroke="var(--band-edge)"/><rect x="1" y="2" width="20" height="4" fill="var(--band-edge)"/>',
  keyPx: 22,
  label: "fault",
};

function scaleEntry(label: string): LegendEntry {
  const key = `<image href="${scalePng()}" width="120" height="12" preserveAspectRatio="none"/><rect x=".5" y=".5" width="119" height="11" fill="none" stroke="var(--rule)"/>`;
  return { key, keyPx: 120, label };
}

const markerPaths: Readonly<Record<string, string>> = {
  circle: "M13 2.5a3.5 3.5 0 1 1-.01 0z",
  square: "M9.5 2.5h7v7h-7z",
  "triangle-up": "M13 2l4 7.5h-8z",
  diamond: "M13 1.5l3.5 4.5-3.5 4.5-3.5-4.5z",
  "triangle-down": "M13 10l4-7.5h-8z",
  cross: "M11.5 2.5h3v2h2v3h-2v2h-3v-2h-2v-3h2z",
  "triangle-right": "M17 6l-7 4v-8z",
};

interface Curve {
  readonly name: string;
  readonly dashed?: boolean;
  readonly as?: "line" | "points" | "area";
}

function curveEntry(palette: Palette, { name, dashed, as }: Curve): LegendEntry {
  const colour = palette.colourOf(name);
  const plain = dashed === true || as === "line" || as === "area";
  const marker = plain ? "" : `<path d="${markerPaths[palette.shapeOf(name)] ?? ""}" fill="${colour}"/>`;
  const line = `<path d="M0 6h26" fill="none" stroke="${colour}" stroke-width="2"${dashed === true ? ' stroke-dasharray="5 4"' : ""}/>`;
  return { key: `${as === "points" ? "" : line}${marker}`, keyPx: 26, label: name };
}
