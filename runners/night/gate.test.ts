import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../backend/kernel/random.ts";
import { discoveryLimit, judgeSeries, usualGate, type GatedSeries } from "./gate.ts";

const wobble = (level: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => level * (1 + [0, 0.01, -0.01, 0.004, -0.006][i % 5]));

const series = (values: readonly number[], changes: Partial<GatedSeries> = {}): GatedSeries => ({
  values,
  runs: [],
  better: "lower",
  gate: 0.05,
  current: true,
  ...changes,
});

const states = (one: GatedSeries): string[] => judgeSeries([one])[0].map(({ state }) => state);

const slower = (nights: number, factor = 1.1): number[] => [...wobble(10, 30), ...wobble(10 * factor, nights)];

const cases: readonly (readonly [string, GatedSeries, readonly string[]])[] = [
  ["two nights are not confirmed", series(slower(2)), ["suspected"]],
  ["three nights are", series(slower(3)), ["regression"]],
  ["two bad nights around a good one are not", series([...slower(1, 1.2), 10, 12.1]), ["suspected"]],
  ["it fails seven nights", series(slower(7)), ["regression"]],
  ["and is then the level", series(slower(8)), ["known"]],
  ["more is worse only where less is better", series(slower(3), { better: "higher" }), ["improvement"]],
  ["what has no direction fails nothing", series(slower(3), { better: null }), ["change"]],
  ["what has no gate fails nothing", series(slower(3), { gate: null }), ["suspected"]],
  ["a wider gate lets more pass", series(slower(5), { gate: 0.15 }), ["suspected"]],
  ["a step of the gate's size counts although it is seen as a little less", series(slower(5, 1.048)), ["regression"]],
  ["one that is surely smaller does not", series([...exact(10, 30), ...exact(10.4, 5)]), ["suspected"]],
  ["other machines' figures are not tonight's", series(slower(3), { current: false }), ["suspected"]],
  ["two nights before are too few", series([10, 10, 12, 12, 12]), ["suspected"]],
  ["exact figures need three before", series([10, 10, 10, 12, 12, 12]), ["regression"]],
  [
    "exact nights whose seeds disagree about the change",
    series([10, 10, 10, 12, 12, 12], { runs: seeds([8, 10, 12], [14, 9, 13]) }),
    ["suspected"],
  ],
  [
    "exact nights whose seeds spread but agree about the change",
    series([10, 10, 10, 12, 12, 12], { runs: seeds([8, 10, 12], [10, 12, 14]) }),
    ["regression"],
  ],
];

function seeds(before: readonly number[], after: readonly number[]): (readonly number[])[] {
  return [before, before, before, after, after, after];
}

function exact(level: number, n: number): number[] {
  return Array.from({ length: n }, () => level);
}

for (const [name, one, expected] of cases) test(name, () => assert.deepEqual(states(one), expected));

test("the gate can be moved, and p99 keeps its proportion", () => {
  const options = { ...usualGate, leastRegression: 0.2 };
  assert.deepEqual(judgeSeries([series(slower(5))], options)[0], []);
  const [[first], [second]] = judgeSeries([series(slower(5, 1.25)), series(slower(5, 1.25), { gate: 0.15 })], options);
  assert.equal(first.state, "regression");
  assert.equal(second.state, "suspected");
});

test("what first shows after its fresh nights fails the night that shows it, once", () => {
  for (const [seed, night] of [
    [5, 50],
    [9, 60],
    [12, 62],
  ]) {
    const random = new Random(seed);
    const values = Array.from({ length: 80 }, (_, i) => (i < 40 ? 100 : 106) * (1 + 0.035 * random.normal()));
    const red = values.flatMap((_, i) => (states(series(values.slice(0, i + 1))).includes("regression") ? [i] : []));
    assert.deepEqual(red, [night], `seed ${seed}`);
  }
});

test("Benjamini and Hochberg's step-up", () => {
  assert.equal(discoveryLimit([], 5, 0.05), -1);
  assert.equal(discoveryLimit([0.011], 5, 0.05), -1);
  assert.equal(discoveryLimit([0.009], 5, 0.05), 0.009);
  // 0.02 alone would not pass 1/5 of 0.05; as the second of two it does.
  assert.equal(discoveryLimit([0.02, 0.019], 5, 0.05), 0.02);
});
