/**
 * One node's share of its zone's copy: carries out what coordinators ask, each write at most once and none too late, and takes other zones' items where
 * no write of its own may be newer.
 */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { StoreKey } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import type { Copy, ZonesEnv } from "./messages.ts";
import { RecentWrites } from "./recent-writes.ts";
import { copied, shown } from "./stamps.ts";
import { WritesSeen } from "./writes-seen.ts";
import type { Page, ZoneCache } from "./zone-cache.ts";

export class Replica {
  lateWrites = 0;
  copiesTaken = 0;
  copiesRefused = 0;
  private readonly env: ZonesEnv;
  private readonly cache: ZoneCache;
  private readonly recent: RecentWrites;
  private readonly seen: WritesSeen;

  /** Built at the node's start. */
  constructor(env: ZonesEnv, cache: ZoneCache, lateUs: Micros) {
    this.env = env;
    this.cache = cache;
    this.recent = new RecentWrites(lateUs, env.now);
    this.seen = new WritesSeen(lateUs, env.wall);
  }

  read(operation: CacheOperation): CacheOutcome {
    const outcome = this.cache.execute(operation);
    return outcome.kind === "hit" && outcome.cas % 2 === 1 ? { ...outcome, cas: shown(outcome.cas) } : outcome;
  }

  /** `name`: of the write, and the CAS value it gives. Undefined: it came twice or too late, and nothing was done. */
  write(name: number, operation: CacheOperation, sentAt: Micros): CacheOutcome | undefined {
    const { wall, now } = this.env;
    if (!this.seen.isNews(name, sentAt, wall)) {
      this.lateWrites++;
      return undefined;
    }
    if (operation.kind === "flush") this.recent.onFlush(now);
    else if ("key" in operation) this.recent.onWrite(operation.key, now);
    return this.carryOut(named(operation, name));
  }

  /** A copy of what another node had when it was asked at `sentAt`. */
  fill(copy: Copy, sentAt: Micros): void {
    if (this.isLate(sentAt)) this.copiesRefused++;
    else this.take(copy);
  }

  take({ key, value, flags, ttlS, cas }: Copy): void {
    // Times to live are counted in whole seconds: a copy of a copy must not live longer for it.
    const left = ttlS - 1;
    const outcome =
      left > 0 && this.mayTake(key)
        ? this.cache.execute({ kind: "store", mode: "add", key, value, flags, ttlS: left, newCas: copied(cas) })
        : undefined;
    if (outcome?.kind === "stored") this.copiesTaken++;
    else this.copiesRefused++;
  }

  isLate(sentAt: Micros): boolean {
    return this.seen.isLate(sentAt, this.env.wall);
  }

  page(cursor: number, items: number, wanted: (key: StoreKey) => boolean): Page {
    return this.cache.page(cursor, items, wanted);
  }

  check(): void {
    this.cache.check();
  }

  counters(): Record<string, number> {
    const { lateWrites, copiesTaken, copiesRefused } = this;
    return { ...this.cache.counters(), lateWrites, copiesTaken, copiesRefused };
  }

  protected carryOut(operation: CacheOperation): CacheOutcome {
    return this.cache.execute(operation);
  }

  protected mayTake(key: StoreKey): boolean {
    return this.recent.mayCopy(key, this.env.now);
  }
}

/** The operation, whose item gets the CAS value `cas` unless the client named one. */
function named(operation: CacheOperation, cas: number): CacheOperation {
  switch (operation.kind) {
    case "store":
    case "arithmetic":
    case "delete":
    case "get":
      return operation.newCas === undefined ? { ...operation, newCas: cas } : operation;
    default:
      return operation;
  }
}
