/**
 * Objects as Stripe's JSON: every member in Stripe's order, nulls written out, two spaces of indent. The text is put together by hand: most
 * of an object is the same for all, and a replay must be the same to the byte.
 */
import type { Balance, Charge, Customer, Refund } from "../../api-charges.ts";
import { currencyOf } from "../../kernel/currency.ts";
import { cardOf } from "./cards.ts";

const noAddress = `{
      "city": null,
      "country": null,
      "line1": null,
      "line2": null,
      "postal_code": null,
      "state": null
    }`;

const authorized = `{
    "network_status": "approved_by_network",
    "reason": null,
    "risk_level": "normal",
    "risk_score": 32,
    "seller_message": "Payment complete.",
    "type": "authorized"
  }`;

/** The part of an id that its object's other ids share. */
function stem(id: string): string {
  return id.slice(id.indexOf("_") + 1);
}

function textOrNull(text: string | null): string {
  return text === null ? "null" : JSON.stringify(text);
}

function metadataText(metadata: Readonly<Record<string, string>>): string {
  let text = "";
  for (const key in metadata)
    text += `${text === "" ? "" : ","}\n    ${JSON.stringify(key)}: ${JSON.stringify(metadata[key])}`;
  return text === "" ? "{}" : `{${text}\n  }`;
}

export function chargeText(charge: Charge): string {
  const { amount, amountRefunded, customer } = charge;
  const paid = charge.status === "succeeded";
  const ids = stem(charge.id);
  const card = `card_${ids}`;
  return `{
  "id": "${charge.id}",
  "object": "charge",
  "amount": ${amount},
  "amount_captured": ${paid ? amount : 0},
  "amount_refunded": ${amountRefunded},
  "application": null,
  "application_fee": null,
  "application_fee_amount": null,
  "balance_transaction": ${paid ? `"txn_${ids}"` : "null"},
  "billing_details": {
    "address": ${noAddress},
    "email": null,
    "name": null,
    "phone": null,
    "tax_id": null
  },
  "calculated_statement_descriptor": null,
  "captured": ${paid},
  "created": ${charge.created},
  "currency": "${charge.currency}",
  "customer": ${textOrNull(customer)},
  "description": ${textOrNull(charge.description)},
  "disputed": false,
  "failure_balance_transaction": null,
  "failure_code": ${textOrNull(charge.failureCode)},
  "failure_message": ${textOrNull(charge.failureMessage)},
  "fraud_details": {},
  "livemode": false,
  "metadata": ${metadataText(charge.metadata)},
  "on_behalf_of": null,
  "outcome": ${paid ? authorized : declinedText(charge)},
  "paid": ${paid},
  "payment_intent": null,
  "payment_method": "${card}",
  "payment_method_details": ${paymentText(charge)},
  "receipt_email": null,
  "receipt_number": null,
  "receipt_url": null,
  "refunded": ${amountRefunded === amount},
  "review": null,
  "shipping": null,
  "source": ${sourceText(charge, card)},
  "source_transfer": null,
  "statement_descriptor": null,
  "statement_descriptor_suffix": null,
  "status": "${charge.status}",
  "transfer_data": null,
  "transfer_group": null
}`;
}

function declinedText(charge: Charge): string {
  return `{
    "network_status": "declined_by_network",
    "reason": ${textOrNull(charge.failureCode)},
    "risk_level": "normal",
    "risk_score": 32,
    "seller_message": "The bank did not return any further details with this decline.",
    "type": "issuer_declined"
  }`;
}

function paymentText({ source }: Charge): string {
  const { brand, funding, last4 } = cardOf(source);
  return `{
    "card": {
      "brand": "${brand}",
      "checks": {
        "address_line1_check": null,
        "address_postal_code_check": null,
        "cvc_check": null
      },
      "country": "US",
      "exp_month": 12,
      "exp_year": 2034,
      "funding": "${funding}",
      "installments": null,
      "last4": "${last4}",
      "mandate": null,
      "network": "${brand}",
      "three_d_secure": null,
      "wallet": null
    },
    "type": "card"
  }`;
}

function sourceText({ source, customer }: Charge, id: string): string {
  const { name, funding, last4 } = cardOf(source);
  return `{
    "id": "${id}",
    "object": "card",
    "address_city": null,
    "address_country": null,
    "address_line1": null,
    "address_line1_check": null,
    "address_line2": null,
    "address_state": null,
    "address_zip": null,
    "address_zip_check": null,
    "brand": "${name}",
    "country": "US",
    "customer": ${textOrNull(customer)},
    "cvc_check": null,
    "dynamic_last4": null,
    "exp_month": 12,
    "exp_year": 2034,
    "funding": "${funding}",
    "last4": "${last4}",
    "metadata": {},
    "name": null,
    "tokenization_method": null,
    "wallet": null
  }`;
}

export function refundText(refund: Refund): string {
  return `{
  "id": "${refund.id}",
  "object": "refund",
  "amount": ${refund.amount},
  "balance_transaction": "txn_${stem(refund.id)}",
  "charge": "${refund.charge}",
  "created": ${refund.created},
  "currency": "${refund.currency}",
  "destination_details": {
    "card": {
      "reference_status": "pending",
      "reference_type": "acquirer_reference_number",
      "type": "refund"
    },
    "type": "card"
  },
  "metadata": ${metadataText(refund.metadata)},
  "payment_intent": null,
  "reason": ${textOrNull(refund.reason)},
  "receipt_number": null,
  "source_transfer_reversal": null,
  "status": "${refund.status}",
  "transfer_reversal": null
}`;
}

export function customerText(customer: Customer): string {
  return `{
  "id": "${customer.id}",
  "object": "customer",
  "address": null,
  "balance": 0,
  "created": ${customer.created},
  "currency": null,
  "default_source": null,
  "delinquent": false,
  "description": ${textOrNull(customer.description)},
  "discount": null,
  "email": ${textOrNull(customer.email)},
  "invoice_prefix": "${stem(customer.id).slice(-8).toUpperCase()}",
  "invoice_settings": {
    "custom_fields": null,
    "default_payment_method": null,
    "footer": null,
    "rendering_options": null
  },
  "livemode": false,
  "metadata": ${metadataText(customer.metadata)},
  "name": ${textOrNull(customer.name)},
  "next_invoice_sequence": 1,
  "phone": null,
  "preferred_locales": [],
  "shipping": null,
  "tax_exempt": "none",
  "test_clock": null
}`;
}

export function balanceText({ available }: Balance): string {
  const currencies = Object.keys(available).filter((code) => currencyOf(code) !== undefined);
  if (currencies.length === 0) currencies.push("usd");
  const funds = (amountOf: (currency: string) => number) =>
    currencies.map((currency) => {
      const amount = amountOf(currency);
      return { amount, currency, source_types: { card: amount } };
    });
  const balance = {
    object: "balance",
    available: funds((currency) => available[currency] ?? 0),
    livemode: false,
    pending: funds(() => 0),
  };
  return JSON.stringify(balance, null, 2);
}

/** @param objects texts of the objects on the page */
export function listText(objects: readonly string[], more: boolean, url: string): string {
  const data = objects.map((text) => `\n    ${text.replaceAll("\n", "\n    ")}`).join(",");
  return `{
  "object": "list",
  "data": [${data}${data === "" ? "" : "\n  "}],
  "has_more": ${more},
  "url": "${url}"
}`;
}
