/** Pages against the obvious way: a sorted list of numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ascending, descending, idOf, numberAt, numberAtEnd, numberIn, numberOf } from "./keys.ts";
import { pageOf } from "./lists.ts";
import { MemoryStore } from "./memory-charges.fixture.ts";

const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

test("numbers as bytes: in order, in reverse order, and back", () => {
  fc.assert(
    fc.property(number, number, (a, b) => {
      assert.equal(ascending(a) < ascending(b), a < b);
      assert.equal(descending(a) < descending(b), a > b);
      assert.equal(numberAt(`x${ascending(a)}`, 1), a);
      assert.equal(numberAtEnd(`x${descending(a)}`), a);
    }),
  );
});

test("ids hold their number, and only for their account", () => {
  fc.assert(
    fc.property(number, fc.string(), (n, account) => {
      const id = idOf("ch_", account, n);
      assert.match(id, /^ch_1[0-9A-Za-z]{15}$/);
      assert.equal(numberIn("ch_", id), n);
      assert.equal(numberOf("ch_", account, id), n);
      assert.equal(numberOf("re_", account, id), undefined);
    }),
  );
});

const sparse = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 100_000 }));

test("pages: after a cursor, before one and from the top, as a sorted list has them", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(sparse, { maxLength: 80 }),
      fc.integer({ min: 1, max: 12 }),
      sparse,
      fc.constantFrom("top", "after", "before"),
      (numbers, limit, cursor, where) => {
        const store = new MemoryStore();
        for (const n of numbers) store.putLater(`p!${descending(n)}`, 0);
        store.putLater(`p${descending(1)}`, 0);
        store.putLater(`p"${descending(1)}`, 0);
        const sorted = numbers.toSorted((a, b) => b - a);
        const newest = Math.max(cursor, sorted[0] ?? 0);
        const eligible = sorted.filter((n) =>
          where === "after" ? n < cursor : where === "before" ? n > cursor : true,
        );
        const expected = where === "before" ? eligible.slice(-limit) : eligible.slice(0, limit);
        const page = pageOf(
          store,
          "p!",
          {
            limit,
            startingAfter: where === "after" ? cursor : undefined,
            endingBefore: where === "before" ? cursor : undefined,
          },
          newest,
        );
        assert.deepEqual(page, { numbers: expected, more: eligible.length > limit });
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a page before an old cursor looks at little, however much is newer", () => {
  const store = new MemoryStore();
  for (let n = 1; n <= 20_000; n++) if (n < 10 || n > 10_000) store.putLater(`p!${descending(n)}`, 0);
  let visited = 0;
  const counting = {
    get: (key: string) => store.get(key),
    put: () => {},
    delete: () => {},
    putLater: () => {},
    deleteLater: () => {},
    scan: (from: string, to: string, visit: (key: string, value: never) => boolean | void): void =>
      store.scan(from, to, (key, value) => {
        visited++;
        return visit(key, value as never);
      }),
  };
  assert.deepEqual(pageOf(counting, "p!", { limit: 3, endingBefore: 9 }, 20_000), {
    numbers: [10_003, 10_002, 10_001],
    more: true,
  });
  assert.ok(visited < 500, `${visited} keys`);
});
