/**
 * Planted bugs, for proving that the checkers can fail: a write that belongs into the transaction is made by a command of its own, which the
 * leader proposes a little later. Between the two commands lies a crash.
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import type { Random } from "../../kernel/random.ts";
import { LastIdCursor, RemovedBeforeAcknowledged } from "../../protocols/outbox/mutants.ts";
import type { CursorStore } from "../../protocols/outbox/mutants.ts";
import type { RelayPorts } from "../../protocols/outbox/outbox.ts";
import { Relay } from "../../protocols/outbox/relay.ts";
import { ChargesMachine } from "./charges-machine.ts";
import type { ChargesOptions } from "./charges-machine.ts";
import type { ChargesCommand, LateValue } from "./commands.ts";
import type { RowPlace } from "./outbox-rows.ts";

abstract class LateWrites extends ChargesMachine {
  /** In memory only: what a crash takes away. */
  private readonly late: { readonly key: StoreKey; readonly value: Value }[] = [];

  override apply(command: ChargesCommand, at: Micros): ReturnType<ChargesMachine["apply"]> {
    const answer = super.apply(command, at);
    if (command.kind === "late-write" && this.late[0]?.key === command.key) this.late.shift();
    return answer;
  }

  override due(at: Micros): ChargesCommand | undefined {
    const [first] = this.late;
    return first === undefined
      ? super.due(at)
      : { kind: "late-write", key: first.key, value: first.value as unknown as LateValue };
  }

  protected writeLate(key: StoreKey, value: Value): void {
    this.late.push({ key, value });
  }
}

/** A retry that comes before the second command, or after a crash, charges again. */
export class KeyOutsideTransaction extends LateWrites {
  protected override writeKey(key: StoreKey, value: Value): void {
    this.writeLate(key, value);
  }
}

/** Dual write: a crash between the two loses the event of a charge that was made. */
export class OutboxOutsideTransaction extends LateWrites {
  protected override writeOutbox(key: StoreKey, value: Value): void {
    this.writeLate(key, value);
  }
}

export type ChargesMachineClass = new (store: Store, options?: ChargesOptions) => ChargesMachine;

/** What a node of the service is made of; tests put a mutant among them. */
export interface ChargesRoles {
  readonly machine: ChargesMachineClass;
  readonly relay: (ports: RelayPorts<RowPlace>, random: Random, cursor: CursorStore) => Relay<RowPlace>;
}

export const chargesRoles: ChargesRoles = {
  machine: ChargesMachine,
  relay: (ports, random) => new Relay(ports, random),
};

export interface PlantedCharges {
  readonly name: string;
  readonly description: string;
  readonly charges: ChargesRoles;
}

export const plantedCharges: readonly PlantedCharges[] = [
  {
    name: "key-outside-transaction",
    description: "the idempotency key is stored by a second command",
    charges: { ...chargesRoles, machine: KeyOutsideTransaction },
  },
  {
    name: "outbox-outside-transaction",
    description: "the outbox row is written by a second command",
    charges: { ...chargesRoles, machine: OutboxOutsideTransaction },
  },
  {
    name: "last-id-cursor",
    description: "the relay remembers the last event id it published",
    charges: { ...chargesRoles, relay: (ports, random, cursor) => new LastIdCursor(ports, random, cursor) },
  },
  {
    name: "removed-before-acknowledged",
    description: "an outbox row goes when its event is sent, not when it is acknowledged",
    charges: { ...chargesRoles, relay: (ports, random) => new RemovedBeforeAcknowledged(ports, random) },
  },
];
