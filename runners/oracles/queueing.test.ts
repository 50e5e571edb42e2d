import assert from "node:assert/strict";
import test from "node:test";
import { Random } from "../../backend/kernel/random.ts";
import { sojourns } from "./lindley.ts";
import * as queueing from "./queueing.ts";

const near = (got: number, expected: number, share = 1e-6): void =>
  assert.ok(Math.abs(got / expected - 1) <= share, `${got}, expected ${expected}`);

test("M/M/1: mean, quantiles and the rate that meets one", () => {
  near(queueing.mm1MeanS(800, 1_000), 0.005);
  near(queueing.mm1QuantileS(800, 1_000, 0.99), Math.log(100) / 200);
  near(queueing.mm1RateFor(1_000, 0.99, Math.log(100) / 200), 800);
  assert.equal(queueing.mm1RateFor(100, 0.99, 0.01), 0, "even an idle server is too slow");
  assert.throws(() => queueing.mm1MeanS(1_000, 1_000), RangeError);
});

test("Erlang's C against its table, and M/M/1 as the case of one server", () => {
  // Two servers offered one erlang: 1/3; five offered four: 0.554; ten offered eight: 0.409 (Erlang C tables).
  near(queueing.erlangC(1, 1, 2), 1 / 3);
  near(queueing.erlangC(4, 1, 5), 0.5541, 1e-3);
  near(queueing.erlangC(8, 1, 10), 0.4092, 1e-3);
  near(queueing.mmcMeanS(800, 1_000, 1), queueing.mm1MeanS(800, 1_000));
  near(queueing.mmcQuantileS(800, 1_000, 1, 0.99), queueing.mm1QuantileS(800, 1_000, 0.99));
});

test("Pollaczek and Khinchine: exponential service is M/M/1, fixed service waits half as long", () => {
  near(queueing.mg1MeanS(0.8, 1, 1), queueing.mm1MeanS(0.8, 1));
  near(queueing.mg1MeanS(0.8, 1, 0) - 1, (queueing.mm1MeanS(0.8, 1) - 1) / 2);
  near(queueing.mg1MeanS(0.8, 1, 4) - 1, 10);
});

test("a closed loop: one user never waits, many keep the server busy", () => {
  near(queueing.closedLoopPerSecond(1, 0.9, 0.1), 1);
  near(queueing.closedLoopPerSecond(1_000, 1, 0.01), 100, 1e-6);
  // Machine repairman, 2 users, think 1, service 1: 0.8.
  near(queueing.closedLoopPerSecond(2, 1, 1), 0.8);
});

test("Lindley: by hand, and over many draws theory's mean and p99", () => {
  assert.deepEqual([...sojourns([0, 1, 2, 10], [3, 3, 3, 1], 1)], [3, 5, 7, 1]);
  assert.deepEqual([...sojourns([0, 1, 2, 10], [3, 3, 3, 1], 2)], [3, 3, 4, 1]);
  const random = new Random(3);
  for (const [servers, rho] of [
    [1, 0.7],
    [4, 0.8],
  ]) {
    let at = 0;
    const n = 400_000;
    const arrivals = Array.from({ length: n }, () => (at += random.exponential(1 / (rho * servers))));
    const services = Array.from({ length: n }, () => random.exponential(1));
    const times = sojourns(arrivals, services, servers)
      .slice(n / 10)
      .sort();
    near(times.reduce((sum, t) => sum + t, 0) / times.length, queueing.mmcMeanS(rho * servers, 1, servers), 0.04);
    near(times[Math.floor(times.length * 0.99)], queueing.mmcQuantileS(rho * servers, 1, servers, 0.99), 0.06);
  }
});
