/** Cache nodes among each other, on a loom of messages: keys at their owners, batches in order, owners that do not answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../../api.ts";
import type { CacheOperation, CacheOutcome, CacheService } from "../../api-cache.ts";
import { Random } from "../../kernel/random.ts";
import { oneRegion } from "../../kernel/topology.ts";
import { mebibyte, second } from "../../kernel/units.ts";
import { CacheNode, cacheRing } from "./cache-node.ts";
import type { CacheEnv, CacheMessage, CacheTimer } from "./cache-node.ts";

const service: CacheService = { kind: "cache", memoryBytes: mebibyte };

/** Messages are delivered at once, unless their receiver is down. */
class Cluster {
  readonly nodes: CacheNode[] = [];
  readonly down = new Set<number>();
  readonly answers = new Map<number, Answer>();
  nowUs = 1_000 * second;
  messages = 0;
  private readonly timers: { readonly node: number; readonly timer: CacheTimer; readonly key: number }[] = [];
  private readonly posts: (() => void)[] = [];
  private lastRequest = 0;

  constructor(count: number) {
    const ring = cacheRing(oneRegion(count), service);
    for (let self = 0; self < count; self++) this.nodes.push(new CacheNode(this.env(self), service, ring));
  }

  ask(operations: readonly CacheOperation[], at = 0): readonly CacheOutcome[] {
    const request = ++this.lastRequest;
    this.nodes[at].onRequest(request, { kind: "cache", operations });
    for (let post = this.posts.shift(); post !== undefined; post = this.posts.shift()) post();
    if (!this.answers.has(request)) this.ring("late");
    const answer = this.answers.get(request);
    if (answer?.kind !== "ok" || answer.result.kind !== "cached") assert.fail(`answered ${JSON.stringify(answer)}`);
    return answer.result.outcomes;
  }

  private ring(name: CacheTimer): void {
    for (const { node, timer, key } of this.timers.splice(0)) if (timer === name) this.nodes[node].onTimer(timer, key);
  }

  private env(self: number): CacheEnv {
    const clock = (): number => this.nowUs;
    return {
      self,
      get now() {
        return clock();
      },
      get wall() {
        return { earliest: clock(), latest: clock() };
      },
      random: new Random(self + 1),
      store: undefined as never,
      send: () => assert.fail("a cache waits for no disk"),
      sendEarly: (to: number, message: CacheMessage) => {
        this.messages++;
        if (!this.down.has(to)) this.posts.push(() => this.nodes[to].onMessage(self, message));
      },
      reply: () => assert.fail("a cache waits for no disk"),
      replyEarly: (request: number, answer: Answer) => {
        assert.ok(!this.answers.has(request), "answered twice");
        this.answers.set(request, answer);
      },
      after: (_delayUs: number, timer: CacheTimer, key: number) => this.timers.push({ node: self, timer, key }),
      cancel: () => undefined,
    };
  }
}

const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
const value = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const set = (key: string, text: string): CacheOperation => ({
  kind: "store",
  mode: "set",
  key,
  value: value(text),
  flags: 0,
  ttlS: Infinity,
});
const get = (key: string): CacheOperation => ({ kind: "get", key });
const told = (outcome: CacheOutcome): string =>
  outcome.kind === "hit" ? String.fromCharCode(...outcome.value) : outcome.kind;

test("what is stored at one node is found at every other, and owners are asked once for all their keys", () => {
  const cluster = new Cluster(3);
  cluster.ask(keys.map((key) => set(key, key.toUpperCase())));
  assert.equal(cluster.messages, 4, "two owners were asked and answered");
  for (const at of [0, 1, 2]) {
    assert.deepEqual(
      cluster.ask(keys.map(get), at).map(told),
      keys.map((key) => key.toUpperCase()),
    );
  }
});

test("operations for one key keep their order, and outcomes their places", () => {
  const cluster = new Cluster(3);
  const outcomes = cluster.ask(keys.flatMap((key) => [get(key), set(key, "a"), get(key), set(key, "b"), get(key)]));
  assert.deepEqual(
    outcomes.map(told),
    keys.flatMap(() => ["missing", "stored", "a", "stored", "b"]),
  );
});

test("an owner that does not answer leaves its keys unknown and the others answered", () => {
  const cluster = new Cluster(3);
  cluster.ask(keys.map((key) => set(key, "a")));
  cluster.down.add(2);
  const kinds = cluster.ask(keys.map(get)).map(told);
  assert.deepEqual([...new Set(kinds)].toSorted(), ["a", "failed"]);
  cluster.down.delete(2);
  assert.ok(cluster.ask(keys.map(get)).every((outcome) => outcome.kind === "hit"));
  assert.ok(cluster.nodes.every((node) => node.atRest()));
});

test("an owner's answer that comes too late changes nothing", () => {
  const cluster = new Cluster(3);
  for (const node of [1, 2]) cluster.down.add(node);
  const failed = cluster.ask(keys.map(get)).filter(({ kind }) => kind === "failed").length;
  assert.equal(cluster.nodes[0].counters().late, 2, "two owners are late, whatever they were asked for");
  assert.ok(failed > 2);
  for (const node of [1, 2]) cluster.nodes[0].onMessage(node, { kind: "told", id: 1, outcomes: [] });
  assert.ok(cluster.nodes[0].atRest());
});

test("a flush is for all nodes", () => {
  const cluster = new Cluster(3);
  cluster.ask(keys.map((key) => set(key, "a")));
  assert.deepEqual(cluster.ask([{ kind: "flush", delayS: 0 }]).map(told), ["flushed"]);
  assert.ok(cluster.ask(keys.map(get)).every((outcome) => outcome.kind === "missing"));
});

test("expired items are taken back by the crawler's steps", () => {
  const cluster = new Cluster(1);
  const [node] = cluster.nodes;
  cluster.ask(keys.map((key) => ({ ...set(key, "a"), ttlS: 10 })));
  assert.equal(node.counters().curr_items, 40);
  cluster.nowUs += 11 * second;
  node.onTimer("crawl", 0);
  assert.equal(node.counters().curr_items, 0);
  node.check();
});
