/**
 * Keys change hands when the ring does: whoever holds what another owns now gives it away, and keeps it until it was taken.
 *
 *     giver ── ring-hand-over (key, goods, incarnation, ticket) ──> owner by the giver's ring
 *       ^                                                            |-- my key, and the giver is who it says: taken
 *       `────────────────── ring-taken ─────────────────────────────'
 *
 * The fence. A giver that was declared dead may have been replaced, and what it holds is the past: a hand-over counts only when it
 * carries the incarnation at which the receiver knows the giver, and the receiver does not hold it for dead. The giver learns that it
 * was declared dead before anybody hears of its next incarnation, and by then it must have dropped what it held (`onBuried`). A ticket
 * counts once, so that a copy on the way does not bring back what was changed or given on since.
 */
import type { NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { RingpopMessage, TicketId } from "./messages.ts";
import type { Ringpop, RingpopEnv } from "./ringpop.ts";
import type { MembersView } from "./view.ts";

const againUs = 500 * millisecond;
/** Tickets of one giver that are remembered: more than it can have under way. */
const rememberedTickets = 4_096;

export interface HandOverUser<Goods> {
  /** What is kept under the key, or undefined when there is nothing any longer. */
  goodsOf(key: string): Goods | undefined;
  /** It was given and is this node's now. What is there already is at least as new. */
  take(key: string, goods: Goods): void;
  /** It was taken by its owner: it may be dropped here. */
  onTaken(key: string, by: NodeId): void;
}

interface Given {
  readonly key: string;
  readonly to: NodeId;
}

export class HandOvers<Goods> {
  readonly counts = { given: 0, taken: 0, fenced: 0 };
  private readonly env: RingpopEnv<never, never, Goods>;
  private readonly view: MembersView;
  private readonly ring: Pick<Ringpop<never, never, Goods>, "ownerOf" | "owns">;
  private readonly user: HandOverUser<Goods>;
  private readonly open = new Map<TicketId, Given>();
  private readonly givenKeys = new Map<string, TicketId>();
  /** By giver: tickets that were taken at its present incarnation. */
  private readonly seen = new Map<NodeId, { incarnation: number; readonly tickets: Set<TicketId> }>();
  private nextTicket: TicketId;

  constructor(
    env: RingpopEnv<never, never, Goods>,
    view: MembersView,
    ring: Pick<Ringpop<never, never, Goods>, "ownerOf" | "owns">,
    user: HandOverUser<Goods>,
  ) {
    this.env = env;
    this.view = view;
    this.ring = ring;
    this.user = user;
    this.nextTicket = env.random.uint32() * 1_048_576;
  }

  /** Gives away what is another's by the ring as it is now; what is under way already stays so. */
  giveAway(keys: Iterable<string>): void {
    for (const key of keys) if (!this.givenKeys.has(key)) this.give(key, this.nextTicket++);
  }

  /** This node was declared dead: nothing it has under way counts any longer. */
  onBuried(): void {
    this.open.clear();
    this.givenKeys.clear();
  }

  /** False: the message is about no hand-over. */
  onMessage(from: NodeId, message: RingpopMessage<never, never, Goods>): boolean {
    if (message.kind === "ring-hand-over") {
      const { ticket, key, incarnation, goods } = message;
      const taken = this.ring.owns(key) && this.admits(from, incarnation);
      if (taken) this.takeOnce(from, ticket, incarnation, key, goods);
      else this.counts.fenced++;
      this.env.send(from, { kind: "ring-taken", ticket, taken });
      return true;
    }
    if (message.kind !== "ring-taken") return false;
    this.onTaken(from, message.ticket, message.taken);
    return true;
  }

  /** False: the timer is about no hand-over. */
  onTimer(timer: string, ticket: number): boolean {
    if (timer !== "ring-again") return false;
    const given = this.open.get(ticket);
    if (given === undefined) return true;
    this.close(ticket, given);
    // The same ticket to the same owner: had it taken the first, it takes it no more.
    this.give(given.key, this.ring.ownerOf(given.key) === given.to ? ticket : this.nextTicket++);
    return true;
  }

  get waiting(): number {
    return this.open.size;
  }

  /** Whether the giver is still who it was when it held the key. */
  private admits(giver: NodeId, incarnation: number): boolean {
    const standing = this.view.standingOf(giver);
    return standing !== "dead" && standing !== "unknown" && incarnation === this.view.incarnationOf(giver);
  }

  private give(key: string, ticket: TicketId): void {
    const { env } = this;
    const to = this.ring.ownerOf(key);
    if (to === env.self) return;
    const goods = this.user.goodsOf(key);
    if (goods === undefined) return;
    this.open.set(ticket, { key, to });
    this.givenKeys.set(key, ticket);
    this.counts.given++;
    env.send(to, { kind: "ring-hand-over", ticket, key, incarnation: this.view.incarnationOf(env.self), goods });
    env.after(againUs, "ring-again", ticket);
  }

  private takeOnce(from: NodeId, ticket: TicketId, incarnation: number, key: string, goods: Goods): void {
    let seen = this.seen.get(from);
    if (seen === undefined || seen.incarnation !== incarnation) {
      seen = { incarnation, tickets: new Set() };
      this.seen.set(from, seen);
    }
    if (seen.tickets.has(ticket)) return;
    seen.tickets.add(ticket);
    if (seen.tickets.size > rememberedTickets) seen.tickets.delete(seen.tickets.values().next().value!);
    this.counts.taken++;
    this.user.take(key, goods);
  }

  private onTaken(from: NodeId, ticket: TicketId, taken: boolean): void {
    const given = this.open.get(ticket);
    // Refused: the timer tries again, by the ring of then.
    if (given === undefined || given.to !== from || !taken) return;
    this.close(ticket, given);
    this.user.onTaken(given.key, from);
  }

  private close(ticket: TicketId, { key }: Given): void {
    this.open.delete(ticket);
    if (this.givenKeys.get(key) === ticket) this.givenKeys.delete(key);
  }
}
