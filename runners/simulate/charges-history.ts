/** What a scenario of charges hears, and what must be true of it in the end. */
import type { Charge, ChargeChange, ChargesResult, EventDelivery, Refund } from "../../backend/api-charges.ts";
import { second } from "../../backend/kernel/units.ts";
import { checkMoney } from "../check/money.ts";
import type { ChargeEvent, MoneyAnswer } from "../check/money.ts";
import { ScenarioHistory } from "./scenario-history.ts";

export const account = "acct_1";
export const declinedCard = "tok_chargeDeclined";

/** The books and the sink when all is over. */
export interface Books {
  readonly charges: readonly Charge[];
  readonly refunds: readonly Refund[];
  /** None was asked for with a key of its own. */
  readonly customers: number;
  readonly balance: number;
  readonly deliveries: readonly EventDelivery[];
}

export class ChargesHistory extends ScenarioHistory {
  private readonly answers: MoneyAnswer[] = [];
  /** By key: requests that were sent and not answered yet. */
  private readonly open = new Map<string, ChargeChange>();
  private readonly answered = new Set<string>();
  /** Keys whose request made something. */
  private readonly made = new Set<string>();

  unanswered(): readonly ChargeChange[] {
    return [...this.open.values()];
  }

  /** False: this is no answer to the request; it has to be sent again. */
  hear(change: ChargeChange, result: ChargesResult): boolean {
    const { key } = change.idempotency!;
    if (result.kind === "charge-error" && result.error.status === 409) {
      if (!this.answered.has(key)) this.open.set(key, change);
      return false;
    }
    this.open.delete(key);
    if (!this.answered.has(key)) this.acknowledged++;
    this.answered.add(key);
    const object =
      result.kind === "charge"
        ? result.charge
        : result.kind === "refund"
          ? result.refund
          : result.kind === "charge-error"
            ? { ...result.error, id: result.error.charge }
            : undefined;
    // A refund of more than is left made nothing, and may be answered otherwise later.
    if (object?.id === undefined) return true;
    this.made.add(key);
    this.answers.push({ account, key, object: object.id, body: JSON.stringify(object) });
    return true;
  }

  /** A request was sent, whatever becomes of it. */
  onSent(change: ChargeChange): void {
    const { key } = change.idempotency!;
    if (!this.answered.has(key)) this.open.set(key, change);
  }

  hasMade({ idempotency }: ChargeChange): boolean {
    return this.made.has(idempotency!.key);
  }

  /** The key of a request that made something was sent with another. */
  hearMisuse(key: string, result: ChargesResult | undefined): void {
    if (result === undefined || (result.kind === "charge-error" && result.error.type === "idempotency_error")) return;
    this.report("money", `key ${key} was used for another request too, which was answered with ${result.kind}`);
  }

  judge(books: Books): void {
    const { charges, refunds, deliveries } = books;
    const booked = { account, createdAt: 0 };
    const record = {
      answers: this.answers,
      charges: charges.map(({ id, amount, amountRefunded, status, metadata, created }) => ({
        ...booked,
        id,
        key: metadata.key,
        createdAt: created * second,
        captured: status === "succeeded" ? amount : 0,
        refunded: amountRefunded,
      })),
      refunds: refunds.map(({ id, charge, amount, metadata, created }) => ({
        ...booked,
        id,
        key: metadata.key,
        createdAt: created * second,
        charge,
        amount,
      })),
      ledger: [],
      changes: changesOf(charges, refunds),
      deliveries: deliveries.flatMap(deliveredOf),
    };
    const { violations } = checkMoney(record);
    for (const { rule, detail } of violations.examples) this.report("money", `${rule}: ${detail}`);
    if (books.customers > 0) this.report("money", `${books.customers} customers were made by keys of other requests`);
    this.judgeBalance(books);
  }

  private judgeBalance({ charges, refunds, balance }: Books): void {
    const captured = charges.reduce((sum, { status, amount }) => (status === "succeeded" ? sum + amount : sum), 0);
    const returned = refunds.reduce((sum, { amount }) => sum + amount, 0);
    if (captured - returned === balance) return;
    this.report("money", `the balance is ${balance}, but ${captured} was captured and ${returned} given back`);
  }
}

/** What the books say has happened: a charge is its first event, each refund another. */
function changesOf(charges: readonly Charge[], refunds: readonly Refund[]): ChargeEvent[] {
  const events = new Map(charges.map(({ id }) => [id, 1]));
  for (const { charge } of refunds) events.set(charge, (events.get(charge) ?? 0) + 1);
  return [...events].flatMap(([charge, count]) =>
    Array.from({ length: count }, (_, i) => ({ id: `${charge}#${i + 1}`, charge, sequence: i + 1 })),
  );
}

function deliveredOf({ subject, duplicate, event }: EventDelivery): ChargeEvent[] {
  if (duplicate || event === null || event.type === "customer.created") return [];
  return [{ id: `${subject}#${event.sequence}`, charge: subject, sequence: event.sequence }];
}
