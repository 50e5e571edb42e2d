import assert from "node:assert/strict";
import { test } from "node:test";
import type { Contest, Side } from "./duel.ts";
import { duel, duelReport } from "./duel.ts";

const plan = { rounds: 3, seconds: 2, seed: 7 };
const measured = { p50Ms: 1, p99Ms: 2, ok: 100, failed: 0, answerBytes: 10, cpuUs: 50 };
const side =
  (perSecond: number, more = {}): Side =>
  () =>
    Promise.resolve({ ...measured, perSecond, ...more });

function contest(title: string, ours: Side | null, theirs: Side, least: number | null, tail = false): Contest {
  return { title, ours, theirs, least, tail };
}

test("each round measures both sides of each contest once, in an order that changes, and does not count the first", async () => {
  const seen: string[] = [];
  const noted =
    (name: string): Side =>
    ({ seed }) => {
      seen.push(`${name}${seed}`);
      return Promise.resolve({ ...measured, perSecond: seed });
    };
  const [outcome] = await duel([contest("a", noted("o"), noted("t"), 1)], { ...plan, rounds: 8 });
  assert.equal(seen.length, 18);
  assert.deepEqual(
    [...new Set(seen)].sort(),
    seen.toSorted(),
    "one measurement of each side and round, with the round's seed",
  );
  const oursFirst = seen.filter((name, at) => at % 2 === 0 && name.startsWith("o")).length;
  assert.ok(oursFirst > 0 && oursFirst < 9, `ours came first in ${oursFirst} of 9 rounds`);
  assert.deepEqual(
    outcome.ours.map(({ perSecond }) => perSecond),
    [8, 9, 10, 11, 12, 13, 14, 15],
  );
});

test("claims are held or not by the ratio, and what failed is said", async () => {
  const outcomes = await duel(
    [
      contest("fast", side(310), side(100, { cpuUs: 100 }), 3),
      contest("slow", side(90), side(100), 1),
      contest("late", side(100, { p99Ms: 3 }), side(100), null, true),
      contest("prompt", side(100, { failed: 2 }), side(100), null, true),
    ],
    plan,
  );
  const text = duelReport(outcomes, "peer", plan).join("\n");
  assert.match(
    text,
    /^held {6}fast: 3 times the rate of peer or more; got 3\.10 \(2\.00 for each second of the servers. processor time\)$/m,
  );
  assert.match(text, /^NOT HELD {2}slow: 1 times the rate of peer or more; got 0\.90; wavetank loses \(1\.00 for/m);
  assert.match(text, /^NOT HELD {2}late: p99 no higher than that of peer; got 1\.50 of it$/m);
  assert.match(text, /^held {6}prompt: p99 no higher/m);
  assert.match(text, /^NOT COUNTED: 6 requests of prompt failed$/m);
});

test("a side that answers nothing holds no claim; a peer alone makes none", async () => {
  const silent = duelReport(await duel([contest("silent", side(0), side(100), 1, true)], plan), "peer", plan).join(
    "\n",
  );
  assert.match(silent, /^NOT HELD {2}silent: 1 times the rate of peer or more; got nothing$/m);
  const alone = duelReport(await duel([contest("alone", null, side(1_234), 3, true)], plan), "peer", plan).join("\n");
  assert.match(alone, /^alone +- +1,234 +-, - +1\.0, 2\.0 +-, 50$/m);
  assert.doesNotMatch(alone, /held|HELD/);
});
