import assert from "node:assert/strict";
import { test } from "node:test";
import { oneRegion } from "../../kernel/topology.ts";
import type { LinkDelays } from "../../kernel/topology.ts";
import { Links } from "./links.ts";

const delays: LinkDelays = {
  sameZone: { kind: "constant", us: 10 },
  betweenZones: { kind: "uniform", fromUs: 100, toUs: 200 },
  betweenRegions: { kind: "none" },
  client: { kind: "none" },
};

function fates(links: Links, from: number, to: number, count = 200): (readonly number[])[] {
  return Array.from({ length: count }, () => links.fate(from, to));
}

test("a topology without delays is calm until a fault and after a heal", () => {
  const links = new Links(oneRegion(3), 1);
  assert.equal(links.calm, true);
  links.inject({ kind: "drop", from: [0], to: [1], probability: 1 });
  assert.equal(links.calm, false);
  assert.deepEqual(links.fate(0, 1), []);
  assert.deepEqual(links.fate(1, 0), [0]);
  links.inject({ kind: "heal" });
  assert.equal(links.calm, true);
  assert.deepEqual(links.fate(0, 1), [0]);
});

test("delays follow the zones, and a node hears itself at once", () => {
  const links = new Links(oneRegion(6, 3, delays), 1);
  assert.equal(links.calm, false);
  for (const [delay] of fates(links, 0, 1)) assert.ok(delay >= 100 && delay <= 200, `${delay}`);
  assert.deepEqual(links.fate(0, 3), [10]);
  assert.deepEqual(links.fate(2, 2), [0]);
});

test("one-way and two-way partitions, added delay, doubling", () => {
  const links = new Links(oneRegion(4), 1);
  links.inject({ kind: "partition", from: [0], to: [1, 2], oneWay: true });
  assert.deepEqual([links.fate(0, 1), links.fate(1, 0)], [[], [0]]);
  links.inject({ kind: "partition", from: [0], to: [2] });
  assert.deepEqual([links.fate(0, 2), links.fate(2, 0)], [[], []]);
  links.inject({ kind: "delay", from: [1], to: [3], delay: { kind: "constant", us: 7 } });
  assert.deepEqual([links.fate(1, 3), links.fate(3, 1)], [[7], [0]]);
  links.inject({ kind: "duplicate", from: [3], to: [1], probability: 0.5 });
  const doubled = fates(links, 3, 1, 1_000).filter((fate) => fate.length === 2).length;
  assert.ok(Math.abs(doubled - 500) < 80, `${doubled} of 1000 doubled`);
});

test("a fault on one link does not shift the draws of another", () => {
  const quiet = new Links(oneRegion(6, 3, delays), 5);
  const faulty = new Links(oneRegion(6, 3, delays), 5);
  faulty.inject({ kind: "drop", from: [1], to: [2], probability: 0.5 });
  fates(faulty, 1, 2);
  assert.deepEqual(fates(faulty, 0, 1), fates(quiet, 0, 1));
});
