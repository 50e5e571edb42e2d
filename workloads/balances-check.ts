/**
 * What must hold of charges that are kept beside a balance. Every charge is of one unit, so a balance and the number of its charges should be
 * the same; what differs is money:
 *
 *     lost       charges in the books that the balance lacks: paid by somebody, had by nobody
 *     doubled    what the balance has and no charge accounts for
 *     torn       charges in the books whose last step was never acknowledged: some of the lost ones, where the steps are not one transaction
 *
 * Whatever the store, a charge that was acknowledged is in the books. That the balance agrees with them is a promise only where it is made.
 */
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

/** What the final reads showed; null where one failed. */
export interface AccountBooks {
  /** Ids of charges that are there. */
  readonly charges: ReadonlySet<string> | null;
  /** By account. */
  readonly balances: ReadonlyMap<string, number> | null;
}

interface ChargeSeen {
  readonly account: string;
  /** Its record was acknowledged. */
  recorded: boolean;
  /** And so was the balance with it. */
  completed: boolean;
}

/** Charges by id, in the order of their arrival. */
export function chargesSeen(history: readonly HistoryEntry[]): Map<string, ChargeSeen> {
  const seen = new Map<string, ChargeSeen>();
  for (const { outcome, fact } of history) {
    const id = String(fact.id);
    let charge = seen.get(id);
    if (charge === undefined)
      seen.set(id, (charge = { account: String(fact.account), recorded: false, completed: false }));
    // An answer may say that the condition did not hold: then nothing was made.
    if (outcome !== "ok" || fact.made === false) continue;
    charge.recorded = true;
    if (fact.kind === "charge") charge.completed = true;
  }
  return seen;
}

export function checkBalances(
  history: readonly HistoryEntry[],
  { charges, balances }: AccountBooks,
  exact: boolean,
): CheckResult {
  const findings = new Findings("asked", "charges", "completed", "lost", "doubled", "torn");
  const name = exact ? "every charge is in the books and in the balance" : "every acknowledged charge is in the books";
  if (charges === null || balances === null) {
    findings.violate("the books could not be read back");
    return findings.result(name);
  }
  const due = new Map<string, number>();
  const accounts = new Set<string>();
  for (const [id, { account, recorded, completed }] of chargesSeen(history)) {
    findings.examine();
    findings.count("asked");
    accounts.add(account);
    if (completed) findings.count("completed");
    if (!charges.has(id)) {
      if (recorded) findings.violate(`${id} was acknowledged and is not in the books`);
      continue;
    }
    findings.count("charges");
    if (!completed) findings.count("torn");
    due.set(account, (due.get(account) ?? 0) + 1);
  }
  for (const account of accounts) {
    findings.examine();
    const balance = balances.get(account) ?? 0;
    const owed = due.get(account) ?? 0;
    if (balance < owed) findings.count("lost", owed - balance);
    else if (balance > owed) findings.count("doubled", balance - owed);
    if (exact && balance !== owed) findings.violate(`${account} has ${balance}, its charges come to ${owed}`);
  }
  return findings.result(name);
}
