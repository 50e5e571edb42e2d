/**
 * A keeper: one of the few nodes on whose disks it stands who was given to whom. A register for each driver, after Paxos ("Paxos Made
 * Simple", 2001, one instance a driver): the epoch is the ballot, and whoever owns the driver's cell is its proposer.
 *
 *     claim (epoch)          promised if no later one was: nothing of an earlier epoch is accepted any more. That is the fence: an owner that
 *                            has lost a driver, and may not know it, cannot give it away.
 *     accept (epoch, n, v)   the register's value is v from now on, unless a later epoch was promised, or v names a trip that another
 *                            driver has here: so a trip, too, has one driver among any majority.
 *
 * What it says it has put on its disk first. Trips that are over are remembered for a while, so that a request for one, come late, is not
 * taken for a new one; so is a trip that was called off before it had a driver.
 */
import type { TripState } from "../../api-dispatch.ts";
import type { Env } from "../../kernel/env.ts";
import type { Value } from "../../kernel/store.ts";
import { afterPrefix, byteKey } from "../../kernel/store.ts";
import { minute } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { isSame } from "./accepted.ts";
import { nothingAccepted } from "./messages.ts";
import type {
  Accepted,
  DispatchMessage,
  KeeperAnswer,
  KeeperView,
  RegisterView,
  RegisterValue,
  Trip,
} from "./messages.ts";

type KeeperEnv = Pick<Env<DispatchMessage, never, never>, "wall" | "store" | "send">;

export interface Register {
  /** No accept of an earlier epoch is taken. Never decreases. */
  readonly promised: number;
  /** To whom, in which of its lives. */
  readonly owner: NodeId;
  readonly life: number;
  readonly accepted: Accepted;
}

interface EndedTrip {
  readonly driver: string;
  readonly rider: string;
  /** By the node's wall clock. */
  readonly at: Micros;
}

/** The driver of a trip that was called off before it had one. */
const nobody = "";
const registerPrefix = "driver/";
const endedPrefix = "ended/";
/** How long a trip that is over is remembered. */
const rememberUs: Micros = 10 * minute;
const unclaimed: Register = { promised: 0, owner: -1, life: 0, accepted: nothingAccepted };

export class Keeper {
  private readonly env: KeeperEnv;
  private readonly registers = new Map<string, Register>();
  /** By trip: the driver whose register holds it. */
  private readonly trips = new Map<string, string>();
  private readonly ended = new Map<string, EndedTrip>();

  constructor(env: KeeperEnv) {
    this.env = env;
  }

  start(): void {
    const { store } = this.env;
    store.scan(registerPrefix, afterPrefix(registerPrefix), (_key, value) => {
      const [driver, register] = value as unknown as [string, Register];
      this.registers.set(driver, register);
      if (register.accepted.value.trip !== null) this.trips.set(register.accepted.value.trip.trip, driver);
    });
    store.scan(endedPrefix, afterPrefix(endedPrefix), (_key, value) => {
      const [trip, ended] = value as unknown as [string, EndedTrip];
      this.ended.set(trip, ended);
    });
  }

  onClaim(from: NodeId, driver: string, epoch: number, life: number): void {
    const register = this.registers.get(driver) ?? unclaimed;
    if (epoch < register.promised || (epoch === register.promised && life !== register.life)) {
      this.env.send(from, { kind: "fenced", driver, epoch: register.promised });
      return;
    }
    if (epoch > register.promised) {
      this.put(driver, { ...register, promised: epoch, owner: from, life });
      if (register.owner >= 0 && register.owner !== from) {
        this.env.send(register.owner, { kind: "fenced", driver, epoch });
      }
    }
    this.env.send(from, { kind: "promise", driver, epoch, accepted: register.accepted });
  }

  onAccept(from: NodeId, driver: string, accepted: Accepted, again: boolean): void {
    const register = this.registers.get(driver) ?? unclaimed;
    const answer = this.judge(driver, register, accepted, again);
    if (answer.kind === "accepted" && !isSame(register.accepted, accepted))
      this.accept(driver, register, accepted, from);
    this.env.send(from, answer);
  }

  /** A trip that no driver has here is never to have one. False: one has. */
  bury(trip: string): boolean {
    if (this.trips.has(trip)) return false;
    if (!this.ended.has(trip)) this.remember(trip, { driver: nobody, rider: "", at: this.env.wall.latest });
    return true;
  }

  /** What it knows of a driver, or of the driver that a trip has. */
  view(driver: string | undefined, trip: string | undefined): KeeperView {
    const over = trip === undefined ? undefined : this.overBy(trip);
    const name = driver ?? (trip === undefined ? undefined : (this.trips.get(trip) ?? over?.driver));
    const register = (name === undefined ? undefined : this.registers.get(name)) ?? unclaimed;
    return {
      driver: name ?? null,
      owner: register.owner,
      epoch: register.promised,
      accepted: register.accepted,
      ended: over === undefined ? null : stateOf(trip!, over),
    };
  }

  list(): { registers: RegisterView[]; ended: TripState[] } {
    return {
      registers: [...this.registers].map(([driver, { accepted }]) => ({ driver, accepted })),
      ended: [...this.ended].filter(([, { driver }]) => driver !== nobody).map(([trip, ended]) => stateOf(trip, ended)),
    };
  }

  /** Forgets trips that have been over for long. To be called now and then. */
  sweep(): void {
    const { wall, store } = this.env;
    for (const [trip, { at }] of this.ended) {
      // In the order in which they ended, but for those that a restart read back.
      if (wall.earliest - at < rememberUs) break;
      this.ended.delete(trip);
      store.deleteLater(endedKey(trip));
    }
  }

  check(): void {
    for (const [trip, driver] of this.trips) {
      if (this.registers.get(driver)?.accepted.value.trip?.trip !== trip)
        throw new Error(`keeper: trip ${trip} is filed under ${driver}, whose register holds another`);
    }
  }

  /** Whether an owner of this epoch has been replaced. */
  protected isFenced(register: Register, { epoch, sequence }: Accepted): boolean {
    const { accepted, promised } = register;
    return epoch < promised || (epoch === accepted.epoch && sequence < accepted.sequence);
  }

  private judge(driver: string, register: Register, accepted: Accepted, again: boolean): KeeperAnswer {
    const { epoch, sequence } = accepted;
    if (this.isFenced(register, accepted)) return { kind: "fenced", driver, epoch: register.promised };
    const { trip } = accepted.value;
    if (trip !== null && !isSame(register.accepted, accepted)) {
      const other = this.trips.get(trip.trip);
      // A new owner that found the trip running has found what a majority has: here, only, it was to end.
      const over = this.ended.get(trip.trip);
      if (over !== undefined && !(again && over.driver === driver))
        return { kind: "taken", driver, epoch, sequence, by: null };
      if (other !== undefined && other !== driver) {
        const by = this.registers.get(other)!.accepted;
        return { kind: "taken", driver, epoch, sequence, by };
      }
    }
    return { kind: "accepted", driver, epoch, sequence };
  }

  private accept(driver: string, register: Register, accepted: Accepted, from: NodeId): void {
    const before = register.accepted.value.trip;
    this.close(driver, before, accepted.value);
    if (accepted.value.trip !== null) this.reopen(accepted.value.trip.trip, driver);
    // An accept of a claim that this keeper has missed promises as the claim would have.
    if (accepted.epoch > register.promised)
      this.put(driver, { promised: accepted.epoch, owner: from, life: 0, accepted });
    else this.put(driver, { ...register, accepted });
  }

  /** The trip that a register held is held no longer; it is remembered when it came to an end. */
  private close(driver: string, before: Trip | null, { trip, past }: RegisterValue): void {
    if (before !== null && before.trip !== trip?.trip && this.trips.get(before.trip) === driver) {
      this.trips.delete(before.trip);
    }
    if (past === null || this.ended.has(past.trip)) return;
    this.remember(past.trip, { driver, rider: past.rider, at: this.env.wall.latest });
  }

  private remember(trip: string, ended: EndedTrip): void {
    this.ended.set(trip, ended);
    this.env.store.put(endedKey(trip), [trip, ended] as unknown as Value);
  }

  /** A trip that never began is not over. */
  private overBy(trip: string): EndedTrip | undefined {
    const ended = this.ended.get(trip);
    return ended?.driver === nobody ? undefined : ended;
  }

  private reopen(trip: string, driver: string): void {
    this.trips.set(trip, driver);
    if (this.ended.delete(trip)) this.env.store.delete(endedKey(trip));
  }

  private put(driver: string, register: Register): void {
    this.registers.set(driver, register);
    this.env.store.put(registerPrefix + byteKey(driver), [driver, register] as unknown as Value);
  }
}

function stateOf(trip: string, { driver, rider }: EndedTrip): TripState {
  return { trip, driver, rider, ended: true };
}

function endedKey(trip: string): string {
  return endedPrefix + byteKey(trip);
}
