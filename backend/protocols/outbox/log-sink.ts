/**
 * A sink that is a node's own store: an append-only list of what was delivered, in the order of its arrival, what came twice included. Its
 * acknowledgement leaves when the delivery is durable, which is the runtime's rule for every message.
 *
 *     d number      a delivery                 i event id      the number of its first delivery
 */
import { afterPrefix, byteKey } from "../../kernel/store.ts";
import type { Store, Value } from "../../kernel/store.ts";
import type { OutboxEvent } from "./outbox.ts";

export interface Delivery {
  readonly id: string;
  readonly subject: string;
  readonly body: Value;
  /** It had been delivered before: whoever reads the list counts it once. */
  readonly duplicate: boolean;
}

const deliveryPrefix = "d";
const countKey = "n";

export class LogSink {
  private readonly store: Store;

  /** @param store shows only the sink's own keys */
  constructor(store: Store) {
    this.store = store;
  }

  get deliveries(): number {
    return (this.store.get(countKey) as number | undefined) ?? 0;
  }

  /** Takes a delivery. The caller acknowledges it, also when it came before. */
  onPublish({ id, subject, body }: OutboxEvent): void {
    const number = this.deliveries;
    const place = `i${byteKey(id)}`;
    const duplicate = this.store.get(place) !== undefined;
    const delivery: Delivery = { id, subject, body: duplicate ? null : body, duplicate };
    this.store.put(deliveryPrefix + numberKey(number), delivery as unknown as Value);
    this.store.put(countKey, number + 1);
    if (!duplicate) this.store.put(place, number);
  }

  /** Deliveries from number `from` on, at most `limit`. */
  read(from: number, limit: number): Delivery[] {
    const deliveries: Delivery[] = [];
    this.store.scan(deliveryPrefix + numberKey(from), afterPrefix(deliveryPrefix), (_key, delivery) => {
      deliveries.push(delivery as unknown as Delivery);
      return deliveries.length < limit;
    });
    return deliveries;
  }
}

/** Twelve digits: their order is the order of numbers. */
function numberKey(n: number): string {
  return String(n).padStart(12, "0");
}
