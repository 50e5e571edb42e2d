/** Copies at a server's queue, and every order in which a copy and the word to drop it can come. */
import assert from "node:assert/strict";
import test from "node:test";
import type { StationService } from "../../api.ts";
import { Random } from "../../kernel/random.ts";
import type { NodeId } from "../../kernel/units.ts";
import type { FanOutEnv, FanOutMessage } from "./fan-out-messages.ts";
import { LeafQueue } from "./leaf-queue.ts";

const service: StationService = {
  kind: "station",
  servers: 1,
  serviceUs: 1_000,
  service: "fixed",
  discipline: "fifo",
  queueLimit: 10,
  dropExpired: false,
  fanOut: { parts: 1, leaves: "queues" },
};

/** Server 5 of ten, whose clock is set; what it says is collected as text. */
function leafAt(more: Partial<StationService> = {}) {
  const said: string[] = [];
  const timers: number[] = [];
  const say = (to: NodeId, message: FanOutMessage): void => void said.push(`${message.kind} ${message.part} to ${to}`);
  const put: string[] = [];
  const env = {
    self: 5,
    now: 0,
    random: new Random(1),
    store: { get: (key: string) => put.find((each) => each === key), put: (key: string) => void put.push(key) },
    send: say,
    sendEarly: say,
    after: (us: number) => timers.push(us),
  };
  const leaf = new LeafQueue(env as unknown as FanOutEnv, { ...service, ...more }, 10);
  const ask = (part: number, twins: readonly NodeId[] = [], leftUs = 50_000, write = -1): void =>
    leaf.onAsk(0, { kind: "ask", part, copy: 1, serviceUs: undefined, write, leftUs, twins });
  return {
    leaf,
    env,
    timers,
    put,
    ask,
    drop: (part: number, leftUs = 50_000) => leaf.onDrop(0, part, leftUs),
    serve: (atUs: number) => {
      env.now = atUs;
      leaf.onServed(0);
    },
    said: () => said.splice(0),
  };
}

test("who begins a copy tells its twins, and itself not; who only queues it tells nobody", () => {
  const { ask, serve, said } = leafAt();
  ask(1, [5, 7]);
  assert.deepEqual(said(), ["drop 1 to 7"]);
  ask(2, [3, 5]);
  assert.deepEqual(said(), []);
  serve(1_000);
  assert.deepEqual(said(), ["answered 1 to 0", "drop 2 to 3"]);
});

test("a copy that waits is dropped, those behind it move up, and it takes no place", () => {
  const { ask, drop, serve, said, leaf } = leafAt({ queueLimit: 2 });
  ask(1);
  ask(2);
  ask(3);
  ask(4);
  assert.deepEqual(said(), ["declined 4 to 0"]);
  drop(2);
  ask(5);
  assert.deepEqual(said(), [], "there is room again");
  for (const at of [1_000, 2_000, 3_000]) serve(at);
  assert.deepEqual(said(), ["answered 1 to 0", "answered 3 to 0", "answered 5 to 0"]);
  assert.equal(leaf.counts.dropped, 1);
  assert.equal(leaf.outstanding, 0);
});

test("a drop that comes before its copy leaves a tombstone, which the copy takes with it", () => {
  const { ask, drop, leaf, said } = leafAt();
  drop(1);
  assert.equal(leaf.remembered, 1);
  ask(1);
  assert.deepEqual([said(), leaf.counts.begun, leaf.counts.droppedBefore, leaf.remembered], [[], 0, 1, 0]);
  ask(2);
  assert.equal(leaf.counts.begun, 1, "others are not touched");
});

test("a tombstone lasts until the request's deadline, and no longer", () => {
  const { ask, drop, env, leaf } = leafAt();
  drop(1, 10_000);
  drop(2, 10_000);
  env.now = 10_000;
  ask(1);
  assert.equal(leaf.counts.begun, 0);
  env.now = 10_001;
  ask(2);
  assert.equal(leaf.counts.begun, 1);
  drop(3, 10_000);
  assert.equal(leaf.remembered, 1, "the one that nothing came for is forgotten");
});

test("told too late, it runs to its end: both copies had begun within one network delay", () => {
  const { ask, drop, serve, said, leaf } = leafAt();
  ask(1, [7]);
  drop(1);
  assert.equal(leaf.counts.droppedLate, 1);
  said();
  serve(1_000);
  assert.deepEqual(said(), ["answered 1 to 0"]);
});

test("a drop that was lost costs a run in vain and nothing else", () => {
  const { ask, serve, said, leaf } = leafAt();
  ask(1);
  ask(2);
  serve(1_000);
  serve(2_000);
  assert.deepEqual(said(), ["answered 1 to 0", "answered 2 to 0"]);
  assert.equal(leaf.remembered, 0);
});

test("with dropExpired what its client gave up on is not begun", () => {
  const { ask, serve, leaf } = leafAt({ dropExpired: true });
  ask(1);
  ask(2, [], 500);
  serve(1_000);
  assert.deepEqual([leaf.counts.begun, leaf.counts.expired, leaf.outstanding], [1, 1, 0]);
});

test("a write leaves a trace before it is answered, one however often its request comes", () => {
  const { ask, serve, put, said, leaf } = leafAt();
  ask(1, [], 50_000, 3);
  ask(1, [], 50_000, 3);
  serve(1_000);
  serve(2_000);
  assert.deepEqual([put, said()], [["w/10"], ["answered 1 to 0", "answered 1 to 0"]]);
  assert.deepEqual(leaf.effects, [0, 0, 0, 1]);
});

test("a late timer does not make a server slower: the next copy began when the last one ended", () => {
  const { ask, serve, timers } = leafAt();
  ask(1);
  ask(2);
  serve(1_400);
  assert.deepEqual(timers, [1_000, 600]);
});
