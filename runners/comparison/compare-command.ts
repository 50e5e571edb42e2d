/** `wavetank compare` carried out: pairs of runs one after the other, a table, one sentence, an exit code. */
import { statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { exitCodes } from "../command-exit.ts";
import { UsageError } from "../command-error.ts";
import type { CompareOptions } from "../command-compare.ts";
import type { Parts } from "../command-parts.ts";
import { Interruption } from "../command-terminal.ts";
import { compareMetrics, type Comparison } from "../compare/comparison.ts";
import { collectPairs, metricsOf, type Pair, type PairSource } from "./pair-source.ts";
import { compareSentence, renderComparisons } from "./render-comparison.ts";
import { DesignSource, pairsOfResults, RevisionSource, UrlSource } from "./sources.ts";

export const comparisonSchema = "wavetank.comparison/1";

interface Group {
  /** What was compared, where that is not the whole of it: one design of a results file. */
  readonly name: string;
  readonly comparisons: readonly Comparison[];
}

/** @throws UsageError when a side cannot be run at all */
export async function compareCommand(options: CompareOptions, parts: Parts): Promise<number> {
  const interruption = new Interruption(
    parts.signals,
    () => parts.terminal.note("stopping: what is finished is judged\n"),
    (code) => parts.leave(code),
  );
  try {
    const { groups, interleaved } =
      options.compared.kind === "results"
        ? { groups: await fromResults(options, parts), interleaved: false }
        : {
            groups: [{ name: "", comparisons: await fromRuns(options, parts, interruption.signal) }],
            interleaved: true,
          };
    const all = groups.flatMap(({ comparisons }) => comparisons);
    const exitCode =
      interruption.exitCode ?? (all.some(({ verdict }) => verdict === "worse") ? exitCodes.regressed : exitCodes.ok);
    const document = {
      schema: comparisonSchema,
      baseline: options.baseline,
      candidate: options.candidate,
      interleaved,
      rule: options.rule,
      partial: interruption.exitCode !== null,
      groups,
      exitCode,
      rerun: options.rerun,
    };
    if (options.out !== undefined) writeDocument(options.out, document);
    if (options.json) parts.terminal.print(`${JSON.stringify(document, null, 2)}\n`);
    else print(options, groups, interleaved, interruption.exitCode !== null, parts);
    return exitCode;
  } finally {
    interruption.end();
  }
}

function print(
  options: CompareOptions,
  groups: readonly Group[],
  interleaved: boolean,
  partial: boolean,
  { terminal }: Parts,
): void {
  const lines: string[] = [];
  for (const { name, comparisons } of groups) {
    if (name !== "") lines.push("", name);
    lines.push(...renderComparisons(comparisons, options.rule, terminal.colour), "", compareSentence(comparisons));
  }
  if (!interleaved)
    lines.push(
      "",
      "CAUTION: these runs were not interleaved. What the machine did to one side only cannot be told from what the code did;",
      "         with a drift of 5 % two thirds of such comparisons of a thing with itself end with a difference.",
    );
  if (partial) lines.push("", "Interrupted: only the pairs that were finished are judged.");
  lines.push("", `repeat  ${options.rerun}`);
  if (options.out !== undefined) lines.push(`file    ${path.resolve(options.out)}`);
  terminal.print(`${lines.join("\n")}\n`);
}

async function fromRuns(options: CompareOptions, parts: Parts, signal: AbortSignal): Promise<Comparison[]> {
  const source = await openSource(options, parts);
  const total = options.pairs + options.rule.warmUpPairs;
  const startedMs = performance.now();
  try {
    const pairs = await collectPairs(
      source,
      { pairs: total, seed: options.rule.seed },
      {
        onPair: (pair, number) => parts.terminal.note(pairLine(options, pair, number, total, startedMs)),
        onInvalid: (side, reason, number) => parts.terminal.note(`[${number}/${total}] left out: ${side} ${reason}\n`),
      },
      signal,
    );
    return compared(options, pairs);
  } finally {
    await source.close();
  }
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

async function fromResults(options: CompareOptions, parts: Parts): Promise<Group[]> {
  const [before, after] = await Promise.all(
    [options.baseline, options.candidate].map((file) => parts.readResults(resultsFile(file))),
  );
  const groups = [...pairsOfResults(before, after)].map(([name, pairs]) => ({
    name,
    // Rounds were warm already, or their file's own warm-up rule holds.
    comparisons: compared({ ...options, rule: { ...options.rule, warmUpPairs: 0 } }, pairs),
  }));
  if (groups.length > 0) return groups;
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

async function openSource({ compared: what, baseline, candidate }: CompareOptions, parts: Parts): Promise<PairSource> {
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
      return new RevisionSource(path.join(import.meta.dirname, "..", ".."), { baseline, candidate }, what.words);
    case "urls":
      return new UrlSource(what.plan, { baseline: what.baseline, candidate: what.candidate });
    case "results":
      throw new Error("results are read, not run");
  }
}

function writeDocument(file: string, document: unknown): void {
  try {
    writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  } catch (error) {
    throw new UsageError({
      what: "the file of --out cannot be written",
      got: `${file} (${error instanceof Error ? error.message : String(error)})`,
      expected: "a file in a folder that exists and is writable",
      fix: "choose another file, or leave --out out",
    });
  }
}
