/**
 * A till: each session charges a card, under a key of its own, and may then send the very request again, as clients do whose answer came late or
 * whose webhook fired twice, or give part of the money back. The client's policy retries with the same key.
 *
 * The key also stands in the object's metadata, so the books afterwards say which request made what, with or without idempotency.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { ChargeChange, ChargesResult, CreateCharge, CreateRefund } from "../backend/api-charges.ts";
import type { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { booksIn, checkCharges } from "./charges-check.ts";
import type { ChargesPromise } from "./charges-check.ts";
import type { Distribution } from "./distribution.ts";
import { distributionOf, draw } from "./distribution.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, Fact, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

export interface ChargesParameters {
  /** Cents of a charge; at least 50 is charged. Default uniform from 100 to 10,000. */
  readonly amount?: Distribution;
  /** Share of cards that are declined. Default 0.02. */
  readonly declineShare?: number;
  /** Share of charges that were answered and are sent once more. Default 0.05. */
  readonly repeatShare?: number;
  /** Share of charges part of which is given back. Default 0.1. */
  readonly refundShare?: number;
  /** Microseconds from one step's intended start to the next one's. Default exponential with mean 100 ms. */
  readonly thinkUs?: Distribution;
  /** What two charges under one key are: true, a violation; false, counted. Default true. */
  readonly once?: boolean;
  /** What an event that is missing, invented or out of order is: "kept", a violation; "counted"; "none", when there is no sink. Default "none". */
  readonly events?: ChargesPromise["events"];
}

export const chargesDefaults = {
  amount: { kind: "uniform", from: 100, to: 10_000 },
  declineShare: 0.02,
  repeatShare: 0.05,
  refundShare: 0.1,
  thinkUs: { kind: "exponential", mean: 100_000 },
  once: true,
  events: "none",
} satisfies Required<ChargesParameters>;

export function charges(parameters: ChargesParameters = {}): WorkloadSpec {
  return { name: "charges", parameters: { ...chargesDefaults, ...parameters } };
}

const account = "acct_load";
const least = 50;
/** So that one read is all there is. */
const everything = 100_000_000;
/** Answers "in flight" that a session waits out. */
const maxWaits = 5;

export class Charges implements Workload {
  readonly name = "charges";
  private readonly plan: Plan;
  private readonly promise: ChargesPromise;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("charges", chargesDefaults, given);
    this.plan = {
      amount: distributionOf(parameters, "amount"),
      declineShare: parameters.number("declineShare", 0, 1),
      repeatShare: parameters.number("repeatShare", 0, 1),
      refundShare: parameters.number("refundShare", 0, 1),
      thinkUs: distributionOf(parameters, "thinkUs"),
    };
    const events = parameters.text("events") as ChargesPromise["events"];
    if (!["kept", "counted", "none"].includes(events)) {
      throw parameters.mistake("events", events, "kept, counted or none", '"kept"');
    }
    this.promise = { once: parameters.boolean("once"), events };
  }

  setup(): readonly Request[] {
    return [];
  }

  begin(arrival: number, random: Random): Session {
    return new TillSession(this.plan, arrival, random);
  }

  finalReads(): readonly Request[] {
    return [
      { kind: "charge-list", account, limit: everything },
      { kind: "refund-list", account, limit: everything },
      { kind: "balance-get", account },
      ...(this.promise.events === "none" ? [] : [{ kind: "deliveries-read", from: 0, limit: everything } as const]),
    ];
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    return checkCharges(history, booksIn(finals), this.promise);
  }
}

interface Plan {
  readonly amount: Distribution;
  readonly declineShare: number;
  readonly repeatShare: number;
  readonly refundShare: number;
  readonly thinkUs: Distribution;
}

/** charge ──> again, if it is in flight ──> perhaps once more ──> perhaps a refund */
class TillSession implements Session {
  private readonly plan: Plan;
  private readonly random: Random;
  private readonly arrival: number;
  private readonly charge: ChargeChange;
  private step: Step | null = null;
  private waits = 0;
  private repeats: boolean;
  private refunds: boolean;

  constructor(plan: Plan, arrival: number, random: Random) {
    this.plan = plan;
    this.random = random;
    this.arrival = arrival;
    const amount = Math.max(least, draw(plan.amount, random));
    const source = random.chance(plan.declineShare) ? "tok_chargeDeclined" : "tok_visa";
    const change = { kind: "charge-create", amount, currency: "usd", source } as const;
    this.charge = this.keyed(change, `charge-${arrival}`);
    this.repeats = random.chance(plan.repeatShare);
    this.refunds = random.chance(plan.refundShare);
  }

  next(previous: Answer | null): Step | null {
    if (previous === null || this.step === null) return this.ask("charge", this.charge, 0);
    const { fact } = this.step;
    const result = resultOf(previous);
    Object.assign(fact!, told(result));
    if (result?.kind === "charge-error" && result.error.status === 409 && this.waits++ < maxWaits) {
      return this.ask(this.step.operation, this.step.request as ChargeChange);
    }
    if (this.step.operation === "refund") return null;
    if (this.repeats) {
      this.repeats = false;
      return this.ask("repeat", this.charge);
    }
    if (!this.refunds || result?.kind !== "charge") return null;
    this.refunds = false;
    const amount = Math.max(1, Math.floor(result.charge.amount / 2));
    const refund = { kind: "refund-create", charge: result.charge.id, amount } as const;
    return this.ask("refund", this.keyed(refund, `refund-${this.arrival}`));
  }

  private keyed(change: Omit<CreateCharge, "metadata"> | Omit<CreateRefund, "metadata">, key: string): ChargeChange {
    return { ...change, account, metadata: { key }, idempotency: { account, key, fingerprint: key } };
  }

  private ask(operation: string, request: ChargeChange, thinkUs?: Micros): Step {
    const { key } = request.idempotency!;
    const fact: Fact = { kind: request.kind, key, id: null, status: 0 };
    this.step = { operation, request, thinkUs: thinkUs ?? draw(this.plan.thinkUs, this.random), fact };
    return this.step;
  }
}

function resultOf(answer: Answer): ChargesResult | undefined {
  return answer.kind === "ok" ? (answer.result as ChargesResult) : undefined;
}

/** What an answer says was made: an id, and 200, or the error's status. */
function told(result: ChargesResult | undefined): { id: string | null; status: number } {
  switch (result?.kind) {
    case "charge":
      return { id: result.charge.id, status: 200 };
    case "refund":
      return { id: result.refund.id, status: 200 };
    case "charge-error":
      return { id: result.error.charge ?? null, status: result.error.status };
    default:
      return { id: null, status: 0 };
  }
}
