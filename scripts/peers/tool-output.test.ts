import assert from "node:assert/strict";
import { test } from "node:test";
import { parseH2load } from "./etcd-grpc.ts";
import { parseCacheLoad } from "./memcached-load.ts";
import { parsePgbench } from "./postgres-charges.ts";
import { parseWrk } from "./wrk.ts";

const wrkOutput = `Running 2s test @ http://127.0.0.1:36237/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     8.71ms    4.30ms  38.61ms   80.12%
    Req/Sec     7.57k     1.05k    9.13k    75.00%
  15065 requests in 2.01s, 6.24MB read
  Non-2xx or 3xx responses: 65
Requests/sec:   7501.73
Transfer/sec:      3.11MB
measured 15065 2000000 65 7741 18988 6538210
`;

test("wrk: answers with an error are not counted, microseconds become milliseconds", () => {
  assert.deepEqual(parseWrk(wrkOutput, 3), {
    perSecond: 7_500,
    p50Ms: 7.741,
    p99Ms: 18.988,
    ok: 15_000,
    failed: 65,
    answerBytes: 434,
    cpuUs: 200,
  });
});

test("wrk: a server that was never reached gives a rate of zero, not a negative one", () => {
  const measured = parseWrk("measured 0 2000000 64 0 0 0\n");
  assert.deepEqual([measured.perSecond, measured.ok, measured.failed], [0, 0, 64]);
});

test("wrk: no figures is an error that shows what it printed", () => {
  assert.throws(() => parseWrk("unable to connect to 127.0.0.1:1"), /no figures.*\n.*unable to connect/);
});

const pgbenchOutput = `pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: charge.sql
scaling factor: 1
query mode: prepared
number of clients: 8
number of threads: 1
maximum number of tries: 20
duration: 3 s
number of transactions actually processed: 10112
number of failed transactions: 3 (0.030%)
number of transactions retried: 41 (0.405%)
total number of retries: 43
latency average = 2.336 ms
initial connection time = 11.034 ms
tps = 3424.766562 (without initial connection time)
`;

test("pgbench: figures of the summary, percentiles of the log", () => {
  // Client, number, microseconds, script, second, microsecond, tries before; 100 transactions of 10 to 1,000 us.
  const lines = Array.from({ length: 100 }, (_, i) => `${i % 8} ${i} ${(100 - i) * 10} 0 1764000000 ${i} 0\n`);
  const failed = "3 101 failed 0 1764000001 5 19\n";
  assert.deepEqual(parsePgbench(pgbenchOutput, lines.join("") + failed, 5.056), {
    perSecond: 3_424.766562,
    p50Ms: 0.51,
    p99Ms: 1,
    ok: 10_112,
    failed: 3,
    answerBytes: NaN,
    cpuUs: 500,
  });
});

test("pgbench: an aborted run is an error", () => {
  const aborted = "pgbench: error: client 0 script 0 aborted in command 5 query 1: ERROR:  duplicate key value\n";
  assert.throws(() => parsePgbench(aborted, ""), /no figures.*\n.*duplicate key/);
  assert.throws(() => parsePgbench(pgbenchOutput, ""), /no figures/);
});

const h2loadOutput = `starting benchmark...
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 2.01s, 14654.50 req/s, 1.33MB/s
requests: 29309 total, 29373 started, 29309 done, 29300 succeeded, 9 failed, 9 errored, 0 timeout
status codes: 29309 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 2.66MB (2790303) total, 229.12KB (234623) headers (space savings 95.71%), 858.66KB (879270) data
                     min         max         mean         sd        +/- sd
time for request:      742us     25.44ms      4.35ms      1.95ms    78.51%
`;

test("h2load: succeeded over the time asked for, percentiles of the log", () => {
  const log = Array.from({ length: 100 }, (_, i) => `17640000000${i}\t200\t${(i + 1) * 10}\n`).join("");
  const { answerBytes, ...measured } = parseH2load(h2loadOutput, log, 2, 2.93);
  assert.deepEqual(measured, { perSecond: 14_650, p50Ms: 0.51, p99Ms: 1, ok: 29_300, failed: 9, cpuUs: 100 });
  assert.equal(Math.round(answerBytes), 95);
  assert.throws(() => parseH2load(h2loadOutput, "", 2), /no figures/);
});

test("memcached-load: nanoseconds become milliseconds, and what it has not said is not guessed", () => {
  assert.deepEqual(parseCacheLoad("measured 120000 3000000 650000 2500000 9000000 540000\n", 0.6), {
    perSecond: 40_000,
    p50Ms: 0.65,
    p99Ms: 2.5,
    ok: 120_000,
    failed: 0,
    answerBytes: NaN,
    cpuUs: 5,
  });
  assert.throws(() => parseCacheLoad("memcached-load: connect\n"), /printed no figures/);
});
