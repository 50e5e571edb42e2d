import assert from "node:assert/strict";
import test from "node:test";
import { ballotOf, ownerOf, roundOf } from "./ballot.ts";

test("ballots compare by round, then by node, and tell both", () => {
  const inOrder = [ballotOf(1, 0), ballotOf(1, 1), ballotOf(1, 1_023), ballotOf(2, 0), ballotOf(2 ** 40, 7)];
  assert.deepEqual(
    [...inOrder].reverse().sort((a, b) => a - b),
    inOrder,
  );
  assert.deepEqual(inOrder.map(roundOf), [1, 1, 1, 2, 2 ** 40]);
  assert.deepEqual(inOrder.map(ownerOf), [0, 1, 1_023, 0, 7]);
  assert.equal(ownerOf(0), -1, "nobody owns the ballot below all others");
});
