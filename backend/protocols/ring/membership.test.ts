import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Member } from "./member.ts";
import { join, leave, movedRanges, movedReplicas } from "./membership.ts";
import { hashSpace, Ring } from "./ring.ts";

function membersOf(nodes: number, from = 0): Member[] {
  return Array.from({ length: nodes }, (_, i) => ({ id: from + i, zone: `z${i % 3}`, weight: 1 }));
}

function widthOf(ranges: readonly { readonly from: number; readonly to: number }[]): number {
  return ranges.reduce((sum, range) => sum + range.to - range.from, 0);
}

test("property: the ranges moved are exactly the hashes whose owner changed", () => {
  const hash = fc.integer({ min: 0, max: hashSpace - 1 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      fc.array(hash, { maxLength: 50 }),
      (nodes, joins, hashes) => {
        const before = new Ring(membersOf(nodes + 1), 12);
        const change = joins ? join(before, { id: 77, zone: "z1", weight: 1 }) : leave(before, nodes);
        const edges = change.moved.flatMap(({ from, to }) => [from, to - 1, Math.max(0, from - 1), to % hashSpace]);
        for (const h of [...hashes, ...edges, 0, hashSpace - 1]) {
          const range = change.moved.find(({ from, to }) => from <= h && h < to);
          const [old, now] = [before.ownerOf(h), change.ring.ownerOf(h)];
          if (range === undefined) assert.equal(now, old, `hash ${h} moved and no range says so`);
          else assert.deepEqual([range.fromNode, range.toNode], [old, now], `hash ${h}`);
        }
        change.moved.forEach(({ from, to }, i) => {
          assert.ok(from < to && to <= hashSpace);
          assert.ok(i === 0 || change.moved[i - 1].to <= from, "ascending and disjoint");
        });
      },
    ),
  );
});

test("paper: a join moves 1/(n+1) of the keys, within 3 sigma, all to the new node and none between third parties", (t) => {
  const n = 20;
  const virtualNodes = 150;
  const rings = 200;
  let total = 0;
  for (let r = 0; r < rings; r++) {
    const id = r * (n + 1) + n;
    const { moved } = join(new Ring(membersOf(n, r * (n + 1)), virtualNodes), { id, zone: "z0", weight: 1 });
    assert.ok(
      moved.every(({ fromNode, toNode }) => toNode === id && fromNode !== id),
      `ring ${r}`,
    );
    total += widthOf(moved) / hashSpace;
  }
  // A node's share of (n+1)V uniform points is Beta(V, nV): its variance is that of one ring's moved share.
  const share = 1 / (n + 1);
  const sigma = Math.sqrt((share * (1 - share)) / ((n + 1) * virtualNodes + 1) / rings);
  t.diagnostic(`moved ${(total / rings).toFixed(6)}, expected ${share.toFixed(6)}, sigma ${sigma.toFixed(6)}`);
  assert.ok(Math.abs(total / rings - share) < 3 * sigma, `moved ${total / rings}, expected ${share} +- ${3 * sigma}`);
});

test("paper: 'the load handled by this node is evenly dispersed across the remaining available nodes' (Dynamo 4.2)", () => {
  const ring = new Ring(membersOf(10), 150);
  const { moved, ring: smaller } = leave(ring, 4);
  assert.ok(moved.every(({ fromNode, toNode }) => fromNode === 4 && toNode !== 4));
  assert.equal(widthOf(moved) / hashSpace, ring.shares()[4]);
  assert.equal(new Set(moved.map(({ toNode }) => toNode)).size, 9, "everyone takes a part");
  assert.equal(smaller.members.length, 9);
});

test("property: leaving undoes joining", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 99 }), (nodes, id) => {
      const ring = new Ring(membersOf(nodes), 12);
      const joined = join(ring, { id, zone: "z9", weight: 2 });
      const left = leave(joined.ring, id);
      assert.deepEqual(left.ring.points, ring.points);
      assert.deepEqual(left.ring.owners, ring.owners);
      const back = left.moved.map(({ from, to, fromNode, toNode }) => ({
        from,
        to,
        fromNode: toNode,
        toNode: fromNode,
      }));
      assert.deepEqual(back, joined.moved);
      assert.deepEqual(movedRanges(ring, ring), []);
    }),
  );
});

test("table: a change of preference lists is found where ownership did not change", () => {
  const before = new Ring(membersOf(6), 10);
  const { ring: after, moved } = join(before, { id: 6, zone: "z0", weight: 1 });
  const replicas = movedReplicas(before, after, 3);
  assert.ok(widthOf(replicas) > widthOf(moved), "a joining node replicates more than it owns");
  for (const { from, to, before: old, after: now } of replicas) {
    for (const hash of [from, to - 1]) {
      assert.deepEqual(before.preference(before.segmentOf(hash), 3), old);
      assert.deepEqual(after.preference(after.segmentOf(hash), 3), now);
    }
    assert.ok(now.includes(6), "a list changes only to take in the new node");
  }
  for (const { from, to } of moved)
    assert.ok(replicas.some((range) => range.from <= from && from < range.to && from < to));
});

test("table: impossible changes are refused", () => {
  const ring = new Ring(membersOf(2), 10);
  assert.throws(() => join(ring, { id: 1, zone: "z0", weight: 1 }), /node 1 is a member twice/);
  assert.throws(() => leave(ring, 5), /node 5 cannot leave; members are 0, 1/);
  assert.throws(() => leave(leave(ring, 0).ring, 1), /got 0 members/);
});
