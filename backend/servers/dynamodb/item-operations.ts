/**
 * GetItem, PutItem, UpdateItem and DeleteItem.
 *
 * Two attribute names are reserved. `_context` carries the causality token of tables whose merge rule is union or siblings:
 * GetItem adds it to the item, PutItem (in Item) and DeleteItem (in Key) take it from there and it is not stored. On a
 * siblings table GetItem answers {key..., _siblings: L of M, _context}: the versions that are concurrent, one or more, for
 * the client to merge and put back with the context. A client written for these tables finds neither on the real service,
 * where its items simply never conflict.
 */
import { attributeError, attributeMapError } from "./attribute-values.ts";
import { Binding } from "./expressions/binding.ts";
import { readCondition } from "./expressions/condition-expression.ts";
import { project, readProjection } from "./expressions/projection.ts";
import { readUpdate } from "./expressions/update-expression.ts";
import {
  answerText,
  consumedCapacity,
  names,
  refuseLegacy,
  requiredAttributes,
  returnConsumedCapacity,
  tableName,
  text,
  writeMembers,
} from "./operation.ts";
import { members } from "./shapes.ts";
import { unexpected } from "./table-operations.ts";
import { validation } from "./service-error.ts";
import type { Names } from "./expressions/binding.ts";
import type { Call, Operation } from "./operation.ts";
import type { Body } from "./shapes.ts";
import type { AttributeValue, Condition, Item, Path, Result, TableRequest, UpdateAction } from "../../api.ts";

const contextName = "_context";
const siblingsName = "_siblings";

/* ---- GetItem ------------------------------------------------------------------------------------------------------------ */

export const getItem: Operation = {
  members: members({
    ReturnConsumedCapacity: returnConsumedCapacity,
    AttributesToGet: { kind: "List", minLength: 1, maxLength: 255, of: text },
    TableName: tableName,
    Key: requiredAttributes,
    ConsistentRead: { kind: "Boolean" },
    ProjectionExpression: text,
    ExpressionAttributeNames: names,
  }),
  tableNameFirst: false,
  read(body: Body): Call {
    const table = body.TableName as string;
    const key = body.Key as Item;
    checkExclusive(body, ["ProjectionExpression"], ["AttributesToGet"]);
    throwIf(attributeMapError(key));
    const paths = readPaths(body);
    const request: TableRequest = { kind: "get", table, key, consistent: body.ConsistentRead === true };
    return itemCall(request, body, paths);
  },
  answer(call: Call, result: Result): string {
    if (result.kind !== "item") throw unexpected("item", result);
    const presented = present(call, result);
    const item = presented === null || call.paths === null ? presented : project(presented, call.paths);
    return answerText("Item", item, consumedCapacity(call, result.units));
  },
};

function readPaths(body: Body): Path[] | null {
  const wanted = body.AttributesToGet as string[] | undefined;
  if (wanted !== undefined) {
    const duplicate = wanted.find((name, i) => wanted.indexOf(name) !== i);
    if (duplicate === undefined) return wanted.map((name) => [name]);
    throw validation(`One or more parameter values were invalid: Duplicate value in attribute name: ${duplicate}`);
  }
  const expression = body.ProjectionExpression as string | undefined;
  if (expression === undefined) return null;
  const binding = readBinding(body);
  const paths = readProjection(expression, binding);
  binding.throwUnused();
  return paths;
}

function present(call: Call, result: Extract<Result, { kind: "item" }>): Item | null {
  const { item, merge } = result;
  if (item === null || merge === undefined || merge === "last-writer-wins") return item;
  const context = { [contextName]: { S: result.context } };
  if (merge === "union") return { ...item, ...context };
  const { key } = call.request as Extract<TableRequest, { kind: "get" }>;
  return { ...key, [siblingsName]: { L: result.siblings.map((sibling) => ({ M: sibling })) }, ...context };
}

/* ---- PutItem ------------------------------------------------------------------------------------------------------------ */

const writeAnswer: Operation["answer"] = (call, result) => {
  if (result.kind !== "written") throw unexpected("written", result);
  return answerText("Attributes", returned(call, result), consumedCapacity(call, result.units));
};

function returned(call: Call, result: Extract<Result, { kind: "written" }>): Item | null {
  const { before, after } = result;
  switch (call.returnValues) {
    case "ALL_OLD":
      return before;
    case "ALL_NEW":
      return after;
    case "UPDATED_OLD":
      return before === null ? null : project(before, call.paths ?? []);
    case "UPDATED_NEW":
      return after === null ? null : project(after, call.paths ?? []);
    default:
      return null;
  }
}

export const putItem: Operation = {
  members: [
    ...members({ ReturnConsumedCapacity: returnConsumedCapacity, TableName: tableName, Item: requiredAttributes }),
    ...writeMembers,
  ],
  tableNameFirst: false,
  read(body: Body): Call {
    refuseLegacy(body);
    checkExclusive(body, ["ConditionExpression"], []);
    const item = body.Item as Record<string, AttributeValue>;
    throwIf(attributeMapError(item));
    checkOldOrNone(body);
    const context = takeContext(item);
    if (Object.hasOwn(item, siblingsName)) {
      throw validation(
        `The attribute name ${siblingsName} is reserved: put one merged item with the ${contextName} that came with it`,
      );
    }
    const { condition } = readExpressions(body);
    const table = body.TableName as string;
    return itemCall({ kind: "put", table, item, ...optional(condition, context), ...wantsOld(body) }, body, null);
  },
  answer: writeAnswer,
};

/* ---- DeleteItem --------------------------------------------------------------------------------------------------------- */

export const deleteItem: Operation = {
  members: [
    ...members({ ReturnConsumedCapacity: returnConsumedCapacity, TableName: tableName, Key: requiredAttributes }),
    ...writeMembers,
  ],
  tableNameFirst: false,
  read(body: Body): Call {
    refuseLegacy(body);
    checkExclusive(body, ["ConditionExpression"], []);
    const key = body.Key as Record<string, AttributeValue>;
    throwIf(attributeMapError(key));
    checkOldOrNone(body);
    const context = takeContext(key);
    const { condition } = readExpressions(body);
    const table = body.TableName as string;
    return itemCall({ kind: "delete", table, key, ...optional(condition, context), ...wantsOld(body) }, body, null);
  },
  answer: writeAnswer,
};

/* ---- UpdateItem --------------------------------------------------------------------------------------------------------- */

export const updateItem: Operation = {
  members: [
    ...members({ ReturnConsumedCapacity: returnConsumedCapacity, TableName: tableName, Key: requiredAttributes }),
    ...writeMembers,
  ],
  tableNameFirst: false,
  read(body: Body): Call {
    refuseLegacy(body);
    checkExclusive(body, ["UpdateExpression", "ConditionExpression"], []);
    const key = body.Key as Item;
    throwIf(attributeMapError(key));
    const { actions, condition } = readExpressions(body);
    for (const { path } of actions) {
      if (path[0] !== contextName && path[0] !== siblingsName) continue;
      throw validation(`The attribute name ${path[0]} is reserved and cannot be updated: put the merged item instead`);
    }
    const table = body.TableName as string;
    const paths = actions.map(({ path }) => path);
    return itemCall({ kind: "update", table, key, actions, ...optional(condition) }, body, paths);
  },
  answer: writeAnswer,
};

/* ---- shared ------------------------------------------------------------------------------------------------------------- */

function itemCall(request: TableRequest, body: Body, paths: readonly Path[] | null): Call {
  return {
    request,
    table: body.TableName as string,
    returnValues: (body.ReturnValues as string | undefined) ?? "NONE",
    capacity: (body.ReturnConsumedCapacity as string | undefined) ?? "NONE",
    paths,
    itemOnFailure: body.ReturnValuesOnConditionCheckFailure === "ALL_OLD",
  };
}

function throwIf(message: string | null): void {
  if (message !== null) throw validation(message);
}

function optional(condition?: Condition, context?: string): { condition?: Condition; context?: string } {
  if (condition === undefined) return context === undefined ? {} : { context };
  return context === undefined ? { condition } : { condition, context };
}

/** A put or delete that returns what it replaced has to read it first. */
function wantsOld(body: Body): { returnBefore?: true } {
  return body.ReturnValues === "ALL_OLD" ? { returnBefore: true } : {};
}

function takeContext(item: Record<string, AttributeValue>): string | undefined {
  if (!Object.hasOwn(item, contextName)) return undefined;
  const context = item[contextName].S;
  if (context === undefined) {
    throw validation(`The attribute ${contextName} is reserved for the context that GetItem gave: expected type S`);
  }
  delete item[contextName];
  return context;
}

function checkOldOrNone(body: Body): void {
  const wanted = body.ReturnValues;
  if (wanted === undefined || wanted === "ALL_OLD" || wanted === "NONE") return;
  throw validation("ReturnValues can only be ALL_OLD or NONE");
}

/** Placeholders without an expression, and expressions beside the old parameters they replaced, are mistakes. */
function checkExclusive(body: Body, expressions: readonly string[], others: readonly string[]): void {
  const used = expressions.filter((name) => body[name] !== undefined);
  const mixed = others.filter((name) => body[name] !== undefined);
  if (used.length > 0 && mixed.length > 0) {
    const lists = `Non-expression parameters: {${mixed.join(", ")}} Expression parameters: {${used.join(", ")}}`;
    throw validation(`Can not use both expression and non-expression parameters in the same request: ${lists}`);
  }
  if (body.ExpressionAttributeNames !== undefined && used.length === 0) {
    throw validation("ExpressionAttributeNames can only be specified when using expressions");
  }
  const takingValues = expressions.filter((name) => name !== "ProjectionExpression");
  if (takingValues.length > 0 && body.ExpressionAttributeValues !== undefined && used.length === 0) {
    const verb = takingValues.length > 1 ? "are" : "is";
    const which = `${takingValues.join(" and ")} ${verb} null`;
    throw validation(`ExpressionAttributeValues can only be specified when using expressions: ${which}`);
  }
}

function readExpressions(body: Body): { actions: UpdateAction[]; condition?: Condition } {
  const update = body.UpdateExpression as string | undefined;
  const condition = body.ConditionExpression as string | undefined;
  if (update === undefined && condition === undefined) return { actions: [] };
  const binding = readBinding(body);
  const actions = update === undefined ? [] : readUpdate(update, binding);
  const bound = condition === undefined ? undefined : readCondition(condition, binding);
  binding.throwUnused();
  return { actions, condition: bound };
}

function readBinding(body: Body): Binding {
  const bodyNames = body.ExpressionAttributeNames as Names | undefined;
  const values = body.ExpressionAttributeValues as Item | undefined;
  if (bodyNames !== undefined) checkPlaceholders("ExpressionAttributeNames", bodyNames, /^#[0-9a-zA-Z_]+$/);
  if (values !== undefined) {
    checkPlaceholders("ExpressionAttributeValues", values, /^:[0-9a-zA-Z_]+$/);
    for (const key in values) {
      const failure = attributeError(values[key] as Record<string, unknown>);
      if (failure !== null) {
        throw validation(`ExpressionAttributeValues contains invalid value: ${failure} for key ${key}`);
      }
    }
  }
  return new Binding(bodyNames, values);
}

function checkPlaceholders(parameter: string, supplied: object, pattern: RegExp): void {
  const keys = Object.keys(supplied);
  if (keys.length === 0) throw validation(`${parameter} must not be empty`);
  const wrong = keys.find((key) => !pattern.test(key));
  if (wrong !== undefined) throw validation(`${parameter} contains invalid key: Syntax error; key: "${wrong}"`);
}
