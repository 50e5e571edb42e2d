/**
 * A replica keeps, for each record, every version it knows to be current. It never decides: it merges what it is told, and its
 * answers leave once the merge is durable (the runtime holds them).
 *
 * Store layout: "d/..." (a record's key) -> Versions; "m/used" -> true on a disk that a node has lived on.
 */
import type { Item, MergeRule } from "../../api.ts";
import type { Micros } from "../../kernel/units.ts";
import type { Value } from "../../kernel/store.ts";
import type { QuorumEnv, RecordKey } from "./messages.ts";
import { absorb } from "./merge-items.ts";
import type { Actor, Clock, Versions } from "./versions.ts";
import { joinClocks, latestStamp, mergeVersions, mint, noVersions, sameVersions } from "./versions.ts";

const usedKey = "m/used";

export class Replica {
  protected readonly env: QuorumEnv;
  private actor: Actor = "";
  storedCount = 0;
  fetchedCount = 0;

  constructor(env: QuorumEnv) {
    this.env = env;
  }

  /**
   * Each life mints under a name of its own, 64 random bits: what the last one sent ahead of its disk may have been forgotten
   * here, and a dot must never name two writes. True if this disk had been used.
   */
  start(): boolean {
    const used = this.env.store.get(usedKey) === true;
    this.actor = this.actorOf(used);
    if (!used) this.env.store.put(usedKey, true);
    return used;
  }

  /** The name of this life. A mutant keeps the last life's. */
  protected actorOf(_used: boolean): Actor {
    return this.freshActor();
  }

  freshActor(): Actor {
    const { self, random } = this.env;
    return `${self}.${random.uint32().toString(36)}${random.uint32().toString(36)}`;
  }

  versionsOf(key: RecordKey): Versions {
    return (this.env.store.get(key) as Versions | undefined) ?? noVersions;
  }

  fetch(key: RecordKey): Versions {
    this.fetchedCount++;
    return this.versionsOf(key);
  }

  /** Merges versions received from elsewhere. False when they brought nothing new. */
  store(key: RecordKey, versions: Versions): boolean {
    this.storedCount++;
    const held = this.versionsOf(key);
    const merged = mergeVersions(held, versions);
    if (sameVersions(held, merged)) return false;
    this.env.store.put(key, asValue(merged));
    return true;
  }

  /** A reader saw that this replica was behind. */
  repair(key: RecordKey, versions: Versions): void {
    this.store(key, versions);
  }

  /**
   * Mints a write here. Null context, a put without a preceding read: over whatever this replica holds, or, where nothing may be
   * lost, together with it.
   */
  write(key: RecordKey, merge: MergeRule, context: Clock | null, item: Item | null): Versions {
    this.storedCount++;
    const held = this.versionsOf(key);
    const stamp = stampAfter(held, this.env.wall.latest);
    const versions = mintByRule(merge, held, context, item, (seen, written) =>
      this.mint(held, seen, this.actor, stamp, written),
    );
    this.env.store.put(key, asValue(versions));
    return versions;
  }

  /** The one place a dot is made; a mutant forgets it here. */
  protected mint(held: Versions, context: Clock, actor: Actor, stamp: Micros, item: Item | null): Versions {
    return mint(held, context, actor, stamp, item);
  }
}

/**
 * What a write replaces and what it carries. Last writer wins is decided here and by readers, never when sets are merged: a set
 * from which the earlier sibling had been dropped would claim to know it, and two that had dropped different ones would, merged,
 * lose both.
 *
 * @param mintOver makes the dot, given the context it replaces and the item it carries
 */
export function mintByRule(
  merge: MergeRule,
  held: Versions,
  context: Clock | null,
  item: Item | null,
  mintOver: (context: Clock, item: Item | null) => Versions,
): Versions {
  if (merge === "last-writer-wins") return mintOver(joinClocks(held.clock, context ?? []), item);
  if (context !== null) return mintOver(context, item);
  return mintOver(held.clock, item !== null && merge === "union" ? absorb(held.siblings, item) : item);
}

/** Later than everything held, so that a slow clock cannot make a write lose to what it replaced. */
export function stampAfter(held: Versions, now: Micros): Micros {
  return Math.max(now, latestStamp(held) + 1);
}

/** Versions are plain immutable data; only the compiler cannot see it through the optional members of an attribute. */
export function asValue(versions: Versions): Value {
  return versions as unknown as Value;
}
