/** What the door asks of a backend and how it presents what comes back: contexts, siblings, returned values, slow readers. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { SlowReaders } from "../slow-readers.ts";
import { dispatch } from "./dispatch.ts";
import type { Socket } from "node:net";
import type { Answer, Item, MergeRule, Request, Result } from "../../api.ts";

const authorization = "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f";

interface Exchange {
  readonly request: Request | null;
  readonly status: number;
  readonly body: Record<string, unknown>;
}

function ask(operation: string, body: object, result: Result): Exchange {
  let request: Request | null = null;
  let status = 0;
  let text = "";
  const backend = {
    submit(submitted: Request, done: (answer: Answer) => void): void {
      request = submitted;
      done({ kind: "ok", result });
    },
  };
  const incoming = { target: `DynamoDB_20120810.${operation}`, authorization, date: "d", body: JSON.stringify(body) };
  dispatch(incoming, backend, { nodes: 3, partitions: 8 }, (answered, answer) => {
    status = answered;
    text = answer;
  });
  return { request, status, body: JSON.parse(text) as Record<string, unknown> };
}

const key: Item = { id: { S: "a" } };
const red: Item = { ...key, colour: { S: "red" } };
const blue: Item = { ...key, colour: { S: "blue" } };
const get = { TableName: "carts", Key: key };
const written: Result = { kind: "written", before: red, after: blue, context: "c", units: 2 };

function got(merge: MergeRule | undefined, ...siblings: Item[]): Result {
  return {
    kind: "item",
    item: siblings[0] ?? null,
    siblings,
    context: "c1",
    units: 0.5,
    ...(merge === undefined ? {} : { merge }),
  };
}

test("reads are eventually consistent unless they say otherwise", () => {
  const asked = (body: object): unknown => ask("GetItem", body, got(undefined, red)).request;
  assert.deepEqual(asked(get), { kind: "get", table: "carts", key, consistent: false });
  assert.deepEqual(asked({ ...get, ConsistentRead: true }), { kind: "get", table: "carts", key, consistent: true });
});

test("the context comes with items of union and siblings tables only", () => {
  const item = (result: Result): unknown => ask("GetItem", get, result).body.Item;
  const context = { _context: { S: "c1" } };
  assert.deepEqual(item(got(undefined, red)), red);
  assert.deepEqual(item(got("last-writer-wins", red)), red);
  assert.deepEqual(item(got("union", red)), { ...red, ...context });
  assert.deepEqual(item(got("siblings", red, blue)), {
    ...key,
    _siblings: { L: [{ M: red }, { M: blue }] },
    ...context,
  });
  assert.equal(item(got("siblings")), undefined);
});

test("writes take the context from the item or the key, and do not store it", () => {
  const context = { _context: { S: "c1" } };
  const put = ask("PutItem", { TableName: "carts", Item: { ...red, ...context } }, written);
  assert.deepEqual(put.request, { kind: "put", table: "carts", item: red, context: "c1" });
  const deleted = ask("DeleteItem", { TableName: "carts", Key: { ...key, ...context } }, written);
  assert.deepEqual(deleted.request, { kind: "delete", table: "carts", key, context: "c1" });
});

test("reserved names cannot be stored otherwise", () => {
  const refused = (operation: string, body: object): void => {
    const { request, status, body: answer } = ask(operation, { TableName: "carts", ...body }, written);
    assert.equal(request, null);
    assert.equal(status, 400);
    assert.match(String(answer.message), /reserved/);
  };
  refused("PutItem", { Item: { ...red, _context: { N: "1" } } });
  refused("PutItem", { Item: { ...red, _siblings: { L: [] } } });
  refused("UpdateItem", { Key: key, UpdateExpression: "REMOVE _context" });
  const names = { "#s": "_siblings" };
  refused("UpdateItem", { Key: key, UpdateExpression: "REMOVE #s", ExpressionAttributeNames: names });
});

test("returned values are what was asked for", () => {
  const update = {
    TableName: "carts",
    Key: key,
    UpdateExpression: "SET colour = :c",
    ExpressionAttributeValues: { ":c": { S: "blue" } },
  };
  const returned = (ReturnValues: string): unknown =>
    ask("UpdateItem", { ...update, ReturnValues }, written).body.Attributes;
  assert.deepEqual(returned("ALL_OLD"), red);
  assert.deepEqual(returned("ALL_NEW"), blue);
  assert.deepEqual(returned("UPDATED_OLD"), { colour: { S: "red" } });
  assert.deepEqual(returned("UPDATED_NEW"), { colour: { S: "blue" } });
  assert.equal(returned("NONE"), undefined);
  const capacity = ask("UpdateItem", { ...update, ReturnConsumedCapacity: "TOTAL" }, written).body;
  assert.deepEqual(capacity, { ConsumedCapacity: { CapacityUnits: 2, TableName: "carts" } });
});

test("a connection that stays unread for five sweeps in a row is cut, one that recovers is not", () => {
  class FakeSocket extends EventEmitter {
    writableLength = 0;
    destroyed = false;
    destroy(): void {
      this.destroyed = true;
      this.emit("close");
    }
  }
  const readers = new SlowReaders();
  const [stuck, slow, idle] = [new FakeSocket(), new FakeSocket(), new FakeSocket()];
  for (const socket of [stuck, slow, idle]) readers.watch(socket as unknown as Socket);
  stuck.writableLength = 2_000_000;
  for (let sweep = 1; sweep <= 4; sweep++) {
    slow.writableLength = sweep === 3 ? 0 : 2_000_000;
    readers.sweep();
  }
  assert.deepEqual([stuck.destroyed, slow.destroyed, idle.destroyed], [false, false, false]);
  readers.sweep();
  assert.deepEqual([stuck.destroyed, slow.destroyed, idle.destroyed], [true, false, false]);
});
