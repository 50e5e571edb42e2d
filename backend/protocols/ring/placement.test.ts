import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Member } from "./member.ts";
import { Placement } from "./placement.ts";
import { hashSpace, Ring } from "./ring.ts";

function membersOf(nodes: number): Member[] {
  return Array.from({ length: nodes }, (_, i) => ({ id: i, zone: `z${i % 3}`, weight: 1 }));
}

test("property: Q partitions are equal ranges that cover the hash space, exactly at their bounds", () => {
  const ring = new Ring(membersOf(3), 10);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_048_576 }), fc.nat(), (partitions, pick) => {
      const placement = new Placement(ring, partitions, 3);
      const partition = pick % partitions;
      // Bounds in whole numbers: the first hash of p is the least h with h * Q >= p * 2^32.
      const q = BigInt(partitions);
      const start = Number((BigInt(partition) * 4_294_967_296n + q - 1n) / q);
      assert.equal(placement.partitionOf(start), partition);
      if (start > 0) assert.equal(placement.partitionOf(start - 1), partition - 1);
      assert.equal(placement.partitionOf(0), 0);
      assert.equal(placement.partitionOf(hashSpace - 1), partitions - 1);
    }),
    { numRuns: 30 },
  );
});

test("paper: 'walking the consistent hashing ring clockwise from the end of the partition' (Dynamo 6.2, strategy 2)", () => {
  const ring = new Ring(membersOf(9), 20);
  const placement = new Placement(ring, 64, 3);
  for (let partition = 0; partition < 64; partition++) {
    const end = ((partition + 1) * hashSpace) / 64;
    const walk = ring.walk(ring.segmentOf(end % hashSpace));
    assert.deepEqual(placement.walk(partition), walk);
    assert.deepEqual(placement.preference(partition), walk.slice(0, 3));
    assert.equal(placement.preference(partition), placement.preference(partition), "kept");
    assert.equal(new Set(placement.preference(partition).map((node) => node % 3)).size, 3, "three zones");
  }
});

test("table: with no fixed partitions they are the ring's segments (strategy 1)", () => {
  const ring = new Ring(membersOf(5), 10);
  const placement = new Placement(ring, 0, 3);
  assert.equal(placement.partitions, 50);
  for (const hash of [0, 1, 123_456_789, hashSpace - 1]) {
    const partition = placement.partitionOf(hash);
    assert.equal(partition, ring.segmentOf(hash));
    assert.equal(placement.preference(partition)[0], ring.ownerOf(hash));
    assert.equal(placement.walk(partition).length, 5);
  }
});

test("table: bad placements are refused with what is expected", () => {
  const ring = new Ring(membersOf(3), 10);
  assert.throws(() => new Placement(ring, -1, 3), /partitions is -1; expected a whole number from 0/);
  assert.throws(() => new Placement(ring, 1.5, 3), /partitions is 1\.5/);
  assert.throws(() => new Placement(ring, 8, 4), /n is 4; expected 1 to 3, the number of nodes/);
  assert.throws(() => new Placement(ring, 8, 0), /n is 0/);
});
