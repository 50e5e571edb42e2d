import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../kernel/random.ts";
import type { NodeId } from "../../kernel/units.ts";
import type { Member } from "./member.ts";
import { hashSpace, Ring } from "./ring.ts";

function membersOf(nodes: number, zones = 3, from = 0): Member[] {
  return Array.from({ length: nodes }, (_, i) => ({ id: from + i, zone: `z${i % zones}`, weight: 1 }));
}

const someHash = fc.integer({ min: 0, max: hashSpace - 1 });

/** Up to a dozen members with distinct ids, in any order. */
const someMembers: fc.Arbitrary<Member[]> = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 0, max: 5_000 }),
    zone: fc.constantFrom("a", "b", "c", "d"),
    weight: fc.constantFrom(0.01, 0.5, 1, 2),
  }),
  { selector: (member) => member.id, minLength: 1, maxLength: 12 },
);

/** The definition, by linear search: the first point above the hash, or the first of all. */
function obviousSegment(ring: Ring, hash: number): number {
  for (let i = 0; i < ring.segments; i++) if (ring.points[i] > hash) return i;
  return 0;
}

/** The definition: all nodes in ring order, numbered within their zones, sorted by that number. */
function obviousWalk(ring: Ring, segment: number): NodeId[] {
  const inOrder: { node: NodeId; round: number }[] = [];
  const zoneOf = new Map(ring.members.map((member) => [member.id, member.zone]));
  for (let step = 0; step < ring.segments; step++) {
    const node = ring.owners[(segment + step) % ring.segments];
    if (inOrder.some((entry) => entry.node === node)) continue;
    const round = inOrder.filter((entry) => zoneOf.get(entry.node) === zoneOf.get(node)).length;
    inOrder.push({ node, round });
  }
  return inOrder.toSorted((a, b) => a.round - b.round).map((entry) => entry.node);
}

test("paper: 'the first node with a position larger than the item's position' (Dynamo 4.2), by index and by linear search", () => {
  fc.assert(
    fc.property(someMembers, fc.array(someHash, { maxLength: 30 }), fc.nat(), (members, hashes, pick) => {
      const ring = new Ring(members, 20);
      const point = ring.points[pick % ring.segments];
      for (const hash of [
        ...hashes,
        0,
        hashSpace - 1,
        point,
        Math.max(0, point - 1),
        Math.min(hashSpace - 1, point + 1),
      ]) {
        const segment = obviousSegment(ring, hash);
        assert.equal(ring.segmentOf(hash), segment, `hash ${hash}`);
        assert.equal(ring.ownerOf(hash), ring.owners[segment]);
      }
    }),
  );
});

test("property: a walk is every node once, zones first, and every preference list is its start", () => {
  fc.assert(
    fc.property(someMembers, fc.nat(), fc.integer({ min: 1, max: 12 }), (members, pick, n) => {
      const ring = new Ring(members, 8);
      const segment = pick % ring.segments;
      const expected = obviousWalk(ring, segment);
      assert.deepEqual(ring.preference(segment, n), expected.slice(0, n), "before the walk is kept");
      assert.deepEqual(ring.walk(segment), expected);
      assert.deepEqual(ring.preference(segment, n), expected.slice(0, n), "after the walk is kept");
      assert.equal(ring.walk(segment), ring.walk(segment), "kept");
    }),
  );
});

test("property: a preference list has distinct nodes in as many zones as there are, used evenly", () => {
  fc.assert(
    fc.property(someMembers, fc.nat(), fc.integer({ min: 1, max: 12 }), (members, pick, n) => {
      const ring = new Ring(members, 8);
      const list = ring.preference(pick % ring.segments, n);
      assert.equal(new Set(list).size, Math.min(n, members.length));
      const zoneOf = new Map(members.map((member) => [member.id, member.zone]));
      const used = new Set(list.map((node) => zoneOf.get(node)));
      const zones = new Set(members.map((member) => member.zone)).size;
      assert.equal(used.size, Math.min(list.length, zones));
    }),
  );
});

test("property: the same members make the same ring, whatever the order in which they are told", () => {
  fc.assert(
    fc.property(someMembers, fc.integer(), (members, seed) => {
      const one = new Ring(members, 20);
      const other = new Ring(new Random(seed).shuffle([...members]), 20);
      assert.deepEqual(other.points, one.points);
      assert.deepEqual(other.owners, one.owners);
      assert.deepEqual(other.members, one.members);
    }),
  );
});

test("table: the points of node 7 never move: a change here moves every stored key", () => {
  const ring = new Ring([{ id: 7, zone: "a", weight: 1 }], 4);
  assert.deepEqual([...ring.points], [829788063, 981752718, 2257401818, 4282640819]);
});

test("table: nodes that share a position keep both points, and the lower id owns", () => {
  // 3,000 nodes of 150 points: a birthday problem with about 23 shared positions.
  const ring = new Ring(membersOf(3_000).reverse(), 150);
  let shared = 0;
  for (let i = 1; i < ring.segments; i++) {
    if (ring.points[i] !== ring.points[i - 1]) continue;
    shared++;
    assert.ok(ring.owners[i - 1] < ring.owners[i], "lower id first");
    assert.equal(ring.width(i), 0);
    assert.notEqual(ring.segmentOf(ring.points[i] - 1), i, "an empty segment is never found");
  }
  assert.ok(shared > 0);
});

test("paper: load of V points on each of n nodes has CV sqrt((n-1)/(nV+1)), within 5 % over 200 rings", (t) => {
  for (const [n, virtualNodes] of [
    [20, 150],
    [50, 40],
  ]) {
    let squares = 0;
    const rings = 200;
    for (let r = 0; r < rings; r++) {
      const shares = new Ring(membersOf(n, 3, r * n), virtualNodes).shares();
      assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
      squares += shares.reduce((sum, share) => sum + (share * n - 1) ** 2, 0) / n;
    }
    const measured = Math.sqrt(squares / rings);
    const expected = Math.sqrt((n - 1) / (n * virtualNodes + 1));
    t.diagnostic(`n ${n}, V ${virtualNodes}: CV ${measured.toFixed(5)}, formula ${expected.toFixed(5)}`);
    assert.ok(Math.abs(measured / expected - 1) < 0.05, `CV ${measured}, formula ${expected}`);
  }
});

test("paper: points in proportion to capacity, 'accounting for heterogeneity in the physical infrastructure' (Dynamo 4.2)", () => {
  const weights = [1, 2, 4, 1];
  const totals = weights.map(() => 0);
  for (let r = 0; r < 50; r++) {
    const members = weights.map((weight, i) => ({ id: r * 4 + i, zone: "a", weight }));
    new Ring(members, 150).shares().forEach((share, i) => (totals[i] += share / 50));
  }
  weights.forEach((weight, i) => assert.ok(Math.abs(totals[i] - weight / 8) < 0.01, `node ${i} owns ${totals[i]}`));
});

test("table: bad members are refused with what was got and what is expected", () => {
  const one: Member = { id: 1, zone: "a", weight: 1 };
  const cases: [readonly Member[], number, RegExp][] = [
    [[], 150, /got 0 members; expected 1/],
    [[one, { ...one, zone: "b" }], 150, /node 1 is a member twice/],
    [[{ ...one, weight: 0 }], 150, /node 1 has weight 0; expected a number above 0/],
    [[{ ...one, weight: NaN }], 150, /weight NaN/],
    [[{ ...one, id: 1.5 }], 150, /id 1\.5; expected a whole number/],
    [[one], 0, /virtualNodes is 0; expected a whole number/],
  ];
  for (const [members, virtualNodes, message] of cases) assert.throws(() => new Ring(members, virtualNodes), message);
});

test("bench: at least 5 million lookups a second, on a ring of 100 nodes with 150 points each", (t) => {
  const ring = new Ring(membersOf(100));
  const random = new Random(1);
  const hashes = Uint32Array.from({ length: 65_536 }, () => random.uint32());
  let best = 0;
  let sum = 0;
  for (let round = 0; round < 8; round++) {
    const start = performance.now();
    for (const hash of hashes) sum += ring.ownerOf(hash);
    best = Math.max(best, hashes.length / (performance.now() - start) / 1_000);
  }
  t.diagnostic(`${best.toFixed(1)} million lookups/s (${sum})`);
  assert.ok(best >= 5, `${best} million lookups/s`);
});
