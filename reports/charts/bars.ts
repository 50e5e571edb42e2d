/** Bars lie on their side, so that names have room; each carries its figure, and its interval as a whisker. Groups stack. */
import type { TopLevelSpec } from "vega-lite";
import type { Chart } from "../../runners/results.ts";
import { formatNumber } from "../format.ts";
import { linearDomain, shorten, textWidthPx } from "./axes.ts";
import type { DrawContext, Layer } from "./draw.ts";
import type { Palette } from "./palette.ts";

export type BarsChart = Extract<Chart, { kind: "bars" }>;

type Bar = BarsChart["bars"][number];

interface Layout {
  readonly labelsPx: number;
  readonly widthPx: number;
  readonly domain: readonly [number, number];
}

const barStepPx = 30;

export function barsSpec(chart: BarsChart, context: DrawContext): TopLevelSpec {
  const groups = groupsOf(chart.bars);
  const longest = context.frame.narrow ? 16 : 26;
  const labelsPx = Math.ceil(Math.max(40, ...chart.bars.map((bar) => textWidthPx(shorten(bar.name, longest)) + 12)));
  const values = chart.bars.flatMap((bar) => [bar.value, bar.low ?? bar.value, bar.high ?? bar.value]);
  const [low, high] = linearDomain([...values, ...(chart.rule === undefined ? [] : [chart.rule.value])]);
  const layout: Layout = {
    labelsPx,
    widthPx: context.frame.widthPx - labelsPx - 12,
    domain: [low, high + (high - low) * 0.12],
  };
  return {
    spacing: 26,
    vconcat: [...groups].map(([group, bars], index) => ({
      ...(group === "" ? {} : { title: { text: group, offset: index === 0 && chart.rule !== undefined ? 20 : 8 } }),
      width: layout.widthPx,
      height: { step: barStepPx },
      layer: layers(bars, chart, context, layout, longest, index === 0, index === groups.size - 1),
    })),
  } as TopLevelSpec;
}

function layers(
  bars: readonly Bar[],
  chart: BarsChart,
  { palette }: DrawContext,
  layout: Layout,
  longest: number,
  first: boolean,
  last: boolean,
): Layer[] {
  const rows = bars.map((bar) => rowOf(bar, chart, palette, longest));
  const data = { values: rows };
  const y = {
    field: "name",
    type: "nominal" as const,
    sort: null,
    axis: {
      title: null,
      labelLimit: 0,
      minExtent: layout.labelsPx,
      maxExtent: layout.labelsPx,
      domain: true,
      labelColor: "var(--text)",
    },
    scale: { paddingInner: 0.35, paddingOuter: 0.25 },
  };
  const x = amount(chart, layout, last);
  const intervals = rows.filter((row) => row.low !== null && row.high !== null);
  return [
    {
      data,
      mark: { type: "bar", fillOpacity: 0.9 },
      encoding: {
        y,
        x: { field: "zero", ...x },
        x2: { field: "value" },
        color: { field: "colour", type: "nominal", scale: null },
      },
    },
    ...(intervals.length === 0 ? [] : whiskers(intervals, y, x)),
    {
      data,
      mark: { type: "text", align: "left", dx: 6, baseline: "middle", stroke: "var(--paper)", strokeWidth: 4 },
      encoding: { y, x: { field: "end", ...x }, text: { field: "label" } },
    },
    {
      data,
      mark: { type: "point", opacity: 0 },
      encoding: { y, x: { field: "value", ...x }, tooltip: { field: "tip" } },
    },
    ...(chart.rule === undefined ? [] : ruleLayers(chart.rule, x, first)),
  ];
}

/** What Vega knows of a bar. */
function rowOf(bar: Bar, chart: BarsChart, palette: Palette, longest: number) {
  return {
    name: shorten(bar.name, longest),
    value: bar.value,
    end: Math.max(bar.value, bar.high ?? bar.value),
    low: bar.low ?? null,
    high: bar.high ?? null,
    zero: 0,
    colour: palette.colourOf(bar.name),
    label: formatNumber(bar.value),
    tip: tipOf(bar, chart.valueLabel),
  };
}

function whiskers(values: object[], y: object, x: object): Layer[] {
  const data = { values: values as never };
  const tick = (field: string): Layer => ({
    data,
    mark: { type: "tick", color: "var(--text)", thickness: 1.5, size: 8 },
    encoding: { y: y as never, x: { field, ...x } as never },
  });
  return [
    {
      data,
      mark: { type: "rule", color: "var(--text)", strokeWidth: 1.5 },
      encoding: { y: y as never, x: { field: "low", ...x } as never, x2: { field: "high" } },
    },
    tick("low"),
    tick("high"),
  ];
}

function ruleLayers(rule: { value: number; label: string }, x: object, labelled: boolean): Layer[] {
  const data = { values: [{ at: rule.value, label: rule.label }] };
  const encoding = { x: { field: "at", ...x } as never };
  const mark: Layer = {
    data,
    mark: { type: "rule", color: "var(--text)", strokeDash: [4, 3], strokeWidth: 1.25 },
    encoding,
  };
  if (!labelled) return [mark];
  const label: Layer = {
    data,
    mark: { type: "text", align: "center", baseline: "bottom", color: "var(--muted)" },
    encoding: { ...encoding, y: { value: -4 }, text: { field: "label" } },
  };
  return [mark, label];
}

function amount(chart: BarsChart, layout: Layout, labelled: boolean) {
  return {
    type: "quantitative" as const,
    scale: { domain: [...layout.domain], nice: false },
    axis: {
      title: labelled ? chart.valueLabel : null,
      labels: labelled,
      ticks: labelled,
      domain: false,
      grid: true,
      format: ",.6~g",
      tickCount: Math.max(3, Math.floor(layout.widthPx / 80)),
    },
  };
}

function groupsOf(bars: readonly Bar[]): Map<string, Bar[]> {
  const groups = new Map<string, Bar[]>();
  for (const bar of bars) {
    const group = bar.group ?? "";
    groups.set(group, [...(groups.get(group) ?? []), bar]);
  }
  return groups;
}

function tipOf(bar: Bar, valueLabel: string): string {
  const interval =
    bar.low === undefined || bar.high === undefined ? "" : ` (${formatNumber(bar.low)} to ${formatNumber(bar.high)})`;
  const group = bar.group === undefined ? "" : `, ${bar.group}`;
  return `${bar.name}${group}: ${formatNumber(bar.value)}${interval} ${valueLabel}`;
}
