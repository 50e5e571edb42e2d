/**
 * One node of a cache: it owns a share of the keys, by the ring, and hands on what is not its own.
 */
import type { Answer } from "../../api.ts";
import type { CacheRequest, CacheService } from "../../api-cache.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Topology } from "../../kernel/topology.ts";
import { Ring } from "../../protocols/ring/ring.ts";

export type CacheEnv = Env<never, "crawl", Answer>;

/** The ring that all nodes of one process share. */
export function cacheRing(topology: Topology, service: CacheService): Ring {
  return new Ring(
    topology.nodes.map(({ zone }, id) => ({ id, zone, weight: 1 })),
    service.virtualNodes,
  );
}

export class CacheNode implements Core<never, "crawl", CacheRequest> {
  private readonly env: CacheEnv;

  constructor(env: CacheEnv, _service: CacheService, _ring: Ring) {
    this.env = env;
  }

  start(): void {}

  onRequest(request: RequestId, { operations }: CacheRequest): void {
    const outcomes = operations.map(() => ({ kind: "missing" }) as const);
    this.env.replyEarly(request, { kind: "ok", result: { kind: "cached", outcomes } });
  }

  onMessage(): void {}

  onTimer(): void {}

  check(): void {}
}
