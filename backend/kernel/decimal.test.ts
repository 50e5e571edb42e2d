import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addDecimals,
  compareDecimals,
  decimalText,
  isPlainInteger,
  negate,
  parseDecimal,
  rangeError,
  sortableDecimal,
} from "./decimal.ts";

const replay = { seed: Number(process.env.PROPERTY_SEED ?? 1), numRuns: Number(process.env.PROPERTY_RUNS ?? 300) };

test("one spelling for equal numbers", () => {
  const spelling = (text: string): string | null => {
    const decimal = parseDecimal(text);
    return decimal === null ? null : decimalText(decimal);
  };
  for (const [text, expected] of [
    ["0", "0"],
    ["-0.00", "0"],
    ["007", "7"],
    ["1.50", "1.5"],
    ["-.5", "-0.5"],
    ["5.", "5"],
    ["12e3", "12000"],
    ["12E-3", "0.012"],
    ["100e-2", "1"],
    ["1e-130", `0.${"0".repeat(129)}1`],
  ]) {
    assert.equal(spelling(text), expected, text);
  }
  for (const text of ["", " 1", "1 ", "+1", "0x1", ".", "-", "1e", "1e1.5", "NaN", "Infinity", "1,5"]) {
    assert.equal(spelling(text), null, text);
  }
});

test("range and precision are those of the service", () => {
  const failure = (text: string): string | null => rangeError(parseDecimal(text)!);
  assert.equal(failure("9.9e125"), null);
  assert.match(failure("1e126")!, /^Number overflow/);
  assert.equal(failure("1e-130"), null);
  assert.match(failure("1e-131")!, /^Number underflow/);
  assert.equal(failure("1".repeat(38)), null);
  assert.match(failure("1".repeat(39))!, /38 significant digits/);
  assert.equal(failure("1".repeat(38) + "0".repeat(40)), null);
});

/** Whole numbers scaled by a power of ten: the obvious version works on the whole numbers. */
const scaled = fc.record({
  whole: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
  scale: fc.integer({ min: -20, max: 0 }),
});

const textOf = ({ whole, scale }: { whole: bigint; scale: number }): string => `${whole}e${scale}`;
const atScale = ({ whole, scale }: { whole: bigint; scale: number }): bigint => whole * 10n ** BigInt(scale + 20);

test("comparison and order of sort texts equal those of whole numbers", () => {
  fc.assert(
    fc.property(scaled, scaled, (a, b) => {
      const difference = atScale(a) - atScale(b);
      const expected = difference < 0n ? -1 : Number(difference > 0n);
      assert.equal(Math.sign(compareDecimals(textOf(a), textOf(b))), expected);
      const x = sortableDecimal(parseDecimal(textOf(a))!);
      const y = sortableDecimal(parseDecimal(textOf(b))!);
      const order = x < y ? -1 : Number(x > y);
      assert.equal(order, expected);
    }),
    replay,
  );
});

test("sort texts: a number whose digits begin with another's", () => {
  const ascending = ["-1000", "-15", "-1.5", "-1", "-0.15", "-0.1", "0", "0.1", "0.15", "1", "1.5", "15", "1000"];
  const texts = ascending.map((text) => sortableDecimal(parseDecimal(text)!));
  assert.deepEqual([...texts].sort(), texts);
});

test("sums equal those of whole numbers", () => {
  fc.assert(
    fc.property(scaled, scaled, (a, b) => {
      const [x, y] = [parseDecimal(textOf(a))!, parseDecimal(textOf(b))!];
      const sum = decimalText(addDecimals(x, y));
      assert.equal(sum, decimalText(parseDecimal(`${atScale(a) + atScale(b)}e-20`)!));
      assert.equal(decimalText(addDecimals(x, negate(x))), "0");
    }),
    replay,
  );
});

test("plain integers are spelled the one way already", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.integer().map(String)), (text) => {
      if (isPlainInteger(text)) assert.equal(decimalText(parseDecimal(text)!), text);
    }),
    replay,
  );
});
