/** A request finds the owner of its key, or is refused by who is none; keys change hands behind a fence. */
import assert from "node:assert/strict";
import test from "node:test";
import { second } from "../../kernel/units.ts";
import { HandOvers } from "./hand-overs.ts";
import { lastOwns, TestEnv, TestView } from "./ringpop.fixture.ts";
import { Ringpop, ringChecksum } from "./ringpop.ts";
import type { ForwardOutcome } from "./ringpop.ts";

function nodeOf(view: TestView) {
  const env = new TestEnv();
  const outcomes: ForwardOutcome<string>[] = [];
  const changes: (readonly number[])[] = [];
  const served: string[] = [];
  const ringpop: Ringpop<string, string, string> = new Ringpop<string, string, string>(env, view, lastOwns, {
    serve(caller, key, body) {
      served.push(key);
      ringpop.answer(caller, `${body} done`);
    },
    onOutcome: (_request, outcome) => void outcomes.push(outcome),
    onRingChange: () => void changes.push(ringpop.members),
  });
  ringpop.onMembersChange();
  return { env, ringpop, outcomes, changes, served };
}

test("a key of its own is served where the request entered", () => {
  const { env, ringpop, outcomes } = nodeOf(new TestView(0));
  ringpop.request(1, "k", "x");
  assert.deepEqual(outcomes, [{ kind: "ok", result: "x done" }]);
  assert.equal(env.sent.length, 0);
});

test("a refused request is looked up again after 0, 1 and 3.5 s, and then refused for good", () => {
  const { env, ringpop, outcomes } = nodeOf(new TestView(0, 1));
  const sentAt: number[] = [];
  ringpop.request(1, "k", "x");
  for (let seen = 0; env.now < 10 * second; env.pass(env.now + second / 10, (t, key) => void ringpop.onTimer(t, key))) {
    if (env.sent.length === seen) continue;
    seen = env.sent.length;
    sentAt.push(env.now);
    const { message } = env.sent.at(-1)!;
    assert(message.kind === "ring-forward" && message.checksum === ringpop.checksum);
    ringpop.onMessage(1, { kind: "ring-refusal", ticket: message.ticket, checksum: 5 });
  }
  assert.deepEqual(
    sentAt.map((at) => Math.round(at / 100_000) / 10),
    [0, 0.1, 1.1, 4.6],
    "the first retry, at once, is seen a tenth of a second later",
  );
  assert.deepEqual(outcomes, [{ kind: "refused" }]);
  assert.equal(ringpop.waiting, 0);
});

test("by the time of a retry the key may be its own", () => {
  const view = new TestView(0, 1);
  const { env, ringpop, outcomes } = nodeOf(view);
  ringpop.request(1, "k", "x");
  const { message } = env.sent[0];
  assert(message.kind === "ring-forward");
  ringpop.onMessage(1, { kind: "ring-refusal", ticket: message.ticket, checksum: 5 });
  view.standings.set(1, "dead");
  ringpop.onMembersChange();
  env.pass(second, (timer, key) => void ringpop.onTimer(timer, key));
  assert.deepEqual(outcomes, [{ kind: "ok", result: "x done" }]);
});

test("what was lost may have been served: repeated only when twice is as good as once", () => {
  for (const [idempotent, sends] of [
    [false, 1],
    [true, 4],
  ] as const) {
    const { env, ringpop, outcomes } = nodeOf(new TestView(0, 1));
    ringpop.request(1, "k", "x", idempotent);
    env.pass(30 * second, (timer, key) => void ringpop.onTimer(timer, key));
    assert.equal(env.sent.length, sends);
    assert.deepEqual(outcomes, [{ kind: "unknown" }]);
  }
});

test("a request is refused only when the rings differ and the key is another's", () => {
  const { env, ringpop, served } = nodeOf(new TestView(0, 1));
  const forward = { kind: "ring-forward", ticket: 7, key: "k", body: "x" } as const;
  ringpop.onMessage(1, { ...forward, checksum: ringpop.checksum + 1 });
  assert.deepEqual(env.sent.at(-1)!.message.kind, "ring-refusal");
  assert.deepEqual(served, []);
  const owner = nodeOf(new TestView(0));
  owner.ringpop.onMessage(1, { ...forward, checksum: 99 });
  assert.deepEqual(owner.env.sent, [{ to: 1, message: { kind: "ring-answer", ticket: 7, result: "x done" } }]);
});

test("the ring changes with who is present, not with who is suspected; its checksum says who is on it", () => {
  const view = new TestView(0, 1, 2);
  const { ringpop, changes } = nodeOf(view);
  view.standings.set(2, "suspect");
  ringpop.onMembersChange();
  assert.equal(ringpop.epoch, 1);
  view.standings.set(2, "dead");
  view.standings.set(3, "alive");
  ringpop.onMembersChange();
  assert.deepEqual(changes, [
    [0, 1, 2],
    [0, 1, 3],
  ]);
  assert.equal(ringpop.epoch, 2);
  assert.equal(ringpop.checksum, ringChecksum([3, 1, 0]));
  assert.notEqual(ringpop.checksum, ringChecksum([0, 1, 2]));
});

function giverOf(view: TestView, owner: number) {
  const env = new TestEnv();
  const goods = new Map([["k", "v"]]);
  const taken: string[] = [];
  const ring = { ownerOf: () => owner, owns: () => owner === 0 };
  const handOvers = new HandOvers<string>(env, view, ring, {
    goodsOf: (key) => goods.get(key),
    take: (key, value) => void taken.push(`${key} ${value}`),
    onTaken: (key) => void goods.delete(key),
  });
  return { env, handOvers, goods, taken };
}

test("a key is given until it is taken, under one ticket", () => {
  const { env, handOvers, goods } = giverOf(new TestView(0, 1), 1);
  handOvers.giveAway(["k", "nothing there"]);
  handOvers.giveAway(["k"]);
  assert.equal(env.sent.length, 1, "once under way is enough");
  env.pass(second, (timer, key) => void handOvers.onTimer(timer, key));
  const tickets = new Set(env.sent.map(({ message }) => message.ticket));
  assert.equal(env.sent.length, 3);
  assert.equal(tickets.size, 1);
  handOvers.onMessage(1, { kind: "ring-taken", ticket: [...tickets][0], taken: true });
  assert.equal(goods.size, 0);
  assert.equal(handOvers.waiting, 0);
});

test("the fence: what was held before its holder was declared dead is not taken, nor is a copy", () => {
  const view = new TestView(0, 1);
  const { env, handOvers, taken } = giverOf(view, 0);
  const offer = { kind: "ring-hand-over", ticket: 3, key: "k", incarnation: 1, goods: "v" } as const;
  handOvers.onMessage(1, offer);
  handOvers.onMessage(1, offer);
  assert.deepEqual(taken, ["k v"], "once");
  assert(
    env.sent.every(({ message }) => message.kind === "ring-taken" && message.taken),
    "and said so twice",
  );
  view.standings.set(1, "dead");
  handOvers.onMessage(1, { ...offer, ticket: 4 });
  view.standings.set(1, "alive");
  view.incarnations.set(1, 2);
  handOvers.onMessage(1, { ...offer, ticket: 5 });
  assert.equal(handOvers.counts.fenced, 2);
  handOvers.onMessage(1, { ...offer, ticket: 6, incarnation: 2 });
  assert.equal(taken.length, 2);
});
