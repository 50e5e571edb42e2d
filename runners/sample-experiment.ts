/** A small experiment for tests: a slow and a fast station, one claim that holds, and a headline. */
import type { Deployment } from "../backend/api.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import { second } from "../backend/kernel/units.ts";
import { atLeast, describeEstimate } from "./compare/judge.ts";
import type { Design, Experiment, TankPlan } from "./experiment.ts";
import type { SuiteOptions } from "./suite-types.ts";

function station(serviceUs: number): Deployment {
  return {
    topology: oneRegion(1),
    service: {
      kind: "station",
      servers: 1,
      serviceUs,
      service: "fixed",
      discipline: "fifo",
      queueLimit: 1_000,
      dropExpired: false,
    },
    durability: "none",
  };
}

function design(title: string, serviceUs: number): Design {
  return {
    title,
    description: `Each piece of work takes ${serviceUs} us.`,
    deployment: station(serviceUs),
    workload: { name: "work", parameters: {} },
    calls: { clients: 4, timeoutUs: second },
  };
}

const plan: TankPlan = {
  load: { kind: "poisson", perSecond: 200 },
  forUs: 20 * second,
  warmUpUs: 2 * second,
  rounds: 3,
  faults: [
    { atUs: 4 * second, fault: { kind: "slow", nodes: [0], factor: 1 } },
    { atUs: 8 * second, fault: { kind: "heal" } },
  ],
};

export const sampleExperiment: Experiment = {
  name: "sample",
  title: "Slow and fast stations",
  question: "Is a station that works twice as fast answered sooner?",
  source: "A test",
  designs: { slow: design("Slow", 2_000), fast: design("Fast", 1_000) },
  tanks: { simulation: { full: plan, quick: plan }, threads: { full: plan, quick: plan } },
  headline: {
    metric: "p50Ms",
    baseline: "slow",
    candidate: "fast",
    better: "lower",
    sentence: (_, ratio) => `The fast station answers in ${describeEstimate(ratio, "times")} the time.`,
  },
  claims: [
    {
      text: "Both are offered the load",
      expected: "at least 150/s",
      judge: (measured) => atLeast(measured.values("fast", "offeredPerSecond"), 150, "/s"),
    },
  ],
  charts: () => [],
};

export const sampleOptions: SuiteOptions = {
  experiments: [sampleExperiment],
  tanks: ["simulation"],
  quick: false,
  seed: 1,
  overrides: [],
  target: { kind: "direct" },
  rerun: "npm run bench -- sample",
};
