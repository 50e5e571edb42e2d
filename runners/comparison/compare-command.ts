/**
 * `wavetank compare` carried out: pairs of runs one after the other, a table, one sentence, a report if asked for, an exit code.
 *
 *     sides ──> pairs ──> comparisons ──> table and sentence, JSON, report
 *                 ^ first Ctrl-C: no more pairs; those that are finished are shown and decide nothing
 */
import { statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { exitCodes } from "../command-exit.ts";
import { UsageError } from "../command-error.ts";
import type { CompareOptions } from "../command-compare.ts";
import type { Parts } from "../command-parts.ts";
import { prepareFolder, printFiles } from "../command-run.ts";
import { Interruption } from "../command-terminal.ts";
import { writeReportOrExplain } from "../command-write.ts";
import { compareMetrics, stoppedEarly, type Comparison } from "../compare/comparison.ts";
import { Interrupted } from "../run-order.ts";
import { comparedResults, designFacts, fileFacts, revisionFacts, type Group, type Outcome } from "./compared-result.ts";
import { collectPairs, metricsOf, type Pair, type PairSource } from "./pair-source.ts";
import { compareSentence, renderComparisons } from "./render-comparison.ts";
import { RevisionSource } from "./revision-source.ts";
import { DesignSource, pairsOfResults, UrlSource } from "./sources.ts";

export const comparisonSchema = "wavetank.comparison/1";

const ownRepository = path.join(import.meta.dirname, "..", "..");

/**
 * @param repository where two revisions are looked for
 * @throws UsageError when a side cannot be run at all
 */
export async function compareCommand(
  options: CompareOptions,
  parts: Parts,
  repository: string = ownRepository,
): Promise<number> {
  const { out } = options;
  if (out !== undefined && !isDocument(out)) prepareFolder(out);
  const startedAt = new Date();
  const interruption = new Interruption(
    parts.signals,
    () => parts.terminal.note("stopping: what is finished is shown\n"),
    (code) => parts.leave(code),
  );
  try {
    const outcome =
      options.compared.kind === "results"
        ? await fromResults(options, parts)
        : await fromRuns(options, parts, repository, interruption.signal);
    const all = outcome.groups.flatMap(({ comparisons }) => comparisons);
    const exitCode =
      interruption.exitCode ?? (all.some(({ verdict }) => verdict === "worse") ? exitCodes.regressed : exitCodes.ok);
    const document = documentOf(options, outcome, exitCode);
    const files =
      out === undefined
        ? []
        : isDocument(out)
          ? writeDocument(out, document)
          : await writeReportOrExplain(parts, comparedResults(options, outcome, startedAt), out);
    if (options.json) parts.terminal.print(`${JSON.stringify(document, null, 2)}\n`);
    else print(options, outcome, files, parts);
    return exitCode;
  } finally {
    interruption.end();
  }
}

function documentOf(options: CompareOptions, { groups, partial }: Outcome, exitCode: number): object {
  return {
    schema: comparisonSchema,
    baseline: options.baseline,
    candidate: options.candidate,
    interleaved: options.compared.kind !== "results",
    rule: options.rule,
    partial,
    groups,
    exitCode,
    rerun: options.rerun,
  };
}

function print(options: CompareOptions, outcome: Outcome, files: readonly string[], parts: Parts): void {
  const { terminal } = parts;
  const lines: string[] = [];
  for (const { name, comparisons } of outcome.groups) {
    if (name !== "") lines.push("", name);
    lines.push(...renderComparisons(comparisons, options.rule, terminal.colour), "", compareSentence(comparisons));
  }
  if (options.compared.kind === "results")
    lines.push(
      "",
      "CAUTION: these runs were not interleaved. What the machine did to one side only cannot be told from what the code did;",
      "         with a drift of 5 % two thirds of such comparisons of a thing with itself end with a difference.",
    );
  if (outcome.partial)
    lines.push(
      "",
      `Interrupted before its ${options.pairs} pairs: nothing is decided. Whoever stops when the figures look good is wrong too often.`,
    );
  terminal.print(`${lines.join("\n")}\n`);
  if (options.out !== undefined && isDocument(options.out))
    terminal.print(`\nrepeat  ${options.rerun}\nfile    ${path.resolve(options.out)}\n`);
  else printFiles(options.rerun, files, false, parts);
}

async function fromRuns(
  options: CompareOptions,
  parts: Parts,
  repository: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const facts = await factsOf(options, parts, repository);
  const total = options.pairs + options.rule.warmUpPairs;
  const startedMs = performance.now();
  const leftOut: string[] = [];
  const outcome = (comparisons: readonly Comparison[]): Outcome => ({
    groups: [{ name: "", comparisons: signal.aborted ? stoppedEarly(comparisons, options.pairs) : comparisons }],
    partial: signal.aborted,
    leftOut,
    facts,
  });
  let source: PairSource | null = null;
  try {
    source = await openSource(options, parts, repository, signal);
    const pairs = await collectPairs(
      source,
      { pairs: total, seed: options.rule.seed },
      {
        onPair: (pair, number) => parts.terminal.note(pairLine(options, pair, number, total, startedMs)),
        onInvalid: (side, reason, number) => {
          leftOut.push(`pair ${number}: ${side} ${reason}`);
          parts.terminal.note(`[${number}/${total}] left out: ${side} ${reason}\n`);
        },
      },
      signal,
    );
    return outcome(compared(options, pairs));
  } catch (error) {
    if (error instanceof Interrupted && signal.aborted) return outcome([]);
    throw error;
  } finally {
    await source?.close();
  }
}

async function factsOf(options: CompareOptions, parts: Parts, repository: string): Promise<Outcome["facts"]> {
  const { compared: what, baseline, candidate } = options;
  if (what.kind === "designs") {
    const experiment = (await parts.catalog()).find(({ name }) => name === what.experiment)!;
    return { baseline: designFacts(experiment, baseline), candidate: designFacts(experiment, candidate) };
  }
  if (what.kind === "revisions")
    return { baseline: revisionFacts(repository, baseline), candidate: revisionFacts(repository, candidate) };
  return { baseline: {}, candidate: {} };
}

function pairLine(options: CompareOptions, pair: Pair, number: number, total: number, startedMs: number): string {
  const metric = options.metrics.find(
    (name) => (pair.baseline.metrics[name] ?? 0) > 0 && name in pair.candidate.metrics,
  );
  const ratio =
    metric === undefined
      ? ""
      : `, ${metric} ${(pair.candidate.metrics[metric] / pair.baseline.metrics[metric]).toFixed(3)} times`;
  const leftS = (((performance.now() - startedMs) / number) * (total - number)) / 1_000;
  const left = number === total ? "" : `, about ${leftS.toFixed(0)} s left`;
  const warm = number <= options.rule.warmUpPairs ? " (warm-up, not counted)" : "";
  return `[${number}/${total}] ${pair.candidateFirst ? "b, a" : "a, b"}${ratio}${warm}${left}\n`;
}

function compared({ metrics, baseline, candidate, rule }: CompareOptions, pairs: readonly Pair[]): Comparison[] {
  if (pairs.length === 0) return [];
  const measured = metricsOf(pairs, metrics);
  if (measured.length > 0) return compareMetrics(measured, { baseline, candidate }, rule);
  throw new UsageError({
    what: "no run has any of the figures asked for",
    got: metrics.join(", "),
    expected: `some of ${Object.keys(pairs[0].baseline.metrics)
      .filter((name) => !name.includes("."))
      .join(", ")}`,
    fix: "name them after --metric",
  });
}

async function fromResults(options: CompareOptions, parts: Parts): Promise<Outcome> {
  const [before, after] = await Promise.all(
    [options.baseline, options.candidate].map((file) => parts.readResults(resultsFile(file))),
  );
  const groups = [...pairsOfResults(before, after)].map(([name, pairs]): Group => ({
    name,
    // Rounds were warm already, or their file's own warm-up rule holds.
    comparisons: compared({ ...options, rule: { ...options.rule, warmUpPairs: 0 } }, pairs),
  }));
  const facts = { baseline: fileFacts(before), candidate: fileFacts(after) };
  if (groups.length > 0) return { groups, partial: false, leftOut: [], facts };
  throw new UsageError({
    what: "the two results have no run in common",
    got: `${names(before)} and ${names(after)}`,
    expected: "the same experiment, tank, design and round in both, with a valid run",
    fix: "run the same experiments twice",
  });
}

function names({
  experiments,
}: {
  readonly experiments: readonly { readonly name: string; readonly tank: string }[];
}): string {
  return experiments.map(({ name, tank }) => `${name} (${tank})`).join(", ") || "nothing";
}

function resultsFile(name: string): string {
  return statSync(name).isDirectory() ? path.join(name, "results.json") : name;
}

async function openSource(
  { compared: what, baseline, candidate }: CompareOptions,
  parts: Parts,
  repository: string,
  signal: AbortSignal,
): Promise<PairSource> {
  switch (what.kind) {
    case "designs": {
      const experiment = (await parts.catalog()).find(({ name }) => name === what.experiment)!;
      return new DesignSource(
        parts.runSuite,
        experiment,
        what.tank,
        { baseline, candidate },
        { forS: what.forS, quick: what.quick },
      );
    }
    case "revisions":
      return RevisionSource.open({ root: repository, names: { baseline, candidate }, words: what.words }, signal);
    case "urls":
      return new UrlSource(what.plan, { baseline: what.baseline, candidate: what.candidate });
    case "results":
      throw new Error("results are read, not run");
  }
}

/** A name that ends so is the JSON of `--json` as a file; every other one is a folder for results and report. */
function isDocument(out: string): boolean {
  return out.endsWith(".json");
}

function writeDocument(file: string, document: unknown): string[] {
  try {
    writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
    return [file];
  } catch (error) {
    throw new UsageError({
      what: "the file of --out cannot be written",
      got: `${file} (${error instanceof Error ? error.message : String(error)})`,
      expected: "a file in a folder that exists and is writable",
      fix: "choose another file, or leave --out out",
    });
  }
}
