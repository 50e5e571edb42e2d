/**
 * Errors as Stripe writes them: an object `error` with its members in alphabetical order. What the door itself finds wrong is thrown; what
 * the service answers comes as a `ChargeError` and is written the same way.
 */
import type { ChargeError } from "../../api-charges.ts";

/** A fault of the request that the door found: nothing was begun. */
export class StripeError extends Error {
  readonly error: ChargeError;

  constructor(error: ChargeError) {
    super(error.message);
    this.error = error;
  }
}

interface Details {
  readonly status?: number;
  readonly code?: string;
  readonly param?: string;
}

/** `status` 400 when it is not said. */
export function invalid(message: string, { status = 400, code, param }: Details = {}): StripeError {
  return new StripeError({ status, type: "invalid_request_error", code, param, message });
}

export function unrecognized(method: string, path: string): StripeError {
  const message =
    `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at ` +
    "https://support.stripe.com/.";
  return invalid(message, { status: 404 });
}

export function missingParam(param: string): StripeError {
  return invalid(`Missing required param: ${param}.`, { code: "parameter_missing", param });
}

export function emptyParam(param: string): StripeError {
  const message =
    `You passed an empty string for '${param}'. We assume empty values are an attempt to unset a parameter; however ` +
    `'${param}' cannot be unset. You should remove '${param}' from your request or supply a non-empty value.`;
  return invalid(message, { code: "parameter_invalid_empty", param });
}

/** Too much was asked: nothing was begun. */
export const rateLimit: ChargeError = {
  status: 429,
  type: "invalid_request_error",
  code: "rate_limit",
  message:
    "Too many requests hit the API too quickly. We recommend an exponential backoff of your requests, with randomness " +
    "so that they do not come back together.",
};

export function unavailable(message: string): ChargeError {
  return { status: 503, type: "api_error", message: `The service cannot be reached and nothing was begun: ${message}` };
}

/** It may have happened, and may still: the one error whose remedy is the idempotency key. */
export function outcomeUnknown(message: string): ChargeError {
  const advice = "Send it again with the same idempotency key: it will not happen twice";
  return {
    status: 500,
    type: "api_error",
    message: `What became of the request is not known (${message}). ${advice}.`,
  };
}

export function internal(message: string): ChargeError {
  return { status: 500, type: "api_error", message: `An unexpected error: ${message}` };
}

const docs = "https://stripe.com/docs/error-codes/";

export function errorText({ type, code, declineCode, param, message, charge }: ChargeError): string {
  const error = {
    charge,
    code,
    decline_code: declineCode,
    doc_url: code === undefined ? undefined : docs + code.replaceAll("_", "-"),
    message,
    param,
    type,
  };
  return `${JSON.stringify({ error }, null, 2)}\n`;
}
