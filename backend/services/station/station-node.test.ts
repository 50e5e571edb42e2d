/** A station against queueing theory, and its disciplines one job at a time. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Answer, StationService } from "../../api.ts";
import { Random } from "../../kernel/random.ts";
import { noDelays, oneRegion } from "../../kernel/topology.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import { createSimulation } from "../../simulated.ts";

const plain: StationService = {
  kind: "station",
  servers: 1,
  serviceUs: 1 * millisecond,
  service: "exponential",
  discipline: "fifo",
  queueLimit: 1_000_000,
  dropExpired: false,
};

function station(more: Partial<StationService> = {}) {
  const service = { ...plain, ...more };
  return createSimulation({ topology: oneRegion(1, 1, noDelays), durability: "none", service }, 1);
}

/** Means over Poisson arrivals at `load` times the station's capacity: in the queue, and from arrival to answer. */
function means(more: Partial<StationService>, load: number, jobs: number): { queuedUs: number; totalUs: number } {
  const simulation = station(more);
  const random = new Random(7);
  const { serviceUs, servers } = { ...plain, ...more };
  let at = 0;
  let total = 0;
  let queued = 0;
  let answered = 0;
  const arrive = (): void => {
    const begun = simulation.now;
    simulation.request(0, { kind: "work", operation: 0 }, (answer) => {
      total += simulation.now - begun;
      if (answer.kind === "ok" && answer.result.kind === "worked") queued += answer.result.queuedUs;
      answered++;
    });
  };
  for (let i = 0; i < jobs; i++) {
    at += random.exponential(serviceUs / servers / load);
    simulation.at(Math.round(at), arrive);
  }
  simulation.run(at * 2);
  assert.equal(answered, jobs);
  return { queuedUs: queued / jobs, totalUs: total / jobs };
}

function assertNear(actual: number, expected: number): void {
  assert(Math.abs(actual / expected - 1) < 0.03, `${actual} us, theory says ${expected} us`);
}

test("M/M/1 at half load: waits rho / (mu - lambda), stays 1 / (mu - lambda), within 3 % over 200,000 jobs", () => {
  const { queuedUs, totalUs } = means({}, 0.5, 200_000);
  assertNear(queuedUs, 1 * millisecond);
  // The runtime lets one arrival in four linger up to 0.1 ms.
  assertNear(totalUs, 2 * millisecond + 12.5);
});

test("M/M/1 at 0.8: waits four services", () => {
  assertNear(means({}, 0.8, 600_000).queuedUs, 4 * millisecond);
});

test("M/D/1 waits half as long as M/M/1 (Pollaczek and Khinchine)", () => {
  assertNear(means({ service: "fixed" }, 0.5, 200_000).queuedUs, millisecond / 2);
});

test("M/M/2 at half load: stays 1 / (mu (1 - rho^2)), so waits a third of a service (Erlang C)", () => {
  assertNear(means({ servers: 2 }, 0.5, 200_000).queuedUs, millisecond / 3);
});

/** Jobs 1, 2, 3 ... arrive a tenth of a service apart; returns the order and kind of their answers. */
function answers(more: Partial<StationService>, jobs: number, timeoutUs?: Micros): string[] {
  const simulation = station({ service: "fixed", ...more });
  const order: string[] = [];
  for (let i = 1; i <= jobs; i++) {
    simulation.at((i * millisecond) / 5, () =>
      simulation.request(0, { kind: "work", operation: i, timeoutUs }, (answer: Answer) =>
        order.push(`${i} ${answer.kind === "ok" ? "ok" : answer.code}`),
      ),
    );
  }
  simulation.run(100 * millisecond);
  return order;
}

test("first in, first out; last in, first out", () => {
  assert.deepEqual(answers({}, 4), ["1 ok", "2 ok", "3 ok", "4 ok"]);
  assert.deepEqual(answers({ discipline: "lifo" }, 4), ["1 ok", "4 ok", "3 ok", "2 ok"]);
});

test("a full queue refuses, and room is made as jobs begin", () => {
  assert.deepEqual(answers({ queueLimit: 2 }, 4), ["4 overloaded", "1 ok", "2 ok", "3 ok"]);
});

test("with dropExpired, what its client gave up on costs nothing; without, it is done all the same", () => {
  assert.deepEqual(answers({ dropExpired: true }, 4, 1_500), ["1 ok", "2 ok", "3 expired", "4 ok"]);
  assert.deepEqual(answers({}, 4, 1_500), ["1 ok", "2 ok", "3 ok", "4 ok"]);
});

test("a job that ends at the last moment its client waits is not wasted; one that ends later is", () => {
  const simulation = station({ service: "fixed" });
  for (const timeoutUs of [1_000, 1_800]) {
    simulation.request(0, { kind: "work", operation: 1, timeoutUs }, () => undefined);
  }
  simulation.run(100 * millisecond);
  assert.deepEqual([simulation.counters().served, simulation.counters().wasted], [2, 1]);
});
