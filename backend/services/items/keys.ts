/**
 * Primary keys: checked against a table's schema in DynamoDB's words, and turned into the bytes an ordered store sorts by.
 *
 *     partitionText                     rowKey
 *     the hash attribute, encoded       partitionText, escaped | 00 01 | the range attribute, encoded
 *
 * Encodings keep order: strings as UTF-8, binary as its bytes, numbers as `sortableDecimal`. A zero byte of the hash part is
 * written 00 FF, so 00 01 ends it and no hash part can run into its range.
 */
import { binaryBytes, textBytes } from "../../policies/capacity/request-units.ts";
import { decimalText, parseDecimal, sortableDecimal } from "../../kernel/decimal.ts";
import { byteKey, maxKeyBytes } from "../../kernel/store.ts";
import { ownMember, typeOf } from "./values.ts";
import type { AttributeValue, Item, KeyAttribute, TableSpec, UpdateAction } from "../../api.ts";
import type { StoreKey } from "../../kernel/store.ts";

export interface RowKey {
  /** Decides the partition: equal for all items of one hash key. A byte string. */
  readonly partitionText: StoreKey;
  /** Where the row stands in its table's order. A byte string of at most `maxRowKeyBytes`. */
  readonly rowKey: StoreKey;
}

/** Leaves room in a store key for the table's name and a tag. */
export const maxRowKeyBytes = maxKeyBytes - 300;

const maxHashBytes = 2_048;
const maxRangeBytes = 1_024;
const hashEnd = "\u0000\u0001";

/** Why `key` cannot be the key of a row of `table`, or null. A key has the key attributes and nothing else. */
export function keyError(table: TableSpec, key: Item): string | null {
  const expected = table.rangeKey === undefined ? 1 : 2;
  if (Object.keys(key).length !== expected) return "The provided key element does not match the schema";
  const failure = keyPartError(table.hashKey, key) ?? (table.rangeKey ? keyPartError(table.rangeKey, key) : null);
  return failure ?? sizeError(table, key);
}

/** Why `item` cannot be stored in `table` as far as its key is concerned, or null. */
export function itemKeyError(table: TableSpec, item: Item): string | null {
  const failure = itemPartError(table.hashKey, item) ?? (table.rangeKey ? itemPartError(table.rangeKey, item) : null);
  return failure ?? sizeError(table, item);
}

/** The key attributes of an item that `itemKeyError` has nothing against. */
export function keyOf(table: TableSpec, item: Item): Item {
  const key: Record<string, AttributeValue> = { [table.hashKey.name]: item[table.hashKey.name] };
  if (table.rangeKey !== undefined) key[table.rangeKey.name] = item[table.rangeKey.name];
  return key;
}

/** Why `actions` may not update a row of `table`, or null: a key never changes, and nothing lies inside it. */
export function updateKeyError(table: TableSpec, actions: readonly UpdateAction[]): string | null {
  for (const attribute of [table.hashKey, table.rangeKey]) {
    if (attribute === undefined || !actions.some(({ path }) => path[0] === attribute.name)) continue;
    return `One or more parameter values were invalid: Cannot update attribute ${attribute.name}. This attribute is part of the key`;
  }
  return null;
}

/** The bytes of a key that `keyError` or `itemKeyError` has nothing against. Equal keys, however spelled, give equal bytes. */
export function storeKey(table: TableSpec, key: Item): RowKey {
  const partitionText = encode(key[table.hashKey.name]);
  const range = table.rangeKey === undefined ? "" : encode(key[table.rangeKey.name]);
  return { partitionText, rowKey: escapeZeros(partitionText) + hashEnd + range };
}

/** The value in the one spelling that equal values share: numbers normalised. */
export function canonicalKey(table: TableSpec, key: Item): Item {
  const canonical: Record<string, AttributeValue> = { [table.hashKey.name]: canonicalValue(key[table.hashKey.name]) };
  if (table.rangeKey !== undefined) canonical[table.rangeKey.name] = canonicalValue(key[table.rangeKey.name]);
  return canonical;
}

function canonicalValue(value: AttributeValue): AttributeValue {
  const decimal = value.N === undefined ? null : parseDecimal(value.N);
  return decimal === null ? value : { N: decimalText(decimal) };
}

function encode(value: AttributeValue): StoreKey {
  if (value.S !== undefined) return byteKey(value.S);
  if (value.B !== undefined) return atob(value.B);
  const decimal = parseDecimal(value.N ?? "");
  if (decimal === null)
    throw new Error(`a key value is no S, B or N: got ${JSON.stringify(value)}; check it with keyError first`);
  return sortableDecimal(decimal);
}

function escapeZeros(bytes: StoreKey): StoreKey {
  return bytes.includes("\u0000") ? bytes.replaceAll("\u0000", "\u0000\u00ff") : bytes;
}

function keyPartError(attribute: KeyAttribute, key: Item): string | null {
  const value = ownMember(key, attribute.name)?.[attribute.type];
  if (value === undefined) return "The provided key element does not match the schema";
  if (value === "") return emptyError("One or more parameter values were invalid: ", attribute);
  return null;
}

function itemPartError(attribute: KeyAttribute, item: Item): string | null {
  const value = ownMember(item, attribute.name);
  if (value === undefined) {
    return `One or more parameter values were invalid: Missing the key ${attribute.name} in the item`;
  }
  if (value[attribute.type] === undefined) {
    const types = `expected: ${attribute.type} actual: ${typeOf(value)}`;
    return `One or more parameter values were invalid: Type mismatch for key ${attribute.name} ${types}`;
  }
  if (value[attribute.type] === "") return emptyError("One or more parameter values are not valid. ", attribute);
  return null;
}

function emptyError(prefix: string, attribute: KeyAttribute): string {
  const kind = attribute.type === "B" ? "binary" : "string";
  return `${prefix}The AttributeValue for a key attribute cannot contain an empty ${kind} value. Key: ${attribute.name}`;
}

function sizeError(table: TableSpec, key: Item): string | null {
  const hashBytes = keyPartBytes(table.hashKey, key);
  if (hashBytes > maxHashBytes) {
    return "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes";
  }
  const rangeBytes = table.rangeKey === undefined ? 0 : keyPartBytes(table.rangeKey, key);
  if (rangeBytes > maxRangeBytes) {
    return "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes";
  }
  // Escaping at most doubles the hash part, so short keys, nearly all, need not be encoded to be measured.
  if (2 * hashBytes + rangeBytes + 500 <= maxRowKeyBytes) return null;
  const rowKeyBytes = storeKey(table, key).rowKey.length;
  if (rowKeyBytes <= maxRowKeyBytes) return null;
  return (
    "One or more parameter values were invalid: hash and range key are too long together for this store: " +
    `got ${rowKeyBytes} bytes, expected at most ${maxRowKeyBytes}`
  );
}

function keyPartBytes(attribute: KeyAttribute, key: Item): number {
  const value = key[attribute.name];
  if (value.S !== undefined) return textBytes(value.S);
  return value.B === undefined ? 0 : binaryBytes(value.B);
}
