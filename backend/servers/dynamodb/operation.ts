/**
 * What the operations of the door have in common: an operation declares the members of its body, reads a checked body into
 * a call (the backend's request and what must be remembered to answer it), and writes the answer to a result.
 */
import { members } from "./shapes.ts";
import { validation } from "./service-error.ts";
import type { TableDefaults } from "./tables.ts";
import type { Body, Member, Shape } from "./shapes.ts";
import type { Item, Path, Result, TableRequest } from "../../api.ts";

export interface Call {
  readonly request: TableRequest;
  readonly table: string;
  readonly returnValues: string;
  readonly capacity: string;
  /** Paths of a projection or of an update; null where all of an item is meant. */
  readonly paths: readonly Path[] | null;
  readonly itemOnFailure: boolean;
}

export interface Operation {
  readonly members: readonly Member[];
  /** The name of a table that is checked before everything else, as the service does for table operations. */
  readonly tableNameFirst: boolean;
  /** Throws ServiceError. */
  read(body: Body, defaults: TableDefaults): Call;
  /** The JSON text of a successful answer. */
  answer(call: Call, result: Result): string;
}

export const tableName: Shape = {
  kind: "String",
  notNull: true,
  pattern: /^[a-zA-Z0-9_.-]+$/,
  patternText: "[a-zA-Z0-9_.-]+",
  minLength: 3,
  maxLength: 255,
};

export const returnConsumedCapacity: Shape = { kind: "String", oneOf: ["INDEXES", "TOTAL", "NONE"] };
export const names: Shape = { kind: "Names" };
export const attributes: Shape = { kind: "Attributes" };
export const requiredAttributes: Shape = { kind: "Attributes", notNull: true };
export const text: Shape = { kind: "String" };

/** Members that only the writes have. Legacy parameters are looked at no further than to refuse them. */
export const writeMembers = members({
  ConditionalOperator: { kind: "Ignored" },
  Expected: { kind: "Ignored" },
  AttributeUpdates: { kind: "Ignored" },
  ReturnValues: { kind: "String", oneOf: ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"] },
  ReturnItemCollectionMetrics: { kind: "String", oneOf: ["SIZE", "NONE"] },
  ReturnValuesOnConditionCheckFailure: { kind: "String", oneOf: ["ALL_OLD", "NONE"] },
  ConditionExpression: text,
  UpdateExpression: text,
  ExpressionAttributeValues: attributes,
  ExpressionAttributeNames: names,
});

const legacy = new Map([
  ["Expected", "ConditionExpression"],
  ["ConditionalOperator", "ConditionExpression"],
  ["AttributeUpdates", "UpdateExpression"],
]);

export function refuseLegacy(body: Body): void {
  for (const [parameter, instead] of legacy) {
    if (body[parameter] === undefined || body[parameter] === null) continue;
    throw validation(`The legacy parameter ${parameter} is not supported by this backend: use ${instead} instead`);
  }
}

/** The member ConsumedCapacity of an answer, with its comma, or nothing. */
export function consumedCapacity(call: Call, units: number): string {
  if (call.capacity === "NONE") return "";
  const table = JSON.stringify(call.table);
  const detail = call.capacity === "INDEXES" ? `,"Table":{"CapacityUnits":${units}}` : "";
  return `"ConsumedCapacity":{"CapacityUnits":${units},"TableName":${table}${detail}}`;
}

/** An answer with at most one member before the consumed capacity. */
export function answerText(member: string, item: Item | null, capacity: string): string {
  if (item === null) return `{${capacity}}`;
  return `{"${member}":${JSON.stringify(item)}${capacity === "" ? "" : ","}${capacity}}`;
}
