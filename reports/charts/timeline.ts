/**
 * Throughput by outcome and latency over time, one panel per design. The three outcomes are stacked and never folded into one
 * another; ok takes the design's colour, refused and unknown have one colour each on every chart. All panels share their scales,
 * so that heights compare across designs. Fault bands are shaded through both rows. A hover position names its panel and row; the
 * words are those of the data table.
 */
import type { TopLevelSpec } from "vega-lite";
import type { Band, Chart, Timeline } from "../../runners/results.ts";
import { linearDomain, logAxis, panelColumns, shorten, textWidthPx } from "./axes.ts";
import { axisExtentPx, type DrawContext, type Layer } from "./draw.ts";

export type TimelineChart = Extract<Chart, { kind: "timeline" }>;

/** Time across a panel, with the faults on it. */
export interface TimeScale {
  readonly widthPx: number;
  readonly x: readonly [number, number];
  /** For each band the line, counted upwards from the plot, on which its label stands. */
  readonly bandRows: readonly number[];
  /** Default: time (s). */
  readonly title?: string;
}

interface Scales extends TimeScale {
  readonly rate: readonly [number, number];
  readonly latency: ReturnType<typeof logAxis>;
}

const outcomes = ["ok", "refused", "unknown"] as const;

const panelGapPx = 26;
const rateHeightPx = 150;
const latencyHeightPx = 120;

/** 900, 3,000, 25k: at most five characters. */
const shortCount = "datum.value < 10000 ? format(datum.value, ',.6~g') : format(datum.value, '.3~s')";

export function timelineSpec(chart: TimelineChart, { palette, frame }: DrawContext): TopLevelSpec {
  const columns = frame.narrow ? 1 : panelColumns(chart.panels.length);
  const widthPx = Math.floor((frame.widthPx - 8 - panelGapPx * (columns - 1)) / columns) - axisExtentPx - 8;
  const scales = scalesOf(chart, widthPx);
  return {
    columns,
    spacing: { row: 30, column: panelGapPx },
    concat: chart.panels.map(({ design, timeline }, panel) => ({
      title: { text: shorten(design, Math.floor(widthPx / 7)), offset: 10 },
      spacing: 34,
      vconcat: [
        ratePanel(timeline, palette.colourOf(design), panel, chart.bands, scales),
        latencyPanel(timeline, palette.colourOf(design), panel, chart.bands, scales),
      ],
    })),
  } as TopLevelSpec;
}

function scalesOf(chart: TimelineChart, widthPx: number): Scales {
  const timelines = chart.panels.map((panel) => panel.timeline);
  const starts = timelines.flatMap((timeline) => timeline.atS.slice(0, 1));
  const ends = timelines.map((timeline) => (timeline.atS.at(-1) ?? 0) + timeline.intervalS);
  const x: [number, number] = [Math.min(0, ...starts), Math.max(1e-6, ...ends)];
  const rates = timelines.flatMap((timeline) =>
    timeline.ok.flatMap((ok, i) =>
      [ok + timeline.refused[i]! + timeline.unknown[i]!, timeline.offered[i]!, timeline.attempts[i]!].map(
        (count) => count / timeline.intervalS,
      ),
    ),
  );
  const latencies = timelines.flatMap((timeline) => [...timeline.p50Ms, ...timeline.p99Ms]).filter((ms) => ms !== null);
  return {
    widthPx,
    x,
    rate: linearDomain(rates),
    latency: logAxis(latencies, 5),
    bandRows: bandRows(chart.bands, x, widthPx),
  };
}

function ratePanel(timeline: Timeline, colour: string, panel: number, bands: readonly Band[], scales: Scales): Layer {
  const perSecond = (count: number): number => count / timeline.intervalS;
  const stacked = outcomes.map((outcome, layer) => ({
    outcome,
    rows: closed(timeline, (i) => {
      const below = outcomes.slice(0, layer).reduce((total, name) => total + timeline[name][i]!, 0);
      return { low: perSecond(below), high: perSecond(below + timeline[outcome][i]!) };
    }),
  }));
  const colours = { ok: colour, refused: "var(--refused)", unknown: "var(--unknown)" };
  const y = { type: "quantitative" as const, scale: { domain: [...scales.rate], nice: false } };
  const axis = { title: "per second", tickCount: 4, labelExpr: shortCount };
  return {
    width: scales.widthPx,
    height: rateHeightPx,
    layer: [
      ...bandLayers(bands, scales, { named: true, labelled: false }),
      ...stacked
        .filter(({ outcome }) => timeline[outcome].some((count) => count > 0))
        .map(({ outcome, rows }) => ({
          data: { values: rows },
          mark: {
            type: "area" as const,
            interpolate: "step-after" as const,
            color: colours[outcome],
            fillOpacity: 0.85,
          },
          encoding: { x: timeAxis(scales, false), y: { field: "low", ...y, axis }, y2: { field: "high" } },
        })),
      line(
        closed(timeline, (i) => ({ v: perSecond(timeline.attempts[i]!) })),
        "var(--text)",
        { ...y, axis },
        scales,
        [1, 2],
      ),
      line(
        closed(timeline, (i) => ({ v: perSecond(timeline.offered[i]!) })),
        "var(--text)",
        { ...y, axis },
        scales,
      ),
      hover(
        timeline.atS.map((atS, i) => ({
          t: atS + timeline.intervalS / 2,
          v: perSecond(timeline.ok[i]!),
          tip: `${panel},${i}`,
        })),
        { ...y, axis },
        scales,
        false,
      ),
    ],
  };
}

function latencyPanel(
  timeline: Timeline,
  colour: string,
  panel: number,
  bands: readonly Band[],
  scales: Scales,
): Layer {
  const y = {
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: scales.latency.domain, nice: false },
    axis: { title: "latency (ms)", values: scales.latency.values, labelOverlap: false, format: ",.6~g" },
  };
  // A row without an answer has no latency: the line must break there, not bridge the outage.
  const points = (ms: readonly (number | null)[]) =>
    timeline.atS.map((atS, i) => ({ t: atS + timeline.intervalS / 2, v: ms[i] }));
  const curve = (ms: readonly (number | null)[], width: number, opacity: number) => ({
    data: { values: points(ms) },
    mark: {
      type: "line" as const,
      color: colour,
      strokeWidth: width,
      opacity,
      invalid: "break-paths-filter-domains" as const,
    },
    encoding: { x: timeAxis(scales, true), y: { field: "v", ...y } },
  });
  const tips = timeline.atS.flatMap((atS, i) =>
    timeline.p99Ms[i] === null ? [] : [{ t: atS + timeline.intervalS / 2, v: timeline.p99Ms[i], tip: `${panel},${i}` }],
  );
  return {
    width: scales.widthPx,
    height: latencyHeightPx,
    layer: [
      ...bandLayers(bands, scales, { named: false, labelled: true }),
      curve(timeline.p50Ms, 1.25, 0.6),
      curve(timeline.p99Ms, 2.25, 1),
      hover(tips, y, scales, true),
    ],
  };
}

/** Rows at the start of each interval and one at the end of the last, so that a step has its full width. */
function closed<Row extends object>(timeline: Timeline, row: (i: number) => Row): ({ t: number } & Row)[] {
  const rows = timeline.atS.map((atS, i) => ({ t: atS, ...row(i) }));
  const last = timeline.atS.length - 1;
  return last < 0 ? rows : [...rows, { t: timeline.atS[last]! + timeline.intervalS, ...row(last) }];
}

function line(values: object[], color: string, y: object, scales: Scales, dash?: number[]): Layer {
  return {
    data: { values: values as never },
    mark: { type: "line", interpolate: "step-after", color, strokeWidth: 1, strokeDash: dash },
    encoding: { x: timeAxis(scales, false), y: { field: "v", ...y } as never },
  };
}

function hover(values: object[], y: object, scales: Scales, labelled: boolean): Layer {
  return {
    data: { values: values as never },
    mark: { type: "point", opacity: 0 },
    encoding: { x: timeAxis(scales, labelled), y: { field: "v", ...y } as never, tooltip: { field: "tip" } },
  };
}

export function timeAxis(scales: TimeScale, labelled: boolean) {
  return {
    field: "t",
    type: "quantitative" as const,
    scale: { domain: [...scales.x], nice: false, zero: false },
    axis: {
      title: labelled ? (scales.title ?? "time (s)") : null,
      labels: labelled,
      tickCount: Math.max(3, Math.floor(scales.widthPx / 60)),
    },
  };
}

interface BandLook {
  /** The bands' labels stand above this plot. */
  readonly named: boolean;
  /** The plot's time axis has figures. */
  readonly labelled: boolean;
  /** Colours of the plot are figures, which shade would falsify: a strip along its top and two edges instead. */
  readonly onMap?: boolean;
}

export function bandLayers(
  bands: readonly Band[],
  scales: TimeScale,
  { named, labelled, onMap = false }: BandLook,
): Layer[] {
  if (bands.length === 0) return [];
  const values = bands.map((band, i) => ({
    t: Math.max(scales.x[0], band.fromS),
    to: Math.min(scales.x[1], Math.max(band.toS, band.fromS + (scales.x[1] - scales.x[0]) / 300)),
    label: shorten(band.label, Math.floor(scales.widthPx / 7)),
    y: (onMap ? -13 : -7) - 14 * scales.bandRows[i]!,
  }));
  const x = timeAxis(scales, labelled);
  const shade: Layer = {
    data: { values },
    mark: { type: "rect", color: onMap ? "var(--band-edge)" : "var(--band)" },
    encoding: { x, x2: { field: "to" }, ...(onMap ? { y: { value: -5 }, y2: { value: -1 } } : {}) },
  };
  const edges = onMap ? values.flatMap(({ t, to }) => [{ t }, { t: to }]) : values;
  const starts: Layer = {
    data: { values: edges },
    mark: { type: "rule", color: "var(--band-edge)" },
    encoding: { x },
  };
  if (!named) return [shade, starts];
  const names: Layer = {
    data: { values },
    mark: { type: "text", align: "left", color: "var(--band-text)", clip: false },
    encoding: {
      x: { ...x, field: "labelAt" },
      y: { field: "y", type: "quantitative", scale: null },
      text: { field: "label" },
    },
  };
  names.data = { values: values.map((row) => ({ ...row, labelAt: labelStart(row, scales) })) };
  return [shade, starts, names];
}

/** Where a band's label starts, in seconds: at the band, or further left where the panel ends too soon. */
function labelStart(row: { t: number; label: string }, scales: TimeScale): number {
  const perPx = (scales.x[1] - scales.x[0]) / scales.widthPx;
  return Math.max(scales.x[0], Math.min(row.t, scales.x[1] - textWidthPx(row.label) * perPx));
}

/** The line above the plot on which each band's label stands, 0 nearest: the first where it overlaps none. */
export function bandRows(bands: readonly Band[], x: readonly [number, number], widthPx: number): number[] {
  const perPx = (x[1] - x[0]) / widthPx;
  // The first line also has the axis' title, which reaches this far into the plot.
  const ends: number[] = [x[0] + 24 * perPx];
  return bands.map((band) => {
    const width = textWidthPx(shorten(band.label, Math.floor(widthPx / 7))) * perPx;
    const start = Math.max(x[0], Math.min(band.fromS, x[1] - width));
    const free = ends.findIndex((end) => end + 8 * perPx <= start);
    const row = free === -1 ? ends.length : free;
    ends[row] = start + width;
    return row;
  });
}
