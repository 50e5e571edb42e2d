/**
 * The night for a CI job's summary: what it means in one line, what changed, then every figure that can fail folded away with its
 * last nights in block characters. GitHub shows at most 1 MiB of it a step, and no picture that is not fetched.
 */
import { figure } from "../compare/judge.ts";
import type { ExperimentResult, Results } from "../results.ts";
import type { TrendSeries } from "../history.ts";
import type { Finding, Findings } from "./findings.ts";

const drawnNights = 30;
const longest = 900_000;

export function renderJobSummary(results: Results, findings: Findings): string {
  const parts = [
    `## ${headline(results, findings)}`,
    placeOf(results, findings),
    ...claimsTable(results.experiments),
    ...findingsTable("Regressions", findings.regressions),
    ...findingsTable("Suspected: for the worse, not confirmed", findings.suspected),
    ...findingsTable("Improvements", findings.improvements),
    figuresTable(findings),
  ];
  const text = `${parts.join("\n\n")}\n`;
  return text.length <= longest ? text : `${text.slice(0, longest)}\n\nCut here: the whole is in trend.html.\n`;
}

export function headline({ experiments }: Results, { regressions, suspected }: Findings): string {
  const broken = experiments.flatMap((e) => e.designs.flatMap((d) => d.runs)).filter((run) => !run.check.held).length;
  const failed = experiments.flatMap((e) => e.claims).filter((claim) => claim.status === "failed").length;
  const invalid = experiments.filter((e) => e.status === "invalid").length;
  const said = [
    broken > 0 && `❌ ${plural(broken, "run")} broke a promise`,
    failed > 0 && `❌ ${plural(failed, "claim")} failed`,
    regressions.length > 0 && `❌ ${plural(regressions.length, "confirmed regression")}`,
    invalid > 0 && `⚠️ ${plural(invalid, "experiment")} invalid: the machine was too busy`,
  ].filter((part) => part !== false);
  if (said.length > 0) return said.join(", ");
  return suspected.length === 0 ? "✅ A quiet night" : `✅ Nothing confirmed, ${suspected.length} suspected`;
}

const plural = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`;

function placeOf(results: Results, { machine, judged, gated, nights }: Findings): string {
  const code = `commit ${plain(results.commit.slice(0, 12))}${results.dirty ? " with uncommitted changes" : ""}`;
  return (
    `${judged.length} figures, ${gated} of which can fail a night, over ${plural(nights, "night")} of this machine. ` +
    `${results.startedAt.slice(0, 16).replace("T", " ")} UTC, ${code}, ${plain(machine)}, Node ${plain(results.machine.node)}.`
  );
}

function claimsTable(experiments: readonly ExperimentResult[]): string[] {
  const rows = experiments.flatMap((experiment) =>
    experiment.claims
      .filter((claim) => claim.status === "failed")
      .map((claim) => [`${experiment.name} (${experiment.tank})`, claim.text, claim.expected, claim.measured]),
  );
  return rows.length === 0
    ? []
    : [`### Failed claims\n\n${table(["experiment", "claim", "expected", "measured"], rows)}`];
}

function findingsTable(title: string, found: readonly Finding[]): string[] {
  if (found.length === 0) return [];
  const rows = found.map(({ series, text }) => [series.metric, text, blocks(series)]);
  return [`### ${title}\n\n${table(["figure", "change", `last ${drawnNights} nights`], rows)}`];
}

function figuresTable({ judged }: Findings): string {
  const rows = judged
    .filter((series) => series.gate !== null)
    .map((series) => [series.metric, `${figure(series.values.at(-1)!)} ${series.unit}`, blocks(series)]);
  const body = table(["figure", "tonight", `last ${drawnNights} nights`], rows);
  return `<details>\n<summary>All ${rows.length} figures that can fail a night</summary>\n\n${body}\n\n</details>`;
}

const heights = "▁▂▃▄▅▆▇█";

/** The last nights as blocks; what varies by under 2 % stays flat. */
export function blocks({ values }: Pick<TrendSeries, "values">): string {
  const last = values.slice(-drawnNights);
  const low = Math.min(...last);
  const range = Math.max(Math.max(...last) - low, 0.02 * Math.abs(low), Number.MIN_VALUE);
  return last.map((value) => heights[Math.min(7, Math.floor(((value - low) / range) * 8))]).join("");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(plain).join(" | ")} |`;
  return [line(head), `| ${head.map(() => "---").join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** Text that is only text: no HTML, no table cell, no emphasis, no link, one line. */
function plain(text: string): string {
  return text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\\`*_[\]|~]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
