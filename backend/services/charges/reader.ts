/** Answers queries from the applied state. */
import type { Answer } from "../../api.ts";
import type { ChargeQuery } from "../../api-charges.ts";
import type { Store } from "../../kernel/store.ts";
import { answered } from "./commands.ts";
import * as errors from "./errors.ts";
import { counterKey, indexOf, numberOf, objectsOf } from "./keys.ts";
import type { IdPrefix, IndexTag, ObjectTag } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { pageOf } from "./lists.ts";
import type { Objects } from "./objects.ts";
import type { OutboxRows } from "./outbox-rows.ts";

/** What the applied state can answer: the sink's deliveries are no part of it. */
export type MachineQuery = Exclude<ChargeQuery, { readonly kind: "deliveries-read" }>;

type ListQuery = Extract<ChargeQuery, { readonly kind: "charge-list" | "refund-list" | "customer-list" }>;

interface Listed {
  readonly of: "charge" | "refund" | "customer";
  readonly prefix: IdPrefix;
  readonly objects: ObjectTag;
  readonly index: IndexTag;
}

const charges: Listed = { of: "charge", prefix: "ch_", objects: "c", index: "C" };
const refunds: Listed = { of: "refund", prefix: "re_", objects: "d", index: "D" };
const customers: Listed = { of: "customer", prefix: "cus_", objects: "u", index: "U" };

export class Reader {
  private readonly store: Store;
  private readonly objects: Objects;
  private readonly ledger: Ledger;
  private readonly outbox: OutboxRows;

  constructor(store: Store, objects: Objects, ledger: Ledger, outbox: OutboxRows) {
    this.store = store;
    this.objects = objects;
    this.ledger = ledger;
    this.outbox = outbox;
  }

  answer(query: MachineQuery): Answer {
    switch (query.kind) {
      case "charge-get":
      case "refund-get":
      case "customer-get":
        return this.get(query);
      case "balance-get":
        return answered({ kind: "balance", balance: { available: this.ledger.balancesOf(query.account) } });
      case "charge-list":
        return this.list(query, charges, query.customer);
      case "refund-list":
        return this.list(query, refunds, query.charge);
      case "customer-list":
        return this.list(query, customers, query.email);
      case "outbox-read":
        return answered({ kind: "outbox", events: this.outbox.read(query.limit, this.next) });
    }
  }

  /** The next number that will be given. */
  get next(): number {
    return (this.store.get(counterKey) as number | undefined) ?? 0;
  }

  private get({ kind, account, id }: Extract<ChargeQuery, { readonly id: string }>): Answer {
    if (kind === "charge-get") {
      const number = numberOf("ch_", account, id);
      const charge = number === undefined ? undefined : this.objects.chargeNow(account, number);
      return charge === undefined
        ? errors.missing("charge", id, "id", 404)
        : answered({ kind: "charge", charge, replayed: false });
    }
    if (kind === "refund-get") {
      const number = numberOf("re_", account, id);
      const refund = number === undefined ? undefined : this.objects.refund(account, number);
      return refund === undefined
        ? errors.missing("refund", id, "id", 404)
        : answered({ kind: "refund", refund, replayed: false });
    }
    const number = numberOf("cus_", account, id);
    const customer = number === undefined ? undefined : this.objects.customer(account, number);
    return customer === undefined
      ? errors.missing("customer", id, "id", 404)
      : answered({ kind: "customer", customer, replayed: false });
  }

  /** @param by the value of the index that is walked; absent: all of the account's objects */
  private list(query: ListQuery, listed: Listed, by: string | undefined): Answer {
    const { account, limit } = query;
    const startingAfter = this.cursor(query, "startingAfter", listed);
    const endingBefore = this.cursor(query, "endingBefore", listed);
    if (typeof startingAfter === "object") return startingAfter;
    if (typeof endingBefore === "object") return endingBefore;
    const prefix = by === undefined ? objectsOf(listed.objects, account) : indexOf(listed.index, account, by);
    const newest = this.next - 1;
    const { numbers, more } = pageOf(this.store, prefix, { limit, startingAfter, endingBefore }, newest);
    const objects = numbers.map((number) => this.objectOf(listed, account, number)!);
    return answered({ kind: "list", of: listed.of, objects, more });
  }

  /** The number a page is counted from, or why there is none. */
  private cursor(
    query: ListQuery,
    name: "startingAfter" | "endingBefore",
    { of, prefix }: Listed,
  ): number | Answer | undefined {
    const id = query[name];
    if (id === undefined) return undefined;
    const number = numberOf(prefix, query.account, id);
    if (number !== undefined && this.objectOf({ of }, query.account, number) !== undefined) return number;
    return errors.missing(of, id, name === "startingAfter" ? "starting_after" : "ending_before");
  }

  private objectOf({ of }: Pick<Listed, "of">, account: string, number: number) {
    if (of === "charge") return this.objects.chargeNow(account, number);
    return of === "refund" ? this.objects.refund(account, number) : this.objects.customer(account, number);
  }
}
