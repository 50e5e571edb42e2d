/**
 * Values by place and time as one image a panel: an indexed PNG of one pixel a cell takes a fiftieth of the room that rectangles
 * take. Colours grow from transparent, so the same image runs from paper to full colour on light and on dark paper. One scale
 * serves all panels.
 */
import { crc32, deflateSync } from "node:zlib";
import type { TopLevelSpec } from "vega-lite";
import type { Chart } from "../../runners/results.ts";
import { panelColumns, shorten, textWidthPx } from "./axes.ts";
import { type DrawContext } from "./draw.ts";
import { bandLayers, bandRows, timeAxis, type TimeScale } from "./timeline.ts";

export type HeatmapChart = Extract<Chart, { kind: "heatmap" }>;

const steps = 64;

/** Hue from sea green by blue to red, opacity from none to full: the order survives in grey. */
const stops: readonly (readonly [number, number, number, number])[] = [
  [52, 160, 175, 0],
  [40, 130, 190, 110],
  [98, 88, 190, 200],
  [214, 60, 90, 255],
];

export function heatmapSpec(chart: HeatmapChart, { frame }: DrawContext): TopLevelSpec {
  const columns = frame.narrow ? 1 : panelColumns(chart.panels.length);
  const longest = frame.narrow ? 12 : 16;
  const names = chart.ys.map((name) => shorten(name, longest));
  const labelsPx = Math.ceil(Math.max(24, ...names.map((name) => textWidthPx(name) + 10)));
  const widthPx = Math.floor((frame.widthPx - 8 - 26 * (columns - 1)) / columns) - labelsPx - 10;
  const heightPx = Math.min(320, Math.max(96, chart.ys.length * 15));
  const largest = largestOf(chart);
  const step = chart.xs.length > 1 ? chart.xs[1]! - chart.xs[0]! : 1;
  const first = chart.xs[0] ?? 0;
  const last = (chart.xs.at(-1) ?? 0) + step;
  const bands = chart.bands ?? [];
  const x: [number, number] = [first, last];
  const across: TimeScale = { widthPx, x, bandRows: bandRows(bands, x, widthPx), title: chart.xLabel };
  const every = Math.ceil((chart.ys.length * 13) / heightPx);
  return {
    columns,
    spacing: { row: 24, column: 26 },
    concat: chart.panels.map(({ design, values }) => ({
      title: { text: shorten(design, Math.floor(widthPx / 7)), offset: 10 },
      width: widthPx,
      height: heightPx,
      layer: [
        {
          data: { values: [{ x: first, y: -0.5 }] },
          mark: { type: "image", width: widthPx, height: heightPx, aspect: false, align: "left", baseline: "top" },
          encoding: {
            url: { value: heatPng(values, chart.xs.length, chart.ys.length, largest) },
            x: { value: 0 },
            y: { value: 0 },
          },
        },
        ...bandLayers(bands, across, { named: true, labelled: true, onMap: true }),
        {
          data: { values: [{ t: first, y: 0 }] },
          mark: { type: "point", opacity: 0 },
          encoding: {
            x: timeAxis(across, true),
            y: {
              field: "y",
              type: "quantitative",
              scale: { domain: [chart.ys.length - 0.5, -0.5], nice: false, zero: false },
              axis: {
                title: chart.yLabel,
                titleX: -labelsPx,
                minExtent: labelsPx,
                maxExtent: labelsPx,
                grid: false,
                values: names.map((_, i) => i).filter((i) => i % every === 0),
                labelExpr: `${JSON.stringify(names).replaceAll("<", "\\u003c")}[datum.value]`,
              },
            },
          },
        },
      ],
    })),
  } as unknown as TopLevelSpec;
}

/** The largest value of all panels: full colour. Zero is no colour. */
export function largestOf(chart: HeatmapChart): number {
  return chart.panels.reduce(
    (most, panel) => panel.values.reduce((rowMost, row) => row.reduce((a, b) => Math.max(a, b), rowMost), most),
    0,
  );
}

/** The colour scale, left to right. */
export function scalePng(): string {
  return encodePng([Array.from({ length: steps }, (_, i) => i)], steps, 1);
}

export function heatPng(
  values: readonly (readonly number[])[],
  width: number,
  height: number,
  largest: number,
): string {
  const shade = (value: number): number =>
    largest <= 0 ? 0 : Math.min(steps - 1, Math.max(0, Math.round((value / largest) * (steps - 1))));
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => shade(values[y]?.[x] ?? 0)),
  );
  return encodePng(rows, Math.max(1, width), Math.max(1, height));
}

/** PNG, colour type 3 (palette of `steps` colours, RFC 2083 section 4.1.2), 8 bits a pixel, as a data URI. */
function encodePng(rows: readonly (readonly number[])[], width: number, height: number): string {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const colours = Array.from({ length: steps }, (_, i) => colourAt(i / (steps - 1)));
  const pixels = Buffer.alloc(height * (width + 1));
  rows.forEach((row, y) => pixels.set(row, y * (width + 1) + 1));
  const png = Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(colours.flatMap(([red, green, blue]) => [red, green, blue]))),
    chunk("tRNS", Buffer.from(colours.map((colour) => colour[3]))),
    chunk("IDAT", deflateSync(pixels, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  return `data:image/png;base64,${png.toString("base64")}`;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const result = Buffer.alloc(body.length + 8);
  result.writeUInt32BE(data.length, 0);
  body.copy(result, 4);
  result.writeUInt32BE(crc32(body), body.length + 4);
  return result;
}

function colourAt(share: number): [number, number, number, number] {
  const at = share * (stops.length - 1);
  const below = stops[Math.min(Math.floor(at), stops.length - 2)]!;
  const above = stops[Math.min(Math.floor(at), stops.length - 2) + 1]!;
  const part = at - Math.min(Math.floor(at), stops.length - 2);
  const mix = (i: 0 | 1 | 2 | 3): number => Math.round(below[i] + (above[i] - below[i]) * part);
  return [mix(0), mix(1), mix(2), mix(3)];
}
