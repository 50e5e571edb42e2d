/** What nodes say to one another, as a transcript: a, b and c hold the record, d and e do not. */
import assert from "node:assert/strict";
import test from "node:test";
import { millisecond, second } from "../../kernel/units.ts";
import { Dialogue, tableSpec } from "./dialogue.fixture.ts";

const sloppy = { n: 3, r: 2, w: 2, sloppy: true };

function assertText(dialogue: Dialogue, expected: string): void {
  const wanted = expected
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  assert.deepEqual(dialogue.text().split("\n"), wanted);
}

test("a strict write and a strict read", () => {
  const talk = new Dialogue(5);
  talk.put(talk.node(0), ["1"]);
  talk.run(50 * millisecond);
  talk.get(talk.node(4));
  talk.run(50 * millisecond);
  assertText(
    talk,
    `
    client -> a: put
    a -> b: store {A1: A1=1}
    a -> c: store {A1: A1=1}
    b -> a: stored
    client <- a: ok written
    c -> a: stored
    a -> b: confirm
    a -> c: confirm
    client -> e: get
    e -> a: fetch
    e -> b: fetch
    a -> e: fetched {A1: A1=1}
    b -> e: fetched {A1: A1=1}
    client <- e: ok [1]`,
  );
});

test("a coordinator that dies before its flush gets back what its replicas keep", () => {
  const talk = new Dialogue(5);
  const a = talk.node(0);
  talk.inject({ kind: "disk", nodes: [a], delay: { kind: "constant", us: second } });
  talk.put(a, ["1"]);
  talk.run(50 * millisecond);
  talk.inject({ kind: "crash", nodes: [a] });
  talk.inject({ kind: "disk", nodes: [a], delay: { kind: "none" } });
  talk.inject({ kind: "restart", nodes: [a] });
  talk.run(second);
  assertText(
    talk,
    `
    -- slow disk on a
    client -> a: put
    a -> b: store {A1: A1=1}
    a -> c: store {A1: A1=1}
    b -> a: stored
    c -> a: stored
    -- crash a
    -- slow disk on a
    -- restart a
    client <- a: unknown lost
    b -> a: hand {A1: A1=1}
    c -> a: hand {A1: A1=1}
    a -> b: handed
    b -> c: hand {A1: A1=1}
    c -> b: hand {A1: A1=1}
    a -> c: handed
    c -> b: handed
    b -> c: handed`,
  );
});

test("a sloppy write with a stand-in, and the hint handed over after the restart", () => {
  const talk = new Dialogue(5, tableSpec({ replication: sloppy }));
  talk.inject({ kind: "crash", nodes: [talk.node(1)] });
  talk.put(talk.node(0), ["1"]);
  talk.run(500 * millisecond);
  talk.note("b owes an answer for longer than a node is trusted");
  talk.put(talk.node(0), ["2"]);
  talk.run(100 * millisecond);
  talk.inject({ kind: "restart", nodes: [talk.node(1)] });
  talk.run(2 * second);
  assertText(
    talk,
    `
    -- crash b
    client -> a: put
    a -> c: store {A1: A1=1}
    c -> a: stored
    client <- a: ok written
    a -> c: confirm
    -- b owes an answer for longer than a node is trusted
    client -> a: put
    a -> c: store {A2: A2=1 2}
    a -> c: confirm
    a -> d: store for b {A2: A2=1 2}
    c -> a: stored
    client <- a: ok written
    d -> a: stored
    -- restart b
    d -> b: hand {A2: A2=1 2}
    b -> d: handed`,
  );
});

test("a read repairs the replica that was behind", () => {
  const talk = new Dialogue(5);
  talk.inject({ kind: "partition", from: [talk.node(1)], to: [talk.node(0)] });
  talk.put(talk.node(0), ["1"]);
  talk.run(50 * millisecond);
  talk.inject({ kind: "heal" });
  talk.get(talk.node(4));
  talk.run(50 * millisecond);
  assertText(
    talk,
    `
    -- partition b | a
    client -> a: put
    a -> c: store {A1: A1=1}
    c -> a: stored
    client <- a: ok written
    a -> c: confirm
    -- heal
    client -> e: get
    e -> a: fetch
    e -> b: fetch
    a -> e: fetched {A1: A1=1}
    b -> e: fetched {: }
    client <- e: ok [1]
    e -> b: repair {A1: A1=1}`,
  );
});

test("a write that enters at no replica is forwarded once", () => {
  const talk = new Dialogue(5);
  talk.put(talk.node(3), ["1"]);
  talk.run(50 * millisecond);
  assertText(
    talk,
    `
    client -> d: put
    d -> a: forward put
    a -> b: store {A1: A1=1}
    a -> c: store {A1: A1=1}
    b -> a: stored
    c -> a: stored
    a -> d: forward-answer ok written
    client <- d: ok written
    a -> b: confirm
    a -> c: confirm`,
  );
});

test("a forward that arrives twice is carried out once", () => {
  const talk = new Dialogue(5);
  talk.inject({ kind: "duplicate", from: [talk.node(3)], to: [talk.node(0)], probability: 1 });
  talk.put(talk.node(3), ["1"]);
  talk.run(250 * millisecond);
  assertText(
    talk,
    `
    -- duplicate 100 % d -> a
    client -> d: put
    d -> a: forward put
    a -> b: store {A1: A1=1}
    a -> c: store {A1: A1=1}
    b -> a: stored
    c -> a: stored
    a -> d: forward-answer ok written
    client <- d: ok written
    a -> b: confirm
    a -> c: confirm
    d -> a: forward put`,
  );
});

test("two contenders for one condition: their leader takes them one after the other", () => {
  const talk = new Dialogue(5);
  const condition = { kind: "not-exists", path: ["id"] } as const;
  talk.put(talk.node(3), ["d"], { condition });
  talk.put(talk.node(4), ["e"], { condition });
  talk.run(50 * millisecond);
  assertText(
    talk,
    `
    client -> d: put
    client -> e: put
    d -> a: forward put
    e -> a: forward put
    a -> b: fetch
    b -> a: fetched {: }
    a -> b: store {A1: A1=d}
    a -> c: store {A1: A1=d}
    b -> a: stored
    a -> b: fetch
    c -> a: stored
    b -> a: fetched {A1: A1=d}
    a -> d: forward-answer ok written
    client <- d: ok written
    a -> e: forward-answer refused condition-failed
    client <- e: refused condition-failed
    a -> b: confirm
    a -> c: confirm`,
  );
});

test("a strict quorum without two replicas is refused, and nothing happened", () => {
  const talk = new Dialogue(5);
  talk.inject({ kind: "crash", nodes: [talk.node(1), talk.node(2)] });
  talk.put(talk.node(0), ["1"]);
  talk.run(2 * second);
  talk.put(talk.node(0), ["2"]);
  talk.get(talk.node(0));
  talk.run(50 * millisecond);
  assertText(
    talk,
    `
    -- crash b c
    client -> a: put
    client <- a: unknown quorum-lost
    client -> a: put
    client -> a: get
    client <- a: refused unavailable
    client <- a: refused unavailable`,
  );
});
