/**
 * What changes the state of the charge service: the commands of its log. Most are a client's own request; the rest are what the node that
 * leads proposes on its own.
 *
 *     charge-create                     the card network answers inside the command: one command, one transaction
 *
 *     charge-begin ──> CardCall ──> card network ──> charge-finish
 *          └── the caller died ──> charge-takeover ──> CardCall of the next attempt ──> ...
 *
 * The second way is for a network that is asked outside the log. Between the two commands the key is in flight, and the call carries a key
 * derived from the charge, so that asking twice is asking once (brandur.org, "Implementing Stripe-like idempotency keys in Postgres").
 */
import type { CardCall, ChargeChange, ChargesResult, CreateCharge, Idempotency } from "../../api-charges.ts";
import type { Answer } from "../../api.ts";
import type { CardAnswer } from "./card-network.ts";

/** Begins a charge whose card network is asked outside the log. Answered with `charge-pending` when there is somebody to ask. */
export interface ChargeBegin extends Omit<CreateCharge, "kind"> {
  readonly kind: "charge-begin";
  readonly account: string;
  readonly idempotency?: Idempotency;
}

/** What the network said to a call. Ignored unless the call's attempt is still the charge's. */
export interface ChargeFinish {
  readonly kind: "charge-finish";
  readonly call: CardCall;
  readonly answer: CardAnswer;
}

export type ChargesCommand =
  | ChargeChange
  | ChargeBegin
  | ChargeFinish
  /** Asks the network anew for charges whose caller has not come back. Answered with `charge-pending`. */
  | { readonly kind: "charge-takeover" }
  /** Forgets idempotency keys that are past their time, a bounded number of them. */
  | { readonly kind: "keys-expire" }
  | { readonly kind: "outbox-delete"; readonly ids: readonly string[] }
  /** As outbox-delete, by the numbers of the rows. */
  | { readonly kind: "outbox-drop"; readonly rows: readonly number[] }
  /** Written only by planted bugs, which put into a second command what belongs into the first. */
  | { readonly kind: "late-write"; readonly key: string; readonly value: LateValue };

export type LateValue = readonly (string | number | null)[];

export function answered(result: ChargesResult): Answer {
  return { kind: "ok", result };
}
