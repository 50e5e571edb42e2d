/** The relay: what it says to whom and when, storms of loss and crashes, and planted bugs that those must catch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OrderedMap } from "../../kernel/ordered-map.ts";
import { Random } from "../../kernel/random.ts";
import type { Store, Value } from "../../kernel/store.ts";
import { millisecond } from "../../kernel/units.ts";
import { LogSink } from "./log-sink.ts";
import { LastIdCursor, RemovedBeforeAcknowledged } from "./mutants.ts";
import type { OutboxEvent, RelayPorts } from "./outbox.ts";
import { Relay } from "./relay.ts";
import type { RelayOptions } from "./relay.ts";
import { RelayWorld, verdict } from "./relay.fixture.ts";
import type { MakeRelay } from "./relay.fixture.ts";

/** "1a" is the event 1 of subject a. */
function event(name: string): OutboxEvent {
  return { id: name, subject: name.slice(-1), body: null };
}

/** A relay over rows that the test moves by hand, and what it said since the last look. */
function dialogue(rows: string[], options?: RelayOptions): { relay: Relay<OutboxEvent>; said: () => string } {
  let lines: string[] = [];
  const ports: RelayPorts<OutboxEvent> = {
    read: (limit) => rows.slice(0, limit).map(event),
    publish: ({ id }) => void lines.push(`publish ${id}`),
    remove: (ids) => void lines.push(`remove ${ids.join(" ")}`),
  };
  const relay = new Relay(ports, new Random(1), options);
  const said = (): string => {
    const text = lines.join(", ");
    lines = [];
    return text;
  };
  return { relay, said };
}

test("one event a subject is under way, others go on, and a row goes after its acknowledgement", () => {
  const rows = ["1a", "2b", "3a", "4c", "5a"];
  const { relay, said } = dialogue(rows);
  relay.tick(0);
  assert.equal(said(), "publish 1a, publish 2b, publish 4c");
  relay.onAcknowledged("4c", 1);
  relay.onAcknowledged("1a", 2);
  relay.tick(3);
  assert.equal(said(), "publish 3a, remove 1a 4c");
  relay.tick(4);
  assert.equal(said(), "", "once is enough while the answers are not late");
  rows.splice(0, rows.length, "2b", "3a", "5a");
  relay.onRemoved(["4c", "1a"]);
  relay.onAcknowledged("3a", 5);
  relay.tick(6);
  assert.equal(said(), "publish 5a, remove 3a");
  assert.deepEqual(relay.counters(), { published: 5, repeated: 0, inFlight: 3 });
});

test("silence and refusal are answered by another try, later each time", () => {
  const { relay, said } = dialogue(["1a"], { patienceUs: 10 * millisecond });
  const tries: number[] = [];
  for (let now = 0; now < 2_000 * millisecond; now += millisecond) {
    relay.tick(now);
    if (said() !== "") tries.push(now);
  }
  const gaps = tries.slice(1).map((at, i) => at - tries[i]);
  assert.ok(gaps.length >= 5 && gaps.length <= 9, gaps.join(" "));
  assert.ok(gaps[0] <= 21 * millisecond && gaps.at(-1)! >= 300 * millisecond, gaps.join(" "));
  const refused = dialogue(["1a"], { patienceUs: 10 * millisecond });
  refused.relay.tick(0);
  refused.relay.onRefused("1a", 1);
  refused.relay.tick(2);
  assert.equal(refused.said(), "publish 1a", "not at once");
  refused.relay.tick(30 * millisecond);
  assert.equal(refused.said(), "publish 1a");
});

test("a removal that failed is asked for again", () => {
  const { relay, said } = dialogue(["1a"], { patienceUs: 10 * millisecond });
  relay.tick(0);
  relay.onAcknowledged("1a", 1);
  relay.tick(2);
  assert.equal(said(), "publish 1a, remove 1a");
  relay.onNotRemoved(["1a"], 3);
  relay.tick(4);
  assert.equal(said(), "");
  relay.tick(20 * millisecond);
  assert.equal(said(), "remove 1a");
  relay.tick(200 * millisecond);
  assert.equal(said(), "remove 1a", "silence is a failure too");
});

test("a relay that stopped has forgotten, and publishes what there is again", () => {
  const { relay, said } = dialogue(["1a", "2a"]);
  relay.tick(0);
  relay.stop();
  said();
  relay.onAcknowledged("1a", 1);
  relay.tick(2);
  assert.equal(said(), "publish 1a");
});

test("many rows of a stuck subject do not hold up the others", () => {
  const rows = [...Array(10_000).keys()].map((i) => `${i}a`).concat("x1b");
  const { relay, said } = dialogue(rows, { window: 16 });
  let ticks = 0;
  for (let seen = ""; !seen.includes("x1b"); seen = said(), ticks++) relay.tick(ticks);
  assert.ok(ticks < 15, `${ticks} ticks`);
});

test("a window bounds what is under way", () => {
  const rows = [...Array(40).keys()].map((i) => `${i}${String.fromCharCode(97 + (i % 26))}`);
  const { relay, said } = dialogue(rows, { window: 8 });
  relay.tick(0);
  assert.equal(said().split(", ").length, 8);
  relay.onAcknowledged("0a", 1);
  relay.tick(1);
  assert.equal(said(), "publish 8i, remove 0a");
});

/* ---- storms ------------------------------------------------------------------------------------------------------------- */

const real: MakeRelay = (ports, random) => new Relay(ports, random, { window: 32 });

function firstFailure(make: MakeRelay, seeds: number): string | null {
  for (let seed = 1; seed <= seeds; seed++) {
    const world = new RelayWorld(seed, make);
    world.run();
    const wrong = verdict(world);
    if (wrong !== null) return `seed ${seed}: ${wrong}`;
  }
  return null;
}

test("through loss, disorder and crashes: none lost, none invented, first deliveries in order", () => {
  assert.equal(firstFailure(real, 20), null);
  const world = new RelayWorld(1, real);
  world.run();
  assert.ok(world.crashes > 2 && world.committed.length > 500);
  assert.ok(world.delivered.length > world.committed.length, "some twice");
});

test("planted bugs are caught", () => {
  const cursor: MakeRelay = (ports, random, durable) => {
    const place = { load: () => durable.get("last") ?? "", save: (id: string) => void durable.set("last", id) };
    return new LastIdCursor(ports, random, place, { window: 32 });
  };
  assert.match(firstFailure(cursor, 20) ?? "", /was lost/);
  assert.match(
    firstFailure((ports, random) => new RemovedBeforeAcknowledged(ports, random), 20) ?? "",
    /was lost|came after a later one/,
  );
  class Impatient extends Relay<OutboxEvent> {
    protected override blocked(): boolean {
      return false;
    }
  }
  assert.match(firstFailure((ports, random) => new Impatient(ports, random), 20) ?? "", /came after a later one/);
});

test("the log sink keeps all deliveries in order and tells the ones that came twice", () => {
  const map = new OrderedMap<Value>();
  const store: Store = {
    get: (key) => map.get(key),
    put: (key, value) => map.set(key, value),
    delete: (key) => void map.delete(key),
    putLater: () => assert.fail("an acknowledgement that rests on nothing"),
    deleteLater: () => assert.fail("an acknowledgement that rests on nothing"),
    scan: (from, to, visit) => map.scan(from, to, visit),
  };
  const sink = new LogSink(store);
  for (const name of ["1a", "2b", "1a", "3a"]) sink.onPublish(event(name));
  assert.deepEqual(
    sink.read(0, 10).map(({ id, duplicate }) => `${id}${duplicate ? " again" : ""}`),
    ["1a", "2b", "1a again", "3a"],
  );
  assert.deepEqual(
    new LogSink(store).read(3, 10).map(({ id }) => id),
    ["3a"],
  );
});
