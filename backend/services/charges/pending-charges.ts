/**
 * Charges that wait for the card network. Each has a lock with an attempt number: whoever asked last is the only one whose answer counts,
 * so a caller that was thought dead and comes back late changes nothing (a fencing token, as in Kleppmann, "Designing Data-Intensive
 * Applications", chapter 8).
 */
import type { Store } from "../../kernel/store.ts";
import { second } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import type { CardCall } from "../../api-charges.ts";
import type { ChargeBegin } from "./commands.ts";
import { ascending, idOf, numberAt } from "./keys.ts";
import { OldestFirst } from "./oldest-first.ts";

export interface PendingCharge {
  readonly begin: ChargeBegin;
  readonly begunAt: Micros;
  readonly lockedAt: Micros;
  readonly attempt: number;
}

/** A lock as old as this may be taken over. */
export const lockUs: Micros = 2 * second;
const takeoverBatch = 64;
const agePrefix = "p";

export class PendingCharges {
  private readonly store: Store;
  private readonly locks: OldestFirst;

  constructor(store: Store) {
    this.store = store;
    this.locks = new OldestFirst(store, agePrefix);
  }

  reset(): void {
    this.locks.reset();
  }

  get(number: number): PendingCharge | undefined {
    return this.store.get(`q${ascending(number)}`) as unknown as PendingCharge | undefined;
  }

  begin(number: number, begin: ChargeBegin, at: Micros): CardCall {
    return this.lock(number, { begin, begunAt: at, lockedAt: at, attempt: 1 });
  }

  /** The next attempt's call, or undefined while the lock is young. */
  takeOver(number: number, at: Micros): CardCall | undefined {
    const pending = this.get(number);
    if (pending === undefined || pending.lockedAt + lockUs > at) return undefined;
    this.unlock(number, pending.lockedAt);
    return this.lock(number, { ...pending, lockedAt: at, attempt: pending.attempt + 1 });
  }

  /**
   * Charges whose lock may be taken over, those of the oldest locks first.
   *
   * @param applied stamp of the last command: no lock to come is older
   */
  stale(at: Micros, applied: Micros): number[] {
    const numbers: number[] = [];
    this.locks.scan(ascending(applied), (key) => {
      if (numberAt(key, 1) + lockUs > at || numbers.length >= takeoverBatch) return false;
      numbers.push(numberAt(key, 8));
      return true;
    });
    return numbers;
  }

  finish(number: number, { lockedAt }: PendingCharge): void {
    this.unlock(number, lockedAt);
    this.store.deleteLater(`q${ascending(number)}`);
  }

  private lock(number: number, pending: PendingCharge): CardCall {
    this.store.putLater(`q${ascending(number)}`, pending as never);
    this.store.putLater(agePrefix + ascending(pending.lockedAt) + ascending(number), 0);
    const { account, amount, currency, source } = pending.begin;
    return { account, charge: idOf("ch_", account, number), attempt: pending.attempt, amount, currency, source };
  }

  private unlock(number: number, lockedAt: Micros): void {
    this.store.deleteLater(agePrefix + ascending(lockedAt) + ascending(number));
  }
}
