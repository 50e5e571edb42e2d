/**
 * Request bodies checked against declared shapes, in the service's two passes: first that every member has its JSON type
 * (SerializationException, the first fault only), then that values keep their constraints (ValidationException, up to ten
 * faults in one message). Unknown members are ignored, as the service does, and so are nulls.
 */
import { checkAttributeMap } from "./attribute-values.ts";
import { readBoolean, readInteger, readString } from "./scalars.ts";
import { serialization, validation } from "./service-error.ts";

export interface Rules {
  readonly notNull?: boolean;
  readonly oneOf?: readonly string[];
  readonly pattern?: RegExp;
  /** The pattern as messages spell it. */
  readonly patternText?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export type Shape = Rules &
  (
    | { readonly kind: "String" | "Boolean" | "Integer" | "Long" | "Attributes" | "Names" | "Ignored" }
    | { readonly kind: "List"; readonly of: Shape }
    | { readonly kind: "Struct"; readonly name: string; readonly members: readonly Member[] }
  );

export interface Member {
  readonly name: string;
  readonly shape: Shape;
}

export type Body = Record<string, unknown>;

const maxFaults = 10;
const namespace = "com.amazonaws.dynamodb.v20120810";

/** Declares the members of a structure, in the order in which the service checks them. */
export function members(declared: Record<string, Shape>): Member[] {
  return Object.entries(declared).map(([name, shape]) => ({ name, shape }));
}

/** First pass. Values that the service converts (numbers rounded, "true" to true) are replaced in `body`. */
export function checkTypes(body: Body, declared: readonly Member[]): void {
  for (const { name, shape } of declared) {
    const value = body[name];
    if (value === undefined) continue;
    if (value === null) body[name] = undefined;
    else if (typeof value !== "string" || shape.kind !== "String") body[name] = convert(value, shape);
  }
}

function convert(value: unknown, shape: Shape): unknown {
  switch (shape.kind) {
    case "String":
      return readString(value);
    case "Boolean":
      return readBoolean(value);
    case "Integer":
    case "Long":
      return readInteger(value, shape.kind);
    case "Attributes":
      return checkAttributeMap(value);
    case "Names":
      return convertNames(value);
    case "List":
      return convertList(value, shape.of);
    case "Struct":
      return convertStruct(value, shape);
    case "Ignored":
      return value;
  }
}

function convertStruct(value: unknown, shape: Extract<Shape, { kind: "Struct" }>): unknown {
  if (typeof value !== "object" || value === null) throw serialization("Unexpected field type");
  if (Array.isArray(value)) throw serialization(`Unrecognized collection type class ${namespace}.${shape.name}`);
  checkTypes(value as Body, shape.members);
  return value;
}

function convertList(value: unknown, of: Shape): unknown {
  if (Array.isArray(value)) {
    return value.map((member: unknown) => {
      if (of.kind === "Struct" && typeof member !== "object") throw serialization("Unexpected value type in payload");
      return convert(member, of);
    });
  }
  if (typeof value === "object") throw serialization("Start of structure or map found where not expected");
  throw serialization("Unexpected field type");
}

function convertNames(value: unknown): unknown {
  if (Array.isArray(value)) {
    throw serialization("Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>");
  }
  if (typeof value !== "object" || value === null) throw serialization("Unexpected field type");
  for (const key in value) {
    const name = (value as Body)[key];
    if (name === null) delete (value as Body)[key];
    else readString(name);
  }
  return value;
}

/** Second pass. */
export function checkRules(body: Body, declared: readonly Member[]): void {
  const faults: string[] = [];
  checkMembers(body, declared, "", faults);
  if (faults.length === 0) return;
  const count = `${faults.length} validation error${faults.length > 1 ? "s" : ""} detected: `;
  throw validation(count + faults.join("; "));
}

function checkMembers(body: Body, declared: readonly Member[], parent: string, faults: string[]): void {
  for (const { name, shape } of declared) {
    const value = body[name];
    if (value !== undefined || shape.notNull) checkValue(value, shape, parent, name, faults);
  }
}

function checkValue(value: unknown, shape: Shape, parent: string, name: string, faults: string[]): void {
  if (value === undefined || value === null) {
    if (shape.notNull) fault(value, parent, name, "Member must not be null", faults);
    return;
  }
  checkScalar(value, shape, parent, name, faults);
  const at = `${parent}${lowerFirst(name)}.`;
  if (shape.kind === "Struct") checkMembers(value as Body, shape.members, at, faults);
  if (shape.kind !== "List") return;
  (value as unknown[]).forEach((member, i) => checkValue(member, shape.of, `${at}${i + 1}.`, "member", faults));
}

function checkScalar(value: unknown, rules: Rules, parent: string, name: string, faults: string[]): void {
  const { oneOf, pattern, minLength, maxLength, atLeast, atMost } = rules;
  if (oneOf !== undefined && !oneOf.includes(value as string)) {
    fault(value, parent, name, `Member must satisfy enum value set: [${oneOf.join(", ")}]`, faults);
  }
  if (atLeast !== undefined && (value as number) < atLeast) {
    fault(value, parent, name, `Member must have value greater than or equal to ${atLeast}`, faults);
  }
  if (atMost !== undefined && (value as number) > atMost) {
    fault(value, parent, name, `Member must have value less than or equal to ${atMost}`, faults);
  }
  if (pattern !== undefined && !pattern.test(value as string)) {
    fault(value, parent, name, `Member must satisfy regular expression pattern: ${rules.patternText}`, faults);
  }
  if (minLength !== undefined && (value as { length: number }).length < minLength) {
    fault(value, parent, name, `Member must have length greater than or equal to ${minLength}`, faults);
  }
  if (maxLength !== undefined && (value as { length: number }).length > maxLength) {
    fault(value, parent, name, `Member must have length less than or equal to ${maxLength}`, faults);
  }
}

function fault(value: unknown, parent: string, name: string, constraint: string, faults: string[]): void {
  if (faults.length >= maxFaults) return;
  const shown = value === undefined || value === null ? "null" : `'${valueText(value)}'`;
  faults.push(`Value ${shown} at '${parent}${lowerFirst(name)}' failed to satisfy constraint: ${constraint}`);
}

/** A value as messages show it: lists without quotes, structures as JSON. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  return typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean);
}

function lowerFirst(name: string): string {
  return name[0].toLowerCase() + name.slice(1);
}
