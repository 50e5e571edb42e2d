import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { second } from "../../backend/kernel/units.ts";
import { Recorder } from "../measure/recorder.ts";
import { GeneratorPool, type LoadHooks, type LoadTask } from "./threads-host.ts";

const task: LoadTask = {
  load: { kind: "constant", perSecond: 50 },
  forUs: 60 * second,
  seed: 3,
  calls: { clients: 4, timeoutUs: second },
  workload: { name: "items", parameters: {} },
  record: { forUs: 60 * second, warmUpUs: 0 },
  pace: "modest",
};

/** A service that answers each request with an error, which is an answer. */
async function service(t: { after(undo: () => void): void }): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function threadsOf(pool: GeneratorPool): Worker[] {
  return (pool as unknown as { pool: { threads: Worker[] } }).pool.threads;
}

for (const when of ["before the start", "in the middle"]) {
  test(`a generator thread that ends ${when} fails the run in words, at once, and the other thread stops`, async (t) => {
    const url = await service(t);
    const pool = new GeneratorPool(2);
    t.after(() => pool.close());
    const recorder = new Recorder(task.record);
    const end = (): void => void threadsOf(pool)[0].terminate();
    const hooks: LoadHooks = {
      target: () => ({ kind: "dynamodb", url }),
      onStart: () => undefined,
      onProgress: ({ offered }) => {
        if (when === "in the middle" && offered > 0) end();
      },
      startAt: () => {
        if (when === "before the start") end();
        return Promise.resolve(process.hrtime.bigint());
      },
    };
    const beganMs = performance.now();
    await assert.rejects(pool.run(task, recorder, hooks), /a generator thread ended/);
    assert.ok(performance.now() - beganMs < 10_000);
    // Half a load is no load: nothing of it is in the figures.
    assert.equal(recorder.totals.planned, 0);
  });
}

test("a start that cannot be agreed on fails the run and lets the threads go", async (t) => {
  const url = await service(t);
  const pool = new GeneratorPool(2);
  t.after(() => pool.close());
  const hooks: LoadHooks = {
    target: () => ({ kind: "dynamodb", url }),
    onStart: () => assert.fail("it began"),
    onProgress: () => undefined,
    startAt: () => Promise.reject(new Error("the start has passed")),
  };
  await assert.rejects(pool.run(task, new Recorder(task.record), hooks), /the start has passed/);
  // The same threads take the next load; a null start is one that never comes.
  const outcome = await pool.run(task, new Recorder(task.record), { ...hooks, startAt: () => Promise.resolve(null) });
  assert.equal(outcome.finished, false);
});
