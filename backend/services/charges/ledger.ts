/**
 * Double entry: money is moved from one ledger account to another, never made, so the balances of one currency sum to 0 at all times. Each
 * API account has a ledger account per currency; the card network's has what is owed to all of them, with the sign turned.
 */
import { afterPrefix } from "../../kernel/store.ts";
import type { Store } from "../../kernel/store.ts";
import { ledgerKey, ledgerPrefix } from "./keys.ts";

/** No API account is called so. */
export const networkAccount = "*network";

export class Ledger {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  move(amount: number, currency: string, from: string, to: string): void {
    this.add(ledgerKey(currency, from), -amount);
    this.add(ledgerKey(currency, to), amount);
  }

  /** Balances of one account by currency, in the order of their codes. */
  balancesOf(account: string): Record<string, number> {
    const balances: Record<string, number> = {};
    for (let from = ledgerPrefix; ;) {
      // One look per currency: the accounts of a currency lie together, and there may be many.
      const currency = this.currencyFrom(from);
      if (currency === undefined) return balances;
      const balance = this.store.get(ledgerKey(currency, account)) as number | undefined;
      if (balance !== undefined) balances[currency] = balance;
      from = afterPrefix(`${ledgerPrefix}${currency}!`);
    }
  }

  /** Sum over all accounts, by currency: 0, or there is a bug. */
  sums(): Map<string, number> {
    const sums = new Map<string, number>();
    this.store.scan(ledgerPrefix, afterPrefix(ledgerPrefix), (key, balance) => {
      const currency = currencyIn(key);
      sums.set(currency, (sums.get(currency) ?? 0) + (balance as number));
    });
    return sums;
  }

  private add(key: string, amount: number): void {
    this.store.putLater(key, ((this.store.get(key) as number | undefined) ?? 0) + amount);
  }

  private currencyFrom(from: string): string | undefined {
    let currency: string | undefined;
    this.store.scan(from, afterPrefix(ledgerPrefix), (key) => {
      currency = currencyIn(key);
      return false;
    });
    return currency;
  }
}

function currencyIn(key: string): string {
  return key.slice(ledgerPrefix.length, key.indexOf("!"));
}
