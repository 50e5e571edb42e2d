/** Clocks that poll, seen from where cores see them: commit wait and what it buys, in the simulation, by a core of thirty lines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "./api.ts";
import type { Core, CoreFactory, Env } from "./kernel/env.ts";
import type { FaultPlan } from "./kernel/fault.ts";
import type { PolledTime } from "./kernel/time-spec.ts";
import { cloudDelays, oneRegion } from "./kernel/topology.ts";
import { hour, millisecond, minute, second } from "./kernel/units.ts";
import { TrueTime } from "./protocols/truetime/true-time.ts";
import { after, commitWaitUs } from "./protocols/truetime/truetime.ts";
import { Simulation } from "./runtimes/simulation/simulation.ts";
import { createSimulation } from "./simulated.ts";

type StamperEnv = Env<never, "waited", { readonly kind: "ok"; readonly s: number }>;

/** Stamps each request by the start rule, s >= TT.now().latest, and answers when its time has passed, if it waits for that. */
class Stamper implements Core<never, "waited", boolean> {
  private readonly env: StamperEnv;
  private readonly stamps = new Map<number, number>();
  /** "above every earlier stamp of the leader" */
  private last = 0;

  constructor(env: StamperEnv) {
    this.env = env;
  }
  start(): void {}
  onMessage(): void {}
  check(): void {}
  onRequest(request: number, waits: boolean): void {
    this.last = Math.max(this.env.wall.latest, this.last + 1);
    this.stamps.set(request, this.last);
    if (waits) this.onTimer("waited", request);
    else this.env.reply(request, { kind: "ok", s: this.last });
  }
  onTimer(_timer: "waited", request: number): void {
    const s = this.stamps.get(request)!;
    if (after(this.env.wall, s)) this.env.reply(request, { kind: "ok", s });
    else this.env.after(commitWaitUs(this.env.wall, s), "waited", request);
  }
}

const stamper: CoreFactory = (env) =>
  new Stamper(env as unknown as StamperEnv) as unknown as Core<unknown, string, unknown>;

interface Outcome {
  readonly transactions: number;
  /** Times that a transaction begun after another's answer got no later stamp. */
  readonly violations: number;
  readonly meanUs: number;
}

/** One client asks one of five nodes after another, at random, for `forUs`. */
function transact(time: PolledTime, waits: boolean, forUs: number, faults: FaultPlan = []): Outcome {
  const simulation = new Simulation({
    topology: oneRegion(5, 1, cloudDelays),
    seed: 4,
    createCore: stamper,
    connection: { refused: { kind: "refused" }, lost: { kind: "lost" } },
    time: new TrueTime(time, 4),
  });
  let transactions = 0;
  let violations = 0;
  let totalUs = 0;
  let last = 0;
  const ask = (): void => {
    const begunUs = simulation.now;
    simulation.request(-1, waits, (answer) => {
      const { s } = answer as { readonly s: number };
      transactions++;
      totalUs += simulation.now - begunUs;
      if (s <= last) violations++;
      last = s;
      ask();
    });
  };
  ask();
  for (const { atUs, fault } of faults) simulation.at(atUs, () => simulation.inject(fault));
  simulation.run(forUs);
  return { transactions, violations, meanUs: totalUs / transactions };
}

const polled: PolledTime = { kind: "polled" };

test("commit wait costs 2 epsilon and leaves no violation of external consistency; without it there are some", () => {
  const waiting = transact(polled, true, 5 * minute);
  assert.equal(waiting.violations, 0, `of ${waiting.transactions}`);
  // 8 ms of waiting, and 0.1 ms to the node and back each.
  assert(Math.abs(waiting.meanUs / 8_200 - 1) < 0.03, `${waiting.meanUs} us on average`);
  const eager = transact(polled, false, minute);
  assert(eager.violations > eager.transactions / 100, `${eager.violations} of ${eager.transactions}`);
});

test("drift within the bound and without polls stays safe and gets slow; drift beyond it is caught", () => {
  const drift = (driftPpm: number): FaultPlan => [
    { atUs: second, fault: { kind: "clock", nodes: [2], stepUs: 0, driftPpm, polls: false } },
  ];
  const within = transact(polled, true, 10 * minute, drift(200));
  assert.equal(within.violations, 0, `of ${within.transactions}`);
  const beyond = transact(polled, true, 10 * minute, drift(600));
  assert(beyond.violations > 10, `${beyond.violations} of ${beyond.transactions}`);
});

test("a leap second as a step breaks the order of stamps; smeared it does not, and nobody waits a second for it", () => {
  const atUs = minute;
  const step = transact({ ...polled, leap: { kind: "step", atUs } }, true, 2 * minute);
  assert(step.violations > 0, `${step.violations} of ${step.transactions}`);
  const smeared = transact({ ...polled, leap: { kind: "linear", atUs, windowUs: 2 * hour } }, true, 2 * minute);
  assert.equal(smeared.violations, 0);
  assert(smeared.meanUs < 8_500, `${smeared.meanUs} us on average`);
});

const stations: Deployment = {
  topology: oneRegion(3, 3),
  service: {
    kind: "station",
    servers: 1,
    serviceUs: millisecond,
    service: "exponential",
    discipline: "fifo",
    queueLimit: 10,
    dropExpired: false,
  },
  durability: "log",
};

test("a deployment says what its clocks are: replay, the reference for checkers, faults of masters", () => {
  const run = (deployment: Deployment): string => {
    const backend = createSimulation(deployment, 3);
    for (let i = 0; i < 100; i++) {
      backend.at(i * second, () => backend.request(-1, { kind: "work", operation: i }, () => undefined));
    }
    if (deployment.time !== undefined) backend.inject({ kind: "masters", masters: [1], offsetUs: second });
    backend.run(2 * minute);
    return backend.digest();
  };
  const smeared: Deployment = { ...stations, time: { kind: "polled", leap: { kind: "linear", atUs: 36 * hour } } };
  assert.equal(run(smeared), run(smeared));
  assert.equal(createSimulation(smeared, 1).referenceUs(36 * hour), 36 * hour - second / 2);
  assert.equal(createSimulation(stations, 1).referenceUs(36 * hour), 36 * hour);
  assert.throws(
    () => createSimulation(stations, 1).inject({ kind: "masters", masters: [0], offsetUs: 5 }),
    /"masters" needs clocks that poll some: give the deployment a `time`/,
  );
  const masters = [{ leap: { kind: "step", atUs: 36 * hour } }] as const;
  assert.throws(() => createSimulation({ ...stations, time: { kind: "polled", masters } }, 1), /mixed fleet/);
});

test("fixed clocks claim one error; those that are disturbed are off from the beginning", () => {
  const answersOf = (stepUs: number, commitWait: boolean): { timestamp: number; endUs: number }[] => {
    const service = { kind: "database", log: {}, tablets: [{ from: "", replicas: [0] }], commitWait } as const;
    const time = { kind: "fixed", errorUs: 3_000, disturbed: [{ nodes: [0], stepUs, driftPpm: 0 }] } as const;
    const backend = createSimulation({ topology: oneRegion(1), service, durability: "log", time }, 1);
    const answers: { timestamp: number; endUs: number }[] = [];
    for (let i = 0; i < 3; i++) {
      backend.at((i + 5) * second, () => {
        const writes = [{ kind: "set", key: "k", value: i }] as const;
        backend.request(0, { kind: "transact", reads: [], writes }, (answer) => {
          assert(answer.kind === "ok" && answer.result.kind === "transacted");
          answers.push({ timestamp: answer.result.timestamp, endUs: backend.now - (i + 5) * second });
        });
      });
    }
    backend.run(10 * second);
    assert.equal(answers.length, 3);
    return answers.map(({ timestamp, endUs }, i) => ({ timestamp: timestamp - (i + 5) * second, endUs }));
  };
  for (const { timestamp, endUs } of answersOf(0, true)) {
    // A little later than it was asked: inputs wait for their turn.
    assert(timestamp >= 3_000 && timestamp < 3_400, `${timestamp} us`);
    assert(endUs > timestamp + 3_000 && endUs < timestamp + 3_400, `${endUs} us`);
  }
  for (const { timestamp } of answersOf(-2_500, true)) assert(timestamp >= 500 && timestamp < 900, `${timestamp} us`);
  for (const { endUs } of answersOf(0, false)) assert(endUs < 2_000, `${endUs} us`);
});
