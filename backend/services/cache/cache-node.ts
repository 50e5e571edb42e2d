/**
 * One node of a cache. It owns the keys that the ring gives it and hands the rest of a request on, one message for each owner:
 *
 *     request ── own keys ──> executor ─────────────────────────────┐
 *        └────── others' ──> ask ──> owner's executor ──> told ─────┴──> answer, outcomes in the order of the operations
 *
 * A cache promises nothing about disks, so nothing waits for one. An owner that does not answer in time leaves its operations unknown; the caller may ask
 * again, or do without the cache.
 */
import type { Answer } from "../../api.ts";
import type { CacheOperation, CacheOutcome, CacheRequest, CacheService } from "../../api-cache.ts";
import type { Core, Env, RequestId, TimerId } from "../../kernel/env.ts";
import { hash32 } from "../../kernel/hash.ts";
import type { Topology } from "../../kernel/topology.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { NodeId } from "../../kernel/units.ts";
import { CacheStore } from "../../protocols/cache/cache-store.ts";
import { Ring } from "../../protocols/ring/ring.ts";
import { CacheExecutor } from "./cache-executor.ts";
import { WarmSet, warmEveryUs } from "./warm-set.ts";

export type CacheMessage =
  | { readonly kind: "ask"; readonly id: number; readonly operations: readonly CacheOperation[] }
  | { readonly kind: "told"; readonly id: number; readonly outcomes: readonly CacheOutcome[] };

export type CacheTimer = "crawl" | "late" | "warm";

export type CacheEnv = Env<CacheMessage, CacheTimer, Answer>;

const crawlEveryUs = 100 * millisecond;
/** Buckets in one step, which is one turn: few enough that nobody waits for it. */
const crawlBuckets = 2_048;

/** The ring that all nodes of one process share. */
export function cacheRing({ nodes }: Topology, service: CacheService): Ring {
  return new Ring(
    nodes.map(({ zone }, id) => ({ id, zone, weight: 1 })),
    service.virtualNodes,
  );
}

/** A request that waits for others. */
interface Scattered {
  readonly request: RequestId;
  readonly outcomes: CacheOutcome[];
  readonly timer: TimerId;
  /** Owners that have not answered, and where their outcomes belong. */
  readonly places: Map<NodeId, readonly number[]>;
}

export class CacheNode implements Core<CacheMessage, CacheTimer, CacheRequest> {
  private readonly env: CacheEnv;
  private readonly service: CacheService;
  private readonly ring: Ring;
  private readonly alone: boolean;
  private readonly store: CacheStore;
  private readonly executor: CacheExecutor;
  private readonly warm: WarmSet | undefined;
  private readonly scattered = new Map<number, Scattered>();
  private lastId = 0;
  private crawledTo = 0;
  private forwarded = 0;
  private late = 0;

  constructor(env: CacheEnv, service: CacheService, ring: Ring) {
    this.env = env;
    this.service = service;
    this.ring = ring;
    this.alone = ring.members.length === 1;
    const { memoryBytes: limitBytes, maxItemBytes, policy } = service;
    this.store = new CacheStore({ limitBytes, maxItemBytes, policy, random: env.random });
    this.executor = new CacheExecutor(this.store);
    const { warmBytes = 0 } = service;
    this.warm = warmBytes > 0 ? new WarmSet(this.store, env.store, warmBytes) : undefined;
  }

  start(): void {
    this.env.after(crawlEveryUs, "crawl", 0);
    if (this.warm === undefined) return;
    this.warm.load(this.nowS);
    this.env.after(warmEveryUs, "warm", 0);
  }

  onRequest(request: RequestId, { operations, timeoutUs }: CacheRequest): void {
    if (this.alone) this.answer(request, this.executor.run(operations, this.nowS));
    else this.scatter(request, operations, timeoutUs ?? Infinity);
  }

  onMessage(from: NodeId, message: CacheMessage): void {
    if (message.kind === "ask") {
      const outcomes = this.executor.run(message.operations, this.nowS);
      this.env.sendEarly(from, { kind: "told", id: message.id, outcomes });
      return;
    }
    this.gather(from, message.id, message.outcomes);
  }

  onTimer(timer: CacheTimer, id: number): void {
    if (timer === "late") this.giveUp(id);
    else if (timer === "warm") {
      this.warm!.step(this.nowS);
      this.env.after(warmEveryUs, "warm", 0);
    } else {
      this.crawledTo = this.store.crawl(this.crawledTo, crawlBuckets, this.nowS);
      this.env.after(crawlEveryUs, "crawl", 0);
    }
  }

  check(): void {
    this.store.check();
  }

  atRest(): boolean {
    return this.scattered.size === 0;
  }

  counters(): Record<string, number> {
    const { forwarded, late } = this;
    return { ...this.executor.figures.stats(this.store), forwarded, late };
  }

  /** Unix seconds on the threads. */
  private get nowS(): number {
    const { earliest, latest } = this.env.wall;
    return Math.floor((earliest + latest) / (2 * second));
  }

  private answer(request: RequestId, outcomes: readonly CacheOutcome[]): void {
    this.env.replyEarly(request, { kind: "ok", result: { kind: "cached", outcomes } });
  }

  /* ---- keys of others ------------------------------------------------------------------------------------------------------ */

  private scatter(request: RequestId, operations: readonly CacheOperation[], timeoutUs: number): void {
    const places = this.placesByOwner(operations);
    const outcomes = operations.map((): CacheOutcome => ({ kind: "missing" }));
    const own = places.get(this.env.self);
    places.delete(this.env.self);
    if (own !== undefined) fill(outcomes, own, this.executor.run(pick(operations, own), this.nowS));
    if (places.size === 0) {
      this.answer(request, outcomes);
      return;
    }
    const patienceUs = Math.min(timeoutUs, this.service.forwardTimeoutUs ?? second);
    const id = ++this.lastId;
    const timer = this.env.after(patienceUs, "late", id);
    this.scattered.set(id, { request, outcomes, timer, places });
    for (const [owner, where] of places) {
      this.forwarded += where.length;
      this.env.sendEarly(owner, { kind: "ask", id, operations: pick(operations, where) });
    }
  }

  /** A flush is for all nodes: its outcome is that of the last to answer. */
  private placesByOwner(operations: readonly CacheOperation[]): Map<NodeId, number[]> {
    const places = new Map<NodeId, number[]>();
    const put = (owner: NodeId, place: number): void => {
      const known = places.get(owner);
      if (known === undefined) places.set(owner, [place]);
      else known.push(place);
    };
    for (const [place, operation] of operations.entries()) {
      if (operation.kind === "stats") put(this.env.self, place);
      else if (operation.kind === "flush") for (const { id } of this.ring.members) put(id, place);
      else put(this.ring.ownerOf(hash32(operation.key)), place);
    }
    return places;
  }

  private gather(from: NodeId, id: number, told: readonly CacheOutcome[]): void {
    const scattered = this.scattered.get(id);
    const where = scattered?.places.get(from);
    if (scattered === undefined || where === undefined) return;
    const { request, outcomes, timer, places } = scattered;
    fill(outcomes, where, told);
    places.delete(from);
    if (places.size > 0) return;
    this.scattered.delete(id);
    this.env.cancel(timer);
    this.answer(request, outcomes);
  }

  private giveUp(id: number): void {
    const scattered = this.scattered.get(id);
    if (scattered === undefined) return;
    this.scattered.delete(id);
    const { request, outcomes, places } = scattered;
    this.late += places.size;
    for (const where of places.values()) for (const place of where) outcomes[place] = unanswered;
    this.answer(request, outcomes);
  }
}

const unanswered: CacheOutcome = {
  kind: "failed",
  happened: "unknown",
  message: "the key's node did not answer in time",
};

function pick(operations: readonly CacheOperation[], places: readonly number[]): CacheOperation[] {
  return places.map((place) => operations[place]);
}

function fill(all: CacheOutcome[], places: readonly number[], outcomes: readonly CacheOutcome[]): void {
  for (const [i, place] of places.entries()) all[place] = outcomes[i];
}
