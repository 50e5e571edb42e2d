/**
 * A chart as a figure: title, the sentence to take away, legend, the drawing at two widths (text that is readable on a wide page
 * is not when the same drawing is shrunk to a telephone), the hover positions, the data. The style sheet shows one of the two.
 */
import type { TopLevelSpec } from "vega-lite";
import type { Chart } from "../../runners/results.ts";
import { formatNumber } from "../format.ts";
import { embedJson, html, trusted, type Markup } from "../markup.ts";
import { barsSpec } from "./bars.ts";
import { linesSpec, percentilesSpec } from "./curves.ts";
import { dataTables } from "./data-table.ts";
import { draw, type DrawContext, type Drawing } from "./draw.ts";
import { heatmapSpec, largestOf, scalePng, type HeatmapChart } from "./heatmap.ts";
import type { Palette } from "./palette.ts";
import { timelineSpec } from "./timeline.ts";

/** The page's columns: charts with panels take both. */
const fullWidthPx = 1080;
const halfWidthPx = 520;
const narrowWidthPx = 350;

export async function renderFigure(chart: Chart, palette: Palette): Promise<Markup> {
  const full = chart.kind === "timeline" || chart.kind === "heatmap";
  if (isEmpty(chart)) return emptyFigure(chart);
  const wide = await drawAt(chart, palette, full ? fullWidthPx : halfWidthPx, false);
  const narrow = await drawAt(chart, palette, narrowWidthPx, true);
  return html`<figure class="chart ${full ? "full" : "half"}">
    <figcaption>
      <h4>${chart.title}</h4>
      <p class="reading">${chart.reading}</p>
    </figcaption>
    ${legend(chart, palette)}
    <div
      class="plot"
      tabindex="0"
      role="group"
      aria-roledescription="chart"
      aria-label="${chart.title}. Arrow keys read its points."
    >
      ${drawing(chart, wide, "wide")}${drawing(chart, narrow, "narrow")}
    </div>
    <script type="application/json">
      ${embedJson(hoverData(chart, wide, narrow))}
    </script>
    <details class="figures">
      <summary>Data<span class="hidden"> of “${chart.title}”</span></summary>
      ${dataTables(chart)}
    </details>
  </figure>`;
}

/** The Vega-Lite specification of a chart at a width. */
export function specOf(chart: Chart, context: DrawContext): TopLevelSpec {
  switch (chart.kind) {
    case "percentiles":
      return percentilesSpec(chart, context);
    case "lines":
      return linesSpec(chart, context);
    case "bars":
      return barsSpec(chart, context);
    case "timeline":
      return timelineSpec(chart, context);
    case "heatmap":
      return heatmapSpec(chart, context);
  }
}

async function drawAt(chart: Chart, palette: Palette, widthPx: number, narrow: boolean): Promise<Drawing> {
  const frame = { widthPx, narrow };
  return draw(specOf(chart, { palette, frame }), frame);
}

function drawing(chart: Chart, { svg }: Drawing, name: "wide" | "narrow"): Markup {
  const label = html`<svg class="${name}" role="img" aria-label="${chart.title}: ${chart.reading}" `;
  return trusted(svg.replace("<svg ", () => label.text));
}

/** Texts are the same at both widths and are stored once; a timeline has [table, row] instead and is read out of its tables. */
function hoverData({ kind }: Chart, wide: Drawing, narrow: Drawing): object {
  const places = ({ spots }: Drawing): number[] => spots.flatMap(({ x, y }) => [x, y]);
  return {
    texts: wide.spots.map(({ text }) => (kind === "timeline" ? text.split(",").map(Number) : text)),
    wide: { spots: places(wide), grids: wide.grids.map(({ x, y, width, height }) => [x, y, width, height]) },
    narrow: { spots: places(narrow), grids: narrow.grids.map(({ x, y, width, height }) => [x, y, width, height]) },
  };
}

function isEmpty(chart: Chart): boolean {
  switch (chart.kind) {
    case "percentiles":
    case "lines":
      return chart.series.every((series) => series.points.length === 0);
    case "bars":
      return chart.bars.length === 0;
    case "timeline":
      return chart.panels.every((panel) => panel.timeline.atS.length === 0);
    case "heatmap":
      return chart.xs.length === 0 || chart.ys.length === 0 || chart.panels.length === 0;
  }
}

function emptyFigure(chart: Chart): Markup {
  return html`<figure class="chart half">
    <figcaption>
      <h4>${chart.title}</h4>
      <p class="reading">${chart.reading}</p>
    </figcaption>
    <p class="empty">No figures: nothing was measured that this chart could show.</p>
  </figure>`;
}

function legend(chart: Chart, palette: Palette): Markup | false {
  switch (chart.kind) {
    case "percentiles":
    case "lines":
      return html`<ul class="legend curves">
        ${chart.series.map(
          (series) => html`<li>${curveKey(palette, series.name, series.dashed === true)}${series.name}</li>`,
        )}
      </ul>`;
    case "timeline":
      return timelineLegend(chart);
    case "heatmap":
      return heatLegend(chart);
    case "bars":
      return false;
  }
}

function timelineLegend(chart: Extract<Chart, { kind: "timeline" }>): Markup {
  const happened = (outcome: "refused" | "unknown"): boolean =>
    chart.panels.some((panel) => panel.timeline[outcome].some((count) => count > 0));
  const patch = (colour: string): Markup =>
    html`<svg width="14" height="12" aria-hidden="true"><rect width="14" height="12" rx="2" fill="${colour}" /></svg>`;
  const stroke = (extra: string, width: number): Markup =>
    trusted(
      `<svg width="22" height="12" aria-hidden="true"><path d="M0 6h22" stroke="var(--text)" stroke-width="${width}"${extra}/></svg>`,
    );
  return html`<ul class="legend">
    <li>${patch("var(--s1)")}ok, in the design’s colour</li>
    ${happened("refused") && html`<li>${patch("var(--refused)")}refused</li>`}
    ${happened("unknown") && html`<li>${patch("var(--unknown)")}unknown</li>`}
    <li>${stroke("", 1)}offered</li>
    <li>${stroke(' stroke-dasharray="1 2"', 1)}attempts</li>
    <li>${stroke("", 2.5)}p99</li>
    <li>${stroke(' opacity=".6"', 1.25)}p50</li>
    ${chart.bands.length > 0 && html`<li>${patch("var(--band-solid)")}fault</li>`}
  </ul>`;
}

function heatLegend(chart: HeatmapChart): Markup {
  return html`<p class="legend scale">
    <span>0</span><img src="${scalePng()}" width="120" height="12" alt="" /><span
      >${formatNumber(largestOf(chart))} ${chart.valueLabel}</span
    >
  </p>`;
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

function curveKey(palette: Palette, name: string, dashed: boolean): Markup {
  const colour = palette.colourOf(name);
  const marker = dashed ? "" : `<path d="${markerPaths[palette.shapeOf(name)] ?? ""}" fill="${colour}"/>`;
  const dash = dashed ? ' stroke-dasharray="5 4"' : "";
  return trusted(
    `<svg width="26" height="12" aria-hidden="true"><path d="M0 6h26" stroke="${colour}" stroke-width="2"${dash}/>${marker}</svg>`,
  );
}
