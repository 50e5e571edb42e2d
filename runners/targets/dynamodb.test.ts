import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Answer, Request } from "../../backend/api.ts";
import { dynamodbAnswer } from "./dynamodb-answer.ts";
import { dynamodbCall } from "./dynamodb-request.ts";
import { DynamodbTarget } from "./dynamodb.ts";
import { ask } from "./target.ts";

const get: Request = { kind: "get", table: "carts", key: { id: { S: "a" } }, consistent: true };

test("names and values of expressions go through placeholders, each distinct name once", () => {
  const call = dynamodbCall({
    kind: "update",
    table: "carts",
    key: { id: { S: "a" } },
    actions: [
      {
        kind: "set",
        path: ["count"],
        operand: {
          kind: "plus",
          left: { kind: "if-not-exists", path: ["count"], otherwise: { kind: "value", value: { N: "0" } } },
          right: { kind: "value", value: { N: "1" } },
        },
      },
      { kind: "set", path: ["lines", 2, "count"], operand: { kind: "path", path: ["size"] } },
      { kind: "remove", path: ["a.b"] },
      { kind: "add", path: ["tags"], value: { SS: ["x"] } },
    ],
    condition: {
      kind: "and",
      left: { kind: "exists", path: ["id"] },
      right: { kind: "not", inner: { kind: "compare", operator: "=", path: ["size"], value: { N: "3" } } },
    },
  });
  assert.equal(call.operation, "UpdateItem");
  assert.deepEqual(JSON.parse(JSON.stringify(call.body)), {
    TableName: "carts",
    Key: { id: { S: "a" } },
    ReturnConsumedCapacity: "TOTAL",
    ReturnValues: "ALL_NEW",
    ConditionExpression: "(attribute_exists(#n0)) AND (NOT (#n1 = :v0))",
    UpdateExpression: "SET #n2 = if_not_exists(#n2, :v1) + :v2, #n3[2].#n2 = #n1 REMOVE #n4 ADD #n5 :v3",
    ExpressionAttributeNames: {
      "#n0": "id",
      "#n1": "size",
      "#n2": "count",
      "#n3": "lines",
      "#n4": "a.b",
      "#n5": "tags",
    },
    ExpressionAttributeValues: { ":v0": { N: "3" }, ":v1": { N: "0" }, ":v2": { N: "1" }, ":v3": { SS: ["x"] } },
  });
});

test("table options travel as tags, a causality token as an attribute", () => {
  const { body } = dynamodbCall({
    kind: "create-table",
    table: {
      name: "carts",
      hashKey: { name: "id", type: "S" },
      merge: "union",
      replication: { n: 3, r: 1, w: 2, sloppy: true },
      capacity: { kind: "adaptive", provisioned: { read: 10, write: 5 } },
      partitions: 8,
    },
  });
  assert.deepEqual(body.Tags, [
    { Key: "wavetank:merge", Value: "union" },
    { Key: "wavetank:quorum", Value: "3,1,2,sloppy" },
    { Key: "wavetank:capacity", Value: "adaptive" },
    { Key: "wavetank:partitions", Value: "8" },
  ]);
  assert.deepEqual(body.ProvisionedThroughput, { ReadCapacityUnits: 10, WriteCapacityUnits: 5 });
  const put = dynamodbCall({ kind: "put", table: "carts", item: { id: { S: "a" } }, context: "ctx" });
  assert.deepEqual(put.body.Item, { id: { S: "a" }, _context: { S: "ctx" } });
  assert.equal(put.body.ReturnValues, "NONE");
});

test("refused is what the service promises did not happen; everything else is unknown", () => {
  const error = (status: number, type: string): string => {
    const answer = dynamodbAnswer(get, status, JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}` }));
    return answer.kind === "ok" ? "ok" : `${answer.kind} ${answer.code}`;
  };
  assert.equal(error(400, "ProvisionedThroughputExceededException"), "refused throttled");
  assert.equal(error(400, "ConditionalCheckFailedException"), "refused condition-failed");
  assert.equal(error(400, "ResourceNotFoundException"), "refused not-found");
  assert.equal(error(400, "ResourceInUseException"), "refused exists");
  assert.equal(error(400, "ValidationException"), "refused invalid");
  assert.equal(error(500, "InternalServerError"), "unknown quorum-lost");
  assert.equal(error(503, "ServiceUnavailable"), "refused unavailable");
  const lost = JSON.stringify({ __type: "x#InternalServerError", message: "The outcome is unknown (timeout): slow" });
  assert.equal((dynamodbAnswer(get, 500, lost) as { code: string }).code, "timeout");
  assert.equal(dynamodbAnswer(get, 502, "<html>").kind, "unknown");
});

test("an item's causality token and siblings are taken out of its attributes", () => {
  const body = {
    Item: {
      id: { S: "a" },
      _context: { S: "ctx" },
      _siblings: { L: [{ M: { v: { N: "1" } } }, { M: { v: { N: "2" } } }] },
    },
    ConsumedCapacity: { CapacityUnits: 1.5 },
  };
  assert.deepEqual(dynamodbAnswer(get, 200, JSON.stringify(body)), {
    kind: "ok",
    result: {
      kind: "item",
      item: { id: { S: "a" } },
      siblings: [{ v: { N: "1" } }, { v: { N: "2" } }],
      context: "ctx",
      units: 1.5,
    },
  });
  const none = dynamodbAnswer(get, 200, "{}");
  assert.ok(none.kind === "ok" && none.result.kind === "item" && none.result.item === null);
});

async function served(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server: Server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function asked(url: string, request: Request = get): Promise<Answer> {
  const target = new DynamodbTarget(url);
  try {
    return await ask(target, request);
  } finally {
    await target.close();
  }
}

test("a request goes out as the service expects it and its answer comes back", async () => {
  const seen: IncomingMessage[] = [];
  await served(
    (request, response) => {
      seen.push(request);
      response.end(JSON.stringify({ Item: { id: { S: "a" } } }));
    },
    async (url) => {
      const answer = await asked(url);
      assert.ok(answer.kind === "ok" && answer.result.kind === "item");
      assert.deepEqual(answer.result.item, { id: { S: "a" } });
      assert.equal(seen[0].headers["x-amz-target"], "DynamoDB_20120810.GetItem");
      assert.match(seen[0].headers.authorization!, /^AWS4-HMAC-SHA256 Credential=/);
    },
  );
});

test("a connection that is cut is unknown, one that was never made is refused", async () => {
  await served(
    (request) => request.socket.destroy(),
    async (url) => {
      const answer = await asked(url);
      assert.ok(answer.kind === "unknown" && answer.code === "connection-lost");
    },
  );
  let gone = "";
  await served(
    () => undefined,
    (url) => {
      gone = url;
      return Promise.resolve();
    },
  );
  const answer = await asked(gone);
  assert.ok(answer.kind === "refused" && answer.code === "unavailable");
});

test("what is no HTTP URL is refused in words", () => {
  assert.throws(() => new DynamodbTarget("localhost:8000"), /expected an HTTP URL such as/);
});

test("an attempt that is given up frees its connection for the next one and is never answered", async () => {
  let first = true;
  let target: DynamodbTarget;
  await served(
    (_, response) => {
      if (!first) response.end(JSON.stringify({ Item: { id: { S: "a" } } }));
      else target.giveUp(1);
      first = false;
    },
    async (url) => {
      target = new DynamodbTarget(url, 1);
      const { promise, resolve } = Promise.withResolvers<[number, string]>();
      target.onAnswer = (attempt, { kind }) => resolve([attempt, kind]);
      target.submit(1, get);
      target.submit(2, get);
      target.flush();
      assert.deepEqual(await promise, [2, "ok"]);
      await target.close();
    },
  );
});
