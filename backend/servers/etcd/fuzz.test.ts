/**
 * Damaged requests: bytes cut, put in and exchanged, members replaced by others. Whatever comes, there is one answer, in JSON, that blames
 * the client or is a success, and the machine behind stays sound. FUZZ_SEED and FUZZ_COUNT choose another run.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { Random } from "../../kernel/random.ts";
import { Speaker, dispatch, routes } from "./dispatch.ts";
import { createEtcdDoor } from "./door.ts";
import { GatewayError } from "./gateway-error.ts";
import { base64At } from "./json-fields.ts";
import { MemoryKeys } from "./memory-keys.fixture.ts";
import { readWatch } from "./watch-stream.ts";

const seed = Number(process.env.FUZZ_SEED ?? 1);
const count = Number(process.env.FUZZ_COUNT ?? 20_000);

const samples: [string, object][] = [
  ["/v3/kv/put", { key: "Zm9v", value: "YmFy", lease: "12", prev_kv: true }],
  ["/v3/kv/put", { key: "Zm9v", ignore_value: true, ignoreLease: false }],
  ["/v3/kv/range", { key: "AA==", range_end: "AA==", revision: "3", limit: 2, sort_order: "DESCEND", sort_target: 3 }],
  ["/v3/kv/range", { key: "Zm9v", keys_only: true, min_mod_revision: "1", maxCreateRevision: 9 }],
  ["/v3/kv/deleterange", { key: "Zm9v", range_end: "Zm9w", prev_kv: true }],
  [
    "/v3/kv/txn",
    {
      compare: [{ target: "VALUE", key: "Zm9v", result: "NOT_EQUAL", value: "YmFy", range_end: "AA==" }],
      success: [{ requestPut: { key: "YQ==", value: "Yg==" } }, { request_delete_range: { key: "Yg==" } }],
      failure: [
        {
          requestTxn: { compare: [{ key: "YQ==", target: 4, lease: 1 }], success: [{ requestRange: { key: "YQ==" } }] },
        },
      ],
    },
  ],
  ["/v3/kv/compaction", { revision: "4", physical: true }],
  ["/v3/lease/grant", { TTL: "100", ID: "12" }],
  ["/v3/lease/revoke", { ID: 12 }],
  ["/v3/lease/keepalive", { ID: "12" }],
  ["/v3/lease/timetolive", { ID: "12", keys: true }],
  ["/v3/lease/leases", {}],
  ["/v3/maintenance/status", {}],
  [
    "/v3/watch",
    { create_request: { key: "Zm9v", range_end: "Zm9w", start_revision: "2", filters: ["NOPUT", 1], prev_kv: true } },
  ],
];

const junk: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  2 ** 53,
  "",
  "x",
  "-1",
  "9223372036854775807",
  "AA==",
  "Zm9v",
  "Z",
  "====",
  "\u0000",
  "\ud800",
  [],
  {},
  [[]],
  [null],
  { key: "YQ==" },
  "ASCEND",
  "__proto__",
  "a".repeat(4_000),
];

function damageBytes(text: string, random: Random): string {
  let damaged = text;
  for (let i = random.below(3); i >= 0; i--) {
    const at = random.below(damaged.length + 1);
    const character = String.fromCharCode(random.below(random.below(4) === 0 ? 0x3000 : 0x80));
    const kept = random.below(3) === 0 ? at : Math.min(damaged.length, at + random.below(2));
    damaged =
      damaged.slice(0, at) +
      (random.below(2) === 0 ? "" : character) +
      (random.below(8) === 0 ? "" : damaged.slice(kept));
  }
  return damaged;
}

function damageTree(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.below(6) === 0) return random.pick(junk);
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
  const keys = Object.keys(copy);
  if (keys.length === 0 || random.below(8) === 0) {
    const name = random.pick(["x", "key", "requestTxn", "__proto__", "constructor", "0", "lease", "range_end"]);
    const member = { value: random.pick(junk), enumerable: true, configurable: true, writable: true };
    Object.defineProperty(copy, name, member);
    return copy;
  }
  const key = random.pick(keys);
  copy[key] = damageTree(copy[key], random);
  return copy;
}

function damage(body: object, random: Random): string {
  if (random.below(4) === 0) return damageBytes(JSON.stringify(body), random);
  let tree: unknown = body;
  for (let i = random.below(3); i >= 0; i--) tree = damageTree(tree, random);
  return JSON.stringify(tree);
}

test("no damaged request is answered twice, not at all, or with a fault of ours", { timeout: 120_000 }, () => {
  const random = new Random(seed);
  const backend = new MemoryKeys();
  const speaker = new Speaker("1");
  const statuses = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const [path, sample] = random.pick(samples);
    const body = damage(sample, random);
    const began = performance.now();
    try {
      if (path === "/v3/watch") watchOrRefusal(body);
      else {
        let answers = 0;
        dispatch(routes.get(path)!, body, undefined, backend, speaker, (status, text) => {
          answers++;
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          assert.ok([200, 400, 404, 412].includes(status), `status ${status}: ${text}`);
          JSON.parse(text);
        });
        assert.equal(answers, 1);
      }
      if (i % 100 === 0) backend.machine.check();
    } catch (error) {
      assert.fail(`request ${i} of FUZZ_SEED=${seed}: ${path} ${body}\n${(error as Error).stack}`);
    }
    assert.ok(performance.now() - began < 1_000, `slow: ${path} ${body}`);
  }
  assert.ok(statuses.get(200)! > count / 20, "some damaged requests are still good");
  assert.ok(statuses.get(400)! > count / 4, "many are not");
  assert.equal(({} as Record<string, unknown>).key, undefined, "no prototype was changed");
});

function watchOrRefusal(body: string): void {
  try {
    readWatch(body);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
  }
}

test("base64 of every kind becomes what Buffer makes of it, canonical, or is refused", () => {
  const idleBits = { "QR==": "QQ==", "QUF=": "QUE=", QR: "QQ==", "_-_-": "/+/+", "Zm\n9v": "Zm9v" };
  for (const [text, plain] of Object.entries(idleBits)) assert.equal(base64At({ key: text }, "key", "key"), plain);
  const random = new Random(seed);
  const alphabet = "ABab01+/-_=\n ";
  for (let i = 0; i < 50_000; i++) {
    let text = "";
    if (random.below(2) === 0) {
      const bytes = Buffer.from(Array.from({ length: random.below(9) }, () => random.below(256)));
      text = bytes.toString(random.below(2) === 0 ? "base64" : "base64url");
      assert.equal(base64At({ key: text }, "key", "key"), bytes.toString("base64"));
    } else {
      for (let length = random.below(9); length > 0; length--) text += alphabet[random.below(alphabet.length)];
      try {
        const taken = base64At({ key: text }, "key", "key");
        assert.equal(taken, Buffer.from(text, "base64").toString("base64"), JSON.stringify(text));
        assert.equal(Buffer.from(atob(taken), "latin1").toString("base64"), taken);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
      }
    }
  }
});

test("deep JSON is refused, not followed", () => {
  const speaker = new Speaker("1");
  const deep = '{"success":[{"requestTxn":'.repeat(50_000) + "{}" + "}]}".repeat(50_000);
  for (const body of ["[".repeat(500_000), deep]) {
    let status = 0;
    dispatch(routes.get("/v3/kv/txn")!, body, undefined, new MemoryKeys(), speaker, (answered) => (status = answered));
    assert.equal(status, 400);
  }
});

test("damaged bytes on the socket leave the door healthy", { timeout: 60_000 }, async () => {
  const random = new Random(seed);
  const backend = new MemoryKeys();
  const door = await createEtcdDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend });
  for (let i = 0; i < 300; i++) {
    const [path, sample] = random.pick(samples);
    const text = JSON.stringify(sample);
    const whole = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    const bytes = Buffer.from(damageBytes(whole, random), "latin1");
    await new Promise<void>((resolve) => {
      const socket = connect(door.port, "127.0.0.1", () => socket.end(bytes));
      socket.on("data", () => socket.destroySoon());
      socket.on("error", () => undefined);
      socket.on("close", () => resolve());
    });
  }
  assert.equal((await fetch(`${door.url}/health`)).status, 200);
  await door.close();
});
