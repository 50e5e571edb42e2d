/** Conditions, updates, keys and sizes: tables for what the service says, properties for what must always hold. */
import { itemBytes, textBytes } from "../../policies/capacity/request-units.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { holds } from "./conditions.ts";
import { canonicalKey, itemKeyError, keyError, keyOf, maxRowKeyBytes, storeKey, updateKeyError } from "./keys.ts";
import { applyUpdate } from "./updates.ts";
import { compareValues, equalItems, equalValues, valueAt } from "./values.ts";
import type { AttributeValue, Condition, Item, TableSpec, UpdateAction } from "../../api.ts";

const table: TableSpec = {
  name: "t",
  hashKey: { name: "h", type: "S" },
  rangeKey: { name: "r", type: "N" },
  merge: "last-writer-wins",
  replication: { n: 1, r: 1, w: 1, sloppy: false },
  capacity: { kind: "unlimited" },
  partitions: 1,
};
const { rangeKey: _, ...hashOnly } = table;

const text = fc.oneof(fc.string({ maxLength: 6 }), fc.string({ unit: "binary", maxLength: 4 }));
const number = fc.tuple(fc.integer(), fc.integer({ min: -5, max: 5 })).map(([whole, scale]) => `${whole}e${scale}`);
const name = fc
  .oneof(fc.constantFrom("a", "b", "c", "constructor", "toString"), text)
  .filter((other) => other !== "__proto__");

const { value, item } = fc.letrec<{ value: AttributeValue; item: Item }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    text.map((S) => ({ S })),
    number.map((N) => ({ N })),
    fc.boolean().map((BOOL) => ({ BOOL })),
    fc.constant({ NULL: true as const }),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => ({ B: Buffer.from(bytes).toString("base64") })),
    fc.uniqueArray(text, { minLength: 1, maxLength: 3 }).map((SS) => ({ SS })),
    fc.array(tie("value"), { maxLength: 3 }).map((L) => ({ L })),
    tie("item").map((M) => ({ M })),
  ),
  item: fc.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
}));

/* ---- conditions --------------------------------------------------------------------------------------------------------- */

const replay = { seed: Number(process.env.PROPERTY_SEED ?? 1), numRuns: Number(process.env.PROPERTY_RUNS ?? 300) };

test("comparisons: type mismatch is false, except that unlike things are unequal", () => {
  const row: Item = { n: { N: "10" }, s: { S: "b" }, l: { L: [{ N: "1" }] }, m: { M: { k: { S: "v" } } } };
  const compare = (operator: "=" | "<>" | "<" | "<=" | ">" | ">=", path: string, against: AttributeValue): boolean =>
    holds({ kind: "compare", operator, path: [path], value: against }, row);
  assert.equal(compare("=", "n", { N: "1e1" }), true);
  assert.equal(compare("<", "n", { N: "9" }), false);
  assert.equal(compare(">", "n", { N: "9.99999999999999999999999999999999999" }), true);
  assert.equal(compare(">=", "s", { S: "a" }), true);
  assert.equal(compare("<", "n", { S: "99" }), false);
  assert.equal(compare(">=", "n", { S: "99" }), false);
  assert.equal(compare("<>", "n", { S: "10" }), true);
  assert.equal(compare("<>", "absent", { S: "10" }), true);
  assert.equal(compare("=", "absent", { S: "10" }), false);
  assert.equal(compare("<=", "m", { M: { k: { S: "v" } } }), false);
  assert.equal(compare("=", "m", { M: { k: { S: "v" } } }), true);
  assert.equal(compare("=", "constructor", { S: "x" }), false);
});

test("a missing item has no attributes", () => {
  assert.equal(holds({ kind: "not-exists", path: ["h"] }, null), true);
  assert.equal(holds({ kind: "exists", path: ["h"] }, null), false);
  assert.equal(holds({ kind: "exists", path: ["toString"] }, {}), false);
});

test("conditions obey De Morgan, and comparisons their opposites", () => {
  fc.assert(
    fc.property(item, value, fc.array(name, { minLength: 1, maxLength: 2 }), (row, against, path) => {
      const is = (operator: "=" | "<>" | "<" | "<=" | ">" | ">="): Condition => ({
        kind: "compare",
        operator,
        path,
        value: against,
      });
      const a: Condition = is("<");
      const b: Condition = { kind: "exists", path };
      const both: Condition = { kind: "not", inner: { kind: "and", left: a, right: b } };
      const either: Condition = { kind: "or", left: { kind: "not", inner: a }, right: { kind: "not", inner: b } };
      assert.equal(holds(both, row), holds(either, row));
      assert.notEqual(holds(is("="), row), holds(is("<>"), row));
      assert.ok(!holds(is("<"), row) || !holds(is(">="), row));
      assert.ok(!holds(is("<"), row) || (holds(is("<="), row) && holds(is("<>"), row)));
    }),
    replay,
  );
});

test("strings sort by their UTF-8 bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
      assert.equal(Math.sign(compareValues({ S: a }, { S: b })), expected);
      assert.equal(textBytes(a), Buffer.byteLength(a));
    }),
    replay,
  );
});

/* ---- updates ------------------------------------------------------------------------------------------------------------ */

const key: Item = { h: { S: "k" } };

function updated(row: Item | null, ...actions: UpdateAction[]): Item | string {
  const result = applyUpdate(row, key, actions);
  return result.kind === "ok" ? result.item : result.message;
}

function refusal(result: Item | string): string {
  assert.ok(typeof result === "string", "the update should have been invalid");
  return result;
}

const set = (path: (string | number)[], to: AttributeValue): UpdateAction => ({
  kind: "set",
  path,
  operand: { kind: "value", value: to },
});

test("an update of nothing begins from the key", () => {
  assert.deepEqual(updated(null), key);
  assert.deepEqual(updated(null, { kind: "add", path: ["n"], value: { N: "2" } }), { ...key, n: { N: "2" } });
});

test("all actions see the item as it was", () => {
  const row: Item = { a: { N: "1" }, b: { N: "2" }, l: { L: [{ S: "0" }, { S: "1" }, { S: "2" }] } };
  const swap: UpdateAction[] = [
    { kind: "set", path: ["a"], operand: { kind: "path", path: ["b"] } },
    { kind: "set", path: ["b"], operand: { kind: "path", path: ["a"] } },
  ];
  assert.deepEqual(updated(row, ...swap), { ...row, a: { N: "2" }, b: { N: "1" } });
  const both = updated(row, { kind: "remove", path: ["l", 0] }, { kind: "remove", path: ["l", 1] });
  assert.deepEqual(both, { ...row, l: { L: [{ S: "2" }] } });
  const past = updated(row, set(["l", 9], { S: "b" }), set(["l", 7], { S: "a" }), { kind: "remove", path: ["l", 0] });
  assert.deepEqual(past, { ...row, l: { L: [{ S: "1" }, { S: "2" }, { S: "a" }, { S: "b" }] } });
});

test("invalid updates say so in the service's words", () => {
  const row: Item = { s: { S: "x" }, n: { N: "9e125" }, ss: { SS: ["a"] } };
  const badPath = "The document path provided in the update expression is invalid for update";
  const badType = "An operand in the update expression has an incorrect data type";
  assert.equal(updated(row, set(["absent", "k"], { S: "v" })), badPath);
  assert.equal(updated(row, set(["s", 0], { S: "v" })), badPath);
  assert.equal(updated(row, set(["__proto__"], { S: "v" })), badPath);
  assert.equal(updated(row, { kind: "add", path: ["s"], value: { N: "1" } }), badType);
  assert.equal(updated(row, { kind: "add", path: ["ss"], value: { S: "1" } }), badType);
  assert.equal(updated(row, { kind: "delete", path: ["ss"], value: { NS: ["1"] } }), badType);
  assert.match(refusal(updated(row, { kind: "add", path: ["n"], value: { N: "9e125" } })), /^Number overflow/);
  assert.match(refusal(updated(row, set(["s"], { S: "v" }), set(["s"], { S: "v" }))), /overlap/);
  assert.match(refusal(updated(row, set(["big"], { S: "x".repeat(409_600) }))), /maximum allowed size/);
  const absent: UpdateAction = { kind: "set", path: ["v"], operand: { kind: "path", path: ["absent"] } };
  assert.match(refusal(updated(row, absent)), /does not exist in the item$/);
});

test("a set that loses its last member is gone", () => {
  const row: Item = { ...key, ss: { SS: ["a", "b"] } };
  assert.deepEqual(updated(row, { kind: "delete", path: ["ss"], value: { SS: ["b", "c"] } }), {
    ...key,
    ss: { SS: ["a"] },
  });
  assert.deepEqual(updated(row, { kind: "delete", path: ["ss"], value: { SS: ["a", "b"] } }), key);
});

test("what is set is there afterwards, what is removed is not, and nothing given is changed", () => {
  fc.assert(
    fc.property(item, name, name, value, (row, one, other, to) => {
      fc.pre(one !== other);
      const copy = structuredClone(row);
      const result = applyUpdate(row, key, [set([one], to), { kind: "remove", path: [other] }]);
      assert.ok(result.kind === "ok");
      assert.deepEqual(valueAt(result.item, [one]), to);
      assert.equal(valueAt(result.item, [other]), undefined);
      const expected = Object.fromEntries(Object.entries({ ...row, [one]: to }).filter(([each]) => each !== other));
      assert.ok(equalItems(result.item, expected));
      assert.deepEqual(row, copy);
    }),
    replay,
  );
});

test("actions commute", () => {
  fc.assert(
    fc.property(item, value, value, number, (row, a, b, n) => {
      const actions: UpdateAction[] = [
        set(["a"], a),
        set(["b"], b),
        { kind: "add", path: ["c"], value: { N: n } },
        {
          kind: "set",
          path: ["d"],
          operand: { kind: "if-not-exists", path: ["a"], otherwise: { kind: "value", value: b } },
        },
      ];
      const forth = applyUpdate(row, key, actions);
      const back = applyUpdate(row, key, [...actions].reverse());
      assert.equal(forth.kind, back.kind);
      if (forth.kind === "ok" && back.kind === "ok") assert.ok(equalItems(forth.item, back.item));
    }),
    replay,
  );
});

test("ADD unites sets: idempotent, and the members of both", () => {
  const members = fc.uniqueArray(text, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(members, members, (SS, more) => {
      const addition: UpdateAction = { kind: "add", path: ["ss"], value: { SS: more } };
      const once = updated({ ss: { SS } }, addition) as Item;
      assert.deepEqual(new Set(once.ss.SS), new Set([...SS, ...more]));
      assert.ok(equalItems(updated(once, addition) as Item, once));
    }),
    replay,
  );
});

/* ---- keys --------------------------------------------------------------------------------------------------------------- */

test("keys are checked in the service's words", () => {
  const schema = "The provided key element does not match the schema";
  assert.equal(keyError(table, { h: { S: "a" }, r: { N: "1" } }), null);
  assert.equal(keyError(table, { h: { S: "a" } }), schema);
  assert.equal(keyError(table, { h: { S: "a" }, r: { S: "1" } }), schema);
  assert.equal(keyError(table, { h: { S: "a" }, toString: { N: "1" } } as Item), schema);
  assert.match(keyError(hashOnly, { h: { S: "" } })!, /cannot contain an empty string value. Key: h$/);
  assert.match(keyError(hashOnly, { h: { S: "x".repeat(2_049) } })!, /Size of hashkey/);
  assert.match(
    keyError(hashOnly, { h: { S: "x".repeat(2_000) } })!,
    /too long together for this store: got 2002 bytes/,
  );
  assert.match(itemKeyError(table, { r: { N: "1" } })!, /Missing the key h in the item$/);
  assert.match(itemKeyError(table, { h: { N: "1" } })!, /Type mismatch for key h expected: S actual: N$/);
  assert.match(
    updateKeyError(table, [set(["r"], { N: "1" })])!,
    /Cannot update attribute r. This attribute is part of the key$/,
  );
  assert.equal(updateKeyError(table, [set(["x"], { N: "1" })]), null);
  assert.deepEqual(keyOf(table, { h: { S: "a" }, r: { N: "1" }, x: { S: "y" } }), { h: { S: "a" }, r: { N: "1" } });
  assert.deepEqual(canonicalKey(hashOnly, { h: { N: "1.0" } }), { h: { N: "1" } });
});

test("row keys keep order, are equal only for equal keys, and begin with their partition", () => {
  const part = fc.oneof(text, fc.constantFrom("", "\u0000", "\u0000\u0001", "\u0000\u00ff", "a\u0000"));
  fc.assert(
    fc.property(part, number, part, number, (h1, r1, h2, r2) => {
      const one: Item = { h: { S: h1 }, r: { N: r1 } };
      const two: Item = { h: { S: h2 }, r: { N: r2 } };
      const a = storeKey(table, one);
      const b = storeKey(table, two);
      const hashes = compareValues(one.h, two.h);
      const expected = Math.sign(hashes === 0 ? compareValues(one.r, two.r) : hashes);
      const order = a.rowKey < b.rowKey ? -1 : Number(a.rowKey > b.rowKey);
      assert.equal(order, expected);
      assert.equal(a.partitionText === b.partitionText, hashes === 0);
      assert.equal(Buffer.from(a.rowKey, "latin1").toString("latin1"), a.rowKey);
      assert.ok(a.rowKey.length <= maxRowKeyBytes);
    }),
    replay,
  );
});

/* ---- values ------------------------------------------------------------------------------------------------------------- */

test("equality is by value, and size counts bytes", () => {
  fc.assert(
    fc.property(value, (each) => assert.ok(equalValues(each, structuredClone(each)))),
    replay,
  );
  assert.ok(equalValues({ SS: ["a", "b"] }, { SS: ["b", "a"] }));
  assert.ok(equalValues({ NS: ["1", "2"] }, { NS: ["2.0", "1"] }));
  assert.ok(!equalValues({ L: [{ S: "a" }] }, { L: [{ S: "b" }] }));
  assert.equal(itemBytes({ id: { S: "abc" } }), 5);
  assert.equal(
    itemBytes({ "\u00e9": { S: "\ud83d\uded2" }, b: { B: "AQI=" }, t: { BOOL: true } }),
    2 + 4 + 1 + 2 + 1 + 1,
  );
  assert.equal(itemBytes({ l: { L: [{ NULL: true }] }, m: { M: { k: { S: "v" } } } }), 1 + 3 + 2 + 1 + 3 + 1 + 2);
});
