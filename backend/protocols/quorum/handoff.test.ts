import assert from "node:assert/strict";
import test from "node:test";
import { OrderedMap } from "../../kernel/ordered-map.ts";
import type { Value } from "../../kernel/store.ts";
import { millisecond } from "../../kernel/units.ts";
import { Handoff } from "./handoff.ts";
import { Peers } from "./peers.ts";
import { Replica } from "./replica.ts";
import { RoleEnv } from "./role.fixture.ts";
import type { Versions } from "./versions.ts";
import { mint, noVersions } from "./versions.ts";

function stage(seed = 1, disk = new OrderedMap<Value>()) {
  const env = new RoleEnv(seed, disk);
  const peers = new Peers(env, 4);
  const replica = new Replica(env);
  const handoff = new Handoff(env, peers, replica);
  replica.start();
  handoff.start();
  return { env, peers, replica, handoff };
}

const written = (name: string, held: Versions = noVersions): Versions =>
  mint(held, held.clock, "w", 1, { name: { S: name } });

test("a debt is sent again until each of its targets has acknowledged its round", () => {
  const { env, peers, handoff } = stage();
  const round = handoff.owe("t\u0000x", [1, 2]);
  handoff.tick();
  assert.equal(env.takeSent().length, 0, "the write itself has just been sent");
  env.now += 300 * millisecond;
  handoff.tick();
  assert.deepEqual(
    env.takeSent().map(([to, { kind }]) => [to, kind]),
    [
      [1, "hand"],
      [2, "hand"],
    ],
  );
  peers.onAnswered(1);
  peers.onAnswered(2);
  handoff.onPaid("t\u0000x", 1, round);
  handoff.onPaid("t\u0000x", 1, round);
  env.now += 300 * millisecond;
  handoff.tick();
  assert.deepEqual(
    env.takeSent().map(([to]) => to),
    [2],
  );
  handoff.onPaid("t\u0000x", 2, round);
  assert.equal(handoff.outstanding, 0);
  assert.notEqual(env.store.get("o/t\u0000x"), undefined, "the record of a debt just paid may lie for a while");
  env.now += 1_000 * millisecond;
  handoff.tick();
  assert.equal(env.store.get("o/t\u0000x"), undefined);
  assert.equal(handoff.unswept, 0);
});

test("a record that lies after its debt was paid serves the next debt of its key, if it names the same targets", () => {
  const { env, handoff } = stage();
  const key = "t\u0000x";
  handoff.onPaid(key, 1, handoff.owe(key, [1, 2]));
  handoff.onPaid(key, 2, handoff.owe(key, [1, 2]));
  handoff.onPaid(key, 1, handoff.owe(key, [1]));
  handoff.owe(key, [3]);
  const { targets } = env.store.get(`o/${key}`) as { targets: number[] };
  assert.ok(targets.includes(3), "a target that the record does not name is written down");
  env.now += 1_000 * millisecond;
  handoff.tick();
  assert.notEqual(env.store.get(`o/${key}`), undefined, "what is owed again is not swept");
});

test("an acknowledgement of older versions does not pay for newer ones", () => {
  const { handoff } = stage();
  const first = handoff.owe("t\u0000x", [1]);
  const second = handoff.owe("t\u0000x", [1]);
  handoff.onPaid("t\u0000x", 1, first);
  assert.equal(handoff.outstanding, 1);
  handoff.onPaid("t\u0000x", 1, second);
  assert.equal(handoff.outstanding, 0);
});

test("a late acknowledgement of an earlier life pays nothing in this one", () => {
  const disk = new OrderedMap<Value>();
  const before = stage(1, disk);
  const round = before.handoff.owe("t\u0000x", [1]);
  const after = stage(2, disk);
  assert.equal(after.handoff.outstanding, 1, "a crash forgets no debt");
  after.handoff.owe("t\u0000x", [1]);
  for (let near = round - 5; near <= round + 5; near++) after.handoff.onPaid("t\u0000x", 1, near);
  assert.equal(after.handoff.outstanding, 1);
});

test("hints for one record are merged, are part of what is known here, and go to all they were kept for", () => {
  const { env, handoff } = stage();
  handoff.keepHint("t\u0000x", [1], written("one"));
  const other = mint(noVersions, [], "v", 2, { name: { S: "two" } });
  handoff.keepHint("t\u0000x", [2], other);
  assert.deepEqual(
    handoff
      .hinted("t\u0000x")!
      .siblings.map(({ actor }) => actor)
      .sort(),
    ["v", "w"],
  );
  env.now += 300 * millisecond;
  handoff.tick();
  const sent = env.takeSent();
  assert.deepEqual(
    sent.map(([to]) => to),
    [1, 2],
  );
  for (const [, message] of sent) assert(message.kind === "hand" && message.versions.siblings.length === 2);
});

test("nothing is sent to a suspected target, and many debts of one that is down do not make a tick long", () => {
  const { env, peers, handoff } = stage();
  for (let i = 0; i < 10_000; i++) handoff.owe(`t\u0000down ${i}`, [1]);
  handoff.owe("t\u0000up", [2]);
  peers.onAsked(1);
  env.now += 300 * millisecond;
  const sentTo: number[] = [];
  handoff.tick();
  assert.deepEqual(env.takeSent(), [], "it looks at a part of them and goes on in the next");
  for (let tick = 0; tick < 6; tick++) {
    handoff.tick();
    sentTo.push(...env.takeSent().map(([to]) => to));
    env.now += millisecond;
  }
  assert.deepEqual(sentTo, [2], "the one that can be paid is reached within a few ticks");
  assert.equal(handoff.outstanding, 10_001);
});

test("a tick sends a bounded number, oldest first", () => {
  const { env, handoff } = stage();
  for (let i = 0; i < 1_000; i++) handoff.owe(`t\u0000${i}`, [1]);
  env.now += 300 * millisecond;
  handoff.tick();
  const first = env.takeSent().map(([, message]) => (message.kind === "hand" ? message.key : ""));
  assert.deepEqual([first.length, first[0], first[127]], [128, "t\u00000", "t\u0000127"]);
});
