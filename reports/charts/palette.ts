/**
 * Which colour and marker a name has. One palette serves all charts of an experiment, so a design keeps its colour from the first
 * chart to the last. A series named after a design ("ring, theory") takes that design's colour, other theory is grey. Colours are CSS variables: the
 * same SVG is right on light and on dark paper.
 */
import type { ExperimentResult } from "../../runners/results.ts";
import type { ReportChart } from "./report-chart.ts";

export interface Palette {
  /** A CSS colour, usable as an SVG attribute. */
  colourOf(name: string): string;
  /** A Vega symbol shape, so that colour is never the only code. */
  shapeOf(name: string): string;
}

interface Drawn {
  readonly designs: ExperimentResult["designs"];
  readonly charts: readonly ReportChart[];
}

export const paletteSize = 8;

const shapes = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right"];

export function paletteFor(experiment: Drawn): Palette {
  const indexes = new Map<string, number>();
  experiment.designs.forEach((design, index) => {
    indexes.set(design.name, index);
    indexes.set(design.title, index);
  });
  let next = experiment.designs.length;
  for (const name of experiment.charts.flatMap(seriesNames)) {
    if (indexes.has(name)) continue;
    indexes.set(name, designIndex(experiment, name) ?? next++);
  }
  const theory = new Set(
    experiment.charts.flatMap(dashedNames).filter((name) => designIndex(experiment, name) === undefined),
  );
  const indexOf = (name: string): number => indexes.get(name) ?? 0;
  return {
    colourOf: (name) => (theory.has(name) ? "var(--muted)" : `var(--s${(indexOf(name) % paletteSize) + 1})`),
    shapeOf: (name) => shapes[indexOf(name) % shapes.length]!,
  };
}

function designIndex({ designs }: Pick<Drawn, "designs">, name: string): number | undefined {
  const lower = name.toLowerCase();
  const matches = designs
    .flatMap((design, index) => [design.name, design.title].map((label) => ({ index, label: label.toLowerCase() })))
    .filter(({ label }) => label !== "" && lower.startsWith(label) && !/\w/.test(lower.charAt(label.length)));
  matches.sort((a, b) => b.label.length - a.label.length);
  return matches[0]?.index;
}

function dashedNames(chart: ReportChart): string[] {
  if (chart.kind !== "percentiles" && chart.kind !== "lines") return [];
  return chart.series.filter((series) => series.dashed === true).map((series) => series.name);
}

function seriesNames(chart: ReportChart): string[] {
  switch (chart.kind) {
    case "percentiles":
    case "lines":
      return chart.series.map((series) => series.name);
    case "bars":
      return chart.bars.map((bar) => bar.name);
    case "pairs":
      return chart.rows.map((row) => row.name);
    case "timeline":
    case "heatmap":
    case "latencies":
      return chart.panels.map((panel) => panel.design);
  }
}
