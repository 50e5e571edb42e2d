/**
 * The report for a place that shows no pictures: a CI job's summary, a pull request. Verdicts, then what failed, then figures.
 * Everything a run can name is escaped, so that a design's name is no table column and no link.
 */
import type { Compared, ExperimentResult, Results } from "../runners/results.ts";
import {
  allMetrics,
  cautions,
  countedPairs,
  formatP,
  metricSentence,
  nameOf,
  overallVerdict,
  shortSentence,
  type Verdict,
} from "./compared-words.ts";
import {
  formatCount,
  formatInstant,
  formatInterval,
  formatMetric,
  formatMicros,
  formatNumber,
  formatSeconds,
  formatShare,
} from "./format.ts";
import { calibrationText } from "./calibration.ts";
import { byStatus, countStatuses } from "./status.ts";
import { summarizeDesign, summarizeHealth, verdictSentence } from "./summary.ts";

const marks: Readonly<Record<ExperimentResult["status"], string>> = {
  held: "✅",
  failed: "❌",
  undecided: "❔",
  invalid: "⚠️",
  interrupted: "⏸️",
};

const verdictMarks: Readonly<Record<Verdict, string>> = { better: "✅", worse: "❌", equal: "🟰", undecided: "❔" };

/** Under GitHub's limit of 1 MiB a step with room for what else the job says. */
const longest = 900_000;

export function renderMarkdown(results: Results): string {
  const { experiments } = results;
  const parts = [
    "# Wavetank report",
    headline(results),
    environmentLine(results),
    ...comparedPart(results),
    ...(experiments.length === 0 ? [] : ["## Verdicts", verdictTable(experiments)]),
    ...failedClaims(experiments),
    ...calibrationPart(results),
    ...experiments.map(experimentPart),
    "Percentiles: merged HDR histograms. Ratios: candidate over baseline, pairs of interleaved runs.",
  ];
  const text = `${parts.join("\n\n")}\n`;
  if (text.length <= longest) return text;
  return `${text.slice(0, longest)}\n\nCut here: the whole is in report.html.\n`;
}

function headline({ experiments, compared }: Results): string {
  if (compared !== undefined) return `**${overallVerdict(allMetrics(compared))}**: ${plain(shortSentence(compared))}.`;
  return experiments.length === 0 ? "No experiment ran." : `**${countStatuses(experiments)}**`;
}

function environmentLine(results: Results): string {
  const { machine } = results;
  const health = summarizeHealth(results.experiments);
  const generator =
    results.compared !== undefined
      ? `${countedPairs(results.compared)} pairs counted, ${results.compared.leftOut.length} left out`
      : health.invalidRuns === 0
        ? `generator healthy in all ${health.runs} runs (late by ${formatMicros(health.latenessP99Us)} at p99 in the worst)`
        : `**generator invalid in ${health.invalidRuns} of ${health.runs} runs**`;
  const code = `commit ${plain(results.commit.slice(0, 12))}${results.dirty ? " with uncommitted changes" : ""}, seed ${results.seed}`;
  return [
    `${results.quick ? "Quick" : "Full"} run of ${formatInstant(results.startedAt)}, took ${formatSeconds(results.tookS)}; ${code}; ${generator}; ${plain(machine.cpu)}, ${machine.cores} cores, ${plain(machine.os)}, Node ${plain(machine.node)}.`,
    "",
    codeBlock(results.rerun),
  ].join("\n");
}

function verdictTable(experiments: readonly ExperimentResult[]): string {
  return table(
    ["", "experiment", "tank", "verdict", "ratio"],
    experiments.map((experiment) => [
      `${marks[experiment.status]} ${experiment.status}`,
      plain(experiment.title),
      experiment.tank,
      plain(verdictSentence(experiment)),
      ratioText(experiment),
    ]),
  );
}

function ratioText({ verdict, status }: ExperimentResult): string {
  const { ratio } = verdict;
  if (status === "invalid") return "run invalid";
  if (ratio === undefined) return "–";
  return `×${formatNumber(ratio.value)} ${plain(formatMetric(verdict.metric))} (${formatInterval(ratio)}, n = ${ratio.n})`;
}

/** Everything that keeps the suite from being green, in one table. */
function failedClaims(experiments: readonly ExperimentResult[]): string[] {
  const rows = experiments.flatMap((experiment) =>
    experiment.claims
      .filter((claim) => claim.status === "failed")
      .map((claim) => [
        plain(experiment.name),
        experiment.tank,
        plain(claim.text),
        plain(claim.expected),
        plain(claim.measured),
      ]),
  );
  return rows.length === 0
    ? []
    : ["## Failed claims", table(["experiment", "tank", "claim", "expected", "measured"], rows)];
}

/** What was found of each figure, and of whom. */
function comparedPart({ compared }: Results): string[] {
  if (compared === undefined) return [];
  const sides = ([side, { name, facts }]: [string, Compared["baseline"]]): string =>
    `${side} ${plain(name)}${Object.entries(facts)
      .map(([fact, value]) => `, ${plain(fact)} ${plain(value)}`)
      .join("")}`;
  const shared = Object.entries(compared.shared).map(([name, value]) => `${plain(name)} ${plain(String(value))}`);
  return [
    ...cautions(compared).map((text) => `⚠️ ${text}`),
    ...compared.groups.flatMap((group) => comparedGroup(group, compared)),
    `${[...Object.entries({ Baseline: compared.baseline, candidate: compared.candidate }).map(sides), ...shared].join("; ")}. A false better or worse in ${formatShare(compared.rule.alpha)} at most, over all figures; equal within ${formatShare(compared.rule.margin)}.`,
  ];
}

function comparedGroup({ name, metrics }: Compared["groups"][number], { rule }: Compared): string[] {
  if (metrics.length === 0) return [];
  const rows = metrics.map((metric) => [
    `${verdictMarks[metric.verdict]} ${metric.verdict}`,
    plain(nameOf(metric)),
    plain(metricSentence(metric, rule.margin).replace(/^[^:]*: /, "")),
    formatP(metric.adjustedP),
  ]);
  return [
    ...(name === "" ? [] : [`## ${plain(name)}`]),
    table(["", "figure", "candidate over baseline", "p after Holm"], rows),
  ];
}

/** Outside its tolerance first. */
function calibrationPart({ calibration }: Results): string[] {
  if (calibration === undefined || calibration.length === 0) return [];
  const rows = [...calibration].sort((a, b) => Number(a.held) - Number(b.held));
  return [
    `## Calibration: ${calibrationText(calibration)}`,
    table(
      ["", "oracle", "tank", "quantity", "theory", "measured", "tolerance"],
      rows.map((row) => [
        row.held ? `${marks.held} held` : `${marks.failed} failed`,
        plain(row.oracle),
        plain(row.tank),
        plain(row.quantity),
        formatNumber(row.theory),
        formatNumber(row.measured),
        plain(row.tolerance),
      ]),
    ),
  ];
}

function experimentPart(experiment: ExperimentResult): string {
  const claims = [...experiment.claims].sort(byStatus);
  return [
    "<details>",
    `<summary>${marks[experiment.status]} ${plain(experiment.title)} (${experiment.tank})</summary>`,
    "",
    plain(experiment.question),
    "",
    `Source: ${plain(experiment.source)}. Load: ${plain(experiment.load)}.`,
    "",
    ...(claims.length === 0
      ? []
      : [
          table(
            ["", "claim", "expected", "measured"],
            claims.map((claim) => [
              `${marks[claim.status]} ${claim.status}`,
              plain(claim.text),
              plain(claim.expected),
              plain(claim.measured),
            ]),
          ),
          "",
        ]),
    designsTable(experiment),
    "",
    codeBlock(experiment.rerun),
    "",
    "</details>",
  ].join("\n");
}

function designsTable({ designs }: ExperimentResult): string {
  return table(
    ["design", "ok/s", "p50 ms", "p99 ms", "p99.9 ms", "ok", "refused", "unknown", "attempts/op", "check", "runs"],
    designs
      .map((design) => summarizeDesign(design))
      .map((summary) => [
        plain(summary.name),
        formatNumber(summary.okPerSecond),
        formatNumber(summary.p50Ms),
        formatNumber(summary.p99Ms),
        formatNumber(summary.p999Ms),
        formatShare(summary.okShare),
        formatShare(summary.refusedShare),
        formatShare(summary.unknownShare),
        formatNumber(summary.attemptsPerOperation),
        summary.check.failedRuns > 0
          ? `**violated in ${summary.check.failedRuns} runs**`
          : summary.check.examined === 0
            ? "not checked"
            : `held, ${formatCount(summary.check.examined)} examined`,
        summary.invalidRuns === 0 ? String(summary.runs) : `${summary.runs} (${summary.invalidRuns} invalid)`,
      ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Text that is only text: no HTML, no table cell, no emphasis, no link, one line. */
function plain(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[\\`*_[\]|~]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

/** A fence longer than any run of backticks inside. */
function codeBlock(text: string): string {
  const runs = text.match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(3, ...runs.map((run) => run.length + 1)));
  return `${fence}sh\n${text.replace(/[\r\n]+/g, " ")}\n${fence}`;
}
