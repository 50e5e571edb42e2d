/** Whose word counts: the paper's table, and that tables which heard the same are the same. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { incarnationIn, isPresent, maxIncarnation, standingIn, versionOf } from "./claims.ts";
import type { Standing, Version } from "./claims.ts";
import { MemberTable } from "./member-table.ts";

type Said = Exclude<Standing, "unknown">;
const standings: readonly Said[] = ["alive", "suspect", "dead", "left"];

test("at one incarnation alive < suspect < dead < left; a higher incarnation outranks all of them", () => {
  // SWIM, section 4.2: "{Alive Mi, inc = i} overrides {Suspect Mj, inc = j}, i > j", "{Suspect, i} overrides {Alive, j}, i >= j".
  for (const [i, weaker] of standings.entries()) {
    for (const [j, stronger] of standings.entries()) {
      assert.equal(versionOf(stronger, 7) > versionOf(weaker, 7), j > i, `${stronger} against ${weaker}`);
      assert(versionOf(weaker, 8) > versionOf(stronger, 7), `${weaker} at 8 against ${stronger} at 7`);
    }
  }
});

test("a version is its incarnation and its standing, to the last incarnation there is", () => {
  for (const incarnation of [1, 2, 1_790_000_000_000, maxIncarnation]) {
    for (const standing of standings) {
      const version = versionOf(standing, incarnation);
      assert.equal(standingIn(version), standing);
      assert.equal(incarnationIn(version), incarnation);
      assert.equal(isPresent(version), standing === "alive" || standing === "suspect");
    }
  }
  assert.equal(standingIn(0), "unknown");
  assert.equal(isPresent(0), false);
});

const nodes = 6;
const claim = fc.tuple(fc.nat(nodes - 1), fc.constantFrom(...standings), fc.integer({ min: 1, max: 5 }));

function tableOf(claims: readonly [number, Said, number][]): MemberTable {
  const table = new MemberTable(nodes);
  for (const [member, standing, incarnation] of claims) table.raise(member, versionOf(standing, incarnation));
  table.check();
  return table;
}

function versionsIn(table: MemberTable): Version[] {
  return Array.from({ length: nodes }, (_, member) => table.versionOf(member));
}

test("tables that heard the same claims in any order, some of them twice, are the same", () => {
  fc.assert(
    fc.property(fc.array(claim), fc.infiniteStream(fc.nat()), (claims, draws) => {
      const twice = [...claims, ...claims.slice(0, 3)];
      const keyed = twice.map((each) => ({ each, key: draws.next().value as number }));
      const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ each }) => each);
      assert.deepEqual(versionsIn(tableOf(shuffled)), versionsIn(tableOf(claims)));
      assert.equal(tableOf(shuffled).checksum, tableOf(claims).checksum);
    }),
  );
});

test("checksums are equal exactly when tables are", () => {
  fc.assert(
    fc.property(fc.array(claim), fc.array(claim), (some, others) => {
      const [a, b] = [tableOf(some), tableOf(others)];
      const same = versionsIn(a).every((version, member) => version === versionsIn(b)[member]);
      assert.equal(a.checksum === b.checksum, same);
    }),
  );
});

test("who is present is counted as it is", () => {
  fc.assert(
    fc.property(fc.array(claim), (claims) => {
      const table = tableOf(claims);
      const present = versionsIn(table).flatMap((version, member) => (isPresent(version) ? [member] : []));
      assert.deepEqual(table.present(), present);
      assert.equal(table.size, present.length);
    }),
  );
});
