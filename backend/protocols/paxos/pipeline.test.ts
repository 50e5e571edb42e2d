import assert from "node:assert/strict";
import test from "node:test";
import type { Body } from "./messages.ts";
import { Pipeline } from "./pipeline.ts";

const noOp: Body = { kind: "no-op", at: 0 };

function launched(count: number): Pipeline {
  const pipeline = new Pipeline();
  pipeline.restart(6);
  for (let i = 0; i < count; i++) pipeline.launch(noOp, [`origin ${7 + i}`], 0);
  return pipeline;
}

test("slots count from the one after what is applied", () => {
  const pipeline = launched(2);
  assert.deepEqual(
    [...pipeline.underWay].map(({ slot }) => slot),
    [7, 8],
  );
  assert.equal(pipeline.nextSlot, 9);
  assert.equal(pipeline.chosen, 6);
});

/** Votes as "slot:node" with a majority of two, and what counts as chosen after each. */
const votes: readonly { readonly of: string; readonly votes: string; readonly chosen: string }[] = [
  { of: "in order", votes: "7:0 7:1 8:0 8:1 9:0 9:1", chosen: "6 7 7 8 8 9" },
  { of: "a later slot waits for an earlier one", votes: "9:0 9:1 8:0 8:1 7:0 7:1", chosen: "6 6 6 6 6 9" },
  { of: "a node has one vote", votes: "7:0 7:0 7:0", chosen: "6 6 6" },
  { of: "a third vote adds nothing", votes: "7:0 7:1 7:2", chosen: "6 7 7" },
  { of: "for what is not proposed", votes: "6:0 6:1 10:0 10:1", chosen: "6 6 6 6" },
];

for (const { of, votes: given, chosen } of votes) {
  test(`votes: ${of}`, () => {
    const pipeline = launched(3);
    const found = given.split(" ").map((vote) => {
      const [slot, node] = vote.split(":").map(Number);
      const before = pipeline.chosen;
      assert.equal(pipeline.vote(slot, node, 2), pipeline.chosen > before);
      return pipeline.chosen;
    });
    assert.equal(found.join(" "), chosen);
  });
}

test("what is applied is under way no more, also when others found out that it was chosen", () => {
  const pipeline = launched(3);
  assert.deepEqual(pipeline.land(7)?.origins, ["origin 7"]);
  assert.equal(pipeline.chosen, 7);
  assert.equal(pipeline.land(7), undefined);
  pipeline.vote(8, 0, 1);
  pipeline.vote(9, 0, 1);
  assert.equal(pipeline.chosen, 9);
  pipeline.land(8);
  assert.equal(pipeline.size, 1);
  const waiting = launched(2);
  waiting.vote(8, 0, 1);
  waiting.land(7);
  assert.equal(waiting.chosen, 8, "what had its votes already waits no longer");
});

test("commands gather in order and are taken a batch at a time, each with its origin", () => {
  const pipeline = new Pipeline();
  for (const each of ["a", "b", "c"]) pipeline.gather(each.toUpperCase(), each);
  assert.equal(pipeline.gathered, 3);
  assert.deepEqual(pipeline.take(2), { commands: ["a", "b"], origins: ["A", "B"] });
  assert.deepEqual(pipeline.take(2), { commands: ["c"], origins: ["C"] });
  assert.deepEqual(pipeline.take(2), { commands: [], origins: [] });
});

test("what is abandoned is told to each whose it was; what gathered waits for the next leadership", () => {
  const pipeline = launched(2);
  pipeline.launch(noOp, null, 0);
  pipeline.gather("later", "x");
  const lost: unknown[] = [];
  pipeline.abandon((origin) => lost.push(origin));
  assert.deepEqual(lost, ["origin 7", "origin 8"]);
  assert.equal(pipeline.size, 0);
  assert.equal(pipeline.gathered, 1);
});
