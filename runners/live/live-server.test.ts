import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, connect, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { UsageError } from "../command-error.ts";
import { Recorder } from "../measure/recorder.ts";
import { begun, item, plan, readEvents, second } from "./live.fixture.ts";
import type { LiveFrame, LiveMessage, LiveSeries } from "./live-frame.ts";
import { LiveServer } from "./live-server.ts";
import { openLiveView } from "./live-view.ts";
import { openMetricsType } from "./open-metrics.ts";

async function served(t: TestContext) {
  const server = new LiveServer();
  const url = await server.listen(0);
  t.after(() => server.close());
  return { server, url, ...begun((message) => server.take(message)) };
}

function framesOf(messages: readonly LiveMessage[]): LiveFrame[] {
  return messages.flatMap((message) => (message.kind === "frame" ? [message.frame] : []));
}

test("a frame is what a second did", () => {
  const messages: LiveMessage[] = [];
  const { news } = begun((message) => messages.push(message));
  news(0);
  news(1);
  news(2);
  const frame = framesOf(messages)[2];
  assert.deepEqual(frame.rate, { offered: 100, ok: 90, refused: 10, unknown: 0 });
  assert.deepEqual(frame.outcomes, { ok: 270, "refused: throttled": 30 });
  assert.deepEqual(frame.faults, ["crash n0"]);
  assert.ok(Math.abs(frame.latest.p50! - 3) < 0.05 && Math.abs(frame.soFar.max! - 5) < 0.05, JSON.stringify(frame));
  assert.equal(frame.lateP99Ms, 0.05);
});

test("the load's rate is that of all its threads", () => {
  const messages: LiveMessage[] = [];
  const { news } = begun((message) => messages.push(message));
  news(0, 0);
  news(0, 1);
  news(1, 0);
  news(1, 1);
  const last = framesOf(messages).at(-1)!;
  assert.equal(last.rate.offered, 200);
  assert.equal(last.outcomes["ok"], 360);
});

test("the whole run's figures replace those of its seconds, and what is scraped never goes back", () => {
  const messages: LiveMessage[] = [];
  const { news, run, watch } = begun((message) => messages.push(message));
  const whole = new Recorder({ forUs: 10_000_000, warmUpUs: 0, byKind: true });
  for (let i = 0; i < 10; i++) {
    const { recorder } = second(i);
    whole.merge(recorder);
    if (i < 9) news(i);
  }
  run.onRecorded!("", whole);
  const watchNext = watch.observer.watchRun!({ ...item, round: 1 }, plan)!;
  watchNext.onNews!(0, second(0));
  watchNext.onNews!(0, second(1));
  const counts = messages.flatMap((message) =>
    message.kind === "frame" ? [message.series.find(({ outcome }) => outcome === "ok")!.count] : [],
  );
  assert.deepEqual([...new Set(counts)], [180, 270, 360, 450, 540, 630, 720, 810, 900, 1_080]);
  assert.equal(framesOf(messages)[9].rate.ok, 90);
});

test("a viewer that comes late sees the past, one that comes back what it missed", async (t) => {
  const { url, news } = await served(t);
  for (let i = 0; i < 5; i++) news(i);
  const late = await readEvents(url, (events) => events.at(-1)?.name === "state");
  const frames = late.filter(({ name }) => name === "frame");
  assert.deepEqual(
    frames.map(({ data }) => data.atS),
    [1, 2, 3, 4, 5],
  );
  assert.equal(late[0].name, "fresh");
  const back = await readEvents(url, (events) => events.at(-1)?.name === "state", { "last-event-id": frames[2].id });
  assert.deepEqual(
    back.map(({ name, data }) => (name === "frame" ? data.atS : name)),
    [4, 5, "state"],
  );
  const stranger = await readEvents(url, (events) => events.at(-1)?.name === "state", { "last-event-id": "other-4" });
  assert.equal(stranger.filter(({ name }) => name === "frame").length, 5);
});

test("a viewer that does not read is dropped, and the others are served", async (t) => {
  const { server, url } = await served(t);
  const { port } = new URL(url);
  const stalled = connect(Number(port), "127.0.0.1");
  stalled.on("error", () => undefined);
  stalled.write(`GET /events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`);
  await once(stalled, "readable");
  stalled.pause();
  const reading = readEvents(url, (events) => events.at(-1)?.name === "end");
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  while (server.viewerCount < 2) await turn();
  const state = { title: "x".repeat(100_000), status: "running", planned: 1, ended: 0, run: null } as const;
  let sent = 0;
  for (; server.viewerCount === 2 && sent < 2_000; sent++) {
    server.take({ kind: "state", state });
    await turn();
  }
  assert.equal(server.viewerCount, 1, "the stalled one is gone");
  assert.ok(sent < 200, `dropped after ${sent} x 100 kB`);
  server.take({ kind: "end" });
  assert.equal((await reading).filter(({ name }) => name === "state").length, sent + 1);
  stalled.destroy();
});

test("only this machine's names are answered", async (t) => {
  const { url } = await served(t);
  const { port } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 403/);
  socket.destroy();
});

test("/metrics is OpenMetrics, and says what the frames said", async (t) => {
  const { url, news } = await served(t);
  news(0);
  news(1);
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.headers.get("content-type"), openMetricsType);
  const samples = parseOpenMetrics(await response.text());
  const ok = [...samples].filter(([name]) => name.startsWith("wavetank_operations_total") && name.includes('"ok"'));
  assert.deepEqual(
    ok.map(([, value]) => value),
    [180],
  );
  const counts = [...samples].filter(([name]) => name.startsWith("wavetank_latency_seconds_count"));
  assert.deepEqual(
    counts.map(([, value]) => value).toSorted((a, b) => a - b),
    [20, 180],
  );
});

test("labels are escaped", async (t) => {
  const { server, url } = await served(t);
  const odd = 'a"b\\c\nd';
  const series: LiveSeries = {
    experiment: odd,
    tank: "threads",
    design: "d",
    operation: "o",
    outcome: "ok",
    code: "",
    count: 1,
    sumS: 1,
    quantiles: [],
  };
  const messages: LiveMessage[] = [];
  begun((message) => messages.push(message)).news(0);
  server.take({ kind: "frame", frame: framesOf(messages)[0], series: [series] });
  const samples = parseOpenMetrics(await (await fetch(`${url}/metrics`)).text());
  assert.ok([...samples.keys()].some((name) => name.includes(String.raw`experiment="a\"b\\c\nd"`)));
});

test("a port that is taken is refused in four parts before anything runs", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  await assert.rejects(openLiveView(port, "x"), (error: unknown) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.got, new RegExp(`${port}: something listens there already`));
    return true;
  });
});

test("the view's end is told, then its server is gone", async () => {
  const view = await openLiveView(0, "x");
  const reading = readEvents(view.url, () => false);
  view.observer.onPlan!([item]);
  await readEvents(view.url, (events) => events.some(({ name }) => name === "state"));
  await view.end();
  assert.equal((await reading).at(-1)?.name, "end");
  await assert.rejects(fetch(view.url));
});

/**
 * OpenMetrics 1.0 as strictly as this text needs it: families are not interleaved and declared before their samples, names have
 * their type's suffixes and their unit's, no sample comes twice, the end is marked.
 */
function parseOpenMetrics(text: string): Map<string, number> {
  assert.ok(text.endsWith("\n# EOF\n"), "ends with # EOF");
  const suffixes: Record<string, string[]> = {
    counter: ["_total", "_created"],
    gauge: [""],
    info: ["_info"],
    summary: ["", "_count", "_sum", "_created"],
  };
  const seen = new Set<string>();
  const samples = new Map<string, number>();
  let [family, type, hasSamples] = ["", "", false];
  for (const line of text.slice(0, -"# EOF\n".length).trimEnd().split("\n")) {
    const meta = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (meta !== null) {
      if (meta[2] !== family) {
        assert.ok(!seen.has(meta[2]), `family ${meta[2]} is interleaved`);
        [family, type, hasSamples] = [meta[2], "", false];
        seen.add(family);
      }
      assert.ok(!hasSamples, `metadata after samples: ${line}`);
      if (meta[1] === "TYPE") type = meta[3];
      if (meta[1] === "UNIT") assert.ok(family.endsWith(`_${meta[3]}`), line);
      assert.ok(meta[1] !== "TYPE" || type in suffixes, `unknown type: ${line}`);
      continue;
    }
    const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"`;
    const pattern = new RegExp(
      String.raw`^([a-zA-Z_:][\w:]*)((?:\{${label}(?:,${label})*\})?) (-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)$`,
    );
    const sample = pattern.exec(line);
    assert.ok(sample !== null, `no sample: ${line}`);
    assert.ok(
      suffixes[type].some((suffix) => sample[1] === family + suffix),
      `${line} is no sample of ${type} ${family}`,
    );
    assert.ok(!samples.has(sample[1] + sample[2]), `twice: ${line}`);
    samples.set(sample[1] + sample[2], Number(sample[3]));
    hasSamples = true;
  }
  return samples;
}
