/**
 * Tables about the designs of one experiment: figures, what tells the designs apart, latency corrected and uncorrected, and whether
 * the generator kept its promise to each of them.
 */
import type { DesignResult, ExperimentResult, RunResult } from "../runners/results.ts";
import type { Palette } from "./charts/palette.ts";
import { percentileMs, type DesignLatencies } from "./distribution.ts";
import { absent, formatCount, formatMicros, formatNumber, formatScalar, formatShare } from "./format.ts";
import { html, trusted, type Insertable, type Markup } from "./markup.ts";
import { statusBadge } from "./status.ts";
import type { DesignSummary } from "./summary.ts";
import { table, type Column } from "./tables.ts";

export interface Described {
  readonly experiment: ExperimentResult;
  readonly palette: Palette;
  /** In the order of the designs. */
  readonly summaries: readonly DesignSummary[];
  readonly latencies: readonly DesignLatencies[];
}

const figures: readonly (readonly [string, string, (summary: DesignSummary) => string])[] = [
  ["ok/s", "median of runs", ({ okPerSecond }) => formatNumber(okPerSecond)],
  ["p50", "ms", ({ p50Ms }) => formatNumber(p50Ms)],
  ["p99", "ms", ({ p99Ms }) => formatNumber(p99Ms)],
  ["p99.9", "ms", ({ p999Ms }) => formatNumber(p999Ms)],
  ["ok", "share", ({ okShare }) => formatShare(okShare)],
  ["refused", "share", ({ refusedShare }) => formatShare(refusedShare)],
  ["unknown", "share", ({ unknownShare }) => formatShare(unknownShare)],
  ["attempts", "per operation", ({ attemptsPerOperation }) => formatNumber(attemptsPerOperation)],
];

export function designsTable({ experiment, palette, summaries }: Described): Markup {
  const columns: Column<DesignSummary>[] = [
    { name: "Design", value: ({ name }) => html`${swatch(palette, name)}${name}` },
    ...figures.map(([name, unit, value]): Column<DesignSummary> => ({
      name,
      unit,
      number: true,
      value: (summary) =>
        summary.invalidRuns === summary.runs && value(summary) === absent ? "invalid" : value(summary),
    })),
    {
      name: "runs",
      number: true,
      value: ({ runs, invalidRuns }) => (invalidRuns === 0 ? String(runs) : `${runs}, ${invalidRuns} invalid`),
    },
    { name: "Check", value: checkText },
  ];
  return html`${table(labelOf("Designs", experiment), "designs", columns, summaries)}
    <ul class="described">
      ${experiment.designs.map((design, i) => describeDesign(design, summaries[i]!))}
    </ul>`;
}

function checkText({ check }: DesignSummary): Insertable {
  if (check.failedRuns === 0) return check.examined === 0 ? "not checked" : "held";
  return html`<span class="violated">violated in ${check.failedRuns} runs</span>`;
}

function describeDesign({ name, title, description }: DesignResult, summary: DesignSummary): Markup {
  const { check } = summary;
  const reasons = [...summary.refused, ...summary.unknown].map(([reason, count]) => `${reason} ${formatCount(count)}`);
  const counts = Object.entries(check.counts).map(([count, value]) => `${count} ${formatNumber(value)}`);
  const facts: [string, string][] = [
    ...(reasons.length > 0 ? [["not ok", reasons.join(", ")] as [string, string]] : []),
    ["examined", formatCount(check.examined)],
    ...(counts.length > 0 ? [["counted", counts.join(", ")] as [string, string]] : []),
  ];
  return html`<li>
    <b>${title}</b>${title !== name && html` <code>${name}</code>`}: ${description}
    ${
      check.failedRuns > 0 &&
      html`<p class="violated">
        ${check.violations.slice(0, 3).join("; ") || "violated, and no violation was written"}
      </p>`
    }
    <dl class="inline">
      ${facts.map(
        ([term, fact]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${fact}</dd>
          </div>`,
      )}
    </dl>
  </li>`;
}

/** One row a parameter, one column a design: only what is not the same in all of them. */
export function differencesTable({ experiment }: Described): Markup {
  const { designs } = experiment;
  const paths = [...new Set(designs.flatMap(({ differs }) => Object.keys(differs)))];
  if (paths.length === 0) return html`<p class="empty">Nothing: one design ran, or all have the same parameters.</p>`;
  const shared = sharedStart(paths);
  const commonest = new Map(paths.map((path) => [path, commonestOf(designs.map(({ differs }) => differs[path]))]));
  const columns: Column<string>[] = [
    { name: "Parameter", value: (path) => html`<code>${breakable(path.slice(shared.length))}</code>` },
    ...designs.map(({ name, differs }): Column<string> => ({
      name,
      value: (path) => {
        const value = differs[path];
        const text = value === undefined || value === null ? absent : formatScalar(value);
        return value === commonest.get(path) ? text : html`<b>${text}</b>`;
      },
    })),
  ];
  return html`${shared !== "" && html`<p class="lead">All are parts of <code>${breakable(shared.slice(0, -1))}</code>.</p>`}${table(
    labelOf("Parameters that differ", experiment),
    "differences",
    columns,
    paths,
  )}`;
}

/** What all paths begin with, up to and with a dot; empty for one path, which is its own name. */
function sharedStart(paths: readonly string[]): string {
  const [first = "", ...others] = paths;
  if (others.length === 0) return "";
  const dots = [...first.matchAll(/\./g)].map(({ index }) => first.slice(0, index + 1));
  return dots.findLast((start) => others.every((path) => path.startsWith(start))) ?? "";
}

function commonestOf(values: readonly unknown[]): unknown {
  const counts = new Map<unknown, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most === undefined || most[1] < 2 ? Symbol("none") : most[0];
}

/** A long path may break after its dots and nowhere else. */
function breakable(path: string): Markup {
  return html`${path.split(".").map((part, i) => html`${i > 0 && trusted(".<wbr />")}${part}`)}`;
}

const compared = [50, 90, 99, 99.9] as const;

/**
 * What a closed-loop tool would have shown beside what was asked for: where the two part, operations waited before they were sent,
 * and the uncorrected figure has left that out (coordinated omission).
 */
export function correctionTable({ experiment, palette, latencies }: Described): Markup | undefined {
  const rows = experiment.designs
    .map(({ name }, i) => ({ name, ...latencies[i]! }))
    .filter(({ latency }) => percentileMs(latency, compared[0]) !== undefined);
  if (rows.length === 0) return undefined;
  type Row = (typeof rows)[number];
  const cell = (percentile: number, { latency, service }: Row): Insertable => {
    const corrected = percentileMs(latency, percentile);
    const uncorrected = percentileMs(service, percentile);
    if (corrected === undefined || uncorrected === undefined) return absent;
    const factor = corrected / Math.max(uncorrected, 1e-3);
    return html`<b>${formatNumber(corrected)}</b>
      <span class="beside"><span class="hidden">from the send </span>${formatNumber(uncorrected)}</span
      >${factor >= 1.5 && html`<br /><small class="apart">×${formatNumber(factor)}</small>`}`;
  };
  return table(
    labelOf("Corrected and uncorrected latency", experiment),
    "correction",
    [
      { name: "Design", value: ({ name }: Row) => html`${swatch(palette, name)}${name}` },
      ...compared.map((percentile): Column<Row> => ({
        name: `p${percentile}`,
        unit: "ms",
        number: true,
        value: (row) => cell(percentile, row),
      })),
    ],
    rows,
  );
}

interface Health {
  readonly name: string;
  readonly runs: readonly RunResult[];
}

/** The worst run of each design; nothing but dashes where virtual time is never late. */
export function healthTable({ experiment, palette }: Described): Markup {
  const generators = experiment.designs.flatMap(({ runs }) => runs.map((run) => run.generator));
  if (experiment.tank === "simulation" && generators.every(({ valid, dropped }) => valid && dropped === 0)) {
    const sent = generators.reduce((total, generator) => total + generator.sent, 0);
    return html`<p class="lead">
      Virtual time is never late: all ${formatCount(sent)} operations of ${formatCount(generators.length)} runs began at
      their intended instant, none was dropped.
    </p>`;
  }
  const worst = (runs: Health["runs"], figure: (run: RunResult) => number): number =>
    runs.reduce((most, run) => Math.max(most, figure(run)), 0);
  const sum = (runs: Health["runs"], figure: (run: RunResult) => number): number =>
    runs.reduce((total, run) => total + figure(run), 0);
  const late = (name: string, figure: (run: RunResult) => number): Column<Health> => ({
    name,
    unit: "late, worst run",
    number: true,
    value: ({ runs }) => formatMicros(worst(runs, figure)),
  });
  const columns: Column<Health>[] = [
    { name: "Design", value: ({ name }) => html`${swatch(palette, name)}${name}` },
    { name: "sent", number: true, value: ({ runs }) => formatCount(sum(runs, (run) => run.generator.sent)) },
    { name: "dropped", number: true, value: ({ runs }) => formatCount(sum(runs, (run) => run.generator.dropped)) },
    late("p50", (run) => run.generator.latenessP50Us),
    late("p99", (run) => run.generator.latenessP99Us),
    late("max", (run) => run.generator.latenessMaxUs),
    {
      name: "loop delay",
      unit: "p99, worst run",
      number: true,
      value: ({ runs }) => formatMicros(worst(runs, (run) => run.generator.loopDelayP99Us)),
    },
    { name: "Valid", value: ({ runs }) => validText(runs) },
  ];
  const rows = experiment.designs.filter(({ runs }) => runs.length > 0);
  return table(labelOf("Generator health", experiment), "health", columns, rows);
}

function validText(runs: Health["runs"]): Insertable {
  const invalid = runs.filter((run) => !run.generator.valid);
  if (invalid.length === 0) return runs.length === 1 ? "yes" : `all ${runs.length} runs`;
  const reasons = [...new Set(invalid.flatMap((run) => run.generator.reasons))];
  return html`${statusBadge("invalid")} ${invalid.length} of ${runs.length}: ${reasons.join("; ")}`;
}

function swatch(palette: Palette, name: string): Markup {
  return html`<svg width="10" height="10" aria-hidden="true">
      <rect width="10" height="10" rx="2" fill="${palette.colourOf(name)}" /></svg
    >${" "}`;
}

function labelOf(what: string, { title, tank }: ExperimentResult): string {
  return `${what}: ${title}, ${tank}`;
}
