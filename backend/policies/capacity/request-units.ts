/**
 * What a request costs, in DynamoDB's capacity units. One write unit writes up to 1 KB; one read unit reads up to 4 KB
 * consistently, or twice that eventually. Sizes round up, and an item that is not there costs the smallest unit.
 *
 * An item's size is the UTF-8 bytes of its attribute names plus its values (Amazon DynamoDB developer guide, "Item sizes and
 * formats"). The guide calls the size of a number approximate; the rule here is the one measured against the service by the
 * dynalite project: one byte for each two digits of base 100, one for the exponent and one for a negative sign.
 */
import { parseDecimal } from "../../kernel/decimal.ts";
import type { AttributeValue, Item } from "../../api.ts";

export const writeUnitBytes = 1_024;
export const readUnitBytes = 4_096;

/** Write units of an item of `bytes`: whole, at least 1. A write is charged the larger of the item before and after. */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / writeUnitBytes));
}

/** Read units of an item of `bytes`: whole when consistent, else half of that; at least 1 or 0.5. */
export function readUnits(bytes: number, consistent: boolean): number {
  const units = Math.max(1, Math.ceil(bytes / readUnitBytes));
  return consistent ? units : units / 2;
}

/** Bytes of an item, names included; 0 for null, which stands for an item that is not there. */
export function itemBytes(item: Item | null): number {
  let bytes = 0;
  for (const name in item) bytes += textBytes(name) + valueBytes(item[name]);
  return bytes;
}

/** Lists and maps cost 3 bytes and 1 for each element; sets cost their members alone. */
function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return textBytes(value.S);
  if (value.N !== undefined) return numberBytes(value.N);
  if (value.B !== undefined) return binaryBytes(value.B);
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemBytes(value.M);
  if (value.L !== undefined) return value.L.reduce((sum, element) => sum + 1 + valueBytes(element), 3);
  if (value.SS !== undefined) return value.SS.reduce((sum, member) => sum + textBytes(member), 0);
  if (value.NS !== undefined) return value.NS.reduce((sum, member) => sum + numberBytes(member), 0);
  if (value.BS !== undefined) return value.BS.reduce((sum, member) => sum + binaryBytes(member), 0);
  return 1;
}

/** Length in UTF-8, without encoding: half of a surrogate pair is two of its four bytes. */
export function textBytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return bytes;
}

function numberBytes(text: string): number {
  const decimal = parseDecimal(text);
  if (decimal === null || decimal.digits === "") return 1;
  const digits = decimal.digits.length;
  // An even number of digits that starts in the middle of a base-100 digit touches one more of them.
  const straddles = digits % 2 === 0 && decimal.exponent % 2 === 0 ? 1 : 0;
  return 1 + Math.ceil(digits / 2) + straddles + (decimal.negative ? 1 : 0);
}

/** Bytes that a base64 text stands for. */
export function binaryBytes(base64: string): number {
  let length = base64.length;
  while (length > 0 && base64.charCodeAt(length - 1) === 61) length--;
  return Math.floor((length * 3) / 4);
}
