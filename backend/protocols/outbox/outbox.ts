/**
 * A transactional outbox and its relay: what a service did is written into its outbox by the transaction that did it, and a relay brings it to a
 * sink at least once, in order for each subject, and takes the row away when the sink has it (Richardson, "Microservices Patterns", 3.3.7).
 *
 *     outbox    1a 2b 3a 4c 5a          rows in the order of their commits; a, b, c: subjects
 *                │  │     │
 *     relay      1a 2b    4c            in flight: one event a subject at most; 3a and 5a wait for 1a
 *                │  │     │
 *     sink       ok ...   ok            1a and 4c may go, 3a is next for a
 *
 * Nothing but the outbox says what is still to be published. A relay that starts anew, at another node or after a crash, publishes whatever rows
 * there are, some of them once more. A sink that must not count twice goes by the events' ids.
 */
import type { Value } from "../../kernel/store.ts";

/** A row of the outbox, as far as its relay looks at it. */
export interface OutboxRow {
  readonly id: string;
  /** Events of one subject are delivered in order. */
  readonly subject: string | number;
}

/** What a sink is told. */
export interface OutboxEvent {
  /** The same however often it is delivered. */
  readonly id: string;
  readonly subject: string;
  readonly body: Value;
}

/** What a relay does to the world; each is answered later, or never, by a call of the relay. */
export interface RelayPorts<Row extends OutboxRow> {
  /** The oldest rows of the outbox, at most `limit`, in the order in which they were committed. */
  read(limit: number): readonly Row[];
  /** The row's event, to the sink. Answered by `onAcknowledged` or `onRefused`. */
  publish(row: Row): void;
  /** Deletes rows. Answered by `onRemoved` or `onNotRemoved`. */
  remove(ids: readonly string[]): void;
}

export type OutboxMessage =
  | { readonly kind: "outbox-publish"; readonly row: string; readonly event: OutboxEvent }
  /** The sink has it on stable storage. */
  | { readonly kind: "outbox-published"; readonly row: string };
