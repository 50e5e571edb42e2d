import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import { Alarms } from "./alarms.ts";
import { NodeLoop } from "./node-loop.ts";
import type { NodeSetting } from "./node-setting.ts";

type Say = string;

/** Does what it is told, so that a test can speak turns: "put x", "later x", "send 1", "early 2", "reply", "throw". */
class Puppet implements Core<unknown, string, unknown> {
  private readonly env: Env<unknown, string, unknown>;

  constructor(env: Env<unknown, string, unknown>) {
    this.env = env;
  }

  start(): void {}

  onRequest(request: RequestId, body: unknown): void {
    const { env } = this;
    for (const word of (body as Say).split(", ")) {
      const [verb, what] = word.split(" ");
      if (verb === "put") env.store.put(what, env.now);
      if (verb === "later") env.store.putLater(what, env.now);
      if (verb === "drop") env.store.deleteLater(what);
      if (verb === "answer") env.replyEarly(request, what);
      if (verb === "send") env.send(1, what);
      if (verb === "early") env.sendEarly(1, what);
      if (verb === "reply") env.reply(request, what);
      if (verb === "see") env.reply(request, env.store.get(what));
      if (verb === "after") env.after(Number(what), "timer", 5);
      if (verb === "draw") env.reply(request, env.random.uint32());
      if (verb === "throw") throw new Error("an invariant is broken");
    }
  }

  onMessage(from: number, message: unknown): void {
    this.env.send(from, `heard ${String(message)}`);
  }

  onTimer(timer: string, key: number): void {
    this.env.send(1, `${timer} ${key} at ${this.env.now}`);
  }

  check(): void {}
}

interface Stage {
  loop: NodeLoop;
  /** What left the node, in order. */
  out: string[];
  readonly at: (time: number) => void;
  readonly say: (words: Say) => void;
  readonly setting: NodeSetting;
}

async function stage(t: TestContext, more: Partial<NodeSetting> = {}): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-loop-"));
  const alarms = new Alarms();
  const out: string[] = [];
  let now = 0;
  let requests = 0;
  const setting: NodeSetting = {
    self: 0,
    seed: 1,
    factory: (env) => new Puppet(env),
    clock: { now: () => now },
    alarms,
    directory,
    durability: "log",
    acknowledgeEarly: false,
    segmentBytes: 65_536,
    clockErrorUs: 7,
    beganAtUs: 0,
    lostReply: "lost",
    downReply: () => "down",
    nextRequest: () => ++requests,
    send: (_from, to, message) => out.push(`to ${to}: ${String(message)}`),
    schedule: () => undefined,
    fail: (node, error) => out.push(`node ${node} failed: ${(error as Error).message}`),
    ...more,
  };
  const made: Stage = {
    loop: await NodeLoop.open(setting),
    out,
    setting,
    at(time) {
      now = time;
      alarms.run(time);
    },
    say(words) {
      made.loop.request(words, (reply) => out.push(`reply: ${String(reply)}`));
      made.loop.drain();
      made.loop.seal();
    },
  };
  made.loop.start();
  t.after(async () => {
    await made.loop.abandon();
    rmSync(directory, { recursive: true });
  });
  return made;
}

/** Turns the event loop until `holds`; the test runner's own time limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

test("sends and replies of a turn leave when its writes are durable, in order; early sends at once", async (t) => {
  const { loop, out, say, at } = await stage(t);
  loop.diskDelay = { kind: "constant", us: 500 };
  say("put x, send promise, early ask, reply yes");
  assert.deepEqual(out, ["to 1: ask"]);
  at(499);
  assert.deepEqual(out, ["to 1: ask"]);
  at(500);
  assert.deepEqual(out, ["to 1: ask"], "the write has begun and is not durable");
  await until(() => loop.idle);
  assert.deepEqual(out, ["to 1: ask", "to 1: promise", "reply: yes"]);
});

test("a turn that wrote nothing waits for earlier turns' writes and for nothing else", async (t) => {
  const { loop, out, say, at } = await stage(t);
  loop.diskDelay = { kind: "constant", us: 500 };
  say("send free, reply now");
  assert.deepEqual(out.splice(0), ["to 1: free", "reply: now"]);
  say("put x");
  say("see x");
  say("put y, send second");
  say("reply last");
  assert.deepEqual(out, [], "the second turn saw a write that may still be lost");
  at(500);
  await until(() => out.length > 0);
  assert.deepEqual(out, ["reply: 0"], "the second group is not durable yet");
  loop.seal();
  at(1_000);
  await until(() => loop.idle);
  assert.deepEqual(out, ["reply: 0", "to 1: second", "reply: last"]);
  assert.equal(loop.groups, 2);
});

test("turns while a group is being written share the next one", async (t) => {
  const { loop, out, say, at } = await stage(t);
  loop.diskDelay = { kind: "constant", us: 500 };
  for (let i = 0; i < 50; i++) say(`put k${i}, reply ok`);
  for (let time = 500; !loop.idle; time += 500) {
    at(time);
    await new Promise((resolve) => setImmediate(resolve));
    loop.seal();
  }
  assert.equal(loop.groups, 2);
  assert.equal(out.length, 50);
});

test("without a log, and with the planted bug, nothing waits", async (t) => {
  for (const more of [{ durability: "none" }, { acknowledgeEarly: true }] as const) {
    const { loop, out, say } = await stage(t, more);
    loop.diskDelay = { kind: "constant", us: 500 };
    say("put x, reply done");
    assert.deepEqual(out, ["reply: done"]);
    assert.equal(loop.idle, false, "the group is not written yet");
  }
});

test("a crash loses what was not durable, tells the clients, and keeps the rest", async (t) => {
  const made = await stage(t);
  const { out, say, setting } = made;
  say("put kept, reply ok");
  await until(() => made.loop.idle);
  made.loop.diskDelay = { kind: "constant", us: 500 };
  say("put gone, reply ok");
  say("put open");
  assert.deepEqual(out.splice(0), ["reply: ok"]);
  await made.loop.abandon();
  assert.deepEqual(out.splice(0).sort(), ["reply: lost", "reply: lost"]);
  made.loop = await NodeLoop.open(setting);
  made.loop.start();
  say("see kept");
  say("see gone");
  assert.deepEqual(out, ["reply: 0", "reply: undefined"]);
});

test("a blocked node runs no turn and lets nothing out", async (t) => {
  const { loop, out, say, at } = await stage(t);
  say("after 10, put x, send durable");
  loop.block(2_000);
  await new Promise((resolve) => setImmediate(resolve));
  loop.receive(1, "hello");
  at(1_999);
  assert.equal(loop.runnable(1_999), false);
  assert.deepEqual(out, []);
  at(2_000);
  assert.equal(loop.runnable(2_000), true);
  loop.drain();
  while (!loop.idle) {
    await new Promise((resolve) => setImmediate(resolve));
    at(2_001);
  }
  assert.deepEqual(out, ["to 1: durable", "to 1: timer 5 at 2000", "to 1: heard hello"]);
});

test("an assertion stops the node and its clients hear of it", async (t) => {
  const { loop, out, say } = await stage(t);
  say("put x, throw");
  assert.deepEqual(out, ["node 0 failed: an invariant is broken", "reply: lost"]);
  say("reply late");
  assert.deepEqual(out.at(-1), "reply: lost");
  assert.equal(loop.runnable(1e9), false);
});

test("answering twice is a bug", async (t) => {
  const { out, say } = await stage(t);
  say("reply one, reply two");
  assert.match(out[0], /node 0 answers request 1, which is not open/);
});

test("a later life draws other numbers than the first: names that must never recur are made of them", async (t) => {
  const made = await stage(t);
  made.say("put x, draw");
  await until(() => made.loop.idle);
  await made.loop.abandon();
  made.loop = await NodeLoop.open(made.setting);
  made.loop.start();
  made.say("draw");
  await until(() => made.out.length > 1);
  const draws = made.out.filter((line) => line.startsWith("reply: "));
  assert.equal(new Set(draws).size, 2, draws.join(", "));
});

/** Group after group, until everything that is to be durable is. */
async function written(loop: NodeLoop, meanwhile: () => void = () => undefined): Promise<void> {
  while (!loop.idle) {
    await new Promise((resolve) => setImmediate(resolve));
    loop.seal();
    meanwhile();
  }
}

/** What is left of `keys` after the node's process died. */
async function afterCrash(made: Stage, keys: readonly string[]): Promise<string> {
  await made.loop.abandon();
  made.loop = await NodeLoop.open(made.setting);
  made.loop.start();
  made.out.length = 0;
  for (const key of keys) made.say(`see ${key}`);
  await until(() => made.out.length === keys.length);
  return keys.filter((_, i) => made.out[i] !== "reply: undefined").join(" ");
}

test("a later write is seen at once, holds nothing back and, alone, does not outlive a crash", async (t) => {
  const made = await stage(t);
  made.say("later x, see x");
  assert.deepEqual(made.out, ["reply: 0"]);
  assert.equal(made.loop.groups, 0, "nothing is made durable for its sake");
  assert.equal(await afterCrash(made, ["x"]), "");
});

test("a later write is durable with the next put, and none is without the turns before it", async (t) => {
  const made = await stage(t);
  made.say("later a");
  made.say("later b, put c, later d");
  made.say("later e");
  await written(made.loop);
  assert.equal(await afterCrash(made, ["a", "b", "c", "d", "e"]), "a b c d");
});

test("a later deletion is undone by a crash unless a put came after it", async (t) => {
  const made = await stage(t);
  made.say("put a, put b");
  made.say("drop a");
  made.say("put c");
  await written(made.loop);
  made.say("drop b, see b");
  assert.equal(made.out.at(-1), "reply: undefined");
  assert.equal(await afterCrash(made, ["a", "b", "c"]), "b c");
});

test("many later writes get a flush of their own", async (t) => {
  const made = await stage(t);
  for (let i = 0; i < 100; i++) made.say(Array.from({ length: 100 }, (_, j) => `later ${i}.${j}`).join(", "));
  await written(made.loop);
  assert.equal(await afterCrash(made, ["0.0", "0.99", "80.0"]), "0.0 0.99 80.0");
});

test("an early answer leaves at the end of its turn, with earlier turns' writes not durable, before what is held", async (t) => {
  const { loop, out, say, at } = await stage(t);
  loop.diskDelay = { kind: "constant", us: 500 };
  say("put x, reply held");
  say("put y, answer early, send promise");
  assert.deepEqual(out, ["reply: early"]);
  let time = 0;
  await written(loop, () => at((time += 500)));
  assert.deepEqual(out, ["reply: early", "reply: held", "to 1: promise"]);
});
