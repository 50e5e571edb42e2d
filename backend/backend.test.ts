import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import type { Answer, Deployment } from "./api.ts";
import { startThreads } from "./backend.ts";
import type { ThreadsBackend, ThreadsOptions } from "./backend.ts";
import { noDelays } from "./kernel/topology.ts";
import type { Delay } from "./kernel/topology.ts";
import { toyCore, toyDeployment, toyGet, toyPut, toyValue } from "./toy-requests.ts";

async function started(
  t: TestContext,
  deployment: Deployment = toyDeployment(3),
  more: Partial<ThreadsOptions> = {},
): Promise<ThreadsBackend> {
  const backend = await startThreads(deployment, { seed: 1, threads: 2, createNode: toyCore, ...more });
  t.after(() => backend.close());
  return backend;
}

/** Puts `count` keys with `inFlight` open; returns the keys that were acknowledged. */
async function load(backend: ThreadsBackend, prefix: string, count: number, inFlight = 32): Promise<string[]> {
  const acknowledged: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const key = `${prefix} ${next++}`;
      const answer = await backend.request(toyPut(key, `value of ${key}`));
      if (answer.kind === "ok") acknowledged.push(key);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return acknowledged;
}

async function assertHolds(backend: ThreadsBackend, keys: readonly string[]): Promise<void> {
  const found = await Promise.all(keys.map((key) => backend.request(toyGet(key))));
  const lost = keys.filter((key, i) => toyValue(found[i]) !== `value of ${key}`);
  assert.deepEqual(lost, []);
}

async function timed(act: Promise<Answer>): Promise<{ answer: Answer; ms: number }> {
  const from = performance.now();
  const answer = await act;
  return { answer, ms: performance.now() - from };
}

test("what is written at one node is read at every other, on either thread", async (t) => {
  const backend = await started(t);
  for (let entry = 0; entry < 3; entry++) {
    assert.equal((await backend.request(toyPut(`key ${entry}`, "\u{1f30a}"), entry)).kind, "ok");
    for (let reader = 0; reader < 3; reader++) {
      assert.equal(toyValue(await backend.request(toyGet(`key ${entry}`), reader)), "\u{1f30a}");
    }
  }
  await backend.quiet();
  const { stores, storesByNode } = await backend.counters();
  assert.equal(stores, 9);
  assert.deepEqual(storesByNode, [3, 3, 3]);
});

test("an acknowledged write outlives the backend, through checkpoints", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-test-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const keys: string[] = [];
  for (let life = 0; life < 3; life++) {
    const backend = await started(t, toyDeployment(3), { directory, segmentBytes: 65_536 });
    await assertHolds(backend, keys);
    keys.push(...(await load(backend, `life ${life}`, 3_000)));
    await backend.close();
  }
  assert.equal(keys.length, 9_000);
});

test("a crashed node forgets its memory and keeps its promises", async (t) => {
  const backend = await started(t);
  const keys: string[] = [];
  for (let round = 0; round < 5; round++) {
    const loading = load(backend, `round ${round}`, 2_000);
    await backend.inject({ kind: "crash", nodes: [round % 3] });
    await backend.inject({ kind: "restart", nodes: [round % 3] });
    keys.push(...(await loading));
  }
  await backend.inject({ kind: "crash", nodes: [0, 1, 2] });
  await backend.inject({ kind: "restart", nodes: [0, 1, 2] });
  assert.ok(keys.length > 5_000, `${keys.length} acknowledged`);
  await assertHolds(backend, keys);
});

test("a crash is unknown to those it cut off and a refusal to those who come later", async (t) => {
  const backend = await started(t);
  await backend.inject({ kind: "disk", nodes: [1], delay: { kind: "constant", us: 60_000_000 } });
  let lost: Awaited<ReturnType<typeof backend.request>>;
  for (;;) {
    const cut = backend.request(toyPut("x", "1"), 1);
    await backend.request(toyPut("y", "1"), 0);
    await backend.inject({ kind: "crash", nodes: [1] });
    lost = await cut;
    // Requests and faults come by different ports: a crash may overtake the request it was to cut off.
    if (lost.kind !== "refused") break;
    await backend.inject({ kind: "restart", nodes: [1] });
  }
  assert.ok(lost.kind === "unknown" && lost.code === "connection-lost", JSON.stringify(lost));
  const late = await backend.request(toyPut("x", "2"), 1);
  assert.ok(late.kind === "refused" && late.code === "unavailable", JSON.stringify(late));
  const anywhere = await Promise.all(Array.from({ length: 20 }, (_, i) => backend.request(toyPut(`k${i}`, "v"))));
  assert.ok(anywhere.every((answer) => answer.kind === "ok"));
});

test("wiping a disk loses it", async (t) => {
  const backend = await started(t, toyDeployment(1));
  await backend.request(toyPut("x", "1"));
  await backend.inject({ kind: "crash", nodes: [0], wipe: true });
  await backend.inject({ kind: "restart", nodes: [0] });
  assert.equal(toyValue(await backend.request(toyGet("x"))), undefined);
});

test("a node cut off from the majority cannot acknowledge; after healing it can", async (t) => {
  const backend = await started(t);
  await backend.inject({ kind: "partition", from: [0], to: [1, 2] });
  const [cut, rest] = await Promise.all([
    backend.request(toyPut("x", "cut"), 0),
    backend.request(toyPut("x", "rest"), 1),
  ]);
  assert.ok(cut.kind === "unknown" && cut.code === "timeout");
  assert.equal(rest.kind, "ok");
  await backend.inject({ kind: "heal" });
  assert.equal((await backend.request(toyPut("x", "healed"), 0)).kind, "ok");
});

test("injected delays are waited out, on links and between client and node", async (t) => {
  const constant: Delay = { kind: "constant", us: 20_000 };
  const links = await started(t, toyDeployment(3, {}, { ...noDelays, betweenZones: constant }));
  const put = await timed(links.request(toyPut("x", "1")));
  assert.equal(put.answer.kind, "ok");
  assert.ok(put.ms >= 40, `there and back in ${put.ms} ms`);
  const client = await started(t, toyDeployment(3, {}, { ...noDelays, client: constant }));
  assert.ok((await timed(client.request(toyGet("x")))).ms >= 40);
});

test("a slow disk holds back what waits for it and nothing else on its thread", async (t) => {
  const backend = await started(t);
  await backend.inject({ kind: "disk", nodes: [0], delay: { kind: "constant", us: 400_000 } });
  const order: string[] = [];
  const slow = timed(backend.request(toyPut("x", "1"), 0)).then((put) => {
    order.push("put");
    return put;
  });
  // Nodes 0 and 2 share a thread.
  for (let i = 0; i < 100; i++) await backend.request(toyGet(`absent ${i}`), 2);
  order.push("gets");
  assert.ok((await slow).ms >= 400);
  assert.deepEqual(order, ["gets", "put"]);
});

test("a paused node answers when it wakes; a slow one answers late", async (t) => {
  const backend = await started(t, toyDeployment(1));
  await backend.inject({ kind: "pause", nodes: [0], forUs: 50_000 });
  const paused = await timed(backend.request(toyPut("x", "1")));
  assert.ok(paused.answer.kind === "ok" && paused.ms >= 45, `${paused.ms} ms`);
  await backend.inject({ kind: "slow", nodes: [0], factor: 500 });
  assert.equal((await backend.request(toyPut("x", "2"))).kind, "ok");
  await backend.inject({ kind: "slow", nodes: [0], factor: 1 });
  await backend.quiet();
});

test("an assertion in a core voids the run with its text", async (t) => {
  const told = Promise.withResolvers<Error>();
  const backend = await started(t, toyDeployment(3), { onBroken: told.resolve });
  const request = backend.request({ kind: "delete", table: "toy", key: { key: { S: "x" } } }, 1);
  await Promise.allSettled([request]);
  assert.match((await told.promise).message, /node 1 stopped: Error: the toy core was asked to break/);
  await assert.rejects(backend.request(toyGet("x")), /the toy core was asked to break/);
  await assert.rejects(backend.quiet(), /the toy core was asked to break/);
});

test("faults that the threads cannot inject are refused", async (t) => {
  const backend = await started(t);
  await assert.rejects(
    backend.inject({ kind: "clock", nodes: [0], stepUs: 1, driftPpm: 0 }),
    /cannot inject a "clock" fault.*Run the experiment in the simulation/s,
  );
  await assert.rejects(backend.inject({ kind: "slow", nodes: [0], factor: 0 }), /has factor 0; expected at least 1/);
  await assert.rejects(backend.inject({ kind: "crash", nodes: [3] }), /names node 3; this deployment has nodes 0 to 2/);
});

test("a connection's ports work from another thread", async (t) => {
  const backend = await started(t);
  await backend.request(toyPut("x", "from here"));
  const ports = backend.connect();
  const connection = JSON.stringify(new URL("./connection.ts", import.meta.url).href);
  const script =
    `const { workerData, parentPort } = require("node:worker_threads");` +
    `import(${connection}).then(({ DirectConnection }) => {` +
    `const connection = new DirectConnection(workerData.ports);` +
    `connection.onAnswer = (id, answer) => { connection.close(); parentPort.postMessage({ id, answer }); };` +
    `connection.submit(42, workerData.request); });`;
  const worker = new Worker(script, {
    eval: true,
    workerData: { ports, request: toyGet("x") },
    transferList: ports,
  });
  const { id, answer } = await new Promise<{ id: number; answer: Answer }>((resolve) =>
    worker.once("message", resolve),
  );
  assert.deepEqual([id, toyValue(answer)], [42, "from here"]);
  await worker.terminate();
});

test("a module that cannot be loaded is an error at start", async () => {
  await assert.rejects(
    startThreads(toyDeployment(1), { seed: 1, createNode: "file:///nowhere.ts" }),
    /Cannot find module/,
  );
});

test("a fault outlives a crash of its node, until its opposite", async (t) => {
  const backend = await started(t, toyDeployment(1));
  await backend.inject({ kind: "crash", nodes: [0] });
  await backend.inject({ kind: "disk", nodes: [0], delay: { kind: "constant", us: 50_000 } });
  await backend.inject({ kind: "restart", nodes: [0] });
  const put = await timed(backend.request(toyPut("x", "1")));
  assert.ok(put.answer.kind === "ok" && put.ms >= 45, `${put.ms} ms`);
  await backend.inject({ kind: "disk", nodes: [0], delay: { kind: "none" } });
  assert.ok((await timed(backend.request(toyPut("x", "1")))).ms < 45);
});

test("a directory has one backend, in one process too: the second is refused, the first goes on, and closed it makes room", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const first = await started(t, toyDeployment(1), { directory });
  await assert.rejects(startThreads(toyDeployment(1), { seed: 1, directory, createNode: toyCore }), {
    code: "WAVETANK_FOLDER_HELD",
  });
  assert.equal((await first.request(toyPut("x", "1"))).kind, "ok");
  await first.close();
  const next = await started(t, toyDeployment(1), { directory });
  assert.equal(toyValue(await next.request(toyGet("x"))), "1");
});

test("a temporary directory is removed at close", async (t) => {
  const temporary = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("wavetank-"));
  const before = temporary();
  const backend = await started(t, toyDeployment(1));
  const [own] = temporary().filter((name) => !before.includes(name));
  assert.ok(own !== undefined);
  await backend.close();
  assert.ok(!temporary().includes(own));
});
