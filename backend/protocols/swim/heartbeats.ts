/**
 * All-to-all heartbeats, the rival: each member tells each other once a period that it is alive, and judges by itself who has not. Nothing is
 * passed on, nothing can be refuted, and n members send n (n - 1) messages a period. A member not heard of for `suspectUs` is suspected, and
 * `deadUs` later dead; the next heartbeat brings it back.
 *
 * Verdicts are each member's own. One that turns out wrong has to be taken back, and claims only move up, so its table counts the member's
 * incarnation one further: here an incarnation is no member's own word, and tables agree on who is there but not on the numbers.
 */
import type { Env } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { versionOf } from "./claims.ts";
import type { FailureDetector, MembersObserver } from "./detector.ts";
import { MemberTable } from "./member-table.ts";
import { nextIncarnation, storeIncarnation } from "./incarnation.ts";

export interface Heartbeat {
  readonly kind: "beat";
  readonly incarnation: number;
  /** The member goes of its own will. */
  readonly leaving: boolean;
}

export type HeartbeatEnv = Pick<
  Env<Heartbeat, "beat", never>,
  "self" | "now" | "wall" | "random" | "store" | "send" | "after"
>;

export interface HeartbeatOptions {
  readonly nodes: number;
  readonly periodUs: Micros;
  readonly suspectUs: Micros;
  /** After the suspicion. */
  readonly deadUs: Micros;
}

export class Heartbeats implements FailureDetector<Heartbeat> {
  readonly table: MemberTable;
  messages = 0;
  private readonly env: HeartbeatEnv;
  private readonly options: HeartbeatOptions;
  private readonly observer: MembersObserver;
  private readonly heardAt: Float64Array;
  private periods = 0;
  private life = 0;
  private incarnation = 0;

  constructor(env: HeartbeatEnv, options: HeartbeatOptions, observer: MembersObserver) {
    this.env = env;
    this.options = options;
    this.observer = observer;
    this.table = new MemberTable(options.nodes);
    this.heardAt = new Float64Array(options.nodes);
  }

  start(): void {
    for (let node = 0; node < this.options.nodes; node++)
      if (node !== this.env.self) this.raise(node, versionOf("alive", 1));
    this.appear();
  }

  join(): void {
    if (this.table.standingOf(this.env.self) === "left") this.appear();
  }

  leave(): void {
    if (this.table.standingOf(this.env.self) === "left") return;
    this.life++;
    this.raise(this.env.self, versionOf("left", this.incarnation));
    this.beat(true);
  }

  onMessage(from: NodeId, { incarnation, leaving }: Heartbeat): void {
    this.heardAt[from] = this.env.now;
    if (leaving) {
      this.raise(from, versionOf("left", incarnation));
      return;
    }
    const standing = this.table.standingOf(from);
    if (standing === "alive" || (standing === "left" && incarnation <= this.table.incarnationOf(from))) {
      this.raise(from, versionOf("alive", incarnation));
      return;
    }
    this.raise(from, versionOf("alive", Math.max(incarnation, this.table.incarnationOf(from) + 1)));
  }

  onTimer(_timer: "beat", key: number): void {
    if (key !== this.life) return;
    const { env, options } = this;
    this.periods++;
    this.observer.onPeriod?.();
    env.after(options.periodUs, "beat", this.life);
    this.beat(false);
    for (const member of this.table.present()) if (member !== env.self) this.judge(member);
  }

  atRest(): boolean {
    return true;
  }

  check(): void {
    this.table.check();
  }

  counters(): Record<string, number> {
    return { messages: this.messages, periods: this.periods };
  }

  private appear(): void {
    const { env, options } = this;
    this.life++;
    this.incarnation = nextIncarnation(env.store, env.wall);
    storeIncarnation(env.store, this.incarnation);
    this.raise(env.self, versionOf("alive", this.incarnation));
    this.heardAt.fill(env.now);
    env.after(env.random.below(options.periodUs), "beat", this.life);
  }

  private beat(leaving: boolean): void {
    const { env, options } = this;
    const beat = { kind: "beat", incarnation: this.incarnation, leaving } as const;
    for (let node = 0; node < options.nodes; node++) if (node !== env.self) env.send(node, beat);
    this.messages += options.nodes - 1;
  }

  private judge(member: NodeId): void {
    const { env, options, table } = this;
    const silentUs = env.now - this.heardAt[member];
    if (silentUs < options.suspectUs) return;
    if (table.standingOf(member) === "alive") {
      this.observer.onMissed(member, this.heardAt[member] + options.periodUs);
      this.raise(member, versionOf("suspect", table.incarnationOf(member)));
    }
    if (silentUs >= options.suspectUs + options.deadUs)
      this.raise(member, versionOf("dead", table.incarnationOf(member)));
  }

  private raise(member: NodeId, version: number): void {
    const before = this.table.versionOf(member);
    if (this.table.raise(member, version)) this.observer.onClaim(member, before, version, this.env.self);
  }
}
