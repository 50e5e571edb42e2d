/** The data structures against their obvious versions, and the generators against published values and theory. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { mergeCounters } from "./counters.ts";
import { describeFault } from "./fault.ts";
import { hash32, RunningHash } from "./hash.ts";
import { TimeHeap } from "./heap.ts";
import { Random } from "./random.ts";
import { afterPrefix, byteKey } from "./store.ts";
import { cloudDelays, drawDelay, linkDelay, oneRegion } from "./topology.ts";

test("the heap gives entries back by time, and by sequence where times are equal", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 300 }), (times) => {
      const heap = new TimeHeap(2);
      times.forEach((time, i) => heap.push(time, i, i));
      const expected = times.map((time, i) => [time, i]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      assert.deepEqual(
        expected.map(() => heap.pop()),
        expected.map(([, i]) => i),
      );
      assert.equal(heap.pop(), -1);
      assert.equal(heap.earliest, Infinity);
    }),
  );
});

test("byte keys: UTF-8, in byte order, and a prefix scan sees all that begins with it", () => {
  assert.equal(byteKey("abc"), "abc");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const bytes = Buffer.from(text, "utf8").toString("latin1");
      // A lone surrogate has no UTF-8 of its own; Buffer writes the replacement character there.
      if (text.isWellFormed()) assert.equal(byteKey(text), bytes);
    }),
  );
  assert("d/\u00ff\u00ffx" < afterPrefix("d/"));
});

test("streams depend on their names alone", () => {
  const draw = (...labels: (string | number)[]): number => Random.stream(7, ...labels).uint32();
  assert.equal(draw("net", 3, 5), draw("net", 3, 5));
  const names = Array.from({ length: 1_000 }, (_, i) => draw("net", i));
  assert.equal(new Set(names).size, 1_000);
  assert.notEqual(draw("net", 35), draw("net", 3, 5));
  assert.notEqual(Random.stream(7, "a").uint32(), Random.stream(8, "a").uint32());
  assert.notEqual(Random.stream(1, "a").uint32(), Random.stream(1 + 2 ** 32, "a").uint32(), "seeds past 32 bits count");
});

test("draws have the moments they should", () => {
  const random = new Random(11);
  const n = 200_000;
  const mean = (draw: () => number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += draw();
    return sum / n;
  };
  const near = (value: number, expected: number, tolerance: number): void =>
    assert(Math.abs(value - expected) < tolerance, `${value} is not within ${tolerance} of ${expected}`);
  near(
    mean(() => random.float()),
    0.5,
    0.005,
  );
  near(
    mean(() => random.exponential(3)),
    3,
    0.05,
  );
  near(
    mean(() => random.normal() ** 2),
    1,
    0.02,
  );
  near(
    mean(() => random.below(6)),
    2.5,
    0.02,
  );
  near(
    mean(() => (random.chance(0.3) ? 1 : 0)),
    0.3,
    0.005,
  );
});

test("hash32 is MurmurHash3 x86 32: published vectors for ASCII read as UTF-16", () => {
  // Reference values of the C++ code over the same bytes, low byte first.
  assert.equal(hash32(""), 0);
  assert.equal(hash32("", 1), 0x514e28b7);
  assert.equal(hash32("\u0000\u0000"), 0x2362f9de, "four zero bytes");
  assert.equal(hash32("\uffff\uffff"), 0x76293b50, "four 0xff bytes");
  assert.equal(hash32("\u4321\u8765"), 0xf55b516b, "bytes 21 43 65 87");
});

test("the running hash sees order", () => {
  const digest = (words: number[]): string => {
    const hash = new RunningHash();
    for (const word of words) hash.addWide(word);
    return hash.digest();
  };
  assert.equal(digest([1, 2, 3]), digest([1, 2, 3]));
  assert.notEqual(digest([1, 2, 3]), digest([2, 1, 3]));
  assert.notEqual(digest([2 ** 40]), digest([2 ** 41]));
});

test("delays: links by what their ends share, and means as stated", () => {
  const topology = oneRegion(4, 2, cloudDelays);
  assert.equal(linkDelay(topology, 0, 0).kind, "none");
  assert.equal(linkDelay(topology, 0, 2), cloudDelays.sameZone);
  assert.equal(linkDelay(topology, 0, 1), cloudDelays.betweenZones);
  const random = new Random(3);
  const draws = Array.from({ length: 20_000 }, () => drawDelay(cloudDelays.betweenZones, random));
  const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
  assert(Math.abs(mean - 500) < 5, `mean ${mean}`);
  assert(draws.every((us) => Number.isInteger(us) && us >= 400));
});

test("counters of nodes are summed and listed", () => {
  const merged = mergeCounters([{ served: 2, byPartition: [1, 0] }, {}, { served: 3, byPartition: [0, 4, 1] }]);
  assert.deepEqual(merged, {
    served: 5,
    servedByNode: [2, 0, 3],
    byPartition: [1, 4, 1],
    byPartitionByNode: [[1, 0], [], [0, 4, 1]],
  });
});

test("faults describe themselves in one line", () => {
  assert.equal(describeFault({ kind: "partition", from: [0], to: [1, 2] }), "partition n0 | n1 n2");
  assert.equal(describeFault({ kind: "partition", from: [0], to: [1], oneWay: true }), "partition n0 -> n1");
  assert.equal(describeFault({ kind: "pause", nodes: [1], forUs: 2_500 }), "pause n1 for 2.5 ms");
});
