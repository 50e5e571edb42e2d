/**
 * One charge, made in the ways that stores offer. All steps are due at once, so the last one's latency is the whole charge's.
 *
 *     overwrite    read the balance, record the charge, write the new balance     tables
 *     add          record the charge, tell the store to add                       tables
 *     log          read the balance, then both writes if nobody was faster        keys, one transaction
 */
import type { Answer, Request } from "../backend/api.ts";
import type { KeyValue, TxnStepResult } from "../backend/api-coordination.ts";
import type { Fact, Session, Step } from "./workload.ts";

export const table = "ledger";

/** Who is charged for, and by which name the charge is known. */
export interface ChargeOf {
  readonly account: string;
  readonly id: string;
}

function step(operation: string, request: Request, fact?: Fact): Step {
  return { operation, request, thinkUs: 0, fact };
}

/** Nothing is made yet, and somebody is at the till. */
function asks(charge: ChargeOf): Fact {
  return { kind: "ask", ...charge, made: false };
}

function key(id: string): { id: { S: string } } {
  return { id: { S: id } };
}

/** The balance that an item shows; null when nothing can be said. */
export function balanceIn(answer: Answer): number | null {
  if (answer.kind !== "ok" || answer.result.kind !== "item") return null;
  return Number(answer.result.item?.balance?.N ?? 0);
}

/** The client computes: what others write between its read and its write is overwritten. */
export class OverwriteSession implements Session {
  private readonly charge: ChargeOf;
  private balance = 0;
  private asked = 0;

  constructor(charge: ChargeOf) {
    this.charge = charge;
  }

  next(previous: Answer | null): Step | null {
    if (previous !== null && previous.kind !== "ok") return null;
    const { account, id } = this.charge;
    switch (this.asked++) {
      case 0:
        return step("read", { kind: "get", table, key: key(account), consistent: true }, asks(this.charge));
      case 1:
        this.balance = balanceIn(previous!) ?? 0;
        return step("record", { kind: "put", table, item: key(id) }, { kind: "record", ...this.charge });
      case 2: {
        const item = { ...key(account), balance: { N: String(this.balance + 1) } };
        return step("charge", { kind: "put", table, item }, { kind: "charge", ...this.charge });
      }
      default:
        return null;
    }
  }
}

/** The store computes: who is not answered asks again, and adds again. */
export class AddSession implements Session {
  private readonly charge: ChargeOf;
  private asked = 0;

  constructor(charge: ChargeOf) {
    this.charge = charge;
  }

  next(previous: Answer | null): Step | null {
    if (previous !== null && previous.kind !== "ok") return null;
    const { account, id } = this.charge;
    switch (this.asked++) {
      case 0:
        return step("record", { kind: "put", table, item: key(id) }, { kind: "record", ...this.charge });
      case 1: {
        const actions = [{ kind: "add", path: ["balance"], value: { N: "1" } }] as const;
        const request = { kind: "update", table, key: key(account), actions } as const;
        return step("charge", request, { kind: "charge", ...this.charge });
      }
      default:
        return null;
    }
  }
}

/** Times that a transaction is tried again because somebody was faster. */
const mostAgain = 20;

/** One transaction, on condition that the balance is what was read; who was not answered finds its own charge there and stops. */
export class LogSession implements Session {
  private readonly charge: ChargeOf;
  private asked = 0;
  private fact: Fact | undefined;

  constructor(charge: ChargeOf) {
    this.charge = charge;
  }

  next(previous: Answer | null): Step | null {
    const { account } = this.charge;
    if (previous === null) return step("read", { kind: "key-range", key: account }, asks(this.charge));
    if (previous.kind !== "ok") return null;
    const { result } = previous;
    if (result.kind === "key-range") return this.transact(result.entries.at(0));
    if (result.kind !== "key-txn") return null;
    const [charges, balances] = result.results.map(entriesOf);
    const made = result.succeeded || charges.length > 0;
    this.fact!.made = made;
    return made || this.asked > mostAgain ? null : this.transact(balances.at(0));
  }

  private transact(balance: KeyValue | undefined): Step {
    const { account, id } = this.charge;
    const paid = btoa(String(Number(balance === undefined ? 0 : atob(balance.value)) + 1));
    const request = {
      kind: "key-txn",
      compare: [
        { key: account, target: "mod", operator: "=", operand: balance?.modRevision ?? 0 },
        { key: id, target: "version", operator: "=", operand: 0 },
      ],
      success: [
        { kind: "put", key: id, value: "" },
        { kind: "put", key: account, value: paid },
      ],
      failure: [
        { kind: "range", key: id },
        { kind: "range", key: account },
      ],
    } as const;
    this.fact = { kind: "charge", ...this.charge, made: false };
    return step(this.asked++ === 0 ? "charge" : "charge again", request, this.fact);
  }
}

function entriesOf(result: TxnStepResult): readonly KeyValue[] {
  return result.kind === "range" ? result.entries : [];
}
