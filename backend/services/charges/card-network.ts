/**
 * The card network: who says whether a card pays. The one here is embedded and knows the tokens of Stripe's test mode; its answer depends
 * on the token alone, so whoever asks again with the same key hears the same.
 */
import type { CardCall } from "../../api-charges.ts";

export type CardAnswer =
  | { readonly kind: "approved" }
  | { readonly kind: "declined"; readonly code: string; readonly declineCode: string };

export interface CardNetwork {
  /** False: no card has this token. */
  knows(source: string): boolean;
  /** The same answer to the same `call.charge`, however often it is asked. */
  authorize(call: CardCall): CardAnswer;
}

interface Decline {
  readonly code: string;
  readonly declineCode: string;
}

/** Stripe's documentation, "Testing", cards by token. */
const declines: ReadonlyMap<string, Decline> = new Map([
  ["tok_chargeDeclined", { code: "card_declined", declineCode: "generic_decline" }],
  ["tok_chargeDeclinedInsufficientFunds", { code: "card_declined", declineCode: "insufficient_funds" }],
  ["tok_chargeDeclinedLostCard", { code: "card_declined", declineCode: "lost_card" }],
  ["tok_chargeDeclinedStolenCard", { code: "card_declined", declineCode: "stolen_card" }],
  ["tok_chargeDeclinedFraudulent", { code: "card_declined", declineCode: "fraudulent" }],
  ["tok_chargeDeclinedExpiredCard", { code: "expired_card", declineCode: "expired_card" }],
  ["tok_chargeDeclinedIncorrectCvc", { code: "incorrect_cvc", declineCode: "incorrect_cvc" }],
  ["tok_chargeDeclinedProcessingError", { code: "processing_error", declineCode: "processing_error" }],
]);

const paying: ReadonlySet<string> = new Set([
  "tok_visa",
  "tok_visa_debit",
  "tok_mastercard",
  "tok_mastercard_debit",
  "tok_mastercard_prepaid",
  "tok_amex",
  "tok_discover",
  "tok_diners",
  "tok_jcb",
  "tok_unionpay",
]);

const messages: ReadonlyMap<string, string> = new Map([
  ["insufficient_funds", "Your card has insufficient funds."],
  ["expired_card", "Your card has expired."],
  ["incorrect_cvc", "Your card's security code is incorrect."],
  ["processing_error", "An error occurred while processing your card. Try again in a little bit."],
]);

/** What the cardholder is told about a decline. */
export function declineMessage(declineCode: string): string {
  return messages.get(declineCode) ?? "Your card was declined.";
}

const approved: CardAnswer = { kind: "approved" };

export const testCards: CardNetwork = {
  knows: (source) => paying.has(source) || declines.has(source),
  authorize({ source }) {
    const decline = declines.get(source);
    return decline === undefined ? approved : { kind: "declined", ...decline };
  },
};
