import assert from "node:assert/strict";
import { test } from "node:test";
import { second } from "../backend/kernel/units.ts";
import { UsageError } from "./command-error.ts";
import { planSuite } from "./plan.ts";
import { parametersOf } from "./parameters.ts";
import { applySettings, checkSizes, flatten } from "./settings.ts";
import { sampleExperiment, sampleOptions } from "./sample-experiment.ts";

const settle = (change: Partial<Parameters<typeof applySettings>[2]>) =>
  applySettings(sampleExperiment, "simulation", { ...sampleOptions, ...change });

const usage = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UsageError);
  assert.match([error.what, error.got, error.expected, error.fix].join("; "), pattern);
  return true;
};

test("--set replaces one leaf and leaves the rest", () => {
  const changed = settle({
    overrides: [
      { path: "designs.slow.deployment.service.serviceUs", value: 9_000 },
      { path: "load.perSecond", value: 50 },
      { path: "rounds", value: 5 },
    ],
  });
  assert.equal(flatten(changed)["designs.slow.deployment.service.serviceUs"], 9_000);
  assert.equal(flatten(changed)["designs.fast.deployment.service.serviceUs"], 1_000);
  assert.deepEqual(changed.load, { kind: "poisson", perSecond: 50 });
  assert.equal(changed.rounds, 5);
  assert.equal(flatten(settle({}))["designs.slow.deployment.service.serviceUs"], 2_000, "the experiment is unchanged");
});

test("* in a path stands for every design, and optional members may be set", () => {
  const changed = settle({ overrides: [{ path: "designs.*.calls.deadlineUs", value: 7 }] });
  assert.equal(changed.designs.fast.calls.deadlineUs, 7);
  assert.equal(changed.designs.slow.calls.deadlineUs, 7);
});

test("a path that leads nowhere is refused and the near ones are named", () => {
  const overrides = [{ path: "designs.slow.deployment.service.servceUs", value: 1 }];
  assert.throws(
    () => planSuite({ ...sampleOptions, overrides }),
    usage(/leads nowhere.*near it: designs\.slow\.deployment\.service\.serviceUs/s),
  );
});

test("a value of another type is refused", () => {
  assert.throws(
    () => settle({ overrides: [{ path: "rounds", value: "many" }] }),
    usage(/"many", a string; a number like 3/),
  );
});

test("a tank's plan may choose designs and tell the story in another time", () => {
  const scaled = {
    ...sampleExperiment,
    tanks: {
      ...sampleExperiment.tanks,
      threads: {
        full: { ...sampleExperiment.tanks.threads.full, designs: ["fast"], timeScale: 0.2 },
        quick: sampleExperiment.tanks.threads.quick,
      },
    },
  };
  const { designs } = applySettings(scaled, "threads", sampleOptions);
  assert.deepEqual(Object.keys(designs), ["fast"]);
  assert.equal(flatten(designs)["fast.deployment.service.serviceUs"], 200);
  assert.equal(designs.fast.calls.timeoutUs, 200_000);
  assert.equal(designs.fast.calls.clients, 4);
  assert.equal(sampleExperiment.designs.fast.calls.timeoutUs, 1_000_000);
});

test("what cannot run is refused before anything runs", () => {
  const planned = (path: string, value: unknown) => () => planSuite({ ...sampleOptions, overrides: [{ path, value }] });
  assert.throws(planned("load.perSecond", -5), usage(/out of range; load poisson: got a rate of -5 a second/));
  assert.throws(planned("designs.slow.calls.timeoutUs", 0), usage(/out of range; calling policy: timeoutUs is 0/));
  assert.throws(planned("designs.slow.workload.name", "wrok"), /no workload of that name; got wrok/);
});

test("--for scales everything that has a time; --rate keeps the shape; --design chooses", () => {
  const longer = settle({ forS: 40 });
  assert.equal(longer.forUs, 40 * second);
  assert.equal(longer.warmUpUs, 4 * second);
  assert.deepEqual(
    longer.faults.map(({ atUs }) => atUs / second),
    [8, 16],
  );
  assert.deepEqual(settle({ rate: 9 }).load, { kind: "poisson", perSecond: 9 });
  assert.deepEqual(Object.keys(settle({ designs: ["fast"] }).designs), ["fast"]);
  assert.throws(() => settle({ designs: ["fastest"] }), usage(/no design of that name.*one of slow, fast/s));
});

test("--arrivals replaces the load as it was typed, whatever --for says, and --rate then its rate", () => {
  const load = (options: object): unknown => settle(options).load;
  const wave = { kind: "sine", perSecond: 90, amplitudePerSecond: 40, periodUs: 10_000_000 };
  assert.deepEqual(load({ arrivals: "sine:90:40:10s", forS: 3 }), wave);
  const halved = { ...wave, perSecond: 45, amplitudePerSecond: 20 };
  assert.deepEqual(load({ arrivals: "sine:90:40:10s", rate: 45 }), halved);
});

test("--sizes replaces the bytes of values, and is refused where nothing writes any", () => {
  const workload = { name: "items", parameters: { valueBytes: 100 } };
  const sized = { ...sampleExperiment, designs: { slow: { ...sampleExperiment.designs.slow, workload } } };
  const settled = applySettings(sized, "simulation", { ...sampleOptions, sizes: "log-normal:800:1.2" });
  const wanted = { kind: "log-normal", median: 800, sigma: 1.2 };
  assert.deepEqual(settled.designs.slow.workload.parameters.valueBytes, wanted);
  assert.doesNotThrow(() => checkSizes([settled], "etc"));
  assert.throws(() => checkSizes([settle({ sizes: "etc" })], "etc"), /changes nothing/);
});

test("--keys replaces the distribution and keeps how many keys there are, unless it says", () => {
  const keyed = (keys: unknown) => ({
    ...sampleExperiment,
    designs: { slow: { ...sampleExperiment.designs.slow, workload: { name: "items", parameters: { keys } } } },
  });
  const keysWith = (before: unknown, text: string): unknown =>
    applySettings(keyed(before), "simulation", { ...sampleOptions, keys: text }).designs.slow.workload.parameters.keys;
  assert.deepEqual(keysWith("uniform:50", "zipf:0.7"), "zipf:0.7:50");
  assert.deepEqual(keysWith({ kind: "uniform", keys: 60 }, "zipf:0.7"), "zipf:0.7:60");
  assert.deepEqual(keysWith("uniform:50", "zipf:0.7:9"), "zipf:0.7:9");
  assert.throws(() => planSuite({ ...sampleOptions, keys: "zipf:0.7" }), usage(/changes nothing/));
});

test("rounds interleave: every design once a round, in an order drawn for it, all with its seed", () => {
  const [{ runs }] = planSuite({ ...sampleOptions, overrides: [{ path: "rounds", value: 40 }] });
  const orders = new Set<string>();
  for (let round = 0; round < 40; round++) {
    const pair = runs.slice(round * 2, round * 2 + 2);
    assert.deepEqual(pair.map(({ item }) => item.design).toSorted(), ["fast", "slow"]);
    assert.ok(pair.every(({ item }) => item.round === round));
    assert.equal(pair[0].seed, pair[1].seed);
    orders.add(pair[0].item.design);
  }
  assert.equal(orders.size, 2, "some rounds begin with one design and some with the other");
  assert.equal(new Set(runs.map(({ seed }) => seed)).size, 40);
});

test("parameters are what designs share and what differs, each path once", () => {
  const { shared, differs } = parametersOf(settle({}));
  assert.equal(shared["deployment.service.servers"], 1);
  assert.equal(shared["deployment.topology.nodes"], "1 nodes: r1-z1 1");
  assert.deepEqual(differs, {
    slow: { "deployment.service.serviceUs": 2_000 },
    fast: { "deployment.service.serviceUs": 1_000 },
  });
});

test("an experiment whose plan names no design is left out of that tank, and asked for alone it is refused", () => {
  const { simulation, threads } = sampleExperiment.tanks;
  const plan = { ...threads.full, designs: [] };
  const experiment = { ...sampleExperiment, tanks: { simulation, threads: { full: plan, quick: plan } } };
  const planned = planSuite({ ...sampleOptions, experiments: [experiment], tanks: ["simulation", "threads"] });
  assert.deepEqual(
    planned.map(({ tank }) => tank),
    ["simulation"],
  );
  assert.throws(
    () => planSuite({ ...sampleOptions, experiments: [experiment], tanks: ["threads"] }),
    usage(/no design of the chosen experiments runs in that tank/),
  );
});
