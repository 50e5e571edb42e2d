/** Values that are decimal numbers below 2^64, read and written as memcached does: what C's strtoull takes, up to white space or a zero byte. */

const limit = 1n << 64n;
const zero = 0x30;

export function numberIn(value: Uint8Array): bigint | undefined {
  let at = 0;
  while (at < value.length && isSpace(value[at])) at++;
  if (value[at] === 0x2b) at++;
  const from = at;
  let small = 0;
  let large: bigint | undefined;
  for (; at < value.length; at++) {
    const digit = value[at] - zero;
    if (digit < 0 || digit > 9) break;
    if (at - from < 15) small = small * 10 + digit;
    else {
      large = (large ?? BigInt(small)) * 10n + BigInt(digit);
      if (large >= limit) return undefined;
    }
  }
  if (at === from || (at < value.length && value[at] !== 0 && !isSpace(value[at]))) return undefined;
  return large ?? BigInt(small);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

export function numberText(value: bigint): Uint8Array {
  return paddedNumber(value, 0);
}

/** With spaces behind it, so that it is not shorter than what it replaces. */
export function paddedNumber(value: bigint, bytes: number): Uint8Array {
  const text = value.toString().padEnd(bytes, " ");
  const padded = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) padded[i] = text.charCodeAt(i);
  return padded;
}
