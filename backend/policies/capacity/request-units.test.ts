/** Sizes and units against the rules of the developer guide, worked out by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AttributeValue, Item } from "../../api.ts";
import { itemBytes, readUnits, writeUnits } from "./request-units.ts";

function valueBytes(value: AttributeValue): number {
  return itemBytes({ a: value }) - 1;
}

test("scalars", () => {
  const sizes: [AttributeValue, number][] = [
    [{ S: "" }, 0],
    [{ S: "abc" }, 3],
    [{ S: "é" }, 2],
    [{ S: "€" }, 3],
    [{ S: "😀" }, 4],
    [{ B: "" }, 0],
    [{ B: "AQ==" }, 1],
    [{ B: "AQI=" }, 2],
    [{ B: "AQID" }, 3],
    [{ BOOL: false }, 1],
    [{ NULL: true }, 1],
    [{ N: "0" }, 1],
    [{ N: "0.000" }, 1],
    [{ N: "7" }, 2],
    [{ N: "-7" }, 3],
    [{ N: "42" }, 2],
    [{ N: "100" }, 2],
    [{ N: "123" }, 3],
    [{ N: "1.2" }, 3],
    [{ N: "00042.0" }, 2],
    [{ N: "12345678901234567890123456789012345678" }, 20],
  ];
  for (const [value, bytes] of sizes) assert.equal(valueBytes(value), bytes, JSON.stringify(value));
});

test("containers: three bytes, and one for each element of a list or map; sets only their members", () => {
  assert.equal(valueBytes({ L: [] }), 3);
  assert.equal(valueBytes({ M: {} }), 3);
  assert.equal(valueBytes({ L: [{ S: "ab" }, { N: "1" }] }), 3 + (1 + 2) + (1 + 2));
  assert.equal(valueBytes({ M: { key: { S: "ab" }, ü: { BOOL: true } } }), 3 + (1 + 3 + 2) + (1 + 2 + 1));
  assert.equal(valueBytes({ SS: ["ab", "c"] }), 3);
  assert.equal(valueBytes({ NS: ["1", "-22"] }), 2 + 3);
  assert.equal(valueBytes({ BS: ["AQID", "AQ=="] }), 4);
});

test("attribute names count in UTF-8, and no item counts nothing", () => {
  assert.equal(itemBytes({ ключ: { S: "x" }, b: { NULL: true } }), 8 + 1 + 1 + 1);
  assert.equal(itemBytes(null), 0);
});

test("text is counted as Buffer encodes it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      assert.equal(valueBytes({ S: text }), Buffer.byteLength(text));
    }),
  );
});

test("binary is counted as Buffer decodes it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      assert.equal(valueBytes({ B: Buffer.from(bytes).toString("base64") }), bytes.length);
    }),
  );
});

test("units round up: 1 KB a write, 4 KB a consistent read, half of that when eventual", () => {
  for (const [bytes, write, consistent, eventual] of [
    [0, 1, 1, 0.5],
    [1, 1, 1, 0.5],
    [1_024, 1, 1, 0.5],
    [1_025, 2, 1, 0.5],
    [4_096, 4, 1, 0.5],
    [4_097, 5, 2, 1],
    [12_289, 13, 4, 2],
    [409_600, 400, 100, 50],
  ]) {
    assert.equal(writeUnits(bytes), write, `${bytes} bytes written`);
    assert.equal(readUnits(bytes, true), consistent, `${bytes} bytes read consistently`);
    assert.equal(readUnits(bytes, false), eventual, `${bytes} bytes read eventually`);
  }
});

test("an item is never smaller for one more attribute", () => {
  const value = fc.oneof(
    fc.string().map((S): AttributeValue => ({ S })),
    fc.integer().map((n): AttributeValue => ({ N: String(n) })),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string(), value), value, (item: Item, more) => {
      assert.ok(itemBytes({ ...item, "one more": more }) > itemBytes(item));
    }),
  );
});
