/** Leases and reads of one replica, held against the sentences of Spanner (OSDI 2012; quoted with its sections). */
import assert from "node:assert/strict";
import test from "node:test";
import { millisecond } from "../../kernel/units.ts";
import type { Ballot } from "./ballot.ts";
import { ballot, commands, founders, Replica } from "./replica.fixture.ts";
import type { Body } from "./messages.ts";

const ms = millisecond;
const b1 = ballot(5, 1);
const b2 = ballot(6, 2);
const joined: Body = {
  kind: "members",
  at: 1,
  members: [...founders.members, { node: 3, incarnation: "d3" }],
};

function accepts(replica: Replica, at: number, slot: number, body: Body, chosen = 0): string[] {
  return replica.hears(at % 1_024, { kind: "accept", ballot: at, slot, body, chosen });
}

function beat(replica: Replica, at: number, until: number): string[] {
  return replica.hears(at % 1_024, { kind: "heartbeat", ballot: at, chosen: 0, asOf: -1, safe: -1, until });
}

test('"a quorum of lease votes" (2.1): with one it may read, and until its clock may have passed their end', () => {
  const replica = new Replica();
  const mine = replica.leads();
  assert.equal(replica.group.holdsLease, false);
  const until = replica.now - replica.boundUs + 100 * ms;
  replica.hears(1, { kind: "leased", ballot: mine, until, applied: 0 });
  assert.equal(replica.group.holdsLease, true);
  assert.equal(replica.group.leaseEnd, until);
  replica.now = until - replica.boundUs - 1;
  assert.equal(replica.group.holdsLease, true);
  replica.now++;
  assert.equal(replica.group.holdsLease, false);
});

test("\"each Paxos leader's lease interval is disjoint from every other leader's\" (4.1.1): a voter helps no other before its vote has run out", () => {
  const replica = new Replica();
  const until = 100 * ms;
  assert.deepEqual(beat(replica, b1, until), ["1: leased 5.1"]);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(replica.hears(2, { kind: "prepare", ballot: b2, from: 1 }), ["2: refuse 6.2: leased"]);
    replica.start();
  }
  replica.now = until + replica.boundUs;
  assert.deepEqual(
    replica.hears(2, { kind: "prepare", ballot: b2, from: 1 }),
    ["2: refuse 6.2: leased"],
    "its clock may be early",
  );
  replica.now++;
  assert.deepEqual(replica.hears(2, { kind: "prepare", ballot: b2, from: 1 }), ["2: promise 6.2 chosen 0 []"]);
});

test('"the leader requests lease-vote extensions" (2.1): a later end takes the place of an earlier one, never the reverse', () => {
  const replica = new Replica();
  beat(replica, b1, 100 * ms);
  beat(replica, b1, 50 * ms);
  replica.now = 80 * ms;
  assert.deepEqual(replica.hears(2, { kind: "prepare", ballot: b2, from: 1 }), ["2: refuse 6.2: leased"]);
});

test("a leader that finds another's lease in force gets no vote and no refusal", () => {
  const replica = new Replica();
  beat(replica, b1, 100 * ms);
  assert.deepEqual(beat(replica, b2, 100 * ms), ["2: not leased 6.2"]);
});

test("an election that meets a lease is given up until the lease has run out", () => {
  const replica = new Replica();
  replica.waits(500 * ms);
  const mine = replica.group.ballot;
  replica.hears(1, { kind: "refuse", ballot: mine, promised: b1, until: replica.now + 50 * ms });
  assert.deepEqual(replica.waits(50 * ms), []);
  assert.deepEqual(replica.waits(100 * ms), ["1: prepare 6.0 from 1", "2: prepare 6.0 from 1"]);
});

test('"to abdicate by releasing its slaves from their lease votes" (4.1.1): the named successor need not wait, others wait a little', () => {
  const successor = new Replica();
  beat(successor, b1, 100 * ms);
  assert.deepEqual(successor.hears(1, { kind: "release", ballot: b1, successor: 0 }), [
    "1: prepare 6.0 from 1",
    "2: prepare 6.0 from 1",
  ]);
  successor.hears(2, { kind: "refuse", ballot: successor.group.ballot, promised: b1, until: 100 * ms });
  assert.deepEqual(
    successor.waits(10 * ms),
    ["1: prepare 6.0 from 1", "2: prepare 6.0 from 1"],
    "node 2 has yet to hear of it",
  );
  const bystander = new Replica();
  beat(bystander, b1, 100 * ms);
  assert.deepEqual(bystander.hears(1, { kind: "release", ballot: b1, successor: 2 }), []);
  assert.deepEqual(bystander.hears(2, { kind: "prepare", ballot: b2, from: 1 }), ["2: promise 6.2 chosen 0 []"]);
  assert.deepEqual(bystander.hears(1, { kind: "release", ballot: b1, successor: 0 }), [], "not the one it is bound to");
});

test("a leader hands over when nothing is under way, and takes nothing new", () => {
  const replica = new Replica();
  const mine = replica.leads();
  replica.proposes("a");
  replica.group.handOver(2);
  replica.proposes("b");
  const lines = replica.hears(1, { kind: "accepted", ballot: mine, slot: 1 });
  assert.deepEqual(lines, ["1: release 1.0 to 2", "2: release 1.0 to 2"]);
  assert.deepEqual(replica.waits(10 * ms), [], "it does not stand against its heir");
  assert.deepEqual(replica.outcomes, ["b: refused", "a: a is number 1"]);
});

/** Node 1 hands over to the replica and promises it its vote; so it leads. */
function succeeds(replica: Replica): Ballot {
  beat(replica, b1, 100 * ms);
  replica.hears(1, { kind: "release", ballot: b1, successor: 0 });
  const mine = replica.group.ballot;
  replica.hears(1, { kind: "promise", ballot: mine, chosen: 0, entries: [] });
  assert.equal(replica.group.leading, true);
  return mine;
}

test("a leader goes on when a voter that had not heard of the release refuses it its vote late", () => {
  const replica = new Replica();
  const mine = succeeds(replica);
  replica.hears(1, { kind: "leased", ballot: mine, until: replica.now + 99 * ms, applied: 0 });
  replica.hears(2, { kind: "refuse", ballot: mine, promised: b1, until: 100 * ms });
  assert.equal(replica.group.holdsLease, true);
});

test("a successor gives up when a voter's lease is not the one that was given up: another leads", () => {
  const replica = new Replica();
  beat(replica, b1, 100 * ms);
  replica.hears(1, { kind: "release", ballot: b1, successor: 0 });
  replica.hears(2, { kind: "refuse", ballot: replica.group.ballot, promised: ballot(9, 1), until: 100 * ms });
  assert.deepEqual(replica.waits(50 * ms), [], "it does not ask again while that lease lasts");
});

test("a heartbeat that the release of its ballot has overtaken grants nothing, and is no loss to the release", () => {
  const late = new Replica();
  beat(late, b1, 100 * ms);
  late.hears(1, { kind: "release", ballot: b1, successor: 2 });
  beat(late, b1, 120 * ms);
  assert.deepEqual(late.hears(2, { kind: "prepare", ballot: b2, from: 1 }), ["2: promise 6.2 chosen 0 []"]);
  const first = new Replica();
  first.hears(1, { kind: "release", ballot: b1, successor: 2 });
  beat(first, b1, 100 * ms);
  assert.deepEqual(first.hears(2, { kind: "prepare", ballot: b2, from: 1 }), ["2: promise 6.2 chosen 0 []"]);
});

test("a release says nothing about the lease of another that is in force here", () => {
  const replica = new Replica();
  beat(replica, b2, 100 * ms);
  const later = ballot(7, 1);
  replica.hears(1, { kind: "release", ballot: later, successor: 2 });
  assert.deepEqual(beat(replica, later, 100 * ms), ["1: not leased 7.1"]);
});

test("a voter that promised gives its candidate time: 4 heartbeats from then, on top of what it has waited", () => {
  const replica = new Replica();
  beat(replica, b1, 100 * ms);
  replica.hears(1, { kind: "release", ballot: b1, successor: 2 });
  replica.waits(35 * ms);
  replica.hears(2, { kind: "prepare", ballot: b2, from: 1 });
  assert.deepEqual(replica.waits(40 * ms), []);
  assert.notDeepEqual(replica.waits(20 * ms), []);
});

test("who handed over stands again only after half a lease", () => {
  const replica = new Replica({ leaseUs: 400 * ms });
  replica.leads();
  replica.group.handOver(2);
  replica.said();
  assert.deepEqual(replica.waits(200 * ms), []);
  assert.notDeepEqual(replica.waits(20 * ms), []);
});

test("a leader with a lease that a voter outbids finishes, then asks for a higher ballot", () => {
  const replica = new Replica();
  const mine = replica.leads();
  replica.hears(1, { kind: "leased", ballot: mine, until: replica.now + 99 * ms, applied: 0 });
  replica.proposes("a");
  assert.deepEqual(replica.hears(2, { kind: "refuse", ballot: mine, promised: b2, until: 0 }), []);
  replica.proposes("b");
  assert.deepEqual(replica.hears(1, { kind: "accepted", ballot: mine, slot: 1 }), [
    "1: prepare 7.0 from 2",
    "2: prepare 7.0 from 2",
  ]);
  const next = replica.group.ballot;
  const lines = replica.hears(1, { kind: "promise", ballot: next, chosen: 1, entries: [] });
  assert(
    lines.some((line) => line === "2: heartbeat 7.0 chosen 1"),
    lines.join("\n"),
  );
  assert(replica.said().length === 0);
});

test("a leader that cannot get a lease steps down", () => {
  const replica = new Replica();
  replica.leads();
  replica.proposes("a");
  replica.waits(201 * ms);
  assert.equal(replica.group.leading, false);
  assert.deepEqual(replica.outcomes, ["a: unknown"]);
});

/* ---- reads that ask a majority ---- */

test("a quorum read waits until what a majority has accepted is applied here", () => {
  const replica = new Replica();
  assert.equal(replica.group.beginRead("r"), true);
  const asked = replica.said();
  assert.deepEqual(asked, ["1: mark", "2: mark"]);
  accepts(replica, b1, 1, commands("x"));
  const id = readIdOf(replica);
  replica.hears(1, { kind: "marked", read: id, slot: 1 });
  assert.deepEqual(replica.outcomes, []);
  replica.hears(1, { kind: "chosen", ballot: b1, chosen: 1, asOf: -1, safe: -1 });
  assert.deepEqual(replica.outcomes, ["r: readable"]);
});

test("a quorum read whose log changed the voters asks the new ones; what is given up is forgotten", () => {
  const replica = new Replica();
  replica.group.beginRead("r");
  const id = readIdOf(replica);
  replica.said();
  accepts(replica, b1, 1, joined);
  replica.hears(1, { kind: "marked", read: id, slot: 1 });
  const lines = replica.hears(1, { kind: "chosen", ballot: b1, chosen: 1, asOf: -1, safe: -1 });
  assert.deepEqual(lines, ["1: mark", "2: mark", "3: mark"]);
  assert.deepEqual(
    replica.waits(10 * ms).filter((line) => line.endsWith("mark")),
    ["1: mark", "2: mark", "3: mark"],
  );
  replica.group.abandonRead("r");
  for (const node of [1, 2, 3]) replica.hears(node, { kind: "marked", read: id, slot: 1 });
  assert.deepEqual(replica.outcomes, []);
});

/** Of the only read under way. */
function readIdOf({ group }: Replica): number {
  const { reads } = group as unknown as { reads: { reads: Map<number, unknown> } };
  return [...reads.reads.keys()][0];
}
