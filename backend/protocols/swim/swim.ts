/**
 * SWIM (Das, Gupta, Motivala, DSN 2002) with suspicion, and Lifeguard (Dadgar, Phillips, Currey, DSN 2018) as three switches. Each period of
 * T a member probes one other:
 *
 *     |-- ping target --|-- no ack: ping-req to k others, who ping it --|-- no ack either: suspect --> not refuted in time: dead
 *     0              timeout                                            T
 *
 * so each member sends and gets a constant number of messages a period, however many members there are. Claims about members ride on them.
 *
 * It departs from the paper where tables differ although nobody has news (messages were lost, a partition healed): pings carry a checksum
 * of the sender's table, and two that differ in silence exchange tables, as in Ringpop. And now and then a member talks to one that it
 * holds for dead, or two halves that buried each other would never meet again.
 */
import type { Env, TimerId } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { forEachClaim, incarnationIn, standingIn, versionOf } from "./claims.ts";
import type { Claims, Version } from "./claims.ts";
import type { FailureDetector, MembersObserver } from "./detector.ts";
import { Dissemination, retransmissions } from "./dissemination.ts";
import { LocalHealth } from "./local-health.ts";
import { MemberTable } from "./member-table.ts";
import type { SwimMessage } from "./messages.ts";
import { nextIncarnation, storeIncarnation } from "./incarnation.ts";
import { ProbeOrder } from "./probe-order.ts";
import type { Targets } from "./probe-order.ts";
import { Suspicion } from "./suspicions.ts";
import type { SuspicionTimes } from "./suspicions.ts";

export type SwimTimer = "swim-period" | "swim-timeout" | "swim-nack" | "swim-suspicion";

export type SwimEnv = Pick<
  Env<SwimMessage, SwimTimer, never>,
  "self" | "now" | "wall" | "random" | "store" | "send" | "after" | "cancel"
>;

export interface SwimOptions {
  /** Nodes there can be; members are some of them. */
  readonly nodes: number;
  /** Whom a member that starts asks who is there. Empty: it takes all nodes for members from the start, as from a list of hosts. */
  readonly seeds: readonly NodeId[];
  readonly periodUs: Micros;
  /** Until a direct ping counts as unanswered. */
  readonly timeoutUs: Micros;
  /** k: members asked to ping whoever did not answer. */
  readonly indirect: number;
  readonly targets: Targets;
  /** A claim is passed on lambda ln(n + 1) times. */
  readonly lambda: number;
  readonly claimsPerMessage: number;
  /** Absent: who does not answer is dead at once, as in section 3. */
  readonly suspicion?: SuspicionTimes;
  /** Lifeguard's self-awareness, with nacks. */
  readonly health: boolean;
  /** Lifeguard's buddy system: a suspect hears of it from whoever pings it next. */
  readonly buddies: boolean;
}

/** A member held for dead is talked to once in so many periods. */
const reachPeriods = 10;
/** A member asked to ping says after this share of the timeout that it got no answer. */
const nackShare = 0.8;

interface Probe {
  readonly target: NodeId;
  readonly sequence: number;
  readonly startedAt: Micros;
  answered: boolean;
  /** Members asked to ping it, and how many of them said they are well. */
  asked: number;
  nacks: number;
}

/** A ping made for somebody else. */
interface Relay {
  readonly origin: NodeId;
  readonly sequence: number;
  /** The origin wants to hear, too, that there was no answer. */
  readonly nack: boolean;
  readonly timer: TimerId;
}

export class Swim implements FailureDetector<SwimMessage> {
  readonly table: MemberTable;
  messages = 0;
  protected readonly env: SwimEnv;
  protected readonly dissemination: Dissemination;
  private readonly options: SwimOptions;
  private readonly observer: MembersObserver;
  private readonly order: ProbeOrder;
  private readonly health: LocalHealth;
  private readonly suspicions = new Map<NodeId, Suspicion>();
  private readonly relays = new Map<number, Relay>();
  private readonly sent: Record<SwimMessage["kind"], number> = {
    ping: 0,
    "ping-req": 0,
    ack: 0,
    nack: 0,
    sync: 0,
    table: 0,
  };
  /** Since the start. */
  private periods = 0;
  private probe: Probe | null = null;
  private nextSequence: number;
  /** Raised when the member leaves or joins: periods of before are over. */
  private life = 0;
  private comparedAt: Micros = -Infinity;

  constructor(env: SwimEnv, options: SwimOptions, observer: MembersObserver) {
    this.env = env;
    this.options = options;
    this.observer = observer;
    this.table = new MemberTable(options.nodes);
    this.dissemination = new Dissemination(options.lambda, options.claimsPerMessage);
    this.order = new ProbeOrder(env.self, this.table, env.random, options.targets);
    this.health = new LocalHealth(options.health);
    // An ack to an earlier life must not be taken for one to this.
    this.nextSequence = env.random.uint32() * 1_048_576;
  }

  start(): void {
    const { env, options } = this;
    if (options.seeds.length === 0) {
      for (let node = 0; node < options.nodes; node++)
        if (node !== env.self) this.raise(node, versionOf("alive", 1), -1);
    }
    this.appear();
  }

  leave(): void {
    const { self } = this.env;
    if (this.table.standingOf(self) === "left") return;
    this.life++;
    this.probe = null;
    this.raise(self, versionOf("left", this.table.incarnationOf(self)), self);
    const copies = retransmissions(this.options.lambda, this.table.size);
    for (const member of this.order.some(copies, self)) this.ping(member, this.nextSequence++);
  }

  join(): void {
    if (this.table.standingOf(this.env.self) === "left") this.appear();
  }

  onMessage(from: NodeId, message: SwimMessage): void {
    switch (message.kind) {
      case "ping":
        this.onPing(from, message.sequence, message.checksum, message.claims);
        return;
      case "ping-req":
        this.onPingReq(from, message.sequence, message.target, message.nackUs, message.claims);
        return;
      case "ack":
        this.learnAll(message.claims);
        this.onAck(message.sequence);
        return;
      case "nack":
        if (this.probe?.sequence === message.sequence) this.probe.nacks++;
        return;
      case "sync":
        this.learnAll(message.claims);
        if (message.checksum !== this.table.checksum) this.sendTable(from);
        return;
      case "table":
        this.onTable(from, message.whole, message.claims);
        return;
    }
  }

  onTimer(timer: SwimTimer, key: number): void {
    switch (timer) {
      case "swim-period":
        if (key === this.life) this.onPeriod();
        return;
      case "swim-timeout":
        this.onTimeout(key);
        return;
      case "swim-nack":
        this.onRelayTimeout(key);
        return;
      case "swim-suspicion":
        this.onSuspicionOver(key);
        return;
    }
  }

  atRest(): boolean {
    return this.dissemination.size === 0 && this.suspicions.size === 0 && this.relays.size === 0;
  }

  check(): void {
    this.table.check();
    for (const [member, { incarnation }] of this.suspicions) {
      if (this.table.versionOf(member) !== versionOf("suspect", incarnation)) {
        throw new Error(
          `n${this.env.self} has a suspicion of n${member} at ${incarnation} that its table does not have`,
        );
      }
    }
  }

  counters(): Record<string, number> {
    const { ping, ack, nack, sync, table } = this.sent;
    return {
      messages: this.messages,
      pings: ping,
      pingReqs: this.sent["ping-req"],
      acks: ack,
      nacks: nack,
      syncs: sync,
      tables: table,
      periods: this.periods,
    };
  }

  /* ---- probing ---- */

  private onPeriod(): void {
    const { env, options } = this;
    this.conclude();
    this.periods++;
    this.observer.onPeriod?.();
    env.after(options.periodUs * this.health.factor, "swim-period", this.life);
    if (this.table.size <= 1) this.introduce();
    if (env.random.below(reachPeriods) === 0) this.reachOut();
    const target = this.order.take();
    if (target === undefined) return;
    const sequence = this.nextSequence++;
    this.probe = { target, sequence, startedAt: env.now, answered: false, asked: 0, nacks: 0 };
    this.ping(target, sequence);
    env.after(options.timeoutUs * this.health.factor, "swim-timeout", sequence);
  }

  private onTimeout(sequence: number): void {
    const { probe, options } = this;
    if (probe === null || probe.sequence !== sequence || probe.answered) return;
    const { target } = probe;
    const nackUs = options.health ? Math.round(options.timeoutUs * nackShare) : 0;
    for (const member of this.order.some(options.indirect, target)) {
      probe.asked++;
      this.send(member, { kind: "ping-req", sequence, target, nackUs, claims: this.claimsFor(member) });
    }
  }

  /** The end of the period in which `probe` was sent. */
  private conclude(): void {
    const { probe } = this;
    this.probe = null;
    if (probe === null || probe.answered) return;
    // Whoever was asked and is well has said so: the fault is the target's. Silence speaks against oneself.
    this.health.add(probe.asked > 0 ? probe.asked - Math.min(probe.asked, probe.nacks) : 1);
    if (!this.table.isPresent(probe.target)) return;
    this.observer.onMissed(probe.target, probe.startedAt);
    this.suspect(probe.target);
  }

  private onPing(from: NodeId, sequence: number, checksum: number, claims: Claims): void {
    this.observer.onPinged?.();
    const quiet = claims.length === 0 && this.dissemination.size === 0;
    this.learnAll(claims);
    this.send(from, { kind: "ack", sequence, claims: this.claimsFor(from) });
    if (quiet && checksum !== this.table.checksum) this.compare(from);
  }

  private onPingReq(from: NodeId, sequence: number, target: NodeId, nackUs: Micros, claims: Claims): void {
    this.learnAll(claims);
    const own = this.nextSequence++;
    const nack = nackUs > 0;
    const timer = this.env.after(nack ? nackUs : this.options.periodUs, "swim-nack", own);
    this.relays.set(own, { origin: from, sequence, nack, timer });
    this.ping(target, own);
  }

  private onAck(sequence: number): void {
    const { probe } = this;
    if (probe?.sequence === sequence) {
      if (!probe.answered) this.health.add(-1);
      probe.answered = true;
      return;
    }
    const relay = this.relays.get(sequence);
    if (relay === undefined) return;
    this.relays.delete(sequence);
    this.env.cancel(relay.timer);
    const { origin } = relay;
    this.send(origin, { kind: "ack", sequence: relay.sequence, claims: this.claimsFor(origin) });
  }

  private onRelayTimeout(own: number): void {
    const relay = this.relays.get(own);
    if (relay === undefined) return;
    this.relays.delete(own);
    if (relay.nack) this.send(relay.origin, { kind: "nack", sequence: relay.sequence });
  }

  /* ---- claims ---- */

  /** Suspects it, or adds this member's own suspicion to that of others. */
  private suspect(member: NodeId): void {
    const incarnation = this.table.incarnationOf(member);
    const standing = this.options.suspicion === undefined ? "dead" : "suspect";
    this.learn(member, versionOf(standing, incarnation), this.env.self);
  }

  protected learn(member: NodeId, version: Version, by: NodeId): void {
    if (member === this.env.self) this.onSaidOfMe(version);
    else if (!this.raise(member, version, by) && version === this.table.versionOf(member)) this.confirm(member, by);
  }

  /** Contradicts what others say of this member, under an incarnation that only it may choose. */
  protected onSaidOfMe(version: Version): void {
    const { self } = this.env;
    const own = this.table.versionOf(self);
    if (version <= own) return;
    const said = standingIn(version);
    const standing = standingIn(own) === "left" ? "left" : "alive";
    this.takeIncarnation(incarnationIn(version) + 1, standing);
    if (said === "suspect" || said === "dead") this.health.add(1);
    if (said === "dead") this.observer.onBuried();
  }

  private takeIncarnation(incarnation: number, standing: "alive" | "left"): void {
    storeIncarnation(this.env.store, incarnation);
    this.raise(this.env.self, versionOf(standing, incarnation), this.env.self);
  }

  private learnAll(claims: Claims): void {
    forEachClaim(claims, (member, version, by) => this.learn(member, version, by));
  }

  /** Whether it was news. */
  private raise(member: NodeId, version: Version, by: NodeId): boolean {
    const before = this.table.versionOf(member);
    const was = this.table.isPresent(member);
    if (!this.table.raise(member, version)) return false;
    this.env.cancel(this.suspicions.get(member)?.timer ?? 0);
    this.suspicions.delete(member);
    if (standingIn(version) === "suspect") this.startSuspicion(member, incarnationIn(version), by);
    if (this.table.isPresent(member) && !was && member !== this.env.self && this.periods > 0) this.order.insert(member);
    // What everybody takes for granted at the beginning is no news.
    if (by >= 0 || before !== 0) this.dissemination.add(member, version, by);
    this.observer.onClaim(member, before, version, by);
    return true;
  }

  private startSuspicion(member: NodeId, incarnation: number, by: NodeId): void {
    const { env, options } = this;
    const { minUs, maxUs, confirmations } = options.suspicion ?? { minUs: 0, maxUs: 0, confirmations: 0 };
    // Fewer than K others there to confirm: nobody waits for them.
    const times = { minUs, maxUs: this.table.size - 2 < confirmations ? minUs : maxUs, confirmations };
    const suspicion = new Suspicion(incarnation, by, env.now, times);
    this.suspicions.set(member, suspicion);
    suspicion.timer = env.after(suspicion.dueAt - env.now, "swim-suspicion", member);
  }

  private confirm(member: NodeId, by: NodeId): void {
    const suspicion = this.suspicions.get(member);
    if (suspicion === undefined || !suspicion.confirm(by)) return;
    this.dissemination.add(member, this.table.versionOf(member), by);
    this.env.cancel(suspicion.timer);
    suspicion.timer = this.env.after(Math.max(0, suspicion.dueAt - this.env.now), "swim-suspicion", member);
  }

  private onSuspicionOver(member: NodeId): void {
    const suspicion = this.suspicions.get(member);
    // A timer that was cancelled while its node stood still.
    if (suspicion === undefined || this.env.now < suspicion.dueAt) return;
    this.learn(member, versionOf("dead", suspicion.incarnation), this.env.self);
  }

  /* ---- coming, and comparing ---- */

  private appear(): void {
    const { env, options } = this;
    this.life++;
    this.takeIncarnation(nextIncarnation(env.store, env.wall), "alive");
    env.after(env.random.below(options.periodUs), "swim-period", this.life);
    this.introduce();
  }

  private introduce(): void {
    const { self, random } = this.env;
    const seeds = this.options.seeds.filter((seed) => seed !== self);
    const to = this.options.seeds.length === 0 ? this.order.some(1, self)[0] : seeds[random.below(seeds.length || 1)];
    if (to !== undefined) this.sync(to);
  }

  private reachOut(): void {
    const dead: NodeId[] = [];
    for (let node = 0; node < this.table.nodes; node++) if (this.table.standingOf(node) === "dead") dead.push(node);
    if (dead.length > 0) this.sync(this.env.random.pick(dead));
  }

  private sync(to: NodeId): void {
    const { self } = this.env;
    const claims = [self, this.table.versionOf(self), self];
    if (this.table.versionOf(to) !== 0) claims.push(to, this.table.versionOf(to), -1);
    this.send(to, { kind: "sync", checksum: this.table.checksum, claims });
  }

  /** At most once a period: tables are the only messages that grow with the number of members. */
  private compare(other: NodeId): void {
    if (this.env.now < this.comparedAt + this.options.periodUs) return;
    this.comparedAt = this.env.now;
    this.sendTable(other);
  }

  private sendTable(to: NodeId): void {
    this.send(to, { kind: "table", whole: true, claims: this.claimsAbove(new Float64Array(this.table.nodes)) });
  }

  private onTable(from: NodeId, whole: boolean, claims: Claims): void {
    this.learnAll(claims);
    if (!whole) return;
    const theirs = new Float64Array(this.table.nodes);
    forEachClaim(claims, (member, version) => (theirs[member] = version));
    const missing = this.claimsAbove(theirs);
    if (missing.length > 0) this.send(from, { kind: "table", whole: false, claims: missing });
  }

  /** This table's claims that are stronger than `versions`. That they are passed on is nobody's own suspicion. */
  private claimsAbove(versions: Float64Array): Claims {
    const claims: number[] = [];
    for (let node = 0; node < this.table.nodes; node++) {
      const version = this.table.versionOf(node);
      if (version > versions[node]) claims.push(node, version, -1);
    }
    return claims;
  }

  /* ---- sending ---- */

  private ping(to: NodeId, sequence: number): void {
    this.send(to, { kind: "ping", sequence, checksum: this.table.checksum, claims: this.claimsFor(to) });
  }

  /** News, and first of all what the receiver had better contradict. */
  private claimsFor(to: NodeId): Claims {
    const claims: number[] = [];
    const version = this.table.versionOf(to);
    const standing = standingIn(version);
    if (standing === "dead" || (standing === "suspect" && this.options.buddies)) claims.push(to, version, -1);
    this.dissemination.take(claims, this.table.size);
    return claims;
  }

  private send(to: NodeId, message: SwimMessage): void {
    this.messages++;
    this.sent[message.kind]++;
    this.env.send(to, message);
  }
}
