/** Who counts: the coordinator alone, fed answers by hand. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Item, Replication } from "../../api.ts";
import { second } from "../../kernel/units.ts";
import type { Target } from "./coordinator.ts";
import { Coordinator } from "./coordinator.ts";
import { Handoff } from "./handoff.ts";
import { unionOf } from "./merge-items.ts";
import type { QuorumMessage } from "./messages.ts";
import { Peers, suspectAfterUs } from "./peers.ts";
import { Replica } from "./replica.ts";
import { RoleEnv } from "./role.fixture.ts";
import type { Versions } from "./versions.ts";
import { noVersions } from "./versions.ts";

const tags = (...members: string[]): Item => ({ tags: { SS: members } });

function stage() {
  const env = new RoleEnv();
  const peers = new Peers(env, 6);
  const replica = new Replica(env);
  const handoff = new Handoff(env, peers, replica);
  const said: string[] = [];
  const coordinator = new Coordinator(env, peers, replica, handoff, {
    onWritten: (token) => said.push(`written ${token}`),
    onRead: (token) => said.push(`read ${token}`),
    onUnavailable: (token, reachable, needed) => said.push(`unavailable ${token}: ${reachable} of ${needed}`),
    onQuorumLost: (token, answered, needed) => said.push(`lost ${token}: ${answered} of ${needed}`),
  });
  replica.start();
  return { env, peers, handoff, coordinator, said };
}

function target(preference: readonly number[], replication: Partial<Replication> = {}): Target {
  return {
    key: "t.1\u0000x",
    merge: "union",
    replication: { n: 3, r: 2, w: 2, sloppy: false, ...replication },
    preference,
    walk: [...preference, ...[0, 1, 2, 3, 4, 5].filter((node) => !preference.includes(node))],
  };
}

function opOf(sent: readonly (readonly [number, QuorumMessage])[]): number {
  const message = sent[0][1];
  assert(message.kind === "store" || message.kind === "fetch");
  return message.op;
}

test("a strict write counts its coordinator when that is a replica, and each replica once", () => {
  const { env, coordinator, said } = stage();
  coordinator.write(1, target([0, 1, 2], { w: 3 }), null, tags("a"), second);
  const op = opOf(env.takeSent());
  coordinator.onStored(1, op);
  coordinator.onStored(1, op);
  assert.deepEqual(said, [], "two of three, however often one of them says it");
  coordinator.onStored(2, op);
  assert.deepEqual(said, ["written 1"]);
  assert.equal(coordinator.outstanding, 2, "its replicas do not know yet that it is on this disk");
  env.takeSent();
  coordinator.tick();
  assert.deepEqual(env.takeSent(), [
    [1, { kind: "confirm", first: op, below: op + 1 }],
    [2, { kind: "confirm", first: op, below: op + 1 }],
  ]);
  assert.equal(coordinator.outstanding, 0);
});

test("a strict write coordinated by no replica counts replicas only", () => {
  const { env, coordinator, handoff, said } = stage();
  coordinator.write(1, target([1, 2, 3]), null, tags("a"), second);
  const op = opOf(env.takeSent());
  coordinator.onStored(1, op);
  assert.deepEqual(said, []);
  coordinator.onStored(4, op);
  assert.deepEqual(said, [], "who was not asked is not counted");
  coordinator.onStored(2, op);
  assert.deepEqual(said, ["written 1"]);
  assert.equal(handoff.outstanding, 1, "the third replica is owed it");
});

test("a doubled answer is one answer to a read", () => {
  const { env, coordinator, said } = stage();
  coordinator.read(1, target([1, 2, 3]), 2, second);
  const op = opOf(env.takeSent());
  coordinator.onFetched(1, op, noVersions);
  coordinator.onFetched(1, op, noVersions);
  assert.deepEqual(said, []);
  coordinator.onFetched(2, op, noVersions);
  assert.deepEqual(said, ["read 1"]);
});

test("what a stand-in is told without a context joins what it was told before: a union table loses nothing", () => {
  const { env, peers, coordinator } = stage();
  for (const replica of [1, 2]) peers.onAsked(replica);
  env.now += suspectAfterUs + 1;
  const sloppy = target([1, 2, 3], { sloppy: true });
  coordinator.write(1, sloppy, null, tags("a"), env.now + second);
  coordinator.write(2, sloppy, null, tags("b"), env.now + second);
  const held: Versions = coordinator.answerTo(sloppy.key);
  assert.deepEqual([...unionOf(held.siblings)!.tags.SS!].sort(), ["a", "b"]);
});

test("too few trusted replicas: nothing begins; too few answers in time: the outcome is unknown, and nothing stays pending", () => {
  const { env, peers, coordinator, said } = stage();
  coordinator.write(1, target([0, 1, 2]), null, tags("a"), second);
  env.now = second;
  coordinator.tick();
  assert.deepEqual(said.splice(0), ["lost 1: 1 of 2"]);
  assert.equal(coordinator.outstanding, 0);
  assert(peers.suspects(1) && peers.suspects(2));
  env.takeSent();
  coordinator.write(2, target([0, 1, 2]), null, tags("b"), 2 * second);
  coordinator.read(3, target([0, 1, 2]), 2, 2 * second);
  assert.deepEqual(said, ["unavailable 2: 1 of 2", "unavailable 3: 1 of 2"]);
  assert.deepEqual(env.takeSent(), []);
});
