/**
 * A hundred thousand broken requests. Good ones of every operation are damaged three ways (bytes, JSON structure, expression
 * tokens) and dispatched over real tables. Whatever comes in, there is exactly one answer, it is JSON, it is the client's
 * fault or a success, and no request takes long or makes memory grow. A failure prints the request that repeats it.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { MemoryTables } from "../../services/items/memory-tables.ts";
import { Random } from "../../kernel/random.ts";
import { cases, setup } from "./differential-cases.fixture.ts";
import { createDynamoDoor } from "./door.ts";
import { dispatch } from "./dispatch.ts";
import type { DoorBackend } from "./dispatch.ts";

const seed = Number(process.env.FUZZ_SEED ?? 1);
const count = Number(process.env.FUZZ_COUNT ?? 100_000);
const settings = { nodes: 3, partitions: 8 };
const authorization = "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f";

const samples = cases
  .filter(({ operation, body }) => operation !== "DeleteTable" && JSON.stringify(body).length < 4_000)
  .map(({ operation, body }) => ({ operation, text: typeof body === "string" ? body : JSON.stringify(body) }));

const junk = [
  null,
  true,
  0,
  -1.5,
  1e308,
  "",
  "a",
  "#n",
  ":v",
  "__proto__",
  [],
  [[]],
  {},
  { S: "x" },
  { N: "1e5" },
  { L: [{ M: {} }] },
];
const tokens =
  "SET REMOVE ADD DELETE AND OR NOT IN BETWEEN ( ) [ ] . , = <> < > + - 0 999999999 a id #n :v attribute_exists size list_append if_not_exists é".split(
    " ",
  );

function damageBytes(text: string, random: Random): string {
  let damaged = text;
  for (let i = random.below(4); i >= 0; i--) {
    const at = random.below(damaged.length + 1);
    const character = String.fromCharCode(random.below(random.below(8) === 0 ? 0xffff : 128));
    switch (random.below(4)) {
      case 0:
        damaged = damaged.slice(0, at);
        break;
      case 1:
        damaged = damaged.slice(0, at) + damaged.slice(at + 1);
        break;
      case 2:
        damaged = damaged.slice(0, at) + character + damaged.slice(at);
        break;
      default:
        damaged = damaged.slice(0, at) + character + damaged.slice(at + 1);
    }
  }
  return damaged;
}

/** Replaces, renames or adds a member somewhere in the tree. */
function damageTree(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.below(6) === 0) return random.pick(junk);
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
  const keys = Object.keys(copy);
  if (keys.length === 0 || random.below(8) === 0) {
    // A parsed body can have this member as its own; an assignment here would not make one.
    const name = random.pick(["x", "S", "M", "__proto__", "constructor", "0"]);
    Object.defineProperty(copy, name, {
      value: random.pick(junk),
      enumerable: true,
      configurable: true,
      writable: true,
    });
    return copy;
  }
  const key = random.pick(keys);
  copy[key] = damageTree(copy[key], random);
  return copy;
}

function damageExpression(body: Record<string, unknown>, random: Random): Record<string, unknown> {
  const names = Object.keys(body).filter((name) => name.endsWith("Expression"));
  const name = names.length === 0 ? "ConditionExpression" : random.pick(names);
  const text = (body[name] as string | undefined) ?? "attribute_exists(id)";
  const words = text.split(/(?<=\W)|(?=\W)/);
  for (let i = random.below(5); i >= 0; i--)
    words.splice(random.below(words.length + 1), random.below(2), random.pick(tokens));
  return { ...body, [name]: words.join(random.below(3) === 0 ? " " : "") };
}

function damage(text: string, random: Random): string {
  const way = random.below(3);
  if (way === 0) return damageBytes(text, random);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return damageBytes(text, random);
  }
  return JSON.stringify(
    way === 1 ? damageTree(parsed, random) : damageExpression(parsed as Record<string, unknown>, random),
  );
}

test("no damaged request is answered twice, not at all, or with a fault of ours", { timeout: 120_000 }, () => {
  const random = new Random(seed);
  const tables = new MemoryTables();
  const backend: DoorBackend = { submit: (request, done) => done(tables.handle(request)) };
  const statuses = new Map<number, number>();
  const send = (operation: string, body: string): void => {
    let answers = 0;
    const incoming = { target: `DynamoDB_20120810.${operation}`, authorization, date: "20260101T000000Z", body };
    dispatch(incoming, backend, settings, (status, text) => {
      answers++;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      assert.ok(status === 200 || status === 400, `status ${status}: ${text}`);
      JSON.parse(text);
    });
    assert.equal(answers, 1);
  };
  for (const { operation, body } of setup) send(operation, JSON.stringify(body));
  for (let i = 0; i < count; i++) {
    const sample = random.pick(samples);
    const body = damage(sample.text, random);
    const began = performance.now();
    try {
      send(sample.operation, body);
    } catch (error) {
      assert.fail(`request ${i} of FUZZ_SEED=${seed}: ${sample.operation} ${body}\n${(error as Error).stack}`);
    }
    assert.ok(performance.now() - began < 1_000, `slow: ${sample.operation} ${body}`);
  }
  assert.ok(statuses.get(200)! > count / 50, "some damaged requests are still good");
  assert.ok(statuses.get(400)! > count / 4, "many are not");
  assert.equal(({} as Record<string, unknown>).S, undefined, "no prototype was changed");
});

test("nulls in lists are refused: the service's model has none", () => {
  const backend: DoorBackend = { submit: () => assert.fail("reached the backend") };
  const requests = {
    CreateTable: { TableName: "new", AttributeDefinitions: [null], KeySchema: [null], BillingMode: "PAY_PER_REQUEST" },
    GetItem: { TableName: "plain", Key: { id: { S: "a" } }, AttributesToGet: [null] },
    PutItem: { TableName: "plain", Item: { id: { S: "a" }, l: { L: [null] } } },
  };
  for (const [operation, request] of Object.entries(requests)) {
    const target = `DynamoDB_20120810.${operation}`;
    let status = 0;
    const incoming = { target, authorization, date: "d", body: JSON.stringify(request) };
    dispatch(incoming, backend, settings, (answered) => (status = answered));
    assert.equal(status, 400, operation);
  }
});

test("deep JSON is refused, not followed", () => {
  const backend: DoorBackend = { submit: () => assert.fail("reached the backend") };
  for (const body of [
    "[".repeat(500_000),
    `{"TableName":"plain","Item":${'{"a":{"M":'.repeat(50_000)}{}${"}}".repeat(50_000)}}`,
  ]) {
    const incoming = { target: "DynamoDB_20120810.PutItem", authorization, date: "d", body };
    let status = 0;
    dispatch(incoming, backend, settings, (answered) => (status = answered));
    assert.equal(status, 400);
  }
});

test("damaged bytes on the socket leave the door healthy", { timeout: 60_000 }, async () => {
  const random = new Random(seed);
  const tables = new MemoryTables();
  const backend: DoorBackend = { submit: (request, done) => done(tables.handle(request)) };
  const door = await createDynamoDoor({ host: "127.0.0.1", port: 0, reusePort: false, nodes: 3, backend });
  for (let i = 0; i < 500; i++) {
    const { operation, text } = random.pick(samples);
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: DynamoDB_20120810.${operation}`;
    const whole = `${head}\r\nX-Amz-Date: d\r\nAuthorization: ${authorization}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
    await new Promise<void>((resolve) => {
      const socket = connect(door.port, "127.0.0.1", () =>
        socket.end(Buffer.from(damageBytes(whole, random), "latin1")),
      );
      socket.on("data", () => {});
      socket.on("error", () => {});
      socket.on("close", () => resolve());
    });
  }
  assert.equal((await fetch(door.url)).status, 200);
  await door.close();
});
