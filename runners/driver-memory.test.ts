import assert from "node:assert/strict";
import { test } from "node:test";
import v8 from "node:v8";
import vm from "node:vm";
import { second, type Micros } from "../backend/kernel/units.ts";
import type { CallPolicy } from "../backend/policies/call.ts";
import type { Session } from "../workloads/workload.ts";
import { LoadDriver, type DriverHost } from "./driver.ts";
import { worked } from "./hosts/fake-backend.ts";
import { Recorder } from "./measure/recorder.ts";
import { createSchedule } from "./schedule.ts";

const forUs = 8 * second;
/** Longer than the load, so that a timeout which stays until it is due stays to the end. */
const patience: CallPolicy = { clients: 1, timeoutUs: 10 * second };
const silent = -1;

/** Virtual time; answers come in the order of the requests, after `answerUs`. It keeps what is unanswered and nothing else. */
class QueueHost implements DriverHost<null> {
  driver: LoadDriver<null, unknown> | null = null;
  mostUnderWay = 0;
  mostTimers = 0;
  private nowUs: Micros = 0;
  private readonly answerUs: Micros;
  private readonly attempts: Float64Array;
  private readonly dueUs: Float64Array;
  private head = 0;
  private tail = 0;

  constructor(answerUs: Micros) {
    this.answerUs = answerUs;
    this.attempts = new Float64Array(1_024);
    this.dueUs = new Float64Array(1_024);
  }

  now(): Micros {
    return this.nowUs;
  }

  send(attempt: number): void {
    if (this.answerUs === silent) return;
    assert.ok(this.tail - this.head < 1_024, "more is unanswered than the test has room for");
    const place = this.tail++ % 1_024;
    this.attempts[place] = attempt;
    this.dueUs[place] = this.nowUs + this.answerUs;
  }

  run(untilUs: Micros): void {
    const driver = this.driver!;
    for (;;) {
      const answerUs = this.head === this.tail ? Infinity : this.dueUs[this.head % 1_024];
      const nextUs = Math.min(driver.nextWakeUs, answerUs);
      if (nextUs > untilUs) return;
      this.nowUs = nextUs;
      if (answerUs === nextUs) driver.onAnswer(this.attempts[this.head++ % 1_024], worked);
      else driver.onWake();
      this.mostUnderWay = Math.max(this.mostUnderWay, driver.underWay);
      this.mostTimers = Math.max(this.mostTimers, driver.timersArmed);
    }
  }
}

const ask: Session<null, unknown> = {
  next: (previous) => (previous === null ? { operation: "ask", request: null, thinkUs: 0 } : null),
};

function begin(perSecond: number, answerUs: Micros, calls = patience): { host: QueueHost; recorder: Recorder } {
  const recorder = new Recorder({ forUs, warmUpUs: 0 });
  const schedule = createSchedule({ kind: "constant", perSecond }, forUs, 1);
  const host = new QueueHost(answerUs);
  const workload = { begin: () => ask };
  host.driver = new LoadDriver({ schedule, workload, calls, seed: 1, forUs, recorder }, host);
  return { host, recorder };
}

/** Bytes that the process keeps alive, buffers outside the heap included. */
function keptBytes(): number {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What a load keeps shortly before its end, with as much under way whatever its rate. */
function keptBy(perSecond: number): { bytes: number; ended: number } {
  const before = keptBytes();
  const { host, recorder } = begin(perSecond, (32 / perSecond) * second);
  host.run(forUs - second / 10);
  const bytes = keptBytes() - before;
  assert.ok(host.mostUnderWay <= 33, `${host.mostUnderWay} under way`);
  assert.ok(host.mostTimers <= host.mostUnderWay, `${host.mostTimers} timers`);
  return { bytes, ended: recorder.totals.ok };
}

test("memory is that of what is under way: 250,000 operations keep no more than 25,000", () => {
  // Once unmeasured: what is compiled and grown the first time stays.
  keptBy(3_125);
  const few = keptBy(3_125);
  const many = keptBy(31_250);
  assert.ok(few.ended > 24_000 && many.ended > 240_000, `${few.ended} and ${many.ended} operations`);
  const grown = many.bytes - few.bytes;
  // A byte an operation would be 225,000.
  assert.ok(grown < 225_000, `${many.bytes} bytes kept by ${many.ended} operations, ${few.bytes} by ${few.ended}`);
});

test("every timeout that is armed is somebody's: at 30,000/s and 10 s of patience as many as are unanswered", () => {
  const quick = begin(30_000, 10_000);
  quick.host.run(forUs);
  assert.ok(quick.recorder.totals.ok >= 239_600, `${quick.recorder.totals.ok} answers`);
  assert.ok(quick.host.mostTimers <= 301, `${quick.host.mostTimers} timers`);
  // Nobody answers: then they are needed, and go with their attempts.
  const deaf = begin(1_000, silent, { clients: 1, timeoutUs: second });
  deaf.host.run(forUs);
  assert.equal(deaf.host.mostTimers, 1_000);
  deaf.host.run(forUs + second);
  assert.equal(deaf.host.driver?.timersArmed, 0);
  assert.equal(deaf.recorder.totals.unknown, 8_000);
});
