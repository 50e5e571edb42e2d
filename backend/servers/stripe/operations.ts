/**
 * The operations of the door: method and path, the parameters each knows, and the request they make. Whose request it is and its
 * idempotency key are added by whoever calls, for they are read alike for all.
 */
import type { ChargeQuery, CreateCharge, CreateCustomer, CreateRefund, ListPage } from "../../api-charges.ts";
import type { Params } from "./params.ts";
import { StripeError, invalid, missingParam } from "./stripe-error.ts";

export type Change = CreateCharge | CreateRefund | CreateCustomer;

export type Operation = { readonly known: ReadonlySet<string> } & (
  | { readonly kind: "change"; read(params: Params): Change }
  | { readonly kind: "query"; read(params: Params, account: string, id: string): ChargeQuery }
);

const pageNames = ["limit", "starting_after", "ending_before"] as const;
const usualLimit = 10;
const maxLimit = 100;
const maxEmailLength = 512;
const maxNameLength = 256;
const reasons = ["duplicate", "fraudulent", "requested_by_customer"];

function get(kind: "charge-get" | "refund-get" | "customer-get"): Operation {
  return { kind: "query", known: new Set(), read: (_params, account, id) => ({ kind, account, id }) };
}

/** By method, collection and, where one object is meant, `/:id`. */
const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  [
    "POST /v1/charges",
    {
      kind: "change",
      known: new Set(["amount", "currency", "source", "customer", "description", "metadata", "capture"]),
      read: readCharge,
    },
  ],
  ["GET /v1/charges/:id", get("charge-get")],
  [
    "GET /v1/charges",
    {
      kind: "query",
      known: new Set([...pageNames, "customer"]),
      read: (params, account) => ({
        kind: "charge-list",
        account,
        customer: params.text("customer"),
        ...readPage(params),
      }),
    },
  ],
  [
    "POST /v1/refunds",
    { kind: "change", known: new Set(["charge", "amount", "reason", "metadata"]), read: readRefund },
  ],
  ["GET /v1/refunds/:id", get("refund-get")],
  [
    "GET /v1/refunds",
    {
      kind: "query",
      known: new Set([...pageNames, "charge"]),
      read: (params, account) => ({ kind: "refund-list", account, charge: params.text("charge"), ...readPage(params) }),
    },
  ],
  [
    "POST /v1/customers",
    { kind: "change", known: new Set(["email", "name", "description", "metadata"]), read: readCustomer },
  ],
  ["GET /v1/customers/:id", get("customer-get")],
  [
    "GET /v1/customers",
    {
      kind: "query",
      known: new Set([...pageNames, "email"]),
      read: (params, account) => ({
        kind: "customer-list",
        account,
        email: params.text("email", maxEmailLength),
        ...readPage(params),
      }),
    },
  ],
  [
    "GET /v1/balance",
    { kind: "query", known: new Set(), read: (_params, account) => ({ kind: "balance-get", account }) },
  ],
]);

export interface Found {
  readonly operation: Operation;
  /** Of the object that is meant; empty when none is. */
  readonly id: string;
}

export function findOperation(method: string, path: string): Found | undefined {
  const whole = operations.get(`${method} ${path}`);
  if (whole !== undefined) return { operation: whole, id: "" };
  const slash = path.lastIndexOf("/");
  const operation = operations.get(`${method} ${path.slice(0, slash)}/:id`);
  const id = path.slice(slash + 1);
  return operation === undefined || id === "" ? undefined : { operation, id: decoded(id) };
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

function readCharge(params: Params): CreateCharge {
  const currency = params.currency();
  const amount = params.amount(currency);
  const source = params.text("source");
  const customer = params.text("customer");
  const capture = params.oneOf("capture", ["true", "false"]);
  if (capture === "false") throw invalid("Charges cannot be captured later by this service.", { param: "capture" });
  if (source === undefined && customer === undefined) throw invalid("Must provide source or customer.");
  if (source === undefined) throw noCard();
  const description = params.text("description");
  // A member that is not there costs nothing in the log.
  return {
    kind: "charge-create",
    amount,
    currency,
    source,
    ...(customer === undefined ? {} : { customer }),
    ...(description === undefined ? {} : { description }),
    metadata: params.metadata(),
  };
}

/** Customers here have no cards of their own. */
function noCard(): StripeError {
  const message = "Cannot charge a customer that has no active card";
  return new StripeError({ status: 402, type: "card_error", code: "missing", param: "card", message });
}

function readRefund(params: Params): CreateRefund {
  const charge = params.text("charge");
  if (charge === undefined) throw missingParam("charge");
  const amount = params.integerIn("amount", 1, Number.MAX_SAFE_INTEGER);
  const reason = params.oneOf("reason", reasons);
  return { kind: "refund-create", charge, amount, reason, metadata: params.metadata() };
}

function readCustomer(params: Params): CreateCustomer {
  return {
    kind: "customer-create",
    email: params.text("email", maxEmailLength),
    name: params.text("name", maxNameLength),
    description: params.text("description"),
    metadata: params.metadata(),
  };
}

function readPage(params: Params): ListPage {
  const startingAfter = params.text("starting_after");
  const endingBefore = params.text("ending_before");
  if (startingAfter !== undefined && endingBefore !== undefined) {
    throw invalid("You cannot parameterize both starting_after and ending_before.", { param: "starting_after" });
  }
  return { limit: params.integerIn("limit", 1, maxLimit) ?? usualLimit, startingAfter, endingBefore };
}
