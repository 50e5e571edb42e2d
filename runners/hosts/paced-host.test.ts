import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import type { Answer } from "../../backend/api.ts";
import { millisecond } from "../../backend/kernel/units.ts";
import type { CallPolicy } from "../../backend/policies/call.ts";
import { Recorder } from "../measure/recorder.ts";
import { createSchedule } from "../schedule.ts";
import type { Target } from "../targets/target.ts";
import { worked, workSessions } from "./fake-backend.ts";
import { PacedHost, type Pace } from "./paced-host.ts";
import { ShortSleep } from "./short-sleep.ts";

/** Answers each attempt in the next turn of the event loop, or never. */
class EchoTarget implements Target {
  onAnswer: (attempt: number, answer: Answer) => void = () => undefined;
  submitted = 0;
  private readonly answers: boolean;

  constructor(answers: boolean) {
    this.answers = answers;
  }

  submit(attempt: number): void {
    this.submitted++;
    if (this.answers) setImmediate(() => this.onAnswer(attempt, worked));
  }

  flush(): void {
    // Nothing is held back.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function host(pace: Pace, answers: boolean, calls: CallPolicy, perSecond = 2_000, sleep?: ShortSleep) {
  const forUs = 200 * millisecond;
  const recorder = new Recorder({ forUs, warmUpUs: 0 });
  const target = new EchoTarget(answers);
  const schedule = createSchedule({ kind: "constant", perSecond }, forUs, 1);
  const paced = new PacedHost(
    target,
    pace,
    { schedule, workload: workSessions(), calls, seed: 1, forUs, recorder },
    sleep,
  );
  return { paced, recorder, target };
}

for (const pace of ["eager", "modest"] as const) {
  test(`an ${pace} pacer sends every operation, none before its time`, async () => {
    const { paced, recorder, target } = host(pace, true, { clients: 1, timeoutUs: 1_000_000 });
    const { finished } = await paced.run(performance.now() + 10);
    assert.ok(finished);
    assert.equal(target.submitted, 400);
    assert.equal(recorder.totals.ok, 400);
    assert.equal(recorder.totals.dropped, 0);
    // No bound on lateness here: what else this machine does is not the pacer's.
    assert.equal(recorder.lateness.count, 400);
  });
}

test("an attempt that is never answered times out in real time and is tried again after its backoff", async () => {
  const calls: CallPolicy = {
    clients: 1,
    timeoutUs: 20 * millisecond,
    retry: { attempts: 2, backoff: { kind: "exponential", baseUs: 5 * millisecond, capUs: 10 * millisecond } },
  };
  const { paced, recorder, target } = host("modest", false, calls, 50);
  const startMs = performance.now();
  await paced.run(startMs);
  assert.equal(target.submitted, 20);
  assert.equal(recorder.totals.unknown, 10);
  assert.ok(performance.now() - startMs >= 180 + 20 + 10 + 20);
});

/** Holds what was submitted until the flush, then answers within a millisecond or two. */
class BatchingTarget extends EchoTarget {
  private held: number[] = [];

  constructor() {
    super(false);
  }

  override submit(attempt: number): void {
    super.submit(attempt);
    this.held.push(attempt);
  }

  override flush(): void {
    const batch = this.held;
    this.held = [];
    if (batch.length > 0) setTimeout(() => batch.forEach((attempt) => this.onAnswer(attempt, worked)), 1);
  }
}

test("a step that follows from an answer leaves at once, though the next arrival is far away", async () => {
  const forUs = 400 * millisecond;
  const recorder = new Recorder({ forUs, warmUpUs: 0 });
  const target = new BatchingTarget();
  const schedule = createSchedule({ kind: "constant", perSecond: 2.5 }, forUs, 1);
  const calls: CallPolicy = { clients: 1, timeoutUs: 300 * millisecond };
  const workload = workSessions(3);
  const paced = new PacedHost(target, "eager", { schedule, workload, calls, seed: 1, forUs, recorder });
  const startMs = performance.now();
  await paced.run(startMs);
  assert.deepEqual([target.submitted, recorder.totals.ok], [3, 3]);
  // The first timer of any kind fires at 298 ms: what was submitted did not wait for it.
  assert.ok(performance.now() - startMs < 250);
});

/** Whatever else runs on this machine. */
class TrustedSleep extends ShortSleep {
  override trusted(): boolean {
    return true;
  }
}

test("while nothing is under way the processor sleeps", async () => {
  const { paced } = host("eager", true, { clients: 1, timeoutUs: 1_000_000 }, 500, new TrustedSleep());
  const before = process.threadCpuUsage();
  const startMs = performance.now();
  await paced.run(startMs);
  const { user, system } = process.threadCpuUsage(before);
  const share = (user + system) / 1_000 / (performance.now() - startMs);
  assert.ok(share < 0.4, `${share} of a processor`);
});

test("a stop ends a run that would wait for an hour", async () => {
  const { paced } = host("modest", false, { clients: 1, timeoutUs: 3_600_000_000 });
  const run = paced.run(performance.now());
  setTimeout(() => paced.stop(), 30);
  assert.equal((await run).finished, false);
});
