/**
 * The end of a suite in a terminal: a row for each experiment and tank, its verdict in one sentence below, and in full
 * whatever went wrong. The report says the rest.
 */
import { painter, span, type Look, type Paint } from "./progress.ts";
import type { ClaimStatus, ExperimentResult, Results } from "./results.ts";

const tints = { held: "green", failed: "red", undecided: "yellow", invalid: "yellow", interrupted: "yellow" } as const;

export function renderSummary(results: Results, look: Pick<Look, "columns" | "colour">): string[] {
  const paint = painter(look.colour);
  const width = Math.max(10, ...results.experiments.map((e) => e.name.length));
  const header = `${"experiment".padEnd(width)}  tank        status       held  failed  undecided    time`;
  const lines = [paint("dim", header)];
  for (const experiment of results.experiments) {
    lines.push(row(experiment, width, paint));
    for (const part of wrap(experiment.verdict.sentence, Math.min(look.columns, 110) - 2)) lines.push(`  ${part}`);
    for (const trouble of troubles(experiment)) {
      const [first, ...rest] = wrap(trouble, Math.min(look.columns, 110) - 4);
      lines.push(`  ${paint("red", `! ${first}`)}`, ...rest.map((part) => paint("red", `    ${part}`)));
    }
  }
  return lines;
}

function row(experiment: ExperimentResult, width: number, paint: Paint): string {
  const count = (status: ClaimStatus): string => String(experiment.claims.filter((c) => c.status === status).length);
  const status = paint(tints[experiment.status], experiment.status.padEnd(11));
  const counts = `${count("held").padStart(4)}  ${count("failed").padStart(6)}  ${count("undecided").padStart(9)}`;
  const name = paint("bold", experiment.name.padEnd(width));
  return `${name}  ${experiment.tank.padEnd(10)}  ${status}  ${counts}  ${span(experiment.tookS).padStart(6)}`;
}

/** Failed claims, broken promises and the generator's reasons, each once. */
function troubles(experiment: ExperimentResult): string[] {
  const found = new Set<string>();
  for (const claim of experiment.claims) {
    if (claim.status === "failed")
      found.add(`claim failed: ${claim.text} Measured: ${claim.measured} Expected: ${claim.expected}`);
  }
  for (const design of experiment.designs) {
    for (const run of design.runs) {
      if (!run.check.held)
        found.add(`promise broken (${design.name}, seed ${run.seed}): ${run.check.violations[0] ?? run.check.name}`);
      if (!run.generator.valid) found.add(`invalid (${design.name}): ${run.generator.reasons.join("; ")}`);
    }
  }
  return [...found];
}

/** Breaks at spaces; a word longer than a line stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return line === "" ? lines : [...lines, line];
}

/** What `--json` prints: the judgements without the histograms, which are in the results file. */
export function summaryJson(results: Results, files: readonly string[], exitCode: number): string {
  const experiments = results.experiments.map(({ name, tank, status, verdict, claims, tookS, rerun }) => ({
    name,
    tank,
    status,
    verdict,
    claims,
    tookS,
    rerun,
  }));
  const { schema, startedAt, tookS, seed, quick, commit, dirty, rerun, machine } = results;
  const whole = { schema, exitCode, files, startedAt, tookS, seed, quick, commit, dirty, rerun, machine, experiments };
  return `${JSON.stringify(whole, null, 2)}\n`;
}
