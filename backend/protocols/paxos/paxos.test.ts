/**
 * One replica, held against the sentences of "Paxos Made Simple" (Lamport, 2001; quoted with its sections).
 */
import assert from "node:assert/strict";
import test from "node:test";
import { millisecond } from "../../kernel/units.ts";
import { ballot, commands, founders, Replica } from "./replica.fixture.ts";
import type { Body, Entry } from "./messages.ts";

const ms = millisecond;
const b1 = ballot(5, 1);
const b2 = ballot(6, 2);
const noOp: Body = { kind: "no-op", at: 1 };

function accepts(replica: Replica, at: number, slot: number, body: Body, chosen = 0): string[] {
  return replica.hears(at % 1_024, { kind: "accept", ballot: at, slot, body, chosen });
}

/* ---- acceptor ---- */

test('"P1. An acceptor must accept the first proposal that it receives." (2.2)', () => {
  const replica = new Replica();
  assert.deepEqual(accepts(replica, b1, 1, commands("x")), ["1: accepted 5.1 1"]);
});

test('"a promise never again to accept a proposal numbered less than n" (2.2), also after a crash', () => {
  const replica = new Replica();
  assert.deepEqual(replica.hears(2, { kind: "prepare", ballot: b2, from: 1 }), ["2: promise 6.2 chosen 0 []"]);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(accepts(replica, b1, 1, commands("x")), ["1: refuse 5.1: promised 6.2"]);
    assert.deepEqual(replica.hears(1, { kind: "prepare", ballot: b1, from: 1 }), ["1: refuse 5.1: promised 6.2"]);
    const beat = { kind: "heartbeat", ballot: b1, chosen: 0, asOf: -1, safe: -1, until: 9 } as const;
    assert.deepEqual(replica.hears(1, beat), ["1: refuse 5.1: promised 6.2"]);
    replica.start();
  }
});

test('"responds to the request with a promise ... and with the highest-numbered proposal (if any) that it has accepted" (2.2)', () => {
  const replica = new Replica();
  accepts(replica, b1, 1, commands("old"));
  accepts(replica, b2, 1, commands("new"));
  accepts(replica, b2, 3, noOp);
  replica.start();
  assert.deepEqual(replica.hears(1, { kind: "prepare", ballot: ballot(7, 1), from: 1 }), [
    "1: promise 7.1 chosen 0 [1@6.2 new, 3@6.2 no-op]",
  ]);
});

test("a prepare that is repeated is answered again", () => {
  const replica = new Replica();
  replica.hears(1, { kind: "prepare", ballot: b1, from: 1 });
  assert.deepEqual(replica.hears(1, { kind: "prepare", ballot: b1, from: 1 }), ["1: promise 5.1 chosen 0 []"]);
});

test("what is applied needs no vote: its proposer is told how far the log is", () => {
  const replica = new Replica();
  accepts(replica, b1, 1, commands("x"));
  accepts(replica, b1, 2, commands("y"), 1);
  assert.deepEqual(accepts(replica, b2, 1, commands("x")), ["2: log [] chosen 1"]);
});

/* ---- proposer ---- */

test('"the value of the highest-numbered proposal among the responses" (2.2), "gaps" are filled with no-ops (3)', () => {
  const replica = new Replica({ window: 8 });
  accepts(replica, b1, 1, commands("mine"));
  accepts(replica, b1, 4, commands("older"));
  const entries: Entry[] = [
    { slot: 2, ballot: b1, body: commands("theirs") },
    { slot: 4, ballot: b2, body: commands("newer") },
  ];
  replica.waits(500 * ms);
  const promise = { kind: "promise", ballot: replica.group.ballot, chosen: 0, entries } as const;
  assert.deepEqual(
    replica.hears(1, promise).filter((line) => line.startsWith("1: accept")),
    ["1: mine", "2: theirs", "3: no-op", "4: newer"].map((each) => `1: accept 6.0 ${each}, chosen 0`),
  );
});

test("a majority of the promises is needed, and a promise counts once", () => {
  const replica = new Replica(
    { placement: [0, 1, 2, 3, 4] },
    {
      members: [0, 1, 2, 3, 4].map((node) => ({ node, incarnation: `d${node}` })),
      placement: [0, 1, 2, 3, 4],
    },
  );
  replica.waits(500 * ms);
  const promise = { kind: "promise", ballot: replica.group.ballot, chosen: 0, entries: [] } as const;
  replica.hears(1, promise);
  replica.hears(1, promise);
  replica.hears(9, promise);
  replica.hears(2, { ...promise, ballot: ballot(1, 2) });
  assert.equal(replica.group.leading, false);
  replica.hears(2, promise);
  assert.equal(replica.group.leading, true);
});

test('"The value is chosen when a large enough set of acceptors have accepted it" (2.1): a majority, at one ballot; applied without gaps', () => {
  const replica = new Replica();
  const mine = replica.leads();
  const lines = replica.proposes("a", "b", "c");
  assert.deepEqual(
    lines.filter((line) => line.startsWith("2:")),
    ["2: accept 1.0 1: a+b, chosen 0", "2: accept 1.0 2: c, chosen 0"],
  );
  replica.hears(2, { kind: "accepted", ballot: mine, slot: 2 });
  replica.hears(1, { kind: "accepted", ballot: ballot(0, 1), slot: 1 });
  assert.deepEqual(replica.machine.list, []);
  replica.hears(1, { kind: "accepted", ballot: mine, slot: 1 });
  assert.deepEqual(replica.machine.list, ["a", "b", "c"]);
  assert.deepEqual(replica.outcomes, ["a: a is number 1", "b: b is number 2", "c: c is number 3"]);
});

test("a ballot is never used again: after a restart the next one is higher", () => {
  const replica = new Replica();
  const before = replica.leads();
  replica.start();
  assert(replica.leads() > before);
});

test("what is not voted for is proposed again; a refusal without a lease ends the leadership, and outcomes are unknown", () => {
  const replica = new Replica();
  const mine = replica.leads();
  replica.proposes("a");
  assert.deepEqual(
    replica.waits(10 * ms).filter((line) => line.includes("accept")),
    ["1: accept 1.0 1: a, chosen 0", "2: accept 1.0 1: a, chosen 0"],
  );
  replica.hears(2, { kind: "refuse", ballot: mine, promised: b2, until: 0 });
  assert.equal(replica.group.leading, false);
  assert.deepEqual(replica.outcomes, ["a: unknown"]);
});

test("a candidate first learns what a voter knows to be chosen", () => {
  const replica = new Replica();
  replica.waits(500 * ms);
  const mine = replica.group.ballot;
  assert.deepEqual(replica.hears(1, { kind: "promise", ballot: mine, chosen: 1, entries: [] }), ["1: fetch from 1"]);
  assert.equal(replica.group.leading, false);
  const entries = [{ slot: 1, ballot: ballot(0, 1), body: commands("x") }];
  replica.hears(1, { kind: "log", entries, chosen: 1 });
  assert.equal(replica.group.leading, true);
  assert.deepEqual(replica.machine.list, ["x"]);
});

test("what waited for the window goes on when a fetched log, and no vote, made room", () => {
  const replica = new Replica({ window: 1, batch: 1 });
  const mine = replica.leads();
  replica.proposes("a", "b");
  const lines = replica.hears(2, { kind: "log", entries: [{ slot: 1, ballot: mine, body: commands("a") }], chosen: 1 });
  assert(lines.includes("1: accept 1.0 2: b, chosen 1"), lines.join("\n"));
});

test("what was chosen out of order is applied once the gap before it came by a fetched log", () => {
  const replica = new Replica();
  const mine = replica.leads();
  replica.proposes("a", "b", "c");
  replica.hears(2, { kind: "accepted", ballot: mine, slot: 2 });
  replica.hears(2, { kind: "log", entries: [{ slot: 1, ballot: mine, body: commands("a", "b") }], chosen: 1 });
  assert.deepEqual(replica.machine.list, ["a", "b", "c"]);
  assert.equal(replica.group.busy, false);
});

test("thousands of commands at once are applied over several turns, and what gathered meanwhile goes on", () => {
  const replica = new Replica({ window: 3, batch: 4_000 });
  const mine = replica.leads();
  replica.proposes(...Array.from({ length: 12_001 }, (_, i) => `c${i}`));
  for (const slot of [3, 2, 1]) replica.hears(2, { kind: "accepted", ballot: mine, slot });
  assert.equal(replica.machine.list.length, 12_000);
  assert.equal(replica.outcomes.at(-1), "c11999: c11999 is number 12000");
  replica.hears(2, { kind: "accepted", ballot: mine, slot: 4 });
  assert.equal(replica.group.busy, false);
});

test("who learns that a higher ballot chose something leads no more: its own entries are no proof of what is chosen", () => {
  const entries = [{ slot: 1, ballot: ballot(9, 2), body: commands("theirs") }];
  const leader = new Replica();
  leader.leads();
  leader.proposes("mine");
  assert.deepEqual(leader.hears(2, { kind: "log", entries, chosen: 1 }), []);
  assert.deepEqual(leader.machine.list, ["theirs"]);
  assert.equal(leader.group.leading, false);
  const candidate = new Replica();
  candidate.waits(500 * ms);
  const mine = candidate.group.ballot;
  candidate.hears(2, { kind: "log", entries, chosen: 1 });
  candidate.hears(1, { kind: "promise", ballot: mine, chosen: 0, entries: [] });
  assert.equal(candidate.group.leading, false);
});

test("a change that has to be alone in the window is proposed once a fetched log has emptied it", () => {
  const replica = new Replica();
  const mine = replica.leads();
  replica.proposes("a");
  assert.equal(replica.group.place([0, 1, 3]), true);
  assert.equal(replica.group.place([0, 1, 2]), false, "one at a time");
  const lines = replica.hears(2, { kind: "log", entries: [{ slot: 1, ballot: mine, body: commands("a") }], chosen: 1 });
  assert(lines.includes("1: accept 1.0 2: placement 0 1 3, chosen 1"), lines.join("\n"));
});

/* ---- changes of voters ---- */

const joined: Body = {
  kind: "members",
  at: 1,
  members: [...founders.members, { node: 3, incarnation: "d3" }],
};

test("a new leader proposes nothing beyond a change of voters, and then asks the new ones", () => {
  const replica = new Replica({ window: 8 });
  const entries: Entry[] = [
    { slot: 1, ballot: b1, body: joined },
    { slot: 2, ballot: b1, body: commands("x") },
  ];
  replica.waits(500 * ms);
  const mine = replica.group.ballot;
  const lines = replica.hears(1, { kind: "promise", ballot: mine, chosen: 0, entries });
  assert.deepEqual(
    lines.filter((line) => line.startsWith("2: accept")),
    ["2: accept 1.0 1: members d0 d1 d2 d3, chosen 0"],
  );
  assert.deepEqual(replica.hears(1, { kind: "accepted", ballot: mine, slot: 1 }), [
    "1: prepare 2.0 from 2",
    "2: prepare 2.0 from 2",
    "3: prepare 2.0 from 2",
  ]);
});

test("who joined after the founding has no vote before it knows of it: the disk it replaces had promised what it does not know", () => {
  const replica = new Replica({}, null);
  const [hello] = replica.waits(20 * ms);
  assert.equal(hello, "1: hello");
  const mine = replica.incarnation;
  const control = {
    members: [founders.members[1], founders.members[2], { node: 0, incarnation: mine }],
    placement: [0, 1, 2],
    since: 2,
  };
  replica.hears(1, { kind: "welcome", incarnation: "d1", control, to: mine });
  assert.equal(replica.group.elector, false);
  assert.deepEqual(replica.hears(2, { kind: "prepare", ballot: b2, from: 1 }), []);
  const entries: Entry[] = [1, 2].map((slot) => ({ slot, ballot: b1, body: noOp }));
  replica.hears(1, { kind: "log", entries, chosen: 2 });
  assert.equal(replica.group.elector, true);
  assert.deepEqual(replica.hears(2, { kind: "prepare", ballot: b2, from: 1 }), ["2: promise 6.2 chosen 2 []"]);
});

test("a group is founded once every other disk has told this one that it knows nobody", () => {
  const replica = new Replica({}, null);
  const mine = replica.incarnation;
  for (const node of [1, 2]) replica.hears(node, { kind: "hello", incarnation: `d${node}`, learned: false });
  replica.hears(1, { kind: "welcome", incarnation: "d1", control: null, to: "a disk that was here before" });
  replica.hears(2, { kind: "welcome", incarnation: "d2", control: null, to: mine });
  assert.equal(replica.group.elector, false);
  replica.hears(1, { kind: "welcome", incarnation: "d1", control: null, to: mine });
  assert.deepEqual(
    replica.group.control?.members.map(({ node }) => node),
    [0, 1, 2],
  );
});

test("a group that exists is not founded again, whoever says hello late", () => {
  const replica = new Replica({}, null);
  const mine = replica.incarnation;
  replica.hears(1, { kind: "welcome", incarnation: "d1", control: founders, to: mine });
  replica.hears(1, { kind: "hello", incarnation: "d1", learned: false });
  for (const node of [1, 2]) replica.hears(node, { kind: "welcome", incarnation: `d${node}`, control: null, to: mine });
  assert.equal(replica.group.control, null);
});

test("a candidate that gets the log by a snapshot asks those whom the snapshot names", () => {
  const replica = new Replica({ placement: [0, 1, 2, 3] });
  replica.waits(500 * ms);
  const promise = { kind: "promise", ballot: replica.group.ballot, chosen: 9, entries: [] } as const;
  replica.hears(1, promise);
  const control = { members: [...founders.members.slice(0, 2), { node: 3, incarnation: "d3" }], placement: [0, 1, 3] };
  const piece = {
    slot: 9,
    at: 1,
    control,
    from: "s1/",
    to: "s1/\u00ff\u00ff\u00ff\u00ff",
    keys: [],
    values: [],
    last: true,
  };
  const lines = replica.hears(1, { kind: "snapshot", id: 7, part: 0, piece });
  assert.deepEqual(lines, ["1: prepare 2.0 from 10", "3: prepare 2.0 from 10"]);
  assert.equal(replica.group.leading, false);
});

test("a candidate whom a snapshot says removed stops", () => {
  const replica = new Replica();
  replica.waits(500 * ms);
  const control = { members: founders.members.slice(1), placement: [1, 2] };
  const piece = {
    slot: 9,
    at: 1,
    control,
    from: "s1/",
    to: "s1/\u00ff\u00ff\u00ff\u00ff",
    keys: [],
    values: [],
    last: true,
  };
  replica.hears(1, { kind: "snapshot", id: 7, part: 0, piece });
  assert.equal(replica.group.busy, false);
  assert.deepEqual(replica.waits(10 * ms), []);
});

/* ---- learner ---- */

test('"To learn that a value has been chosen" (2.3): an entry of the claimant\'s ballot or a later one is it, an older one is not', () => {
  const replica = new Replica();
  accepts(replica, b1, 1, commands("old"));
  accepts(replica, b2, 2, commands("new"));
  const claim = { kind: "chosen", ballot: b2, chosen: 2, asOf: -1, safe: -1 } as const;
  assert.deepEqual(replica.hears(2, claim), ["2: fetch from 1"]);
  assert.deepEqual(replica.machine.list, []);
  replica.hears(2, { kind: "log", entries: [{ slot: 1, ballot: b2, body: commands("chosen") }], chosen: 2 });
  assert.deepEqual(replica.machine.list, ["chosen", "new"]);
});

test("who is behind gets entries, or a snapshot when they are kept no longer", () => {
  const replica = new Replica({ keepSlots: 2 });
  for (let slot = 1; slot <= 4; slot++) accepts(replica, b1, slot, commands(`c${slot}`));
  replica.hears(1, { kind: "chosen", ballot: b1, chosen: 4, asOf: -1, safe: -1 });
  assert.deepEqual(replica.hears(2, { kind: "fetch", from: 4 }), ["2: log [4@5.1 c4] chosen 4"]);
  assert.deepEqual(replica.hears(2, { kind: "fetch", from: 5 }), ["2: log [] chosen 4"]);
  assert.deepEqual(replica.hears(2, { kind: "fetch", from: 1 }), ["2: snapshot 0 of slot 4, the last"]);
  assert.deepEqual(replica.hears(1, { kind: "fetch", from: 1 }), ["1: snapshot 0 of slot 4, the last"]);
});

test("copies are handed out one at a time, unless who asked for one is silent for long", () => {
  const replica = new Replica({ keepSlots: 2 });
  for (let slot = 1; slot <= 400; slot++) accepts(replica, b1, slot, commands(`c${slot}`));
  replica.hears(1, { kind: "chosen", ballot: b1, chosen: 400, asOf: -1, safe: -1 });
  assert.deepEqual(replica.hears(2, { kind: "fetch", from: 1 }), ["2: snapshot 0 of slot 400"]);
  assert.deepEqual(replica.hears(1, { kind: "fetch", from: 1 }), []);
  assert.deepEqual(replica.hears(2, { kind: "snapshot-ask", id: 5, part: 1 }), [], "no such copy");
  replica.waits(201 * ms);
  assert.deepEqual(replica.hears(1, { kind: "fetch", from: 1 }), ["1: snapshot 0 of slot 400"]);
});

const whole = { at: 1, control: founders, from: "s1/", to: "s1/\u00ff\u00ff\u00ff\u00ff" };

test("a snapshot replaces the state, and leaves nothing behind that was accepted below it and perhaps never chosen", () => {
  const replica = new Replica();
  accepts(replica, b1, 1, commands("chosen"));
  accepts(replica, b1, 2, commands("never chosen"));
  accepts(replica, b1, 9, commands("beyond"));
  replica.hears(1, { kind: "chosen", ballot: b1, chosen: 1, asOf: -1, safe: -1 });
  const piece = { ...whole, slot: 5, keys: ["s1/c000001", "s1/count"], values: ["installed", 1], last: true };
  replica.hears(1, { kind: "snapshot", id: 7, part: 0, piece });
  assert.deepEqual(replica.machine.list, ["installed"]);
  assert.deepEqual(replica.hears(2, { kind: "fetch", from: 2 }), ["2: snapshot 0 of slot 5, the last"]);
  assert.deepEqual(replica.hears(2, { kind: "prepare", ballot: b2, from: 2 }), [
    "2: promise 6.2 chosen 5 [9@5.1 beyond]",
  ]);
});

test("an installation that a crash interrupts begins anew, is not read meanwhile, and still gives out the entries that there are", () => {
  const replica = new Replica();
  accepts(replica, b1, 1, commands("x"));
  replica.hears(1, { kind: "chosen", ballot: b1, chosen: 1, asOf: -1, safe: -1 });
  const first = { ...whole, slot: 5, to: "s1/m", keys: ["s1/c000001"], values: ["half"], last: false };
  assert.deepEqual(replica.hears(1, { kind: "snapshot", id: 7, part: 0, piece: first }), ["1: snapshot-ask 1"]);
  replica.start();
  assert.equal(replica.group.readable, false);
  assert.deepEqual(replica.hears(2, { kind: "fetch", from: 1 }), ["2: log [1@5.1 x] chosen 1"]);
  const rest = { ...whole, slot: 5, from: "s1/m", keys: [], values: [], last: true };
  assert.deepEqual(
    replica.hears(1, { kind: "snapshot", id: 7, part: 1, piece: rest }),
    [],
    "of the copy that was given up",
  );
  assert.deepEqual(
    replica.waits(500 * ms).map((line) => line.slice(3)),
    ["snapshot-ask 0"],
  );
  const again = { ...whole, slot: 6, keys: ["s1/c000001", "s1/count"], values: ["whole", 1], last: true };
  replica.hears(2, { kind: "snapshot", id: 8, part: 0, piece: { ...again, slot: 0 } });
  assert.equal(replica.group.readable, false, "never back to what is older");
  replica.hears(2, { kind: "snapshot", id: 9, part: 0, piece: again });
  assert.equal(replica.group.readable, true);
  assert.deepEqual(replica.machine.list, ["whole"]);
});
