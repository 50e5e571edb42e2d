/**
 * What stands between a cache and an old value that comes in by a back door. A copy of another zone's item may be older than a write that this node has
 * carried out already:
 *
 *     this node    ── delete ────────────────────────────── copy of what B had ──>   must not be taken
 *     node B       ── is read ──── delete ──>
 *
 * Within `lateUs` of being sent, a write has reached a node or is not carried out there; a copy that is older than `lateUs` is not taken either. So a copy
 * that may lack a write made here arrives less than twice that after it (Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1,
 * refuse such sets by leases; a lease of one zone knows nothing of the deletions that another is yet to see).
 *
 * Instants are kept by hash, so memory is constant; keys that share a place cost a copy now and then. A node that just started knows nothing of what it
 * carried out before, and takes no copies for as long.
 */
import { hash32 } from "../../kernel/hash.ts";
import type { StoreKey } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";

const places = 16_384;

export class RecentWrites {
  private readonly rememberUs: Micros;
  private readonly at = new Float64Array(places).fill(-Infinity);
  private closedUntil: Micros;

  constructor(lateUs: Micros, now: Micros) {
    this.rememberUs = 2 * lateUs;
    this.closedUntil = now + this.rememberUs;
  }

  onWrite(key: StoreKey, now: Micros): void {
    this.at[placeOf(key)] = now;
  }

  /** Everything was written. */
  onFlush(now: Micros): void {
    this.closedUntil = now + this.rememberUs;
  }

  mayCopy(key: StoreKey, now: Micros): boolean {
    return now >= this.closedUntil && now - this.at[placeOf(key)] >= this.rememberUs;
  }
}

function placeOf(key: StoreKey): number {
  return hash32(key) & (places - 1);
}
