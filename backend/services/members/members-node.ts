/**
 * A node that is a member: a failure detector, the ring of those it takes for present, and keys that live where the ring says.
 *
 *     detector (SWIM or heartbeats) ── who is present ──> Ringpop ── whose key is it ──> values in memory
 *                                                            `── the ring changed ──> hand-overs
 */
import type { Answer } from "../../api.ts";
import type { MembersNotes, MembersRequest, MembersService } from "../../api-members.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Witness } from "../../kernel/witness.ts";
import { HandOvers } from "../../protocols/ringpop/hand-overs.ts";
import { Ringpop } from "../../protocols/ringpop/ringpop.ts";
import type { Caller, ForwardOutcome, RingUser, RingpopTimer } from "../../protocols/ringpop/ringpop.ts";
import { incarnationIn, isPresent, standingIn } from "../../protocols/swim/claims.ts";
import type { Version } from "../../protocols/swim/claims.ts";
import type { FailureDetector, MembersObserver } from "../../protocols/swim/detector.ts";
import { Heartbeats } from "../../protocols/swim/heartbeats.ts";
import { Swim } from "../../protocols/swim/swim.ts";
import type { SwimTimer } from "../../protocols/swim/swim.ts";
import { KeyValues } from "./key-values.ts";
import type { Served } from "./key-values.ts";
import type { MembersMessage, RingMessage } from "./messages.ts";
import { Notes } from "./notes.ts";
import type { Rings } from "./rings.ts";
import { heartbeatOptions, swimOptions } from "./settings.ts";

export type MembersTimer = SwimTimer | RingpopTimer | "beat" | "ring-settled";
export type MembersEnv = Env<MembersMessage, MembersTimer, Answer>;

/** What a node is made of; tests put a mutant among them. */
export interface MembersRoles {
  readonly Swim: typeof Swim;
  readonly Ringpop: typeof Ringpop;
}

/** Members often come and go together: keys move once, after that time. Requests follow the ring at once. */
const settleUs = 250 * millisecond;

export const membersRoles: MembersRoles = { Swim, Ringpop };

export class MembersNode
  implements Core<MembersMessage, MembersTimer, MembersRequest>, MembersObserver, RingUser<string | null, Served>
{
  private readonly env: MembersEnv;
  private readonly detector: FailureDetector<never>;
  private readonly ringpop: Ringpop<string | null, Served, readonly string[]>;
  private readonly handOvers: HandOvers<readonly string[]>;
  private readonly values = new KeyValues();
  private readonly notes = new Notes();
  private readonly witness: Witness | undefined;
  private presenceChanged = false;
  private settling = false;

  constructor(
    env: MembersEnv,
    service: MembersService,
    nodes: number,
    rings: Rings,
    roles: MembersRoles = membersRoles,
    witness?: Witness,
  ) {
    this.env = env;
    this.witness = witness;
    const { detector } = service;
    this.detector =
      detector.kind === "swim"
        ? new roles.Swim(env, swimOptions(nodes, detector), this)
        : new Heartbeats(env, heartbeatOptions(nodes, detector), this);
    const { table } = this.detector;
    this.ringpop = new roles.Ringpop<string | null, Served, readonly string[]>(
      env,
      table,
      (members) => rings.of(members),
      this,
    );
    this.handOvers = new HandOvers<readonly string[]>(env, table, this.ringpop, this.values);
  }

  start(): void {
    this.detector.start();
    this.afterTurn();
  }

  onRequest(request: RequestId, body: MembersRequest): void {
    switch (body.kind) {
      case "members-leave":
        this.detector.leave();
        this.afterTurn();
        this.reply(request, this.list());
        return;
      case "members-join":
        this.detector.join();
        this.afterTurn();
        this.reply(request, this.list());
        return;
      case "members-list":
        this.reply(request, this.list());
        return;
      case "members-report":
        if (body.of === this.env.self) this.reply(request, { kind: "members-notes", notes: this.noted() });
        else this.env.send(body.of, { kind: "notes-wanted", request });
        return;
      case "ring-add":
        this.ringpop.request(request, body.key, body.value ?? null, true);
        return;
    }
  }

  onMessage(from: NodeId, message: MembersMessage): void {
    switch (message.kind) {
      case "notes-wanted":
        this.env.send(from, { kind: "notes", request: message.request, notes: this.noted() });
        return;
      case "notes":
        this.reply(message.request, { kind: "members-notes", notes: message.notes });
        return;
      case "ring-forward":
      case "ring-answer":
      case "ring-refusal":
      case "ring-hand-over":
      case "ring-taken":
        this.onRingMessage(from, message);
        return;
      default:
        this.detector.onMessage(from, message as never);
        this.afterTurn();
    }
  }

  onTimer(timer: MembersTimer, key: number): void {
    if (timer === "ring-settled") {
      this.settling = false;
      this.handOvers.giveAway(this.values.keys);
      return;
    }
    if (this.ringpop.onTimer(timer, key) || this.handOvers.onTimer(timer, key)) return;
    this.detector.onTimer(timer, key);
    this.afterTurn();
  }

  atRest(): boolean {
    return !this.settling && this.detector.atRest() && this.ringpop.waiting === 0 && this.handOvers.waiting === 0;
  }

  check(): void {
    this.detector.check();
  }

  counters(): Record<string, number> {
    const { served, forwarded, refusals, retries, lost } = this.ringpop.counts;
    const { given, taken, fenced } = this.handOvers.counts;
    const ring = { served, forwarded, refusals, retries, lost, given, taken, fenced };
    return { ...this.detector.counters(), ...ring, present: this.detector.table.size };
  }

  /* ---- observer of the detector ---- */

  onClaim(member: NodeId, before: Version, version: Version, by: NodeId): void {
    const standing = standingIn(version);
    if (standing === "dead") this.notes.onDead(member, this.env.now, by);
    if (isPresent(before) !== isPresent(version)) this.presenceChanged = true;
    this.witness?.onStanding?.(this.env.self, member, standing, incarnationIn(version));
  }

  onMissed(member: NodeId, probedAt: Micros): void {
    this.notes.onMissed(member, probedAt, this.env.now);
  }

  onPeriod(): void {
    this.notes.onPeriod(this.env.now, this.detector.messages);
  }

  onPinged(): void {
    this.notes.onPinged(this.env.now);
  }

  onBuried(): void {
    this.handOvers.onBuried();
    this.values.clear();
  }

  /* ---- user of the ring ---- */

  serve(caller: Caller, key: string, value: string | null): void {
    this.witness?.onServed?.(this.env.self, key, this.ringpop.ownerOf(key));
    const { self: by, now } = this.env;
    this.ringpop.answer(caller, { values: this.values.add(key, value), by, now });
  }

  onOutcome(request: RequestId, outcome: ForwardOutcome<Served>): void {
    switch (outcome.kind) {
      case "ok": {
        const { values, by: servedBy, now } = outcome.result;
        this.reply(request, { kind: "ring-values", values, servedBy, now });
        return;
      }
      case "refused":
        this.env.reply(request, {
          kind: "refused",
          code: "unavailable",
          message: "No member takes the key for its own",
        });
        return;
      case "unknown":
        this.env.reply(request, { kind: "unknown", code: "timeout", message: "The key's owner did not answer" });
        return;
    }
  }

  onRingChange(): void {
    if (this.settling || this.values.size === 0) return;
    this.settling = true;
    this.env.after(settleUs, "ring-settled", 0);
  }

  /* ---- inside ---- */

  /** A turn may change the membership more than once: the ring follows when all is said. */
  private afterTurn(): void {
    if (!this.presenceChanged) return;
    this.presenceChanged = false;
    this.ringpop.onMembersChange();
  }

  private onRingMessage(from: NodeId, message: RingMessage): void {
    if (!this.ringpop.onMessage(from, message)) this.handOvers.onMessage(from, message as never);
  }

  private list(): Extract<Answer, { kind: "ok" }>["result"] {
    const { table } = this.detector;
    const members = Array.from({ length: table.nodes }, (_, node) => ({
      node,
      standing: table.standingOf(node),
      incarnation: table.incarnationOf(node),
    })).filter(({ standing }) => standing !== "unknown");
    const { self: node, now } = this.env;
    return { kind: "members", node, now, checksum: table.checksum, ringChecksum: this.ringpop.checksum, members };
  }

  private noted(): MembersNotes {
    const { missed, dead, pinged, sent } = this.notes;
    const { self: node, now } = this.env;
    return { node, now, missed: [...missed], dead: [...dead], pinged: [...pinged], sent: [...sent] };
  }

  private reply(request: RequestId, result: Extract<Answer, { kind: "ok" }>["result"]): void {
    this.env.reply(request, { kind: "ok", result });
  }
}
