/**
 * The outbox: what has happened and others have yet to hear. A row is written by the command that made it true, with everything else that
 * command wrote, and goes when the relay says that the sink has it. Rows name what they are about; the event is put together on reading.
 */
import { afterPrefix } from "../../kernel/store.ts";
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { ChargeEvent } from "../../api-charges.ts";
import { ascending, idOf, numberAt, numberIn } from "./keys.ts";
import type { Objects } from "./objects.ts";

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

export class OutboxRows {
  private readonly store: Store;
  private readonly objects: Objects;
  private readonly write: Write;

  /** @param write how a row is written down: with everything else, unless a bug is planted */
  constructor(store: Store, objects: Objects, write: Write) {
    this.store = store;
    this.objects = objects;
    this.write = write;
  }

  append(number: number, row: OutboxRow): void {
    this.write(outboxPrefix + ascending(number), row);
  }

  read(limit: number): ChargeEvent[] {
    const rows: [number, OutboxRow][] = [];
    this.store.scan(outboxPrefix, afterPrefix(outboxPrefix), (key, row) => {
      if (rows.length >= limit) return false;
      rows.push([numberAt(key, outboxPrefix.length), row as OutboxRow]);
      return true;
    });
    return rows.map(([number, row]) => this.eventOf(number, row));
  }

  /** How many of these rows were there. */
  delete(ids: readonly string[]): number {
    let deleted = 0;
    for (const id of ids) {
      const number = numberIn("evt_", id);
      if (number === undefined) continue;
      const key = outboxPrefix + ascending(number);
      if (this.store.get(key) === undefined) continue;
      this.store.deleteLater(key);
      deleted++;
    }
    return deleted;
  }

  private eventOf(number: number, [type, account, of, sequence, created, refunded]: OutboxRow): ChargeEvent {
    const data =
      type === "customer.created" ? this.objects.customer(account, of)! : this.objects.charge(account, of, refunded)!;
    return { id: idOf("evt_", account, number), type, subject: data.id, sequence, created, data };
  }
}
