/** `compare` from its options to what is printed and written, over runs that are made up. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { Check } from "typebox/value";
import type { CompareOptions } from "../command-compare.ts";
import { UsageError } from "../command-error.ts";
import type { Parts } from "../command-parts.ts";
import { experimentResult, folderFor, recording, resultsOf, type Recording } from "../command.fixture.ts";
import { usualRule } from "../compare/comparison.ts";
import { ResultsSchema, type Results, type RunResult } from "../results.ts";
import type { SuiteOptions } from "../suite-types.ts";
import { compareCommand } from "./compare-command.ts";
import { tinyRepository } from "./revisions.fixture.ts";

const options: CompareOptions = {
  baseline: "none",
  candidate: "full-jitter",
  compared: { kind: "designs", experiment: "retry-storm", tank: "simulation", quick: true, forS: 3 },
  pairs: 8,
  metrics: ["p50Ms", "okPerSecond"],
  rule: usualRule,
  json: false,
  rerun: "the line that repeats it",
};

const designs = { kind: "designs", experiment: "retry-storm", tank: "simulation", quick: true } as const;

interface Made {
  readonly design: string;
  readonly seed: number;
}

/** A suite whose one run has the figures of `figuresOf`; what was asked of it, in order. */
function suite(figuresOf: (made: Made, number: number) => Partial<RunResult> | null): {
  readonly made: Made[];
  readonly runSuite: Parts["runSuite"];
} {
  const made: Made[] = [];
  const runSuite = (asked: SuiteOptions): Promise<Results> => {
    const one = { design: asked.designs![0], seed: asked.seed };
    made.push(one);
    const run = figuresOf(one, made.length);
    return Promise.resolve(resultsOf([experimentResult(run === null ? { designs: [] } : { run })], asked));
  };
  return { made, runSuite };
}

/** A run whose p50 is that of its design, moved by the pair's seed as the machine would move both. */
const figures = ({ design, seed }: Made): Partial<RunResult> => ({
  metrics: { p50Ms: (design === "none" ? 10 : 8) * (1 + (seed % 5) / 100), okPerSecond: 100 },
});

async function compared(
  changes: Partial<CompareOptions>,
  parts: Partial<Parts>,
): Promise<{ code: number } & Recording> {
  const recorded = recording(parts);
  const code = await compareCommand({ ...options, ...changes }, recorded);
  return { ...recorded, code };
}

/** Keeps what would be written, and holds it against the schema. */
function kept(): { readonly results: Results[]; readonly writeReport: Parts["writeReport"] } {
  const results: Results[] = [];
  return {
    results,
    writeReport: (one, folder) => {
      const read = JSON.parse(JSON.stringify(one)) as Results;
      assert.ok(Check(ResultsSchema.properties.compared, read.compared));
      results.push(read);
      return Promise.resolve([path.join(folder, "report.html")]);
    },
  };
}

test("both sides of a pair run with one seed, each first about as often, and the verdict is printed and written", async (t) => {
  const { made, runSuite } = suite(figures);
  const { results, writeReport } = kept();
  const { code, printed, noted } = await compared({ out: folderFor(t), pairs: 20 }, { runSuite, writeReport });
  assert.equal(code, 0);
  assert.equal(made.length, 42);
  const pairs = Array.from({ length: 21 }, (_, i) => made.slice(2 * i, 2 * i + 2));
  for (const [one, other] of pairs) {
    assert.equal(one.seed, other.seed);
    assert.notEqual(one.design, other.design);
  }
  const first = pairs.filter(([one]) => one.design === "none").length;
  assert.ok(first >= 5 && first <= 16, `the baseline was first in ${first} of 21`);
  assert.match(noted[0], /^\[1\/21\] (a, b|b, a), p50Ms 0\.800 times \(warm-up, not counted\)/);
  const text = printed.join("");
  assert.match(text, /20 pairs after 1 of warm-up; equal means within 2 %; p after Holm over 2 metrics/);
  assert.match(text, /p50Ms +10\.\d+ +8\.\d+ +0\.800 +\[0\.800, 0\.800\] +<0\.0001 +better\n/);
  assert.match(
    text,
    /Against none, full-jitter is better in p50Ms \(-20 % \[-20, -20\]\); is equal in okPerSecond \(0 % \[0, 0\]\)\./,
  );
  assert.match(text, /report {2}.*report\.html/);
  const [{ compared: found, experiments, rerun }] = results;
  assert.deepEqual([experiments, rerun], [[], options.rerun]);
  assert.deepEqual(found!.baseline, { name: "none", facts: { title: "D", design: "Never again." } });
  assert.deepEqual(found!.shared.experiment, "retry-storm");
  assert.deepEqual([found!.interleaved, found!.partial, found!.pairsAsked], [true, false, 20]);
  const [metric] = found!.groups[0].metrics;
  assert.deepEqual([metric.verdict, metric.pairs.length, metric.warmUpPairs], ["better", 21, 1]);
});

test("a candidate that is worse ends with 98, and --json leaves nothing but JSON on stdout", async () => {
  const { runSuite } = suite(figures);
  const swapped = { baseline: "full-jitter", candidate: "none", json: true };
  const { code, printed } = await compared(swapped, { runSuite });
  assert.equal(code, 98);
  const document = JSON.parse(printed.join("")) as { schema: string; exitCode: number; partial: boolean };
  assert.deepEqual([document.schema, document.exitCode, document.partial], ["wavetank.comparison/1", 98, false]);
});

test("a name in .json gets the JSON alone; a file that cannot be written says so", async (t) => {
  const file = path.join(folderFor(t), "found.json");
  const { runSuite } = suite(figures);
  const { printed, written } = await compared({ out: file }, { runSuite });
  assert.equal((JSON.parse(readFileSync(file, "utf8")) as { schema: string }).schema, "wavetank.comparison/1");
  assert.deepEqual(written, []);
  assert.ok(printed.join("").endsWith(`file    ${file}\n`));
  await assert.rejects(compared({ out: path.join(file, "beneath.json") }, { runSuite }), UsageError);
});

test("an invalid run is run again with its pair, and a pair that stays invalid is left out and named", async (t) => {
  const late = (made: Made): Partial<RunResult> => ({
    ...figures(made),
    generator: { valid: false, reasons: ["late by 9 ms"] } as never,
  });
  const { made, runSuite } = suite((one, number) =>
    // Pair 2 is late once, pair 3 (then runs 7 to 10) twice.
    number === 3 || number === 7 || number === 9 ? late(one) : figures(one),
  );
  const { results, writeReport } = kept();
  const { noted } = await compared({ out: folderFor(t) }, { runSuite, writeReport });
  assert.equal(made.length, 2 * 9 + 4);
  const { leftOut, groups } = results[0].compared!;
  assert.equal(leftOut.length, 1);
  assert.match(leftOut[0], /^pair 3: (baseline|candidate) late by 9 ms$/);
  assert.equal(groups[0].metrics[0].pairs.length, 8);
  assert.equal(noted.filter((text) => text.includes("left out")).length, 1);
});

test("stopped before its last pair it decides nothing, however clear the pairs are", async (t) => {
  const signals = new EventEmitter();
  const { runSuite } = suite((made, number) => {
    if (number === 17) signals.emit("SIGINT");
    return number < 17 ? figures(made) : null;
  });
  const { results, writeReport } = kept();
  const { code, printed } = await compared({ out: folderFor(t) }, { runSuite, writeReport, signals });
  assert.equal(code, 130);
  const { partial, groups } = results[0].compared!;
  const [metric] = groups[0].metrics;
  assert.ok(partial && metric.ratio!.high < 0.81);
  assert.deepEqual([metric.pairs.length, metric.verdict, metric.pairsNeeded], [8, "undecided", 8]);
  assert.match(printed.join(""), /Interrupted before its 8 pairs: nothing is decided/);
  assert.equal(signals.listenerCount("SIGINT"), 0);
});

test("figures that no run has are refused with those that there are", async () => {
  const { runSuite } = suite(figures);
  await assert.rejects(
    compared({ metrics: ["p51Ms"], pairs: 1 }, { runSuite }),
    (error: unknown) => error instanceof UsageError && error.expected === "some of p50Ms, okPerSecond",
  );
});

test("a suite that breaks is not taken for an interruption", async () => {
  const runSuite = (): Promise<Results> => Promise.reject(new Error("the disk fell off"));
  await assert.rejects(compared({ compared: designs }, { runSuite }), /the disk fell off/);
});

function resultsFile(p50Ms: number, changes: object = {}): Results {
  const runs = Array.from({ length: 9 }, (_, round) => ({
    ...experimentResult({}).designs[0].runs[0],
    round,
    metrics: { p50Ms: p50Ms + round / 100, okPerSecond: 100 },
  }));
  const experiment = experimentResult({ designs: [{ name: "none", runs }] as never, ...changes });
  return { ...resultsOf([experiment]), machine: { cpu: `chip ${p50Ms}`, cores: 2, node: "26" } as never };
}

test("two results files: a group a design, rounds in pairs, nothing to warm up, and a caution", async (t) => {
  const out = folderFor(t);
  const files: Record<string, Results> = { [path.join(out, "results.json")]: resultsFile(10), [import.meta.filename]: resultsFile(8) }; // prettier-ignore
  const readResults = (file: string): Promise<Results> => Promise.resolve(files[file]);
  const { results, writeReport } = kept();
  const two = { compared: { kind: "results" }, baseline: out, candidate: import.meta.filename, out } as const;
  const { code, printed } = await compared(two, { readResults, writeReport });
  assert.equal(code, 0);
  assert.match(
    printed.join(""),
    /retry-storm, simulation, none\n[^]*better\n[^]*CAUTION: these runs were not interleaved/,
  );
  const { groups, interleaved, pairsAsked, baseline, rule } = results[0].compared!;
  assert.deepEqual([interleaved, pairsAsked, rule.warmUpPairs], [false, null, 0]);
  assert.deepEqual([groups[0].name, groups[0].metrics[0].pairs.length], ["retry-storm, simulation, none", 9]);
  assert.match(baseline.facts.machine, /^chip 10, 2 cores/);
  files[import.meta.filename] = resultsFile(8, { tank: "threads" });
  await assert.rejects(
    compared(two, { readResults, writeReport }),
    (error: unknown) => error instanceof UsageError && error.what === "the two results have no run in common",
  );
});

test("two revisions: their commits are in the results, and the faster one wins", async (t) => {
  const folder = folderFor(t);
  const repository = tinyRepository(folder);
  const { results, writeReport } = kept();
  const asked = { ...options, baseline: "slow", candidate: "fast", pairs: 6, metrics: ["p50Ms"] };
  const parts = recording({ writeReport });
  const code = await compareCommand(
    { ...asked, compared: { kind: "revisions", words: ["quorum-price"] }, out: path.join(folder, "out") },
    parts,
    repository.root,
  );
  assert.equal(code, 0);
  const { baseline, candidate, groups, shared } = results[0].compared!;
  assert.deepEqual([baseline.facts.subject, candidate.facts.subject], ["slow it is", "fast it is"]);
  assert.equal(candidate.facts.commit, repository.git("rev-parse", "fast").trim());
  assert.deepEqual(shared, { "each run": "wavetank run quorum-price" });
  assert.equal(groups[0].metrics[0].verdict, "better");
  assert.deepEqual(repository.worktrees(), []);
  assert.equal(repository.runs().length, 14);
});
