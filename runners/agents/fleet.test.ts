import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../command-error.ts";
import type { LoadHooks } from "../hosts/threads-host.ts";
import { Recorder } from "../measure/recorder.ts";
import { runAgent } from "./agent-process.ts";
import { AgentFleet } from "./agent-fleet.ts";
import { byName, code, loadTask, mergedParts, rehearsed } from "./fleet.fixture.ts";
import { LocalBus } from "./transport.ts";

const hooks: LoadHooks = {
  target: () => ({ kind: "rehearsal" }),
  onStart: () => undefined,
  onProgress: () => undefined,
};

test("two agents of two threads, over a bus in this process: the whole load, whoever makes which part", async () => {
  const bus = new LocalBus();
  const words: string[] = [];
  const agents = ["a", "b"].map((name) =>
    runAgent(bus.connect(), {
      name,
      code,
      once: true,
      signal: new AbortController().signal,
      say: (text) => void words.push(`${name}: ${text}`),
    }),
  );
  const fleet = new AgentFleet(bus.connect(), { code, agents: 2, threads: 2, note: (text) => assert.fail(text) });
  const recorder = new Recorder(loadTask.record);
  const { history, finished, slices } = await fleet.run(loadTask, recorder, hooks);
  // Told to end after one run, they do.
  await Promise.all(agents);
  await fleet.close();
  assert.equal(finished, true);
  assert.deepEqual(byName(recorder), byName(mergedParts([0, 1, 2].map((index) => rehearsed(index, 3).recorder))));
  assert.equal(history.length, rehearsed(0, 1).history.length);
  assert.deepEqual(
    slices?.parts.map(({ agent, complete }) => [agent, complete]),
    [
      ["a", true],
      ["b", true],
    ],
  );
  assert.match(words.join("\n"), /a: run \S+: slice 1 of 2/);
});

test("an interruption before the agents have come ends the run, and a load nobody else can reach is refused", async () => {
  const fleet = new AgentFleet(new LocalBus().connect(), { code, agents: 1, threads: 1, note: () => undefined });
  const recorder = new Recorder(loadTask.record);
  const outcome = await fleet.run(loadTask, recorder, { ...hooks, signal: AbortSignal.abort() });
  assert.equal(outcome.finished, false);
  const direct: LoadHooks = { ...hooks, target: () => ({ kind: "direct", ports: [] }) };
  await assert.rejects(fleet.run(loadTask, recorder, direct), UsageError);
  const oneClient = { ...loadTask, calls: { ...loadTask.calls, clients: 1 } };
  const two = new AgentFleet(new LocalBus().connect(), { code, agents: 2, threads: 1, note: () => undefined });
  await assert.rejects(two.run(oneClient, recorder, hooks), /more slices than clients/);
});
