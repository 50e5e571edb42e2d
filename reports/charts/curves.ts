/**
 * Curves: figures against a swept parameter, and latency by percentile. The percentile axis counts nines (50, 90, 99, 99.9 %),
 * so the tail, where designs differ, gets as much room as the middle. Curves are named at their end; theory is dashed and has no
 * markers; an interval is a band in the curve's colour.
 */
import type { TopLevelSpec } from "vega-lite";
import type { Chart } from "../../runners/results.ts";
import { formatNumber } from "../format.ts";
import { linearDomain, logAxis, shorten, spread, textWidthPx, thin } from "./axes.ts";
import { axisExtentPx, type DrawContext, type Layer } from "./draw.ts";
import type { Palette } from "./palette.ts";

export type PercentilesChart = Extract<Chart, { kind: "percentiles" }>;
export type LinesChart = Extract<Chart, { kind: "lines" }>;

type Series = LinesChart["series"][number];

interface Axis {
  readonly title: string;
  readonly log: boolean;
  readonly domain: readonly [number, number];
  readonly values?: readonly number[];
  readonly labelExpr?: string;
  readonly format?: string;
}

interface Plot {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly x: Axis;
  readonly y: Axis;
  /** What a point says of itself. */
  tip(series: Series, point: readonly number[]): string;
  /** Which points get a marker. */
  marked(series: Series): readonly (readonly number[])[];
  readonly rule?: { readonly value: number; readonly label: string };
  readonly marks?: readonly Mark[];
}

type Mark = NonNullable<LinesChart["marks"]>[number];

const heightPx = 250;
const labelLongest = 28;
const markersPerCurve = 12;
const spotsPerCurve = 40;
/** An outline says what its points say. */
const spotsPerArea = 20;

/** The drawing starts here: the fastest operations stretch the axis and decide nothing. The table has them. */
const firstQuantile = 0.2;

/** Quantiles that get a tick and a marker. */
const nines = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];

export function percentilesSpec(chart: PercentilesChart, context: DrawContext): TopLevelSpec {
  const series = chart.series.map((curve) => ({
    ...curve,
    points: curve.points
      .filter(([quantile]) => quantile! >= firstQuantile && quantile! < 1)
      .map(([q, ms]) => [ninesOf(q!), ms!]),
  }));
  const values = series.flatMap((curve) => curve.points.map((point) => point[1]!));
  const deepest = series.flatMap((curve) => curve.points).reduce((most, point) => Math.max(most, point[0]!), 1);
  const y = logAxis([...values, ...(chart.sloMs === undefined ? [] : [chart.sloMs * 1.6])]);
  return plotSpec(series, context, {
    ...room(series, context),
    heightPx,
    x: {
      title: "percentile",
      log: false,
      domain: [ninesOf(firstQuantile), deepest * 1.01],
      values: nines.map(ninesOf).filter((tick) => tick <= deepest * 1.01),
      labelExpr: "datum.value < 0.5 ? '50 %' : format(100 * (1 - pow(10, -datum.value)), '.6~g') + ' %'",
    },
    y: { title: "latency (ms)", log: true, domain: y.domain, values: y.values, format: ",.6~g" },
    tip: (curve, [x, ms]) => `${curve.name}: ${percentText(x!)} of operations within ${formatNumber(ms)} ms`,
    marked: (curve) => (curve.dashed === true ? [] : nearestToNines(curve.points)),
    rule:
      chart.sloMs === undefined ? undefined : { value: chart.sloMs, label: `limit ${formatNumber(chart.sloMs)} ms` },
  });
}

export function linesSpec(chart: LinesChart, context: DrawContext): TopLevelSpec {
  const marks = (chart.marks ?? []).map((mark) => mark.x);
  const xs = [...marks, ...chart.series.flatMap((curve) => curve.points.map((point) => point[0]!))];
  const limits = chart.rule === undefined ? [] : [chart.rule.value];
  const ys = [...limits, ...chart.series.flatMap((curve) => curve.points.flatMap((point) => point.slice(1)))];
  return plotSpec(chart.series, context, {
    ...room(chart.series, context),
    heightPx,
    x: axisOf(chart.xLabel, chart.xScale, xs, false),
    y: axisOf(chart.yLabel, chart.yScale, ys, true),
    tip: (curve, [x, y, low, high]) => {
      const interval =
        low === undefined || high === undefined ? "" : ` (${formatNumber(low)} to ${formatNumber(high)})`;
      return `${curve.name}: ${chart.yLabel} ${formatNumber(y)}${interval} at ${chart.xLabel} ${formatNumber(x)}`;
    },
    marked: (curve) =>
      curve.as === "points"
        ? curve.points
        : curve.dashed === true || curve.as !== undefined
          ? []
          : thin(curve.points, markersPerCurve),
    rule: chart.rule,
    marks: chart.marks,
  });
}

/** Width of the plot itself once the curves' names at the right have their room; narrow drawings name them in the legend only. */
function room(series: readonly Series[], { frame }: DrawContext): { widthPx: number } {
  const names = frame.narrow
    ? 0
    : Math.max(0, ...series.filter(isNamed).map((curve) => textWidthPx(shorten(curve.name, labelLongest)) + 14));
  return { widthPx: Math.floor(frame.widthPx - axisExtentPx - 12 - names) };
}

/** Areas end together on the axis, where names would say nothing: the legend names them. */
function isNamed(curve: Series): boolean {
  return curve.as !== "area" && curve.points.length > 0;
}

function axisOf(title: string, scale: "linear" | "log", values: readonly number[], fromZero: boolean): Axis {
  if (scale === "log") return { title, log: true, ...logAxis(values, fromZero ? 8 : 6), format: ",.6~g" };
  const [low, high] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  );
  const domain = fromZero || !(high > low) ? linearDomain(values) : ([low, high] as const);
  return { title, log: false, domain, format: ",.6~g" };
}

function plotSpec(series: readonly Series[], context: DrawContext, plot: Plot): TopLevelSpec {
  const curves = series.filter((curve) => curve.points.length > 0);
  const rules = plot.rule === undefined ? [] : ruleLayers(plot, plot.rule);
  const marks = (plot.marks ?? []).flatMap((mark, i) => markLayers(plot, mark, i, context.palette));
  const layers = [
    ...rules.slice(0, 1),
    ...marks.filter((_, i) => i % 2 === 0),
    ...curves
      .filter((curve) => curve.points.some((point) => point.length >= 4))
      .map((curve) => band(curve, context, plot)),
    ...curves.flatMap((curve) => curveLayers(curve, context, plot)),
    ...(context.frame.narrow ? [] : [names(curves.filter(isNamed), context, plot)]),
    ...rules.slice(1),
    ...marks.filter((_, i) => i % 2 === 1),
  ];
  return { width: plot.widthPx, height: plot.heightPx, layer: layers } as TopLevelSpec;
}

function curveLayers(curve: Series, { palette }: DrawContext, plot: Plot): Layer[] {
  const color = palette.colourOf(curve.name);
  const dashed = curve.dashed === true;
  const whole: Layer = {
    data: { values: curve.points.map(([x, y]) => ({ x, y })) as never },
    mark:
      curve.as === "area"
        ? { type: "area", color, fillOpacity: 0.13, line: { color, strokeWidth: 2 }, clip: true }
        : { type: "line", color, strokeWidth: dashed ? 1.5 : 2, strokeDash: dashed ? [5, 4] : undefined, clip: true },
    encoding: positions(plot),
  };
  const spots = thin(curve.points, curve.as === "area" ? spotsPerArea : spotsPerCurve).map((point) => ({
    x: point[0],
    y: point[1],
    tip: plot.tip(curve, point),
  }));
  return [
    ...(curve.as === "points" ? [] : [whole]),
    {
      data: { values: plot.marked(curve).map(([x, y]) => ({ x, y })) as never },
      mark: {
        type: "point",
        shape: palette.shapeOf(curve.name) as never,
        filled: true,
        color,
        size: 44,
        opacity: 0.999,
      },
      encoding: positions(plot),
    },
    {
      data: { values: spots as never },
      mark: { type: "point", opacity: 0 },
      encoding: { ...positions(plot), tooltip: { field: "tip" } },
    },
  ];
}

function band(curve: Series, { palette }: DrawContext, plot: Plot): Layer {
  const rows = curve.points.filter((point) => point.length >= 4).map(([x, , low, high]) => ({ x, y: low, high }));
  return {
    data: { values: rows as never },
    mark: { type: "area", color: palette.colourOf(curve.name), fillOpacity: 0.18, clip: true },
    encoding: { ...positions(plot), y2: { field: "high" } },
  };
}

/** Each curve's name at its last point, moved up or down until none overlap. */
function names(curves: readonly Series[], { palette }: DrawContext, plot: Plot): Layer {
  const ends = curves.map((curve) => curve.points.reduce((last, point) => (point[0]! >= last[0]! ? point : last)));
  const heights = spread(
    ends.map((end) => pixelOf(end[1]!, plot.y, plot.heightPx, true)),
    15,
    4,
    plot.heightPx,
  );
  const values = curves.map((curve, i) => ({
    name: shorten(curve.name, labelLongest),
    x: Math.max(pixelOf(ends[i]![0]!, plot.x, plot.widthPx, false), plot.widthPx) + 10,
    y: heights[i],
    colour: palette.colourOf(curve.name),
  }));
  return {
    data: { values },
    mark: { type: "text", align: "left", baseline: "middle", clip: false },
    encoding: {
      x: { field: "x", type: "quantitative", scale: null },
      y: { field: "y", type: "quantitative", scale: null },
      text: { field: "name" },
      color: { field: "colour", type: "nominal", scale: null },
    },
  };
}

/** The rule, which curves may cover, and its label, which they may not. */
function ruleLayers(plot: Plot, rule: { value: number; label: string }): Layer[] {
  const data = { values: [{ y: rule.value, label: rule.label }] };
  const y = positions(plot).y;
  return [
    { data, mark: { type: "rule", color: "var(--muted)", strokeDash: [2, 3] }, encoding: { y } },
    {
      data,
      mark: {
        type: "text",
        align: "left",
        baseline: "bottom",
        dx: 4,
        dy: -3,
        color: "var(--muted)",
        stroke: "var(--paper)",
        strokeWidth: 4,
      },
      encoding: { x: { value: 0 }, y, text: { field: "label" } },
    },
  ];
}

/** A vertical rule and its label, left of it where there is room; labels of several stand below each other. */
function markLayers(plot: Plot, mark: Mark, row: number, palette: Palette): Layer[] {
  const color = mark.series === undefined ? "var(--accent)" : palette.colourOf(mark.series);
  const data = { values: [{ x: mark.x, label: mark.label }] };
  const x = positions(plot).x;
  const right = pixelOf(mark.x, plot.x, plot.widthPx, false) > textWidthPx(mark.label) + 8;
  return [
    { data, mark: { type: "rule", color, strokeDash: [4, 3], strokeWidth: 1.5 }, encoding: { x } },
    {
      data,
      mark: {
        type: "text",
        align: right ? "right" : "left",
        baseline: "top",
        dx: right ? -6 : 6,
        color,
        stroke: "var(--paper)",
        strokeWidth: 4,
      },
      encoding: { x, y: { value: 4 + 16 * row }, text: { field: "label" } },
    },
  ];
}

function positions(plot: Plot) {
  return { x: position("x", plot.x, plot.widthPx), y: position("y", plot.y, plot.heightPx) };
}

function position(field: "x" | "y", axis: Axis, lengthPx: number) {
  return {
    field,
    type: "quantitative" as const,
    scale: {
      type: axis.log ? ("log" as const) : ("linear" as const),
      domain: [...axis.domain],
      nice: false,
      ...(axis.log ? {} : { zero: false }),
    },
    axis: {
      title: axis.title,
      // With a count beside them Vega drops every other value until no more are left.
      ...(axis.values === undefined
        ? { tickCount: Math.max(3, Math.floor(lengthPx / 60)) }
        : { values: [...axis.values], labelOverlap: false }),
      format: axis.format,
      labelExpr: axis.labelExpr,
      labelFlush: false,
    },
  };
}

function pixelOf(value: number, axis: Axis, lengthPx: number, downwards: boolean): number {
  const scale = axis.log ? (number: number) => Math.log(Math.max(number, axis.domain[0])) : (number: number) => number;
  const share = (scale(value) - scale(axis.domain[0])) / (scale(axis.domain[1]) - scale(axis.domain[0]));
  return lengthPx * (downwards ? 1 - share : share);
}

function ninesOf(quantile: number): number {
  return -Math.log10(1 - quantile);
}

function percentText(ninesCount: number): string {
  return `${Number((100 * (1 - 10 ** -ninesCount)).toPrecision(6))} %`;
}

function nearestToNines(points: readonly (readonly number[])[]): (readonly number[])[] {
  const last = points.at(-1)?.[0] ?? 0;
  return nines
    .map(ninesOf)
    .filter((tick) => tick <= last + 1e-6)
    .map((tick) =>
      points.reduce((best, point) => (Math.abs(point[0]! - tick) < Math.abs(best[0]! - tick) ? point : best)),
    );
}
