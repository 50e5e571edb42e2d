/**
 * Requests as DynamoDB's JSON 1.0 protocol writes them. Attribute names and values always go through placeholders, so a reserved
 * word or a dot in a name cannot change an expression's meaning. What DynamoDB has no word for travels where the real service
 * ignores it: table options as tags. A write's causality token travels as the attribute `_context` of its item or key; only
 * the reference hands out such tokens, so only it ever sees one.
 */
import type {
  AttributeValue,
  CapacitySpec,
  Condition,
  Item,
  Operand,
  Path,
  Request,
  TableSpec,
  UpdateAction,
} from "../../backend/api.ts";

export interface Call {
  /** The operation's name in `X-Amz-Target`. */
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Throws on work for a station: no DynamoDB operation means that. */
export function dynamodbCall(request: Request): Call {
  switch (request.kind) {
    case "create-table":
      return { operation: "CreateTable", body: createTable(request.table) };
    case "describe-table":
      return { operation: "DescribeTable", body: { TableName: request.table } };
    case "delete-table":
      return { operation: "DeleteTable", body: { TableName: request.table } };
    case "list-tables":
      return { operation: "ListTables", body: { ExclusiveStartTableName: request.after, Limit: request.limit } };
    case "get":
      return {
        operation: "GetItem",
        body: {
          TableName: request.table,
          Key: request.key,
          ConsistentRead: request.consistent,
          ReturnConsumedCapacity: "TOTAL",
        },
      };
    case "put":
    case "update":
    case "delete":
      return write(request);
    default:
      throw new Error(
        `a DynamoDB target was given ${request.kind}: expected a table request; use the direct target or the service's own`,
      );
  }
}

function write(request: Extract<Request, { kind: "put" | "update" | "delete" }>): Call {
  const placeholders = new Placeholders();
  const shared = { TableName: request.table, ReturnConsumedCapacity: "TOTAL" };
  const condition = request.condition === undefined ? undefined : conditionText(request.condition, placeholders);
  if (request.kind === "update") {
    const UpdateExpression = updateText(request.actions, placeholders);
    const body = { ...shared, Key: request.key, UpdateExpression, ReturnValues: "ALL_NEW" };
    return { operation: "UpdateItem", body: { ...body, ConditionExpression: condition, ...placeholders.members() } };
  }
  const ReturnValues = request.returnBefore === true ? "ALL_OLD" : "NONE";
  const body = { ...shared, ReturnValues, ConditionExpression: condition, ...placeholders.members() };
  const { context } = request;
  const token = context === undefined || context === "" ? {} : { _context: { S: context } };
  if (request.kind === "delete")
    return { operation: "DeleteItem", body: { ...body, Key: { ...request.key, ...token } } };
  return { operation: "PutItem", body: { ...body, Item: { ...request.item, ...token } } };
}

function createTable(table: TableSpec): Readonly<Record<string, unknown>> {
  const keys = table.rangeKey === undefined ? [table.hashKey] : [table.hashKey, table.rangeKey];
  const { n, r, w, sloppy } = table.replication;
  return {
    TableName: table.name,
    AttributeDefinitions: keys.map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
    KeySchema: keys.map(({ name }, i) => ({ AttributeName: name, KeyType: i === 0 ? "HASH" : "RANGE" })),
    ...billing(table.capacity),
    Tags: [
      { Key: "wavetank:merge", Value: table.merge },
      { Key: "wavetank:quorum", Value: `${n},${r},${w}${sloppy ? ",sloppy" : ""}` },
      { Key: "wavetank:capacity", Value: table.capacity.kind },
      { Key: "wavetank:partitions", Value: String(table.partitions) },
    ],
  };
}

function billing(capacity: CapacitySpec): Readonly<Record<string, unknown>> {
  if (capacity.kind === "unlimited" || capacity.kind === "on-demand") return { BillingMode: "PAY_PER_REQUEST" };
  const { read, write } = capacity.provisioned;
  return { BillingMode: "PROVISIONED", ProvisionedThroughput: { ReadCapacityUnits: read, WriteCapacityUnits: write } };
}

/** Hands out `#n0` and `:v0` for names and values, each distinct name once. */
class Placeholders {
  private readonly names = new Map<string, string>();
  private readonly values: AttributeValue[] = [];

  path(path: Path): string {
    return path.map((part, i) => this.pathPart(part, i === 0)).join("");
  }

  value(value: AttributeValue): string {
    this.values.push(value);
    return `:v${this.values.length - 1}`;
  }

  members(): Readonly<Record<string, unknown>> {
    const names = [...this.names].map(([name, placeholder]) => [placeholder, name]);
    const values = this.values.map((value, i): [string, AttributeValue] => [`:v${i}`, value]);
    return {
      ExpressionAttributeNames: names.length === 0 ? undefined : (Object.fromEntries(names) as Record<string, string>),
      ExpressionAttributeValues: values.length === 0 ? undefined : (Object.fromEntries(values) satisfies Item),
    };
  }

  private pathPart(part: string | number, first: boolean): string {
    if (typeof part === "number") return `[${part}]`;
    const placeholder = this.names.get(part) ?? `#n${this.names.size}`;
    this.names.set(part, placeholder);
    return first ? placeholder : `.${placeholder}`;
  }
}

function conditionText(condition: Condition, placeholders: Placeholders): string {
  switch (condition.kind) {
    case "exists":
      return `attribute_exists(${placeholders.path(condition.path)})`;
    case "not-exists":
      return `attribute_not_exists(${placeholders.path(condition.path)})`;
    case "compare":
      return `${placeholders.path(condition.path)} ${condition.operator} ${placeholders.value(condition.value)}`;
    case "and":
    case "or": {
      const left = conditionText(condition.left, placeholders);
      const right = conditionText(condition.right, placeholders);
      return `(${left}) ${condition.kind.toUpperCase()} (${right})`;
    }
    case "not":
      return `NOT (${conditionText(condition.inner, placeholders)})`;
  }
}

function updateText(actions: readonly UpdateAction[], placeholders: Placeholders): string {
  const clauses = { set: [] as string[], remove: [] as string[], add: [] as string[], delete: [] as string[] };
  for (const action of actions) {
    const path = placeholders.path(action.path);
    if (action.kind === "set") clauses.set.push(`${path} = ${operandText(action.operand, placeholders)}`);
    else if (action.kind === "remove") clauses.remove.push(path);
    else clauses[action.kind].push(`${path} ${placeholders.value(action.value)}`);
  }
  return Object.entries(clauses)
    .filter(([, parts]) => parts.length > 0)
    .map(([kind, parts]) => `${kind.toUpperCase()} ${parts.join(", ")}`)
    .join(" ");
}

function operandText(operand: Operand, placeholders: Placeholders): string {
  switch (operand.kind) {
    case "value":
      return placeholders.value(operand.value);
    case "path":
      return placeholders.path(operand.path);
    case "if-not-exists":
      return `if_not_exists(${placeholders.path(operand.path)}, ${operandText(operand.otherwise, placeholders)})`;
    case "list-append":
      return `list_append(${operandText(operand.left, placeholders)}, ${operandText(operand.right, placeholders)})`;
    case "plus":
    case "minus": {
      const sign = operand.kind === "plus" ? "+" : "-";
      return `${operandText(operand.left, placeholders)} ${sign} ${operandText(operand.right, placeholders)}`;
    }
  }
}
