import assert from "node:assert/strict";
import { test } from "node:test";
import { oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import type { Design } from "./experiment.ts";
import type { RunResult } from "./results.ts";
import { Interrupted } from "./run-order.ts";
import { runInSimulation } from "./run-simulation.ts";
import { applySettings } from "./settings.ts";
import { sampleExperiment, sampleOptions } from "./sample-experiment.ts";

const settled = applySettings(sampleExperiment, "simulation", { ...sampleOptions, forS: 5 });

const items: Design = {
  title: "Items",
  description: "A replicated table",
  deployment: {
    topology: oneRegion(3),
    service: { kind: "tables", virtualNodes: 20, quorumTimeoutUs: 500 * millisecond },
    durability: "log",
  },
  workload: { name: "items", parameters: { keys: "uniform:50", strict: true } },
  calls: {
    clients: 10,
    timeoutUs: second,
    retry: { attempts: 3, backoff: { kind: "full-jitter", baseUs: 10_000, capUs: 200_000 } },
  },
};

function run(design: Design, seed: number, signal?: AbortSignal, faults = settled.faults): Promise<RunResult> {
  return runInSimulation({
    design,
    settled: { ...settled, faults },
    round: 0,
    seed,
    target: { kind: "direct" },
    slices: 1,
    signal,
    onProgress: () => undefined,
  });
}

test("equal seeds give equal runs to the last figure; another seed another run", async () => {
  const figures = ({ metrics, timeline, operations, counters, trace }: RunResult): unknown => {
    return { metrics, timeline, operations, counters, digest: trace?.digest, events: trace?.events };
  };
  const [first, again, other] = [await run(items, 7), await run(items, 7), await run(items, 8)];
  assert.deepEqual(figures(first), figures(again));
  assert.notEqual(first.trace?.digest, other.trace?.digest);
});

test("a replicated table under a crash: nothing acknowledged is lost, and what was refused or unknown is counted", async () => {
  const faults = [
    { atUs: second, fault: { kind: "crash", nodes: [1] } },
    { atUs: 3 * second, fault: { kind: "restart", nodes: [1] } },
  ] as const;
  const result = await run(items, 3, undefined, faults);
  assert.deepEqual(result.check.violations, [], "seed 3");
  assert.ok(result.check.held && result.check.examined > 500);
  assert.ok(result.generator.valid);
  assert.equal(result.generator.latenessMaxUs, 0);
  const { okShare, refusedShare, unknownShare } = result.metrics;
  assert.ok(Math.abs(okShare + refusedShare + unknownShare - 1) < 1e-9);
  assert.ok(okShare > 0.95, `${okShare}`);
});

test("an interruption ends a run under way", async () => {
  const stop = new AbortController();
  const long = { ...settled, forUs: 100_000 * second };
  const running = runInSimulation({
    design: sampleExperiment.designs.fast,
    settled: long,
    round: 0,
    seed: 1,
    target: { kind: "direct" },
    slices: 1,
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  await assert.rejects(running, Interrupted);
});
