/** Relays that do what looks good enough, so that the checkers can be seen to fail. */
import type { Random } from "../../kernel/random.ts";
import type { Micros } from "../../kernel/units.ts";
import type { OutboxEvent, RelayPorts } from "./outbox.ts";
import { Relay } from "./relay.ts";
import type { RelayOptions } from "./relay.ts";

/** Where a relay keeps how far it has come; it outlives crashes. */
export interface CursorStore {
  load(): string;
  save(id: string): void;
}

/**
 * Remembers the greatest id that was acknowledged and goes on behind it. Ids are acknowledged in any order: an event with a smaller one that was
 * still under way when the relay died is never published.
 */
export class LastIdCursor extends Relay {
  private readonly cursor: CursorStore;

  constructor(ports: RelayPorts, random: Random, cursor: CursorStore, options?: RelayOptions) {
    super(ports, random, options);
    this.cursor = cursor;
  }

  override onAcknowledged(id: string, now: Micros): void {
    super.onAcknowledged(id, now);
    if (id > this.cursor.load()) this.cursor.save(id);
  }

  protected override rows(limit: number): readonly OutboxEvent[] {
    const last = this.cursor.load();
    return this.ports.read(limit).filter(({ id }) => id > last || this.underWay(id));
  }
}

/** Takes the row away when it publishes: what is lost on the way to the sink is lost. */
export class RemovedBeforeAcknowledged extends Relay {
  constructor(ports: RelayPorts, random: Random, options?: RelayOptions) {
    super(
      {
        read: (limit) => ports.read(limit),
        publish: (event) => {
          ports.publish(event);
          ports.remove([event.id]);
        },
        remove: () => {},
      },
      random,
      options,
    );
  }
}

/**
 * No outbox at all: whoever carried out a change publishes its event next to it, once. A crash between the two loses the event; publishing first
 * invents it when the change then fails.
 */
export class DualWrite {
  private readonly publish: (event: OutboxEvent) => void;

  constructor(publish: (event: OutboxEvent) => void) {
    this.publish = publish;
  }

  onChange(event: OutboxEvent): void {
    this.publish(event);
  }
}
