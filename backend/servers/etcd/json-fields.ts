/**
 * Members of a request in Protocol Buffers' JSON form: snake_case or camelCase names, bytes in base64, 64-bit integers as text or numbers,
 * enums by name or number, null and absence both the default; members nobody knows are passed over. Texts of errors are those of Go's
 * decoder where a client may look for them.
 */
import { invalid } from "./gateway-error.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** A request's body. Empty is a request without members. */
export function parseBody(text: string): Fields {
  if (text === "") return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalid(`invalid JSON: ${(error as Error).message}`);
  }
  return fieldsOf(parsed);
}

export function fieldsOf(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(`json: cannot unmarshal ${kindOf(value)} into Go value of type map[string]json.RawMessage`);
}

/** Looks for the member under its two names. */
function find(fields: Fields, snake: string, camel: string): unknown {
  // A body may hold "__proto__" and the like; these names are ours and none of them is inherited.
  return fields[snake] ?? fields[camel];
}

export function objectAt(fields: Fields, snake: string, camel: string): Fields | undefined {
  const value = find(fields, snake, camel);
  return value === undefined || value === null ? undefined : fieldsOf(value);
}

export function listAt(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as unknown[];
  throw invalid(`json: cannot unmarshal ${kindOf(value)} into Go value of type []json.RawMessage`);
}

export function booleanAt(fields: Fields, snake: string, camel: string): boolean {
  const value = find(fields, snake, camel);
  if (typeof value === "boolean") return value;
  if (value === undefined || value === null) return false;
  throw invalid(`json: cannot unmarshal ${kindOf(value)} into Go value of type bool`);
}

/** A whole number, exact in a double. */
export function integerAt(fields: Fields, snake: string, camel: string): number {
  const value = find(fields, snake, camel);
  if (value === undefined || value === null) return 0;
  const number = typeof value === "string" && /^-?\d{1,19}$/.test(value) ? Number(value) : value;
  if (Number.isSafeInteger(number)) return number as number;
  if (typeof number === "number" && Number.isInteger(number)) {
    throw invalid(`${snake} is ${String(number)}; this store takes whole numbers from -(2^53-1) to 2^53-1`);
  }
  const got =
    typeof value === "number"
      ? `number ${value}`
      : typeof value === "string"
        ? `string ${JSON.stringify(value)}`
        : kindOf(value);
  throw invalid(`json: cannot unmarshal ${got} into Go value of type int64`);
}

/** @param names by number; what none of them is stays a number, as in Protocol Buffers, version 3 */
export function enumAt(fields: Fields, snake: string, camel: string, names: readonly string[], type: string): number {
  return enumOf(find(fields, snake, camel), names, type);
}

export function enumOf(value: unknown, names: readonly string[], type: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "number" && Number.isInteger(value)) return value;
  const number = typeof value === "string" ? names.indexOf(value) : -1;
  if (number < 0) throw invalid(`unknown value ${JSON.stringify(value)} for enum etcdserverpb.${type}`);
  return number;
}

/** Bytes as a byte string: one character a byte. */
export function bytesAt(fields: Fields, snake: string, camel: string): string {
  const text = base64At(fields, snake, camel);
  return text === "" ? "" : atob(text);
}

/** Bytes as canonical base64. */
export function base64At(fields: Fields, snake: string, camel: string): string {
  const value = find(fields, snake, camel);
  if (typeof value === "string") return isCanonical(value) ? value : canonical(value);
  if (value === undefined || value === null) return "";
  throw invalid(`json: cannot unmarshal ${kindOf(value)} into Go value of type []uint8`);
}

const standard = /^[A-Za-z0-9+/]*={0,2}$/;

function isCanonical(text: string): boolean {
  if ((text.length & 3) !== 0 || !standard.test(text)) return false;
  if (text.charCodeAt(text.length - 1) !== equals) return true;
  // Bits beyond the last byte are zero.
  return text.charCodeAt(text.length - 2) === equals
    ? "AQgw".includes(text[text.length - 3])
    : "AEIMQUYcgkosw048".includes(text[text.length - 2]);
}

const equals = 61;

/** Base64 with the URL's alphabet, line ends, no padding or idle bits, brought into the one form that is stored. */
function canonical(text: string): string {
  const plain = text
    .replaceAll(/[\r\n]/g, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
  const wrong = plain.search(/[^A-Za-z0-9+/]/);
  const end = wrong < 0 ? plain.length : wrong;
  const padding = plain.length - end;
  const whole = padding === 0 || (/^=+$/.test(plain.slice(end)) && padding === (4 - (end & 3)) % 4);
  if (!whole || (end & 3) === 1) throw invalid(`illegal base64 data at input byte ${end & ~3}`);
  return Buffer.from(plain, "base64").toString("base64");
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return typeof value === "boolean" ? "bool" : typeof value;
}
