/** What can be told of the card behind a test token, for the objects that show one. From Stripe's documentation, "Testing". */
export interface Card {
  readonly brand: string;
  /** The brand as older objects write it. */
  readonly name: string;
  readonly last4: string;
  readonly funding: "credit" | "debit" | "prepaid";
}

const visa: Card = { brand: "visa", name: "Visa", last4: "4242", funding: "credit" };

const cards: ReadonlyMap<string, Card> = new Map([
  ["tok_visa_debit", { ...visa, last4: "5556", funding: "debit" }],
  ["tok_mastercard", { brand: "mastercard", name: "MasterCard", last4: "4444", funding: "credit" }],
  ["tok_mastercard_debit", { brand: "mastercard", name: "MasterCard", last4: "3222", funding: "debit" }],
  ["tok_mastercard_prepaid", { brand: "mastercard", name: "MasterCard", last4: "5100", funding: "prepaid" }],
  ["tok_amex", { brand: "amex", name: "American Express", last4: "8431", funding: "credit" }],
  ["tok_discover", { brand: "discover", name: "Discover", last4: "1117", funding: "credit" }],
  ["tok_diners", { brand: "diners", name: "Diners Club", last4: "0004", funding: "credit" }],
  ["tok_jcb", { brand: "jcb", name: "JCB", last4: "0505", funding: "credit" }],
  ["tok_unionpay", { brand: "unionpay", name: "UnionPay", last4: "0005", funding: "credit" }],
  ["tok_chargeDeclined", { ...visa, last4: "0002" }],
  ["tok_chargeDeclinedInsufficientFunds", { ...visa, last4: "9995" }],
  ["tok_chargeDeclinedLostCard", { ...visa, last4: "9987" }],
  ["tok_chargeDeclinedStolenCard", { ...visa, last4: "9979" }],
  ["tok_chargeDeclinedFraudulent", { ...visa, last4: "0019" }],
  ["tok_chargeDeclinedExpiredCard", { ...visa, last4: "0069" }],
  ["tok_chargeDeclinedIncorrectCvc", { ...visa, last4: "0127" }],
  ["tok_chargeDeclinedProcessingError", { ...visa, last4: "0119" }],
]);

export function cardOf(source: string): Card {
  return cards.get(source) ?? visa;
}
