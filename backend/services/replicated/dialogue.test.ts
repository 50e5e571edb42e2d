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
  dialogue.ask(0, { kind: "key-put", key: "x", value: "1", timeoutUs: 300 * ms } as never);
  dialogue.run(1_000 * ms);
  assert.equal(dialogue.about("client <-"), "client <- a: refused unavailable");
});
