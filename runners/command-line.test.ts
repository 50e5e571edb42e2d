import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { runCommandLine } from "./command-line.ts";
import { rerunLine, suiteOptions, type RunFlags } from "./command-run.ts";
import { serveOptions } from "./command-serve.ts";
import { simulateOptions } from "./command-simulate.ts";
import { catalog, experimentResult, folderFor, recording, resultsOf } from "./command.fixture.ts";
import type { ExperimentResult, RunResult } from "./results.ts";
import type { SuiteOptions } from "./suite-types.ts";

/* ---- what is accepted --------------------------------------------------------------------------------------------------- */

const accepted: readonly (readonly [readonly string[], RunFlags, object])[] = [
  [[], {}, { tanks: ["simulation", "threads"], quick: false, seed: 1, overrides: [], target: { kind: "direct" } }],
  [[], { tank: "threads", quick: true, seed: "0" }, { tanks: ["threads"], quick: true, seed: 0 }],
  [[], { rate: "20k", for: "2m", keys: "zipf:0.99" }, { rate: 20_000, forS: 120, keys: "zipf:0.99" }],
  [[], { rate: "1.5", for: "250ms", keys: "hotspot:1:1" }, { rate: 1.5, forS: 0.25, keys: "hotspot:1:1" }],
  [[], { target: "dynamodb" }, { target: { kind: "dynamodb" } }],
  [[], { target: "dynamodb=https://h:1/" }, { target: { kind: "dynamodb", url: "https://h:1/" } }],
  [
    [],
    { set: ["load.perSecond=500", "a.b=true", "a.c=text", "a.d=", "designs.*.e={}"], rounds: "7" },
    {
      overrides: [
        { path: "load.perSecond", value: 500 },
        { path: "a.b", value: true },
        { path: "a.c", value: "text" },
        { path: "a.d", value: "" },
        { path: "designs.*.e", value: {} },
        { path: "rounds", value: 7 },
      ],
    },
  ],
];

for (const [names, flags, expected] of accepted) {
  test(`accepted: ${JSON.stringify(flags)}`, () => {
    const options = suiteOptions(names, flags, catalog);
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(options[name as keyof SuiteOptions], value);
  });
}

test("names choose experiments once each; designs drop the experiments that have none of them", () => {
  const chosen = (names: string[], flags: RunFlags): string[] =>
    suiteOptions(names, flags, catalog).experiments.map((e) => e.name);
  assert.deepEqual(chosen([], {}), ["adaptive-capacity", "retry-storm"]);
  assert.deepEqual(chosen(["retry-storm", "retry-storm"], {}), ["retry-storm"]);
  assert.deepEqual(chosen([], { design: ["fixed"] }), ["adaptive-capacity"]);
});

test("the line that repeats a suite says everything that was said, quoted for a shell, and the seed", () => {
  assert.equal(rerunLine([], {}, 1), "npm run bench -- --seed 1");
  assert.equal(
    rerunLine(["retry-storm"], { quick: true, design: ["a", "b"], set: ["x.y=a 'b'"], keys: "zipf:1" }, 3),
    "npm run bench -- retry-storm --quick --seed 3 --design a --design b --set 'x.y=a '\\''b'\\''' --keys zipf:1",
  );
});

test("serve and simulate fill in what was not said", () => {
  assert.deepEqual(serveOptions({ nodes: "1", threads: "4" }).replication, { n: 1, r: 1, w: 1, sloppy: false });
  const { threads, replication } = serveOptions({ nodes: "5", threads: "9", quorum: "5,1,4" });
  assert.deepEqual([threads, replication], [5, { n: 5, r: 1, w: 4, sloppy: false }]);
  assert.deepEqual([serveOptions({}).service, serveOptions({ service: "stripe" }).service], ["dynamodb", "stripe"]);
  assert.deepEqual(simulateOptions({}), { seeds: 100, from: 1, plant: undefined, scenario: undefined });
});

/* ---- how it ends -------------------------------------------------------------------------------------------------------- */

const failedClaim = { text: "It holds.", expected: "1", measured: "2", status: "failed" } as const;
const brokenCheck = { name: "no item lost", held: false, examined: 9, violations: ["item 7 is gone"], counts: {} };
const lateGenerator = { valid: false, reasons: ["p99 lateness 40 ms"] } as never as RunResult["generator"];

const endings: readonly (readonly [string, number, readonly ExperimentResult[]])[] = [
  ["all claims held", 0, [experimentResult({})]],
  ["undecided", 0, [experimentResult({ status: "undecided" })]],
  ["a run was invalid", 96, [experimentResult({ status: "invalid", run: { generator: lateGenerator } })]],
  ["a claim failed", 99, [experimentResult({ status: "failed", claims: [failedClaim] })]],
  ["failed and invalid", 99, [experimentResult({ status: "invalid" }), experimentResult({ claims: [failedClaim] })]],
  ["a check was violated", 97, [experimentResult({ status: "failed", run: { check: brokenCheck } })]],
];

for (const [name, code, experiments] of endings) {
  test(`exit code ${code}: ${name}`, async () => {
    const parts = recording({ runSuite: (options) => Promise.resolve(resultsOf(experiments, options)) });
    assert.equal(await runCommandLine(["run"], parts), code);
    assert.deepEqual(parts.written, [path.join(".wavetank", "runs", "20261124T063000Z-2eb9281-dirty-1")]);
  });
}

test("every exit code stands in --help", async () => {
  for (const words of [["--help"], ["run", "--help"]]) {
    const parts = recording();
    assert.equal(await runCommandLine(words, parts), 0);
    for (const code of [0, 99, 97, 96, 2, 1, 130]) assert.match(parts.printed.join(""), new RegExp(`^  ${code} `, "m"));
  }
});

test("the summary has a row, the sentence and the troubles of each experiment, and where the report is", async (t) => {
  const experiments = [
    experimentResult({}),
    experimentResult({
      name: "cart-merge",
      tank: "threads",
      status: "failed",
      claims: [failedClaim],
      run: { check: brokenCheck, generator: lateGenerator },
    }),
  ];
  const parts = recording({ runSuite: (options) => Promise.resolve(resultsOf(experiments, options)) });
  await runCommandLine(["run", "--out", folderFor(t)], parts);
  const [summary] = parts.printed.join("").split("\nrepeat");
  assert.equal(
    summary,
    [
      "experiment   tank        status       held  failed  undecided    time",
      "retry-storm  simulation  held            1       0          0   1.5 s",
      "  Full jitter wins.",
      "cart-merge   threads     failed          0       1          0   1.5 s",
      "  Full jitter wins.",
      "  ! claim failed: It holds. Measured: 2 Expected: 1",
      "  ! promise broken (none, seed 1): item 7 is gone",
      "  ! invalid (none): p99 lateness 40 ms",
      "",
    ].join("\n"),
  );
  assert.match(parts.printed.join(""), /report {2}\/.*report\.html\n {8}file:\/\/\/.*report\.html\n$/);
});

test("--json prints JSON and nothing else on stdout", async (t) => {
  const parts = recording();
  assert.equal(await runCommandLine(["run", "--json", "--out", folderFor(t)], parts), 0);
  const printed = JSON.parse(parts.printed.join("")) as {
    exitCode: number;
    files: string[];
    experiments: { name: string }[];
  };
  assert.equal(printed.exitCode, 0);
  assert.equal(printed.experiments[0].name, "retry-storm");
  assert.match(printed.files[0], /report\.html$/);
});

test("serve says ready and how it is called, and closes on a signal", async () => {
  let closed = 0;
  const parts = recording({
    startBackend: () => Promise.resolve({ url: "http://127.0.0.1:4567", close: () => Promise.resolve(void closed++) }),
  });
  const running = runCommandLine(["serve", "--port", "0"], parts);
  while (parts.printed.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.match(parts.printed.join(""), /^ready {2}http:\/\/127\.0\.0\.1:4567\n/);
  parts.signals.emit("SIGINT");
  assert.equal(await running, 130);
  assert.equal(closed, 1);
  assert.equal(parts.signals.listenerCount("SIGINT"), 0);
});
