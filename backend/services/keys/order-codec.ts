/**
 * Numbers as text whose order is the numbers' order, for use in store keys: big-endian digits of seven bits, so that every character is
 * ASCII and takes one byte wherever the text goes. Eight digits hold every integer that a double holds.
 *
 *     place of a change   rrrrrrrr ssss      revision, then the change's number within it
 */

/** Characters of a number. */
export const numberLength = 8;
/** Characters of a place. */
export const placeLength = 12;

const half = 2 ** 28;
const zero = "\0\0\0\0";

/** @param n a whole number from 0 to 2^53 - 1 */
export function numberText(n: number): string {
  return n < half ? zero + digits(n) : digits(Math.floor(n / half)) + digits(n % half);
}

/** Reads what `numberText` wrote, `from` characters into `text`. */
export function textNumber(text: string, from = 0): number {
  return undigits(text, from) * half + undigits(text, from + 4);
}

/** Where a change stands in the order of all changes. `sub` counts from 0 and stays below 2^28. */
export function placeText(revision: number, sub: number): string {
  return numberText(revision) + (sub === 0 ? zero : digits(sub));
}

function digits(n: number): string {
  return String.fromCharCode(n >>> 21, (n >>> 14) & 127, (n >>> 7) & 127, n & 127);
}

function undigits(text: string, from: number): number {
  return (
    (text.charCodeAt(from) << 21) |
    (text.charCodeAt(from + 1) << 14) |
    (text.charCodeAt(from + 2) << 7) |
    text.charCodeAt(from + 3)
  );
}
