/**
 * What can be asked of the charge service and what it answers: the part of Stripe's v1 interface that moves money, as types. Amounts are
 * whole numbers of the currency's smallest unit. Every object is plain data in the service's own form; the door writes it as Stripe's JSON.
 *
 * A request that changes something may carry an idempotency key. Its first answer, errors that arose after work began included, is kept
 * for 24 hours and given again, byte for byte, to whoever sends the same key with the same parameters.
 */
import type { Micros } from "./kernel/units.ts";

/** What an idempotency key stands for: the account that sent it, the key, and a digest of method, path and parameters. */
export interface Idempotency {
  readonly account: string;
  readonly key: string;
  readonly fingerprint: string;
}

export interface Charge {
  readonly id: string;
  readonly amount: number;
  readonly amountRefunded: number;
  readonly currency: string;
  readonly customer: string | null;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly source: string;
  readonly status: "succeeded" | "failed";
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  /** Unix seconds. */
  readonly created: number;
}

export interface Refund {
  readonly id: string;
  readonly charge: string;
  readonly amount: number;
  readonly currency: string;
  readonly reason: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: "succeeded";
  readonly created: number;
}

export interface Customer {
  readonly id: string;
  readonly email: string | null;
  readonly name: string | null;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly created: number;
}

/** By currency: what is available, in smallest units. */
export interface Balance {
  readonly available: Readonly<Record<string, number>>;
}

/** What became of a change, for others to hear: an outbox row. `sequence` counts the events of one `subject` from 1. */
export interface ChargeEvent {
  readonly id: string;
  readonly type: "charge.succeeded" | "charge.failed" | "charge.refunded" | "customer.created";
  /** The charge or customer it is about; events of one subject are delivered in order. */
  readonly subject: string;
  readonly sequence: number;
  readonly created: number;
  readonly data: Charge | Customer;
}

/** `duplicate`: the sink had it before. `event` is null then, and where no outbox names what happened. */
export interface EventDelivery {
  readonly id: string;
  readonly subject: string;
  readonly duplicate: boolean;
  readonly event: ChargeEvent | null;
}

/** Stripe's error object. `status`: of HTTP. */
export interface ChargeError {
  readonly status: number;
  readonly type: "card_error" | "invalid_request_error" | "idempotency_error" | "api_error";
  readonly code?: string;
  readonly declineCode?: string;
  readonly param?: string;
  readonly message: string;
  /** The charge that failed. */
  readonly charge?: string;
}

export interface CreateCharge {
  readonly kind: "charge-create";
  readonly amount: number;
  readonly currency: string;
  /** A test card's token such as tok_visa; tok_chargeDeclined and its like are declined as Stripe's test mode declines them. */
  readonly source: string;
  readonly customer?: string;
  readonly description?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface CreateRefund {
  readonly kind: "refund-create";
  readonly charge: string;
  /** Absent: what is left of the charge. */
  readonly amount?: number;
  readonly reason?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface CreateCustomer {
  readonly kind: "customer-create";
  readonly email?: string;
  readonly name?: string;
  readonly description?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a client may ask to be changed; `account` is whose key it is. */
export type ChargeChange = (CreateCharge | CreateRefund | CreateCustomer) & {
  readonly account: string;
  readonly idempotency?: Idempotency;
};

/** Newest first; `startingAfter` and `endingBefore` are ids. */
export interface ListPage {
  readonly limit: number;
  readonly startingAfter?: string;
  readonly endingBefore?: string;
}

export type ChargeQuery =
  | { readonly kind: "charge-get"; readonly account: string; readonly id: string }
  | { readonly kind: "refund-get"; readonly account: string; readonly id: string }
  | { readonly kind: "customer-get"; readonly account: string; readonly id: string }
  | { readonly kind: "balance-get"; readonly account: string }
  | ({ readonly kind: "charge-list"; readonly account: string; readonly customer?: string } & ListPage)
  | ({ readonly kind: "refund-list"; readonly account: string; readonly charge?: string } & ListPage)
  | ({ readonly kind: "customer-list"; readonly account: string; readonly email?: string } & ListPage)
  /** Outbox rows not yet published, oldest first. */
  | { readonly kind: "outbox-read"; readonly limit: number }
  /** What the sink has taken, in the order of its arrival, from number `from` on. */
  | { readonly kind: "deliveries-read"; readonly from: number; readonly limit: number };

export type ChargesRequest = (
  | ChargeChange
  | ChargeQuery
  /** These rows are published: they may go. */
  | { readonly kind: "outbox-delete"; readonly ids: readonly string[] }
) & { readonly timeoutUs?: Micros };

/** A question to the card network. `charge` is the key it is asked under: the same charge, the same answer. */
export interface CardCall {
  readonly account: string;
  readonly charge: string;
  /** Counts who asked, from 1; only the latest may say what was answered. */
  readonly attempt: number;
  readonly amount: number;
  readonly currency: string;
  readonly source: string;
}

/** `replayed`: the answer is that of an earlier request with the same key. */
export type ChargesResult =
  | { readonly kind: "charge"; readonly charge: Charge; readonly replayed: boolean }
  | { readonly kind: "refund"; readonly refund: Refund; readonly replayed: boolean }
  | { readonly kind: "customer"; readonly customer: Customer; readonly replayed: boolean }
  | { readonly kind: "balance"; readonly balance: Balance }
  | {
      readonly kind: "list";
      readonly of: "charge" | "refund" | "customer";
      readonly objects: readonly (Charge | Refund | Customer)[];
      readonly more: boolean;
    }
  /** A declined card, a charge that is not there, a key used for something else: the service's answer, and it has been given. */
  | { readonly kind: "charge-error"; readonly error: ChargeError; readonly replayed: boolean }
  | { readonly kind: "outbox"; readonly events: readonly ChargeEvent[] }
  | { readonly kind: "outbox-deleted"; readonly deleted: number }
  | { readonly kind: "deliveries"; readonly deliveries: readonly EventDelivery[] }
  /** Never a client's: the node that leads asks the card network these, and proposes what it hears. */
  | { readonly kind: "charge-pending"; readonly calls: readonly CardCall[] };
