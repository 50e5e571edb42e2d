import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { second } from "../../backend/kernel/units.ts";
import type { LiveFrame, LiveMessage, LiveSeries } from "../live/live-frame.ts";
import { LiveWatch } from "../live/live-watch.ts";
import { Recorder } from "../measure/recorder.ts";
import { runAgent } from "./agent-process.ts";
import { AgentFleet } from "./agent-fleet.ts";
import { code, loadTask } from "./fleet.fixture.ts";
import { LocalBus } from "./transport.ts";

const forUs = 2.6 * second;
const task = {
  ...loadTask,
  load: { kind: "constant", perSecond: 300 } as const,
  forUs,
  record: { forUs, warmUpUs: 0, byKind: true as const },
};

/** A run on agents as the suite would watch it, with what the live view was told. */
function watched() {
  const frames: LiveFrame[] = [];
  const series: LiveSeries[][] = [];
  const watch = new LiveWatch("agents", (message: LiveMessage) => {
    if (message.kind !== "frame") return;
    frames.push(message.frame);
    series.push([...message.series]);
  });
  const item = { experiment: "e", tank: "threads", design: "d", round: 0, expectedS: 3 } as const;
  const run = watch.observer.watchRun!(item, { totalS: forUs / second, faults: [] })!;
  return { frames, series, run };
}

test("figures of agents arrive while they work, and the whole at the end takes their place", async (t) => {
  const server = http.createServer((request, response) => {
    request.resume().on("end", () => response.end("{}"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bus = new LocalBus();
  const agents = ["a", "b"].map((name) =>
    runAgent(bus.connect(), { name, code, once: true, signal: t.signal, say: () => undefined }),
  );
  const fleet = new AgentFleet(bus.connect(), { code, agents: 2, threads: 1, note: (text) => assert.fail(text) });
  const { frames, series, run } = watched();
  const recorder = new Recorder(task.record);
  await fleet.run(task, recorder, {
    target: () => ({ kind: "dynamodb", url }),
    onStart: () => undefined,
    onProgress: () => undefined,
    onSnapshot: (index, news) => run.onNews!(index, news),
  });
  const during = [...frames];
  const told = series.at(-1) ?? [];
  await Promise.all(agents);
  await fleet.close();
  run.onRecorded!(new Date(0).toISOString(), recorder);

  // Each agent speaks at 1 and 2 s; how many there are is known when one speaks for the second time.
  assert.ok(during.length >= 1, `${during.length} frames during the run`);
  assert.ok(during[0].atS < 2.5 && during[0].rate.offered > 100, JSON.stringify(during[0]));
  const ended = (of: readonly LiveSeries[]): number => of.reduce((sum, { count }) => sum + count, 0);
  const { ok, refused, unknown } = recorder.totals;
  assert.equal(ok + refused + unknown, 780);
  assert.ok(ended(told) > 250 && ended(told) <= 780, `${ended(told)} ended while the run went on`);
  const last = frames.at(-1)!;
  assert.equal(last.whole, true);
  assert.equal(
    Object.values(last.outcomes).reduce((a, b) => a + b, 0),
    780,
  );
  assert.equal(ended(series.at(-1)!), 780, "nothing is counted twice");
});
