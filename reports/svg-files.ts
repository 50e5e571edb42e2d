/**
 * Every chart of a report as a file of its own, for a slide, a paper or a pull request: title, the sentence to take away, legend and
 * drawing on light paper. A file needs nothing else: colours are written out, since there is no style sheet to ask, and the fonts
 * are those that any machine has one of.
 */
import { readFileSync } from "node:fs";
import type { Results } from "../runners/results.ts";
import { textWidthPx } from "./charts/axes.ts";
import { draw } from "./charts/draw.ts";
import { isEmpty, isFullWidth, specOf } from "./charts/figure.ts";
import { legendEntries, type LegendEntry } from "./charts/legend.ts";
import type { Palette } from "./charts/palette.ts";
import type { ReportChart } from "./charts/report-chart.ts";
import { comparedCharts, comparedPalette } from "./compared.ts";
import { shownCharts } from "./experiment-section.ts";
import { escapeHtml } from "./markup.ts";
import { anchorOf } from "./verdicts.ts";

export interface SvgFile {
  /** `retry-storm-simulation-2-latency-by-percentile.svg` */
  readonly name: string;
  readonly svg: string;
}

const marginPx = 20;
const fullWidthPx = 1080;
const halfWidthPx = 640;
const linePx = 18;
const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

export async function renderSvgFiles(results: Results): Promise<SvgFile[]> {
  const files: SvgFile[] = [];
  for (const experiment of results.experiments) {
    const { charts, palette } = shownCharts(experiment);
    const source = `${experiment.title} (${experiment.tank}), commit ${results.commit.slice(0, 12)}`;
    files.push(...(await filesOf(charts, palette, { prefix: anchorOf(experiment), source })));
  }
  const { compared } = results;
  if (compared === undefined) return files;
  const of = `${compared.candidate.name} against ${compared.baseline.name}`;
  for (const [i, group] of compared.groups.entries()) {
    const prefix = compared.groups.length === 1 ? "compared" : `compared-${i + 1}`;
    const source = group.name === "" ? of : `${of}, ${group.name}`;
    files.push(...(await filesOf(comparedCharts(group, compared), comparedPalette, { prefix, source })));
  }
  return files;
}

async function filesOf(
  charts: readonly ReportChart[],
  palette: Palette,
  { prefix, source }: { readonly prefix: string; readonly source: string },
): Promise<SvgFile[]> {
  const files: SvgFile[] = [];
  for (const [i, chart] of charts.entries()) {
    if (isEmpty(chart)) continue;
    const name = `${prefix}-${i + 1}-${wordsOf(chart.title)}.svg`;
    files.push({ name, svg: await standaloneSvg(chart, palette, source) });
  }
  return files;
}

async function standaloneSvg(chart: ReportChart, palette: Palette, source: string): Promise<string> {
  const insidePx = isFullWidth(chart) ? fullWidthPx : halfWidthPx;
  const frame = { widthPx: insidePx, narrow: false };
  const drawing = await draw(specOf(chart, { palette, frame }), frame);
  const size = /viewBox="0 0 (\d+) (\d+)"/.exec(drawing.svg)!;
  const [drawnPx, heightPx] = [Number(size[1]), Number(size[2])];
  const widthPx = Math.max(insidePx, drawnPx) + 2 * marginPx;
  const reading = wrap(chart.reading, insidePx);
  const legend = placeLegend(legendEntries(chart, palette), insidePx);
  const readingPx = marginPx + 18;
  const legendPx = readingPx + reading.length * linePx + 12;
  const drawingPx = legendPx + legend.heightPx;
  const totalPx = drawingPx + heightPx + marginPx + 14;
  const text = (x: number, y: number, attributes: string, words: string): string =>
    `<text x="${x}" y="${y}" ${attributes}>${escapeHtml(words)}</text>`;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${widthPx}" height="${totalPx}" viewBox="0 0 ${widthPx} ${totalPx}" font-family="${fonts}" font-size="12" role="img">`,
    `<title>${escapeHtml(chart.title)}</title><desc>${escapeHtml(chart.reading)}</desc>`,
    "<style>text[stroke]{paint-order:stroke}image{image-rendering:pixelated}</style>",
    `<rect width="${widthPx}" height="${totalPx}" fill="var(--paper)"/>`,
    text(marginPx, marginPx + 12, 'font-size="16" font-weight="600" fill="var(--text)"', chart.title),
    ...reading.map((line, i) => text(marginPx, readingPx + 12 + i * linePx, 'fill="var(--muted)"', line)),
    `<g transform="translate(${marginPx},${legendPx})">${legend.svg}</g>`,
    `<g transform="translate(${marginPx},${drawingPx})">${drawing.svg.replace(/^<svg[^>]*>|<\/svg>$/g, "")}</g>`,
    text(marginPx, totalPx - 10, 'font-size="10.5" fill="var(--muted)"', `Wavetank: ${source}`),
    "</svg>\n",
  ].join("");
  return withColours(svg);
}

function placeLegend(entries: readonly LegendEntry[], widthPx: number): { svg: string; heightPx: number } {
  let [x, y] = [0, 0];
  const parts = entries.map(({ key, keyPx, label }) => {
    const takesPx = keyPx + 7 + textWidthPx(label) + 18;
    if (x > 0 && x + takesPx > widthPx) [x, y] = [0, y + linePx];
    const part = `<g transform="translate(${Math.round(x)},${y})">${key}<text x="${keyPx + 7}" y="10" fill="var(--muted)">${escapeHtml(label)}</text></g>`;
    x += takesPx;
    return part;
  });
  return { svg: parts.join(""), heightPx: parts.length === 0 ? 0 : y + linePx + 10 };
}

function wrap(text: string, widthPx: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`.trim();
    if (lines.length === 0 || textWidthPx(longer) > widthPx) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

let light: ReadonlyMap<string, string> | undefined;

/** The page's light colours, by name: there is one list of them, in its style sheet. */
function lightColours(): ReadonlyMap<string, string> {
  const styles = readFileSync(new URL("page.css", import.meta.url), "utf8");
  const [, root = ""] = /:root \{([^}]*)\}/.exec(styles) ?? [];
  light ??= new Map([...root.matchAll(/(--[\w-]+): ([^;]+);/g)].map(([, name, value]) => [name!, value!]));
  return light;
}

function withColours(svg: string): string {
  const colours = lightColours();
  return svg.replace(/(\w[\w-]*)="var\((--[\w-]+)\)"/g, (_, attribute: string, name: string) => {
    const colour = colours.get(name) ?? "#000";
    const parts = /^rgb\((\d+) (\d+) (\d+) \/ ([\d.]+)\)$/.exec(colour);
    // SVG readers other than browsers know no rgb() with alpha.
    if (parts === null) return `${attribute}="${colour}"`;
    const [, red, green, blue, alpha] = parts;
    return `${attribute}="rgb(${red},${green},${blue})" ${attribute}-opacity="${alpha}"`;
  });
}

function wordsOf(title: string): string {
  const words = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return words.replace(/^-|-$/g, "").slice(0, 48).replace(/-$/, "") || "chart";
}
