/**
 * The outbox: what has happened and others have yet to hear. A row is written by the command that made it true, with everything else that
 * command wrote, and goes when the relay says that the sink has it. Rows name what they are about; the event is put together on reading.
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { ChargeEvent } from "../../api-charges.ts";
import { ascending, idOf, numberAt, numberIn } from "./keys.ts";
import type { Objects } from "./objects.ts";
import { OldestFirst } from "./oldest-first.ts";

export type OutboxRow = readonly [
  type: ChargeEvent["type"],
  account: string,
  /** Of the charge or customer. */
  number: number,
  sequence: number,
  created: number,
  /** Of the charge, when it happened. */
  refunded: number,
];

export const outboxPrefix = "o";

type Write = (key: StoreKey, value: Value) => void;

/** A row without what it tells: enough to know what may be published when. */
export interface RowPlace {
  /** Its number as bytes. */
  readonly id: StoreKey;
  /** Number of the charge or customer. */
  readonly subject: number;
}

export class OutboxRows {
  private readonly store: Store;
  private readonly objects: Objects;
  private readonly write: Write;
  private readonly rows: OldestFirst;

  /** @param write how a row is written down: with everything else, unless a bug is planted */
  constructor(store: Store, objects: Objects, write: Write) {
    this.store = store;
    this.objects = objects;
    this.write = write;
    this.rows = new OldestFirst(store, outboxPrefix);
  }

  reset(): void {
    this.rows.reset();
  }

  append(number: number, row: OutboxRow): void {
    this.write(outboxPrefix + ascending(number), row);
  }

  /** @param next the next number that will be given */
  places(limit: number, next: number): RowPlace[] {
    const places: RowPlace[] = [];
    this.rows.scan(ascending(next), (key, row) => {
      if (places.length >= limit) return false;
      places.push({ id: key.slice(outboxPrefix.length), subject: (row as OutboxRow)[2] });
      return true;
    });
    return places;
  }

  /** The event of a row, or undefined when the row is gone. */
  event(id: StoreKey): ChargeEvent | undefined {
    const row = this.store.get(outboxPrefix + id) as OutboxRow | undefined;
    return row === undefined ? undefined : this.eventOf(numberAt(id, 0), row);
  }

  read(limit: number, next: number): ChargeEvent[] {
    return this.places(limit, next).map(({ id }) => this.event(id)!);
  }

  /** How many of these events' rows were there. */
  delete(ids: readonly string[]): number {
    return ids.filter((id) => {
      const number = numberIn("evt_", id);
      return number !== undefined && this.drop(number);
    }).length;
  }

  /** True: the row was there. */
  drop(number: number): boolean {
    const key = outboxPrefix + ascending(number);
    if (this.store.get(key) === undefined) return false;
    this.store.deleteLater(key);
    return true;
  }

  private eventOf(number: number, [type, account, of, sequence, created, refunded]: OutboxRow): ChargeEvent {
    const data =
      type === "customer.created" ? this.objects.customer(account, of)! : this.objects.charge(account, of, refunded)!;
    return { id: idOf("evt_", account, number), type, subject: data.id, sequence, created, data };
  }
}
