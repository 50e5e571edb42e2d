import assert from "node:assert/strict";
import { test } from "node:test";
import { Value } from "typebox/value";
import { Random } from "../backend/kernel/random.ts";
import type { Experiment } from "./experiment.ts";
import { FakeBackend, worked, workSessions } from "./hosts/fake-backend.ts";
import { SimulationHost } from "./hosts/simulation-host.ts";
import { ResultsSchema, type Results, type RunResult } from "./results.ts";
import { Interrupted, type RunOrder } from "./run-order.ts";
import { recorderFor, runResult } from "./run-result.ts";
import { runSuiteWith, type Runner } from "./run-suite-with.ts";
import { sampleExperiment, sampleOptions } from "./sample-experiment.ts";
import { createSchedule } from "./schedule.ts";
import type { SuiteObserver, SuiteOptions } from "./suite-types.ts";

/** A station in a fake backend: real driver, real recorder, no nodes. */
const runFake: Runner = (order) => Promise.resolve(fakeRun(order));

function fakeRun(order: RunOrder): RunResult {
  const { design, settled, seed } = order;
  const { service } = design.deployment;
  assert.equal(service.kind, "station");
  const random = Random.stream(seed, "service");
  const backend = new FakeBackend((_, nowUs) => ({
    atUs: nowUs + Math.round(service.serviceUs * (1 + random.float() / 10)),
    answer: worked,
  }));
  const recorder = recorderFor(settled, undefined);
  const workload = workSessions();
  const schedule = createSchedule(settled.load, settled.forUs, seed);
  const host = new SimulationHost(backend, {
    schedule,
    workload,
    calls: design.calls,
    seed,
    forUs: settled.forUs,
    recorder,
  });
  host.run(settled.forUs + 1_000_000);
  return runResult(order, {
    startedAt: new Date(0),
    tookS: 0.1,
    recorder,
    loopDelayP99Us: 0,
    check: workload.check(host.driver.history, []),
    counters: { ...backend.counters(), byNode: [1, 2] },
    trace: { digest: backend.digest(), events: backend.events, eventsPerSecond: 1 },
  });
}

const suite = (
  change: Partial<SuiteOptions>,
  runner: Runner = runFake,
  observer: SuiteObserver = {},
): Promise<Results> => runSuiteWith({ ...sampleOptions, ...change }, observer, runner);

const changed = (change: Partial<Experiment>): Experiment => ({ ...sampleExperiment, ...change });

test("a suite's results keep the schema and say who won", async () => {
  const results = await suite({});
  assert.ok(Value.Check(ResultsSchema, results), JSON.stringify([...Value.Errors(ResultsSchema, results)].slice(0, 3)));
  assert.ok(Value.Check(ResultsSchema, JSON.parse(JSON.stringify(results))), "and still do as JSON");
  const [experiment] = results.experiments;
  assert.equal(experiment.status, "held");
  assert.equal(experiment.verdict.ratio?.n, 3);
  assert.ok(Math.abs(experiment.verdict.ratio.value - 0.5) < 0.01);
  assert.match(experiment.verdict.sentence, /^The fast station answers in 0\.5/);
  assert.equal(experiment.rerun, "npm run bench -- sample --tank simulation --seed 1");
  for (const design of experiment.designs) {
    assert.equal(design.runs.length, 3);
    const rows = design.runs[0].timeline.atS.length;
    assert.ok(rows >= 20 && rows <= 120, `${rows} rows`);
  }
});

test("the observer hears of everything, in order", async () => {
  const heard: string[] = [];
  await suite({}, runFake, {
    onPlan: (items) => heard.push(`plan ${items.length}`),
    onRunStart: (item) => heard.push(`start ${item.round}`),
    onRunEnd: (item) => heard.push(`end ${item.round}`),
    onExperimentEnd: (result) => heard.push(result.status),
  });
  assert.equal(
    heard.join(", "),
    "plan 6, start 0, end 0, start 0, end 0, start 1, end 1, start 1, end 1, start 2, end 2, start 2, end 2, held",
  );
});

test("a broken promise, a failed claim, a late generator and an open claim each have their status", async () => {
  const broken: Runner = (order) => {
    const run = fakeRun(order);
    return Promise.resolve({ ...run, check: { ...run.check, held: false, violations: ["lost"] } });
  };
  const late: Runner = (order) => {
    const run = fakeRun(order);
    return Promise.resolve({ ...run, generator: { ...run.generator, valid: false, reasons: ["late"] } });
  };
  const claim = (status: "failed" | "undecided") =>
    changed({ claims: [{ text: "", expected: "", judge: () => ({ status, measured: "" }) }] });
  const statusOf = async (change: Partial<SuiteOptions>, runner?: Runner): Promise<string> =>
    (await suite(change, runner)).experiments[0].status;
  assert.equal(await statusOf({}, broken), "failed");
  assert.equal(await statusOf({}, late), "invalid");
  assert.equal(await statusOf({ experiments: [claim("failed")] }), "failed");
  assert.equal(await statusOf({ experiments: [claim("undecided")] }), "undecided");
});

test("an experiment's own figures are figures like the others", async () => {
  const metrics = (run: RunResult): Record<string, number> => ({ rows: run.timeline.atS.length, none: Number.NaN });
  const claims: Experiment["claims"] = ["rows", "none"].map((metric) => ({
    text: metric,
    expected: "",
    judge: (measured) => ({ status: "held", measured: measured.values("fast", metric).join() }),
  }));
  const [experiment] = (await suite({ experiments: [changed({ metrics, claims })] })).experiments;
  assert.deepEqual(
    experiment.claims.map(({ status }) => status),
    ["held", "failed"],
  );
});

test("a claim about a design that the tank's plan leaves out is not made there", async () => {
  const plan = { ...sampleExperiment.tanks.simulation.full, designs: ["slow"] };
  const tanks = { ...sampleExperiment.tanks, simulation: { full: plan, quick: plan } };
  const [experiment] = (await suite({ experiments: [changed({ tanks })] })).experiments;
  assert.deepEqual(experiment.claims, []);
});

test("a run with a disturbed generator is repeated once, and says so", async () => {
  let runs = 0;
  const disturbed: Runner = (order) => {
    const run = fakeRun(order);
    const valid = ++runs % 2 === 0;
    return Promise.resolve({
      ...run,
      generator: { ...run.generator, valid, reasons: valid ? [] : ["sends were late"] },
    });
  };
  const [experiment] = (await suite({}, disturbed)).experiments;
  assert.equal(runs, 12);
  assert.equal(experiment.status, "held");
  assert.deepEqual(experiment.designs[0].runs[0].generator.reasons, ["repeated, because at first sends were late"]);
});

test("a misspelt design or figure fails its claim and never passes", async () => {
  const judge = (design: string, metric: string) =>
    changed({
      claims: [
        {
          text: "",
          expected: "",
          judge: (measured) => ({ status: "held", measured: String(measured.values(design, metric).length) }),
        },
      ],
    });
  const claimOf = async (design: string, metric: string) =>
    (await suite({ experiments: [judge(design, metric)] })).experiments[0].claims[0];
  assert.equal((await claimOf("fast", "p50Ms")).status, "held");
  assert.match((await claimOf("fats", "p50Ms")).measured, /no design "fats"; expected one of slow, fast/);
  assert.match((await claimOf("fast", "p50")).measured, /no figure "p50"; it has .*p50Ms/);
  assert.equal((await claimOf("fats", "p50Ms")).status, "failed");
});

test("a baseline of zero has no ratio; the verdict is a sentence without one", async () => {
  const headline = { ...sampleExperiment.headline, metric: "throttledShare" };
  const verdictWith = async (sentence: Experiment["headline"]["sentence"]) =>
    (await suite({ experiments: [changed({ headline: { ...headline, sentence } })] })).experiments[0].verdict;
  const plain = await verdictWith(() => "Neither throttles.");
  assert.equal(plain.sentence, "Neither throttles.");
  assert.equal(plain.ratio, undefined);
  const needsRatio = await verdictWith((_, ratio) => `It is ${ratio.value} times as much.`);
  assert.equal(needsRatio.sentence, "throttledShare was 0 with fast and 0 with slow; no ratio exists.");
});

test("a design left out on the command line leaves its claims undecided and the verdict open", async () => {
  const [experiment] = (await suite({ designs: ["slow"] })).experiments;
  assert.equal(experiment.claims[0].status, "undecided");
  assert.equal(experiment.status, "undecided");
  assert.match(experiment.verdict.sentence, /design fast was not run/);
});

test("an abort keeps what was finished and marks it", async () => {
  const stop = new AbortController();
  let runs = 0;
  const results = await suite({ signal: stop.signal, experiments: [sampleExperiment, sampleExperiment] }, (order) => {
    if (++runs === 4) {
      stop.abort();
      return Promise.reject(new Interrupted("stopped"));
    }
    return runFake(order, "simulation");
  });
  assert.equal(results.experiments.length, 1, "the second experiment never began");
  assert.equal(results.experiments[0].status, "interrupted");
  assert.equal(results.experiments[0].designs.flatMap(({ runs: kept }) => kept).length, 3);
  assert.ok(Value.Check(ResultsSchema, results));
});

test("a void run fails its experiment, says why, and the suite goes on", async () => {
  const results = await suite({ experiments: [sampleExperiment, sampleExperiment] }, (order) =>
    order.round === 1 ? Promise.reject(new Error("node 3 broke: applied > chosen")) : runFake(order, "simulation"),
  );
  assert.equal(results.experiments.length, 2);
  assert.equal(results.experiments[0].status, "failed");
  assert.match(results.experiments[0].claims.at(-1)!.measured, /round 1, seed \d+: node 3 broke/);
});

test("charts that cannot be drawn are a failed claim, not a lost suite", async () => {
  const charts = (): never => {
    throw new Error("no series");
  };
  const [experiment] = (await suite({ experiments: [changed({ charts })] })).experiments;
  assert.equal(experiment.status, "failed");
  assert.equal(experiment.claims.at(-1)!.measured, "no series");
});
