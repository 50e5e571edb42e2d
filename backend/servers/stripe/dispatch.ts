/**
 * One request, from its headers and body to the answer's status and text. No HTTP is written here, so all of it can be fuzzed without a
 * socket.
 *
 *     method, path ──> key ──> parameters ──> backend.submit(request) ──> 200, or the service's error
 *          |            |          |                    |
 *          └── 404      └── 401    └── 400              └── refused 429 or 503, unknown 500
 */
import { hash } from "node:crypto";
import type { Answer, Request, Result } from "../../api.ts";
import type { Charge, ChargeError, ChargesRequest, Customer, Idempotency, Refund } from "../../api-charges.ts";
import type { Micros } from "../../kernel/units.ts";
import { accountOf } from "./api-key.ts";
import { canonicalText, parseForm } from "./form.ts";
import type { Form } from "./form.ts";
import { balanceText, chargeText, customerText, listText, refundText } from "./object-text.ts";
import { findOperation } from "./operations.ts";
import { Params } from "./params.ts";
import {
  errorText,
  invalid,
  outcomeUnknown,
  rateLimit,
  StripeError,
  unavailable,
  unrecognized,
} from "./stripe-error.ts";

/** What a door stands in front of. `done` is called exactly once, at any time, also before `submit` returns. */
export interface DoorBackend {
  submit(request: Request, done: (answer: Answer) => void): void;
}

export interface Incoming {
  readonly method: string;
  /** Path and query string. */
  readonly url: string;
  readonly authorization: string | undefined;
  /** Header idempotency-key. */
  readonly idempotencyKey: string | undefined;
  readonly body: string;
  /** How much longer the client will wait, where it says so. */
  readonly timeoutUs?: Micros;
}

export interface Outgoing {
  readonly status: number;
  readonly body: string;
  /** The answer is that of an earlier request. */
  readonly replayed: boolean;
  /** What the client is advised to do about an error, where there is an advice to give. */
  readonly retry?: boolean;
}

export type Respond = (outgoing: Outgoing) => void;

const maxKeyLength = 255;
const fingerprintLength = 22;

/** Calls `respond` exactly once. */
export function dispatch(incoming: Incoming, backend: DoorBackend, respond: Respond): void {
  const { url } = incoming;
  const question = url.indexOf("?");
  const path = question < 0 ? url : url.slice(0, question);
  let request: ChargesRequest;
  try {
    request = readRequest(incoming, path, question < 0 ? "" : url.slice(question + 1));
  } catch (error) {
    if (!(error instanceof StripeError)) throw error;
    respond(failure(error.error));
    return;
  }
  const safe = incoming.method === "GET" || ("idempotency" in request && request.idempotency !== undefined);
  backend.submit(request, (answer) => respond(outgoingOf(answer, path, safe)));
}

function readRequest(incoming: Incoming, path: string, query: string): ChargesRequest {
  const { method, timeoutUs } = incoming;
  const found = findOperation(method, path);
  if (found === undefined) throw unrecognized(method, path);
  const account = accountOf(incoming.authorization);
  const { operation, id } = found;
  if (operation.kind === "query") {
    const asked = operation.read(new Params(parseForm(query), operation.known), account, id);
    return timeoutUs === undefined ? asked : { ...asked, timeoutUs };
  }
  const form = parseForm(query === "" ? incoming.body : `${query}&${incoming.body}`);
  const key = checkedKey(incoming.idempotencyKey);
  const change = operation.read(new Params(form, operation.known));
  const idempotency = key === undefined ? undefined : idempotencyOf(account, key, method, path, form);
  const asked = idempotency === undefined ? { ...change, account } : { ...change, account, idempotency };
  return timeoutUs === undefined ? asked : { ...asked, timeoutUs };
}

function checkedKey(key: string | undefined): string | undefined {
  if (key === undefined || key.length <= maxKeyLength) return key;
  throw invalid(`Idempotency keys can have up to ${maxKeyLength} characters, but you passed in one of ${key.length}.`);
}

function idempotencyOf(account: string, key: string, method: string, path: string, form: Form): Idempotency {
  const digest = hash("sha256", `${method} ${path} ${canonicalText(form)}`, "base64url");
  return { account, key, fingerprint: digest.slice(0, fingerprintLength) };
}

/** @param safe the request may be sent again: it changes nothing, or its key sees to it that it changes nothing twice */
function outgoingOf(answer: Answer, path: string, safe: boolean): Outgoing {
  switch (answer.kind) {
    case "ok":
      return resultOf(answer.result, path);
    case "unknown":
      return { ...failure(outcomeUnknown(`${answer.code}: ${answer.message}`)), retry: safe };
    case "refused":
      return refusalOf(answer);
  }
}

function refusalOf({ code, message }: Extract<Answer, { kind: "refused" }>): Outgoing {
  switch (code) {
    case "throttled":
    case "overloaded":
      return { ...failure(rateLimit), retry: true };
    case "invalid":
      return failure({ status: 400, type: "invalid_request_error", message });
    default:
      return { ...failure(unavailable(`${code}: ${message}`)), retry: true };
  }
}

function resultOf(result: Result, path: string): Outgoing {
  switch (result.kind) {
    case "charge":
      return success(chargeText(result.charge), result.replayed);
    case "refund":
      return success(refundText(result.refund), result.replayed);
    case "customer":
      return success(customerText(result.customer), result.replayed);
    case "balance":
      return success(balanceText(result.balance), false);
    case "list":
      return success(
        listText(
          result.objects.map((object) => objectText(result.of, object)),
          result.more,
          path,
        ),
        false,
      );
    case "charge-error":
      return { ...failure(result.error, result.replayed), ...(result.error.status === 409 ? { retry: true } : {}) };
    default:
      throw new Error(`the backend answered a charge request with "${result.kind}"`);
  }
}

function objectText(of: "charge" | "refund" | "customer", object: Charge | Refund | Customer): string {
  if (of === "charge") return chargeText(object as Charge);
  return of === "refund" ? refundText(object as Refund) : customerText(object as Customer);
}

function success(text: string, replayed: boolean): Outgoing {
  return { status: 200, body: `${text}\n`, replayed };
}

function failure(error: ChargeError, replayed = false): Outgoing {
  return { status: error.status, body: errorText(error), replayed };
}
