import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { sampleResults } from "../reports/sample.ts";
import { runCommandLine } from "./command-line.ts";
import { experimentResult, folderFor, recording, resultsOf } from "./command.fixture.ts";
import type { Trend } from "./history.ts";
import { findingsOf, nightExitCode, type Finding } from "./night/findings.ts";
import { readHistory } from "./night/history-file.ts";
import { historyLines, machineName } from "./night/tracked-metrics.ts";
import type { Results } from "./results.ts";

const sample = sampleResults();
/** One experiment of which everything held, so that only the night decides. */
const held = sample.experiments.find((e) => e.status === "held" && e.tank === "threads") ?? sample.experiments[0];

/** A night of `factor` times the usual latency, whose figures vary by under a percent. */
function nightOf(night: number, factor = 1): Results {
  const time = new Date(Date.UTC(2026, 9, 1, 2) + night * 86_400_000).toISOString();
  const noise = 1 + [0, 0.004, -0.005, 0.002, -0.003][night % 5];
  const designs = held.designs.map((design) => ({
    ...design,
    runs: design.runs.map((run) => ({
      ...run,
      metrics: { ...run.metrics, p50Ms: 2 * (1 + run.round / 100) * noise * factor },
      check: { ...run.check, held: true },
      generator: { ...run.generator, valid: true },
    })),
  }));
  const claims = held.claims.map((claim) => ({ ...claim, status: "held" as const }));
  return { ...sample, startedAt: time, experiments: [{ ...held, status: "held", designs, claims }] };
}

interface Told {
  readonly code: number;
  readonly printed: string;
  readonly noted: string;
  readonly trends: Trend[];
}

async function nightly(results: Results, words: readonly string[]): Promise<Told> {
  const trends: Trend[] = [];
  const parts = recording({
    readResults: () => Promise.resolve(results),
    writeTrend: (trend) => {
      trends.push(trend);
      return Promise.resolve();
    },
  });
  const code = await runCommandLine(["nightly", ...words], parts);
  return { code, printed: parts.printed.join(""), noted: parts.noted.join(""), trends };
}

function placesIn(t: { after(undo: () => void): void }) {
  const folder = folderFor(t);
  const history = path.join(folder, "nights", "history.jsonl");
  const results = path.join(folder, "run");
  mkdirSync(results);
  return { folder, history, results, words: ["--no-run", results, "--history", history] };
}

test("quiet nights end with 0; the third slow night in a row ends with 98 and says which, from when and between what", async (t) => {
  const { history, results, words } = placesIn(t);
  for (let night = 0; night < 20; night++)
    assert.equal((await nightly(nightOf(night), words)).code, 0, `night ${night}`);
  const codes: number[] = [];
  let last: Told | undefined;
  for (let night = 20; night < 23; night++) {
    last = await nightly(nightOf(night, 1.12), words);
    codes.push(last.code);
  }
  assert.deepEqual(codes, [0, 0, 98]);
  assert.match(last!.printed, /night {3}❌ \d+ confirmed regressions?\n/);
  assert.match(
    last!.printed,
    /✕ regression {2}\S+p50Ms: \+1[12]\.?\d* %, from \S+ to \S+ ms since 2026-10-21, between /,
  );
  const summary = readFileSync(path.join(results, "night.md"), "utf8");
  assert.match(summary, /^## ❌ \d+ confirmed regression/);
  assert.match(readFileSync(path.join(results, "junit.xml"), "utf8"), /<failure message="\+1/);
  const lines = historyLines(nightOf(0)).length;
  assert.equal(readHistory(history).lines.length, 23 * lines);
  assert.equal(last!.trends[0].nights.length, 23);
  assert.equal((await nightly(nightOf(23, 1.12), [...words, "--gate", "30"])).code, 0, "a wider gate");
});

test("judging the same results twice adds no line; another machine is another series", async (t) => {
  const { history, words } = placesIn(t);
  await nightly(nightOf(1), words);
  const again = await nightly(nightOf(1), words);
  assert.match(again.printed, /\(0 lines added\)/);
  const other = { ...nightOf(2, 3), machine: { ...sample.machine, cpu: "another" } };
  const { trends } = await nightly(other, words);
  assert.ok(trends[0].series.every((series) => series.values.length === 1));
  assert.equal(new Set(readHistory(history).lines.map((line) => line.machine)).size, 2);
});

test("--json prints the judgement and nothing else", async (t) => {
  const { words, history } = placesIn(t);
  const told = await nightly(nightOf(1), [...words, "--json"]);
  const night = JSON.parse(told.printed) as Record<string, unknown>;
  assert.equal(night.schema, "wavetank.night/1");
  assert.equal(night.exitCode, 0);
  assert.deepEqual(night.regressions, []);
  assert.equal((night.history as { file: string }).file, history);
});

test("worse than a regression outweighs it: the suite's own code stays, and its figures are kept", async (t) => {
  const { words, history } = placesIn(t);
  const failed = nightOf(1);
  const [experiment] = failed.experiments;
  const claims = [{ text: "It holds.", expected: "1", measured: "2", status: "failed" as const }];
  assert.equal(
    (await nightly({ ...failed, experiments: [{ ...experiment, claims, status: "failed" }] }, words)).code,
    99,
  );
  assert.ok(readHistory(history).lines.length > 0);
});

test("of the suite's code and the night's, the worse is the exit code", () => {
  const nothing = findingsOf({ nights: [], series: [], skipped: { torn: 0, foreign: 0 } }, "");
  const red = { ...nothing, regressions: [{}] as never as Finding[] };
  const suites = [0, 96, 97, 99, 129, 130, 143];
  assert.deepEqual(
    suites.map((suite) => nightExitCode(suite, nothing)),
    suites,
  );
  assert.deepEqual(
    suites.map((suite) => nightExitCode(suite, red)),
    [98, 98, 97, 99, 129, 130, 143],
  );
});

test("an interrupted night leaves no figure", async (t) => {
  const { words, history } = placesIn(t);
  const night = nightOf(1);
  const told = await nightly({ ...night, experiments: [{ ...night.experiments[0], status: "interrupted" }] }, words);
  assert.match(told.noted, /history is as it was/);
  assert.ok(!existsSync(history));
});

test("runs the suite with its options, and appends to the step's summary where there is one", async (t) => {
  const { folder, history } = placesIn(t);
  const before = process.env["GITHUB_STEP_SUMMARY"];
  t.after(() => {
    if (before === undefined) delete process.env["GITHUB_STEP_SUMMARY"];
    else process.env["GITHUB_STEP_SUMMARY"] = before;
  });
  process.env["GITHUB_STEP_SUMMARY"] = path.join(folder, "step.md");
  const asked: unknown[] = [];
  const parts = recording({
    runSuite: (options) => {
      asked.push([options.quick, options.tanks]);
      return Promise.resolve({ ...nightOf(3), rerun: options.rerun });
    },
  });
  const out = path.join(folder, "run");
  const code = await runCommandLine(
    ["nightly", "--quick", "--tank", "threads", "--history", history, "--out", out],
    parts,
  );
  assert.equal(code, 0);
  assert.deepEqual(asked, [[true, ["threads"]]]);
  assert.match(parts.printed.join(""), /repeat {2}npm run bench[\s\S]*night {3}✅ A quiet night/);
  assert.match(readFileSync(path.join(folder, "step.md"), "utf8"), /^## ✅ A quiet night/);
});

test("refusals: a history that is a folder, a gate that is none, names beside --no-run, a trend of nothing", async (t) => {
  const { folder, results, history } = placesIn(t);
  writeFileSync(path.join(folder, "x"), "");
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [["nightly", "--history", folder], /--history is no file/],
    [["nightly", "--history", ""], /an empty value/],
    [["nightly", "--gate", "0"], /--gate is no percentage/],
    [["nightly", "--gate", "much"], /a number from 1 to 100/],
    [["nightly", "retry-storm", "--no-run", results, "--history", history], /--no-run runs nothing/],
    [["nightly", "--history", path.join(folder, "x", "history.jsonl")], /cannot be written/],
    [["trend", path.join(folder, "none.jsonl")], /cannot read the history/],
    [["trend", "--out", "page.pdf"], /ends in \.html/],
  ];
  for (const [words, expected] of refusals) {
    const parts = recording();
    assert.equal(await runCommandLine(words, parts), 2, words.join(" "));
    assert.match(parts.noted.join(""), expected);
    assert.match(parts.noted.join(""), /fix: {6}/);
  }
});

test("trend says what it wrote", async (t) => {
  const { folder, history, words } = placesIn(t);
  await nightly(nightOf(1), words);
  const parts = recording();
  assert.equal(await runCommandLine(["trend", history, "--out", path.join(folder, "t.html")], parts), 0);
  assert.match(parts.printed.join(""), /^\d+ figures over 1 nights\ntrend {3}\/.*t\.html\n {8}file:\/\//);
});

test("figures of late generators, of nothing and of zero are left out; the rest is the median of the runs", () => {
  const night = nightOf(0);
  const [experiment] = night.experiments;
  const [design] = experiment.designs;
  const runs = [7, 9, 8, 100].map((p50Ms, i) => ({
    ...design.runs[0],
    metrics: { okPerSecond: 0, p50Ms },
    counters: { turns: [1, 2] },
    generator: { ...design.runs[0].generator, valid: i < 3 },
  }));
  const lines = historyLines({ ...night, experiments: [{ ...experiment, designs: [{ ...design, runs }] }] });
  const ofDesign = lines.filter((line) => line.metric.includes(`/${design.name}/`));
  assert.deepEqual(
    ofDesign.map(({ metric, value, runs }) => [metric.split("/").at(-1), value, runs]),
    [["p50Ms", 8, [7, 9, 8]]],
  );
  assert.equal(historyLines(resultsOf([experimentResult({ status: "interrupted" })])).length, 0);
});

test("a machine's name leaves out what changes from week to week", () => {
  const machine = { ...sample.machine, os: "Linux 6.8.0-41 x64", disk: "ext4 on /dev/sda1" };
  assert.equal(
    machineName(machine),
    machineName({ ...machine, os: "Linux 6.9.1 x64", disk: "ext4 on /dev/vdb", node: "99" }),
  );
  assert.notEqual(machineName(machine), machineName({ ...machine, cores: 96 }));
});
