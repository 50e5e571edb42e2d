/**
 * `wavetank serve --service etcd` beside a real etcd: random sequences of everything that both have, one request at a time to each, through
 * their JSON gateways. Every answer is equal, byte for byte but for who answers. ETCD_SEED chooses another sequence.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../backend/kernel/random.ts";
import { ensureSystemPackages, findProgram } from "../scripts/system-packages.ts";
import { Child, wavetank } from "./agents/nats-server.fixture.ts";

const seed = Number(process.env.ETCD_SEED ?? 1);
const operations = Number(process.env.ETCD_COUNT ?? 1_000);

/* ---- two servers -------------------------------------------------------------------------------------------------------- */

/** Undefined where there is no etcd and none can be installed; in CI that is an error. */
async function startEtcd(t: TestContext): Promise<string | undefined> {
  ensureSystemPackages(["etcd-server"]);
  const program = findProgram(["etcd"]);
  if (program === undefined) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), "wavetank-etcd-"));
  const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
  const flags = ["--data-dir", folder, "--listen-client-urls", client, "--advertise-client-urls", client];
  const peers = ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer];
  const server = new Child(t, program, [...flags, ...peers, "--initial-cluster", `default=${peer}`]);
  // It says much before it is ready, and every word is listened for anew.
  server.process.setMaxListeners(0);
  t.after(async () => {
    server.process.kill("SIGKILL");
    await server.ended();
    rmSync(folder, { recursive: true });
  });
  await server.says(/ready to serve client requests/);
  return client;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function startOurs(t: TestContext, ...flags: readonly string[]): Promise<{ server: Child; url: string }> {
  const server = wavetank(t, "serve", "--service", "etcd", "--port", "0", ...flags);
  const [, url] = await server.says(/^ready {2}(http:\S+)$/m);
  return { server, url };
}

async function post(url: string, request: Call): Promise<string> {
  const response = await fetch(`${url}/v3/${request.path}`, { method: "POST", body: JSON.stringify(request.body) });
  return `${response.status} ${anonymous(await response.text())}`;
}

/** Who answers, in which term, is left out; so is how much longer a lease has. */
function anonymous(text: string): string {
  return text
    .replaceAll(/"(cluster_id|member_id)":"\d+",?/g, "")
    .replaceAll(/,?"raft_term":"\d+"/g, "")
    .replaceAll(/"TTL":"\d+","grantedTTL"/g, '"grantedTTL"');
}

/* ---- what is asked ------------------------------------------------------------------------------------------------------ */

interface Call {
  readonly path: string;
  readonly body: object;
}

/** Draws requests over so few keys that they meet; revisions lie around the present one. */
class Caller {
  revision = 1;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  next(): Call {
    const share = this.random.below(100);
    if (share < 30) return { path: "kv/put", body: this.put() };
    if (share < 58) return { path: "kv/range", body: this.range() };
    if (share < 68) return { path: "kv/deleterange", body: this.remove() };
    if (share < 88) return { path: "kv/txn", body: this.txn(2) };
    if (share < 92) return { path: "kv/compaction", body: { revision: this.near() } };
    const lease = this.lease();
    return this.random.pick<Call>([
      { path: "lease/grant", body: { ID: lease, TTL: "1000" } },
      { path: "lease/grant", body: { ID: lease, TTL: 1_000 } },
      { path: "lease/revoke", body: { ID: lease } },
      { path: "lease/timetolive", body: { ID: lease, keys: true } },
    ]);
  }

  private some(share: number): boolean {
    return this.random.below(100) < share;
  }

  private key(): string {
    return this.random.pick(["YQ==", "YWE=", "YWI=", "Yg==", "Yw==", "/w==", "//8="]);
  }

  /** "\0" is everything from the key on; the last lies before most keys. */
  private span(): object {
    const end = this.random.pick([undefined, undefined, "AA==", "Yg==", "YWI=", "ZA==", "IQ=="]);
    return end === undefined ? { key: this.key() } : { key: this.some(10) ? "AA==" : this.key(), range_end: end };
  }

  private value(): string {
    return this.random.pick(["", "YQ==", "YWE=", "Yg==", "/wA="]);
  }

  private lease(): number {
    return 1 + this.random.below(3);
  }

  private near(): number {
    return Math.max(0, this.revision - this.random.below(30) + (this.some(10) ? 20 : 0));
  }

  private put(): object {
    const body: Record<string, unknown> = { key: this.key(), value: this.value() };
    if (this.some(20)) body.prev_kv = true;
    if (this.some(10)) body.lease = this.lease();
    if (this.some(8)) body.ignore_value = true;
    if (this.some(8)) body.ignore_lease = true;
    if (this.some(5)) delete body.value;
    return body;
  }

  private range(): object {
    const body: Record<string, unknown> = { ...this.span() };
    if (this.some(30)) body.revision = this.near();
    if (this.some(30)) body.limit = String(this.random.below(4));
    if (this.some(30)) {
      // Without an order, etcd sorts by another target than the key only what its limit has left over.
      body.sort_order = this.random.pick(["ASCEND", "DESCEND"]);
      body.sort_target = this.random.pick(["KEY", "VERSION", "CREATE", "MOD", "VALUE"]);
    }
    if (this.some(10)) body.keys_only = true;
    if (this.some(10)) body.count_only = true;
    for (const bound of ["min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision"]) {
      if (this.some(5)) body[bound] = this.near();
    }
    return body;
  }

  private remove(): object {
    return { ...this.span(), ...(this.some(30) && { prev_kv: true }) };
  }

  /**
   * Ranges that begin before they end: by all others etcd's search for keys that are changed twice is led astray, and lets pass what it
   * would refuse and what we do refuse.
   */
  private removeInTxn(): object {
    const range = this.random.pick([
      { key: this.key() },
      { key: "YQ==", range_end: "Yg==" },
      { key: "Yg==", range_end: "ZA==" },
    ]);
    return { ...range, ...(this.some(30) && { prev_kv: true }) };
  }

  private comparison(): object {
    const target = this.random.pick(["VERSION", "CREATE", "MOD", "VALUE", "LEASE"]);
    const operand = {
      VERSION: { version: this.random.below(4) },
      CREATE: { create_revision: String(this.near()) },
      MOD: { mod_revision: this.near() },
      VALUE: { value: this.value() },
      LEASE: { lease: this.random.below(3) },
    }[target];
    return { ...this.span(), target, result: this.random.pick(["EQUAL", "GREATER", "LESS", "NOT_EQUAL"]), ...operand };
  }

  private txn(depth: number): object {
    const steps = (): object[] => Array.from({ length: this.random.below(4) }, () => this.step(depth));
    const compare = Array.from({ length: this.random.below(3) }, () => this.comparison());
    return { compare, success: steps(), failure: steps() };
  }

  private step(depth: number): object {
    const share = this.random.below(100);
    if (share < 40) return { requestPut: this.put() };
    if (share < 70) return { request_range: this.range() };
    if (share < 85 || depth === 0) return { requestDeleteRange: this.removeInTxn() };
    return { request_txn: this.txn(depth - 1) };
  }
}

/* ---- watches ------------------------------------------------------------------------------------------------------------ */

/** All events from a revision on to the last, as their texts. */
async function eventsOf(url: string, from: number, last: number): Promise<string[]> {
  const abort = new AbortController();
  const create = { key: "AA==", range_end: "AA==", start_revision: String(from), prev_kv: true };
  const body = JSON.stringify({ create_request: create });
  const response = await fetch(`${url}/v3/watch`, { method: "POST", body, signal: abort.signal });
  const events: string[] = [];
  let text = "";
  for await (const part of response.body!) {
    text += Buffer.from(part as Uint8Array).toString();
    const lines = text.split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      const { result } = JSON.parse(line) as { result: { events?: { kv: { mod_revision: string } }[] } };
      for (const event of result.events ?? []) events.push(JSON.stringify(event));
    }
    if (events.at(-1)?.includes(`"mod_revision":"${last}"`) === true) break;
  }
  abort.abort();
  return events;
}

test("random requests have the answers of a real etcd", { timeout: 60_000 }, async (t) => {
  const theirs = await startEtcd(t);
  if (theirs === undefined) return t.skip("etcd is not installed: apt-get install etcd-server");
  const { url: ours } = await startOurs(t);
  const caller = new Caller(new Random(seed));
  let compacted = 0;
  const statuses = new Map<string, number>();
  for (let i = 0; i < operations; i++) {
    const call = caller.next();
    const [expected, actual]: string[] = await Promise.all([post(theirs, call), post(ours, call)]);
    assert.equal(actual, expected, `operation ${i} of ETCD_SEED=${seed}: ${call.path} ${JSON.stringify(call.body)}`);
    const revision = Number(/"revision":"(\d+)"/.exec(expected)?.[1] ?? 0);
    caller.revision = Math.max(caller.revision, revision);
    if (call.path === "kv/compaction" && expected.startsWith("200")) {
      compacted = (call.body as { revision: number }).revision;
    }
    const status = `${call.path} ${expected.slice(0, 3)}`;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  // etcd forgets the deletions of the revision it compacts to.
  const [expected, actual] = await Promise.race([
    Promise.all([theirs, ours].map((url) => eventsOf(url, compacted + 1, caller.revision))),
    delay(10_000, undefined, { ref: false }).then(() => assert.fail("a watch did not come to its end")),
  ]);
  assert.deepEqual(actual, expected);
  const counts = [...statuses].map(([what, count]) => `${what}: ${count}`);
  t.diagnostic(`${caller.revision} revisions, ${actual.length} events; ${counts.join("; ")}`);
  for (const path of ["kv/put", "kv/range", "kv/deleterange", "kv/txn", "kv/compaction"]) {
    assert.ok(statuses.get(`${path} 200`)! > 5, `${path} succeeds now and then`);
  }
});

test("with --data, keys, revisions and leases are there at the next start", { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wavetank-served-etcd-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const data = path.join(folder, "data");
  const first = await startOurs(t, "--data", data);
  const asked: Call[] = [
    { path: "lease/grant", body: { ID: 7, TTL: 1_000 } },
    { path: "kv/put", body: { key: "YQ==", value: "Yg==", lease: 7 } },
    { path: "kv/put", body: { key: "YQ==", value: "Yw==", lease: 7 } },
    { path: "kv/compaction", body: { revision: 3 } },
  ];
  for (const call of asked) assert.match(await post(first.url, call), /^200 /);
  const looks: Call[] = [
    { path: "kv/range", body: { key: "YQ==" } },
    { path: "kv/range", body: { key: "YQ==", revision: 2 } },
    { path: "lease/timetolive", body: { ID: 7, keys: true } },
  ];
  const before = await Promise.all(looks.map((call) => post(first.url, call)));
  assert.match(before[0], /"version":"2","value":"Yw==","lease":"7"/);
  first.server.process.kill("SIGTERM");
  assert.equal(await first.server.ended(), 143, first.server.output);
  const second = await startOurs(t, "--data", data);
  assert.deepEqual(await Promise.all(looks.map((call) => post(second.url, call))), before);
  assert.match(await post(second.url, { path: "kv/put", body: { key: "Yg==" } }), /"revision":"4"/);
});
