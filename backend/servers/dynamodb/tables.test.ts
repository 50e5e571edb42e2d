/** CreateTable's tags, and descriptions back on the wire. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { describe, readTable } from "./tables.ts";
import type { TableSpec } from "../../api.ts";

const defaults = { nodes: 5, partitions: 8 };

function table(tags: Record<string, string>, more: object = { BillingMode: "PAY_PER_REQUEST" }, nodes = 5): TableSpec {
  const body = {
    TableName: "carts",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    ...more,
  };
  return readTable(body, { ...defaults, nodes });
}

const provisioned = { ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 7 } };
const units = { read: 5, write: 7 };

test("without tags: last writer wins, 3,2,2 as far as there are nodes, capacity by billing mode", () => {
  assert.deepEqual(table({}), {
    name: "carts",
    hashKey: { name: "id", type: "S" },
    merge: "last-writer-wins",
    replication: { n: 3, r: 2, w: 2, sloppy: false },
    capacity: { kind: "unlimited" },
    partitions: 8,
  });
  assert.deepEqual(table({}, provisioned).capacity, { kind: "adaptive", provisioned: units });
  assert.deepEqual(table({}, undefined, 2).replication, { n: 2, r: 2, w: 2, sloppy: false });
  assert.deepEqual(table({}, undefined, 1).replication, { n: 1, r: 1, w: 1, sloppy: false });
});

test("tags say what DynamoDB has no parameter for", () => {
  const tagged = table({
    "wavetank:merge": "union",
    "wavetank:quorum": "5, 1, 3, sloppy",
    "wavetank:partitions": "64",
    team: "x",
  });
  assert.equal(tagged.merge, "union");
  assert.deepEqual(tagged.replication, { n: 5, r: 1, w: 3, sloppy: true });
  assert.equal(tagged.partitions, 64);
  for (const kind of ["fixed", "burst", "adaptive"]) {
    assert.deepEqual(table({ "wavetank:capacity": kind }, provisioned).capacity, { kind, provisioned: units });
  }
  assert.deepEqual(table({ "wavetank:capacity": "unlimited" }, provisioned).capacity, { kind: "unlimited" });
  assert.deepEqual(table({ "wavetank:capacity": "on-demand" }, provisioned).capacity, {
    kind: "on-demand",
    initialPeak: units,
  });
  const fresh = table({ "wavetank:capacity": "on-demand" }).capacity;
  assert.deepEqual(fresh, { kind: "on-demand", initialPeak: { read: 6_000, write: 2_000 } });
});

test("a wrong tag is told with what was got and what is expected", () => {
  const wrong = (tags: Record<string, string>, message: RegExp): void => assert.throws(() => table(tags), { message });
  wrong(
    { "wavetank:merge": "newest" },
    /^Invalid tag wavetank:merge: got 'newest', expected union, last-writer-wins or siblings$/,
  );
  for (const quorum of ["3,2", "3,4,1", "0,0,0", "6,2,2", "3,2,2,loose", "a,b,c", "3,0,3", ""]) {
    wrong(
      { "wavetank:quorum": quorum },
      /^Invalid tag wavetank:quorum: got '.*', expected n,r,w or .* <= 5, the number of nodes$/,
    );
  }
  for (const partitions of ["0", "1001", "-1", "1.5", "many"]) {
    wrong({ "wavetank:partitions": partitions }, /expected a whole number from 1 to 1000$/);
  }
  wrong(
    { "wavetank:capacity": "fixed" },
    /got 'fixed', expected unlimited or on-demand where there is no ProvisionedThroughput$/,
  );
  wrong({ "wavetank:capacity": "some" }, /got 'some', expected unlimited, fixed, burst, adaptive or on-demand$/);
  wrong({ "wavetank:color": "red" }, /^Unknown tag: got wavetank:color, expected one of wavetank:merge, /);
});

test("a description tells when, and how the table is billed", () => {
  const spec = { ...table({}, provisioned), rangeKey: { name: "line", type: "N" } as const };
  const described = describe({ ...spec, status: "ACTIVE", createdAt: 1_002_500_000, id: "i" }) as Record<
    string,
    unknown
  >;
  assert.equal(described.CreationDateTime, 1_002.5);
  assert.deepEqual(described.KeySchema, [
    { AttributeName: "id", KeyType: "HASH" },
    { AttributeName: "line", KeyType: "RANGE" },
  ]);
  assert.deepEqual(described.ProvisionedThroughput, {
    NumberOfDecreasesToday: 0,
    ReadCapacityUnits: 5,
    WriteCapacityUnits: 7,
  });
  assert.equal(described.BillingModeSummary, undefined);
});
