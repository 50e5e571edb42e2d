/** The door over sockets: what etcd's documentation sends with curl, every outcome, limits, malformed HTTP, closing. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { createEtcdDoor } from "./door.ts";
import { MemoryKeys } from "./memory-keys.fixture.ts";
import type { HttpDoor } from "../public-http.ts";
import type { Answer, Request } from "../../api.ts";

let door: HttpDoor;
let keys = new MemoryKeys();
/** Set by a test to answer in the machine's place. */
let instead: ((request: Request, done: (answer: Answer) => void) => void) | null = null;

const backend = {
  submit(request: Request, done: (answer: Answer) => void): void {
    if (instead === null || request.kind === "log-status") keys.submit(request, done);
    else instead(request, done);
  },
};

before(async () => {
  door = await createEtcdDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend, progressIntervalMs: 0 });
});

after(() => door.close());

/** As `curl -d`, which says that it sends a form. */
function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const form = { "content-type": "application/x-www-form-urlencoded", ...headers };
  return fetch(door.url + path, { method: "POST", body, headers: form });
}

const identity = `"cluster_id":"14841639068965178418","member_id":"14841639068965178419"`;

/** An answer with the header as etcd's documentation abbreviates it. */
async function answer(path: string, body: string): Promise<string> {
  const response = await post(path, body);
  return `${response.status} ${(await response.text()).replaceAll(`${identity},`, "").replaceAll(',"raft_term":"2"', "")}`;
}

function fresh(): void {
  keys = new MemoryKeys();
}

test("etcd's documentation, 'gRPC gateway': put, get, all keys, transactions", async () => {
  fresh();
  assert.equal(await answer("/v3/kv/put", '{"key": "Zm9v", "value": "YmFy"}'), '200 {"header":{"revision":"2"}}');
  const foo = '{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}';
  const got = `200 {"header":{"revision":"2"},"kvs":[${foo}],"count":"1"}`;
  assert.equal(await answer("/v3/kv/range", '{"key": "Zm9v"}'), got);
  assert.equal(await answer("/v3/kv/range", '{"key": "Zm9v", "range_end": "Zm9w"}'), got);
  assert.equal(
    await answer(
      "/v3/kv/txn",
      '{"compare":[{"target":"CREATE","key":"Zm9v","createRevision":"2"}],"success":[{"requestPut":{"key":"Zm9v","value":"YmFy"}}]}',
    ),
    '200 {"header":{"revision":"3"},"succeeded":true,"responses":[{"response_put":{"header":{"revision":"3"}}}]}',
  );
  assert.equal(
    await answer(
      "/v3/kv/txn",
      '{"compare":[{"version":"4","result":"EQUAL","target":"VERSION","key":"Zm9v"}],"success":[{"requestRange":{"key":"Zm9v"}}]}',
    ),
    '200 {"header":{"revision":"3"}}',
  );
});

test("what an etcd 3.4.23 answered to the same requests", async () => {
  fresh();
  const header = (revision: number): string => `"header":{"revision":"${revision}"}`;
  const error = (status: number, code: number, text: string): string =>
    `${status} {"error":"${text}","message":"${text}","code":${code}}`;
  const seen: [string, string, string][] = [
    ["kv/put", '{"key":"Zm9v","value":"YmFy"}', `200 {${header(2)}}`],
    ["kv/range", '{"key":"enp6"}', `200 {${header(2)}}`],
    ["kv/range", '{"key":"Zm9v","count_only":true}', `200 {${header(2)},"count":"1"}`],
    [
      "kv/range",
      '{"key":"Zm9v","revision":99}',
      error(400, 11, "etcdserver: mvcc: required revision is a future revision"),
    ],
    [
      "kv/range",
      '{"key":"Zm9v","keys_only":"true"}',
      error(400, 3, "json: cannot unmarshal string into Go value of type bool"),
    ],
    [
      "kv/range",
      '{"key":"Zm9v","limit":1.5}',
      error(400, 3, "json: cannot unmarshal number 1.5 into Go value of type int64"),
    ],
    ["kv/range", '{"key":5}', error(400, 3, "json: cannot unmarshal number into Go value of type []uint8")],
    ["kv/range", '{"key":"Zm9"}', `200 {${header(2)}}`],
    ["kv/range", "{}", error(400, 3, "etcdserver: key is not provided")],
    ["kv/range", "", error(400, 3, "etcdserver: key is not provided")],
    ["kv/range", "[]", error(400, 3, "json: cannot unmarshal array into Go value of type map[string]json.RawMessage")],
    [
      "kv/put",
      '{"key":"Zm9v","value":"YmFy","prev_kv":true}',
      `200 {${header(3)},"prev_kv":{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}}`,
    ],
    ["kv/put", '{"key":"Zm9v","value":"YmFy","ignore_value":true}', error(400, 3, "etcdserver: value is provided")],
    ["kv/put", '{"key":"Zm9v","lease":5,"ignore_lease":true}', error(400, 3, "etcdserver: lease is provided")],
    ["kv/put", '{"key":"bm9uZQ==","ignore_value":true}', error(400, 3, "etcdserver: key not found")],
    ["kv/put", '{"key":"Zm9v","lease":77}', error(404, 5, "etcdserver: requested lease not found")],
    ["kv/put", '{"key":"ZW1wdHk="}', `200 {${header(4)}}`],
    [
      "kv/range",
      '{"key":"ZW1wdHk="}',
      `200 {${header(4)},"kvs":[{"key":"ZW1wdHk=","create_revision":"4","mod_revision":"4","version":"1"}],"count":"1"}`,
    ],
    [
      "kv/deleterange",
      '{"key":"Zm9v","prev_kv":true}',
      `200 {${header(5)},"deleted":"1","prev_kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"3","version":"2","value":"YmFy"}]}`,
    ],
    ["kv/deleterange", '{"key":"Zm9v"}', `200 {${header(5)}}`],
    [
      "kv/txn",
      '{"success":[{"requestPut":{"key":"Zm9v","value":"YmFy"}},{"request_range":{"key":"Zm9v"}},{"requestTxn":{"success":[{"requestRange":{"key":"Zm9v"}},{"requestDeleteRange":{"key":"enp6"}}]}}]}',
      `200 {${header(6)},"succeeded":true,"responses":[{"response_put":{${header(6)}}},{"response_range":{${header(6)},"kvs":[{"key":"Zm9v","create_revision":"6","mod_revision":"6","version":"1","value":"YmFy"}],"count":"1"}},{"response_txn":{"header":{},"succeeded":true,"responses":[{"response_range":{${header(6)},"kvs":[{"key":"Zm9v","create_revision":"6","mod_revision":"6","version":"1","value":"YmFy"}],"count":"1"}},{"response_delete_range":{${header(6)}}}]}}]}`,
    ],
    [
      "kv/txn",
      '{"success":[{"requestPut":{"key":"Zm9v","value":"YmFy"}},{"requestPut":{"key":"Zm9v","value":"YmFy"}}]}',
      error(400, 3, "etcdserver: duplicate key given in txn request"),
    ],
    ["kv/txn", '{"success":[{}]}', error(400, 3, "etcdserver: key not found")],
    ["kv/txn", "{}", `200 {${header(6)},"succeeded":true}`],
    ["kv/txn", '{"compare":[{}]}', error(400, 3, "etcdserver: key is not provided")],
    [
      "kv/txn",
      '{"success":[{"request_range":{"key":"Zm9v","count_only":true}},{"request_delete_range":{"key":"Zm9v"}}]}',
      `200 {${header(7)},"succeeded":true,"responses":[{"response_range":{${header(6)},"count":"1"}},{"response_delete_range":{${header(7)},"deleted":"1"}}]}`,
    ],
    ["kv/compaction", '{"revision":2}', `200 {${header(7)}}`],
    ["kv/compaction", '{"revision":2}', error(400, 11, "etcdserver: mvcc: required revision has been compacted")],
    ["kv/compaction", '{"revision":2000}', error(400, 11, "etcdserver: mvcc: required revision is a future revision")],
    [
      "kv/range",
      '{"key":"Zm9v","revision":"1"}',
      error(400, 11, "etcdserver: mvcc: required revision has been compacted"),
    ],
    ["lease/grant", '{"TTL":"100","ID":"12"}', `200 {${header(7)},"ID":"12","TTL":"100"}`],
    ["lease/grant", '{"TTL":100,"ID":12}', error(412, 9, "etcdserver: lease already exists")],
    ["lease/grant", '{"TTL":99999999999,"ID":14}', error(400, 11, "etcdserver: too large lease TTL")],
    ["kv/put", '{"key":"bGVhc2Vk","lease":12}', `200 {${header(8)}}`],
    [
      "lease/timetolive",
      '{"ID":12,"keys":true}',
      `200 {${header(8)},"ID":"12","TTL":"100","grantedTTL":"100","keys":["bGVhc2Vk"]}`,
    ],
    ["kv/lease/timetolive", '{"ID":12}', `200 {${header(8)},"ID":"12","TTL":"100","grantedTTL":"100"}`],
    ["kv/lease/timetolive", '{"ID":999}', `200 {${header(8)},"ID":"999","TTL":"-1"}`],
    ["lease/keepalive", '{"ID":12}', `200 {"result":{${header(8)},"ID":"12","TTL":"100"}}\n`],
    ["lease/leases", "{}", `200 {${header(8)},"leases":[{"ID":"12"}]}`],
    ["kv/lease/leases", "", `200 {${header(8)},"leases":[{"ID":"12"}]}`],
    ["lease/revoke", '{"ID":12}', `200 {${header(9)}}`],
    ["kv/lease/revoke", '{"ID":12}', error(404, 5, "etcdserver: requested lease not found")],
  ];
  for (const [path, body, expected] of seen) {
    // Unpadded base64 is taken here and refused there: the one difference in the table.
    assert.equal(await answer(`/v3/${path}`, body), expected, `${path} ${body}`);
  }
});

test("status, health, version, and what is not there", async () => {
  fresh();
  const status = (await (await post("/v3/maintenance/status", "{}")).json()) as Record<string, unknown>;
  assert.equal(status.leader, "14841639068965178419");
  assert.deepEqual([status.raftIndex, status.raftTerm, status.dbSize], ["9", "2", "20480"]);
  const get = async (path: string): Promise<string> => {
    const response = await fetch(door.url + path);
    return `${response.status} ${await response.text()}`;
  };
  assert.equal(await get("/health"), '200 {"health":"true"}');
  assert.equal(await get("/version"), '200 {"etcdserver":"3.4.0","etcdcluster":"3.4.0"}');
  assert.match(await get("/"), /^404 /);
  assert.match(await get("/v3/kv/put"), /^405 /);
  assert.match(await answer("/v3/kv/nothing", "{}"), /^404 /);
  instead = (_request, done) => done({ kind: "refused", code: "unavailable", message: "Nobody leads" });
  assert.equal(await get("/health"), '503 {"health":"false"}');
  instead = null;
});

test("every outcome has gRPC's code and the gateway's status, and an unknown one says so", async () => {
  const answered = async (answer: Answer): Promise<string> => {
    instead = (_request, done) => done(answer);
    try {
      const response = await post("/v3/kv/put", '{"key":"YQ=="}');
      const { code, error, message } = (await response.json()) as Record<string, unknown>;
      assert.equal(error, message);
      return `${response.status} ${String(code)} ${String(message)}`;
    } finally {
      instead = null;
    }
  };
  const refused = (code: Extract<Answer, { kind: "refused" }>["code"]): Promise<string> =>
    answered({ kind: "refused", code, message: "m" });
  assert.match(await refused("unavailable"), /^503 14 .*nothing was done/);
  assert.match(await refused("expired"), /^504 4 .*before it began/);
  assert.match(await refused("overloaded"), /^429 8 /);
  assert.match(await refused("invalid"), /^400 3 /);
  assert.match(await refused("not-found"), /^404 5 /);
  const unknown = (code: Extract<Answer, { kind: "unknown" }>["code"]): Promise<string> =>
    answered({ kind: "unknown", code, message: "m" });
  assert.match(await unknown("timeout"), /^504 4 .*the outcome is unknown/);
  assert.match(await unknown("connection-lost"), /^503 14 .*the outcome is unknown/);
  instead = () => {
    throw new Error("planted");
  };
  assert.match(await answer("/v3/kv/put", '{"key":"YQ=="}'), /^500 .*unknown.*planted/);
  instead = (_request, done) => done({ kind: "ok", result: { kind: "worked", queuedUs: 0 } });
  assert.match(await answer("/v3/kv/put", '{"key":"YQ=="}'), /^500 .*worked/);
  instead = null;
});

test("the client's patience is handed on, in our header or the gateway's", async () => {
  const seen: (number | undefined)[] = [];
  instead = (request, done) => {
    seen.push((request as { timeoutUs?: number }).timeoutUs);
    done({ kind: "refused", code: "overloaded", message: "m" });
  };
  const said = [
    ["x-wavetank-timeout-us", "250000"],
    ["Grpc-Timeout", "3S"],
    ["Grpc-Timeout", "x"],
  ];
  for (const header of said) await post("/v3/kv/put", '{"key":"YQ=="}', Object.fromEntries([header]));
  instead = null;
  assert.deepEqual(seen, [250_000, 3_000_000, undefined]);
});

/* ---- limits ------------------------------------------------------------------------------------------------------------- */

test("bodies over the limit, too many headers and two hosts are refused and the connection closed", async () => {
  for (const path of ["/v3/kv/put", "/v3/watch"]) {
    const large = await post(path, "x".repeat(2_097_153));
    assert.equal(large.status, 429);
    assert.equal(large.headers.get("connection"), "close");
    assert.match(await large.text(), /too large/);
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`h${i}`, "1"]));
    const refused = await post(path, "{}", many);
    assert.ok(refused.status === 400 || refused.status === 431, String(refused.status));
  }
  const head = `POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nHOST: b\r\nContent-Length: 2\r\n\r\n{}`;
  assert.match(await exchange(head), /^HTTP\/1.1 400 [^]*two Host headers/);
});

test("malformed HTTP closes the connection and harms nobody; so does a client that leaves", async () => {
  for (const bytes of [
    "GET\r\n\r\n",
    "\u0000\u0001",
    "POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
  ]) {
    assert.match(await exchange(bytes), /^HTTP\/1.1 400 /);
  }
  const submitted = Promise.withResolvers<(answer: Answer) => void>();
  instead = (_request, done) => submitted.resolve(done);
  const abort = new AbortController();
  const left = fetch(`${door.url}/v3/kv/put`, { method: "POST", body: '{"key":"YQ=="}', signal: abort.signal });
  const done = await submitted.promise;
  abort.abort();
  await assert.rejects(left);
  instead = null;
  done({ kind: "unknown", code: "timeout", message: "m" });
  await cutOff("POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{");
  assert.equal((await fetch(`${door.url}/health`)).status, 200);
});

test("a body in many pieces is one body, and pipelined requests are answered in order", async () => {
  fresh();
  const body = '{"key":"w6Q=","value":"YQ=="}';
  const put = `POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const range = `POST /v3/kv/range HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{"key":"w6Q="}`;
  const text = await exchange(put + put + range, 7);
  assert.deepEqual(
    [...text.matchAll(/"revision":"(\d)"/g)].map(([, revision]) => revision),
    ["2", "3", "3"],
  );
});

/** @param piece characters that are written at a time */
function exchange(bytes: string, piece = bytes.length): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(door.port, "127.0.0.1", () => {
      const write = (from: number): void => {
        if (from < bytes.length) socket.write(bytes.slice(from, from + piece), () => write(from + piece));
      };
      write(0);
    });
    socket.setNoDelay(true);
    let text = "";
    socket.on("data", (data) => (text += data.toString()));
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
}

function cutOff(bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(door.port, "127.0.0.1", () => socket.write(bytes, () => socket.destroy()));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
  });
}

test("closing answers what is in flight and ends watches", async () => {
  let finish: (() => void) | null = null;
  const submitted = Promise.withResolvers<void>();
  const memory = new MemoryKeys();
  const other = await createEtcdDoor({
    host: "127.0.0.1",
    port: 0,
    reusePort: false,
    backend: {
      submit(request, done) {
        if (request.kind !== "key-put") return memory.submit(request, done);
        finish = () => memory.submit(request, done);
        submitted.resolve();
      },
    },
  });
  const watch = await fetch(`${other.url}/v3/watch`, { method: "POST", body: '{"create_request":{"key":"YQ=="}}' });
  const answer = fetch(`${other.url}/v3/kv/put`, { method: "POST", body: '{"key":"YQ=="}' });
  await submitted.promise;
  const closed = other.close();
  finish!();
  assert.equal((await answer).status, 200);
  assert.match(await watch.text(), /created/);
  await closed;
  await assert.rejects(fetch(other.url));
});
