/**
 * Finds a driver for each trip whose pick-up is in one of this node's cells.
 *
 *     match ──> search here ──near a border: "search" ──> neighbouring owners
 *                   v                     <── candidates, or nothing for 50 ms
 *               the nearest first: book it at its owner ──lost──> the next ──none left──> search again, twice
 *                   │ booked                                                └──none──> do the keepers know a driver for this trip?
 *                   v
 *                answer
 *
 * Drivers are asked one after the other, so none is held that will not be needed. Whatever gets lost on the way, the keepers see to it that
 * one trip has one driver: a booking whose answer never came keeps the next one from being accepted.
 */
import type { Answer } from "../../api.ts";
import type { Match, MatchRider, Place } from "../../api-dispatch.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Caller } from "../../protocols/ringpop/ringpop.ts";
import type { Cell, CellGrid } from "./cells.ts";
import type { Holdings } from "./holdings.ts";
import type { BookOutcome, Candidate, DispatchEnv, Trip } from "./messages.ts";

/** Tried before the map is looked at again. */
const wantedCandidates = 4;
const maxSearches = 3;
const searchUs: Micros = 50 * millisecond;
const bookUs: Micros = 300 * millisecond;
/** Answers that are given again without asking anybody. */
const rememberUs: Micros = 30 * second;
/** So fast a driver gets through a city, roundabout ways included. */
const metersPerSecond = 7;

export interface MatcherUser {
  ownerOf(cell: Cell): NodeId;
  answer(caller: Caller, answer: Answer): void;
  /** Whether the keepers know a driver for this trip: `Matcher.onLookedUp` follows. */
  lookUp(trip: string, operation: number): void;
}

interface Matching {
  readonly request: MatchRider;
  readonly callers: Caller[];
  readonly expiresAt: Micros;
  readonly tried: Set<string>;
  searches: number;
  candidates: Candidate[];
  /** Neighbours that have not said yet whom they have. */
  asked: Set<NodeId>;
  /** Drivers that were asked for and may have been booked all the same. */
  doubtful: boolean;
}

export class Matcher {
  readonly counts = { matched: 0, unmatched: 0, asked: 0, lost: 0, repeated: 0 };
  private readonly env: DispatchEnv;
  private readonly grid: CellGrid;
  private readonly holdings: Holdings;
  private readonly maxRings: number;
  private readonly user: MatcherUser;
  private readonly open = new Map<string, Matching>();
  /** By the operation under way: what it is for. An operation that has been given up is here no longer. */
  private readonly operations = new Map<number, Matching>();
  private readonly decided = new Map<string, { readonly answer: Answer; readonly at: Micros }>();
  private nextOperation: number;

  constructor(env: DispatchEnv, grid: CellGrid, holdings: Holdings, maxRings: number, user: MatcherUser) {
    this.env = env;
    this.grid = grid;
    this.holdings = holdings;
    this.maxRings = maxRings;
    this.user = user;
    this.nextOperation = env.random.uint32() * 2 ** 20;
  }

  match(request: MatchRider, leftUs: Micros, caller: Caller): void {
    const { trip } = request;
    const decided = this.decided.get(trip);
    const open = this.open.get(trip);
    if (decided !== undefined || open !== undefined) this.counts.repeated++;
    if (decided !== undefined) return this.user.answer(caller, decided.answer);
    if (open !== undefined) {
      open.callers.push(caller);
      return;
    }
    const matching: Matching = {
      request,
      callers: [caller],
      expiresAt: this.env.now + leftUs,
      tried: new Set(),
      searches: 0,
      candidates: [],
      asked: new Set(),
      doubtful: false,
    };
    this.open.set(trip, matching);
    this.search(matching);
  }

  /** A neighbour looks for drivers near its border. */
  candidatesNear(at: Place, rings: number): Candidate[] {
    return this.holdings.nearest(at, rings, wantedCandidates).map(({ driver, distanceMeters }) => ({
      driver: driver.driver,
      owner: this.env.self,
      from: driver.place,
      distanceMeters,
    }));
  }

  onCandidates(from: NodeId, operation: number, candidates: readonly Candidate[]): void {
    const matching = this.operations.get(operation);
    if (matching === undefined || !matching.asked.delete(from)) return;
    matching.candidates.push(...candidates);
    if (matching.asked.size > 0) return;
    this.operations.delete(operation);
    this.tryNext(matching);
  }

  onBooked(operation: number, outcome: BookOutcome): void {
    const matching = this.operations.get(operation);
    if (matching === undefined) return;
    this.operations.delete(operation);
    const candidate = matching.candidates.shift()!;
    if (outcome.kind === "booked") this.finish(matching, matchWith(candidate));
    else if (outcome.kind === "taken") this.finish(matching, outcome.by);
    else {
      this.counts.lost++;
      matching.doubtful ||= outcome.doubtful;
      this.tryNext(matching);
    }
  }

  /** No answer in time: from neighbours, to go on without; from an owner, to try another driver. */
  onTimer(operation: number): void {
    const matching = this.operations.get(operation);
    if (matching === undefined) return;
    this.operations.delete(operation);
    if (matching.asked.size === 0) {
      matching.candidates.shift();
      matching.doubtful = true;
    }
    matching.asked = new Set();
    this.tryNext(matching);
  }

  /** What the keepers know. Undefined: too few of them answered, or they are not of one mind. */
  onLookedUp(operation: number, match: Match | null | undefined): void {
    const matching = this.operations.get(operation);
    if (matching === undefined) return;
    this.operations.delete(operation);
    if (match !== undefined && (match !== null || !matching.doubtful)) this.finish(matching, match);
    else this.close(matching, undecided);
  }

  /** Forgets old answers. To be called now and then. */
  sweep(): void {
    for (const [trip, { at }] of this.decided) {
      if (this.env.now - at < rememberUs) break;
      this.decided.delete(trip);
    }
  }

  atRest(): boolean {
    return this.open.size === 0;
  }

  private search(matching: Matching): void {
    const { request, tried } = matching;
    matching.searches++;
    const here = this.candidatesNear(request, this.maxRings);
    matching.candidates = here.filter(({ driver }) => !tried.has(driver));
    const neighbours = this.neighbours(request, matching.candidates);
    if (neighbours.size === 0) return this.tryNext(matching);
    this.counts.asked++;
    matching.asked = neighbours;
    const operation = this.operation(matching, searchUs);
    const message = { kind: "search", operation, at: placeOf(request), rings: this.maxRings } as const;
    for (const node of neighbours) this.env.sendEarly(node, message);
  }

  /** Owners of cells that may hold somebody nearer than the nearest known here. */
  private neighbours(at: Place, known: readonly Candidate[]): Set<NodeId> {
    const { grid, user, env } = this;
    const nearest = known.length > 0 ? known[0].distanceMeters : Infinity;
    const home = grid.cellOf(at);
    const disk = grid.disk(home, this.maxRings);
    const owners = new Set<NodeId>();
    for (let ring = 0; ring <= this.maxRings && grid.ringFloorMeters(ring - 1) < nearest; ring++) {
      for (const cell of disk[ring]) {
        const owner = user.ownerOf(cell);
        if (owner === env.self || owners.has(owner)) continue;
        if (cell === home || grid.cellFloorMeters(at, cell) < nearest) owners.add(owner);
      }
    }
    return owners;
  }

  private tryNext(matching: Matching): void {
    const { request, tried, candidates } = matching;
    if (this.env.now >= matching.expiresAt) return this.close(matching, late);
    candidates.sort((a, b) => a.distanceMeters - b.distanceMeters || (a.driver < b.driver ? -1 : 1));
    const next = candidates[0];
    if (next === undefined) {
      if (tried.size > 0 && matching.searches < maxSearches) this.search(matching);
      else this.user.lookUp(request.trip, this.operation(matching, 2 * bookUs));
      return;
    }
    tried.add(next.driver);
    const { trip, rider } = request;
    const booking: Trip = { trip, rider, match: matchWith(next) };
    const operation = this.operation(matching, bookUs);
    if (next.owner === this.env.self) this.holdings.book(next.driver, booking, operation);
    else this.env.sendEarly(next.owner, { kind: "book", operation, driver: next.driver, trip: booking });
  }

  private operation(matching: Matching, patienceUs: Micros): number {
    const operation = this.nextOperation++;
    this.operations.set(operation, matching);
    this.env.after(patienceUs, "matching", operation);
    return operation;
  }

  private finish(matching: Matching, match: Match | null): void {
    const { trip } = matching.request;
    const answer: Answer = { kind: "ok", result: { kind: "match", trip, match } };
    this.close(matching, answer);
    if (match === null) this.counts.unmatched++;
    else this.counts.matched++;
    // Who found nobody may ask again.
    if (match !== null) this.decided.set(trip, { answer, at: this.env.now });
  }

  private close(matching: Matching, answer: Answer): void {
    this.open.delete(matching.request.trip);
    for (const caller of matching.callers) this.user.answer(caller, answer);
  }
}

const undecided: Answer = {
  kind: "unknown",
  code: "quorum-lost",
  message: "Too few keepers answered to say whether the trip has a driver",
};
const late: Answer = { kind: "unknown", code: "timeout", message: "The time was up before a driver was booked" };

function placeOf({ latitude, longitude }: Place): Place {
  return { latitude, longitude };
}

function matchWith({ driver, from, distanceMeters }: Candidate): Match {
  const meters = Math.round(distanceMeters);
  return { driver, from, distanceMeters: meters, etaSeconds: Math.round(meters / metersPerSecond) };
}
