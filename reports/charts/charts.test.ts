/** Scales, colours and the drawing itself, without a browser. */
import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { test } from "node:test";
import fc from "fast-check";
import type { ReportChart } from "./report-chart.ts";
import { shownCharts } from "../experiment-section.ts";
import { sampleResults } from "../sample.ts";
import { logAxis, spread, thin } from "./axes.ts";
import { draw } from "./draw.ts";
import { isFullWidth, renderFigure, specOf } from "./figure.ts";
import { heatmapSpec, type HeatmapChart } from "./heatmap.ts";
import { paletteFor } from "./palette.ts";

const experiments = sampleResults("full").experiments.filter(({ tank }) => tank === "simulation");

test("a log axis holds its values between round limits and has a readable number of ticks", () => {
  assert.deepEqual(logAxis([3, 40]), { domain: [2, 50], values: [2, 5, 10, 20, 50] });
  assert.deepEqual(logAxis([1, 1]).domain, [1, 2]);
  assert.deepEqual(logAxis([0, -3]).domain, [1, 10]);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { minLength: 1 }), (values) => {
      const { domain, values: ticks } = logAxis(values);
      assert.ok(values.every((value) => value >= domain[0] * (1 - 1e-6) && value <= domain[1] * (1 + 1e-6)));
      assert.ok(ticks.length >= 1 && ticks.length <= 8);
    }),
  );
});

test("labels are spread until none overlap, in their order, inside the plot", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 250, noNaN: true }), { maxLength: 12 }), (positions) => {
      const placed = spread(positions, 15, 0, 250);
      const sorted = [...placed].sort((a, b) => a - b);
      for (let i = 1; i < sorted.length; i++) assert.ok(sorted[i]! - sorted[i - 1]! >= 15 - 1e-9);
      assert.ok(placed.every((y) => y >= -1e-9 && y <= 250 + 1e-9));
      positions.forEach((a, i) => positions.forEach((b, j) => assert.ok(!(a < b) || placed[i]! <= placed[j]!)));
    }),
  );
});

test("thinning keeps both ends", () => {
  const thinned = thin(
    Array.from({ length: 100 }, (_, i) => i),
    12,
  );
  assert.deepEqual([thinned.length, thinned[0], thinned.at(-1)], [12, 0, 99]);
});

test("a design has one colour and one marker on every chart, theory is grey, and neighbours differ", () => {
  for (const experiment of experiments) {
    const palette = paletteFor(experiment);
    const colours = experiment.designs.map(({ name }) => palette.colourOf(name));
    assert.equal(new Set(colours).size, colours.length);
    for (const { name, title } of experiment.designs) {
      assert.equal(palette.colourOf(title), palette.colourOf(name));
    }
  }
  const chart = {
    kind: "lines" as const,
    title: "",
    reading: "",
    xLabel: "",
    yLabel: "",
    xScale: "log" as const,
    yScale: "log" as const,
  };
  const points = [[1, 1]];
  const [adaptive] = experiments;
  const palette = paletteFor({
    ...adaptive!,
    charts: [
      {
        ...chart,
        series: [
          { name: "adaptive, theory", dashed: true, points },
          { name: "limit", dashed: true, points },
        ],
      },
    ],
  });
  assert.equal(palette.colourOf("adaptive, theory"), palette.colourOf("adaptive"));
  assert.equal(palette.colourOf("limit"), "var(--muted)");
  const ring = experiments.find(({ name }) => name === "virtual-nodes")!;
  assert.equal(paletteFor(ring).colourOf("theory"), "var(--muted)");
  assert.equal(paletteFor(ring).colourOf("measured"), "var(--s3)");
});

test("every chart draws at both widths with colours as variables and hover places inside the drawing", async () => {
  for (const experiment of experiments) {
    const { charts, palette } = shownCharts(experiment);
    for (const chart of charts) {
      const texts: string[][] = [];
      for (const frame of [
        { widthPx: isFullWidth(chart) ? 1080 : 520, narrow: false },
        { widthPx: 350, narrow: true },
      ]) {
        const drawing = await draw(specOf(chart, { palette, frame }), frame);
        const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(drawing.svg)!.map(Number);
        assert.ok(width! <= frame.widthPx + 20, `${chart.title}: ${width} px in ${frame.widthPx} px`);
        assert.equal(/#[0-9a-f]{3,6}"|style=|class=|aria-label|NaN|undefined/.exec(drawing.svg)?.[0], undefined);
        for (const { x, y } of drawing.spots) assert.ok(x >= 0 && x <= width! && y >= 0 && y <= height!);
        texts.push(drawing.spots.map(({ text }) => text));
      }
      assert.deepEqual(texts[0], texts[1], "both drawings say the same");
    }
  }
});

test("a chart without figures says so", async () => {
  const empty: ReportChart[] = [
    { kind: "lines", title: "t", reading: "r", xLabel: "x", yLabel: "y", xScale: "log", yScale: "log", series: [] },
    { kind: "bars", title: "t", reading: "r", valueLabel: "v", bars: [] },
    {
      kind: "heatmap",
      title: "t",
      reading: "r",
      xLabel: "x",
      yLabel: "y",
      valueLabel: "v",
      xs: [],
      ys: [],
      panels: [],
    },
    { kind: "timeline", title: "t", reading: "r", bands: [], panels: [] },
    { kind: "percentiles", title: "t", reading: "r", series: [{ name: "a", points: [] }] },
    { kind: "pairs", title: "t", reading: "r", valueLabel: "v", better: "higher", rows: [] },
    { kind: "latencies", title: "t", reading: "r", bands: [], panels: [] },
  ];
  const palette = paletteFor({ designs: [], charts: empty });
  for (const chart of empty) assert.match((await renderFigure(chart, palette)).text, /No figures/);
});

test("degenerate figures still draw: one point, all zero, all refused", async () => {
  const timeline = {
    intervalS: 1,
    atS: [0],
    offered: [5],
    ok: [0],
    refused: [5],
    unknown: [0],
    attempts: [5],
    p50Ms: [null],
    p99Ms: [null],
  };
  const charts: ReportChart[] = [
    {
      kind: "lines",
      title: "t",
      reading: "r",
      xLabel: "x",
      yLabel: "y",
      xScale: "log",
      yScale: "log",
      series: [{ name: "a", points: [[1, 0]] }],
    },
    { kind: "bars", title: "t", reading: "r", valueLabel: "v", bars: [{ name: "a", value: 0 }] },
    {
      kind: "heatmap",
      title: "t",
      reading: "r",
      xLabel: "x",
      yLabel: "y",
      valueLabel: "v",
      xs: [0],
      ys: ["p"],
      panels: [{ design: "a", values: [[0]] }],
    },
    {
      kind: "timeline",
      title: "t",
      reading: "r",
      bands: [{ fromS: 0, toS: 0, label: "b" }],
      panels: [{ design: "a", timeline }],
    },
    { kind: "percentiles", title: "t", reading: "r", series: [{ name: "a", points: [[0.5, 1]] }] },
    {
      kind: "pairs",
      title: "t",
      reading: "r",
      valueLabel: "v",
      better: "lower",
      rows: [
        {
          name: "a",
          ratio: { value: 1, low: 1, high: 1, level: 0, n: 1, method: "one run" },
          pairs: [{ round: 0, ratio: 1 }],
        },
      ],
    },
    {
      kind: "latencies",
      title: "t",
      reading: "r",
      bands: [],
      panels: [{ design: "a", timeline: { ...timeline, latencies: { perDecade: 16, first: 0, counts: [[]] } } }],
    },
  ];
  const palette = paletteFor({ designs: [], charts });
  for (const chart of charts) assert.doesNotMatch((await renderFigure(chart, palette)).text, /NaN|Infinity/);
});

test("a heat map's image has one pixel a cell, brightest where the value is largest", () => {
  const chart: HeatmapChart = {
    kind: "heatmap",
    title: "t",
    reading: "r",
    xLabel: "x",
    yLabel: "y",
    valueLabel: "v",
    xs: [0, 1, 2],
    ys: ["p", "q"],
    panels: [{ design: "a", values: [[0, 5, 10], [10, 0, 0]] }], // prettier-ignore
  };
  const spec = heatmapSpec(chart, {
    palette: paletteFor({ designs: [], charts: [] }),
    frame: { widthPx: 350, narrow: true },
  });
  const [, base64] = /data:image\/png;base64,([A-Za-z0-9+/=]+)/.exec(JSON.stringify(spec))!;
  const png = Buffer.from(base64!, "base64");
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [3, 2]);
  const at = png.indexOf("IDAT");
  const pixels = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  assert.deepEqual([...pixels], [0, 0, 32, 63, 0, 63, 0, 0]);
});
