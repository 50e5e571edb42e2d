/**
 * A command line in its tokens, and the numbers among them, as memcached reads them: tokens are parted by spaces alone, a zero byte ends the line, and
 * numbers are what C's strtol and strtoull take, so that white space may stand before and behind one.
 *
 * Lines are text in which every character is a byte, as one string of all that was read: a token is a slice of it and copies nothing.
 */

/** memcached keeps no more tokens of a line. Only a "get" goes on behind them. */
export const maxTokens = 23;

export class Tokens {
  text = "";
  count = 0;
  readonly starts = new Int32Array(maxTokens);
  readonly ends = new Int32Array(maxTokens);

  /** Of text[from, to). */
  read(text: string, from: number, to: number): void {
    this.text = text;
    let count = 0;
    let at = from;
    while (count < maxTokens) {
      while (at < to && text.charCodeAt(at) === 32) at++;
      if (at === to) break;
      this.starts[count] = at;
      while (at < to && text.charCodeAt(at) !== 32) at++;
      this.ends[count++] = at;
    }
    this.count = count;
  }

  at(i: number): string {
    return this.text.substring(this.starts[i], this.ends[i]);
  }

  lengthOf(i: number): number {
    return this.ends[i] - this.starts[i];
  }

  first(i: number): number {
    return this.text.charCodeAt(this.starts[i]);
  }

  /** The token without its first `skipped` characters as a whole number of 32 bits, or undefined. Of larger ones memcached keeps the lower half. */
  int32(i: number, skipped = 0): number | undefined {
    const value = readNumber(this.text, this.starts[i] + skipped, this.ends[i]);
    if (typeof value === "number" && value <= 2_147_483_647 && value >= -2_147_483_648) return value;
    if (value === undefined || value < -longLimit || value >= longLimit) return undefined;
    return Number(BigInt.asIntN(32, BigInt(value)));
  }

  /** As a number below 2^32; of larger ones below 2^64 the lower half, as memcached takes them. */
  uint32(i: number, skipped = 0): number | undefined {
    const value = readNumber(this.text, this.starts[i] + skipped, this.ends[i]);
    if (typeof value === "number" && value >= 0 && value <= 4_294_967_295) return value;
    const whole = unsigned(value);
    return whole === undefined ? undefined : Number(BigInt.asUintN(32, whole));
  }

  uint64(i: number, skipped = 0): bigint | undefined {
    return unsigned(readNumber(this.text, this.starts[i] + skipped, this.ends[i]));
  }

  /** As `uint64`; above 2^53 not exact, which no CAS value of ours is. */
  cas(i: number, skipped = 0): number | undefined {
    const value = this.uint64(i, skipped);
    return value === undefined ? undefined : Number(value);
  }
}

const limit = 1n << 64n;
const longLimit = 1n << 63n;

/** A negative number is taken from 2^64, and what then looks negative as a signed number is refused. */
function unsigned(value: number | bigint | undefined): bigint | undefined {
  if (value === undefined) return undefined;
  const exact = BigInt(value);
  if (exact >= 0n) return exact < limit ? exact : undefined;
  const wrapped = limit + exact;
  return wrapped >= 0n && wrapped < limit / 2n ? wrapped : undefined;
}

/** White space, a sign, digits, and then the end or white space. */
function readNumber(text: string, from: number, to: number): number | bigint | undefined {
  let at = from;
  while (at < to && isSpace(text.charCodeAt(at))) at++;
  const sign = text.charCodeAt(at);
  const signed = at < to && (sign === 43 || sign === 45);
  if (signed) at++;
  const digits = at;
  let value = 0;
  while (at < to) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
    at++;
  }
  if (at === digits || (at < to && !isSpace(text.charCodeAt(at)))) return undefined;
  const negative = signed && sign === 45;
  if (at - digits <= 15) return negative ? -value : value;
  // Longer than any number that could be meant: out of every range, and not worth the work.
  if (value > 1e30) return undefined;
  const exact = BigInt(text.substring(digits, at));
  return negative ? -exact : exact;
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}
