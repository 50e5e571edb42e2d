/**
 * Tables on the wire. What DynamoDB has no parameter for travels as tags of CreateTable, so that the same client code runs
 * against the real service, which stores the tags and ignores them:
 *
 *     wavetank:merge        union | last-writer-wins | siblings               default last-writer-wins
 *     wavetank:quorum       n,r,w or n,r,w,sloppy                             default 3,2,2, at most the number of nodes
 *     wavetank:capacity     unlimited | fixed | burst | adaptive | on-demand  default by billing mode: unlimited for
 *                                                                             PAY_PER_REQUEST, adaptive for PROVISIONED
 *     wavetank:partitions   1 to 1000                                         default by the door's options
 */
import { members } from "./shapes.ts";
import { validation } from "./service-error.ts";
import type { Body, Shape } from "./shapes.ts";
import type {
  CapacitySpec,
  KeyAttribute,
  MergeRule,
  Replication,
  TableDescription,
  TableSpec,
  Units,
} from "../../api.ts";

export interface TableDefaults {
  /** Nodes of the deployment: the most replicas an item can have. */
  readonly nodes: number;
  readonly partitions: number;
  /** Of a table without a quorum tag. Default: three replicas and majorities, as far as there are nodes. */
  readonly replication?: Replication;
}

interface CreateBody {
  readonly TableName: string;
  readonly AttributeDefinitions: readonly { readonly AttributeName: string; readonly AttributeType: "S" | "N" | "B" }[];
  readonly KeySchema: readonly { readonly AttributeName: string; readonly KeyType: string }[];
  readonly BillingMode?: string;
  readonly ProvisionedThroughput?: { readonly ReadCapacityUnits: number; readonly WriteCapacityUnits: number };
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
}

const name: Shape = { kind: "String", notNull: true };
const units: Shape = { kind: "Long", notNull: true, atLeast: 1 };

export const createTableMembers = members({
  AttributeDefinitions: {
    kind: "List",
    notNull: true,
    of: {
      kind: "Struct",
      name: "AttributeDefinition",
      members: members({ AttributeName: name, AttributeType: { ...name, oneOf: ["B", "N", "S"] } }),
    },
  },
  TableName: { kind: "String", pattern: /^[a-zA-Z0-9_.-]+$/, patternText: "[a-zA-Z0-9_.-]+" },
  BillingMode: { kind: "String", oneOf: ["PROVISIONED", "PAY_PER_REQUEST"] },
  ProvisionedThroughput: {
    kind: "Struct",
    name: "ProvisionedThroughput",
    members: members({ WriteCapacityUnits: units, ReadCapacityUnits: units }),
  },
  KeySchema: {
    kind: "List",
    notNull: true,
    minLength: 1,
    maxLength: 2,
    of: {
      kind: "Struct",
      name: "KeySchemaElement",
      members: members({ AttributeName: name, KeyType: { ...name, oneOf: ["HASH", "RANGE"] } }),
    },
  },
  LocalSecondaryIndexes: { kind: "Ignored" },
  GlobalSecondaryIndexes: { kind: "Ignored" },
  Tags: { kind: "List", of: { kind: "Struct", name: "Tag", members: members({ Key: name, Value: name }) } },
});

/** The table that a checked CreateTable body asks for. Throws ValidationException. */
export function readTable(body: Body, defaults: TableDefaults): TableSpec {
  const create = body as unknown as CreateBody;
  checkThroughput(create);
  checkSchema(create);
  for (const indexes of ["LocalSecondaryIndexes", "GlobalSecondaryIndexes"]) {
    if (body[indexes] !== undefined) {
      throw validation(`One or more parameter values were invalid: ${indexes} are not supported by this backend`);
    }
  }
  const tags = readTags(create);
  const [hashKey, rangeKey] = create.KeySchema.map((element): KeyAttribute => {
    const definition = create.AttributeDefinitions.find((other) => other.AttributeName === element.AttributeName);
    return { name: element.AttributeName, type: definition!.AttributeType };
  });
  return {
    name: create.TableName,
    hashKey,
    ...(rangeKey === undefined ? {} : { rangeKey }),
    merge: readMerge(tags),
    replication: readQuorum(tags, defaults),
    capacity: readCapacity(tags, create),
    partitions: readPartitions(tags, defaults.partitions),
  };
}

function checkThroughput(create: CreateBody): void {
  const invalid = "One or more parameter values were invalid: ";
  const throughput = create.ProvisionedThroughput;
  if (create.BillingMode === "PAY_PER_REQUEST") {
    if (throughput === undefined) return;
    const what =
      "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST";
    throw validation(invalid + what);
  }
  if (throughput === undefined) {
    const what = "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED";
    throw validation(invalid + what);
  }
  for (const kind of ["ReadCapacityUnits", "WriteCapacityUnits"] as const) {
    if (throughput[kind] > 1e12) throw validation(`Given value ${throughput[kind]} for ${kind} is out of bounds`);
  }
}

function checkSchema(create: CreateBody): void {
  const defined = create.AttributeDefinitions.map((definition) => definition.AttributeName);
  const keys = create.KeySchema.map((element) => element.AttributeName);
  const invalid = "One or more parameter values were invalid: ";
  if (keys.length > defined.length) throw validation("Invalid KeySchema: Some index key attribute have no definition");
  if (keys.some((key) => !defined.includes(key))) {
    const lists = `Keys: [${keys.join(", ")}], AttributeDefinitions: [${defined.join(", ")}]`;
    throw validation(`${invalid}Some index key attributes are not defined in AttributeDefinitions. ${lists}`);
  }
  if (keys[0] === keys[1]) {
    throw validation("Both the Hash Key and the Range Key element in the KeySchema have the same name");
  }
  if (create.KeySchema[0].KeyType !== "HASH") {
    throw validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  }
  if (create.KeySchema.length > 1 && create.KeySchema[1].KeyType !== "RANGE") {
    throw validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
  }
  if (keys.length !== defined.length) {
    const what =
      "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions";
    throw validation(invalid + what);
  }
}

type Tags = ReadonlyMap<string, string>;

const knownTags = ["merge", "quorum", "capacity", "partitions"];
const prefix = "wavetank:";

function readTags(create: CreateBody): Tags {
  const tags = new Map<string, string>();
  for (const { Key, Value } of create.Tags ?? []) {
    if (!Key.startsWith(prefix)) continue;
    const tag = Key.slice(prefix.length);
    if (!knownTags.includes(tag)) {
      throw validation(
        `Unknown tag: got ${Key}, expected one of ${knownTags.map((known) => prefix + known).join(", ")}`,
      );
    }
    tags.set(tag, Value.trim());
  }
  return tags;
}

function wrongTag(tag: string, got: string, expected: string): Error {
  return validation(`Invalid tag ${prefix}${tag}: got '${got}', expected ${expected}`);
}

function readMerge(tags: Tags): MergeRule {
  const merge = tags.get("merge") ?? "last-writer-wins";
  if (merge === "union" || merge === "last-writer-wins" || merge === "siblings") return merge;
  throw wrongTag("merge", merge, "union, last-writer-wins or siblings");
}

function readQuorum(tags: Tags, { nodes, replication }: TableDefaults): Replication {
  const text = tags.get("quorum");
  if (text === undefined && replication !== undefined) return replication;
  if (text === undefined) {
    const n = Math.min(3, nodes);
    return { n, r: Math.min(2, n), w: Math.min(2, n), sloppy: false };
  }
  const match = /^(\d{1,4}),(\d{1,4}),(\d{1,4})(,sloppy)?$/.exec(text.replaceAll(" ", ""));
  const [n, r, w] = match === null ? [0, 0, 0] : match.slice(1, 4).map(Number);
  if (n < 1 || r < 1 || w < 1 || r > n || w > n || n > nodes) {
    throw wrongTag("quorum", text, `n,r,w or n,r,w,sloppy with 1 <= r, w <= n <= ${nodes}, the number of nodes`);
  }
  return { n, r, w, sloppy: match![4] !== undefined };
}

/** A new on-demand table of DynamoDB serves 12,000 reads and 4,000 writes a second: twice these peaks. */
const newTablePeak: Units = { read: 6_000, write: 2_000 };

function readCapacity(tags: Tags, create: CreateBody): CapacitySpec {
  const throughput = create.ProvisionedThroughput;
  const kind = tags.get("capacity") ?? (throughput === undefined ? "unlimited" : "adaptive");
  const provisioned =
    throughput === undefined ? null : { read: throughput.ReadCapacityUnits, write: throughput.WriteCapacityUnits };
  switch (kind) {
    case "unlimited":
      return { kind };
    case "on-demand":
      return { kind, initialPeak: provisioned ?? newTablePeak };
    case "fixed":
    case "burst":
    case "adaptive":
      if (provisioned !== null) return { kind, provisioned };
      throw wrongTag("capacity", kind, "unlimited or on-demand where there is no ProvisionedThroughput");
    default:
      throw wrongTag("capacity", kind, "unlimited, fixed, burst, adaptive or on-demand");
  }
}

function readPartitions(tags: Tags, byDefault: number): number {
  const text = tags.get("partitions");
  if (text === undefined) return byDefault;
  const partitions = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (partitions < 1 || partitions > 1_000) throw wrongTag("partitions", text, "a whole number from 1 to 1000");
  return partitions;
}

/** DynamoDB's TableDescription. */
export function describe(table: TableDescription): object {
  const keys = table.rangeKey === undefined ? [table.hashKey] : [table.hashKey, table.rangeKey];
  const { capacity } = table;
  const createdAt = table.createdAt / 1_000_000;
  const provisioned = "provisioned" in capacity ? capacity.provisioned : null;
  return {
    AttributeDefinitions: keys.map((key) => ({ AttributeName: key.name, AttributeType: key.type })),
    TableName: table.name,
    KeySchema: keys.map((key, i) => ({ AttributeName: key.name, KeyType: i === 0 ? "HASH" : "RANGE" })),
    TableStatus: table.status,
    CreationDateTime: createdAt,
    ProvisionedThroughput: {
      NumberOfDecreasesToday: 0,
      ReadCapacityUnits: provisioned?.read ?? 0,
      WriteCapacityUnits: provisioned?.write ?? 0,
    },
    TableSizeBytes: 0,
    ItemCount: 0,
    TableArn: `arn:aws:dynamodb:local:000000000000:table/${table.name}`,
    TableId: table.id,
    BillingModeSummary:
      provisioned === null
        ? { BillingMode: "PAY_PER_REQUEST", LastUpdateToPayPerRequestDateTime: createdAt }
        : undefined,
  };
}
