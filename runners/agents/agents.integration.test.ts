import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { second } from "../../backend/kernel/units.ts";
import { UsageError } from "../command-error.ts";
import { exitCodes } from "../command-exit.ts";
import { folderFor } from "../command.fixture.ts";
import type { Results, RunResult } from "../results.ts";
import { createSchedule } from "../schedule.ts";
import { subjects } from "./messages.ts";
import { startNats, wavetank, type Child } from "./nats-server.fixture.ts";
import { connectNats } from "./nats-transport.ts";

/** Skips the test where there is no server to be had. */
async function natsOrSkip(t: TestContext): Promise<string> {
  const url = await startNats(t);
  if (url === null) t.skip("no nats-server here");
  return url ?? "";
}

async function agents(t: TestContext, nats: string, names: readonly string[]): Promise<Map<string, Child>> {
  const started = names.map((name) => [name, wavetank(t, "agent", "--nats", nats, "--name", name)] as const);
  await Promise.all(started.map(([, agent]) => agent.says(/waits for a run/)));
  return new Map(started);
}

function runsIn(folder: string): RunResult[] {
  const results = JSON.parse(readFileSync(path.join(folder, "results.json"), "utf8")) as Results;
  return results.experiments.flatMap(({ designs }) => designs.flatMap(({ runs }) => runs));
}

test("three agents in three processes record what one process with three slices records, to the bucket", async (t) => {
  const nats = await natsOrSkip(t);
  if (nats === "") return;
  await agents(t, nats, ["a", "b", "c"]);
  const folder = folderFor(t);
  const load = ["run", "quorum-price", "--quick", "--design", "majority", "--rounds", "2", "--target", "rehearsal"];
  const alone = wavetank(t, ...load, "--slices", "3", "--out", path.join(folder, "alone"));
  const spread = wavetank(t, ...load, "--agents", "3", "--nats", nats, "--out", path.join(folder, "spread"));
  assert.equal(await alone.ended(), exitCodes.ok, alone.output);
  assert.equal(await spread.ended(), exitCodes.ok, spread.output);
  const expected = runsIn(path.join(folder, "alone"));
  const measured = runsIn(path.join(folder, "spread"));
  assert.equal(measured.length, 2);
  for (const [i, run] of measured.entries()) {
    assert.ok(run.generator.planned > 1_000);
    // The histograms are compared as they stand in the files: every bucket of every kind of operation.
    for (const part of ["operations", "timeline", "metrics", "generator"] as const)
      assert.deepEqual(run[part], expected[i][part], part);
    assert.deepEqual(
      run.slices?.parts.map(({ index, agent, complete }) => [index, agent, complete]),
      ["a", "b", "c"].map((name, index) => [index, name, true]),
    );
  }
});

const perSecond = 150;
const live = ["run", "adaptive-capacity", "--quick", "--design", "onDemand", "--rounds", "1"];
const settings = ["--set", "designs.*.calls.clients=48", "--set", `load={"kind":"poisson","perSecond":${perSecond}}`];

/** When the operations of a slice, or of all of them, are meant to begin: one an arrival. */
function arrivals(run: RunResult, forS: number, index?: number): number[] {
  const slice = index === undefined ? undefined : { index, count: 3, clients: 48 };
  const schedule = createSchedule({ kind: "poisson", perSecond }, forS * second, run.seed, slice);
  return [...schedule].map(({ atUs }) => atUs);
}

test("a live load over HTTP: every arrival of the schedule is made once, by one of three agents, and checked", async (t) => {
  const nats = await natsOrSkip(t);
  if (nats === "") return;
  const [, url] = await wavetank(t, "serve", "--port", "0").says(/ready {2}(http:\S+)/);
  await agents(t, nats, ["a", "b", "c"]);
  const out = folderFor(t);
  const where = ["--target", `dynamodb=${url}`, "--agents", "3", "--nats", nats, "--out", out];
  const spread = wavetank(t, ...live, ...settings, "--for", "2s", ...where);
  const exitCode = await spread.ended();
  const [run] = runsIn(out);
  assert.equal(run.generator.planned, arrivals(run, 2).length);
  assert.equal(run.generator.dropped, 0);
  assert.equal(run.check.held, true, run.check.violations[0]);
  assert.ok(run.check.examined > 0);
  assert.equal(run.slices?.parts.length, 3);
  for (const { clockErrorMs } of run.slices.parts) assert.ok(clockErrorMs! < 100, `clock known to ${clockErrorMs} ms`);
  // A machine too busy for its schedule (96) is no fault of the agents.
  assert.ok([exitCodes.ok, exitCodes.invalid, exitCodes.failed].includes(exitCode as 0), spread.output);
});

test("one agent killed: incomplete, the rest kept. A coordinator killed: its agent stops by itself", async (t) => {
  const nats = await natsOrSkip(t);
  if (nats === "") return;
  const [, url] = await wavetank(t, "serve", "--port", "0").says(/ready {2}(http:\S+)/);
  const all = await agents(t, nats, ["a", "b", "c", "d"]);
  const bus = await connectNats(nats, "test");
  t.after(() => void bus.close());
  const out = folderFor(t);
  const where = ["--target", `dynamodb=${url}`, "--nats", nats];
  const forS = 5;
  const kill = wavetank(t, ...live, ...settings, "--for", `${forS}s`, ...where, "--agents", "3", "--out", out);
  await Promise.all(["a", "b", "c"].map((name) => all.get(name)!.says(/slice \d of 3/)));
  // Another coordinator takes the agent that is left, under way at the same time.
  const doomed = wavetank(t, ...live, ...settings, "--for", "60s", ...where, "--agents", "1", "--out", folderFor(t));
  const [, doomedRun] = await all.get("d")!.says(/run (\S+): slice 1 of 1/);
  const [, killedRun] = await all.get("b")!.says(/run (\S+): slice 2 of 3/);
  bus.subscribe(subjects.run(killedRun), (message) => {
    // The first of the three whose third snapshot comes: by then each has had its second taken, at one second of the load.
    if (message.kind === "snapshot" && message.number === 2) all.get("b")!.process.kill("SIGKILL");
  });
  bus.subscribe(subjects.run(doomedRun), ({ kind }) => {
    if (kind === "snapshot") doomed.process.kill("SIGKILL");
  });
  await bus.flush();

  assert.equal(await kill.ended(), exitCodes.invalid, kill.output);
  assert.match(kill.output, /agent b is lost \(silent for 3 s\): slice 2 of 3 is missing from \d\.\d s on/);
  const [run] = runsIn(out);
  const [a, b, c] = run.slices!.parts;
  assert.deepEqual([a.complete, b.complete, c.complete], [true, false, true]);
  assert.match(run.generator.reasons[0], /incomplete: of 3 slices, missing slice 2 \(agent b, silent for 3 s\)/);
  assert.match(run.check.skipped!, /missing slice 2/);
  // All of a and c, and of b what had begun when its last snapshot was taken: nothing twice, nothing invented.
  const whole = arrivals(run, forS, 0).length + arrivals(run, forS, 2).length;
  const kept = (untilUs: number): number => arrivals(run, forS, 1).filter((atUs) => atUs <= untilUs).length;
  const ofB = run.generator.planned - whole;
  assert.ok(b.keptS >= 1 && b.keptS < forS, `kept ${b.keptS} s`);
  assert.ok(ofB >= kept(b.keptS * second - 0.2 * second) && ofB <= kept(b.keptS * second), `${ofB} operations of b`);

  await all.get("d")!.says(/the coordinator has been silent for 5 s/);
});

test("a server that is not there is said in four lines", async (t) => {
  const agent = wavetank(t, "agent", "--nats", "nats://127.0.0.1:1");
  assert.equal(await agent.ended(), exitCodes.usage);
  assert.match(agent.output, /the NATS server cannot be reached\n {2}got: {6}127\.0\.0\.1:1 /);
  await assert.rejects(connectNats("nats://no-such-host.invalid:4222", "test"), UsageError);
});
