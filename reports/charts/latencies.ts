/**
 * Latency over time as a heat map: time across, latency up on a log scale, darker where more operations ended. A line of p99 hides
 * whether everything became slow or one operation in fifty did; here both bands of a divided service are seen. Colour follows the
 * logarithm of the count, so that a single straggler is still visible beside thousands.
 */
import type { TopLevelSpec } from "vega-lite";
import { formatCount, formatNumber } from "../format.ts";
import { panelColumns, shorten } from "./axes.ts";
import { axisExtentPx, type DrawContext, type Layer } from "./draw.ts";
import { heatPng } from "./heatmap.ts";
import type { LatenciesChart } from "./report-chart.ts";
import { bandLayers, bandRows, timeAxis, type TimeScale } from "./timeline.ts";

interface Frame {
  readonly scale: TimeScale;
  /** log10 of microseconds, lowest and highest bucket edge shown. */
  readonly low: number;
  readonly high: number;
  readonly largest: number;
}

const heightPx = 150;
/** As many as the eye tells apart; more would only make the image larger. */
const shades = 16;
const panelGapPx = 26;

export function latenciesSpec(chart: LatenciesChart, { frame }: DrawContext): TopLevelSpec {
  const columns = frame.narrow ? 1 : panelColumns(chart.panels.length);
  const widthPx = Math.floor((frame.widthPx - 8 - panelGapPx * (columns - 1)) / columns) - axisExtentPx - 8;
  const shared = frameOf(chart, widthPx);
  return {
    columns,
    spacing: { row: 30, column: panelGapPx },
    concat: chart.panels.map(({ design, timeline }) => ({
      title: { text: shorten(design, Math.floor(widthPx / 7)), offset: 10 },
      width: widthPx,
      height: heightPx,
      layer: [
        {
          data: { values: [{}] },
          mark: { type: "image", width: widthPx, height: heightPx, aspect: false, align: "left", baseline: "top" },
          encoding: {
            url: { value: heatPng(shadesOf(timeline, shared), timeline.atS.length, bucketsOf(timeline, shared), 1) },
            x: { value: 0 },
            y: { value: 0 },
          },
        },
        ...bandLayers(chart.bands, shared.scale, { named: true, labelled: true, onMap: true }),
        axes(shared),
      ],
    })),
  } as unknown as TopLevelSpec;
}

/** Words for each cell, by panel: rows from the top of the picture, "count" or "" where nothing ended. */
export interface CellWords {
  readonly times: readonly string[];
  readonly places: readonly string[];
  readonly panels: readonly { readonly name: string; readonly cells: readonly string[] }[];
}

/** What the page says of the cell under the pointer. `cells`: for each row of the picture its counts, joined by commas, 0 left out. */
export function latencyWords(chart: LatenciesChart): CellWords {
  const shared = frameOf(chart, 100);
  const [{ timeline: first }] = chart.panels as [LatenciesChart["panels"][number]];
  const perDecade = first.latencies!.perDecade;
  const count = bucketsOf(first, shared);
  const edge = (bucket: number): string => formatNumber(10 ** (shared.low + bucket / perDecade) / 1_000);
  return {
    times: first.atS.map((atS) => `${formatNumber(atS)} s`),
    places: Array.from({ length: count }, (_, row) => `${edge(count - 1 - row)} to ${edge(count - row)} ms`),
    panels: chart.panels.map(({ design, timeline }) => ({
      name: design,
      cells: countsOf(timeline, shared).map((row) => row.map((cell) => (cell === 0 ? "" : String(cell))).join(",")),
    })),
  };
}

/** The colour scale's right end in words. */
export function mostInACell(chart: LatenciesChart): string {
  return formatCount(frameOf(chart, 100).largest);
}

function frameOf({ panels, bands }: LatenciesChart, widthPx: number): Frame {
  const maps = panels.map(({ timeline }) => timeline.latencies!);
  const filled = maps.filter(({ counts }) => counts.some((row) => row.length > 0));
  const edges = filled.flatMap(({ first, perDecade, counts }) => [
    (first + fewBelow(counts)) / perDecade,
    (first + counts.reduce((most, row) => Math.max(most, row.length), 0)) / perDecade,
  ]);
  const x: [number, number] = [
    0,
    Math.max(1e-6, ...panels.map(({ timeline }) => (timeline.atS.at(-1) ?? 0) + timeline.intervalS)),
  ];
  return {
    scale: { widthPx, x, bandRows: bandRows(bands, x, widthPx) },
    low: edges.length === 0 ? 3 : Math.min(...edges),
    high: edges.length === 0 ? 4 : Math.max(...edges),
    largest: maps.flatMap(({ counts }) => counts.flat()).reduce((most, count) => Math.max(most, count), 0),
  };
}

/** Buckets at the bottom that hold under half a percent of all operations: the fastest few would take half the picture. */
function fewBelow(counts: readonly (readonly number[])[]): number {
  const total = counts.flat().reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let bucket = 0; ; bucket++) {
    for (const row of counts) below += row[bucket] ?? 0;
    if (below > total * 0.005) return bucket;
  }
}

type Timeline = LatenciesChart["panels"][number]["timeline"];

function bucketsOf({ latencies }: Timeline, { low, high }: Frame): number {
  return Math.max(1, Math.round((high - low) * latencies!.perDecade));
}

/** Counts as the picture has them: the slowest bucket in the first row, time to the right. */
function countsOf(timeline: Timeline, shared: Frame): number[][] {
  const { first, perDecade, counts } = timeline.latencies!;
  const buckets = bucketsOf(timeline, shared);
  const below = Math.round(first - shared.low * perDecade);
  return Array.from({ length: buckets }, (_, row) => {
    const bucket = buckets - 1 - row - below;
    return timeline.atS.map((_at, i) => counts[i]?.[bucket] ?? 0);
  });
}

function shadesOf(timeline: Timeline, shared: Frame): number[][] {
  const full = Math.log1p(shared.largest);
  return countsOf(timeline, shared).map((row) =>
    row.map((count) => (count === 0 ? 0 : 0.12 + (0.88 * Math.ceil((shades * Math.log1p(count)) / full)) / shades)),
  );
}

function axes({ scale, low, high }: Frame): Layer {
  const [least, most] = [10 ** (low - 3), 10 ** (high - 3)];
  const powers = Array.from({ length: 14 }, (_, i) => i - 4);
  const inside = (mantissas: readonly number[]): number[] =>
    powers
      .flatMap((power) => mantissas.map((mantissa) => Number((mantissa * 10 ** power).toPrecision(3))))
      .filter((value) => value >= least && value <= most);
  const decades = inside([1]);
  const finer = [[1, 2, 5], [1, 1.5, 2, 3, 5, 7]].map(inside); // prettier-ignore
  const few = [decades, ...finer].find((values) => values.length >= 3) ?? finer[1]!;
  return {
    data: { values: [{ t: 0, ms: least }] },
    mark: { type: "point", opacity: 0 },
    encoding: {
      x: timeAxis(scale, true),
      y: {
        field: "ms",
        type: "quantitative",
        scale: { type: "log", domain: [least, most], nice: false },
        axis: { title: "latency (ms)", values: few, format: ",.6~g", grid: true },
      },
    },
  };
}
