/** Watches over sockets: the past, the present, the future and what is forgotten. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createEtcdDoor } from "./door.ts";
import { MemoryKeys } from "./memory-keys.fixture.ts";
import type { HttpDoor } from "../public-http.ts";
import type { Answer, Request } from "../../api.ts";
import { second } from "../../kernel/units.ts";

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

function fresh(): void {
  keys = new MemoryKeys();
}

async function answer(path: string, body: string): Promise<string> {
  const response = await fetch(door.url + path, { method: "POST", body });
  return `${response.status} ${await response.text()}`;
}

/** The results of a watch, one at a time. */
class Watched {
  private readonly abort = new AbortController();
  private reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  private text = "";

  async open(create: object): Promise<this> {
    const body = JSON.stringify({ create_request: create });
    const response = await fetch(`${door.url}/v3/watch`, { method: "POST", body, signal: this.abort.signal });
    assert.equal(response.status, 200);
    this.reader = response.body!.getReader();
    return this;
  }

  /** Undefined when the door ended the stream. */
  async next(): Promise<Record<string, unknown> | undefined> {
    for (;;) {
      const end = this.text.indexOf("\n");
      if (end >= 0) {
        const line = this.text.slice(0, end);
        this.text = this.text.slice(end + 1);
        return (JSON.parse(line) as { result: Record<string, unknown> }).result;
      }
      const { done, value } = await this.reader!.read();
      if (done) return undefined;
      this.text += Buffer.from(value).toString();
    }
  }

  leave(): void {
    this.abort.abort();
  }
}

interface Shown {
  readonly type?: string;
  readonly kv: { readonly key: string; readonly mod_revision: string };
  readonly prev_kv?: object;
}

function shown(result: Record<string, unknown> | undefined): string {
  return ((result?.events ?? []) as Shown[])
    .map(
      ({ type = "PUT", kv, prev_kv }) =>
        `${type} ${atob(kv.key)}@${kv.mod_revision}${prev_kv === undefined ? "" : "+"}`,
    )
    .join(" ");
}

test("a watch: created first, then the past, then what happens; filters, ids, values before", async () => {
  fresh();
  const put = (key: string): Promise<string> => answer("/v3/kv/put", JSON.stringify({ key: btoa(key), value: "YQ==" }));
  await put("a");
  await put("b");
  await put("a");
  const past = await new Watched().open({ key: btoa("a"), start_revision: "2", prev_kv: true, watch_id: 5 });
  const created = await past.next();
  assert.equal(created?.created, true);
  assert.equal(created?.watch_id, "5");
  assert.equal((created?.header as { revision?: string } | undefined)?.revision, "4");
  assert.equal(shown(await past.next()), "PUT a@2 PUT a@4+");
  const now = await new Watched().open({ key: btoa("a"), range_end: btoa("c"), filters: ["NOPUT"] });
  assert.equal((await now.next())?.created, true);
  await put("b");
  await answer("/v3/kv/deleterange", JSON.stringify({ key: btoa("a"), range_end: btoa("c") }));
  assert.equal(shown(await past.next()), "DELETE a@6+");
  assert.equal(shown(await now.next()), "DELETE a@6 DELETE b@6");
  past.leave();
  now.leave();
});

test("a watch from the future says nothing of what comes before", async () => {
  fresh();
  keys.maxWaitMs = 1;
  const watched = await new Watched().open({ key: btoa("a"), start_revision: 4, progress_notify: true });
  await watched.next();
  assert.equal((await watched.next())?.events, undefined, "a wait has come to nothing");
  for (let i = 0; i < 4; i++) await answer("/v3/kv/put", '{"key":"YQ=="}');
  for (;;) {
    const told = shown(await watched.next());
    if (told === "") continue;
    assert.equal(told, "PUT a@4");
    break;
  }
  watched.leave();
});

test("a watch of what is compacted is told so and ended", async () => {
  fresh();
  for (let i = 0; i < 5; i++) await answer("/v3/kv/put", '{"key":"YQ=="}');
  await answer("/v3/kv/compaction", '{"revision":4}');
  const watched = await new Watched().open({ key: "YQ==", start_revision: 2 });
  assert.equal((await watched.next())?.created, true);
  const canceled = await watched.next();
  assert.deepEqual([canceled?.canceled, canceled?.compact_revision], [true, "4"]);
  assert.equal(await watched.next(), undefined);
});

test("a watch sees a lease end, goes on after failures, and hears of progress", async () => {
  fresh();
  keys.maxWaitMs = 5;
  await answer("/v3/lease/grant", '{"ID":1,"TTL":5}');
  await answer("/v3/kv/put", '{"key":"YQ==","lease":1}');
  const watched = await new Watched().open({ key: "YQ==", progress_notify: true });
  assert.equal((await watched.next())?.created, true);
  const progress = await watched.next();
  assert.deepEqual(Object.keys(progress!), ["header"]);
  let failures = 0;
  instead = (request, done) => {
    if (request.kind !== "key-watch" || failures++ > 1) keys.submit(request, done);
    else done({ kind: "unknown", code: "timeout", message: "m" });
  };
  keys.now = 6 * second;
  keys.expire();
  for (;;) {
    const result = await watched.next();
    if (result?.events === undefined) continue;
    assert.equal(shown(result), "DELETE a@3");
    break;
  }
  assert.ok(failures > 1);
  instead = null;
  watched.leave();
});

test("a watch that may be fragmented gets a large revision in pieces", async () => {
  fresh();
  const value = Buffer.alloc(300_000, 1).toString("base64");
  const puts = (from: number): object[] =>
    [0, 1, 2, 3].map((i) => ({ requestPut: { key: btoa(`k${from + i}`), value } }));
  const watched = await new Watched().open({ key: btoa("k"), range_end: btoa("l"), fragment: true });
  await watched.next();
  await answer("/v3/kv/txn", JSON.stringify({ success: puts(0) }));
  const first = await watched.next();
  assert.deepEqual([shown(first), first?.fragment], ["PUT k0@2 PUT k1@2", true]);
  const last = await watched.next();
  assert.deepEqual([shown(last), last?.fragment], ["PUT k2@2 PUT k3@2", undefined]);
  watched.leave();
});

test("a backend that throws ends the watch, and nothing else", async () => {
  fresh();
  const watched = await new Watched().open({ key: "YQ==" });
  await watched.next();
  instead = () => {
    throw new Error("planted");
  };
  const other = await fetch(`${door.url}/v3/watch`, { method: "POST", body: '{"create_request":{}}' });
  await assert.rejects(other.text());
  instead = null;
  assert.equal((await fetch(`${door.url}/health`)).status, 200);
  await answer("/v3/kv/put", '{"key":"YQ=="}');
  assert.equal(shown(await watched.next()), "PUT a@2");
  watched.leave();
});

test("a watch that is none is refused", async () => {
  assert.match(await answer("/v3/watch", "{}"), /^400 .*no create_request/);
  assert.match(await answer("/v3/watch", "x"), /^400 .*invalid JSON/);
  assert.match(await answer("/v3/watch", '{"create_request":{"filters":["NO"]}}'), /^400 .*unknown value/);
});
