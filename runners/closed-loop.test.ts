import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { Random } from "../backend/kernel/random.ts";
import { draw } from "../workloads/distribution.ts";
import { runClosedLoop, type ClosedLoopPlan } from "./closed-loop.ts";
import { serialiseCall } from "./targets/http/serialise-call.ts";

/** What a server saw of the loop. */
class Seen {
  requests = 0;
  underWay = 0;
  most = 0;
  /** Milliseconds from an answer to the next request on the same connection. */
  readonly pausesMs: number[] = [];
  private readonly answeredMs = new Map<unknown, number>();

  asked(connection: unknown): void {
    this.requests++;
    this.most = Math.max(this.most, ++this.underWay);
    const before = this.answeredMs.get(connection);
    if (before !== undefined) this.pausesMs.push(performance.now() - before);
  }

  answered(connection: unknown): void {
    this.underWay--;
    this.answeredMs.set(connection, performance.now());
  }
}

type Answer = (request: http.IncomingMessage, response: http.ServerResponse, number: number) => void;

const ok: Answer = (_, response) => response.end("ok");

/** A server that counts, and a plan of a loop against it. */
async function service(t: TestContext, answer: Answer): Promise<{ seen: Seen; plan: ClosedLoopPlan }> {
  const seen = new Seen();
  const server = http.createServer((request, response) => {
    const { socket } = request;
    seen.asked(socket);
    response.once("close", () => seen.answered(socket));
    answer(request, response, seen.requests - 1);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const request = serialiseCall(origin, { path: "/" });
  const plan = { origin, request, users: 4, warmUpMs: 0, forMs: 150, accept: isOk };
  return { seen, plan };
}

const isOk: ClosedLoopPlan["accept"] = ({ status, body }) => status === 200 && body.toString() === "ok";

test("as many requests are under way as there are users, and never one more", async (t) => {
  // Nobody is answered before every user has asked: with fewer under way the loop would stand still.
  let waiting: http.ServerResponse[] = [];
  const { seen, plan } = await service(t, (_, response) => {
    waiting.push(response);
    if (waiting.length < 8) return;
    for (const each of waiting) each.end("ok");
    waiting = [];
  });
  const result = await runClosedLoop({ ...plan, users: 8 });
  assert.equal(seen.most, 8);
  assert.ok(result.ok >= 16, `${result.ok} answers`);
  assert.deepEqual([result.wrong, result.failed], [0, {}]);
  assert.equal(result.latency.count, result.ok, "every latency is recorded");
  assert.equal(result.bodyBytes, 2 * result.ok);
  assert.ok(result.ok <= seen.requests && seen.requests <= result.ok + 8, `${result.ok} of ${seen.requests} requests`);
});

test("a user thinks from the answer on, for times that the seed decides", async (t) => {
  const think = { kind: "uniform", from: 1_000, to: 60_000 } as const;
  for (const seed of [1, 2]) {
    const { seen, plan } = await service(t, ok);
    const { latency } = await runClosedLoop({ ...plan, users: 1, seed, think, forMs: 250 });
    const random = Random.stream(seed, "think");
    assert.ok(seen.pausesMs.length >= 2, `${seen.pausesMs.length} pauses`);
    for (const pauseMs of seen.pausesMs) {
      const thoughtMs = draw(think, random) / 1_000;
      // The server sees its answer gone a little after the user has it, at most.
      assert.ok(pauseMs > thoughtMs - 1, `seed ${seed}: a pause of ${pauseMs} ms for a thought of ${thoughtMs} ms`);
    }
    assert.ok(latency.count > 0 && latency.quantile(0.5) < 20_000, "thinking is no part of a latency");
  }
});

test("users who think ask no faster than they think", async (t) => {
  const { plan } = await service(t, ok);
  const { perSecond } = await runClosedLoop({ ...plan, forMs: 300, think: { kind: "constant", value: 20_000 } });
  assert.ok(perSecond > 0 && perSecond <= 4 * (1_000 / 20) * 1.1, `${perSecond}/s`);
});

test("an answer that was not asked for is wrong: counted, and not in the latencies", async (t) => {
  const { plan } = await service(t, (_, response, number) => response.end(number % 2 === 0 ? "ok" : "no"));
  const { ok: right, wrong, latency, failed } = await runClosedLoop({ ...plan, users: 1 });
  assert.ok(right > 2 && Math.abs(right - wrong) <= 1, `${right} right, ${wrong} wrong`);
  assert.equal(latency.count, right);
  assert.deepEqual(failed, {});
});

test("a lost connection has no answer: its user asks again, and not at once", async (t) => {
  const { seen, plan } = await service(t, (request) => void request.socket.destroy());
  const { ok: right, failed } = await runClosedLoop({ ...plan, forMs: 220 });
  assert.equal(right, 0);
  const lost = Object.values(failed).reduce((a, b) => a + b, 0);
  // Each user at 0, 50, 100, 150 and 200 ms.
  assert.ok(lost >= 4 && lost <= 4 * 5, `${lost} failures`);
  assert.ok(seen.requests <= 4 * 5, `${seen.requests} requests`);
});

test("a user waits for so long and asks again on another connection; what comes later is nobody's", async (t) => {
  const late: http.ServerResponse[] = [];
  const { seen, plan } = await service(t, (_, response, number) => {
    if (number > 0) response.end("ok");
    else late.push(response);
  });
  const result = await runClosedLoop({ ...plan, users: 1, timeoutMs: 40, forMs: 250 });
  late[0].end("ok");
  assert.deepEqual(result.failed, { "no answer in 0.04 s": 1 });
  assert.ok(result.ok > 1, `${result.ok} answers after the one that never came`);
  assert.equal(result.latency.count, result.ok);
  assert.equal(seen.most, 1, "what was given up on was closed before the user asked again");
});

test("a service that never answers is no silent zero", async (t) => {
  const { seen, plan } = await service(t, () => undefined);
  const { ok: right, failed } = await runClosedLoop({ ...plan, forMs: 60 });
  assert.equal(right, 0);
  assert.deepEqual(failed, { "no answer before the end": 4 });
  assert.equal(seen.requests, 4);
});

test("what the warm-up brought is not counted", async (t) => {
  const { seen, plan } = await service(t, ok);
  const { ok: right, wrong, latency } = await runClosedLoop({ ...plan, warmUpMs: 150, forMs: 50 });
  assert.equal(latency.count, right);
  assert.equal(wrong, 0);
  assert.ok(right > 0 && right < seen.requests / 2, `${right} counted of ${seen.requests}`);
});

test("a stop ends it at once, whatever is under way, and nobody asks any more", async (t) => {
  const { seen, plan } = await service(t, (_, response, number) => void (number < 50 && response.end("ok")));
  const stop = new AbortController();
  const running = runClosedLoop({ ...plan, forMs: 60_000, timeoutMs: 60_000 }, stop.signal);
  while (seen.requests < 54) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  const result = await running;
  assert.ok(result.ok <= 50, `${result.ok} answers`);
  assert.deepEqual(result.failed, {}, "waiting at a stop is no failure");
  // Every connection is closed: what was under way is over on the server's side too.
  while (seen.underWay > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(seen.requests, 54);
  const before = await runClosedLoop({ ...plan, warmUpMs: 60_000 }, AbortSignal.abort());
  assert.equal(before.ok, 0);
  assert.ok(Number.isFinite(before.perSecond));
});
