/**
 * Decimal numbers as text, exactly: up to 38 significant digits between 1e-130 and 9.99...e125, DynamoDB's number type.
 * Doubles would merge neighbours past 2^53, and a counter or a sort key that merges neighbours is a lost write.
 *
 * A decimal is sign x 0.d1d2d3... x 10^(exponent + 1): `digits` has neither leading nor trailing zeros, `exponent` is the
 * power of ten of d1. Zero has no digits.
 */

export interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

export const maxDigits = 38;
const maxExponent = 125;
const minExponent = -130;

const zero: Decimal = { negative: false, digits: "", exponent: 0 };
const grammar = /^(-?)(\d+(?:\.\d*)?|\.\d+)(?:e([+-]?\d+))?$/i;

/** The decimal that `text` writes, or null when it writes none. Range and precision are not checked: see `rangeError`. */
export function parseDecimal(text: string): Decimal | null {
  const match = grammar.exec(text);
  if (match === null) return null;
  const mantissa = match[2];
  const point = mantissa.indexOf(".");
  const whole = point < 0 ? mantissa : mantissa.slice(0, point);
  const all = point < 0 ? mantissa : whole + mantissa.slice(point + 1);
  let first = 0;
  while (first < all.length && all.charCodeAt(first) === 48) first++;
  if (first === all.length) return zero;
  let end = all.length;
  while (all.charCodeAt(end - 1) === 48) end--;
  const exponent = whole.length - 1 - first + Number(match[3] ?? 0);
  return { negative: match[1] === "-", digits: all.slice(first, end), exponent };
}

/** What is wrong with the size of a number, in DynamoDB's words, or null. */
export function rangeError(decimal: Decimal): string | null {
  if (decimal.exponent > maxExponent) {
    return "Number overflow. Attempting to store a number with magnitude larger than supported range";
  }
  if (decimal.exponent < minExponent) {
    return "Number underflow. Attempting to store a number with magnitude smaller than supported range";
  }
  if (decimal.digits.length > maxDigits) return "Attempting to store more than 38 significant digits in a Number";
  return null;
}

/** The one spelling of a number: no exponent, no leading or trailing zeros, no negative zero. */
export function decimalText(decimal: Decimal): string {
  const { digits, exponent } = decimal;
  if (digits === "") return "0";
  const sign = decimal.negative ? "-" : "";
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits + "0".repeat(exponent + 1 - digits.length);
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** True for the short whole numbers that are most of all numbers and are spelled the one way already. */
export function isPlainInteger(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > 15) return false;
  const first = text.charCodeAt(0);
  if (first === 48) return length === 1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** Negative, zero or positive as a is below, equal to or above b. Text that is no number is equal to nothing: NaN. */
export function compareDecimals(a: string, b: string): number {
  if (isPlainInteger(a) && isPlainInteger(b)) return Number(a) - Number(b);
  const left = parseDecimal(a);
  const right = parseDecimal(b);
  if (left === null || right === null) return NaN;
  const leftSign = signOf(left);
  const rightSign = signOf(right);
  if (leftSign !== rightSign || leftSign === 0) return leftSign - rightSign;
  return leftSign < 0 ? compareMagnitudes(right, left) : compareMagnitudes(left, right);
}

function signOf(decimal: Decimal): number {
  if (decimal.digits === "") return 0;
  return decimal.negative ? -1 : 1;
}

function compareMagnitudes(a: Decimal, b: Decimal): number {
  if (a.exponent !== b.exponent) return a.exponent - b.exponent;
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -1 : 1;
}

/** a + b, exactly. Both must be within DynamoDB's range, so that the common scale stays below 300 digits. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.digits === "") return b;
  if (b.digits === "") return a;
  const scale = Math.min(a.exponent - a.digits.length, b.exponent - b.digits.length) + 1;
  const sum = scaled(a, scale) + scaled(b, scale);
  if (sum === 0n) return zero;
  const negative = sum < 0n;
  const digits = (negative ? -sum : sum).toString();
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 48) end--;
  return { negative, digits: digits.slice(0, end), exponent: digits.length - 1 + scale };
}

export function negate(decimal: Decimal): Decimal {
  return decimal.digits === "" ? decimal : { ...decimal, negative: !decimal.negative };
}

function scaled(decimal: Decimal, scale: number): bigint {
  const zeros = decimal.exponent - decimal.digits.length + 1 - scale;
  const magnitude = BigInt(decimal.digits + "0".repeat(zeros));
  return decimal.negative ? -magnitude : magnitude;
}

/**
 * Text in whose byte order numbers sort by value. A sign ("4" negative, "5" zero, "6" positive), the exponent offset by 500
 * in three digits, the digits; all digits of a negative number are complemented and closed by "~", which is above them.
 */
export function sortableDecimal(decimal: Decimal): string {
  if (decimal.digits === "") return "5";
  const offset = String(decimal.exponent + 500).padStart(3, "0");
  if (!decimal.negative) return `6${offset}${decimal.digits}`;
  return `4${complement(offset)}${complement(decimal.digits)}~`;
}

function complement(digits: string): string {
  let text = "";
  for (let i = 0; i < digits.length; i++) text += String.fromCharCode(105 - digits.charCodeAt(i));
  return text;
}
