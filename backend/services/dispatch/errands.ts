/**
 * What is asked of the keepers at the node where it entered: what has become of a trip, where a driver is kept, and to have a trip ended by
 * whoever keeps its driver. Nothing is answered on the word of fewer keepers than a majority.
 *
 *     finding ──a majority says──> done, or asking the driver's owner ──> done
 *        ^                                        │
 *        `────────── every 200 ms ────────────────' the owner is not what it was, or silent
 */
import type { Answer } from "../../api.ts";
import type { DispatchResult, DriverSeen, Match, TripState } from "../../api-dispatch.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { chosen, isLater } from "./accepted.ts";
import type { Accepted, DispatchEnv, KeeperView, RegisterView } from "./messages.ts";

const againUs: Micros = 200 * millisecond;

/** What for. `operation` is the matcher's; the others answer a request. */
export type Errand =
  | { readonly kind: "trip-end"; readonly trip: string; readonly request: number }
  | { readonly kind: "trip-get"; readonly trip: string; readonly request: number }
  | { readonly kind: "trip-list"; readonly request: number }
  | { readonly kind: "driver-get"; readonly driver: string; readonly request: number }
  | { readonly kind: "look-up"; readonly trip: string; readonly operation: number };

export interface ErrandsUser {
  reply(request: number, answer: Answer): void;
  onLookedUp(operation: number, match: Match | null | undefined): void;
}

interface OpenErrand {
  readonly errand: Errand;
  readonly expiresAt: Micros;
  views: Map<NodeId, KeeperView>;
  lists: Map<NodeId, { readonly registers: readonly RegisterView[]; readonly ended: readonly TripState[] }>;
  /** Whoever was asked to end the trip, or where the driver is. */
  askedOwner: boolean;
  /** No driver has the trip by any of a majority: it is to have none. */
  burying: boolean;
  buriedBy: Set<NodeId>;
}

const away: Answer = {
  kind: "refused",
  code: "unavailable",
  message: "Nobody who keeps this trip's driver could be reached; try again",
};

export class Errands {
  private readonly env: DispatchEnv;
  private readonly keepers: readonly NodeId[];
  private readonly majority: number;
  private readonly user: ErrandsUser;
  private readonly open = new Map<number, OpenErrand>();
  private nextOperation: number;

  constructor(env: DispatchEnv, keepers: readonly NodeId[], user: ErrandsUser) {
    this.env = env;
    this.keepers = keepers;
    this.majority = Math.floor(keepers.length / 2) + 1;
    this.user = user;
    this.nextOperation = env.random.uint32() * 2 ** 20;
  }

  begin(errand: Errand, timeoutUs: Micros): void {
    const open: OpenErrand = {
      errand,
      expiresAt: this.env.now + timeoutUs,
      views: new Map(),
      lists: new Map(),
      askedOwner: false,
      burying: false,
      buriedBy: new Set(),
    };
    const operation = this.nextOperation++;
    this.open.set(operation, open);
    this.ask(operation, open);
  }

  onFound(from: NodeId, operation: number, view: KeeperView): void {
    const open = this.open.get(operation);
    if (open === undefined || open.askedOwner || open.burying) return;
    open.views.set(from, view);
    if (open.views.size >= this.majority) this.decide(operation, open);
  }

  onListed(from: NodeId, operation: number, registers: readonly RegisterView[], ended: readonly TripState[]): void {
    const open = this.open.get(operation);
    if (open === undefined || open.errand.kind !== "trip-list") return;
    open.lists.set(from, { registers, ended });
    if (open.lists.size >= this.majority)
      this.finish(operation, open, { kind: "trips", trips: merged([...open.lists.values()]) });
  }

  onEndOutcome(operation: number, ended: boolean): void {
    const open = this.open.get(operation);
    // What was not ended there is looked for again when the timer says so.
    if (open !== undefined && ended) this.finish(operation, open, { kind: "trip-ended", ended });
  }

  onBuried(from: NodeId, operation: number, done: boolean): void {
    const open = this.open.get(operation);
    if (open === undefined || !open.burying || !done) return;
    open.buriedBy.add(from);
    if (open.buriedBy.size >= this.majority) this.finish(operation, open, { kind: "trip-ended", ended: false });
  }

  onThere(operation: number, driver: DriverSeen | null): void {
    const open = this.open.get(operation);
    if (open !== undefined) this.finish(operation, open, { kind: "driver", driver });
  }

  onTimer(operation: number): void {
    const open = this.open.get(operation);
    if (open === undefined) return;
    if (this.env.now < open.expiresAt && open.errand.kind !== "look-up") return this.ask(operation, open);
    this.open.delete(operation);
    const { errand } = open;
    if (errand.kind === "look-up") this.user.onLookedUp(errand.operation, undefined);
    else this.user.reply(errand.request, away);
  }

  atRest(): boolean {
    return this.open.size === 0;
  }

  private ask(operation: number, open: OpenErrand): void {
    const { env } = this;
    const { errand } = open;
    open.views = new Map();
    open.askedOwner = false;
    open.burying = false;
    for (const keeper of this.keepers) {
      if (errand.kind === "trip-list") env.sendEarly(keeper, { kind: "list", operation });
      else if (errand.kind === "driver-get") env.sendEarly(keeper, { kind: "find", operation, driver: errand.driver });
      else env.sendEarly(keeper, { kind: "find", operation, trip: errand.trip });
    }
    env.after(againUs, "errand", operation);
  }

  private decide(operation: number, open: OpenErrand): void {
    const { errand } = open;
    const views = [...open.views.values()];
    switch (errand.kind) {
      case "driver-get":
        return this.askOwner(operation, open, views, (owner) =>
          this.env.sendEarly(owner, { kind: "where", operation, driver: errand.driver }),
        );
      case "look-up": {
        this.open.delete(operation);
        this.user.onLookedUp(errand.operation, matchIn(views, errand.trip, this.majority));
        return;
      }
      case "trip-get": {
        const over = views.filter(({ ended }) => ended !== null);
        const running = runningTrip(views, errand.trip);
        const trip = over.length >= this.majority || running === null ? (over[0]?.ended ?? null) : running;
        return this.finish(operation, open, { kind: "trip", trip });
      }
      case "trip-end":
        return this.decideEnd(operation, open, errand.trip, views);
      case "trip-list":
        return;
    }
  }

  /** An end that fewer than a majority have accepted may yet be forgotten: the driver's owner knows, or sees to it. */
  private decideEnd(operation: number, open: OpenErrand, trip: string, views: readonly KeeperView[]): void {
    const over = views.filter(({ ended }) => ended !== null);
    if (over.length >= this.majority) return this.finish(operation, open, { kind: "trip-ended", ended: true });
    const concerned = views.filter(({ ended, accepted }) => ended !== null || accepted.value.trip?.trip === trip);
    if (concerned.length === 0) return this.bury(operation, open, trip);
    return this.askOwner(operation, open, concerned, (owner, driver) =>
      this.env.sendEarly(owner, { kind: "end", operation, driver, trip, over: over.length > 0 }),
    );
  }

  /** A booking that is on its way must not make a trip of what was called off. */
  private bury(operation: number, open: OpenErrand, trip: string): void {
    open.burying = true;
    open.buriedBy = new Set();
    for (const keeper of this.keepers) this.env.sendEarly(keeper, { kind: "bury", operation, trip });
  }

  /** Whoever claimed the driver last. */
  private askOwner(
    operation: number,
    open: OpenErrand,
    views: readonly KeeperView[],
    ask: (owner: NodeId, driver: string) => void,
  ): void {
    const latest = views.reduce((a, b) => (b.epoch > a.epoch ? b : a));
    if (latest.owner < 0 || latest.driver === null)
      return this.finish(operation, open, { kind: "driver", driver: null });
    open.askedOwner = true;
    ask(latest.owner, latest.driver);
  }

  private finish(operation: number, { errand }: OpenErrand, result: DispatchResult): void {
    this.open.delete(operation);
    if (errand.kind !== "look-up") this.user.reply(errand.request, { kind: "ok", result });
  }
}

/** The driver a trip has; null: none, and none is in the making here; undefined: nobody can say yet. */
function matchIn(views: readonly KeeperView[], trip: string, majority: number): Match | null | undefined {
  if (views.some(({ ended }) => ended !== null)) return null;
  const running = views.filter(({ accepted }) => accepted.value.trip?.trip === trip).map(({ accepted }) => accepted);
  if (running.length === 0) return null;
  return chosen(running, majority)?.value.trip?.match;
}

function runningTrip(views: readonly KeeperView[], name: string): TripState | null {
  const trip = views.find(({ accepted }) => accepted.value.trip?.trip === name)?.accepted.value.trip;
  return trip === undefined || trip === null
    ? null
    : { trip: name, driver: trip.match.driver, rider: trip.rider, ended: false };
}

/** What is running by the latest that any of them has accepted for each driver, and what is over. */
function merged(
  lists: readonly { readonly registers: readonly RegisterView[]; readonly ended: readonly TripState[] }[],
): TripState[] {
  const trips = new Map<string, TripState>();
  const latest = new Map<string, Accepted>();
  for (const { registers, ended } of lists) {
    for (const state of ended) trips.set(state.trip, state);
    for (const { driver, accepted } of registers) {
      const known = latest.get(driver);
      if (known === undefined || isLater(accepted, known)) latest.set(driver, accepted);
    }
  }
  for (const [driver, { value }] of latest) {
    if (value.trip === null || trips.has(value.trip.trip)) continue;
    trips.set(value.trip.trip, { trip: value.trip.trip, driver, rider: value.trip.rider, ended: false });
  }
  return [...trips.values()];
}
