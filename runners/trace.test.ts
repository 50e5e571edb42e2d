import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { second } from "../backend/kernel/units.ts";
import { usageErrorIn } from "./command-error.ts";
import { createSchedule } from "./schedule.ts";
import { withTrace } from "./trace.fixture.ts";
import { readTrace } from "./trace.ts";

const named = (path: string): unknown => {
  const { atUs, operation, operations } = readTrace(path);
  return Array.from(atUs, (at, i) => (operation === null ? at : [at, operations[operation[i]]]));
};

test("CSV, JSON lines and instants say the same", () => {
  const wanted = [
    [0, "view"],
    [12_500, "add"],
    [1_000_000.25, "view"],
  ];
  const texts = [
    "atMs,operation\n0,view\n12.5,add\n1000.00025,view\n",
    'operation,ignored,atUs\r\nview,"1,2",0\r\n"add",x,12500\r\n\r\nview,y,1000000.25',
    '{"atS":0,"operation":"view"}\n\n{"operation":"add","atS":0.0125,"more":[1]}\n{"atUs":1000000.25,"operation":"view"}',
    "\uFEFFtimestamp,operation\n2026-01-31T12:00:00Z,view\n2026-01-31T12:00:00.0125Z,add\n2026-01-31 13:00:01.00000025+01:00,view",
  ];
  for (const text of texts) {
    const close = withTrace(text, named) as [number, string][];
    assert.deepEqual(
      close.map(([at, operation]) => [Math.round(at * 100) / 100, operation]),
      wanted,
    );
  }
  assert.deepEqual(withTrace("atUs\n5\n5\n7\n", named), [5, 5, 7], "no operation is named");
});

test("what is written is replayed, to the microsecond, and slices share it out", () => {
  const arrivals = fc.array(
    fc.record({ gap: fc.nat(100_000), operation: fc.constantFrom("view", "add,or so", 'a "b"') }),
    {
      minLength: 1,
      maxLength: 300,
    },
  );
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 4 }), (list, count) => {
      let at = 0;
      const wanted = list.map(({ gap, operation }, index) => ({ index, atUs: (at += gap), operation }));
      const text = wanted.map(({ atUs, operation }) => JSON.stringify({ atMs: atUs / 1_000, operation })).join("\n");
      withTrace(text, (path) => {
        const load = { kind: "trace", path } as const;
        const whole = [...createSchedule(load, 60 * second, 1)];
        assert.deepEqual(whole, wanted);
        const parts = Array.from({ length: count }, (_, index) => [
          ...createSchedule(load, 60 * second, 1, { index, count }),
        ]);
        assert.deepEqual(
          parts.flat().toSorted((a, b) => a.index - b.index),
          wanted,
        );
      });
    }),
    { numRuns: 30, seed: 5 },
  );
});

test("a scale moves every time, and the end of the load cuts", () => {
  withTrace("atMs\n0\n100\n250\n400\n", (path) => {
    const times = (timeScale: number, forUs: number): unknown => {
      const schedule = createSchedule({ kind: "trace", path, timeScale }, forUs, 1);
      const all = [...schedule].map(({ atUs }) => atUs);
      assert.equal(schedule.expected, all.length);
      return all;
    };
    assert.deepEqual(times(0.5, second), [0, 50_000, 125_000, 200_000]);
    assert.deepEqual(times(1, 250_000), [0, 100_000]);
    assert.deepEqual(times(1, 250_001), [0, 100_000, 250_000]);
  });
});

test("a file longer than a read is one trace, whatever a read cuts", () => {
  const lines = Array.from({ length: 120_000 }, (_, i) => `${i * 7},opération ${i % 3}`);
  withTrace(`atUs,operation\n${lines.join("\n")}\n`, (path) => {
    const { atUs, operations } = readTrace(path);
    assert.equal(atUs.length, 120_000);
    assert.ok(atUs.every((at, i) => at === i * 7));
    assert.deepEqual(operations, ["opération 0", "opération 1", "opération 2"]);
  });
});

test("a file that was written again is read again", () => {
  withTrace("atUs\n1\n", (path) => {
    assert.equal(readTrace(path), readTrace(path), "and only then");
    writeFileSync(path, "atUs\n1\n2\n");
    assert.equal(readTrace(path).atUs.length, 2);
  });
});

test("a file that is no trace is refused by name and line, in four parts", () => {
  const wrong: readonly (readonly [string, RegExp, RegExp])[] = [
    ["", /no arrival/, /an empty file/],
    ["atMs,operation\n", /no arrival/, /2 lines without one/],
    ["1\n2\n", /no header/, /arrivals:1: 1$/],
    ["time,operation\n1,view\n", /no header/, /arrivals:1: time,operation/],
    ["atMs\n1\n\n-2\n", /no time that can be read/, /arrivals:4: -2/],
    ["atMs\n1\n0x\n", /no time that can be read/, /arrivals:3: 0x/],
    ["operation,atMs\nview\n", /no time that can be read/, /arrivals:2: view/],
    ["atMs\n5\n4\n", /times of the trace fall/, /arrivals:3: 4/],
    ['{"atMs":1}\n{"atMs":2\n', /no JSON object/, /arrivals:2: \{"atMs":2/],
    ['{"atMs":1}\n{"at":2}\n', /no time that can be read/, /arrivals:2/],
    ['{"atMs":1}\n{"atMs":2,"operation":5}\n', /operation of the trace is no text/, /arrivals:2/],
    ['{"atMs":1}\n{"atMs":2,"operation":"a"}\n', /on some lines only/, /arrivals:2/],
    ['{"atMs":1,"operation":"a"}\n{"atMs":2}\n', /on some lines only/, /arrivals:2/],
    ["timestamp\n2026-01-31\n", /no time that can be read/, /arrivals:2: 2026-01-31/],
    [`atMs\n${"9".repeat(400)}\n`, /no time that can be read/, /arrivals:2: 9{60}\.\.\.$/],
  ];
  for (const [text, what, got] of wrong) {
    withTrace(text, (path) => {
      assert.throws(
        () => readTrace(path),
        (error: unknown) => {
          const usage = usageErrorIn(error);
          assert.ok(usage !== null, String(error));
          assert.match(usage.what, what);
          assert.match(usage.got, got);
          assert.ok(usage.expected !== "" && usage.fix !== "");
          return true;
        },
      );
    });
  }
  assert.throws(() => readTrace("/nowhere/arrivals.csv"), {
    code: "WAVETANK_TRACE",
    message: /cannot be read.*ENOENT/,
  });
});
