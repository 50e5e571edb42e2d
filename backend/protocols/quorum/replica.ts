/**
 * A replica keeps, for each record, every version it knows to be current. It never decides: it merges what it is told, and its
 * answers leave once the merge is durable (the runtime holds them).
 *
 * Store layout: "d/<record>" -> Versions; "m/actor" -> the name under which this disk mints dots.
 */
import type { Item, MergeRule } from "../../api.ts";
import type { Micros } from "../../kernel/units.ts";
import type { Value } from "../../kernel/store.ts";
import type { QuorumEnv, RecordKey } from "./messages.ts";
import { absorb } from "./merge-items.ts";
import type { Actor, Clock, Versions } from "./versions.ts";
import { latestOnly, latestStamp, mergeVersions, mint, noVersions, sameVersions } from "./versions.ts";

const actorKey = "m/actor";

export class Replica {
  protected readonly env: QuorumEnv;
  private actor: Actor = "";
  storedCount = 0;
  fetchedCount = 0;

  constructor(env: QuorumEnv) {
    this.env = env;
  }

  /** A disk that was never used gets a name no earlier disk of this node had: 64 random bits. True if it had been used. */
  start(): boolean {
    const known = this.env.store.get(actorKey);
    this.actor = typeof known === "string" ? known : this.freshActor();
    if (known === undefined) this.env.store.put(actorKey, this.actor);
    return known !== undefined;
  }

  freshActor(): Actor {
    const { self, random } = this.env;
    return `${self}.${random.uint32().toString(36)}${random.uint32().toString(36)}`;
  }

  versionsOf(key: RecordKey): Versions {
    return (this.env.store.get(dataKey(key)) as Versions | undefined) ?? noVersions;
  }

  fetch(key: RecordKey): Versions {
    this.fetchedCount++;
    return this.versionsOf(key);
  }

  /** Merges versions received from elsewhere. */
  store(key: RecordKey, merge: MergeRule, versions: Versions): void {
    this.storedCount++;
    const held = this.versionsOf(key);
    const merged = byRule(merge, mergeVersions(held, versions));
    if (!sameVersions(held, merged)) this.env.store.put(dataKey(key), asValue(merged));
  }

  /** A reader saw that this replica was behind. */
  repair(key: RecordKey, merge: MergeRule, versions: Versions): void {
    this.store(key, merge, versions);
  }

  /**
   * Mints a write here. Null context, a put without a preceding read: over whatever this replica holds, or, where nothing may be
   * lost, together with it.
   */
  write(key: RecordKey, merge: MergeRule, context: Clock | null, item: Item | null): Versions {
    this.storedCount++;
    const held = this.versionsOf(key);
    const stamp = stampAfter(held, this.env.wall.latest);
    const written = context === null && item !== null && merge === "union" ? absorb(held.siblings, item) : item;
    const minted = this.mint(held, context ?? held.clock, this.actor, stamp, written);
    const versions = byRule(merge, minted);
    this.env.store.put(dataKey(key), asValue(versions));
    return versions;
  }

  /** The one place a dot is made; a mutant forgets it here. */
  protected mint(held: Versions, context: Clock, actor: Actor, stamp: Micros, item: Item | null): Versions {
    return mint(held, context, actor, stamp, item);
  }
}

export function dataKey(key: RecordKey): string {
  return `d/${key}`;
}

export function byRule(merge: MergeRule, versions: Versions): Versions {
  return merge === "last-writer-wins" ? latestOnly(versions) : versions;
}

/** Later than everything held, so that a slow clock cannot make a write lose to what it replaced. */
export function stampAfter(held: Versions, now: Micros): Micros {
  return Math.max(now, latestStamp(held) + 1);
}

/** Versions are plain immutable data; only the compiler cannot see it through the optional members of an attribute. */
export function asValue(versions: Versions): Value {
  return versions as unknown as Value;
}
