/**
 * Idempotency keys: which object each made, so that whoever sends it again hears what was answered first. The objects are written once
 * and what becomes of them lies beside them, so the number of one is all that a key need remember of its answer.
 *
 * A key lives 24 hours from its first use, by the stamps of the log, and is then another, new key. Pruning only gives back room. Commands of
 * one slot have one stamp, so the keys of one moment are remembered in one row.
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import { hour } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import type { Idempotency } from "../../api-charges.ts";
import { ascending, idempotencyKey, numberAt } from "./keys.ts";
import { OldestFirst } from "./oldest-first.ts";

export interface KeyRecord {
  readonly fingerprint: string;
  /** First use. */
  readonly at: Micros;
  readonly of: "charge" | "refund" | "customer";
  /** Of the object it made, or will have made. */
  readonly number: number;
  /** The recovery point: the network is being asked, or the answer is known. */
  readonly point: "asked" | "finished";
}

/** As it is stored: names would be half of it. */
type KeyRow = readonly [fingerprint: string, at: Micros, of: KeyRecord["of"], number: number, finished: boolean];

export const keyLifeUs: Micros = 24 * hour;
const expiryBatch = 1_024;
const agePrefix = "x";

type Write = (key: StoreKey, value: Value) => void;

export class IdempotencyKeys {
  private readonly store: Store;
  private readonly write: Write;
  private readonly ages: OldestFirst;

  /** @param write how a key is written down: with everything else, unless a bug is planted */
  constructor(store: Store, write: Write) {
    this.store = store;
    this.write = write;
    this.ages = new OldestFirst(store, agePrefix);
  }

  reset(): void {
    this.ages.reset();
  }

  find({ account, key }: Idempotency, at: Micros): KeyRecord | undefined {
    const value = this.store.get(idempotencyKey(account, key));
    if (value === undefined) return undefined;
    const [fingerprint, first, of, number, finished] = value as KeyRow;
    if (at >= first + keyLifeUs) return undefined;
    return { fingerprint, at: first, of, number, point: finished ? "finished" : "asked" };
  }

  remember({ account, key, fingerprint }: Idempotency, record: Omit<KeyRecord, "fingerprint">): void {
    const place = idempotencyKey(account, key);
    const { at, of, number, point } = record;
    const row: KeyRow = [fingerprint, at, of, number, point === "finished"];
    this.write(place, row);
    const age = agePrefix + ascending(at);
    const places = this.store.get(age) as readonly StoreKey[] | undefined;
    this.store.putLater(age, places === undefined ? [place] : [...places, place]);
  }

  /** The answer of a key in flight is known. */
  finish({ account, key }: Idempotency, number: number): void {
    const place = idempotencyKey(account, key);
    const row = this.store.get(place) as KeyRow | undefined;
    if (row === undefined || row[3] !== number) return;
    const [fingerprint, at, of] = row;
    const finished: KeyRow = [fingerprint, at, of, number, true];
    this.write(place, finished);
  }

  /**
   * A key is past its time.
   *
   * @param applied stamp of the last command: no key to come was first used before
   */
  expired(at: Micros, applied: Micros): boolean {
    let expired = false;
    this.ages.scan(ascending(applied), (place) => {
      expired = numberAt(place, 1) + keyLifeUs <= at;
      return false;
    });
    return expired;
  }

  /** Forgets the oldest keys that are past their time: those of the oldest moments, until a batch of them is gone. */
  expire(at: Micros): number {
    const moments: StoreKey[] = [];
    let gone = 0;
    this.ages.scan(ascending(at), (moment, places) => {
      if (numberAt(moment, 1) + keyLifeUs > at || gone >= expiryBatch) return false;
      moments.push(moment);
      gone += (places as readonly StoreKey[]).length;
      return true;
    });
    for (const moment of moments) this.forget(moment);
    return gone;
  }

  /** The keys that were first used at one moment. */
  private forget(moment: StoreKey): void {
    for (const place of this.store.get(moment) as readonly StoreKey[]) {
      // The same key may have begun another life.
      const row = this.store.get(place) as KeyRow | undefined;
      if (row?.[1] === numberAt(moment, 1)) this.store.deleteLater(place);
    }
    this.store.deleteLater(moment);
  }
}
