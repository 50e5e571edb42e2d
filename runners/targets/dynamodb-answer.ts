/**
 * DynamoDB's responses as answers. The rule behind every line: *refused* only where the service promises that nothing happened,
 * *unknown* wherever it does not. A 500 may have written; a reset connection may have too.
 */
import type {
  Answer,
  Item,
  RefusalCode,
  Request,
  Result,
  TableDescription,
  TableSpec,
  UnknownCode,
} from "../../backend/api.ts";

/** Error names of DynamoDB's API reference, without their namespace. All of them promise that nothing was written. */
const refusals: Readonly<Record<string, RefusalCode>> = {
  ProvisionedThroughputExceededException: "throttled",
  RequestLimitExceeded: "throttled",
  ThrottlingException: "overloaded",
  LimitExceededException: "overloaded",
  ConditionalCheckFailedException: "condition-failed",
  ResourceNotFoundException: "not-found",
  ResourceInUseException: "exists",
  TableNotFoundException: "not-found",
  TableAlreadyExistsException: "exists",
};

/** `body` is the response's text, `status` its HTTP status. A body that is no JSON is unknown, not a crash of the generator. */
export function dynamodbAnswer(request: Request, status: number, body: string): Answer {
  let parsed: Wire;
  try {
    parsed = JSON.parse(body) as Wire;
  } catch {
    return { kind: "unknown", code: "connection-lost", message: `status ${status} with a body that is not JSON` };
  }
  if (status === 200) return { kind: "ok", result: resultOf(request, parsed) };
  return failure(status, parsed);
}

type Wire = Readonly<Record<string, unknown>>;

function failure(status: number, body: Wire): Answer {
  const { __type = "", message: said, Message } = body as { __type?: string; message?: string; Message?: string };
  const type = __type.replace(/^.*#/, "");
  const message = `${type}: ${said ?? Message ?? `status ${status}`}`;
  const code = refusals[type];
  if (code !== undefined) return { kind: "refused", code, message, item: body.Item as Item | undefined };
  if (status === 503) return { kind: "refused", code: refusalIn(message), message };
  if (status >= 500) return { kind: "unknown", code: unknownIn(message), message };
  return { kind: "refused", code: "invalid", message };
}

/** The reference says in its message why it was unavailable; another service says nothing we know. */
function refusalIn(message: string): RefusalCode {
  return message.includes("expired: ") ? "expired" : "unavailable";
}

function unknownIn(message: string): UnknownCode {
  const code = /\((timeout|connection-lost|quorum-lost)\)/.exec(message)?.[1];
  return (code as UnknownCode | undefined) ?? "quorum-lost";
}

function resultOf(request: Request, body: Wire): Result {
  const units = (body.ConsumedCapacity as { CapacityUnits?: number } | undefined)?.CapacityUnits ?? 0;
  switch (request.kind) {
    case "get":
      return { ...itemOf(body.Item as Item | undefined), units };
    case "put":
    case "delete": {
      const before = itemOf(body.Attributes as Item | undefined);
      return { kind: "written", before: before.item, after: null, context: "", units };
    }
    case "update": {
      const after = itemOf(body.Attributes as Item | undefined);
      return { kind: "written", before: null, after: after.item, context: after.context, units };
    }
    case "list-tables": {
      const names = body.TableNames as readonly string[];
      return { kind: "tables", names, more: body.LastEvaluatedTableName !== undefined };
    }
    case "create-table":
      return { kind: "table", table: described(request.table, body.TableDescription) };
    case "describe-table":
      return { kind: "table", table: describedByWire(request.table, body.Table) };
    case "delete-table":
      return { kind: "table", table: describedByWire(request.table, body.TableDescription) };
    default:
      throw new Error(`no DynamoDB operation answers ${request.kind}`);
  }
}

/** `_context` and `_siblings` are the reference's own attributes; the real service never has them. */
function itemOf(stored: Item | undefined): Extract<Result, { kind: "item" }> {
  if (stored === undefined) return { kind: "item", item: null, siblings: [], context: "", units: 0 };
  const { _context, _siblings, ...item } = stored;
  const siblings = _siblings?.L?.map((sibling) => sibling.M ?? {}) ?? [item];
  const empty = Object.keys(item).length === 0;
  return {
    kind: "item",
    item: empty ? null : item,
    siblings: empty ? [] : siblings,
    context: _context?.S ?? "",
    units: 0,
  };
}

function described(table: TableSpec, wire: unknown): TableDescription {
  const { TableId, CreationDateTime } = (wire ?? {}) as { TableId?: string; CreationDateTime?: number };
  return { ...table, status: "ACTIVE", createdAt: Math.round((CreationDateTime ?? 0) * 1e6), id: TableId ?? "" };
}

/** What the service says of a table; what it has no word for is given as the service's own: three zones, a quorum of two. */
function describedByWire(name: string, wire: unknown): TableDescription {
  const table = (wire ?? {}) as {
    KeySchema?: readonly { AttributeName: string; KeyType: string }[];
    AttributeDefinitions?: readonly { AttributeName: string; AttributeType: "S" | "N" | "B" }[];
  };
  const keyOf = (kind: string): TableSpec["rangeKey"] => {
    const attribute = table.KeySchema?.find(({ KeyType }) => KeyType === kind)?.AttributeName;
    const type = table.AttributeDefinitions?.find(({ AttributeName }) => AttributeName === attribute)?.AttributeType;
    return attribute === undefined ? undefined : { name: attribute, type: type ?? "S" };
  };
  const spec: TableSpec = {
    name,
    hashKey: keyOf("HASH") ?? { name: "", type: "S" },
    rangeKey: keyOf("RANGE"),
    merge: "last-writer-wins",
    replication: { n: 3, r: 2, w: 2, sloppy: false },
    capacity: { kind: "unlimited" },
    partitions: 1,
  };
  return described(spec, wire);
}
