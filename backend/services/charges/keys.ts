/**
 * Where the service's state lies in the store, and the ids that clients see.
 *
 *     n                                 next free number
 *     c account number                  charge, newest first                 r charge     what became of it: refunded, events
 *     d account number                  refund, newest first                 u account number   customer, newest first
 *     C, D, U account ! of ! number     the same by customer, by charge, by e-mail address; the value is empty
 *     b currency ! account              a ledger account's balance
 *     k account ! key                   idempotency key                      x time             those of one moment, a list
 *     p time number                     charges that wait for the network by the age of their lock         q number   the same by number
 *     o number                          outbox row, oldest first
 *
 * Numbers come from one counter, which begins at the time of the first change, so an id says where its object lies, and the order of ids is the
 * order of creation. Numbers and times are seven bytes, high byte first; where the newest comes first, what is written is the distance to the
 * greatest number.
 */
import { hash32 } from "../../kernel/hash.ts";
import { byteKey } from "../../kernel/store.ts";
import type { StoreKey } from "../../kernel/store.ts";

const greatest = Number.MAX_SAFE_INTEGER;

/** Seven bytes whose order is the order of numbers from 0 to 2^53 - 1. */
export function ascending(n: number): StoreKey {
  const low = n % 0x1000000;
  const high = (n - low) / 0x1000000;
  return String.fromCharCode(
    (high >> 24) & 255,
    (high >> 16) & 255,
    (high >> 8) & 255,
    high & 255,
    (low >> 16) & 255,
    (low >> 8) & 255,
    low & 255,
  );
}

/** Seven bytes whose order is the reverse of the order of numbers. */
export function descending(n: number): StoreKey {
  return ascending(greatest - n);
}

/** The number whose `descending` bytes end `key`. */
export function numberAtEnd(key: StoreKey): number {
  let n = 0;
  for (let i = key.length - 7; i < key.length; i++) n = n * 256 + key.charCodeAt(i);
  return greatest - n;
}

/** The number whose `ascending` bytes begin at `from`. */
export function numberAt(key: StoreKey, from: number): number {
  let n = 0;
  for (let i = from; i < from + 7; i++) n = n * 256 + key.charCodeAt(i);
  return n;
}

/* ---- ids ---------------------------------------------------------------------------------------------------------------- */

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const numberDigits = 9;
const tagDigits = 6;

export type IdPrefix = "ch_" | "re_" | "cus_" | "evt_";

/** As Stripe's look: a prefix, the number, and a mark of the account it belongs to. */
export function idOf(prefix: IdPrefix, account: string, number: number): string {
  return `${prefix}1${toDigits(number, numberDigits)}${toDigits(hash32(account), tagDigits)}`;
}

/** The number in an id, or undefined when no object of this account can have it. */
export function numberOf(prefix: IdPrefix, account: string, id: string): number | undefined {
  const number = numberIn(prefix, id);
  return number !== undefined && idOf(prefix, account, number) === id ? number : undefined;
}

/** The number in an id of whatever account. */
export function numberIn(prefix: IdPrefix, id: string): number | undefined {
  const from = prefix.length + 1;
  if (id.length !== from + numberDigits + tagDigits || !id.startsWith(prefix)) return undefined;
  let number = 0;
  for (let i = from; i < from + numberDigits; i++) {
    const digit = digits.indexOf(id[i]);
    if (digit < 0) return undefined;
    number = number * 62 + digit;
  }
  return number <= greatest ? number : undefined;
}

function toDigits(n: number, width: number): string {
  let text = "";
  for (let rest = n; text.length < width; rest = Math.floor(rest / 62)) text = digits[rest % 62] + text;
  return text;
}

/* ---- keys --------------------------------------------------------------------------------------------------------------- */

export const counterKey = "n";

export type ObjectTag = "c" | "d" | "u";
export type IndexTag = "C" | "D" | "U";

export function objectsOf(tag: ObjectTag, account: string): StoreKey {
  return `${tag}${byteKey(account)}!`;
}

/** Keeps an index key within bounds. Every value that the door lets through is shorter. */
const maxIndexedBytes = 1_600;

export function indexOf(tag: IndexTag, account: string, of: string): StoreKey {
  return `${tag}${byteKey(account)}!${byteKey(of).slice(0, maxIndexedBytes)}\u0000`;
}

export const ledgerPrefix = "b";

export function ledgerKey(currency: string, ledgerAccount: string): StoreKey {
  return `${ledgerPrefix}${currency}!${byteKey(ledgerAccount)}`;
}

export function idempotencyKey(account: string, key: string): StoreKey {
  return `k${byteKey(account)}!${byteKey(key)}`;
}
