/**
 * Charges, refunds and customers in the store. Each is written once, as a short list of values; what can be worked out from the rest (ids,
 * messages) is not written. What becomes of a charge lies under a key of its own, so the charge as it was first answered stays readable.
 */
import type { Store } from "../../kernel/store.ts";
import type { Charge, Customer, Refund } from "../../api-charges.ts";
import { declineMessage } from "./card-network.ts";
import { ascending, descending, idOf, indexOf, numberOf, objectsOf } from "./keys.ts";

type Metadata = Readonly<Record<string, string>>;

export interface NewCharge {
  readonly amount: number;
  readonly currency: string;
  readonly source: string;
  /** Unix seconds. */
  readonly created: number;
  readonly customer: string | null;
  readonly description: string | null;
  readonly metadata: Metadata;
  /** Null: the card paid. */
  readonly decline: { readonly code: string; readonly declineCode: string } | null;
}

/** What became of a charge since it was made. */
export interface ChargeFate {
  readonly refunded: number;
  /** Events about it so far. */
  readonly events: number;
}

type ChargeRow = readonly [
  amount: number,
  currency: string,
  source: string,
  created: number,
  customer: string | null,
  description: string | null,
  metadata: Metadata,
  code: string | null,
  declineCode: string | null,
];

type RefundRow = readonly [
  charge: string,
  amount: number,
  currency: string,
  reason: string | null,
  metadata: Metadata,
  created: number,
];

type CustomerRow = readonly [
  email: string | null,
  name: string | null,
  description: string | null,
  metadata: Metadata,
  created: number,
];

const untouched: ChargeFate = { refunded: 0, events: 1 };

export class Objects {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  /* ---- charges ---------------------------------------------------------------------------------------------------------- */

  putCharge(account: string, number: number, charge: NewCharge): void {
    const { decline, customer } = charge;
    const row: ChargeRow = [
      charge.amount,
      charge.currency,
      charge.source,
      charge.created,
      customer,
      charge.description,
      charge.metadata,
      decline === null ? null : decline.code,
      decline === null ? null : decline.declineCode,
    ];
    this.store.putLater(objectsOf("c", account) + descending(number), row);
    if (customer !== null) this.store.putLater(indexOf("C", account, customer) + descending(number), 0);
  }

  /** `refunded`: of it, at the time that is meant. */
  charge(account: string, number: number, refunded: number): Charge | undefined {
    const row = this.chargeRow(account, number);
    return row === undefined ? undefined : chargeOf(row, idOf("ch_", account, number), refunded);
  }

  /** A charge as it was made, and why its card did not pay; null when it did. */
  made(account: string, number: number): { readonly charge: Charge; readonly declineCode: string | null } {
    const row = this.chargeRow(account, number)!;
    return { charge: chargeOf(row, idOf("ch_", account, number), 0), declineCode: row[8] };
  }

  chargeNow(account: string, number: number): Charge | undefined {
    return this.charge(account, number, this.fate(number).refunded);
  }

  fate(number: number): ChargeFate {
    return (this.store.get(`r${ascending(number)}`) as unknown as ChargeFate | undefined) ?? untouched;
  }

  setFate(number: number, { refunded, events }: ChargeFate): void {
    this.store.putLater(`r${ascending(number)}`, { refunded, events });
  }

  /* ---- refunds and customers -------------------------------------------------------------------------------------------- */

  putRefund(account: string, number: number, refund: Omit<Refund, "id" | "status">): void {
    const { charge, amount, currency, reason, metadata, created } = refund;
    const row: RefundRow = [charge, amount, currency, reason, metadata, created];
    this.store.putLater(objectsOf("d", account) + descending(number), row);
    this.store.putLater(indexOf("D", account, charge) + descending(number), 0);
  }

  refund(account: string, number: number): Refund | undefined {
    const row = this.store.get(objectsOf("d", account) + descending(number)) as RefundRow | undefined;
    if (row === undefined) return undefined;
    const [charge, amount, currency, reason, metadata, created] = row;
    return {
      id: idOf("re_", account, number),
      charge,
      amount,
      currency,
      reason,
      metadata,
      status: "succeeded",
      created,
    };
  }

  putCustomer(account: string, number: number, customer: Omit<Customer, "id">): void {
    const { email, name, description, metadata, created } = customer;
    const row: CustomerRow = [email, name, description, metadata, created];
    this.store.putLater(objectsOf("u", account) + descending(number), row);
    if (email !== null) this.store.putLater(indexOf("U", account, email) + descending(number), 0);
  }

  customer(account: string, number: number): Customer | undefined {
    const row = this.store.get(objectsOf("u", account) + descending(number)) as CustomerRow | undefined;
    if (row === undefined) return undefined;
    const [email, name, description, metadata, created] = row;
    return { id: idOf("cus_", account, number), email, name, description, metadata, created };
  }

  /** The number of the customer with this id, if there is one. */
  customerNumber(account: string, id: string): number | undefined {
    const number = numberOf("cus_", account, id);
    if (number === undefined) return undefined;
    return this.store.get(objectsOf("u", account) + descending(number)) === undefined ? undefined : number;
  }

  private chargeRow(account: string, number: number): ChargeRow | undefined {
    return this.store.get(objectsOf("c", account) + descending(number)) as ChargeRow | undefined;
  }
}

function chargeOf(row: ChargeRow, id: string, amountRefunded: number): Charge {
  const [amount, currency, source, created, customer, description, metadata, code, declineCode] = row;
  return {
    id,
    amount,
    amountRefunded,
    currency,
    customer,
    description,
    metadata,
    source,
    status: declineCode === null ? "succeeded" : "failed",
    failureCode: code,
    failureMessage: declineCode === null ? null : declineMessage(declineCode),
    created,
  };
}
