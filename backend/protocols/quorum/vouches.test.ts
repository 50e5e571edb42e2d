/** What a replica answers for until the coordinator says that it has it too. */
import assert from "node:assert/strict";
import test from "node:test";
import { OrderedMap } from "../../kernel/ordered-map.ts";
import type { Value } from "../../kernel/store.ts";
import { millisecond } from "../../kernel/units.ts";
import { Handoff } from "./handoff.ts";
import { Peers } from "./peers.ts";
import { Replica } from "./replica.ts";
import { RoleEnv } from "./role.fixture.ts";
import { Vouches } from "./vouches.ts";

function stage(seed = 1, disk = new OrderedMap<Value>()) {
  const env = new RoleEnv(seed, disk);
  const peers = new Peers(env, 4);
  const handoff = new Handoff(env, peers, new Replica(env));
  const vouches = new Vouches(env, handoff);
  handoff.start();
  vouches.start();
  return { env, handoff, vouches };
}

const replicas = [0, 1, 2];

test("what the coordinator confirms is its own debt; what it does not confirm becomes this node's, to all others", () => {
  const { env, handoff, vouches } = stage();
  for (let op = 10; op < 14; op++) vouches.keep(1, op, `k${op}`, replicas);
  vouches.onConfirmed(1, 10, 12);
  assert.equal(vouches.outstanding, 2);
  env.now += 299 * millisecond;
  vouches.tick();
  assert.deepEqual([vouches.outstanding, handoff.outstanding], [2, 0]);
  env.now += millisecond;
  vouches.tick();
  assert.deepEqual([vouches.outstanding, handoff.outstanding], [0, 2]);
  env.now += 300 * millisecond;
  handoff.tick();
  const handed = env.takeSent().map(([to, message]) => `${message.kind === "hand" ? message.key : "?"} to ${to}`);
  assert.deepEqual(handed, ["k12 to 1", "k12 to 2", "k13 to 1", "k13 to 2"]);
});

test("a confirmation of one life says nothing of another, nor of another coordinator", () => {
  const { vouches } = stage();
  vouches.keep(1, 100, "x", replicas);
  vouches.keep(2, 100, "y", replicas);
  vouches.onConfirmed(1, 500, 600);
  vouches.onConfirmed(3, 0, 1_000);
  assert.equal(vouches.outstanding, 2);
  vouches.onConfirmed(2, 100, 101);
  assert.equal(vouches.outstanding, 1);
});

test("after a crash everything in a slot is owed, and slots are used again, so that their number stays small", () => {
  const disk = new OrderedMap<Value>();
  const before = stage(1, disk);
  for (let op = 0; op < 1_000; op += 2) {
    before.vouches.keep(1, op, `k${op}`, replicas);
    before.vouches.keep(1, op + 1, `k${op + 1}`, replicas);
    before.vouches.onConfirmed(1, 0, op + 1);
  }
  assert.equal(before.vouches.outstanding, 1);
  assert.ok(before.env.store.size <= 3, `${before.env.store.size} slots`);
  const after = stage(2, disk);
  const owed = new Set<string>();
  after.env.now += 300 * millisecond;
  after.handoff.tick();
  for (const [, message] of after.env.takeSent()) if (message.kind === "hand") owed.add(message.key);
  assert.ok(owed.has("k999"), "the one that was not confirmed is among them");
  assert.equal(after.handoff.outstanding, owed.size);
});
