import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Alarms } from "./alarms.ts";
import { CoreTimers } from "./core-timers.ts";
import { RunClock } from "./run-clock.ts";

test("alarms ring in order of time, then of setting, and may set others", () => {
  const alarms = new Alarms();
  const rung: string[] = [];
  alarms.at(20, () => rung.push("c"));
  alarms.at(10, () => {
    rung.push("a");
    alarms.at(10, () => rung.push("a's"));
    alarms.at(30, () => rung.push("later"));
  });
  alarms.at(10, () => rung.push("b"));
  assert.equal(alarms.earliest, 10);
  alarms.run(20);
  assert.deepEqual(rung, ["a", "b", "a's", "c"]);
  assert.deepEqual([alarms.size, alarms.earliest], [1, 30]);
});

test("a timer fires once, when due, with its key; a disarmed one never", () => {
  const timers = new CoreTimers();
  const late = timers.arm(30, "late", 1);
  const gone = timers.arm(10, "gone", 2);
  timers.arm(20, "due", 3);
  timers.disarm(gone);
  timers.disarm(0);
  assert.deepEqual(timers.takeDue(25), { timer: "due", key: 3 });
  assert.equal(timers.takeDue(25), undefined);
  assert.deepEqual(timers.takeDue(30), { timer: "late", key: 1 });
  timers.disarm(late);
  assert.equal(timers.earliest, Infinity);
  assert.ok(late !== 0 && gone !== 0);
});

test("all threads read one clock", async () => {
  const epoch = process.hrtime.bigint();
  const here = new RunClock(epoch);
  const script =
    `const { workerData, parentPort } = require("node:worker_threads");` +
    `import(${JSON.stringify(new URL("./run-clock.ts", import.meta.url).href)}).then(({ RunClock }) => {` +
    `const clock = new RunClock(workerData); parentPort.on("message", () => parentPort.postMessage(clock.now())); });`;
  const worker = new Worker(script, { eval: true, workerData: epoch });
  const answers: number[] = [];
  for (let i = 0; i < 20; i++) {
    const before = here.now();
    worker.postMessage("now?");
    const there = await new Promise<number>((resolve) => worker.once("message", resolve));
    // Two clocks with one zero agree to the rounding of a microsecond.
    assert.ok(before - 2 <= there && there <= here.now() + 2, `asked at ${before}, read ${there}, now ${here.now()}`);
    answers.push(there);
  }
  assert.deepEqual(
    answers,
    answers.toSorted((a, b) => a - b),
  );
  await worker.terminate();
});
