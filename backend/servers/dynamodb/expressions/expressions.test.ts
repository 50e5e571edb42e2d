/** What expressions mean, as tables: text and placeholders on the left, the parsed form or the error on the right. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Binding } from "./binding.ts";
import { readCondition } from "./condition-expression.ts";
import { ExpressionCache } from "./expression-cache.ts";
import { project, readProjection } from "./projection.ts";
import { readUpdate } from "./update-expression.ts";
import type { Condition, Item, UpdateAction } from "../../../api.ts";

const binding = (): Binding =>
  new Binding({ "#n": "name", "#d": "a.b" }, { ":v": { N: "1" }, ":l": { L: [] }, ":s": { SS: ["x"] } });

const exists = (...path: (string | number)[]): Condition => ({ kind: "exists", path });

test("conditions: precedence, associativity, paths and placeholders", () => {
  const means = (text: string, expected: Condition): void =>
    assert.deepEqual(readCondition(text, binding()), expected, text);
  const [a, b, c] = ["x", "y", "z"].map((name) => exists(name));
  const [x, y, z] = ["x", "y", "z"].map((name) => `attribute_exists(${name})`);
  means(x, a);
  means(`${x} OR ${y} AND ${z}`, { kind: "or", left: a, right: { kind: "and", left: b, right: c } });
  means(`(${x} OR ${y}) AND ${z}`, { kind: "and", left: { kind: "or", left: a, right: b }, right: c });
  means(`${x} AND ${y} AND ${z}`, { kind: "and", left: { kind: "and", left: a, right: b }, right: c });
  means(`NOT ${x} AND ${y}`, { kind: "and", left: { kind: "not", inner: a }, right: b });
  means(`not not ${x}`, { kind: "not", inner: { kind: "not", inner: a } });
  means("attribute_not_exists ( x )", { kind: "not-exists", path: ["x"] });
  means("attribute_exists(x.#n[0][12].#d)", exists("x", "name", 0, 12, "a.b"));
  means("x<=:v", { kind: "compare", operator: "<=", path: ["x"], value: { N: "1" } });
  means(":v < x", { kind: "compare", operator: ">", path: ["x"], value: { N: "1" } });
  means(":v >= x", { kind: "compare", operator: "<=", path: ["x"], value: { N: "1" } });
  means(":v <= x", { kind: "compare", operator: ">=", path: ["x"], value: { N: "1" } });
  means(":v > x", { kind: "compare", operator: "<", path: ["x"], value: { N: "1" } });
  means(":v = x", { kind: "compare", operator: "=", path: ["x"], value: { N: "1" } });
  means("\n x\t<> :v ", { kind: "compare", operator: "<>", path: ["x"], value: { N: "1" } });
});

test("conditions: syntax errors name the token, its surroundings and its place", () => {
  const fails = (text: string, message: string): void =>
    assert.throws(() => readCondition(text, binding()), { message: `Invalid ConditionExpression: ${message}` }, text);
  fails("", "The expression can not be empty;");
  fails("x = ", 'Syntax error; token: "<EOF>", near: "=", at character 4');
  fails("x == :v", 'Syntax error; token: "=", near: "= :v", at character 4'.replace("= :v", "== :v"));
  fails("x ! :v", 'Syntax error; token: "!", near: "x !", at character 3');
  fails("x = :v y", 'Syntax error; token: "y", near: ":v y", at character 8');
  fails("(x = :v", 'Syntax error; token: "<EOF>", near: ":v", at character 8');
  fails("((x = :v))", "The expression has redundant parentheses;");
  fails("f(x)", "Invalid function name; function: f");
  fails("status = :v", "Attribute name is a reserved keyword; reserved keyword: status");
  fails("x = :w", "An expression attribute value used in expression is not defined; attribute value: :w");
  fails("#q = :v", "An expression attribute name used in the document path is not defined; attribute name: #q");
  assert.throws(
    () => readCondition("size(x) > :v", binding()),
    /does not support the function size; supported: attribute_exists/,
  );
  assert.throws(() => readCondition("x BETWEEN :v AND :v", binding()), /does not support the BETWEEN operator/);
  assert.throws(() => readCondition(`${"NOT ".repeat(200)}x = :v`, binding()), /nested more than 100 deep/);
  assert.throws(() => readCondition("x".repeat(5_000), binding()), /Expression size has exceeded/);
});

test("updates: sections, operands, and every action", () => {
  const means = (text: string, ...expected: UpdateAction[]): void =>
    assert.deepEqual(readUpdate(text, binding()), expected, text);
  const v = { kind: "value", value: { N: "1" } } as const;
  means("SET x = :v", { kind: "set", path: ["x"], operand: v });
  means(
    "set x = y + :v, #n = z",
    { kind: "set", path: ["x"], operand: { kind: "plus", left: { kind: "path", path: ["y"] }, right: v } },
    { kind: "set", path: ["name"], operand: { kind: "path", path: ["z"] } },
  );
  means("SET x = if_not_exists(y[1], :v) - :v", {
    kind: "set",
    path: ["x"],
    operand: { kind: "minus", left: { kind: "if-not-exists", path: ["y", 1], otherwise: v }, right: v },
  });
  means("SET x = list_append(if_not_exists(x, :l), :l)", {
    kind: "set",
    path: ["x"],
    operand: {
      kind: "list-append",
      left: { kind: "if-not-exists", path: ["x"], otherwise: { kind: "value", value: { L: [] } } },
      right: { kind: "value", value: { L: [] } },
    },
  });
  means(
    "REMOVE a[0], b DELETE c :s ADD d :v, e :s",
    { kind: "remove", path: ["a", 0] },
    { kind: "remove", path: ["b"] },
    { kind: "delete", path: ["c"], value: { SS: ["x"] } },
    { kind: "add", path: ["d"], value: { N: "1" } },
    { kind: "add", path: ["e"], value: { SS: ["x"] } },
  );
  assert.throws(() => readUpdate("SET x = :v, x.y = :v", binding()), /overlap/);
  assert.throws(() => readUpdate("SET x.y = :v, x[0] = :v", binding()), /conflict/);
  assert.throws(() => readUpdate("SET x = :v SET y = :v", binding()), /"SET" section can only be used once/);
  assert.throws(() => readUpdate("ADD x :l", binding()), /operator: ADD, operand type: LIST/);
  assert.throws(() => readUpdate("SET x = :v +", binding()), /token: "<EOF>", near: "\+", at character 13/);
});

test("projections keep the place of what they select", () => {
  const item: Item = {
    a: { M: { b: { S: "1" }, c: { S: "2" } } },
    l: { L: [{ S: "0" }, { S: "1" }, { S: "2" }] },
    name: { S: "n" },
  };
  const selects = (text: string, expected: Item): void =>
    assert.deepEqual(project(item, readProjection(text, binding())), expected, text);
  selects("#n", { name: { S: "n" } });
  selects("a.b, l[2], l[0]", { a: { M: { b: { S: "1" } } }, l: { L: [{ S: "0" }, { S: "2" }] } });
  selects("a.nothing, l[9], toString, #n.b", {});
  selects("l.b, a[0]", {});
  assert.throws(() => readProjection("a, a.b", binding()), /overlap/);
});

test("placeholders must all be used", () => {
  const bound = binding();
  readUpdate("SET #n = :v", bound);
  assert.throws(() => bound.throwUnused(), /ExpressionAttributeNames unused in expressions: keys: {#d}/);
});

test("the cache forgets the oldest text and never keeps an error", () => {
  let parsed = 0;
  const cache = new ExpressionCache((text: string) => {
    parsed++;
    if (text === "bad") throw new Error("bad");
    return { text };
  }, 2);
  for (const text of ["a", "b", "a", "c", "b", "a"]) cache.get(text);
  assert.equal(parsed, 4);
  assert.throws(() => cache.get("bad"));
  assert.throws(() => cache.get("bad"));
  assert.equal(parsed, 6);
});
