/** JSON scalars against the types of the service's model: what fits, what is converted, and the words for what does not. */
import { serialization } from "./service-error.ts";
import type { ServiceError } from "./service-error.ts";

export function readString(value: unknown): string {
  if (typeof value === "string") return value;
  throw misfit(value, "String");
}

/** The service takes a few words and digits for booleans. */
export function readBoolean(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") throw misfit(value, "Boolean");
  const word = value.toUpperCase();
  if (word === "TRUE" || word === "1" || word === "YES") return true;
  if (word === "FALSE" || word === "0" || word === "NO") return false;
  throw serialization("Unexpected token received from parser");
}

/** Fractions are rounded down. */
export function readInteger(value: unknown, type: "Integer" | "Long"): number {
  if (typeof value === "number") return Math.floor(value);
  throw misfit(value, type);
}

function misfit(value: unknown, type: string): ServiceError {
  if (typeof value === "boolean") {
    return serialization(`${value ? "TRUE" : "FALSE"}_VALUE cannot be converted to ${type}`);
  }
  if (typeof value === "number") {
    return serialization(`${Number.isInteger(value) ? "NUMBER" : "DECIMAL"}_VALUE cannot be converted to ${type}`);
  }
  if (typeof value === "string") return serialization(`STRING_VALUE cannot be converted to ${type}`);
  if (Array.isArray(value)) return serialization(`Unrecognized collection type class java.lang.${type}`);
  return serialization("Start of structure or map found where not expected");
}
