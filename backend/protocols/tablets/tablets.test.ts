/** Tables, a dialogue and a property of tablets that split and merge while nodes crash, in a cluster made of these machines alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../kernel/random.ts";
import { RoutingMap, wholeMap } from "./routing.ts";
import { endOfKeys, firstKey } from "./tablet.ts";
import type { TabletEntry } from "./tablet.ts";
import { ToyCluster } from "./toy-cluster.fixture.ts";

const seeds = 40;
const steps = 300;

function play(seed: number, planted: boolean): ToyCluster {
  const cluster = new ToyCluster(Random.stream(seed, "toy"), planted);
  for (let i = 0; i < steps; i++) {
    cluster.step();
    cluster.check();
  }
  cluster.finish();
  cluster.check();
  return cluster;
}

test("no key has two owners and no acknowledged write is lost, whatever splits, merges and crashes", () => {
  let splits = 0;
  let merges = 0;
  let refusals = 0;
  for (let seed = 0; seed < seeds; seed++) {
    try {
      const cluster = play(seed, false);
      splits += cluster.splits;
      merges += cluster.merges;
      refusals += cluster.refusals;
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
  assert.ok(splits > 5 * seeds && merges > seeds && refusals > seeds, `${splits} ${merges} ${refusals}`);
});

test("a write that met the split in the log and was answered all the same is missed", () => {
  const caught = Array.from({ length: 20 }, (_, seed) => seed).filter((seed) => {
    try {
      play(seed, true);
      return false;
    } catch (error) {
      return /which was acknowledged/.test(String(error));
    }
  });
  assert.ok(caught.length >= 15, `caught by ${caught.length} of 20 seeds`);
});

test("a routing map believes of each key the highest version it ever heard", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = Random.stream(seed, "routing");
    const map = new RoutingMap(wholeMap(2, [0]));
    const best = new Map<string, TabletEntry>();
    const keys = Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i));
    for (let i = 0; i < 30; i++) {
      const [a, b] = [random.below(27), random.below(27)].sort((x, y) => x - y);
      if (a === b) continue;
      const from = a === 0 ? firstKey : keys[a];
      const to = b === 26 ? endOfKeys : keys[b];
      const claim = { tablet: 3 + i, version: 1 + random.below(12), from, to, replicas: [0] };
      map.learn(claim);
      for (const key of keys) {
        const known = best.get(key)?.version ?? 1;
        if (key >= from && key < to && claim.version > known) best.set(key, claim);
      }
    }
    for (const key of keys) {
      const { tablet, from, to } = map.find(key);
      assert.equal(tablet, best.get(key)?.tablet ?? 2, `seed ${seed} key ${key}`);
      assert.ok(key >= from && key < to);
    }
  }
});
