/** The replicated log as it is told: who says what to whom, from a first command to a wiped disk. */
import assert from "node:assert/strict";
import test from "node:test";
import { millisecond } from "../../kernel/units.ts";
import { Dialogue } from "./dialogue.fixture.ts";

const ms = millisecond;
const chatter = ["heartbeat", "leased", "gathered", "hello", "welcome"];

function story(lines: string): string {
  return lines.trim().replace(/^ +/gm, "");
}

test("a command: proposed to all, chosen with one more vote, answered, and told at once; a read asks nobody", () => {
  const dialogue = new Dialogue(3);
  dialogue.put(0, "x", "1");
  dialogue.run(30 * ms);
  dialogue.get(0, "x");
  dialogue.run(30 * ms);
  assert.equal(
    dialogue.text(),
    story(`
      client -> a: x=1
      a -> b: accept 1a 1: x=1, chosen 0
      a -> c: accept 1a 1: x=1, chosen 0
      b -> a: accepted 1a 1
      client <- a: ok key-put
      a -> b: chosen 1
      c -> a: accepted 1a 1
      a -> c: chosen 1
      client -> a: key-range
      client <- a: ok x=1
    `),
  );
});

test("a request may enter anywhere: it is carried to the leader, and its answer back", () => {
  const dialogue = new Dialogue(3);
  dialogue.put(1, "x", "2");
  dialogue.run(30 * ms);
  assert.equal(
    dialogue.about("client", "forward"),
    story(`
      client -> b: x=2
      b -> a: forward key-put
      a -> b: forward-answer ok key-put
      client <- b: ok key-put
    `),
  );
});

/** The leader dies with a command that one other has accepted. */
function halfAccepted(): Dialogue {
  const dialogue = new Dialogue(3);
  dialogue.inject({ kind: "drop", from: [0], to: [2], probability: 1, only: ["accept"] });
  dialogue.inject({ kind: "drop", from: [1], to: [0], probability: 1, only: ["accepted"] });
  dialogue.put(0, "x", "half");
  dialogue.run(3 * ms);
  dialogue.inject({ kind: "crash", nodes: [0] });
  return dialogue;
}

test("a leader's death: its lease is waited for, and what may have been chosen is proposed again by whoever follows", () => {
  const dialogue = halfAccepted();
  dialogue.run(140 * ms);
  assert.equal(dialogue.about("prepare", "promise"), "", "somebody may hold a lease");
  dialogue.run(660 * ms);
  dialogue.get(1, "x");
  dialogue.run(50 * ms);
  assert.equal(
    dialogue.about("prom", "prepare", "accept", "chosen", "client"),
    story(`
      c -> b: prepare 2c from 1
      b -> c: prepare 2b from 1
      b -> c: promise 2c chosen 0 [1@1a x=half]
      c -> b: refuse 2b: promised 2c
      c -> b: accept 2c 1: x=half, chosen 0
      b -> c: accepted 2c 1
      c -> b: chosen 1
      client -> b: key-range
      client <- b: ok x=half
    `),
  );
});

test("a leader that comes back is refused, learns what it missed, and follows", () => {
  const dialogue = halfAccepted();
  dialogue.run(800 * ms);
  dialogue.inject({ kind: "heal" });
  dialogue.inject({ kind: "restart", nodes: [0] });
  dialogue.text();
  dialogue.run(400 * ms);
  assert.equal(
    dialogue.text(),
    story(`
      a -> b: prepare 2a from 1
      a -> c: prepare 2a from 1
      b -> a: refuse 2a: promised 2c
      c -> a: refuse 2a: promised 2c
      a -> c: fetch from 1
      c -> a: log [1@2c x=half] chosen 1
    `),
  );
});

test("leadership is handed over: the lease is given up, and who is named need not wait", () => {
  const dialogue = new Dialogue(3);
  dialogue.ask(0, { kind: "log-hand-over", to: 1 });
  dialogue.run(60 * ms);
  assert.equal(
    dialogue.text(),
    story(`
      client -> a: log-hand-over
      a -> b: release 1a to b
      a -> c: release 1a to b
      b -> a: prepare 2b from 1
      a -> b: promise 2b chosen 0 []
      b -> c: prepare 2b from 1
      client <- a: ok log-status
      c -> b: promise 2b chosen 0 []
    `),
  );
});

test("a wiped disk comes back as a stranger: it learns, its old name goes, and it votes again under its new one", () => {
  const dialogue = new Dialogue(3);
  dialogue.put(0, "x", "1");
  dialogue.run(50 * ms);
  dialogue.inject({ kind: "crash", nodes: [2], wipe: true });
  dialogue.inject({ kind: "restart", nodes: [2] });
  dialogue.text();
  dialogue.run(400 * ms);
  assert.equal(
    dialogue.text(),
    story(`
      c -> a: fetch from 1
      a -> c: log [1@1a x=1] chosen 1
      a -> b: accept 1a 2: members a b, chosen 1
      a -> c: accept 1a 2: members a b, chosen 1
      b -> a: accepted 1a 2
      a -> b: chosen 2
      a -> c: chosen 2
      c -> a: fetch from 2
      a -> c: log [2@1a members a b] chosen 2
      a -> b: accept 1a 3: members a b c, chosen 2
      b -> a: accepted 1a 3
      a -> b: chosen 3
      a -> c: chosen 3
      c -> a: fetch from 3
      a -> c: log [3@1a members a b c] chosen 3
    `),
  );
  dialogue.inject({ kind: "crash", nodes: [1] });
  dialogue.put(0, "x", "2");
  dialogue.run(30 * ms);
  assert.match(dialogue.text(), /c -> a: accepted 1a 4\nclient <- a: ok key-put/);
});

test("replicas move: the newcomer catches up and votes before the one that leaves does not", () => {
  const dialogue = new Dialogue(4);
  dialogue.ask(0, { kind: "log-place", nodes: [0, 1, 3] });
  dialogue.run(600 * ms);
  assert.equal(
    dialogue.about("-> b: accept", "-> d: accept", "-> d: log", "client"),
    story(`
      client -> a: log-place
      a -> b: accept 1a 1: placement a b d, chosen 0
      a -> b: accept 1a 2: members a b c d, chosen 1
      a -> d: log [1@1a placement a b d] chosen 1
      a -> b: accept 1a 3: members a b d, chosen 2
      a -> d: accept 1a 3: members a b d, chosen 2
      a -> d: log [2@1a members a b c d] chosen 2
      client <- a: ok log-status
      a -> d: log [3@1a members a b d] chosen 3
    `),
  );
  dialogue.put(2, "z", "1");
  dialogue.run(100 * ms);
  assert.match(
    dialogue.text(),
    /c -> a: forward key-put[^]*client <- c: ok key-put/,
    "who has no replica finds the leader",
  );
});

test("what was missed and is kept no longer comes as a snapshot", () => {
  const dialogue = new Dialogue(3, { keepSlots: 4 });
  dialogue.hidden = chatter;
  dialogue.inject({ kind: "partition", from: [2], to: [0, 1] });
  for (let i = 0; i < 6; i++) {
    dialogue.put(0, `k${i}`, "v");
    dialogue.run(20 * ms);
  }
  dialogue.text();
  dialogue.inject({ kind: "heal" });
  dialogue.run(100 * ms);
  dialogue.ask(2, { kind: "key-range", key: "k5", serializable: true });
  dialogue.run(10 * ms);
  assert.equal(
    dialogue.text(),
    story(`
      -- heal
      c -> a: fetch from 1
      a -> c: snapshot 0 of slot 6, the last
      client -> c: key-range
      client <- c: ok k5=v
    `),
  );
});

test("without a majority nothing is answered, and a request is told so when its time is over", () => {
  const dialogue = new Dialogue(3);
  dialogue.inject({ kind: "crash", nodes: [1, 2] });
  dialogue.run(800 * ms);
  dialogue.text();
  dialogue.ask(0, { kind: "key-put", key: "x", value: "1", timeoutUs: 300 * ms });
  dialogue.run(1_000 * ms);
  assert.equal(dialogue.about("client <-"), "client <- a: refused unavailable");
});

test("a request that a link doubles is carried out once", () => {
  const dialogue = new Dialogue(3);
  dialogue.inject({ kind: "duplicate", from: [1], to: [0], probability: 1 });
  dialogue.put(1, "x", "1");
  dialogue.run(400 * ms);
  const lines = dialogue.text().split("\n");
  assert.equal(lines.filter((line) => line.includes("forward key-put")).length, 2);
  assert.equal(lines.filter((line) => line === "a -> b: accept 1a 1: x=1, chosen 0").length, 1);
});

test("a leader that dies with a request leaves its outcome unknown once another leads; a read is asked again", () => {
  const dialogue = new Dialogue(3);
  dialogue.inject({ kind: "drop", from: [0], to: [1, 2], probability: 1, only: ["accept", "forward-answer"] });
  dialogue.put(1, "x", "1");
  dialogue.get(1, "x");
  dialogue.run(20 * ms);
  dialogue.inject({ kind: "crash", nodes: [0] });
  dialogue.run(900 * ms);
  assert.equal(
    dialogue.about("client"),
    story(`
      client -> b: x=1
      client -> b: key-range
      client <- b: unknown connection-lost
      client <- b: ok nothing
    `),
  );
});

test("quorum reads: whoever is asked asks a majority how far it is, and waits for nobody's lease", () => {
  const dialogue = new Dialogue(3, { reads: "quorum" });
  dialogue.put(0, "x", "1");
  dialogue.run(30 * ms);
  dialogue.text();
  dialogue.get(2, "x");
  dialogue.run(30 * ms);
  assert.equal(
    dialogue.text(),
    story(`
      client -> c: key-range
      c -> a: mark
      c -> b: mark
      a -> c: marked 1
      client <- c: ok x=1
      b -> c: marked 1
    `),
  );
});

test("a read that may be old is answered where it enters, while what is applied there is young enough", () => {
  const dialogue = new Dialogue(3);
  dialogue.put(0, "x", "1");
  dialogue.run(100 * ms);
  dialogue.text();
  const stale = { kind: "key-range", key: "x", maxAgeUs: 100 * ms } as const;
  dialogue.ask(2, stale);
  dialogue.run(10 * ms);
  dialogue.inject({ kind: "partition", from: [2], to: [0, 1] });
  dialogue.run(400 * ms);
  dialogue.ask(2, stale);
  dialogue.ask(2, { ...stale, maxAgeUs: Infinity });
  dialogue.run(10 * ms);
  assert.equal(
    dialogue.about("client"),
    story(`
      client -> c: key-range
      client <- c: ok x=1
      client -> c: key-range
      client -> c: key-range
      client <- c: ok x=1
    `),
  );
});

test("the log says where it stands", () => {
  const dialogue = new Dialogue(3);
  dialogue.ask(2, { kind: "log-status" });
  dialogue.run(10 * ms);
  assert.match(dialogue.text(), /ok log-status/);
  const { requests, appliedSlots } = dialogue.simulation.counters();
  assert.deepEqual([requests, appliedSlots], [1, 0]);
});

test("a leader that has no replica any more lets another lead, who removes it", () => {
  const dialogue = new Dialogue(4);
  dialogue.ask(0, { kind: "log-place", nodes: [1, 2, 3] });
  dialogue.run(2_000 * ms);
  const text = dialogue.about("members", "release", "client", "prepare 2");
  assert.match(text, /release 1a to b\n(?:.*\n)*b -> a: prepare 2b/);
  assert.match(text, /b -> c: accept 2b \d: members b c d/);
  dialogue.put(0, "x", "1");
  dialogue.run(50 * ms);
  dialogue.get(0, "x");
  dialogue.run(50 * ms);
  assert.match(dialogue.about("client <-"), /^client <- a: ok key-put\nclient <- a: ok x=1$/);
});

test("a watch is answered by any replica as soon as there is something, or with nothing at its end", () => {
  const dialogue = new Dialogue(4);
  const watch = { kind: "key-watch", key: "x", fromRevision: 2, waitUs: 200 * ms, limit: 10 } as const;
  dialogue.ask(2, watch);
  dialogue.ask(3, watch);
  dialogue.run(50 * ms);
  assert.equal(dialogue.about("client <-"), "");
  dialogue.put(0, "x", "1");
  dialogue.run(50 * ms);
  assert.match(dialogue.about("client <-"), /client <- c: ok key-events/);
  dialogue.ask(2, { ...watch, fromRevision: 9 });
  dialogue.run(400 * ms);
  assert.match(dialogue.about("client <-"), /client <- c: ok key-events/);
});

test("a command whose voters fall silent is of unknown outcome when its time is over", () => {
  const dialogue = new Dialogue(3);
  dialogue.inject({ kind: "drop", from: [0], to: [1, 2], probability: 1, only: ["accept"] });
  dialogue.ask(0, { kind: "key-put", key: "x", value: "1", timeoutUs: 300 * ms });
  dialogue.ask(1, { kind: "key-put", key: "x", value: "2", timeoutUs: 300 * ms });
  dialogue.run(600 * ms);
  assert.deepEqual(dialogue.about("client <-").split("\n").sort(), [
    "client <- a: unknown timeout",
    "client <- b: unknown timeout",
  ]);
});

test("a quorum read whose replica moves away meanwhile is answered by another", () => {
  const dialogue = new Dialogue(4, { reads: "quorum" });
  dialogue.put(0, "x", "1");
  dialogue.run(50 * ms);
  dialogue.inject({ kind: "drop", from: [0, 1], to: [2], probability: 1, only: ["marked"] });
  dialogue.get(2, "x");
  dialogue.ask(0, { kind: "log-place", nodes: [0, 1, 3] });
  dialogue.run(1_500 * ms);
  dialogue.text();
  dialogue.inject({ kind: "heal" });
  dialogue.run(300 * ms);
  assert.match(dialogue.text(), /a -> c: marked(?:.*\n)*c -> \w: forward key-range\n(?:.*\n)*client <- c: ok x=1/);
});
