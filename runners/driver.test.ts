import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../backend/api.ts";
import { Random } from "../backend/kernel/random.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import type { CallPolicy } from "../backend/policies/call.ts";
import { FakeBackend, worked, workSessions, type Respond } from "./hosts/fake-backend.ts";
import { SimulationHost } from "./hosts/simulation-host.ts";
import { standardMetrics } from "./measure/metrics.ts";
import { Recorder } from "./measure/recorder.ts";
import { createSchedule } from "./schedule.ts";
import type { LoadShape } from "./experiment.ts";
import type { Workload } from "../workloads/workload.ts";

const patient: CallPolicy = { clients: 1, timeoutUs: 60 * second };
const throttled: Answer = { kind: "refused", code: "throttled", message: "" };
const failed: Answer = { kind: "refused", code: "condition-failed", message: "" };

interface Setting {
  readonly respond: Respond;
  readonly load: LoadShape;
  readonly forUs: number;
  readonly warmUpUs?: number;
  readonly calls?: CallPolicy;
  readonly workload?: Workload;
  readonly seed?: number;
}

function drive({ respond, load, forUs, warmUpUs = 0, calls = patient, workload = workSessions(), seed = 1 }: Setting) {
  const backend = new FakeBackend(respond);
  const recorder = new Recorder({ forUs, warmUpUs, goodWithinUs: calls.deadlineUs });
  const schedule = createSchedule(load, forUs, seed);
  const host = new SimulationHost(backend, { schedule, workload, calls, seed, forUs, recorder });
  host.run(forUs + 600 * second);
  assert.ok(host.driver.finished, "the driver did not finish");
  return { backend, recorder, metrics: standardMetrics(recorder), history: host.driver.history };
}

const after =
  (us: number, answer: Answer = worked): Respond =>
  (_, nowUs) => ({ atUs: nowUs + us, answer });

const once: LoadShape = { kind: "constant", perSecond: 1 };

test("coordinated omission: a server frozen 1 s in every 10 s shows p99 = 900 ms and p99.9 = 990 ms", () => {
  // P(latency > x) = 0.1 (1 - x) for x < 1 s: the freeze is met by a tenth of the load, uniformly over its second.
  const respond: Respond = (_, nowUs) => {
    const phase = nowUs % (10 * second);
    const frozen = phase >= 5 * second && phase < 6 * second;
    return { atUs: frozen ? nowUs - phase + 6 * second : nowUs + 15, answer: worked };
  };
  const { metrics, recorder } = drive({ respond, load: { kind: "constant", perSecond: 1_000 }, forUs: 30 * second });
  assert.equal(recorder.totals.sent, 30_000);
  assert.equal(metrics.p50Ms, 0.015);
  assert.ok(Math.abs(metrics.p99Ms / 900 - 1) < 0.01, `p99 ${metrics.p99Ms}`);
  assert.ok(Math.abs(metrics.p999Ms / 990 - 1) < 0.01, `p99.9 ${metrics.p999Ms}`);
});

test("coordinated omission hides in the service time of sequential steps, and only there", () => {
  // Step 2 is meant to start 10 ms after step 1, whose answer takes 1 s: 990 ms of latency it would never see from its send.
  let requests = 0;
  const respond: Respond = (_, nowUs) => ({ atUs: nowUs + (requests++ % 2 === 0 ? second : 5), answer: worked });
  const workload = workSessions(2, 10 * millisecond);
  const { metrics, recorder } = drive({ respond, load: once, forUs: 60 * second, workload });
  assert.ok(Math.abs(metrics.p50Ms - 990) <= 1, `${metrics.p50Ms}`);
  assert.ok(Math.abs(metrics.serviceP50Ms - 0.005) < 1e-9, `${metrics.serviceP50Ms}`);
  assert.equal(recorder.lateness.max, 0, "waiting for an answer is no lateness of the generator");
});

test("M/M/1: driver, Poisson arrivals and an exponential server agree with theory", () => {
  const random = new Random(17);
  let freeUs = 0;
  const respond: Respond = (_, nowUs) => {
    freeUs = Math.max(freeUs, nowUs) + random.exponential(1_000);
    return { atUs: Math.round(freeUs), answer: worked };
  };
  const load: LoadShape = { kind: "poisson", perSecond: 700 };
  const { metrics } = drive({ respond, load, forUs: 400 * second, warmUpUs: 20 * second });
  // The time in system is exponential with rate mu - lambda = 300/s.
  const theory = (q: number): number => (-Math.log(1 - q) / 300) * 1_000;
  assert.ok(Math.abs(metrics.meanMs / (1_000 / 300) - 1) < 0.05, `mean ${metrics.meanMs}`);
  assert.ok(Math.abs(metrics.p50Ms / theory(0.5) - 1) < 0.05, `p50 ${metrics.p50Ms}`);
  assert.ok(Math.abs(metrics.p99Ms / theory(0.99) - 1) < 0.08, `p99 ${metrics.p99Ms}`);
  // Little: operations in the system = arrival rate times time in the system = rho / (1 - rho).
  const inSystem = (metrics.offeredPerSecond * metrics.meanMs) / 1_000;
  assert.ok(Math.abs(inSystem / (0.7 / 0.3) - 1) < 0.08, `L ${inSystem}`);
});

test("transcript: a retried operation", () => {
  const answers = [throttled, null, worked];
  const backoff = { kind: "exponential", baseUs: 100, capUs: 10_000 } as const;
  const { backend, recorder, history } = drive({
    respond: (_, nowUs) => {
      const answer = answers.shift()!;
      return answer === null ? null : { atUs: nowUs + 7, answer };
    },
    load: once,
    forUs: second,
    calls: { clients: 1, timeoutUs: 1_000, deadlineUs: 50_000, retry: { attempts: 3, backoff } },
  });
  // Refused at 7, again after 100 * 2; times out 1,000 later, again after 100 * 4; answered 7 later.
  assert.deepEqual(
    backend.received.map(({ atUs }) => atUs),
    [0, 207, 1_607],
  );
  assert.deepEqual(
    backend.received.map(({ request }) => request.kind === "work" && request.timeoutUs),
    [1_000, 1_000, 1_000],
  );
  assert.equal(recorder.operations()[0].attempts, 3);
  assert.deepEqual(history, [
    { arrival: 0, step: 0, startUs: 0, endUs: 1_614, outcome: "ok", fact: { kind: "worked", answers: 1 }, attempts: 3 },
  ]);
});

test("a refusal does not undo an attempt that timed out: the operation is unknown", () => {
  const answers = [null, failed];
  const { recorder } = drive({
    respond: (_, nowUs) => {
      const answer = answers.shift()!;
      return answer === null ? null : { atUs: nowUs + 7, answer };
    },
    load: once,
    forUs: second,
    calls: { clients: 1, timeoutUs: 1_000, retry: { attempts: 3, backoff: { kind: "none" } } },
  });
  assert.deepEqual(recorder.operations()[0].unknown, { timeout: 1 });
  assert.deepEqual(recorder.operations()[0].refused, {});
});

test("what would be refused again is not tried again", () => {
  const calls: CallPolicy = { clients: 1, timeoutUs: 1_000, retry: { attempts: 5, backoff: { kind: "none" } } };
  const { backend, recorder } = drive({ respond: after(5, failed), load: once, forUs: second, calls });
  assert.equal(backend.received.length, 1);
  assert.deepEqual(recorder.operations()[0].refused, { "condition-failed": 1 });
  const again = drive({ respond: after(5, throttled), load: once, forUs: second, calls });
  assert.equal(again.backend.received.length, 5);
  assert.equal(again.metrics.attemptsPerOperation, 5);
});

test("a deadline cuts the last attempt's patience and travels with each attempt", () => {
  const { backend, recorder, history } = drive({
    respond: () => null,
    load: once,
    forUs: second,
    calls: { clients: 1, timeoutUs: 1_000, deadlineUs: 2_500, retry: { attempts: 9, backoff: { kind: "none" } } },
  });
  assert.deepEqual(
    backend.received.map(({ request }) => request.kind === "work" && request.timeoutUs),
    [1_000, 1_000, 500],
  );
  assert.equal(history[0].endUs, 2_500);
  assert.deepEqual(recorder.operations()[0].unknown, { timeout: 1 });
});

test("answers to attempts given up are ignored, and counted", () => {
  const calls: CallPolicy = { clients: 1, timeoutUs: 1_000, retry: { attempts: 2, backoff: { kind: "none" } } };
  const { recorder } = drive({ respond: after(5_000), load: once, forUs: 10 * second, calls });
  assert.equal(recorder.totals.unknown, 10);
  assert.equal(recorder.totals.lateAnswers, 20);
});

test("the late answer to a first attempt is not taken for the second's, which is still under way", () => {
  const calls: CallPolicy = { clients: 1, timeoutUs: 1_000, retry: { attempts: 2, backoff: { kind: "none" } } };
  const { recorder } = drive({ respond: after(1_500), load: once, forUs: second, calls });
  assert.deepEqual(recorder.operations()[0].unknown, { timeout: 1 });
  assert.equal(recorder.totals.lateAnswers, 2);
});

test("a breaker refuses in the client, and the refused operations are counted as such", () => {
  const breaker = { windowUs: second, buckets: 10, minimumRequests: 20, errorShare: 0.5, openUs: second };
  const { backend, recorder, metrics } = drive({
    respond: () => null,
    load: { kind: "constant", perSecond: 100 },
    forUs: 10 * second,
    calls: { clients: 1, timeoutUs: 100 * millisecond, breaker },
  });
  assert.ok(backend.received.length < 300, `${backend.received.length} of 1,000 were sent`);
  assert.ok(metrics.breakerOpenShare > 0.7);
  assert.equal(recorder.totals.sent, 1_000);
});

test("sessions think from intended start to intended start and end with the load", () => {
  const workload = workSessions(5, 100 * millisecond);
  const { backend, history } = drive({ respond: after(30_000), load: once, forUs: 1_250 * millisecond, workload });
  const times = backend.received.map(({ atUs }) => atUs / millisecond);
  // The second session begins at 1,000 and is cut at 1,250, when its fourth step would begin at 1,300.
  assert.deepEqual(times, [0, 100, 200, 300, 400, 1_000, 1_100, 1_200]);
  assert.deepEqual(
    history.map(({ step }) => step),
    [0, 1, 2, 3, 4, 0, 1, 2],
  );
  assert.equal(history[7].fact.answers, 3, "the session saw the answer of the step the load ended on");
});

test("records are pooled: a long load holds no more of them than operations at once", () => {
  const backend = new FakeBackend(after(10_000));
  const forUs = 20 * second;
  const recorder = new Recorder({ forUs, warmUpUs: 0 });
  const schedule = createSchedule({ kind: "constant", perSecond: 1_000 }, forUs, 1);
  const workload = workSessions();
  const host = new SimulationHost(backend, { schedule, workload, calls: patient, seed: 1, forUs, recorder });
  let most = 0;
  for (let at = 0; at < forUs; at += 5_000) {
    host.run(at);
    most = Math.max(most, host.driver.underWay);
  }
  assert.ok(most <= 11, `${most} under way`);
});

test("equal seeds ask equal questions at equal times", () => {
  const trace = (seed: number): unknown =>
    drive({ respond: after(300), load: { kind: "poisson", perSecond: 200 }, forUs: 3 * second, seed }).backend.received;
  assert.deepEqual(trace(5), trace(5));
  assert.notDeepEqual(trace(5), trace(6));
});
