/** One probe of each kind of target: at the rate, for long enough, with the seed of its number; and what becomes of a void one. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { capacityOptions, type CapacityFlags, type CapacityOptions } from "../command-capacity.ts";
import { catalog, experimentResult, recording, resultsOf } from "../command.fixture.ts";

import { mm1QuantileS } from "../oracles/queueing.ts";
import { Interrupted } from "../run-order.ts";
import type { Results } from "../results.ts";
import type { SuiteOptions } from "../suite-types.ts";
import { openProber } from "./probes.ts";

const never = new AbortController().signal;
const optionsOf = (target: string, flags: CapacityFlags): CapacityOptions => capacityOptions(target, flags, catalog);

test("the oracles' station: rate, number in system and percentile are theory's, and a probe is its number's", async () => {
  const prober = await openProber(optionsOf("mm1", { for: "60s", slo: ["p99<20ms"] }), recording(), never);
  const { probe, run } = await prober.probe(500, 1);
  assert.ok(probe.valid);
  assert.equal(probe.perSecond, 500);
  assert.ok(Math.abs(probe.achievedPerSecond / 500 - 1) < 0.03, `${probe.achievedPerSecond}/s`);
  assert.ok(Math.abs(probe.concurrency - 1) < 0.1, `${probe.concurrency} in the system, theory says 1`);
  const p99Ms = mm1QuantileS(500, 1_000, 0.99) * 1_000;
  assert.ok(Math.abs(probe.figures.p99Ms / p99Ms - 1) < 0.1, `${probe.figures.p99Ms} ms, theory says ${p99Ms}`);
  assert.equal(probe.strain, probe.figures.p99Ms / 20);
  assert.equal(probe.figures.errorShare, 0);
  assert.deepEqual(
    (await prober.probe(500, 1)).run.trace!.digest,
    run.trace!.digest,
    "the same number is the same run",
  );
  assert.notEqual((await prober.probe(500, 2)).run.trace!.digest, run.trace!.digest);
  await prober.close();
});

function designProber(
  answer: (options: SuiteOptions) => Results,
  signal: AbortSignal = never,
): { asked: SuiteOptions[]; prober: ReturnType<typeof openProber> } {
  const asked: SuiteOptions[] = [];
  const runSuite = (options: SuiteOptions): Promise<Results> => {
    asked.push(options);
    return Promise.resolve(answer(options));
  };
  const options = optionsOf("retry-storm", { design: "full-jitter", tank: "threads", for: "2s", seed: "40" });
  return { asked, prober: openProber(options, recording({ runSuite }), signal) };
}

test("a design: without its faults and claims, Poisson, one round, long enough for a p99 and no longer than a minute", async () => {
  const metrics = { okPerSecond: 90, meanMs: 20, p99Ms: 50, refusedShare: 0.05, unknownShare: 0.05 };
  const { asked, prober } = designProber(() =>
    resultsOf([experimentResult({ run: { metrics, generator: { valid: false } as never } })]),
  );
  const opened = await prober;
  const { probe } = await opened.probe(100, 3);
  assert.deepEqual(
    [probe.achievedPerSecond, probe.concurrency, probe.figures.errorShare, probe.valid],
    [90, 1.8, 0.1, false],
  );
  // Errors of 10 % against a bound of 1 %.
  assert.ok(Math.abs(probe.strain - 10) < 1e-9);
  await opened.probe(5, 4);
  await opened.probe(10_000, 5);
  const [first] = asked;
  assert.deepEqual(
    [first.tanks, first.designs, first.seed, first.arrivals, first.target],
    [["threads"], ["full-jitter"], 43, "poisson:100", { kind: "direct" }],
  );
  assert.deepEqual(first.overrides, [
    { path: "rounds", value: 1 },
    { path: "faults", value: [] },
  ]);
  assert.deepEqual(first.experiments[0].claims, []);
  assert.ok(first.experiments[0].metrics === undefined);
  // 1000 operations after a warm-up of a fifth; not beyond 60 s; not below what was asked for.
  assert.deepEqual(
    asked.map(({ forS }) => forS),
    [12.5, 60, 2],
  );
});

test("a void probe says why; one that a signal ended is an interruption", async () => {
  const claims = [{ measured: "the worker died" }] as never;
  const nothing = (): Results => resultsOf([experimentResult({ designs: [], claims })]);
  const broken = await designProber(nothing).prober;
  await assert.rejects(broken.probe(100, 1), /^Error: a probe at 100\/s was void: the worker died$/);
  const stopped = await designProber(nothing, AbortSignal.abort()).prober;
  await assert.rejects(stopped.probe(100, 1), Interrupted);
});

test("a URL: its path is asked at the rate, and what a figure lacks breaks the bounds", async (t) => {
  let requests = 0;
  const server = http.createServer((request, response) => {
    if (request.url === "/x?y=1") requests++;
    response.statusCode = 503;
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x?y=1`;
  const options = optionsOf(url, { for: "300ms", slo: ["p99<1s"] });
  const prober = await openProber(options, recording(), never);
  const { probe, run } = await prober.probe(2_000, 1);
  assert.ok(requests > 900 && requests <= run.generator.planned, `${requests} of ${run.generator.planned}`);
  assert.deepEqual([probe.figures.errorShare, probe.achievedPerSecond, probe.strain], [1, 0, Infinity]);
  await prober.close();
  const stopped = await openProber(options, recording(), AbortSignal.abort());
  await assert.rejects(stopped.probe(2_000, 1), Interrupted);
});
