/**
 * The names and values that one request supplies for its expressions' placeholders. Every placeholder used must be supplied
 * and every one supplied must be used. Faults are kept by kind, the first of each, because the service reports by kind.
 */
import { validation } from "../service-error.ts";
import type { OperandSyntax, Step } from "./syntax.ts";
import type { AttributeValue, Item, Path } from "../../../api.ts";

export type Names = Readonly<Record<string, string>>;

export type FaultKind =
  | "name"
  | "value"
  | "function"
  | "operand"
  | "unknown-function"
  | "misused"
  | "overlap"
  | "conflict";

export class Binding {
  private readonly names: Names;
  private readonly values: Item;
  private readonly usedNames = new Set<string>();
  private readonly usedValues = new Set<string>();
  private faults: Map<FaultKind, string> | null = null;

  constructor(names: Names = {}, values: Item = {}) {
    this.names = names;
    this.values = values;
  }

  path(steps: readonly Step[]): Path {
    return steps.map((step) => (typeof step === "string" && step.startsWith("#") ? this.name(step) : step));
  }

  private name(placeholder: string): string {
    this.usedNames.add(placeholder);
    const name = this.names[placeholder];
    if (name !== undefined) return name;
    const what = "An expression attribute name used in the document path is not defined";
    this.fault("name", `${what}; attribute name: ${placeholder}`);
    return placeholder;
  }

  value(placeholder: string): AttributeValue {
    this.usedValues.add(placeholder);
    const value = this.values[placeholder];
    if (value !== undefined) return value;
    const what = "An expression attribute value used in expression is not defined";
    this.fault("value", `${what}; attribute value: ${placeholder}`);
    return { NULL: true };
  }

  /** The type of a value placeholder that is defined; undefined for everything only the item can tell. */
  typeOf(operand: OperandSyntax): string | undefined {
    if (operand.kind !== "value") return undefined;
    const value = this.values[operand.placeholder];
    return value === undefined ? undefined : Object.keys(value)[0];
  }

  fault(kind: FaultKind, message: string): void {
    this.faults ??= new Map();
    if (!this.faults.has(kind)) this.faults.set(kind, message);
  }

  /** Throws the first fault in the order given, and forgets none. */
  throwFaults(expression: string, order: readonly FaultKind[]): void {
    if (this.faults === null) return;
    for (const kind of order) {
      const message = this.faults.get(kind);
      if (message !== undefined) throw validation(`Invalid ${expression}: ${message}`);
    }
  }

  throwUnused(): void {
    throwUnused("ExpressionAttributeNames", this.names, this.usedNames);
    throwUnused("ExpressionAttributeValues", this.values, this.usedValues);
  }
}

function throwUnused(parameter: string, supplied: object, used: ReadonlySet<string>): void {
  const unused: string[] = [];
  for (const key in supplied) if (!used.has(key)) unused.push(key);
  if (unused.length === 0) return;
  throw validation(`Value provided in ${parameter} unused in expressions: keys: {${unused.join(", ")}}`);
}
