/** A search as a results file and as what is printed: fits the schema, says what was found, and draws only what is known. */
import assert from "node:assert/strict";
import test from "node:test";
import { Check } from "typebox/value";
import { capacityOptions, type CapacityOptions } from "../command-capacity.ts";
import { catalog, recording } from "../command.fixture.ts";
import { ResultsSchema, type Chart, type ExperimentResult } from "../results.ts";
import { capacityCommand, uslLines, type CapacityReport } from "./capacity-command.ts";
import { capacityResults } from "./capacity-result.ts";
import { openProber, type ProbedRun } from "./probes.ts";
import type { CapacityFound } from "./slo-search.ts";
import { fitUsl, uslAt } from "./usl.ts";

const options: CapacityOptions = capacityOptions("mm1", { slo: ["p99<20ms", "errors<1%"], for: "5s" }, catalog);

const probed: readonly ProbedRun[] = await (async () => {
  const prober = await openProber(options, recording(), new AbortController().signal);
  const runs: ProbedRun[] = [];
  for (const [number, rate] of [800, 200, 400].entries()) runs.push(await prober.probe(rate, number));
  await prober.close();
  return runs;
})();

function experimentOf(found: Partial<CapacityFound>, report: Partial<CapacityReport> = {}): ExperimentResult {
  const probes = probed.map(({ probe }) => probe);
  const results = capacityResults(
    options,
    {
      found: { perSecond: 410, low: 390, high: 430, kind: "found", probes, ...found },
      kneePerSecond: 400,
      usl: null,
      theoryPerSecond: null,
      ...report,
    },
    probed,
    new Date(0),
  );
  assert.ok(Check(ResultsSchema, JSON.parse(JSON.stringify(results))), "fits the schema");
  assert.equal(results.rerun, options.rerun);
  assert.equal(results.experiments.length, 1);
  return results.experiments[0];
}

const lines = (chart: Chart | undefined): Extract<Chart, { kind: "lines" }> => {
  assert.equal(chart?.kind, "lines");
  return chart as Extract<Chart, { kind: "lines" }>;
};

test("what was found is the verdict, with its interval, and its run is that of the nearest probe", () => {
  const found = experimentOf({});
  assert.equal(found.status, "held");
  assert.equal(found.verdict.sentence, "Up to 410 operations a second [390, 430] meet p99<20ms and errors<1%.");
  assert.match(found.load, /^Poisson, 400 operations\/s, the probe nearest/);
  assert.equal(found.designs[0].runs[0], probed[2].run);
  assert.equal(found.parameters["search.fromPerSecond"], 50);
  assert.equal(found.tank, "simulation");
});

test("every rate met, and none", () => {
  const met = experimentOf({ kind: "met", perSecond: 800, low: 800, high: Infinity });
  assert.deepEqual(
    [met.status, met.verdict.sentence],
    ["held", "At least 800 operations a second meet p99<20ms and errors<1%: every rate probed did."],
  );
  const none = experimentOf({ kind: "broken", perSecond: 0, low: 0, high: 50 });
  assert.deepEqual([none.status, none.verdict.sentence], ["failed", "No rate probed meets p99<20ms and errors<1%."]);
  assert.equal(none.designs[0].runs[0], probed[1].run, "the lowest one is the nearest");
  assert.deepEqual(lines(none.charts[1]).marks, [], "no capacity is marked where there is none");
});

test("the charts: answered against offered with its knee, and each time bound with its rule, by rate", () => {
  const { charts } = experimentOf({});
  assert.deepEqual(
    charts.map(({ title }) => title),
    ["Answered against offered", "p99 against offered"],
    "a share has no chart of times, and no law was fitted",
  );
  const [answered, bound] = charts.map(lines);
  assert.deepEqual(
    answered.series[0].points.map(([rate]) => rate),
    [200, 400, 800],
  );
  assert.deepEqual(answered.marks, [{ x: 400, label: "knee 400/s" }]);
  assert.deepEqual(bound.rule, { value: 20, label: "p99<20ms" });
  assert.deepEqual(bound.marks, [{ x: 410, label: "410/s" }]);
  assert.deepEqual(lines(experimentOf({}, { kneePerSecond: null }).charts[0]).marks, []);
});

const fitted = (kappa: number): ReturnType<typeof fitUsl> =>
  fitUsl(
    [1, 2, 4, 8, 16, 32, 64].map((n, i) => [n, uslAt({ lambda: 100, sigma: 0.02, kappa }, n) * (1 + (i % 2) / 200)]),
  );

test("a law that falls has its peak in the chart and in print; one that does not says so", () => {
  const falls = fitted(0.001);
  const chart = lines(experimentOf({}, { usl: falls }).charts.at(-1));
  assert.match(chart.reading, /; its peak is 1,2\d\d\/s with 3\d\.\d in the system\.$/);
  assert.equal(chart.marks![0].x, falls.peak!.n);
  assert.match(uslLines(falls)[1], /^ +a peak of 1,2\d\d\/s with 3\d\.\d in the system; the law misses/);
  const level = fitted(0);
  const flat = lines(experimentOf({}, { usl: level }).charts.at(-1));
  assert.match(flat.reading, /; no peak within the measured range\.$/);
  assert.deepEqual(flat.marks, []);
  assert.match(uslLines(level)[1], /^ +no peak within the measured range; the law misses the probes by/);
});

test("the command: the station's capacity is theory's, in print and as JSON; where no rate meets the bounds it ends with 99", async () => {
  const flags = { slo: ["p99<20ms"], for: "30s", precision: "5%", probes: "14", from: "200" };
  const parts = recording();
  assert.equal(await capacityCommand(capacityOptions("mm1", flags, catalog), parts), 0);
  const text = parts.printed.join("");
  const found = /capacity +([\d.]+)\/s \[[\d.]+, [\d.]+\], from (\d+) probes/.exec(text);
  assert.ok(found !== null, text);
  assert.ok(Math.abs(Number(found[1]) / 769.7 - 1) < 0.05, `${found[1]}/s, theory says 769.7`);
  assert.match(text, /theory +769\.7\/s: the measured one is -?\d/);
  assert.match(text, /no peak within the measured range/);
  const json = recording();
  const impossible = capacityOptions("mm1", { slo: ["p50<1us"], for: "1s", json: true }, catalog);
  assert.equal(await capacityCommand(impossible, json), 99);
  const said = JSON.parse(json.printed.join("")) as { found: { kind: string }; exitCode: number };
  assert.deepEqual([said.found.kind, said.exitCode], ["broken", 99]);
});
