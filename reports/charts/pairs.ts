/**
 * Paired rounds: each dot is one round's ratio of a design to the baseline, the bar is the interval of their mean. A reader sees at
 * once whether the interval speaks for all rounds or for one of them. One log scale for all rows, with x1 always on it.
 */
import type { TopLevelSpec } from "vega-lite";
import type { Chart } from "../../runners/results.ts";
import { formatEstimate, formatNumber, formatRatio, hasInterval } from "../format.ts";
import { shorten, textWidthPx } from "./axes.ts";
import type { DrawContext, Layer } from "./draw.ts";

export type PairsChart = Extract<Chart, { kind: "pairs" }>;

type Row = PairsChart["rows"][number];

const rowPx = 46;
/** Dots of one row stand on this many lines, so that equal rounds stay countable. */
const lines = 3;
const linePx = 6;

export function pairsSpec(chart: PairsChart, { palette, frame }: DrawContext): TopLevelSpec {
  const longest = frame.narrow ? 15 : 24;
  const names = chart.rows.map((row) => shorten(row.name, longest));
  const labelsPx = Math.ceil(Math.max(40, ...names.map((name) => textWidthPx(name) + 14)));
  const words = chart.rows.map((row) => wordOf(row, chart.better));
  const figures = [...chart.rows.map(figureOf), ...words];
  const figuresPx = Math.ceil(Math.max(...figures.map((text) => textWidthPx(text))) + 18);
  const widthPx = Math.max(120, Math.floor(frame.widthPx - labelsPx - figuresPx - 16));
  const heightPx = chart.rows.length * rowPx;
  const equal = chart.margin === undefined ? undefined : { from: 1 / (1 + chart.margin), to: 1 + chart.margin };
  const ticks = ratioAxis([
    ...(equal === undefined ? [] : [equal.from, equal.to]),
    ...chart.rows.flatMap((row) => [row.ratio.low, row.ratio.high, ...ratiosOf(row)]),
  ]);
  const x = {
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [...ticks.domain], nice: false },
    axis: {
      title: `${chart.valueLabel}, ${chart.better} is better`,
      values: [...ticks.values],
      labelExpr: "'×' + format(datum.value, '.3~g')",
      labelOverlap: true,
      grid: true,
    },
  };
  return {
    width: widthPx,
    height: heightPx,
    layer: [
      betterSide(chart, ticks.domain, x, heightPx),
      ...(equal === undefined ? [] : [band(equal, "var(--equal)", x, heightPx)]),
      {
        data: { values: [{ x: 1 }] },
        mark: { type: "rule", color: "var(--muted)", strokeWidth: 1.5 },
        encoding: { x: { field: "x", ...x } },
      },
      ...chart.rows.flatMap((row, i) =>
        rowLayers(row, i, {
          colour: palette.colourOf(row.name),
          unit: chart.margin === undefined ? "round" : "pair",
          x,
        }),
      ),
      labels(
        names.map((text, i) => ({ text, x: -12, y: (i + 0.5) * rowPx })),
        "right",
      ),
      labels(
        chart.rows.map((row, i) => ({ text: figureOf(row), x: widthPx + 12, y: (i + 0.5) * rowPx - 8 })),
        "left",
      ),
      labels(
        words.map((text, i) => ({ text, x: widthPx + 12, y: (i + 0.5) * rowPx + 8 })),
        "left",
        "var(--muted)",
      ),
    ],
  } as unknown as TopLevelSpec;
}

/** `unit`: what a dot is, in a word. */
function rowLayers(
  row: Row,
  index: number,
  { colour, unit, x }: { readonly colour: string; readonly unit: string; readonly x: object },
): Layer[] {
  const middle = (index + 0.5) * rowPx;
  const y = { field: "y", type: "quantitative" as const, scale: null, axis: null };
  const interval = [{ low: row.ratio.low, high: row.ratio.high, value: row.ratio.value, y: middle }];
  const dots = row.pairs.map(({ round, ratio }, i) => ({
    x: ratio,
    y: middle + ((i % lines) - (lines - 1) / 2) * linePx,
    tip: `${row.name}, ${unit} ${round + 1}: ×${formatNumber(ratio)}; all ${unit}s ${formatEstimate(row.ratio, "×")}`,
  }));
  const data = { values: interval };
  const bar: Layer = {
    data,
    mark: { type: "rule", color: colour, strokeWidth: 22, opacity: 0.22 },
    encoding: { x: { field: "low", ...x } as never, x2: { field: "high" }, y },
  };
  const value: Layer = {
    data: { values: [-11, 11].map((dy) => ({ value: row.ratio.value, y: middle + dy })) },
    mark: { type: "line", color: colour, strokeWidth: 2.5 },
    encoding: { x: { field: "value", ...x } as never, y },
  };
  const rounds: Layer = {
    data: { values: dots },
    mark: { type: "point", filled: true, color: colour, size: 34, opacity: 0.75, stroke: "var(--paper)" },
    encoding: { x: { field: "x", ...x } as never, y, tooltip: { field: "tip" } },
  };
  return hasInterval(row.ratio) ? [bar, value, rounds] : [value, rounds];
}

/** The half of the plot on which the candidate wins. */
function betterSide(chart: PairsChart, [low, high]: readonly [number, number], x: object, heightPx: number): Layer {
  const side = chart.better === "higher" ? { from: 1, to: high } : { from: low, to: 1 };
  return band(side, "var(--better)", x, heightPx);
}

function band(span: { readonly from: number; readonly to: number }, color: string, x: object, heightPx: number): Layer {
  return {
    data: { values: [span] },
    mark: { type: "rect", color },
    encoding: { x: { field: "from", ...x } as never, x2: { field: "to" }, y: { value: 0 }, y2: { value: heightPx } },
  };
}

function labels(values: readonly object[], align: "left" | "right", color = "var(--text)"): Layer {
  const at = (field: string) => ({ field, type: "quantitative" as const, scale: null, axis: null });
  return {
    data: { values: values as never },
    mark: { type: "text", align, baseline: "middle", clip: false, color },
    encoding: { x: at("x"), y: at("y"), text: { field: "text" } },
  };
}

function figureOf({ ratio }: Row): string {
  return formatRatio(ratio.value);
}

/** What the interval says, unless the comparison has said it in a word itself. */
export function wordOf({ ratio, verdict }: Row, better: PairsChart["better"]): string {
  if (verdict !== undefined) return verdict;
  if (!hasInterval(ratio)) return "one pair";
  if (ratio.low <= 1 && ratio.high >= 1) return "undecided";
  return ratio.low > 1 === (better === "higher") ? "better" : "worse";
}

function ratiosOf(row: Row): number[] {
  return row.pairs.map((pair) => pair.ratio);
}

/** Round limits around every value and 1; ticks as fine as the span is narrow. */
export function ratioAxis(values: readonly number[]): { domain: [number, number]; values: number[] } {
  const logs = [...values, 1].filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
  const span = Math.max(Math.max(...logs) - Math.min(...logs), 0.01);
  const domain: [number, number] = [10 ** (Math.min(...logs) - span * 0.08), 10 ** (Math.max(...logs) + span * 0.08)];
  const step = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((size) => (domain[1] - domain[0]) / size <= 5);
  if (step !== undefined && domain[1] / domain[0] < 3) {
    const first = Math.ceil(domain[0] / step - 1e-9);
    const count = Math.floor(domain[1] / step + 1e-9) - first + 1;
    return { domain, values: Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(6))) };
  }
  const decades = Array.from({ length: 25 }, (_, i) => i - 12);
  const mantissas = domain[1] / domain[0] < 200 ? [1, 2, 5] : [1];
  const ticks = decades.flatMap((power) =>
    mantissas.map((mantissa) => Number((mantissa * 10 ** power).toPrecision(6))),
  );
  return { domain, values: ticks.filter((tick) => tick >= domain[0] && tick <= domain[1]) };
}
