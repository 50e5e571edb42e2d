/** A few seeds of every scenario on every test run; `npm run simulate` does the thousands. */
import assert from "node:assert/strict";
import test from "node:test";
import { mutants } from "../../backend/mutants.ts";
import { scenarios } from "./scenario.ts";

const seeds = 24;

for (const scenario of scenarios) {
  test(`${scenario.name}: ${scenario.promise} (${seeds} seeds)`, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations, valid } = scenario.run(seed);
      const replay = `npm run simulate -- --scenario ${scenario.name} --from ${seed} --seeds 1`;
      assert.deepEqual(violations, [], `replay with: ${replay}`);
      assert(valid, `too few writes before or after the first fault: ${replay}`);
    }
  });

  for (const plant of scenario.catches) {
    test(`${scenario.name} catches the planted bug ${plant} within 1,000 seeds`, () => {
      for (let seed = 1; seed <= 1_000; seed++) if (scenario.run(seed, plant).violations.length > 0) return;
      assert.fail(`${plant} escaped 1,000 seeds`);
    });
  }

  for (const plant of scenario.tolerates) {
    test(`${scenario.name} does not flag the harmless change ${plant} (20 seeds)`, () => {
      for (let seed = 1; seed <= 20; seed++) assert.deepEqual(scenario.run(seed, plant).violations, [], `seed ${seed}`);
    });
  }
}

test("every planted bug has a scenario that is to catch it, every harmless change one that is to bear it", () => {
  for (const { name, harmless } of mutants) {
    const expected = scenarios.filter(({ catches, tolerates }) => (harmless ? tolerates : catches).includes(name));
    assert(expected.length > 0, name);
  }
});

test("the same seed gives the same trace, event for event: 100 of 100", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const scenario = scenarios[seed % scenarios.length];
    const [first, second] = [scenario.run(seed), scenario.run(seed)];
    assert.equal(first.digest, second.digest, `seed ${seed} of ${scenario.name}`);
    assert.equal(first.events, second.events);
  }
});

test("different seeds give different traces", () => {
  const digests = new Set(Array.from({ length: 20 }, (_, i) => scenarios[0].run(1_000 + i).digest));
  assert.equal(digests.size, 20);
});
