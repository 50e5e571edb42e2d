import assert from "node:assert/strict";
import test from "node:test";
import { Random } from "../../kernel/random.ts";
import { Patience } from "./patience.ts";

const beat = 10;
const most = 80;

function longestOf(draw: (patience: Patience) => void): readonly [number, number] {
  const waits = Array.from({ length: 500 }, (_, seed) => {
    const patience = new Patience(new Random(seed), beat, most);
    draw(patience);
    return patience.until;
  });
  return [Math.min(...waits), Math.max(...waits)];
}

test("silence is borne for so many heartbeats and up to one more, not equally long by all", () => {
  assert.deepEqual(
    longestOf((patience) => patience.wait(1_000, 3)),
    [1_030, 1_040],
  );
});

test("after a failed candidacy two heartbeats and a random delay that doubles up to a limit", () => {
  const failures = [1, 2, 3, 4, 5, 9].map((count) =>
    longestOf((patience) => {
      for (let i = 0; i < count; i++) patience.backOff(0);
    }),
  );
  assert.deepEqual(
    failures.map(([least]) => least),
    Array.from({ length: 6 }, () => 20),
  );
  assert.deepEqual(
    failures.map(([, longest]) => longest),
    [30, 40, 60, 100, 100, 100],
  );
});

test("an election that was won, by whoever, ends the growing", () => {
  const [, longest] = longestOf((patience) => {
    for (let i = 0; i < 9; i++) patience.backOff(0);
    patience.calm();
    patience.backOff(0);
  });
  assert.equal(longest, 30);
});
