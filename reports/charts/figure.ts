/**
 * A chart as a figure: title, the sentence to take away, legend, the drawing at two widths (text that is readable on a wide page
 * is not when the same drawing is shrunk to a telephone), the hover positions, the data. The style sheet shows one of the two.
 */
import type { TopLevelSpec } from "vega-lite";
import { embedJson, html, trusted, type Markup } from "../markup.ts";
import { barsSpec } from "./bars.ts";
import { linesSpec, percentilesSpec } from "./curves.ts";
import { dataTables } from "./data-table.ts";
import { draw, type DrawContext, type Drawing } from "./draw.ts";
import { heatmapSpec } from "./heatmap.ts";
import type { Palette } from "./palette.ts";
import { latenciesSpec, latencyWords } from "./latencies.ts";
import { legendOf } from "./legend.ts";
import { pairsSpec } from "./pairs.ts";
import type { ReportChart } from "./report-chart.ts";
import { timelineSpec } from "./timeline.ts";

/** The page's columns: charts with panels take both. */
const fullWidthPx = 1080;
const halfWidthPx = 520;
const narrowWidthPx = 350;

export async function renderFigure(chart: ReportChart, palette: Palette): Promise<Markup> {
  if (isEmpty(chart)) return emptyFigure(chart);
  const full = isFullWidth(chart);
  const wide = await drawAt(chart, palette, full ? fullWidthPx : halfWidthPx, false);
  const narrow = await drawAt(chart, palette, narrowWidthPx, true);
  return html`<figure class="chart ${full ? "full" : "half"}">
    <figcaption>
      <h4>${chart.title}</h4>
      <p class="reading">${chart.reading}</p>
    </figcaption>
    ${legendOf(chart, palette)}
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

/** The page has two columns; what has panels takes both. */
export function isFullWidth({ kind }: ReportChart): boolean {
  return kind === "timeline" || kind === "heatmap" || kind === "latencies";
}

/** The Vega-Lite specification of a chart at a width. */
export function specOf(chart: ReportChart, context: DrawContext): TopLevelSpec {
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
    case "pairs":
      return pairsSpec(chart, context);
    case "latencies":
      return latenciesSpec(chart, context);
  }
}

async function drawAt(chart: ReportChart, palette: Palette, widthPx: number, narrow: boolean): Promise<Drawing> {
  const frame = { widthPx, narrow };
  return draw(specOf(chart, { palette, frame }), frame);
}

function drawing(chart: ReportChart, { svg }: Drawing, name: "wide" | "narrow"): Markup {
  const label = html`<svg class="${name}" role="img" aria-label="${chart.title}: ${chart.reading}" `;
  return trusted(svg.replace("<svg ", () => label.text));
}

/**
 * Texts are the same at both widths and are stored once; a timeline has [table, row] instead and is read out of its tables. The
 * cells of a heat map are read out of its tables too, but those of latencies have none and are stored.
 */
function hoverData(chart: ReportChart, wide: Drawing, narrow: Drawing): object {
  const places = ({ spots }: Drawing): number[] => spots.flatMap(({ x, y }) => [x, y]);
  return {
    texts: wide.spots.map(({ text }) => (chart.kind === "timeline" ? text.split(",").map(Number) : text)),
    cells: chart.kind === "latencies" ? latencyWords(chart) : undefined,
    wide: { spots: places(wide), grids: wide.grids.map(({ x, y, width, height }) => [x, y, width, height]) },
    narrow: { spots: places(narrow), grids: narrow.grids.map(({ x, y, width, height }) => [x, y, width, height]) },
  };
}

export function isEmpty(chart: ReportChart): boolean {
  switch (chart.kind) {
    case "percentiles":
    case "lines":
      return chart.series.every((series) => series.points.length === 0);
    case "bars":
      return chart.bars.length === 0;
    case "pairs":
      return chart.rows.length === 0;
    case "timeline":
    case "latencies":
      return chart.panels.every((panel) => panel.timeline.atS.length === 0);
    case "heatmap":
      return chart.xs.length === 0 || chart.ys.length === 0 || chart.panels.length === 0;
  }
}

function emptyFigure(chart: ReportChart): Markup {
  return html`<figure class="chart half">
    <figcaption>
      <h4>${chart.title}</h4>
      <p class="reading">${chart.reading}</p>
    </figcaption>
    <p class="empty">No figures: nothing was measured that this chart could show.</p>
  </figure>`;
}
