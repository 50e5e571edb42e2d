/**
 * A ring built from the membership, and requests that find the owner of their key (Uber's Ringpop, 2015).
 *
 *     entry node ── ring-forward (key, checksum of my ring) ──> owner by my ring
 *          ^                                                      |-- my key: serves it, ring-answer
 *          |                                                      `-- not my key, by another ring: ring-refusal, nothing was done
 *          `── looks it up again after 0, 1 and 3.5 s, by the ring it has then
 *
 * Members of two minds about who is there have two rings, and both may think a key their own: a ring says who should serve, it is no lock.
 * What must happen once needs the fence of a hand-over (`HandOvers`) or a store with consensus.
 *
 * It departs from Ringpop where a request may have been served: only refusals, which promise that nothing happened, are always repeated;
 * what was lost on the way is repeated only when the caller says that twice is as good as once.
 */
import type { Env, TimerId } from "../../kernel/env.ts";
import { finish, hash32 } from "../../kernel/hash.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { RingpopMessage, TicketId } from "./messages.ts";
import type { BuildRing, KeyRing, MembersView } from "./view.ts";

export type RingpopTimer = "ring-retry" | "ring-lost" | "ring-again";

export type RingpopEnv<Body, Result, Goods> = Pick<
  Env<RingpopMessage<Body, Result, Goods>, RingpopTimer, never>,
  "self" | "now" | "random" | "send" | "after" | "cancel"
>;

/** Before the second, third and fourth attempt. */
const retryDelaysUs: readonly Micros[] = [0, second, 3_500 * millisecond];
/** How long an answer is waited for before it counts as lost. */
const answerUs: Micros = 1_500 * millisecond;

/** How a request ended that was put to `Ringpop.request`. Unknown: it may have been served. */
export type ForwardOutcome<Result> =
  | { readonly kind: "ok"; readonly result: Result }
  | { readonly kind: "refused" }
  | { readonly kind: "unknown" };

/** Whom an answer goes to. */
export interface Caller {
  readonly node: NodeId;
  readonly ticket: TicketId;
}

/** The service on top of a ring. */
export interface RingUser<Body, Result> {
  /** The key is this node's: answer with `Ringpop.answer`, in this turn or later. */
  serve(caller: Caller, key: string, body: Body): void;
  onOutcome(request: number, outcome: ForwardOutcome<Result>): void;
  /** Called within the turn in which the membership changed: what is not this node's any longer is to be handed over. */
  onRingChange(): void;
}

interface Forward<Body> {
  readonly request: number;
  readonly key: string;
  readonly body: Body;
  readonly idempotent: boolean;
  /** Retries so far. */
  retries: number;
  to: NodeId;
  timer: TimerId;
  /** Some attempt may have been served. */
  doubtful: boolean;
}

export class Ringpop<Body, Result, Goods = never> {
  /** Raised by every change of the ring that this node sees; its own count, which nobody else shares. */
  epoch = 0;
  /** Equal at two nodes exactly when the same members are on their rings, but for collisions of 52 bits. */
  checksum = 0;
  /** On the ring, ascending. Empty before the first `onMembersChange`. */
  members: readonly NodeId[] = [];
  readonly counts = { served: 0, forwarded: 0, refusals: 0, retries: 0, lost: 0 };
  private readonly env: RingpopEnv<Body, Result, Goods>;
  private readonly view: MembersView;
  private readonly build: BuildRing;
  private readonly user: RingUser<Body, Result>;
  /** Built when somebody asks for an owner: members that come and go in one moment cost nothing. */
  private ring: KeyRing | null = null;
  private readonly forwards = new Map<TicketId, Forward<Body>>();
  private nextTicket: TicketId;

  constructor(env: RingpopEnv<Body, Result, Goods>, view: MembersView, build: BuildRing, user: RingUser<Body, Result>) {
    this.env = env;
    this.view = view;
    this.build = build;
    this.user = user;
    // An answer to an earlier life must not be taken for one to this.
    this.nextTicket = env.random.uint32() * 1_048_576;
  }

  /** The ring is built again when other members are present than before. To be called whenever the membership may have changed. */
  onMembersChange(): void {
    const before = this.members;
    const present = this.view.present();
    if (present.length === 0) return;
    if (present.length === before.length && present.every((node, i) => node === before[i])) return;
    this.members = present;
    this.ring = null;
    this.checksum = ringChecksum(present);
    this.epoch++;
    this.user.onRingChange();
  }

  /** Itself before there is a ring. */
  ownerOf(key: string): NodeId {
    if (this.members.length === 0) return this.env.self;
    this.ring ??= this.build(this.members);
    return this.ring.ownerOf(hash32(key));
  }

  owns(key: string): boolean {
    return this.ownerOf(key) === this.env.self;
  }

  /**
   * Serves the request here or at its owner's. `onOutcome` follows exactly once, unless this node crashes.
   *
   * @param idempotent it may be served twice: what was lost is repeated
   */
  request(request: number, key: string, body: Body, idempotent = false): void {
    const forward = { request, key, body, idempotent, retries: 0, to: -1, timer: 0, doubtful: false };
    this.attempt(this.nextTicket++, forward);
  }

  answer({ node, ticket }: Caller, result: Result): void {
    if (node === this.env.self) this.onAnswer(node, ticket, result);
    else this.env.send(node, { kind: "ring-answer", ticket, result });
  }

  /** False: the message is none of a ring's forwards. */
  onMessage(from: NodeId, message: RingpopMessage<Body, Result, Goods>): boolean {
    switch (message.kind) {
      case "ring-forward":
        this.onForward(from, message.ticket, message.key, message.checksum, message.body);
        return true;
      case "ring-answer":
        this.onAnswer(from, message.ticket, message.result);
        return true;
      case "ring-refusal":
        this.onRefusal(from, message.ticket);
        return true;
      default:
        return false;
    }
  }

  /** False: the timer is none of a ring's forwards. */
  onTimer(timer: string, key: number): boolean {
    if (timer !== "ring-retry" && timer !== "ring-lost") return false;
    const forward = this.forwards.get(key);
    if (forward === undefined) return true;
    forward.timer = 0;
    if (timer === "ring-retry") this.attempt(key, forward);
    else this.onLost(key, forward);
    return true;
  }

  get waiting(): number {
    return this.forwards.size;
  }

  /** Whether a key that somebody sent here by a ring of `checksum` may be served. */
  protected accepts(key: string, checksum: number): boolean {
    return checksum === this.checksum || this.owns(key);
  }

  private onForward(from: NodeId, ticket: TicketId, key: string, checksum: number, body: Body): void {
    if (!this.accepts(key, checksum)) {
      this.counts.refusals++;
      this.env.send(from, { kind: "ring-refusal", ticket, checksum: this.checksum });
      return;
    }
    this.counts.served++;
    this.user.serve({ node: from, ticket }, key, body);
  }

  private attempt(ticket: TicketId, forward: Forward<Body>): void {
    const { env } = this;
    const { key, body } = forward;
    this.forwards.set(ticket, forward);
    forward.to = this.ownerOf(key);
    if (forward.to === env.self) {
      this.counts.served++;
      this.user.serve({ node: env.self, ticket }, key, body);
      return;
    }
    this.counts.forwarded++;
    env.send(forward.to, { kind: "ring-forward", ticket, key, checksum: this.checksum, body });
    forward.timer = env.after(answerUs, "ring-lost", ticket);
  }

  private onAnswer(from: NodeId, ticket: TicketId, result: Result): void {
    const forward = this.forwards.get(ticket);
    // A late answer of somebody asked before is as good: the request was served.
    if (forward === undefined || (from !== forward.to && !forward.doubtful)) return;
    this.end(ticket, forward, { kind: "ok", result });
  }

  private onRefusal(from: NodeId, ticket: TicketId): void {
    const forward = this.forwards.get(ticket);
    // Doubled on the way, or of an attempt that was given up.
    if (forward === undefined || from !== forward.to || forward.timer === 0) return;
    this.env.cancel(forward.timer);
    forward.timer = 0;
    this.again(ticket, forward);
  }

  private onLost(ticket: TicketId, forward: Forward<Body>): void {
    this.counts.lost++;
    forward.doubtful = true;
    if (forward.idempotent) this.again(ticket, forward);
    else this.end(ticket, forward, { kind: "unknown" });
  }

  private again(ticket: TicketId, forward: Forward<Body>): void {
    const delayUs = retryDelaysUs[forward.retries++];
    if (delayUs === undefined) {
      this.end(ticket, forward, { kind: forward.doubtful ? "unknown" : "refused" });
      return;
    }
    this.counts.retries++;
    // Also at once is a turn of its own, so that a refusal by a ring that is newer does not meet the older one again.
    forward.to = -1;
    forward.timer = this.env.after(delayUs, "ring-retry", ticket);
  }

  private end(ticket: TicketId, forward: Forward<Body>, outcome: ForwardOutcome<Result>): void {
    this.env.cancel(forward.timer);
    this.forwards.delete(ticket);
    this.user.onOutcome(forward.request, outcome);
  }
}

/** Of a set of nodes, whatever their order. 52 bits. */
export function ringChecksum(members: readonly NodeId[]): number {
  let low = 0;
  let high = 0;
  for (const node of members) {
    low = (low + finish(node + 1)) >>> 0;
    high = (high + finish((node + 1) ^ 0x5bd1e995)) >>> 0;
  }
  return (high >>> 12) * 4_294_967_296 + low;
}
