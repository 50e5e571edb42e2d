import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operation } from "./history.ts";
import { checkLinearizability } from "./linearizability.ts";
import type { KeyValueInput, KeyValueOutput, Numbering } from "./models.ts";
import { keyValueModel } from "./models.ts";

type KeyValueOperation = Operation<KeyValueInput, KeyValueOutput>;
type Change = {
  [Kind in KeyValueInput["kind"]]: Omit<Extract<KeyValueInput, { kind: Kind }>, "key">;
}[KeyValueInput["kind"]];

/** One after another, ten microseconds each; a step without output has an unknown outcome. */
const inTurn = (...steps: readonly (readonly [Change, KeyValueOutput?])[]): KeyValueOperation[] =>
  steps.map(([change, output], i) => {
    const input: KeyValueInput = { ...change, key: "k" };
    const invokedAt = 10 * i;
    return output === undefined
      ? { client: i, invokedAt, completedAt: Infinity, input }
      : { client: i, invokedAt, completedAt: invokedAt + 5, input, output };
  });

const get = { kind: "get" } as const;
const put = (value: string) => ({ kind: "put", value }) as const;
const putIf = (expected: number, value: string) => ({ kind: "put-if", expected, value }) as const;
const remove = { kind: "delete" } as const;
const done = (number?: number) => ({ kind: "put", number }) as const;
const found = (value: string, number?: number) => ({ kind: "found", value, number }) as const;
const deleted = { kind: "deleted", existed: true } as const;
const idle = { kind: "deleted", existed: false } as const;
const absent = { kind: "absent" } as const;
const refused = { kind: "refused" } as const;

const cases: readonly (readonly [Numbering, string, "linearizable" | "violation", KeyValueOperation[]])[] = [
  [
    "mod-revision",
    "revisions rise with gaps: other keys take some",
    "linearizable",
    inTurn([put("a"), done(3)], [put("b"), done(9)], [get, found("b", 9)]),
  ],
  [
    "mod-revision",
    "a revision that nobody was told is learnt from a read",
    "linearizable",
    inTurn([put("a"), done(3)], [put("b")], [putIf(3, "c"), refused], [get, found("b", 7)], [putIf(7, "d"), done(8)]),
  ],
  [
    "mod-revision",
    "an unknown put happens after a deletion",
    "linearizable",
    inTurn([put("a"), done(3)], [put("b")], [remove, deleted], [get, absent], [get, found("b", 5)]),
  ],
  [
    "mod-revision",
    "a key is made by whoever finds none",
    "linearizable",
    inTurn([remove, idle], [putIf(0, "a"), done(2)], [putIf(0, "b"), refused]),
  ],
  ["mod-revision", "a revision falls", "violation", inTurn([put("a"), done(9)], [put("b"), done(3)])],
  [
    "mod-revision",
    "a put leaves another revision than it told",
    "violation",
    inTurn([put("a"), done(3)], [get, found("a", 4)]),
  ],
  [
    "mod-revision",
    "two puts expected one revision",
    "violation",
    inTurn([put("a"), done(3)], [putIf(3, "b"), done(4)], [putIf(3, "c"), done(5)]),
  ],
  [
    "mod-revision",
    "an unknown put and the deletion after it had one revision between them",
    "violation",
    inTurn([put("a"), done(3)], [put("b")], [get, found("b")], [remove, deleted], [put("c"), done(5)]),
  ],
  [
    "mod-revision",
    "a put was refused although the key was as expected",
    "violation",
    inTurn([put("a"), done(3)], [putIf(3, "b"), refused]),
  ],
  [
    "mod-revision",
    "an unknown put turns out to have the revision that another put was refused for",
    "violation",
    inTurn([put("a"), done(3)], [put("b")], [get, found("b")], [putIf(7, "c"), refused], [get, found("b", 7)]),
  ],
  [
    "mod-revision",
    "an unknown put was refused two revisions, and has the first",
    "violation",
    inTurn(
      [put("a"), done(3)],
      [put("b")],
      [get, found("b")],
      [putIf(7, "c"), refused],
      [putIf(8, "c"), refused],
      [get, found("b", 7)],
    ),
  ],
  [
    "mod-revision",
    "the only revision left for an unknown put is one that it does not have",
    "violation",
    inTurn([put("a"), done(3)], [put("b")], [get, found("b")], [putIf(4, "c"), refused], [put("d"), done(5)]),
  ],
  [
    "mod-revision",
    "a deleted key is found",
    "violation",
    inTurn([put("a"), done(3)], [remove, deleted], [get, found("a", 3)]),
  ],
  [
    "version",
    "versions count from one again after a deletion",
    "linearizable",
    inTurn([put("a"), done(1)], [put("b"), done(2)], [remove, deleted], [put("c"), done(1)]),
  ],
  [
    "version",
    "an unknown put was counted",
    "linearizable",
    inTurn([put("a"), done(1)], [put("b")], [putIf(2, "c"), done(3)]),
  ],
  ["version", "a version is left out", "violation", inTurn([put("a"), done(1)], [put("b"), done(3)])],
  ["version", "a version is given twice", "violation", inTurn([put("a"), done(1)], [put("b"), done(1)])],
  [
    "version",
    "a lost update",
    "violation",
    inTurn([put("a"), done(1)], [putIf(1, "b"), done(2)], [putIf(1, "c"), done(2)]),
  ],
];

for (const [numbering, name, expected, history] of cases)
  test(`${numbering}, ${expected}: ${name}`, () => {
    const verdict = checkLinearizability(keyValueModel(numbering), history);
    assert.equal(verdict.kind, expected, name);
    const plain = checkLinearizability({ ...keyValueModel(numbering), holding: undefined }, history);
    assert.equal(plain.kind, expected, "without the shortcut for held values");
  });
