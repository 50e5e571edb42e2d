/**
 * Leases: a name for a time to live, and the keys that end with it. Times are the stamps of the log's commands, so every replica ends a
 * lease at the same command. A stamp is the latest that true time can be, so by true time a lease lives its time to live less the clocks'
 * uncertainty at the least, and longer by as long as nobody leads.
 *
 *     l<id>          -> time to live in seconds, end
 *     x<end><id>     -> 0        whose end comes first
 *     a<id><key>     -> 0        what hangs on a lease
 *     n              -> leases named by the store
 */
import type { Store } from "../../kernel/store.ts";
import { second } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import { numberLength, numberText, textNumber } from "./order-codec.ts";

/** Seconds granted, and the stamp at which it ends. */
type Lease = readonly [number, Micros];

/** Names that the store gives begin here, far from what people choose, and stay exact in a double. */
const firstDrawnId = 2 ** 52;
/** etcd's shortest follows from its elections and is 2 s with its defaults. */
const minTtlS = 1;
/** etcd's longest. */
export const maxTtlS = 9_000_000_000;

export class Leases {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Whole seconds granted and left at `at`; undefined when there is no such lease. */
  times(id: number, at: Micros): { readonly grantedS: number; readonly leftS: number } | undefined {
    const lease = this.get(id);
    if (lease === undefined) return undefined;
    return { grantedS: lease[0], leftS: Math.max(0, Math.floor((lease[1] - at) / second)) };
  }

  /** A name that no lease has. */
  draw(): number {
    let drawn = (this.store.get("n") as number | undefined) ?? 0;
    while (this.has(firstDrawnId + drawn)) drawn++;
    this.store.putLater("n", drawn + 1);
    return firstDrawnId + drawn;
  }

  /** Grants a lease that does not exist. Returns the seconds granted. */
  grant(id: number, ttlS: number, at: Micros): number {
    const grantedS = Math.max(minTtlS, ttlS);
    this.set(id, grantedS, at);
    return grantedS;
  }

  /** Starts its time anew; returns the seconds, or undefined when there is no such lease. */
  keepAlive(id: number, at: Micros): number | undefined {
    const lease = this.get(id);
    if (lease === undefined) return undefined;
    this.store.deleteLater(endSlot(lease[1], id));
    this.set(id, lease[0], at);
    return lease[0];
  }

  /** Forgets the lease and what hung on it. */
  remove(id: number): void {
    const lease = this.get(id);
    if (lease === undefined) return;
    for (const key of this.keys(id)) this.detach(id, key);
    this.store.deleteLater(endSlot(lease[1], id));
    this.store.deleteLater(leaseSlot(id));
  }

  attach(id: number, key: string): void {
    this.store.putLater(keySlot(id, key), 0);
  }

  detach(id: number, key: string): void {
    this.store.deleteLater(keySlot(id, key));
  }

  /** In order. */
  keys(id: number): string[] {
    const keys: string[] = [];
    this.store.scan(keySlot(id, ""), keySlot(id + 1, ""), (slot) => void keys.push(slot.slice(1 + numberLength)));
    return keys;
  }

  ids(): number[] {
    const ids: number[] = [];
    this.store.scan("l", "m", (slot) => void ids.push(textNumber(slot, 1)));
    return ids;
  }

  /** Up to `limit` leases whose end is not after `at`, earliest first. */
  ended(at: Micros, limit: number): number[] {
    const ids: number[] = [];
    this.store.scan("x", `x${numberText(at + 1)}`, (slot) => ids.push(textNumber(slot, 1 + numberLength)) < limit);
    return ids;
  }

  private get(id: number): Lease | undefined {
    return this.store.get(leaseSlot(id)) as Lease | undefined;
  }

  private set(id: number, ttlS: number, at: Micros): void {
    const end = Math.min(at + ttlS * second, Number.MAX_SAFE_INTEGER - 1);
    this.store.putLater(leaseSlot(id), [ttlS, end]);
    this.store.putLater(endSlot(end, id), 0);
  }
}

function leaseSlot(id: number): string {
  return `l${numberText(id)}`;
}

function endSlot(end: Micros, id: number): string {
  return `x${numberText(end)}${numberText(id)}`;
}

function keySlot(id: number, key: string): string {
  return `a${numberText(id)}${key}`;
}
