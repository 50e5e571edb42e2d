import assert from "node:assert/strict";
import test from "node:test";
import { millisecond } from "../../kernel/units.ts";
import { Peers, suspectAfterUs } from "./peers.ts";
import { RoleEnv } from "./role.fixture.ts";

test("a peer is suspected once it has owed an answer for longer than the limit, and trusted at its next answer", () => {
  const env = new RoleEnv();
  const peers = new Peers(env, 3);
  assert.equal(peers.active, false);
  peers.onAsked(1);
  env.now = suspectAfterUs;
  peers.onAsked(1);
  assert.equal(peers.suspects(1), false, "at the limit it is not late yet");
  env.now++;
  assert.equal(peers.suspects(1), true, "the oldest question counts, not the last");
  assert.equal(peers.suspects(2), false);
  assert.equal(peers.active, true);
  peers.onAnswered(1);
  assert.equal(peers.suspects(1), false);
  assert.equal(peers.active, false);
  peers.onAnswered(1);
  assert.equal(peers.active, false, "an answer nobody waits for changes nothing");
});

test("suspected peers are asked for a sign of life twice a second, others are not", () => {
  const env = new RoleEnv();
  const peers = new Peers(env, 3);
  peers.onAsked(1);
  let pings = 0;
  for (env.now = 0; env.now < 2_000 * millisecond; env.now += 25 * millisecond) {
    peers.tick();
    for (const [to, { kind }] of env.takeSent()) {
      assert.deepEqual([to, kind], [1, "ping"]);
      pings++;
    }
  }
  assert.equal(pings, 4);
});

test("probes: at most ten a second, and none while an answer is owed anyway", () => {
  const env = new RoleEnv();
  const peers = new Peers(env, 2);
  let pings = 0;
  for (env.now = 0; env.now < 1_000 * millisecond; env.now += millisecond) {
    peers.probe(1);
    pings += env.takeSent().length;
    peers.onAnswered(1);
  }
  assert.equal(pings, 10);
  peers.onAsked(1);
  env.now += 200 * millisecond;
  peers.probe(1);
  assert.equal(env.takeSent().length, 0);
});
