/** Relays that do what looks good enough, so that the checkers can be seen to fail. */
import type { Random } from "../../kernel/random.ts";
import type { Micros } from "../../kernel/units.ts";
import type { OutboxRow, RelayPorts } from "./outbox.ts";
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
export class LastIdCursor<Row extends OutboxRow> extends Relay<Row> {
  private readonly cursor: CursorStore;

  constructor(ports: RelayPorts<Row>, random: Random, cursor: CursorStore, options?: RelayOptions) {
    super(ports, random, options);
    this.cursor = cursor;
  }

  override onAcknowledged(id: string, now: Micros): void {
    super.onAcknowledged(id, now);
    if (id > this.cursor.load()) this.cursor.save(id);
  }

  protected override rows(limit: number): readonly Row[] {
    const last = this.cursor.load();
    return this.ports.read(limit).filter(({ id }) => id > last || this.underWay(id));
  }
}

/** Takes the row away when it publishes: what is lost on the way to the sink is lost. */
export class RemovedBeforeAcknowledged<Row extends OutboxRow> extends Relay<Row> {
  constructor(ports: RelayPorts<Row>, random: Random, options?: RelayOptions) {
    super(
      {
        read: (limit) => ports.read(limit),
        publish: (row) => {
          ports.publish(row);
          ports.remove([row.id]);
        },
        remove: () => {},
      },
      random,
      options,
    );
  }
}
