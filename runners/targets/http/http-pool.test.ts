import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import type { AddressInfo } from "node:net";
import test from "node:test";
import type { HttpFailure, HttpPoolOptions } from "./exchange.ts";
import { HttpPool } from "./http-pool.ts";
import { serialiseCall } from "./serialise-call.ts";

type Outcome = { readonly status: number; readonly body: string } | HttpFailure;

/** A pool whose outcomes can be waited for. */
function client(origin: URL, options: Partial<HttpPoolOptions> = {}) {
  const pool = new HttpPool(origin, { connections: 4, ...options });
  const waiting = new Map<number, (outcome: Outcome) => void>();
  const settle = (token: number, outcome: Outcome): void => {
    const resolve = waiting.get(token);
    assert.ok(resolve, `an outcome of request ${token}, which has had one`);
    waiting.delete(token);
    resolve(outcome);
  };
  pool.onReply = (token, reply) => settle(token, { status: reply.status, body: reply.text() });
  pool.onFailure = (token, failure) => settle(token, failure);
  let next = 0;
  const ask = (path = "/", method = "GET", body?: unknown): Promise<Outcome> =>
    new Promise((resolve) => {
      waiting.set(next, resolve);
      pool.submit(next++, serialiseCall(origin, { method, path, body }));
    });
  return { pool, ask };
}

async function listening(server: net.Server): Promise<URL> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** Sends each connection `bytes` once a request has come, then ends it if `ends`. */
function rawServer(bytes: string, ends = false): net.Server {
  return net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => (ends ? socket.end(bytes) : socket.write(bytes)));
  });
}

async function close(server: net.Server): Promise<void> {
  if (server instanceof http.Server) server.closeAllConnections();
  server.close();
  await once(server, "close");
}

test("requests of every kind against Node's own server, more than there are connections", async () => {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const said = `${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`;
      if (request.url === "/chunked") response.write(said.slice(0, 3));
      response.end(request.url === "/chunked" ? said.slice(3) : said);
    });
  });
  const origin = await listening(server);
  const { pool, ask } = client(origin);
  const outcomes = await Promise.all([
    ...Array.from({ length: 40 }, (_, i) => ask(`/${i}`)),
    ask("/chunked", "POST", { a: 1 }),
    ask("/head", "HEAD"),
    ask("/big", "POST", "x".repeat(500_000)),
  ]);
  assert.deepEqual(
    outcomes.slice(0, 40),
    Array.from({ length: 40 }, (_, i) => ({ status: 200, body: `GET /${i} ` })),
  );
  assert.deepEqual(outcomes[40], { status: 200, body: 'POST /chunked {"a":1}' });
  assert.deepEqual(outcomes[41], { status: 200, body: "" });
  assert.equal((outcomes[42] as { body: string }).body.length, "POST /big ".length + 500_000);
  assert.ok(pool.connected <= 4, `${pool.connected} connections`);
  await pool.close();
  await close(server);
});

test("a server that closes the connection after each answer is asked on new ones", async () => {
  const server = http.createServer((_, response) => response.setHeader("Connection", "close").end("bye"));
  const { pool, ask } = client(await listening(server), { connections: 2 });
  for (const outcome of await Promise.all([ask(), ask(), ask(), ask(), ask()]))
    assert.deepEqual(outcome, { status: 200, body: "bye" });
  assert.equal(pool.connected, 5);
  await pool.close();
  await close(server);
});

test("pipelined requests are answered in order", async () => {
  const server = http.createServer((request, response) => response.end(request.url));
  const { pool, ask } = client(await listening(server), { connections: 1, pipelining: 8 });
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(`/${i}`)));
  assert.deepEqual(
    outcomes.map((outcome) => "body" in outcome && outcome.body),
    Array.from({ length: 20 }, (_, i) => `/${i}`),
  );
  assert.equal(pool.connected, 1);
  await pool.close();
  await close(server);
});

test("a refused port and a name that does not exist refuse every request, and say so", async () => {
  const server = net.createServer();
  const origin = await listening(server);
  await close(server);
  const refused = client(origin);
  for (const outcome of await Promise.all(Array.from({ length: 10 }, () => refused.ask()))) {
    assert.ok("kind" in outcome);
    assert.deepEqual([outcome.kind, outcome.code], ["refused", "unavailable"]);
    assert.match(outcome.message, /refuses connections: nothing listens there/);
  }
  const unknown = client(new URL("http://no-such-host.invalid"));
  const outcome = await unknown.ask();
  assert.ok("kind" in outcome && outcome.kind === "refused");
  assert.match(outcome.message, /cannot be resolved/);
});

test("a server that dies with requests under way leaves them unknown", async () => {
  const server = net.createServer((socket) => socket.once("data", () => socket.destroy()));
  const { pool, ask } = client(await listening(server));
  const outcome = await ask();
  assert.ok("kind" in outcome && outcome.kind === "unknown" && outcome.code === "connection-lost");
  await pool.close();
  await close(server);
});

const lies: readonly [string, string, boolean, RegExp][] = [
  ["a body shorter than its length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", true, /cut short: 2 of the 9/],
  [
    "a body longer than its length",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nlong",
    false,
    /longer than the 1 bytes/,
  ],
  ["garbage", "220 smtp ready\r\n", false, /no HTTP\/1.1 answer/],
  ["nothing at all", "", true, /closed the connection before it answered/],
];
for (const [name, bytes, ends, expected] of lies) {
  test(`${name}: the outcome is unknown and the next request is answered on another connection`, async () => {
    let connections = 0;
    const liar = rawServer(bytes, ends).listeners("connection")[0] as (socket: net.Socket) => void;
    const server = net.createServer((socket) => {
      if (connections++ === 0) liar(socket);
      else socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    });
    const { pool, ask } = client(await listening(server), { connections: 1 });
    const outcome = await ask();
    assert.ok("kind" in outcome && outcome.kind === "unknown", JSON.stringify(outcome));
    assert.match(outcome.message, expected);
    assert.deepEqual(await ask(), { status: 200, body: "ok" });
    await pool.close();
    await close(server);
  });
}

test("a request that is given up on takes its connection with it; others go on", async () => {
  const server = http.createServer((request, response) => {
    if (request.url !== "/never") response.end("ok");
  });
  const { pool, ask } = client(await listening(server), { connections: 1 });
  void ask("/never");
  const second = ask("/next");
  await new Promise((resolve) => server.once("request", resolve));
  pool.cancel(0);
  assert.deepEqual(await second, { status: 200, body: "ok" });
  assert.equal(pool.connected, 2);
  await pool.close();
  await close(server);
});

test("an answer that drips is no answer until it is whole, and giving up ends it", async () => {
  const dripping = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      const drip = setInterval(() => socket.write("."), 5);
      socket.on("close", () => clearInterval(drip));
    });
  });
  const { pool, ask } = client(await listening(dripping), { connections: 1 });
  let answered = false;
  void ask().then(() => (answered = true));
  const [socket] = (await once(dripping, "connection")) as [net.Socket];
  await once(socket, "data");
  pool.cancel(0);
  // Not `once`: the connection ends with a reset, which is an error to whoever waits like that.
  await new Promise((resolve) => socket.on("close", resolve));
  assert.equal(answered, false);
  await pool.close();
  await close(dripping);
});

test("giving up on some of many takes their connections alone, and those that waited with them", async () => {
  const held: http.ServerResponse[] = [];
  const server = http.createServer((_, response) => void held.push(response));
  const { pool, ask } = client(await listening(server), { connections: 20 });
  const outcomes = Array.from({ length: 40 }, (_, i) => ask(`/${i}`));
  while (held.length < 20) await new Promise((resolve) => setImmediate(resolve));
  // The first twenty are under way, the others wait: of both every second.
  for (let token = 0; token < 40; token += 2) pool.cancel(token);
  pool.cancel(0);
  pool.cancel(1_000);
  server.removeAllListeners("request");
  server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => response.end(request.url));
  for (const response of held) response.end(response.req.url);
  for (let token = 1; token < 40; token += 2)
    assert.deepEqual(await outcomes[token], { status: 200, body: `/${token}` });
  assert.ok(pool.connected >= 20 && pool.connected <= 30, `${pool.connected} connections were made`);
  await pool.close();
  await close(server);
});
