/** The charge service on one ordered map, for tests and benches: requests become commands, stamped by a clock that tests set. */
import type { Answer, Request } from "../../api.ts";
import type { CardCall } from "../../api-charges.ts";
import { OrderedMap } from "../../kernel/ordered-map.ts";
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import { testCards } from "./card-network.ts";
import { ChargesMachine } from "./charges-machine.ts";
import type { ChargesOptions } from "./charges-machine.ts";
import type { ChargesCommand } from "./commands.ts";
import type { MachineQuery } from "./reader.ts";
import type { ChargesMachineClass } from "./mutants.ts";

export class MemoryStore implements Store {
  readonly map = new OrderedMap<Value>();
  writes = 0;

  get(key: StoreKey): Value | undefined {
    return this.map.get(key);
  }

  put(): void {
    throw new Error("the machine put something that a turn would wait for");
  }

  delete(): void {
    throw new Error("the machine deleted something that a turn would wait for");
  }

  putLater(key: StoreKey, value: Value): void {
    this.writes++;
    this.map.set(key, value);
  }

  deleteLater(key: StoreKey): void {
    this.map.delete(key);
  }

  scan(from: StoreKey, to: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void {
    this.map.scan(from, to, visit);
  }
}

export class MemoryCharges {
  readonly store = new MemoryStore();
  /** The next command's stamp: 2026 began. */
  at: Micros = 1_767_225_600_000_000;
  readonly machine: ChargesMachine;

  constructor(options: ChargesOptions = {}, machine: ChargesMachineClass = ChargesMachine) {
    this.machine = new machine(this.store, options);
  }

  handle(request: Request): Answer {
    const body = request as ChargesCommand | MachineQuery;
    switch (body.kind) {
      case "charge-get":
      case "refund-get":
      case "customer-get":
      case "balance-get":
      case "charge-list":
      case "refund-list":
      case "customer-list":
      case "outbox-read":
        return this.machine.read(body);
      default:
        return this.machine.apply(body, this.at);
    }
  }

  /** What `due` asks for, done until it asks for nothing. */
  doDue(): void {
    for (let command = this.machine.due(this.at); command !== undefined; command = this.machine.due(this.at)) {
      const answer = this.machine.apply(command, this.at);
      if (answer.kind === "ok" && answer.result.kind === "charge-pending")
        answer.result.calls.forEach((c) => this.finish(c));
    }
  }

  /** The network's answer arrives. */
  finish(call: CardCall): Answer {
    return this.machine.apply({ kind: "charge-finish", call, answer: testCards.authorize(call) }, this.at);
  }
}
