import assert from "node:assert/strict";
import test from "node:test";
import { Candidacy } from "./candidacy.ts";
import type { Body, Entry } from "./messages.ts";
import { bodyText, commands } from "./replica.fixture.ts";

const members: Body = { kind: "members", at: 1, members: [{ node: 1, incarnation: "d1" }] };
const higher = (entry: Entry, other: Entry): boolean => entry.ballot > other.ballot;

/** Promises as "slot@ballot value, ...", one of each node; `from` is where the candidate's own log ends. */
const tables: readonly {
  readonly of: string;
  readonly promises: readonly string[];
  readonly from?: number;
  readonly found: string;
}[] = [
  { of: "nothing was accepted", promises: ["", ""], found: "up to 0:" },
  { of: "the only value there is", promises: ["1@1 x", ""], found: "up to 1: 1 x" },
  { of: "the highest ballot's, whoever says so first", promises: ["1@2 y", "1@1 x"], found: "up to 1: 1 y" },
  { of: "the highest ballot's, whoever says so last", promises: ["1@1 x", "1@2 y"], found: "up to 1: 1 y" },
  { of: "slot by slot", promises: ["1@1 x, 2@3 z", "1@2 y, 2@1 w"], found: "up to 2: 1 y, 2 z" },
  { of: "holes stay holes", promises: ["1@1 x", "4@1 y"], found: "up to 4: 1 x, 4 y" },
  { of: "what is applied already is settled", promises: ["1@1 x, 2@1 y"], from: 1, found: "up to 2: 2 y" },
  {
    of: "nothing after a change of voters",
    promises: ["1@1 x, 2@1 members, 3@1 z"],
    found: "up to 2, a change: 1 x, 2 members, 3 z",
  },
  {
    of: "the first change, in whatever order they come",
    promises: ["5@1 members", "3@1 members"],
    found: "up to 3, a change: 3 members, 5 members",
  },
  {
    of: "no change of voters when a higher ballot had another value",
    promises: ["2@1 members", "2@2 x"],
    found: "up to 2: 2 x",
  },
];

function entryOf(text: string): Entry {
  const [, slot, ballot, value] = /^(\d+)@(\d+) (.+)$/.exec(text)!;
  return { slot: Number(slot), ballot: Number(ballot), body: value === "members" ? members : commands(value) };
}

for (const { of, promises, from = 0, found } of tables) {
  test(`what a candidate has to propose again: ${of}`, () => {
    const candidacy = new Candidacy();
    for (const [node, promise] of promises.entries()) {
      candidacy.onPromise(node, { chosen: 0, entries: promise === "" ? [] : promise.split(", ").map(entryOf) });
    }
    const { values, last, change, at } = candidacy.unsettled(from, higher);
    const listed = [...values.values()]
      .sort((a, b) => a.slot - b.slot)
      .map(({ slot, body }) => ` ${slot} ${bodyText(body).split(" ")[0]}`);
    assert.equal(`up to ${last}${change ? ", a change" : ""}:${listed.join(",")}`, found);
    assert.equal(at, values.size > 0 ? 1 : 0);
  });
}

test("a promise counts once, and the one who knows most is told", () => {
  const candidacy = new Candidacy();
  assert.deepEqual(candidacy.mostChosen(), { slot: 0, node: -1 });
  for (const chosen of [3, 3, 5]) candidacy.onPromise(chosen, { chosen, entries: [] });
  assert.equal(candidacy.size, 2);
  assert.equal(candidacy.has(3), true);
  assert.deepEqual(candidacy.mostChosen(), { slot: 5, node: 5 });
  candidacy.clear();
  assert.equal(candidacy.size, 0);
});
