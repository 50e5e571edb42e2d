/**
 * Charges kept beside balances, one charge a session, on a quorum store or on a replicated log: the same work, by what each of them offers.
 * Every charge is of one unit, and its id is its arrival's.
 */
import type { Answer, Request, TableSpec } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import { AddSession, balanceIn, LogSession, OverwriteSession, table } from "./balance-sessions.ts";
import type { ChargeOf } from "./balance-sessions.ts";
import type { AccountBooks } from "./balances-check.ts";
import { chargesSeen, checkBalances } from "./balances-check.ts";
import type { KeyChooser } from "./keys.ts";
import { keyChooser } from "./keys.ts";
import { Parameters, tableOf } from "./parameters.ts";
import type { CheckResult, HistoryEntry, Session, Workload, WorkloadSpec } from "./workload.ts";

const ways: Readonly<Record<string, (charge: ChargeOf) => Session>> = {
  overwrite: (charge) => new OverwriteSession(charge),
  add: (charge) => new AddSession(charge),
  log: (charge) => new LogSession(charge),
};

export interface BalancesParameters {
  /** "overwrite" and "add" are for tables, "log" is for keys on a replicated log. Default "overwrite". */
  readonly by?: "overwrite" | "add" | "log";
  /** Distribution of accounts. Default "uniform:20". */
  readonly keys?: string;
  /** What a balance that differs from its charges is: true, a violation; false, counted. Default false. */
  readonly exact?: boolean;
}

export const balancesDefaults = {
  by: "overwrite",
  keys: "uniform:20",
  exact: false,
} satisfies Required<BalancesParameters>;

export function balances(parameters: BalancesParameters = {}): WorkloadSpec {
  return { name: "balances", parameters: { ...balancesDefaults, ...parameters } };
}

export class Balances implements Workload {
  readonly name = "balances";
  private readonly by: string;
  private readonly keys: KeyChooser;
  private readonly exact: boolean;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("balances", balancesDefaults, given);
    this.by = parameters.text("by");
    if (!Object.hasOwn(ways, this.by)) {
      throw parameters.mistake("by", this.by, `one of ${Object.keys(ways).join(", ")}`, '"log"');
    }
    this.keys = keyChooser(parameters.text("keys"));
    this.exact = parameters.boolean("exact");
  }

  setup(): readonly Request[] {
    if (this.by === "log") return [];
    const spec: TableSpec = tableOf("the ledger of the balances workload", "id", { name: table }, {});
    return [{ kind: "create-table", table: spec }];
  }

  begin(arrival: number, random: Random): Session {
    const account = `account-${this.keys.next(random, arrival)}`;
    return ways[this.by]({ account, id: `charge-${arrival}` });
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    if (this.by === "log")
      return ["account", "charge"].map((of) => ({ kind: "key-range", key: `${of}-`, end: `${of}.` }));
    const seen = chargesSeen(history);
    return [...accountsOf(seen), ...seen.keys()].map((id) => {
      return { kind: "get", table, key: { id: { S: id } }, consistent: true };
    });
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    const books = this.by === "log" ? booksInLog(finals) : booksInTable(history, finals);
    return checkBalances(history, books, this.exact);
  }
}

type Seen = ReturnType<typeof chargesSeen>;

function accountsOf(seen: Seen): string[] {
  return [...new Set([...seen.values()].map(({ account }) => account))];
}

function booksInLog(finals: readonly Answer[]): AccountBooks {
  const [accounts, charges] = finals.map((answer) => {
    return answer.kind === "ok" && answer.result.kind === "key-range" ? answer.result.entries : null;
  });
  return {
    balances: accounts && new Map(accounts.map(({ key, value }) => [key, Number(atob(value))])),
    charges: charges && new Set(charges.map(({ key }) => key)),
  };
}

function booksInTable(history: readonly HistoryEntry[], finals: readonly Answer[]): AccountBooks {
  const seen = chargesSeen(history);
  const accounts = accountsOf(seen);
  const balancesRead = finals.slice(0, accounts.length).map(balanceIn);
  const chargesRead = finals.slice(accounts.length).map((answer) => {
    return answer.kind === "ok" && answer.result.kind === "item" ? answer.result.item !== null : null;
  });
  if (balancesRead.includes(null) || chargesRead.includes(null)) return { balances: null, charges: null };
  return {
    balances: new Map(accounts.map((account, i) => [account, balancesRead[i] ?? 0])),
    charges: new Set([...seen.keys()].filter((_, i) => chargesRead[i] === true)),
  };
}
