/**
 * A scripted session of the official client, errors included: every operation of the door, through the SDK that programs
 * use. It asserts as it goes and rejects at the first difference. Its tables are its own and are deleted at the end.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";

type Attributes = Record<string, AttributeValue>;

/** Runs the session against the DynamoDB endpoint at this URL, ours or another. `ours`: also what only this door has. */
export async function runDynamoSession(endpoint: string, ours = true): Promise<void> {
  const client = new DynamoDBClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "session", secretAccessKey: "session" },
    maxAttempts: 1,
  });
  const table = `session-${Date.now().toString(36)}-${process.pid}`;
  try {
    await tables(client, table);
    await puts(client, table);
    await updates(client, table);
    await deletes(client, table);
    await mistakes(client, table, ours);
    await numbers(client, table);
    await client.send(new DeleteTableCommand({ TableName: table }));
    if (ours) await siblings(client, `${table}-siblings`);
  } finally {
    client.destroy();
  }
}

async function tables(client: DynamoDBClient, table: string): Promise<void> {
  const create = new CreateTableCommand({
    TableName: table,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [
      { AttributeName: "cart", AttributeType: "S" },
      { AttributeName: "line", AttributeType: "N" },
    ],
    KeySchema: [
      { AttributeName: "cart", KeyType: "HASH" },
      { AttributeName: "line", KeyType: "RANGE" },
    ],
  });
  const created = await client.send(create);
  assert.equal(created.TableDescription?.TableName, table);
  await active(client, table);
  const described = await client.send(new DescribeTableCommand({ TableName: table }));
  assert.deepEqual(described.Table?.KeySchema, create.input.KeySchema);
  assert.ok(described.Table?.CreationDateTime instanceof Date);
  assert.ok((await client.send(new ListTablesCommand({ Limit: 100 }))).TableNames?.includes(table));
  await assert.rejects(client.send(create), ResourceInUseException);
  await assert.rejects(client.send(new DescribeTableCommand({ TableName: "absent" })), ResourceNotFoundException);
  const get = new GetItemCommand({ TableName: "absent", Key: { id: { S: "a" } } });
  await assert.rejects(client.send(get), ResourceNotFoundException);
}

async function active(client: DynamoDBClient, table: string): Promise<void> {
  for (;;) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
    if (Table?.TableStatus === "ACTIVE") return;
    await sleep(20);
  }
}

function key(line: number): Attributes {
  return { cart: { S: "k\u00e4rra \ud83d\uded2" }, line: { N: String(line) } };
}

async function get(client: DynamoDBClient, table: string, line: number): Promise<Attributes | undefined> {
  const command = new GetItemCommand({ TableName: table, Key: key(line), ConsistentRead: true });
  return (await client.send(command)).Item;
}

async function puts(client: DynamoDBClient, table: string): Promise<void> {
  const item: Attributes = {
    ...key(1),
    text: { S: 'a "quoted" line\n\u2028' },
    price: { N: "12.5" },
    photo: { B: new Uint8Array([0, 1, 254, 255]) },
    gift: { BOOL: false },
    note: { NULL: true },
    tags: { SS: ["a", "b"] },
    sizes: { NS: ["1", "2.5"] },
    blobs: { BS: [new Uint8Array([1])] },
    nested: { M: { list: { L: [{ S: "x" }, { M: { deep: { N: "1" } } }] } } },
  };
  assert.equal(await get(client, table, 1), undefined);
  await client.send(new PutItemCommand({ TableName: table, Item: item }));
  assert.deepEqual(await get(client, table, 1), item);
  const again = new PutItemCommand({
    TableName: table,
    Item: { ...key(1), text: { S: "second" } },
    ReturnValues: "ALL_OLD",
    ReturnConsumedCapacity: "TOTAL",
  });
  const replaced = await client.send(again);
  assert.deepEqual(replaced.Attributes, item);
  assert.equal(replaced.ConsumedCapacity?.TableName, table);
  const once = new PutItemCommand({
    TableName: table,
    Item: key(1),
    ConditionExpression: "attribute_not_exists(cart)",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  await assert.rejects(client.send(once), (error) => {
    assert.ok(error instanceof ConditionalCheckFailedException);
    return true;
  });
  assert.deepEqual(await get(client, table, 1), { ...key(1), text: { S: "second" } });
  const projected = await client.send(
    new GetItemCommand({
      TableName: table,
      Key: key(1),
      ProjectionExpression: "#t",
      ExpressionAttributeNames: { "#t": "text" },
    }),
  );
  assert.deepEqual(projected.Item, { text: { S: "second" } });
}

async function updates(client: DynamoDBClient, table: string): Promise<void> {
  const count = (): Promise<{ Attributes?: Attributes | undefined }> =>
    client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: key(2),
        UpdateExpression:
          "SET #c = if_not_exists(#c, :zero) + :one, entries = list_append(if_not_exists(entries, :none), :lines) ADD tags :tags",
        ExpressionAttributeNames: { "#c": "count" },
        ExpressionAttributeValues: {
          ":zero": { N: "0" },
          ":one": { N: "1" },
          ":none": { L: [] },
          ":lines": { L: [{ S: "line" }] },
          ":tags": { SS: ["t"] },
        },
        ReturnValues: "ALL_NEW",
      }),
    );
  await count();
  const second = await count();
  const expected = {
    ...key(2),
    count: { N: "2" },
    entries: { L: [{ S: "line" }, { S: "line" }] },
    tags: { SS: ["t"] },
  };
  assert.deepEqual(second.Attributes, expected);
  const removed = await client.send(
    new UpdateItemCommand({
      TableName: table,
      Key: key(2),
      UpdateExpression: "REMOVE entries[0] DELETE tags :tags SET #c = :ten",
      ConditionExpression: "#c >= :two AND NOT (attribute_not_exists(entries) OR #c > :ten)",
      ExpressionAttributeNames: { "#c": "count" },
      ExpressionAttributeValues: { ":tags": { SS: ["t"] }, ":two": { N: "2" }, ":ten": { N: "10" } },
      ReturnValues: "UPDATED_NEW",
    }),
  );
  assert.deepEqual(removed.Attributes?.count, { N: "10" });
  assert.deepEqual(await get(client, table, 2), { ...key(2), count: { N: "10" }, entries: { L: [{ S: "line" }] } });
}

async function deletes(client: DynamoDBClient, table: string): Promise<void> {
  const unless = new DeleteItemCommand({
    TableName: table,
    Key: key(2),
    ConditionExpression: "#c = :nine",
    ExpressionAttributeNames: { "#c": "count" },
    ExpressionAttributeValues: { ":nine": { N: "9" } },
  });
  await assert.rejects(client.send(unless), ConditionalCheckFailedException);
  const gone = await client.send(new DeleteItemCommand({ TableName: table, Key: key(2), ReturnValues: "ALL_OLD" }));
  assert.deepEqual(gone.Attributes?.count, { N: "10" });
  assert.equal(await get(client, table, 2), undefined);
  await client.send(new DeleteItemCommand({ TableName: table, Key: key(2) }));
}

async function mistakes(client: DynamoDBClient, table: string, ours: boolean): Promise<void> {
  const wrong = { name: "ValidationException" };
  const put = (Item: Attributes): Promise<unknown> => client.send(new PutItemCommand({ TableName: table, Item }));
  await assert.rejects(put({ cart: { S: "a" } }), { ...wrong, message: /Missing the key line in the item/ });
  await assert.rejects(put({ ...key(1), line: { S: "1" } }), { ...wrong, message: /Type mismatch for key line/ });
  await assert.rejects(put({ ...key(1), big: { S: "x".repeat(409_600) } }), {
    ...wrong,
    message: /maximum allowed size/,
  });
  await assert.rejects(put({ ...key(1), many: { N: "1".repeat(39) } }), { ...wrong, message: /38 significant digits/ });
  const short = new GetItemCommand({ TableName: table, Key: { cart: { S: "a" } } });
  await assert.rejects(client.send(short), { ...wrong, message: "The provided key element does not match the schema" });
  const broken = new UpdateItemCommand({ TableName: table, Key: key(1), UpdateExpression: "SET a = " });
  await assert.rejects(client.send(broken), { ...wrong, message: /^Invalid UpdateExpression: Syntax error; / });
  if (!ours) return;
  const query = new QueryCommand({ TableName: table, KeyConditionExpression: "cart = :c" });
  await assert.rejects(client.send(query), { name: "UnknownOperationException" });
}

/** Numbers keep 38 digits, and equal ones are equal keys however they are spelled. */
async function numbers(client: DynamoDBClient, table: string): Promise<void> {
  const many = "12345678901234567890123456789012345678";
  await client.send(new PutItemCommand({ TableName: table, Item: { ...key(3), many: { N: many } } }));
  const other = new GetItemCommand({
    TableName: table,
    Key: { ...key(3), line: { N: "0.30e1" } },
    ConsistentRead: true,
  });
  assert.deepEqual((await client.send(other)).Item, { ...key(3), many: { N: many } });
}

async function siblings(client: DynamoDBClient, table: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      Tags: [{ Key: "wavetank:merge", Value: "siblings" }],
    }),
  );
  const put = (Item: Attributes): Promise<unknown> => client.send(new PutItemCommand({ TableName: table, Item }));
  const read = new GetItemCommand({ TableName: table, Key: { id: { S: "a" } }, ConsistentRead: true });
  await put({ id: { S: "a" }, colour: { S: "red" } });
  await put({ id: { S: "a" }, colour: { S: "blue" } });
  const both = (await client.send(read)).Item;
  assert.equal(both?._siblings.L?.length, 2);
  await put({ id: { S: "a" }, colour: { S: "violet" }, _context: both._context });
  const merged = (await client.send(read)).Item;
  assert.deepEqual(merged?._siblings, { L: [{ M: { id: { S: "a" }, colour: { S: "violet" } } }] });
  await client.send(new DeleteTableCommand({ TableName: table }));
}
