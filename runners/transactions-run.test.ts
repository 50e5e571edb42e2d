/** The runs behind the experiments on commit wait, with bugs planted: their checks and counts have to notice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { second } from "../backend/kernel/units.ts";
import { commitWait } from "../experiments/commit-wait.ts";
import type { RunResult } from "./results.ts";
import { runInSimulation } from "./run-simulation.ts";

function run(name: string, plant?: string): Promise<RunResult> {
  const design = commitWait.designs[name];
  const deployment = { ...design.deployment, plant };
  return runInSimulation({
    design: { ...design, deployment },
    settled: { ...commitWait.tanks.simulation.quick, forUs: 6 * second, warmUpUs: 0, designs: {} },
    round: 0,
    seed: 7,
    target: { kind: "direct" },
    slices: 1,
    onProgress: () => undefined,
  });
}

test("a wait that is skipped, or a timestamp that has passed already, is a broken promise", async () => {
  const sound = await run("wait7");
  assert.deepEqual([sound.check.held, sound.metrics["check.inversions"]], [true, 0]);
  for (const plant of ["commit-wait-skipped", "earliest-as-timestamp"]) {
    const { check, metrics } = await run("wait7", plant);
    assert.equal(check.held, false, plant);
    assert.match(check.violations[0], /has timestamp \d+, but write \d+, answered \d+ us before it began, has \d+/);
    assert(metrics["check.inversions"] > 0, plant);
  }
});

test("where nobody promises an order, what breaks it is counted and the check holds", async () => {
  const { check, metrics } = await run("off");
  assert.equal(check.held, true);
  assert(metrics["check.inversions"] + metrics["check.staleReads"] > 0);
});
