/**
 * The drivers that a node keeps: where they are, and the right to give them away.
 *
 *     report ──> claiming ──majority promises──> writing ──majority accepts──> held ──book, end──> writing ...
 *                    `── all of one mind ──────────────────────────────────────^
 *     any state ── a keeper knows of a later epoch: another node has claimed it ──> dropped
 *
 * A driver is given away only while it is held. What a majority of keepers promised to this epoch nobody else can change, and what they had
 * accepted until then is known: so a new owner learns of the trip that a dead one gave before it may give another. What only some of them
 * had accepted is written again first: a driver may have been told of it.
 *
 * A booking that a majority has not accepted is repeated until it has, or until it is clear that it cannot be, for the trip has another driver
 * with some; then it is taken back, which is a write as well.
 */
import type { DriverSeen, Place, ReportPosition } from "../../api-dispatch.ts";
import type { TimerId } from "../../kernel/env.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { chosen, isLater, isSame } from "./accepted.ts";
import type { Cell, CellGrid } from "./cells.ts";
import { DriverIndex } from "./driver-index.ts";
import type { Located, Near } from "./driver-index.ts";
import { nothingAccepted } from "./messages.ts";
import type {
  Accepted,
  BookOutcome,
  DispatchEnv,
  KeeperAnswer,
  KeeperRequest,
  Position,
  RegisterValue,
  Trip,
} from "./messages.ts";

const againUs: Micros = 200 * millisecond;
/** Claims of one report that are outbid before it is left to whoever bids. */
const maxBids = 3;
/** So that a clock that is a little behind seldom makes a node bid in vain. */
const epochsPerMs = 256;

/** What waits for a driver to be held again. `job` is the user's name for it. */
type Waiting =
  | { readonly kind: "report"; readonly job: number }
  | { readonly kind: "book"; readonly job: number; readonly trip: Trip }
  | { readonly kind: "end"; readonly job: number; readonly trip: string; readonly over: boolean };

export interface HeldDriver extends Located {
  /** Its timers' key. */
  readonly number: number;
  phase: "claiming" | "writing" | "held";
  epoch: number;
  bids: number;
  /** What the keepers have, or will have once it is written. */
  accepted: Accepted;
  /** Who promised or accepted what is under way, and what they had accepted. */
  answers: Map<NodeId, Accepted>;
  /** What is written was found so, when the driver was claimed. */
  found: boolean;
  /** Who knows another driver for the trip that is being written. */
  taken: Map<NodeId, Accepted | null>;
  waiting: Waiting[];
  timer: TimerId;
  /** The trip that its last report was answered with. */
  told: string | null;
  /** Its cell is another's by now: it is dropped when nothing is under way. */
  leaving: boolean;
}

export interface HoldingsUser {
  /** The report is in, and what trip the driver is on is known. Null: another node has the driver. */
  onPlaced(job: number, held: HeldDriver | null): void;
  onBooked(job: number, outcome: BookOutcome): void;
  /** False: this node cannot end it. */
  onEnded(job: number, ended: boolean): void;
}

export class Holdings {
  readonly index: DriverIndex<HeldDriver>;
  readonly counts = { claims: 0, fenced: 0, booked: 0, aborted: 0, ended: 0, expired: 0 };
  private readonly env: DispatchEnv;
  private readonly keepers: readonly NodeId[];
  private readonly majority: number;
  private readonly expireUs: Micros;
  private readonly user: HoldingsUser;
  private readonly drivers = new Map<string, HeldDriver>();
  private readonly byNumber = new Map<number, HeldDriver>();
  private readonly life: number;
  private lastEpoch = 0;
  private nextNumber = 1;

  constructor(env: DispatchEnv, grid: CellGrid, keepers: readonly NodeId[], expireUs: Micros, user: HoldingsUser) {
    this.env = env;
    this.keepers = keepers;
    this.majority = Math.floor(keepers.length / 2) + 1;
    this.expireUs = expireUs;
    this.user = user;
    this.index = new DriverIndex(grid);
    this.life = env.random.uint32();
  }

  /** A driver of one of this node's cells has said where it is. `onPlaced` follows, perhaps at once. */
  report(report: ReportPosition, cell: Cell, job: number): void {
    const { heading = null, state, latitude, longitude } = report;
    const held = this.locate(report.driver, cell, { latitude, longitude }, heading, state, 0);
    if (held.phase === "held" || held.phase === "writing") this.user.onPlaced(job, held);
    else held.waiting.push({ kind: "report", job });
  }

  /** Where a driver was by what its former owner knows; what this node knows may be newer. */
  take({ driver, heading, state, ageUs, latitude, longitude }: Position, cell: Cell): void {
    const known = this.drivers.get(driver);
    if (known !== undefined && known.reportedAt >= this.env.now - ageUs) return;
    this.locate(driver, cell, { latitude, longitude }, heading, state, ageUs);
  }

  /** Free drivers near a place, nearest first. */
  nearest(at: Place, rings: number, wanted: number): Near<HeldDriver>[] {
    return this.index.nearest(at, rings, wanted, (held) => this.mayBook(held));
  }

  /** Gives the driver to the trip if it is free, or has it already. `onBooked` follows. */
  book(driver: string, trip: Trip, job: number): void {
    const held = this.drivers.get(driver);
    if (held === undefined || !this.mayBook(held)) {
      if (held?.accepted.value.trip?.trip !== trip.trip) this.user.onBooked(job, { kind: "lost", doubtful: false });
      else if (held.phase === "held") this.user.onBooked(job, { kind: "booked" });
      else held.waiting.push({ kind: "book", job, trip });
      return;
    }
    held.waiting.push({ kind: "book", job, trip });
    this.write(held, { trip, past: held.accepted.value.past });
  }

  /** The trip is over, or, as some keeper says, has been for a while. `onEnded` follows. */
  end(driver: string, trip: string, over: boolean, job: number): void {
    const held = this.drivers.get(driver);
    if (held === undefined || held.leaving) return this.user.onEnded(job, false);
    held.waiting.push({ kind: "end", job, trip, over });
    if (held.phase === "held") this.serveNext(held);
  }

  /** Drops drivers in cells that are another node's by now, and says where they were. */
  giveUp(isMine: (cell: Cell) => boolean): Position[] {
    const { now } = this.env;
    const given: Position[] = [];
    for (const held of this.drivers.values()) {
      if (isMine(held.cell)) continue;
      const { driver, heading, state, place } = held;
      if (!held.leaving) given.push({ driver, heading, state, ...place, ageUs: now - held.reportedAt });
      this.leave(held);
    }
    return given;
  }

  /** Drops drivers that have been silent for too long. */
  sweep(): void {
    const { now } = this.env;
    for (const held of this.drivers.values()) {
      if (now - held.reportedAt <= this.expireUs || held.leaving) continue;
      this.counts.expired++;
      this.leave(held);
    }
  }

  onKeeper(from: NodeId, answer: KeeperAnswer): void {
    const held = this.drivers.get(answer.driver);
    if (held === undefined) return;
    switch (answer.kind) {
      case "promise":
        if (held.phase === "claiming" && answer.epoch === held.epoch) this.onPromise(from, held, answer.accepted);
        return;
      case "accepted":
        if (isOf(held, answer)) this.onAccepted(from, held);
        return;
      case "taken":
        if (isOf(held, answer)) this.onTaken(from, held, answer.by);
        return;
      case "fenced":
        if (answer.epoch > held.epoch || (held.phase === "claiming" && answer.epoch === held.epoch))
          this.onFenced(held, answer.epoch);
    }
  }

  /** The keepers have not all answered: asks again. */
  onTimer(number: number): void {
    const held = this.byNumber.get(number);
    if (held === undefined || held.phase === "held") return;
    held.timer = 0;
    if (held.leaving && held.phase === "claiming") return this.drop(held);
    if (held.phase === "writing" && held.taken.size > 0) this.abort(held);
    else this.ask(held);
  }

  seen(driver: string): DriverSeen | null {
    const held = this.drivers.get(driver);
    if (held === undefined || held.leaving || held.phase === "claiming") return null;
    const { place, heading, state, cell, reportedAt, accepted } = held;
    const trip = accepted.value.trip?.trip ?? null;
    return { driver, ...place, heading, state, trip, cell, owner: this.env.self, ageUs: this.env.now - reportedAt };
  }

  census(): { drivers: number; free: number; onTrip: number } {
    let [free, onTrip] = [0, 0];
    for (const held of this.drivers.values()) {
      if (this.mayBook(held)) free++;
      else if (held.accepted.value.trip !== null) onTrip++;
    }
    return { drivers: this.drivers.size, free, onTrip };
  }

  atRest(): boolean {
    for (const held of this.drivers.values()) if (held.phase !== "held") return false;
    return true;
  }

  /** @throws when a driver is filed that is in another node's cell */
  check(isMine: (cell: Cell) => boolean): void {
    this.index.check();
    for (const held of this.drivers.values()) {
      if (held.position >= 0 && !isMine(held.cell))
        throw new Error(
          `drivers: ${held.driver} is kept by node ${this.env.self}, which does not own its cell ${held.cell}`,
        );
    }
  }

  /** Whether this node has the right to give the driver away, and it is free. */
  private mayBook(held: HeldDriver): boolean {
    return this.isOwned(held) && this.isIdle(held);
  }

  protected isOwned(held: HeldDriver): boolean {
    return held.phase === "held" && !held.leaving;
  }

  private isIdle({ accepted, state, reportedAt }: HeldDriver): boolean {
    return accepted.value.trip === null && state === "available" && this.env.now - reportedAt <= this.expireUs;
  }

  private locate(
    driver: string,
    cell: Cell,
    place: Place,
    heading: number | null,
    state: HeldDriver["state"],
    ageUs: Micros,
  ): HeldDriver {
    let held = this.drivers.get(driver);
    const reportedAt = this.env.now - ageUs;
    if (held === undefined) {
      held = newcomer(driver, cell, place, this.nextNumber++);
      this.drivers.set(driver, held);
      this.byNumber.set(held.number, held);
      this.claim(held, 0);
    }
    held.place = place;
    held.heading = heading;
    held.state = state;
    held.reportedAt = reportedAt;
    held.leaving = false;
    this.index.move(held, cell);
    return held;
  }

  /** Asks for the driver at an epoch above `above`, and most likely above all there were. */
  private claim(held: HeldDriver, above: number): void {
    this.counts.claims++;
    held.phase = "claiming";
    // Never twice by this node: what it wrote at an epoch it had before may still be on its way.
    held.epoch = this.lastEpoch = Math.max(
      Math.floor(this.env.wall.latest / millisecond) * epochsPerMs,
      above + 1,
      this.lastEpoch + 1,
    );
    held.bids++;
    held.answers = new Map();
    this.ask(held);
  }

  private write(held: HeldDriver, value: RegisterValue, found = false): void {
    const { epoch, accepted } = held;
    const sequence = accepted.epoch === epoch ? accepted.sequence + 1 : 1;
    held.phase = "writing";
    held.accepted = { epoch, sequence, value };
    held.found = found;
    held.answers = new Map();
    held.taken = new Map();
    this.ask(held);
  }

  private ask(held: HeldDriver): void {
    const { env } = this;
    const { driver, epoch, accepted } = held;
    const question: KeeperRequest =
      held.phase === "claiming"
        ? { kind: "claim", driver, epoch, life: this.life }
        : { kind: "accept", driver, accepted, again: held.found };
    for (const keeper of this.keepers) if (!held.answers.has(keeper)) env.sendEarly(keeper, question);
    env.cancel(held.timer);
    held.timer = env.after(againUs, "keepers", held.number);
  }

  private onPromise(from: NodeId, held: HeldDriver, accepted: Accepted): void {
    held.answers.set(from, accepted);
    if (held.answers.size < this.majority) return;
    const answers = [...held.answers.values()];
    const latest = answers.reduce((a, b) => (isLater(b, a) ? b : a));
    held.accepted = latest;
    held.bids = 0;
    if (answers.every((answer) => !isLater(latest, answer))) this.becomeHeld(held);
    else this.write(held, latest.value, true);
  }

  private onAccepted(from: NodeId, held: HeldDriver): void {
    held.answers.set(from, held.accepted);
    if (held.answers.size >= this.majority) this.becomeHeld(held);
  }

  private onTaken(from: NodeId, held: HeldDriver, by: Accepted | null): void {
    held.taken.set(from, by);
    if (held.taken.size > this.keepers.length - this.majority) this.abort(held);
  }

  /** What is being written cannot be: the trip is with another driver, or will be. */
  private abort(held: HeldDriver): void {
    const { past } = held.accepted.value;
    this.counts.aborted++;
    const by = chosen([...held.taken.values()], this.majority);
    const outcome: BookOutcome =
      by === undefined ? { kind: "lost", doubtful: true } : { kind: "taken", by: by?.value.trip?.match ?? null };
    const booking = held.waiting.filter(({ kind }) => kind === "book");
    held.waiting = held.waiting.filter(({ kind }) => kind !== "book");
    this.write(held, { trip: null, past });
    for (const { job } of booking) this.user.onBooked(job, outcome);
  }

  private becomeHeld(held: HeldDriver): void {
    held.phase = "held";
    this.env.cancel(held.timer);
    held.timer = 0;
    this.serveNext(held);
    if (held.phase === "held" && held.leaving) this.drop(held);
  }

  /** Answers what waits, up to the first that has to be written. */
  private serveNext(held: HeldDriver): void {
    while (held.phase === "held" && held.waiting.length > 0) {
      const next = held.waiting.shift()!;
      const { trip, past } = held.accepted.value;
      if (next.kind === "report") {
        this.user.onPlaced(next.job, held);
      } else if (next.kind === "book") {
        const booked = trip?.trip === next.trip.trip;
        if (booked) this.counts.booked++;
        this.user.onBooked(next.job, booked ? { kind: "booked" } : { kind: "lost", doubtful: false });
      } else if (trip?.trip === next.trip) {
        held.waiting.unshift(next);
        this.write(held, { trip: null, past: { trip: trip.trip, rider: trip.rider } });
      } else {
        // It was this driver's, and the end of it was begun: what a majority has now says that it was carried out.
        const ended = next.over || past?.trip === next.trip;
        if (past?.trip === next.trip) this.counts.ended++;
        this.user.onEnded(next.job, ended);
      }
    }
  }

  private onFenced(held: HeldDriver, epoch: number): void {
    if (held.phase === "claiming" && held.bids < maxBids && !held.leaving) return this.claim(held, epoch);
    this.counts.fenced++;
    this.drop(held);
  }

  /** Out of sight at once; gone when nothing is under way. */
  private leave(held: HeldDriver): void {
    this.index.remove(held);
    held.leaving = true;
    if (held.phase === "held" || (held.phase === "claiming" && held.waiting.length === 0)) this.drop(held);
  }

  private drop(held: HeldDriver): void {
    this.env.cancel(held.timer);
    this.index.remove(held);
    this.drivers.delete(held.driver);
    this.byNumber.delete(held.number);
    for (const { kind, job } of held.waiting) {
      if (kind === "report") this.user.onPlaced(job, null);
      else if (kind === "book") this.user.onBooked(job, { kind: "lost", doubtful: true });
      else this.user.onEnded(job, false);
    }
    held.waiting = [];
  }
}

function newcomer(driver: string, cell: Cell, place: Place, number: number): HeldDriver {
  return {
    driver,
    number,
    place,
    cell,
    heading: null,
    state: "off",
    reportedAt: 0,
    position: -1,
    phase: "claiming",
    epoch: 0,
    bids: 0,
    accepted: nothingAccepted,
    answers: new Map(),
    found: false,
    taken: new Map(),
    waiting: [],
    timer: 0,
    told: null,
    leaving: false,
  };
}

/** Whether a keeper's answer is about what is being written. */
function isOf({ phase, accepted }: HeldDriver, answer: { epoch: number; sequence: number }): boolean {
  return phase === "writing" && isSame(accepted, answer);
}
