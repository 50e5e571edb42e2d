/** The door over sockets: official client, limits, malformed HTTP, closing, and two threads on one port. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { createDynamoDoor } from "./door.ts";
import { MemoryTables } from "../../services/items/memory-tables.ts";
import { runDynamoSession } from "./session.ts";
import type { DynamoDoor } from "./door.ts";
import type { Answer, Request } from "../../api.ts";

let door: DynamoDoor;
const tables = new MemoryTables();
/** Set by a test to answer in the tables' place. */
let instead: ((request: Request, done: (answer: Answer) => void) => void) | null = null;

before(async () => {
  const backend = {
    submit(request: Request, done: (answer: Answer) => void): void {
      if (instead === null) done(tables.handle(request));
      else instead(request, done);
    },
  };
  door = await createDynamoDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend, nodes: 3 });
});

after(() => door.close());

const signed = {
  "content-type": "application/x-amz-json-1.0",
  "x-amz-date": "20260101T000000Z",
  authorization: "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f",
};

async function post(operation: string, body: string, headers: object = signed): Promise<Response> {
  const target = `DynamoDB_20120810.${operation}`;
  return fetch(door.url, { method: "POST", body, headers: { ...headers, "x-amz-target": target } });
}

const get = JSON.stringify({ TableName: "some-table", Key: { id: { S: "a" } } });

async function answeredWith(answer: Answer): Promise<{ status: number; type: string; body: Record<string, unknown> }> {
  instead = (_request, done) => done(answer);
  try {
    const response = await post("GetItem", get);
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, type: String(body.__type).split("#")[1], body };
  } finally {
    instead = null;
  }
}

test("the official client's session, errors included", () => runDynamoSession(door.url));

test("every outcome has the service's code and status", async () => {
  const refused = async (code: Extract<Answer, { kind: "refused" }>["code"]): Promise<string> => {
    const { status, type } = await answeredWith({ kind: "refused", code, message: "m" });
    return `${status} ${type}`;
  };
  assert.equal(await refused("throttled"), "400 ProvisionedThroughputExceededException");
  assert.equal(await refused("overloaded"), "400 ThrottlingException");
  assert.equal(await refused("unavailable"), "503 ServiceUnavailableException");
  assert.equal(await refused("expired"), "503 ServiceUnavailableException");
  assert.equal(await refused("condition-failed"), "400 ConditionalCheckFailedException");
  assert.equal(await refused("not-found"), "400 ResourceNotFoundException");
  assert.equal(await refused("exists"), "400 ResourceInUseException");
  assert.equal(await refused("invalid"), "400 ValidationException");
  const unknown = await answeredWith({ kind: "unknown", code: "timeout", message: "m" });
  assert.equal(`${unknown.status} ${unknown.type}`, "500 InternalServerError");
});

test("the item a condition failed on is answered only when asked for", async () => {
  const item = { id: { S: "a" } };
  instead = (_request, done) => done({ kind: "refused", code: "condition-failed", message: "m", item });
  const put = { TableName: "some-table", Item: item };
  const plain = (await (await post("PutItem", JSON.stringify(put))).json()) as object;
  const asked = JSON.stringify({ ...put, ReturnValuesOnConditionCheckFailure: "ALL_OLD" });
  const full = (await (await post("PutItem", asked)).json()) as { Item?: object };
  instead = null;
  assert.ok(!("Item" in plain));
  assert.deepEqual(full.Item, item);
});

test("answers carry a request id of 52 characters and the CRC of their body", async () => {
  const response = await post("GetItem", get);
  const { crc32 } = await import("node:zlib");
  assert.match(response.headers.get("x-amzn-requestid")!, /^[0-9A-Z]{52}$/);
  assert.equal(Number(response.headers.get("x-amz-crc32")), crc32(await response.text()));
});

test("the client's patience is handed on", async () => {
  let seen: Request | null = null;
  instead = (request, done) => {
    seen = request;
    done({ kind: "refused", code: "overloaded", message: "m" });
  };
  await post("GetItem", get, { ...signed, "x-wavetank-timeout-us": "250000" });
  instead = null;
  assert.equal((seen as { timeoutUs?: number } | null)?.timeoutUs, 250_000);
});

test("what is not the service's protocol is refused as the service refuses it", async () => {
  const unsigned = await post("GetItem", get, { "content-type": "application/x-amz-json-1.0" });
  assert.equal(unsigned.status, 400);
  assert.match(await unsigned.text(), /MissingAuthenticationTokenException/);
  const form = await post("GetItem", get, { ...signed, "content-type": "text/plain" });
  assert.equal(form.status, 404);
  assert.equal((await fetch(door.url)).status, 200);
  assert.equal((await fetch(`${door.url}/other`)).status, 404);
  assert.equal((await fetch(door.url, { method: "DELETE" })).status, 404);
});

test("bodies over 1 MiB, and too many headers, are refused and the connection closed", async () => {
  const large = await post("PutItem", "x".repeat(1_048_577));
  assert.equal(large.status, 413);
  assert.match(await large.text(), /RequestEntityTooLargeException/);
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`h${i}`, "1"]));
  assert.equal((await post("GetItem", get, { ...signed, ...many })).status, 431);
});

test("malformed HTTP closes the connection and harms nobody", async () => {
  for (const bytes of [
    "GET\r\n\r\n",
    "\u0000\u0001\u0002",
    "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: x\r\n\r\n",
  ]) {
    const reply = await exchange(bytes);
    assert.match(reply, /^HTTP\/1.1 400 /);
  }
  assert.equal((await fetch(door.url)).status, 200);
});

test("a client that leaves before its answer harms nobody", async () => {
  const submitted = Promise.withResolvers<(answer: Answer) => void>();
  instead = (_request, done) => submitted.resolve(done);
  const abort = new AbortController();
  const headers = { ...signed, "x-amz-target": "DynamoDB_20120810.GetItem" };
  const left = fetch(door.url, { method: "POST", body: get, headers, signal: abort.signal });
  const done = await submitted.promise;
  abort.abort();
  await assert.rejects(left);
  instead = null;
  done({ kind: "unknown", code: "timeout", message: "m" });
  assert.equal((await fetch(door.url)).status, 200);
});

test("a backend that throws is an internal error of one request", async () => {
  instead = () => {
    throw new Error("planted");
  };
  const response = await post("GetItem", get);
  instead = null;
  assert.equal(response.status, 500);
  assert.match(await response.text(), /InternalServerError.*planted/);
});

test("two Host headers are refused", async () => {
  const reply = await exchange(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  assert.match(reply, /^HTTP\/1.1 200 /);
  const head = `POST / HTTP/1.1\r\nHost: a\r\nHOST: b\r\nConnection: close\r\nContent-Type: application/json\r\n`;
  assert.match(await exchange(`${head}Content-Length: 2\r\n\r\n{}`), /^HTTP\/1.1 400 [^]*two Host headers/);
});

function exchange(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(door.port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (data) => (text += data.toString()));
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
}

test("closing answers what is in flight", async () => {
  let finish: (() => void) | null = null;
  const submitted = Promise.withResolvers<void>();
  const other = await createDynamoDoor({
    host: "127.0.0.1",
    port: 0,
    reusePort: false,
    nodes: 1,
    backend: {
      submit(_request, done) {
        finish = () => done({ kind: "ok", result: { kind: "item", item: null, siblings: [], context: "", units: 1 } });
        submitted.resolve();
      },
    },
  });
  const headers = { ...signed, "x-amz-target": "DynamoDB_20120810.GetItem" };
  const answer = fetch(other.url, { method: "POST", body: get, headers });
  await submitted.promise;
  const closed = other.close();
  finish!();
  assert.equal((await answer).status, 200);
  await closed;
  await assert.rejects(fetch(other.url));
});

/** A thread that opens a door on the port it is given and answers every GetItem with its own number. */
const thread = `
  const { workerData, parentPort } = require("node:worker_threads");
  import(workerData.door).then(async ({ createDynamoDoor }) => {
    const item = { thread: { N: String(workerData.number) } };
    const result = { kind: "item", item, siblings: [item], context: "", units: 1 };
    const backend = { submit: (request, done) => done({ kind: "ok", result }) };
    const options = { host: "127.0.0.1", port: workerData.port, reusePort: true, nodes: 1, backend };
    const door = await createDynamoDoor(options);
    parentPort.on("message", async () => { await door.close(); process.exit(0); });
    parentPort.postMessage(door.port);
  });
`;

test("two threads listen on one port and both are given connections", async () => {
  const workers: Worker[] = [];
  let port = 0;
  for (const number of [1, 2]) {
    const workerData = { door: new URL("./door.ts", import.meta.url).href, number, port };
    const worker = new Worker(thread, { eval: true, workerData });
    workers.push(worker);
    port = await new Promise<number>((resolve, reject) => worker.once("message", resolve).once("error", reject));
  }
  const answered = new Set<string>();
  const headers = { ...signed, "x-amz-target": "DynamoDB_20120810.GetItem", connection: "close" };
  // The kernel spreads connections by hash: 64 in a row on one side has a chance of 2^-63.
  for (let i = 0; i < 64 && answered.size < 2; i++) {
    const response = await fetch(`http://127.0.0.1:${port}`, { method: "POST", body: get, headers });
    answered.add(((await response.json()) as { Item: { thread: { N: string } } }).Item.thread.N);
  }
  const exits = workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
  for (const worker of workers) worker.postMessage("close");
  await Promise.all(exits);
  assert.deepEqual([...answered].sort(), ["1", "2"]);
});
