/**
 * The charge service as a state machine: Stripe's v1 charges, refunds, customers and balance, with idempotency keys and an outbox. One
 * command is one transaction. What a charge is made of is written together or, when the command is refused, not at all:
 *
 *     charge-create ──> key known? ──> replay, 409 or 400
 *                  └──> valid? ──> card network ──> charge + ledger + outbox row + key
 *
 * All that is random in Stripe is counted here, ids and order alike, and time is the log's stamp: every replica gets the same state.
 */
import type { Answer } from "../../api.ts";
import type {
  ChargeChange,
  ChargeEvent,
  CreateCharge,
  CreateCustomer,
  CreateRefund,
  Idempotency,
} from "../../api-charges.ts";
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import { second } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import type { StateMachine } from "../../protocols/paxos/state-machine.ts";
import { testCards } from "./card-network.ts";
import type { CardAnswer, CardNetwork } from "./card-network.ts";
import { answered } from "./commands.ts";
import type { ChargeBegin, ChargeFinish, ChargesCommand, LateValue } from "./commands.ts";
import * as errors from "./errors.ts";
import { IdempotencyKeys } from "./idempotency-keys.ts";
import type { KeyRecord } from "./idempotency-keys.ts";
import { counterKey, idOf, numberOf } from "./keys.ts";
import { Ledger, networkAccount } from "./ledger.ts";
import { Objects } from "./objects.ts";
import { OutboxRows } from "./outbox-rows.ts";
import type { RowPlace } from "./outbox-rows.ts";
import { PendingCharges } from "./pending-charges.ts";
import { Reader } from "./reader.ts";
import type { MachineQuery } from "./reader.ts";

export interface ChargesOptions {
  /** False: keys are ignored, as by a service without them. True by default. */
  readonly idempotency?: boolean;
  /** The embedded one, which knows Stripe's test cards, by default. */
  readonly network?: CardNetwork;
  /** Stale locks are somebody else's care, who hears what a takeover asks for: `due` leaves them. */
  readonly takeoverElsewhere?: boolean;
}

/** The answer to what the service does on its own. */
const nobodyToAsk = answered({ kind: "charge-pending", calls: [] });

type Asked<Change> = Change & { readonly account: string; readonly idempotency?: Idempotency };

export class ChargesMachine implements StateMachine<ChargesCommand, MachineQuery, Answer> {
  protected readonly store: Store;
  private readonly idempotency: boolean;
  private readonly network: CardNetwork;
  private readonly takeoverElsewhere: boolean;
  private readonly objects: Objects;
  private readonly ledger: Ledger;
  private readonly keys: IdempotencyKeys;
  private readonly outbox: OutboxRows;
  private readonly pending: PendingCharges;
  private readonly reader: Reader;
  /** Stamp of the last command that was applied since the state was here. */
  private applied: Micros = 0;

  constructor(store: Store, options: ChargesOptions = {}) {
    this.store = store;
    this.idempotency = options.idempotency ?? true;
    this.network = options.network ?? testCards;
    this.takeoverElsewhere = options.takeoverElsewhere ?? false;
    this.objects = new Objects(store);
    this.ledger = new Ledger(store);
    this.keys = new IdempotencyKeys(store, (key, value) => this.writeKey(key, value));
    this.outbox = new OutboxRows(store, this.objects, (key, value) => this.writeOutbox(key, value));
    this.pending = new PendingCharges(store);
    this.reader = new Reader(store, this.objects, this.ledger, this.outbox);
  }

  /** Grows with every object and event. */
  get revision(): number {
    return this.reader.next;
  }

  apply(command: ChargesCommand, at: Micros): Answer {
    this.applied = at;
    switch (command.kind) {
      case "charge-create":
      case "refund-create":
      case "customer-create":
      case "charge-begin":
        return this.change(command, at);
      case "charge-finish":
        return this.finishCharge(command, at);
      case "charge-takeover":
        return this.takeOver(at);
      case "keys-expire":
        this.keys.expire(at);
        return nobodyToAsk;
      case "outbox-delete":
        return answered({ kind: "outbox-deleted", deleted: this.outbox.delete(command.ids) });
      case "outbox-drop":
        return answered({
          kind: "outbox-deleted",
          deleted: command.rows.filter((row) => this.outbox.drop(row)).length,
        });
      case "late-write":
        this.store.putLater(command.key, command.value);
        this.reset();
        return nobodyToAsk;
    }
  }

  read(query: MachineQuery): Answer {
    return this.reader.answer(query);
  }

  reset(): void {
    this.keys.reset();
    this.outbox.reset();
    this.pending.reset();
  }

  due(at: Micros): ChargesCommand | undefined {
    if (!this.takeoverElsewhere && this.hasStaleLocks(at)) return { kind: "charge-takeover" };
    return this.keys.expired(at, this.applied) ? { kind: "keys-expire" } : undefined;
  }

  /** A charge waits for a caller that has not come back. */
  hasStaleLocks(at: Micros): boolean {
    return this.pending.stale(at, this.applied).length > 0;
  }

  /** Some charge waits for the card network. */
  hasLocks(): boolean {
    return this.pending.stale(Number.MAX_SAFE_INTEGER, this.applied).length > 0;
  }

  /** The oldest rows of the outbox, at most `limit`. */
  outboxPlaces(limit: number): RowPlace[] {
    return this.outbox.places(limit, this.reader.next);
  }

  /** The event of a row, or undefined when the row is gone. */
  outboxEvent(id: StoreKey): ChargeEvent | undefined {
    return this.outbox.event(id);
  }

  /** What `late-write` put there. */
  lateValue(key: StoreKey): LateValue | undefined {
    return this.store.get(key) as LateValue | undefined;
  }

  check(): void {
    for (const [currency, sum] of this.ledger.sums()) {
      if (sum !== 0) throw new Error(`the ledger's ${currency} accounts sum to ${sum}, not 0: money was made or lost`);
    }
  }

  /** Planted bugs write these two elsewhere. */
  protected writeKey(key: StoreKey, value: Value): void {
    this.store.putLater(key, value);
  }

  protected writeOutbox(key: StoreKey, value: Value): void {
    this.store.putLater(key, value);
  }

  /* ---- changes ---------------------------------------------------------------------------------------------------------- */

  private change(command: ChargeChange | ChargeBegin, at: Micros): Answer {
    const idempotency = this.idempotency ? command.idempotency : undefined;
    if (idempotency !== undefined) {
      const known = this.keys.find(idempotency, at);
      if (known !== undefined) return this.again(known, idempotency, at);
    }
    switch (command.kind) {
      case "charge-create":
        return this.createCharge(command, idempotency, at);
      case "charge-begin":
        return this.beginCharge(command, idempotency, at);
      case "refund-create":
        return this.createRefund(command, idempotency, at);
      case "customer-create":
        return this.createCustomer(command, idempotency, at);
    }
  }

  /** The key was used before. */
  private again(known: KeyRecord, { account, key, fingerprint }: Idempotency, at: Micros): Answer {
    if (known.fingerprint !== fingerprint) return errors.otherParameters(key);
    if (known.point === "finished") return this.firstAnswer(account, known.of, known.number, true);
    const call = this.pending.takeOver(known.number, at);
    return call === undefined ? errors.keyInFlight(key) : answered({ kind: "charge-pending", calls: [call] });
  }

  /** What was answered when the object was made, whatever has become of it since. */
  private firstAnswer(account: string, of: KeyRecord["of"], number: number, replayed: boolean): Answer {
    switch (of) {
      case "charge": {
        const { charge, declineCode } = this.objects.made(account, number);
        if (declineCode !== null) return errors.declined(charge, declineCode, replayed);
        return answered({ kind: "charge", charge, replayed });
      }
      case "refund":
        return answered({ kind: "refund", refund: this.objects.refund(account, number)!, replayed });
      case "customer":
        return answered({ kind: "customer", customer: this.objects.customer(account, number)!, replayed });
    }
  }

  private createCharge(command: Asked<CreateCharge>, key: Idempotency | undefined, at: Micros): Answer {
    const refusal = this.refusalOfCharge(command);
    if (refusal !== undefined) return refusal;
    const number = this.takeNumbers(2, at);
    const { account, amount, currency, source } = command;
    const charge = idOf("ch_", account, number);
    const answer = this.network.authorize({ account, charge, attempt: 1, amount, currency, source });
    this.settle(number, number + 1, command, answer, at);
    if (key !== undefined) this.keys.remember(key, { at, of: "charge", number, point: "finished" });
    return this.firstAnswer(account, "charge", number, false);
  }

  private createRefund(command: Asked<CreateRefund>, key: Idempotency | undefined, at: Micros): Answer {
    const { account, metadata } = command;
    const of = numberOf("ch_", account, command.charge);
    const charge = of === undefined ? undefined : this.objects.chargeNow(account, of);
    if (of === undefined || charge === undefined) return errors.missing("charge", command.charge, "charge");
    if (charge.status === "failed") return errors.notRefundable(charge.id);
    const left = charge.amount - charge.amountRefunded;
    if (left === 0) return errors.alreadyRefunded(charge.id);
    const amount = command.amount ?? left;
    if (amount > left) return errors.refundTooLarge(amount, left, charge.currency);
    const number = this.takeNumbers(2, at);
    const created = secondsOf(at);
    const { currency } = charge;
    const { events, refunded } = this.objects.fate(of);
    this.objects.putRefund(account, number, {
      charge: charge.id,
      amount,
      currency,
      reason: command.reason ?? null,
      metadata,
      created,
    });
    this.objects.setFate(of, { refunded: refunded + amount, events: events + 1 });
    this.ledger.move(amount, currency, account, networkAccount);
    this.outbox.append(number + 1, ["charge.refunded", account, of, events + 1, created, refunded + amount]);
    if (key !== undefined) this.keys.remember(key, { at, of: "refund", number, point: "finished" });
    return this.firstAnswer(account, "refund", number, false);
  }

  private createCustomer(command: Asked<CreateCustomer>, key: Idempotency | undefined, at: Micros): Answer {
    const { account, email = null, name = null, description = null, metadata } = command;
    const number = this.takeNumbers(2, at);
    const created = secondsOf(at);
    this.objects.putCustomer(account, number, { email, name, description, metadata, created });
    this.outbox.append(number + 1, ["customer.created", account, number, 1, created, 0]);
    if (key !== undefined) this.keys.remember(key, { at, of: "customer", number, point: "finished" });
    return this.firstAnswer(account, "customer", number, false);
  }

  /* ---- charges in two commands ------------------------------------------------------------------------------------------ */

  private beginCharge(command: ChargeBegin, key: Idempotency | undefined, at: Micros): Answer {
    const refusal = this.refusalOfCharge(command);
    if (refusal !== undefined) return refusal;
    const number = this.takeNumbers(1, at);
    const call = this.pending.begin(number, command, at);
    if (key !== undefined) this.keys.remember(key, { at, of: "charge", number, point: "asked" });
    return answered({ kind: "charge-pending", calls: [call] });
  }

  private finishCharge({ call, answer }: ChargeFinish, at: Micros): Answer {
    const { account } = call;
    const number = numberOf("ch_", account, call.charge);
    if (number === undefined) return errors.missing("charge", call.charge, "charge");
    const pending = this.pending.get(number);
    if (pending === undefined) {
      // Somebody who took over was faster: the charge is made, and this caller's client hears of it.
      const made = this.objects.charge(account, number, 0) !== undefined;
      return made
        ? this.firstAnswer(account, "charge", number, false)
        : errors.missing("charge", call.charge, "charge");
    }
    const { begin } = pending;
    if (call.attempt !== pending.attempt) return errors.keyInFlight(begin.idempotency?.key ?? call.charge);
    this.pending.finish(number, pending);
    this.settle(number, this.takeNumbers(1, at), begin, answer, at);
    if (this.idempotency && begin.idempotency !== undefined) this.keys.finish(begin.idempotency, number);
    return this.firstAnswer(account, "charge", number, false);
  }

  private takeOver(at: Micros): Answer {
    const calls = this.pending.stale(at, at).map((number) => this.pending.takeOver(number, at)!);
    return answered({ kind: "charge-pending", calls });
  }

  /* ---- what they share -------------------------------------------------------------------------------------------------- */

  private refusalOfCharge({ account, source, customer }: Asked<CreateCharge> | ChargeBegin): Answer | undefined {
    if (!this.network.knows(source)) return errors.missing("token", source, "source");
    if (customer === undefined || this.objects.customerNumber(account, customer) !== undefined) return undefined;
    return errors.missing("customer", customer, "customer");
  }

  /** Charge, ledger and outbox row, all that the network's answer makes true. */
  private settle(
    number: number,
    event: number,
    command: Asked<CreateCharge> | ChargeBegin,
    answer: CardAnswer,
    at: Micros,
  ): void {
    const { account, amount, currency, source, customer = null, description = null, metadata } = command;
    const created = secondsOf(at);
    const decline = answer.kind === "declined" ? answer : null;
    const charge = { amount, currency, source, created, customer, description, metadata, decline };
    this.objects.putCharge(account, number, charge);
    if (decline === null) this.ledger.move(amount, currency, networkAccount, account);
    const type = decline === null ? "charge.succeeded" : "charge.failed";
    this.outbox.append(event, [type, account, number, 1, created, 0]);
  }

  /**
   * The first of `count` numbers that nothing else gets. Counting begins at the time of the very first change, so that a service that was begun anew
   * with an empty store gives no id that its predecessor gave: a sink that knows events by their ids would take the new ones for old.
   */
  private takeNumbers(count: number, at: Micros): number {
    const first = (this.store.get(counterKey) as number | undefined) ?? Math.max(1, at);
    this.store.putLater(counterKey, first + count);
    return first;
  }
}

function secondsOf(at: Micros): number {
  return Math.floor(at / second);
}
