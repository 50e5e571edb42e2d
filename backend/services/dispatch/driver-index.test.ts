/** The search by rings finds whom a look at every driver finds, in the same order. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { Place } from "../../api-dispatch.ts";
import { CellGrid, metersBetween } from "./cells.ts";
import { at } from "./dispatch.fixture.ts";
import { DriverIndex } from "./driver-index.ts";
import type { Located } from "./driver-index.ts";

const grid = new CellGrid(8, 7);

function located(driver: string, place: Place): Located {
  return { driver, place, cell: grid.cellOf(place), heading: null, state: "available", reportedAt: 0, position: -1 };
}

const meters = fc.integer({ min: -2_000, max: 2_000 });
const place = fc.tuple(meters, meters).map(([north, east]) => at(north, east));

test("nearest: as by looking at everybody, after any moves and removals", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(place, place, fc.constantFrom("stay", "move", "leave")), { maxLength: 60 }),
      place,
      fc.integer({ min: 1, max: 5 }),
      (drivers, from, wanted) => {
        const index = new DriverIndex<Located>(grid);
        const there: Located[] = [];
        for (const [i, [first, second, what]] of drivers.entries()) {
          const driver = located(`d${i}`, first);
          index.add(driver);
          if (what === "leave") index.remove(driver);
          else there.push(driver);
          if (what !== "move") continue;
          driver.place = second;
          index.move(driver, grid.cellOf(second));
        }
        index.check();
        // The farthest corner is 5.7 km away; ten rings reach farther.
        const found = index.nearest(from, 10, wanted, () => true).map(({ driver }) => driver.driver);
        const expected = there
          .map((driver) => ({ name: driver.driver, meters: metersBetween(from, driver.place) }))
          .sort((a, b) => a.meters - b.meters || (a.name < b.name ? -1 : 1))
          .slice(0, wanted);
        assert.deepEqual(
          found,
          expected.map(({ name }) => name),
        );
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

test("who is not free is passed over", () => {
  const index = new DriverIndex<Located>(grid);
  for (const north of [100, 200, 300]) index.add(located(`d${north}`, at(north, 0)));
  const found = index.nearest(at(0, 0), 6, 4, ({ driver }) => driver !== "d100");
  assert.deepEqual(
    found.map(({ driver }) => driver.driver),
    ["d200", "d300"],
  );
});

test("nobody in a cell is nearer than the cell's floor, and the floor is not far below the nearest", () => {
  fc.assert(
    fc.property(place, place, (from, to) => {
      const cell = grid.cellOf(to);
      fc.pre(cell !== grid.cellOf(from));
      const floor = grid.cellFloorMeters(from, cell);
      assert.ok(floor <= metersBetween(from, to));
      // A cell of this resolution is 1.3 km wide at most.
      assert.ok(floor >= (metersBetween(from, to) - 1_300) * 0.98 - 1);
    }),
    { seed: 1, numRuns: 500 },
  );
});
