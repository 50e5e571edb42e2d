/** Sentences of Spanner, OSDI 2012, section 3 and 4.1.2, asked of the questions and of the waiting. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { millisecond } from "../../kernel/units.ts";
import { after, before, commitWaitUs } from "./truetime.ts";

const instant = fc.integer({ min: 0, max: 1e12 });

test('paper: TT.after(t) is "true if t has definitely passed", TT.before(t) "true if t has definitely not arrived"', () => {
  const wall = { earliest: 100, latest: 110 };
  const answers = [99, 100, 105, 110, 111].map((t) => [t, after(wall, t), before(wall, t)]);
  assert.deepEqual(answers, [
    [99, true, false],
    [100, false, false],
    [105, false, false],
    [110, false, false],
    [111, false, true],
  ]);
});

test("property: neither answer is ever wrong while true time is within the bounds", () => {
  fc.assert(
    fc.property(
      instant,
      fc.nat(10_000),
      fc.nat(10_000),
      fc.integer({ min: -20_000, max: 20_000 }),
      (now, low, high, d) => {
        const wall = { earliest: now - low, latest: now + high };
        const t = now + d;
        if (after(wall, t)) assert(t < now, "passed");
        if (before(wall, t)) assert(t > now, "not arrived");
        assert(!(after(wall, t) && before(wall, t)));
      },
    ),
  );
});

test("paper: the commit wait ensures that clients see nothing until TT.after(s) is true: no shorter wait does", () => {
  fc.assert(
    fc.property(
      instant,
      fc.integer({ min: -50_000, max: 50_000 }),
      fc.integer({ min: 0, max: 200 }),
      (now, ahead, ppm) => {
        const wall = { earliest: now, latest: now + 2 * millisecond };
        const waitUs = commitWaitUs(wall, now + ahead);
        assert.equal(waitUs === 0, after(wall, now + ahead));
        if (waitUs === 0) return;
        // The bound grows by up to 200 us/s while the timer runs.
        const then = Math.floor(now + waitUs * (1 - ppm / 1e6));
        assert(after({ earliest: then, latest: then }, now + ahead), `${waitUs} us are too short`);
        const sooner = now + Math.floor(waitUs * (1 - 1 / 2_048)) - 2;
        assert(!after({ earliest: sooner, latest: sooner }, now + ahead), `${waitUs} us are too long`);
      },
    ),
  );
});
