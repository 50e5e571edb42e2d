/**
 * Attribute values: their types, their equality and order, their size, and how a document path leads into them. Names come
 * from clients, so every lookup asks for an own member: `constructor` is an attribute like any other.
 */
import { compareDecimals } from "../../kernel/decimal.ts";
import type { AttributeValue, Item, Path } from "../../api.ts";

export type AttributeType = "S" | "N" | "B" | "BOOL" | "NULL" | "M" | "L" | "SS" | "NS" | "BS";

export function typeOf(value: AttributeValue): AttributeType {
  for (const type in value) return type as AttributeType;
  throw new Error("an attribute value has no type: got {}, expected exactly one member such as S or N");
}

/** The value at `path`, or undefined where the path leads nowhere. */
export function valueAt(item: Item | null, path: Path): AttributeValue | undefined {
  if (item === null) return undefined;
  let value: AttributeValue | undefined = ownMember(item, path[0] as string);
  for (let i = 1; i < path.length && value !== undefined; i++) {
    const step = path[i];
    if (typeof step === "number") value = value.L?.[step];
    else value = value.M === undefined ? undefined : ownMember(value.M, step);
  }
  return value;
}

export function ownMember(item: Item, name: string): AttributeValue | undefined {
  return Object.hasOwn(item, name) ? item[name] : undefined;
}

/** Equality of type and content. Numbers by value, sets without order. */
export function equalValues(a: AttributeValue, b: AttributeValue): boolean {
  const type = typeOf(a);
  if (type !== typeOf(b)) return false;
  switch (type) {
    case "S":
    case "B":
    case "BOOL":
      return a[type] === b[type];
    case "NULL":
      return true;
    case "N":
      return compareDecimals(a.N!, b.N!) === 0;
    case "SS":
    case "NS":
    case "BS":
      return equalSets(a[type]!, b[type]!, type === "NS");
    case "L":
      return a.L!.length === b.L!.length && a.L!.every((value, i) => equalValues(value, b.L![i]));
    case "M":
      return equalItems(a.M!, b.M!);
  }
}

export function equalItems(a: Item, b: Item): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && equalValues(a[name], b[name]));
}

function equalSets(a: readonly string[], b: readonly string[], numbers: boolean): boolean {
  return a.length === b.length && a.every((member) => hasMember(b, member, numbers));
}

export function hasMember(set: readonly string[], member: string, numbers: boolean): boolean {
  return numbers ? set.some((other) => compareDecimals(other, member) === 0) : set.includes(member);
}

/**
 * Negative, zero or positive as a is below, equal to or above b. NaN when the two have no common order: other types than
 * S, N and B have none, and neither have values of different types.
 */
export function compareValues(a: AttributeValue, b: AttributeValue): number {
  if (a.N !== undefined && b.N !== undefined) return compareDecimals(a.N, b.N);
  if (a.S !== undefined && b.S !== undefined) return compareText(a.S, b.S);
  if (a.B !== undefined && b.B !== undefined) return compareUnits(atob(a.B), atob(b.B));
  return NaN;
}

/** Order of UTF-8 bytes, which is order of code points: a surrogate stands for a point above every other code unit. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xHigh = (x & 0xf800) === 0xd800;
    const yHigh = (y & 0xf800) === 0xd800;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

function compareUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The largest item a table takes. */
export const maxItemBytes = 400 * 1_024;
