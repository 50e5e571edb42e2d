import assert from "node:assert/strict";
import { test } from "node:test";
import { oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { UsageError } from "./command-error.ts";
import type { Design } from "./experiment.ts";
import { GeneratorPool } from "./hosts/threads-host.ts";
import type { RunResult } from "./results.ts";
import { Interrupted } from "./run-order.ts";
import { runOnThreads } from "./run-threads.ts";
import { applySettings } from "./settings.ts";
import { sampleExperiment, sampleOptions } from "./sample-experiment.ts";
import type { RunOrder } from "./run-order.ts";

const settled = applySettings(sampleExperiment, "threads", { ...sampleOptions, forS: 1 });

const items: Design = {
  title: "Items",
  description: "A replicated table",
  deployment: {
    topology: oneRegion(3),
    service: { kind: "tables", virtualNodes: 20, quorumTimeoutUs: 2 * second },
    durability: "log",
  },
  workload: { name: "items", parameters: { keys: "uniform:50", slackUs: 5 * millisecond } },
  calls: { clients: 10, timeoutUs: 5 * second },
};

async function run(change: Partial<RunOrder>, slices = 1): Promise<RunResult> {
  const pool = new GeneratorPool(slices);
  try {
    return await runOnThreads(
      {
        design: items,
        settled,
        round: 0,
        seed: 5,
        target: { kind: "direct" },
        slices,
        onProgress: () => undefined,
        ...change,
      },
      pool,
    );
  } finally {
    await pool.close();
  }
}

// What this machine does meanwhile is not asserted: no bound on latency or lateness here.
for (const kind of ["direct", "dynamodb"] as const) {
  test(`a load through the ${kind} target: every operation has its outcome and the check holds`, async () => {
    const result = await run({ target: { kind } });
    assert.deepEqual(result.check.violations, []);
    assert.ok(result.check.held);
    assert.equal(result.generator.sent, result.generator.planned);
    const { ok } = result.timeline;
    assert.ok(ok.reduce((a, b) => a + b) > 100);
    assert.ok(result.metrics.okShare > 0.9, JSON.stringify(result.operations));
  });
}

test("two slices ask what one asks", async () => {
  const design = sampleExperiment.designs.fast;
  const one = await run({ design });
  const two = await run({ design }, 2);
  assert.equal(two.generator.planned, one.generator.planned);
  assert.equal(two.check.examined, one.check.examined);
  assert.ok(two.check.held);
});

test("faults are injected when due and undone afterwards", async () => {
  const faults = [{ atUs: 200 * millisecond, fault: { kind: "crash", nodes: [0] } }] as const;
  const result = await run({ settled: { ...settled, faults } });
  assert.deepEqual(result.check.violations, []);
  assert.ok(result.check.held);
});

test("an interruption ends a run under way", async () => {
  const stop = new AbortController();
  const long = { ...settled, forUs: 1_000 * second };
  const running = run({ settled: long, signal: stop.signal, onProgress: () => stop.abort() });
  await assert.rejects(running, Interrupted);
});

test("faults at somebody else's service are refused in words", async () => {
  const faults = [{ atUs: 1, fault: { kind: "crash", nodes: [0] } }] as const;
  const target = { kind: "dynamodb", url: "http://127.0.0.1:1" } as const;
  await assert.rejects(run({ settled: { ...settled, faults }, target }), UsageError);
});
