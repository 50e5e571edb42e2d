/**
 * Results as comma-separated values after RFC 4180, for spreadsheets and data frames: one row a run and figure, and one row a run
 * and interval. A figure that does not exist is an empty field, never a zero.
 */
import type { Results, RunResult } from "../results.ts";

type Field = string | number | boolean | null | undefined;

const runColumns = ["experiment", "tank", "design", "round", "seed", "valid"];

/** experiment, tank, design, round (from 1), seed, valid, metric, value. */
export function metricsCsv(results: Results): string {
  const rows: Field[][] = [[...runColumns, "metric", "value"]];
  for (const { of, run } of runsOf(results))
    for (const [metric, value] of Object.entries(run.metrics)) rows.push([...of, metric, value]);
  return csv(rows);
}

/** experiment, tank, design, round (from 1), seed, valid, then the timeline's columns; counts are by interval, not by second. */
export function timelineCsv(results: Results): string {
  const columns = ["atS", "offered", "ok", "refused", "unknown", "attempts", "p50Ms", "p99Ms"] as const;
  const rows: Field[][] = [[...runColumns, "intervalS", ...columns]];
  for (const { of, run } of runsOf(results))
    run.timeline.atS.forEach((_, i) => {
      rows.push([...of, run.timeline.intervalS, ...columns.map((column) => run.timeline[column][i])]);
    });
  return csv(rows);
}

function* runsOf({ experiments }: Results): Generator<{ of: Field[]; run: RunResult }> {
  for (const { name, tank, designs } of experiments)
    for (const design of designs)
      for (const run of design.runs)
        yield { of: [name, tank, design.name, run.round + 1, run.seed, run.generator.valid], run };
}

/** Lines end with CRLF, the last one too. */
export function csv(rows: readonly (readonly Field[])[]): string {
  return rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

function field(value: Field): string {
  if (value === null || value === undefined || (typeof value === "number" && !Number.isFinite(value))) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
