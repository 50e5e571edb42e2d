/**
 * Pages of objects, newest first. Keys end with the distance to the greatest number, so one scan forwards is the page after a cursor. The
 * page before one lies the other way: windows of numbers just above the cursor, twice as wide while too little is found.
 */
import { afterPrefix } from "../../kernel/store.ts";
import type { Store, StoreKey } from "../../kernel/store.ts";
import { descending, numberAtEnd } from "./keys.ts";

export interface Cursor {
  readonly limit: number;
  /** Only older ones than this number. */
  readonly startingAfter?: number;
  /** The closest ones that are newer than this number. */
  readonly endingBefore?: number;
}

export interface NumberPage {
  /** Newest first. */
  readonly numbers: readonly number[];
  readonly more: boolean;
}

/** @param newest no key has a greater number */
export function pageOf(store: Store, prefix: StoreKey, cursor: Cursor, newest: number): NumberPage {
  const { limit, startingAfter, endingBefore } = cursor;
  if (endingBefore !== undefined) return pageBefore(store, prefix, endingBefore, limit, newest);
  const from = startingAfter === undefined ? prefix : prefix + descending(startingAfter) + "\u0000";
  const numbers = numbersIn(store, from, afterPrefix(prefix), limit + 1);
  return { numbers: numbers.slice(0, limit), more: numbers.length > limit };
}

function pageBefore(store: Store, prefix: StoreKey, before: number, limit: number, newest: number): NumberPage {
  const most = 4 * (limit + 1);
  let found: number[] = [];
  let width = most;
  for (let low = before; low < newest && found.length <= limit;) {
    const high = Math.min(low + width, newest);
    const numbers = numbersIn(store, prefix + descending(high), prefix + descending(low), most + 1);
    if (numbers.length > most) {
      // The oldest of them are meant, and this window's newest came first. A window of `most` numbers cannot hold more.
      width = Math.max(most, Math.floor((high - low) / 2));
      continue;
    }
    found = [...numbers, ...found];
    low = high;
    width *= 2;
  }
  return { numbers: found.slice(-limit), more: found.length > limit };
}

function numbersIn(store: Store, from: StoreKey, to: StoreKey, most: number): number[] {
  const numbers: number[] = [];
  store.scan(from, to, (key) => {
    numbers.push(numberAtEnd(key));
    return numbers.length < most;
  });
  return numbers;
}
