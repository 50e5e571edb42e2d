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

/** Mean time from arrival to answer, over Poisson arrivals at `load` times the station's capacity. */
function meanResidenceUs(more: Partial<StationService>, load: number, jobs: number): number {
  const simulation = station(more);
  const random = new Random(7);
  const { serviceUs, servers } = { ...plain, ...more };
  let at = 0;
  let total = 0;
  let answered = 0;
  const arrive = (): void => {
    const begun = simulation.now;
    simulation.request(0, { kind: "work", operation: 0 }, () => {
      total += simulation.now - begun;
      answered++;
    });
  };
  for (let i = 0; i < jobs; i++) {
    at += random.exponential(serviceUs / servers / load);
    simulation.at(Math.round(at), arrive);
  }
  simulation.run(at * 2);
  assert.equal(answered, jobs);
  return total / jobs;
}

test("M/M/1 at half load: the mean time in the system is 1 / (mu - lambda), within 3 %", () => {
  const mean = meanResidenceUs({}, 0.5, 200_000);
  // The runtime lets one arrival in four linger up to 0.1 ms, 12.5 us on average, and answers through no link.
  const expected = 2 * millisecond + 12.5;
  assert(Math.abs(mean / expected - 1) < 0.03, `mean ${mean} us, expected ${expected} us`);
});

test("M/D/1 waits half as long as M/M/1 (Pollaczek and Khinchine)", () => {
  const mean = meanResidenceUs({ service: "fixed" }, 0.5, 200_000);
  const expected = 1.5 * millisecond + 12.5;
  assert(Math.abs(mean / expected - 1) < 0.03, `mean ${mean} us, expected ${expected} us`);
});

test("M/M/2 at half load: 1 / (mu (1 - rho^2))", () => {
  const mean = meanResidenceUs({ servers: 2 }, 0.5, 200_000);
  const expected = millisecond / (1 - 0.25) + 12.5;
  assert(Math.abs(mean / expected - 1) < 0.03, `mean ${mean} us, expected ${expected} us`);
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
