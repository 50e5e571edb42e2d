/** What the service answers when it does not do what was asked, in Stripe's words. */
import type { Charge, ChargeError } from "../../api-charges.ts";
import type { Answer } from "../../api.ts";
import { moneyText } from "../../kernel/currency.ts";
import { answered } from "./commands.ts";

export function failed(error: ChargeError, replayed = false): Answer {
  return answered({ kind: "charge-error", error, replayed });
}

/** No object of this account has the id. In a path that is a 404, in a parameter a 400. */
export function missing(
  what: "charge" | "refund" | "customer" | "token",
  id: string,
  param: string,
  status = 400,
): Answer {
  const message = `No such ${what}: '${id}'`;
  return failed({ status, type: "invalid_request_error", code: "resource_missing", param, message });
}

/** The answer to a charge whose card did not pay. The charge exists. */
export function declined(charge: Charge, declineCode: string, replayed: boolean): Answer {
  const error: ChargeError = {
    status: 402,
    type: "card_error",
    code: charge.failureCode!,
    declineCode,
    message: charge.failureMessage!,
    charge: charge.id,
  };
  const param = params.get(charge.failureCode!);
  return failed(param === undefined ? error : { ...error, param }, replayed);
}

const params: ReadonlyMap<string, string> = new Map([
  ["expired_card", "exp_month"],
  ["incorrect_cvc", "cvc"],
]);

export function otherParameters(key: string): Answer {
  const message =
    "Keys for idempotent requests can only be used with the same parameters they were first used with. " +
    `Try using a key other than '${key}' if you meant to execute a different request.`;
  return failed({ status: 400, type: "idempotency_error", message });
}

export function keyInFlight(key: string): Answer {
  const message =
    "There is currently another in-progress request using this Idempotency Key (that probably means you submitted " +
    `twice, and the other request is still going through): ${key}. Please try again later.`;
  return failed({ status: 409, type: "idempotency_error", code: "idempotency_key_in_use", message });
}

export function alreadyRefunded(charge: string): Answer {
  const message = `Charge ${charge} has already been refunded.`;
  return failed({ status: 400, type: "invalid_request_error", code: "charge_already_refunded", message });
}

export function refundTooLarge(amount: number, left: number, currency: string): Answer {
  const [asked, there] = [moneyText(amount, currency), moneyText(left, currency)];
  const message = `Refund amount (${asked}) is greater than unrefunded amount on charge (${there})`;
  return failed({ status: 400, type: "invalid_request_error", param: "amount", message });
}

export function notRefundable(charge: string): Answer {
  const message = `Charge ${charge} has failed: there is nothing to refund.`;
  return failed({ status: 400, type: "invalid_request_error", param: "charge", message });
}
