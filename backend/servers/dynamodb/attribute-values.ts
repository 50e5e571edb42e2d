/**
 * Attribute values as they come off the wire. `checkAttributeMap` makes sure of JSON types and leaves exactly the known
 * members; `attributeError` then finds what is wrong with the values, in DynamoDB's words, and writes numbers in their one
 * spelling. A body is ours alone once parsed, so both correct it in place.
 */
import { decimalText, isPlainInteger, parseDecimal, rangeError } from "../../kernel/decimal.ts";
import { readBoolean, readString } from "./scalars.ts";
import { serialization, validation } from "./service-error.ts";
import type { Item } from "../../api.ts";

/** DynamoDB's limit on lists and maps inside one another. */
export const maxNesting = 32;

type Wire = Record<string, unknown>;

const attributeClass = "com.amazonaws.dynamodb.v20120810.AttributeValue";

/** First pass over a map of attribute values: throws SerializationException where JSON has another type than the model. */
export function checkAttributeMap(value: unknown, depth = 0): Item {
  if (typeof value !== "object" || value === null) throw serialization("Unexpected field type");
  if (Array.isArray(value)) {
    throw serialization(`Unrecognized collection type java.util.Map<java.lang.String, ${attributeClass}>`);
  }
  const map = value as Wire;
  for (const name in map) {
    // An own member of this name, once copied by assignment, would become an object's prototype.
    if (name === "__proto__")
      throw validation("One or more parameter values were invalid: Attribute name __proto__ is reserved");
    map[name] = checkAttribute(map[name], depth);
  }
  return map as Item;
}

function checkAttribute(value: unknown, depth: number): Wire {
  if (value === null) return {};
  if (typeof value !== "object") throw serialization("Unexpected value type in payload");
  if (Array.isArray(value)) throw serialization(`Unrecognized collection type class ${attributeClass}`);
  const wire = value as Wire;
  let known = 0;
  let all = 0;
  for (const type in wire) {
    all++;
    if (wire[type] !== null && checkMember(wire, type, depth)) known++;
  }
  return known === all ? wire : knownMembers(wire);
}

/** Null members and members of no known type are as if they were not there. */
function knownMembers(wire: Wire): Wire {
  return Object.fromEntries(Object.entries(wire).filter(([type, member]) => member !== null && isType(type)));
}

function isType(type: string): boolean {
  return /^(?:[SNBLM]|[SNB]S|BOOL|NULL)$/.test(type);
}

function checkMember(wire: Wire, type: string, depth: number): boolean {
  const value = wire[type];
  switch (type) {
    case "S":
    case "N":
      readString(value);
      return true;
    case "B":
      checkBlob(value);
      return true;
    case "BOOL":
    case "NULL":
      wire[type] = readBoolean(value);
      return true;
    case "SS":
    case "NS":
      for (const member of listOf(value)) readString(member);
      return true;
    case "BS":
      for (const member of listOf(value)) checkBlob(member);
      return true;
    case "L":
      wire.L = listOf(value).map((member) => checkAttribute(member, nested(depth)));
      return true;
    case "M":
      checkAttributeMap(value, nested(depth));
      return true;
    default:
      return false;
  }
}

function nested(depth: number): number {
  if (depth < maxNesting) return depth + 1;
  throw validation(
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit",
  );
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "object") throw serialization("Start of structure or map found where not expected");
  throw serialization("Unexpected field type");
}

function checkBlob(value: unknown): void {
  if (typeof value === "boolean" || typeof value === "number") {
    throw serialization("only base-64-encoded strings are convertible to bytes");
  }
  if (Array.isArray(value)) throw serialization("Unrecognized collection type class java.nio.ByteBuffer");
  if (typeof value !== "string") throw serialization("Start of structure or map found where not expected");
  if (value.length % 4 !== 0) {
    throw serialization(`Base64 encoded length is expected a multiple of 4 bytes but found: ${value.length}`);
  }
  if (Buffer.from(value, "base64").toString("base64") !== value) {
    throw serialization("Invalid last non-pad Base64 character dectected");
  }
}

/** Second pass: what is wrong with the values of `map`, or null. */
export function attributeMapError(map: Item): string | null {
  for (const name in map) {
    const failure = attributeError(map[name] as Wire);
    if (failure !== null) return failure;
  }
  return null;
}

/** Second pass over one value. */
export function attributeError(value: Wire): string | null {
  let types = 0;
  for (const type in value) {
    types++;
    const failure = memberError(value, type);
    if (failure !== null) return failure;
  }
  if (types === 1) return null;
  if (types === 0) return "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
  return "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
}

function memberError(value: Wire, type: string): string | null {
  switch (type) {
    case "N":
      return numberError(value, "N");
    case "NULL":
      if (value.NULL === true) return null;
      return "One or more parameter values were invalid: Null attribute value types must have the value of true";
    case "SS":
    case "NS":
    case "BS":
      return setError(value[type] as string[], type);
    case "M":
      return attributeMapError(value.M as Item);
    case "L":
      return listError(value.L as Wire[]);
    default:
      return null;
  }
}

function listError(list: readonly Wire[]): string | null {
  for (const member of list) {
    const failure = attributeError(member);
    if (failure !== null) return failure;
  }
  return null;
}

function numberError(holder: Wire | string[], at: string | number): string | null {
  const slots = holder as Record<string | number, string>;
  const text = slots[at];
  if (isPlainInteger(text)) return null;
  if (text === "") return "The parameter cannot be converted to a numeric value";
  const decimal = parseDecimal(text);
  if (decimal === null) return `The parameter cannot be converted to a numeric value: ${text}`;
  const failure = rangeError(decimal);
  if (failure === null) slots[at] = decimalText(decimal);
  return failure;
}

function setError(set: string[], type: "SS" | "NS" | "BS"): string | null {
  const invalid = "One or more parameter values were invalid: ";
  if (set.length === 0) {
    if (type === "BS") return `${invalid}Binary sets should not be empty`;
    return `${invalid}An ${type === "SS" ? "string" : "number"} set  may not be empty`;
  }
  if (type === "NS") {
    for (let i = 0; i < set.length; i++) {
      const failure = numberError(set, i);
      if (failure !== null) return failure;
    }
  }
  if (new Set(set).size === set.length) return null;
  if (type === "NS") return "Input collection contains duplicates";
  const shown = `[${set.join(", ")}]`;
  return type === "SS"
    ? `${invalid}Input collection ${shown} contains duplicates.`
    : `${invalid}Input collection ${shown}of type BS contains duplicates.`;
}
