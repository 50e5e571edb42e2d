/**
 * The requests of the differential test, in order: later ones see what earlier ones wrote. `differs` marks those on which
 * the door disagrees with the oracle on purpose, and says why.
 */
import { conditions, updates } from "./differential-expressions.fixture.ts";
import { base, item, key, of, plain } from "./differential-case.fixture.ts";
import type { Case } from "./differential-case.fixture.ts";

const hashOnly = {
  AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
  KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  BillingMode: "PAY_PER_REQUEST",
};
const ranged = {
  AttributeDefinitions: [
    { AttributeName: "h", AttributeType: "N" },
    { AttributeName: "r", AttributeType: "B" },
  ],
  KeySchema: [
    { AttributeName: "h", KeyType: "HASH" },
    { AttributeName: "r", KeyType: "RANGE" },
  ],
  ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 7 },
};

export const setup: readonly Case[] = [
  { operation: "CreateTable", body: { TableName: "plain", ...hashOnly } },
  { operation: "CreateTable", body: { TableName: "ranged", ...ranged } },
];

const protocol: Case[] = [
  { operation: "GetItem", body: "" },
  { operation: "GetItem", body: "{" },
  { operation: "GetItem", body: "[]", differs: "an array is no structure: the oracle takes it for an empty one" },
  { operation: "Nonsense", body: "{}", differs: "the door says which operations it has" },
  { operation: "Query", body: "{}", differs: "the door has no queries" },
  { operation: "GetItem", body: "{}", headers: { authorization: "Basic abc" } },
  { operation: "GetItem", body: "{}", headers: { authorization: "AWS4-HMAC-SHA256 Credential=a" } },
  { operation: "GetItem", body: "{}", headers: { "x-amz-target": "GetItem" } },
];

const tables: Case[] = [
  ...of("DescribeTable", [{ TableName: "plain" }, { TableName: "ranged" }]),
  ...of("DescribeTable", [{}, { TableName: "ab" }, { TableName: 5 }, { TableName: "a b c" }, { TableName: "absent" }]),
  ...of("DescribeTable", [{ TableName: ["plain"] }, { TableName: { a: 1 } }, { TableName: true }, { TableName: 1.5 }]),
  ...of("DeleteTable", [{ TableName: "absent" }, {}]),
  ...of("ListTables", [
    {},
    { Limit: 1 },
    { Limit: 0 },
    { Limit: 101 },
    { Limit: "a" },
    { Limit: true },
    { Limit: [1] },
  ]),
  ...of("ListTables", [
    { ExclusiveStartTableName: "plain" },
    { ExclusiveStartTableName: "a!" },
    { ExclusiveStartTableName: "" },
  ]),
  ...of("CreateTable", [{}, { TableName: "ab" }, { TableName: "new" }, { TableName: "n!w", ...hashOnly }]),
  ...of("CreateTable", [
    { TableName: "new", ...hashOnly, BillingMode: "FREE" },
    { TableName: "new", ...hashOnly, BillingMode: undefined },
    { TableName: "new", ...ranged, BillingMode: "PAY_PER_REQUEST" },
    { TableName: "new", ...hashOnly, AttributeDefinitions: [] },
    { TableName: "new", ...hashOnly, AttributeDefinitions: [{ AttributeName: "x", AttributeType: "S" }] },
    { TableName: "new", ...hashOnly, AttributeDefinitions: [{ AttributeName: "id", AttributeType: "SS" }] },
    { TableName: "new", ...hashOnly, AttributeDefinitions: ["id"] },
    { TableName: "new", ...hashOnly, AttributeDefinitions: "id" },
    { TableName: "new", ...hashOnly, KeySchema: [] },
    { TableName: "new", ...hashOnly, KeySchema: [{ AttributeName: "id", KeyType: "RANGE" }] },
    { TableName: "new", ...hashOnly, KeySchema: [{ AttributeName: "id" }] },
    { TableName: "new", ...ranged, KeySchema: [...ranged.KeySchema, ...ranged.KeySchema] },
    { TableName: "new", ...ranged, KeySchema: [ranged.KeySchema[0], { ...ranged.KeySchema[0], KeyType: "RANGE" }] },
    { TableName: "new", ...ranged, KeySchema: [ranged.KeySchema[0], { ...ranged.KeySchema[1], KeyType: "HASH" }] },
    { TableName: "new", ...ranged, KeySchema: [ranged.KeySchema[0]] },
    { TableName: "new", ...ranged, ProvisionedThroughput: { ReadCapacityUnits: 0 } },
    { TableName: "new", ...ranged, ProvisionedThroughput: { ReadCapacityUnits: 1e13, WriteCapacityUnits: 1 } },
    { TableName: "new", ...ranged, ProvisionedThroughput: 5 },
    { TableName: "new", ...ranged, ProvisionedThroughput: [] },
  ]),
  ...of(
    "CreateTable",
    [{ TableName: "plain", ...hashOnly }],
    "the oracle leaves the message empty; the service does not",
  ),
];

const wrongTypes: Case[] = [
  ...of("GetItem", [
    {},
    plain,
    key,
    { ...base, TableName: "ab" },
    { ...base, TableName: "a\u00e9c" },
    { ...base, TableName: "absent" },
  ]),
  ...of("GetItem", [
    { ...plain, Key: 5 },
    { ...plain, Key: "a" },
    { ...plain, Key: [] },
    { ...plain, Key: { id: "a" } },
  ]),
  ...of("GetItem", [
    { ...plain, Key: { id: [] } },
    { ...plain, Key: { id: {} } },
    { ...plain, Key: { id: { S: 5 } } },
  ]),
  ...of("GetItem", [
    { ...plain, Key: { id: { S: null } } },
    { ...plain, Key: { id: { X: "a" } } },
    { ...plain, Key: {} },
  ]),
  ...of("GetItem", [
    { ...plain, Key: { id: { S: "a", N: "1" } } },
    { ...plain, Key: { id: { N: "1" } } },
    { ...plain, Key: { id: { S: "" } } },
    { ...plain, Key: { id: { S: "a" }, other: { S: "b" } } },
    { ...plain, Key: { other: { S: "b" } } },
    { ...plain, Key: { id: { S: "a".repeat(2049) } } },
    { TableName: "ranged", Key: { h: { N: "1" }, r: { B: "" } } },
    { TableName: "ranged", Key: { h: { N: "one" }, r: { B: "AA==" } } },
    { TableName: "ranged", Key: { h: { N: "1" }, r: { B: "AA=" } } },
    { TableName: "ranged", Key: { h: { N: "1" }, r: { B: "AB==" } } },
    { TableName: "ranged", Key: { h: { N: "1" }, r: { B: 1 } } },
    { TableName: "ranged", Key: { h: { N: "1" }, r: { B: Buffer.alloc(1025).toString("base64") } } },
  ]),
  ...of("GetItem", [
    { ...base, ConsistentRead: "maybe" },
    { ...base, ConsistentRead: 1 },
    { ...base, ConsistentRead: "true" },
    { ...base, ConsistentRead: {} },
    { ...base, ReturnConsumedCapacity: "ALL" },
    { ...base, ReturnConsumedCapacity: "TOTAL" },
    { ...base, ReturnConsumedCapacity: "INDEXES", ConsistentRead: true },
    { ...base, AttributesToGet: [] },
    { ...base, AttributesToGet: ["a", "a"] },
    { ...base, AttributesToGet: "a" },
    { ...base, AttributesToGet: [5] },
    { ...base, AttributesToGet: ["a"], ProjectionExpression: "a" },
    { ...base, ExpressionAttributeNames: { "#a": "a" } },
    { ...base, ExpressionAttributeNames: "a", ProjectionExpression: "a" },
    { ...base, ExpressionAttributeNames: { "#a": 5 }, ProjectionExpression: "#a" },
    { ...base, unknown: { anything: 1 } },
  ]),
];

const value = (v: object): object => ({ ...plain, Item: { id: { S: "v" }, v } });

const puts: Case[] = [
  ...of("PutItem", [
    plain,
    { ...plain, Item: {} },
    { ...plain, Item: { v: { S: "a" } } },
    { ...plain, Item: { id: { N: "1" } } },
  ]),
  ...of("PutItem", [
    { ...plain, Item: { id: { S: "" } } },
    { ...plain, Item: item, ReturnConsumedCapacity: "TOTAL" },
  ]),
  ...of(
    "PutItem",
    [
      { N: "" },
      { N: "abc" },
      { N: "1e126" },
      { N: "1e-131" },
      { N: "1".repeat(39) },
      { N: " 1" },
      { N: "+1" },
      { N: "1." },
    ]
      .concat([{ N: "-0" }, { N: "1e2" }, { N: "0.10" }, { N: "1e-130" }, { N: "9.9e125" }, { N: "0x1" }, { N: "." }])
      .map(value),
  ),
  ...of(
    "PutItem",
    [
      { NULL: false },
      { NULL: "no" },
      { BOOL: "x" },
      { BOOL: 1.5 },
      { SS: [] },
      { NS: [] },
      { BS: [] },
      { SS: ["a", "a"] },
    ]
      .concat([
        { NS: ["1", "1.0"] },
        { BS: ["AQ==", "AQ=="] },
        { NS: ["a"] },
        { SS: "a" },
        { SS: {} },
        { SS: [5] },
        { BS: [1] },
      ] as never)
      .concat([
        { L: {} },
        { L: "a" },
        { L: ["a"] },
        { L: [[]] },
        { M: [] },
        { M: 1 },
        { M: { a: 1 } },
        { M: { a: [] } },
      ] as never)
      .concat([
        { L: [{}] },
        { M: { a: {} } },
        { S: "a", N: "b" },
        {},
        { S: [] },
        { S: {} },
        { S: true },
        { S: false },
      ] as never)
      .map(value),
  ),
  ...of("PutItem", [{ ...plain, Item: { id: { S: "big" }, v: { S: "x".repeat(409_595) } } }]),
  ...of("PutItem", [{ ...plain, Item: { id: { S: "big" }, v: { S: "x".repeat(409_596) } } }]),
  ...of("PutItem", [
    { ...plain, Item: item, ReturnValues: "ALL_NEW" },
    { ...plain, Item: item, ReturnValues: "SOME" },
    { ...plain, Item: item, ReturnValues: "ALL_OLD" },
    { ...plain, Item: item, ConditionExpression: "attribute_not_exists(id)" },
    { ...plain, Item: item, ExpressionAttributeValues: { ":a": { S: "a" } } },
    { ...plain, Item: item, ConditionExpression: "id = :a" },
    { ...plain, Item: item, ConditionExpression: "id = :a", ExpressionAttributeValues: {} },
    { ...plain, Item: item, ConditionExpression: "id = :a", ExpressionAttributeValues: { a: { S: "a" } } },
    { ...plain, Item: item, ConditionExpression: "id = :a", ExpressionAttributeValues: { ":a": { N: "a" } } },
    {
      ...plain,
      Item: item,
      ConditionExpression: "id = :a",
      ExpressionAttributeValues: { ":a": { S: "a" }, ":b": { S: "b" } },
    },
    { ...plain, Item: item, ConditionExpression: "#i = :a", ExpressionAttributeValues: { ":a": { S: "a" } } },
    {
      ...plain,
      Item: item,
      ConditionExpression: "attribute_exists(#i)",
      ExpressionAttributeNames: { "#i": "id", "#j": "j" },
    },
    { ...plain, Item: item, ConditionExpression: "attribute_exists(#i)", ExpressionAttributeNames: { i: "id" } },
    { ...plain, Item: item, ConditionExpression: "attribute_exists(id)", ExpressionAttributeNames: {} },
  ]),
  ...of("PutItem", [{ ...plain, Item: item, Expected: { id: { Exists: true } } }], "legacy parameters are refused"),
];

const reads: Case[] = [
  ...of("GetItem", [base, { ...plain, Key: { id: { S: "absent" } } }, { ...base, AttributesToGet: ["s", "nothing"] }]),
  ...of("GetItem", [
    { ...base, ProjectionExpression: "s, m.k, l[0]" },
    { ...base, ProjectionExpression: "m.deep.er, nothing, #n", ExpressionAttributeNames: { "#n": "n" } },
    { ...base, ProjectionExpression: "m.nothing" },
    { ...base, ProjectionExpression: "m, m.k" },
    { ...base, ProjectionExpression: "#m" },
    { ...base, ProjectionExpression: "data" },
    { ...base, ProjectionExpression: "" },
    { ...base, ReturnConsumedCapacity: "TOTAL" },
  ]),
  ...of("DeleteItem", [
    { ...base, ConditionExpression: "attribute_not_exists(id)" },
    { ...base, ReturnValues: "ALL_OLD", ReturnConsumedCapacity: "TOTAL" },
    { ...base, ReturnValues: "ALL_OLD" },
    plain,
    { ...plain, Key: {} },
  ]),
  ...of(
    "DeleteItem",
    [{ ...base, ReturnValues: "UPDATED_NEW" }],
    "the service takes ALL_OLD and NONE; the oracle anything",
  ),
  ...of("DeleteTable", [{ TableName: "ranged" }]),
];

export const cases: readonly Case[] = [
  ...protocol,
  ...tables,
  ...wrongTypes,
  ...puts,
  ...conditions,
  ...updates,
  ...reads,
];
