/**
 * What a leader has proposed and does not yet know to be chosen, and what waits for a place among it.
 *
 *     chosen                                        nextSlot
 *       | 7: chosen | 8: two votes | 9: chosen | ... |   <── commands that gathered meanwhile go into one slot
 *       the log counts as chosen up to 7: 9 waits for 8
 */
import type { Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Body, Origin, Slot } from "./messages.ts";

/** A slot that is proposed. */
export interface Flight {
  readonly slot: Slot;
  readonly body: Body;
  /** One for each command; null when nobody here waits for the value. */
  readonly origins: readonly Origin[] | null;
  readonly votes: Set<NodeId>;
  chosen: boolean;
  sentAt: Micros;
}

export class Pipeline {
  nextSlot: Slot = 1;
  /** This slot and all before it are chosen, as far as the leader has counted. Invariant: chosen < nextSlot. */
  chosen: Slot = 0;
  private flights = new Map<Slot, Flight>();
  private commands: Value[] = [];
  private origins: Origin[] = [];

  /** A new leadership begins: everything up to `slot` is applied, nothing is under way. */
  restart(slot: Slot): void {
    this.chosen = slot;
    this.nextSlot = slot + 1;
  }

  get size(): number {
    return this.flights.size;
  }

  get gathered(): number {
    return this.commands.length;
  }

  get underWay(): Iterable<Flight> {
    return this.flights.values();
  }

  gather(origin: Origin, command: Value): void {
    this.commands.push(command);
    this.origins.push(origin);
  }

  /** The oldest commands that gathered, at most `limit`, and whose they are. */
  take(limit: number): { readonly commands: readonly Value[]; readonly origins: readonly Origin[] } {
    const { commands, origins } = this;
    this.commands = commands.length > limit ? commands.splice(limit) : [];
    this.origins = origins.length > limit ? origins.splice(limit) : [];
    return { commands, origins };
  }

  launch(body: Body, origins: readonly Origin[] | null, now: Micros): Flight {
    const slot = this.nextSlot++;
    const flight = { slot, body, origins, votes: new Set<NodeId>(), chosen: false, sentAt: now };
    this.flights.set(slot, flight);
    return flight;
  }

  /** Counts a vote. Returns true when more of the log is chosen now. */
  vote(slot: Slot, from: NodeId, majority: number): boolean {
    const flight = this.flights.get(slot);
    if (flight === undefined) return false;
    flight.votes.add(from);
    if (flight.chosen || flight.votes.size < majority) return false;
    flight.chosen = true;
    const before = this.chosen;
    this.count();
    return this.chosen > before;
  }

  private count(): void {
    while (this.flights.get(this.chosen + 1)?.chosen === true) this.chosen++;
  }

  /** The slot is applied, whoever found out that it was chosen. */
  land(slot: Slot): Flight | undefined {
    const flight = this.flights.get(slot);
    this.flights.delete(slot);
    if (slot > this.chosen) this.chosen = slot;
    this.count();
    return flight;
  }

  /** Forgets what is proposed, and says of each command whose it was. */
  abandon(onLost: (origin: Origin) => void): void {
    const { flights } = this;
    this.flights = new Map();
    for (const { origins } of flights.values()) for (const origin of origins ?? []) onLost(origin);
  }
}
