/** Reads checked values out of a form, and says in Stripe's words what is wrong with the others. */
import { currencyCodes, currencyOf, moneyText } from "../../kernel/currency.ts";
import type { Form } from "./form.ts";
import { emptyParam, invalid, missingParam } from "./stripe-error.ts";

const maxTextLength = 5_000;
const maxAmount = 99_999_999;
const maxMetadata = { keys: 50, keyLength: 40, valueLength: 500 } as const;

export class Params {
  private readonly form: Form;

  /** @throws StripeError for parameters that are not `known` */
  constructor(form: Form, known: ReadonlySet<string>) {
    this.form = form;
    const unknown = [...form.scalars.keys(), ...form.maps.keys()].filter(
      (name) => name !== "expand" && !known.has(name),
    );
    if (unknown.length === 0) return;
    const names = unknown.join(", ");
    const message = `Received unknown parameter${unknown.length === 1 ? "" : "s"}: ${names}`;
    throw invalid(message, { code: "parameter_unknown", param: unknown[0] });
  }

  has(name: string): boolean {
    return this.form.scalars.has(name);
  }

  /** An empty one is refused, for it would mean to unset what cannot be unset. */
  text(name: string, maxLength = maxTextLength): string | undefined {
    const nested = this.form.maps.get(name);
    if (nested !== undefined)
      throw invalid(`Invalid string: ${JSON.stringify(Object.fromEntries(nested))}`, { param: name });
    const value = this.form.scalars.get(name);
    if (value === "") throw emptyParam(name);
    if (value === undefined || value.length <= maxLength) return value;
    const shown = `${value.slice(0, 20)}...`;
    throw invalid(`Invalid string: ${shown}; must be at most ${maxLength} characters`, { param: name });
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (/^-?\d+$/.test(value) && Number.isSafeInteger(number)) return number;
    throw invalid(`Invalid integer: ${value}`, { code: "parameter_invalid_integer", param: name });
  }

  integerIn(name: string, least: number, most: number): number | undefined {
    const value = this.integer(name);
    if (value === undefined || (value >= least && value <= most)) return value;
    const bound = value < least ? `greater than or equal to ${least}` : `less than or equal to ${most}`;
    throw invalid(`This value must be ${bound}.`, { code: "parameter_invalid_integer", param: name });
  }

  oneOf(name: string, values: readonly string[]): string | undefined {
    const value = this.text(name);
    if (value === undefined || values.includes(value)) return value;
    const list = `${values.slice(0, -1).join(", ")}, or ${values.at(-1)}`;
    throw invalid(`Invalid ${name}: must be one of ${list}`, { param: name });
  }

  currency(): string {
    const value = this.text("currency");
    if (value === undefined) throw missingParam("currency");
    const code = value.toLowerCase();
    if (currencyOf(code) !== undefined) return code;
    const supported = `Stripe currently supports these currencies: ${currencyCodes.join(", ")}`;
    throw invalid(`Invalid currency: ${code}. ${supported}`, { param: "currency" });
  }

  /** What is to be charged, in smallest units of `currency`. */
  amount(currency: string): number {
    const amount = this.integerIn("amount", 1, Number.MAX_SAFE_INTEGER);
    if (amount === undefined) throw missingParam("amount");
    const { least } = currencyOf(currency)!;
    if (amount < least) {
      const message = `Amount must be at least ${moneyText(least, currency)} ${currency}`;
      throw invalid(message, { code: "amount_too_small", param: "amount" });
    }
    if (amount <= maxAmount) return amount;
    const message = `Amount must be no more than ${moneyText(maxAmount, currency)}`;
    throw invalid(message, { code: "amount_too_large", param: "amount" });
  }

  /** Members with an empty value are left out: at Stripe that unsets them. */
  metadata(): Record<string, string> {
    const members: Record<string, string> = {};
    const scalar = this.form.scalars.get("metadata");
    if (scalar !== undefined && scalar !== "") throw invalid(`Invalid object: ${scalar}`, { param: "metadata" });
    const map = this.form.maps.get("metadata");
    if (map === undefined) return members;
    if (map.size > maxMetadata.keys) {
      throw invalid(`Metadata can have up to ${maxMetadata.keys} keys, but you passed in ${map.size}`, {
        param: "metadata",
      });
    }
    for (const [key, value] of map) {
      checkMember(key, value);
      if (value !== "") members[key] = value;
    }
    return members;
  }
}

function checkMember(key: string, value: string): void {
  const { keyLength, valueLength } = maxMetadata;
  if (key === "") throw invalid("Metadata keys cannot be empty", { param: "metadata" });
  // An object's member of this name is its prototype.
  if (key === "__proto__") throw invalid("Metadata keys cannot be __proto__", { param: "metadata" });
  if (key.length > keyLength) {
    const message = `Metadata keys can have up to ${keyLength} characters, but you passed in a key that is ${key.length} characters`;
    throw invalid(`${message}. Invalid key: ${key.slice(0, keyLength)}...`, { param: "metadata" });
  }
  if (value.length > valueLength) {
    const message = `Metadata values can have up to ${valueLength} characters, but you passed in a value that is ${value.length} characters`;
    throw invalid(`${message}. Invalid value: ${value.slice(0, keyLength)}...`, { param: `metadata[${key}]` });
  }
}
