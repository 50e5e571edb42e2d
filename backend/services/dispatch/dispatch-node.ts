/**
 * One node of the dispatch service: owner of some cells, perhaps a keeper, and the way of each request to where it can be carried out.
 *
 *     report, match ──> entry node ──ring──> owner of the cell ──> Holdings: the drivers in memory
 *                                                │ match              │ claim, accept
 *                                                v                    v
 *                                            Matcher ──book──>    Keepers: on the disks of a majority, who was given to whom
 *     end, find, list ─> entry node ──> Errands ──────────────────────^
 *
 * The ring (Ringpop) says who should keep a driver, so that a report costs no disk and a search one node's memory; it promises nothing, for
 * two nodes may see two rings. The keepers promise: a driver on a trip is given to nobody else, and a trip has one driver. So an owner that
 * dies takes with it where its drivers were, which their next reports say again, and nothing else.
 */
import type { Answer } from "../../api.ts";
import type { DispatchRequest, DispatchService, MatchRider, Placement, ReportPosition } from "../../api-dispatch.ts";
import type { Core, RequestId } from "../../kernel/env.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { Ringpop } from "../../protocols/ringpop/ringpop.ts";
import type { Caller, ForwardOutcome, RingpopEnv, RingUser } from "../../protocols/ringpop/ringpop.ts";
import { CellGrid } from "./cells.ts";
import type { Cell } from "./cells.ts";
import { Errands } from "./errands.ts";
import { Holdings } from "./holdings.ts";
import type { HeldDriver, HoldingsUser } from "./holdings.ts";
import { Keeper } from "./keeper.ts";
import { Matcher } from "./matcher.ts";
import { membershipOf } from "./membership.ts";
import type { Membership, MembershipMessage } from "./membership.ts";
import type { BookOutcome, DispatchEnv, DispatchMessage, DispatchTimer, Position, Routed } from "./messages.ts";
import { buildRing, keyOf } from "./placement.ts";

/** What a node is made of; tests put a mutant in their place. */
export interface DispatchRoles {
  readonly keeper: typeof Keeper;
  readonly holdings: typeof Holdings;
  readonly ringpop: typeof Ringpop;
}

export const dispatchRoles: DispatchRoles = { keeper: Keeper, holdings: Holdings, ringpop: Ringpop };

export const dispatchDefaults = {
  resolution: 8,
  ownedResolution: 7,
  placement: { kind: "ring", virtualNodes: 100 },
  membership: {
    kind: "swim",
    periodUs: 200 * millisecond,
    timeoutUs: 80 * millisecond,
    suspicionUs: second,
    // Where few can confirm it, a suspicion that waits for confirmations lasts as long as it may.
    lifeguard: { health: true, suspicion: false, buddies: true },
  },
  expireUs: 12 * second,
  maxRings: 6,
} as const satisfies Partial<DispatchService>;

const defaultTimeoutUs: Micros = 5 * second;
const sweepUs: Micros = 250 * millisecond;
/** Positions that are handed over in one message. */
const positionsPerMessage = 128;
/** Cells whose owners are remembered; a city has a few thousand. */
const maxOwners = 16_384;

/** What is answered when a driver's register has been written. */
type Job =
  | { readonly kind: "report"; readonly caller: Caller }
  | { readonly kind: "book" | "end"; readonly from: NodeId; readonly operation: number };

const timedOut: Answer = {
  kind: "unknown",
  code: "timeout",
  message: "The request was not carried out in time, or its answer was lost",
};
const noOwner: Answer = {
  kind: "refused",
  code: "unavailable",
  message: "Nodes do not agree at the moment who owns this cell",
};
const expired: Answer = {
  kind: "refused",
  code: "expired",
  message: "The time was up before the owner of the cell began",
};
const elsewhere: Answer = {
  kind: "refused",
  code: "unavailable",
  message: "Another node has claimed this driver meanwhile",
};

export class DispatchNode
  implements Core<DispatchMessage, DispatchTimer, DispatchRequest>, HoldingsUser, RingUser<Routed, Answer>
{
  private readonly env: DispatchEnv;
  private readonly nodes: number;
  private readonly placement: Placement;
  private readonly grid: CellGrid;
  private readonly membership: Membership;
  private readonly ringpop: Ringpop<Routed, Answer>;
  private readonly keeper: Keeper | null;
  private readonly holdings: Holdings;
  private readonly matcher: Matcher;
  private readonly errands: Errands;
  /** Requests that entered here, until when they are answered. */
  private readonly open = new Map<RequestId, Micros>();
  /** Negative numbers: the others are the matcher's operations. */
  private readonly jobs = new Map<number, Job>();
  private nextJob = -1;
  /** By the present ring, so that a search hashes nothing. */
  private readonly owners = new Map<Cell, NodeId>();
  private reports = 0;
  private handedOver = 0;

  constructor(env: DispatchEnv, service: DispatchService, nodes: number, roles: DispatchRoles = dispatchRoles) {
    const { resolution, ownedResolution, placement, membership, expireUs, maxRings } = {
      ...dispatchDefaults,
      ...service,
    };
    this.env = env;
    this.nodes = nodes;
    this.placement = placement;
    this.grid = new CellGrid(resolution, ownedResolution);
    this.membership = membershipOf(env, nodes, membership);
    this.ringpop = new roles.ringpop(earlyEnv(env), this.membership.view, buildRing(placement, nodes), this);
    this.keeper = service.keepers.includes(env.self) ? new roles.keeper(env) : null;
    this.holdings = new roles.holdings(env, this.grid, service.keepers, expireUs, this);
    this.matcher = new Matcher(env, this.grid, this.holdings, maxRings, {
      ownerOf: (cell) => this.ownerOf(cell),
      answer: (caller, answer) => this.ringpop.answer(caller, answer),
      lookUp: (trip, operation) => this.errands.begin({ kind: "look-up", trip, operation }, 0),
    });
    this.errands = new Errands(env, service.keepers, {
      reply: (request, answer) => this.reply(request, answer),
      onLookedUp: (operation, match) => this.matcher.onLookedUp(operation, match),
    });
  }

  start(): void {
    this.keeper?.start();
    this.membership.start();
    this.ringpop.onMembersChange();
    this.env.after(sweepUs, "sweep", 0);
  }

  onRequest(request: RequestId, body: DispatchRequest): void {
    const { timeoutUs = defaultTimeoutUs } = body;
    this.open.set(request, this.env.now + timeoutUs);
    switch (body.kind) {
      case "position-report":
      case "match":
        this.route(request, body, timeoutUs);
        return;
      case "dispatch-status":
        return this.reply(request, this.status());
      case "trip-end":
      case "trip-get":
        this.errands.begin({ kind: body.kind, trip: body.trip, request }, timeoutUs);
        return;
      case "driver-get":
        this.errands.begin({ kind: body.kind, driver: body.driver, request }, timeoutUs);
        return;
      case "trip-list":
        this.errands.begin({ kind: body.kind, request }, timeoutUs);
    }
  }

  onMessage(from: NodeId, message: DispatchMessage): void {
    const { env, keeper } = this;
    switch (message.kind) {
      case "claim":
        return keeper?.onClaim(from, message.driver, message.epoch, message.life);
      case "accept":
        return keeper?.onAccept(from, message.driver, message.accepted, message.again);
      case "promise":
      case "accepted":
      case "fenced":
      case "taken":
        return this.holdings.onKeeper(from, message);
      case "find": {
        const { operation, driver, trip } = message;
        if (keeper !== null) env.send(from, { kind: "found", operation, view: keeper.view(driver, trip) });
        return;
      }
      case "bury": {
        const { operation, trip } = message;
        if (keeper !== null) env.send(from, { kind: "buried", operation, done: keeper.bury(trip) });
        return;
      }
      case "list":
        if (keeper !== null) env.send(from, { kind: "listed", operation: message.operation, ...keeper.list() });
        return;
      default:
        this.onOwnersMessage(from, message);
    }
  }

  onTimer(timer: DispatchTimer, key: number): void {
    switch (timer) {
      case "keepers":
        return this.holdings.onTimer(key);
      case "matching":
        return this.matcher.onTimer(key);
      case "errand":
        return this.errands.onTimer(key);
      case "sweep":
        return this.sweep();
      default:
        if (this.ringpop.onTimer(timer, key)) return;
        this.membership.onTimer(timer, key);
        this.followMembership();
    }
  }

  /* ---- what the ring asks of its user ---- */

  serve(caller: Caller, key: string, { request, until }: Routed): void {
    // Who keeps drivers that are not its own hides them from whoever looks for them where they are.
    if (!this.ringpop.owns(key))
      throw new Error(`node ${this.env.self} serves ${key}, which is not its own by its ring`);
    const leftUs = until - this.env.wall.latest;
    if (leftUs <= 0) return this.ringpop.answer(caller, expired);
    if (request.kind === "match") return this.matcher.match(request, leftUs, caller);
    this.reports++;
    this.holdings.report(request, this.grid.cellOf(request), this.job({ kind: "report", caller }));
  }

  onOutcome(request: number, outcome: ForwardOutcome<Answer>): void {
    if (outcome.kind === "ok") this.reply(request, outcome.result);
    else this.reply(request, outcome.kind === "refused" ? noOwner : timedOut);
  }

  /** Drivers in cells that are another's by now go there at once, not only when they report. */
  onRingChange(): void {
    this.owners.clear();
    const byOwner = new Map<NodeId, Position[]>();
    for (const position of this.holdings.giveUp((cell) => this.isMine(cell))) {
      const owner = this.ownerOf(this.grid.cellOf(position));
      const there = byOwner.get(owner);
      if (there === undefined) byOwner.set(owner, [position]);
      else there.push(position);
    }
    for (const [owner, all] of byOwner) {
      this.handedOver += all.length;
      for (let i = 0; i < all.length; i += positionsPerMessage) {
        this.env.sendEarly(owner, { kind: "positions", positions: all.slice(i, i + positionsPerMessage) });
      }
    }
  }

  /* ---- what the holdings ask of theirs ---- */

  onPlaced(job: number, held: HeldDriver | null): void {
    const { caller } = this.take(job) as Extract<Job, { kind: "report" }>;
    if (held === null) return this.ringpop.answer(caller, elsewhere);
    const { cell, accepted } = held;
    // What is being written now may not come to be; what the driver was told stays true until it is told otherwise.
    const trip = held.phase === "held" ? (accepted.value.trip?.trip ?? null) : held.told;
    held.told = trip;
    this.ringpop.answer(caller, { kind: "ok", result: { kind: "position", trip, cell, owner: this.env.self } });
  }

  onBooked(job: number, outcome: BookOutcome): void {
    if (job >= 0) return this.matcher.onBooked(job, outcome);
    const { from, operation } = this.take(job) as Extract<Job, { kind: "book" | "end" }>;
    this.env.sendEarly(from, { kind: "book-outcome", operation, outcome });
  }

  onEnded(job: number, ended: boolean): void {
    const { from, operation } = this.take(job) as Extract<Job, { kind: "book" | "end" }>;
    this.env.sendEarly(from, { kind: "end-outcome", operation, ended });
  }

  check(): void {
    this.keeper?.check();
    this.holdings.check((cell) => this.isMine(cell));
  }

  atRest(): boolean {
    return this.holdings.atRest() && this.matcher.atRest() && this.errands.atRest() && this.open.size === 0;
  }

  counters(): Record<string, number> {
    const { drivers, free, onTrip } = this.holdings.census();
    const { forwarded, refusals, retries, lost } = this.ringpop.counts;
    return {
      ...this.holdings.counts,
      ...this.matcher.counts,
      reports: this.reports,
      drivers,
      free,
      onTrip,
      handedOver: this.handedOver,
      forwarded,
      forwardsRefused: refusals,
      forwardsRepeated: retries,
      forwardsLost: lost,
      rings: this.ringpop.epoch,
    };
  }

  private onOwnersMessage(from: NodeId, message: DispatchMessage): void {
    const { env, holdings, matcher, errands } = this;
    switch (message.kind) {
      case "search": {
        const candidates = matcher.candidatesNear(message.at, message.rings);
        return env.sendEarly(from, { kind: "candidates", operation: message.operation, candidates });
      }
      case "candidates":
        return matcher.onCandidates(from, message.operation, message.candidates);
      case "book": {
        const job = this.job({ kind: "book", from, operation: message.operation });
        return holdings.book(message.driver, message.trip, job);
      }
      case "book-outcome":
        return matcher.onBooked(message.operation, message.outcome);
      case "end": {
        const job = this.job({ kind: "end", from, operation: message.operation });
        return holdings.end(message.driver, message.trip, message.over, job);
      }
      case "end-outcome":
        return errands.onEndOutcome(message.operation, message.ended);
      case "where":
        return env.sendEarly(from, {
          kind: "there",
          operation: message.operation,
          seen: holdings.seen(message.driver),
        });
      case "there":
        return errands.onThere(message.operation, message.seen);
      case "found":
        return errands.onFound(from, message.operation, message.view);
      case "buried":
        return errands.onBuried(from, message.operation, message.done);
      case "listed":
        return errands.onListed(from, message.operation, message.registers, message.ended);
      case "positions":
        for (const position of message.positions) {
          const cell = this.grid.cellOf(position);
          if (this.isMine(cell)) holdings.take(position, cell);
        }
        return;
      case "ring-forward":
      case "ring-answer":
      case "ring-refusal":
      case "ring-hand-over":
      case "ring-taken":
        this.ringpop.onMessage(from, message);
        return;
      default:
        this.membership.onMessage(from, message as MembershipMessage);
        this.followMembership();
    }
  }

  private followMembership(): void {
    if (this.membership.takeChange()) this.ringpop.onMembersChange();
  }

  private route(request: RequestId, body: ReportPosition | MatchRider, timeoutUs: Micros): void {
    const routed = { request: body, until: this.env.wall.latest + timeoutUs };
    this.ringpop.request(request, this.keyOf(this.grid.cellOf(body)), routed, true);
  }

  private sweep(): void {
    const { now } = this.env;
    this.holdings.sweep();
    this.matcher.sweep();
    this.keeper?.sweep();
    for (const [request, until] of this.open) if (now >= until) this.reply(request, timedOut);
    this.env.after(sweepUs, "sweep", 0);
  }

  /** What is said rests on what keepers have stored, if on anything. */
  private reply(request: RequestId, answer: Answer): void {
    if (this.open.delete(request)) this.env.replyEarly(request, answer);
  }

  private status(): Answer {
    const { members, checksum } = this.ringpop;
    const counts = this.holdings.census();
    return {
      kind: "ok",
      result: { kind: "dispatch-status", node: this.env.self, alive: members, checksum, ...counts },
    };
  }

  private job(job: Job): number {
    this.jobs.set(this.nextJob, job);
    return this.nextJob--;
  }

  private take(number: number): Job {
    const job = this.jobs.get(number)!;
    this.jobs.delete(number);
    return job;
  }

  private keyOf(cell: Cell): string {
    return keyOf(this.placement, this.grid.ownedCellOf(cell), this.nodes);
  }

  private ownerOf(cell: Cell): NodeId {
    let owner = this.owners.get(cell);
    if (owner === undefined) {
      if (this.owners.size >= maxOwners) this.owners.clear();
      owner = this.ringpop.ownerOf(this.keyOf(cell));
      this.owners.set(cell, owner);
    }
    return owner;
  }

  private isMine(cell: Cell): boolean {
    return this.ownerOf(cell) === this.env.self;
  }
}

/** Forwards and their answers promise nothing of what this node has stored, so they need not wait until it is durable. */
function earlyEnv(env: DispatchEnv): RingpopEnv<Routed, Answer, never> {
  return {
    self: env.self,
    random: env.random,
    get now() {
      return env.now;
    },
    send: (to, message) => env.sendEarly(to, message),
    after: (delayUs, timer, key) => env.after(delayUs, timer, key),
    cancel: (timer) => env.cancel(timer),
  };
}
