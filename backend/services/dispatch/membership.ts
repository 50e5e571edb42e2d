/**
 * Who is alive, as one node believes: what the ring is built from. Two nodes may believe different things at one moment; nothing that is
 * promised rests on it.
 */
import type { Env } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { MembersView, Standing } from "../../protocols/ringpop/view.ts";

export type MembershipMessage = { readonly kind: "heartbeat" };

export type MembershipTimer = "beat";

type MembershipEnv = Pick<Env<MembershipMessage, MembershipTimer, never>, "self" | "now" | "sendEarly" | "after">;

/** After each input that it takes, `present` may have changed. */
export interface Membership extends MembersView {
  start(): void;
  onHeartbeat(from: NodeId): void;
  onBeat(): void;
}

/** Everybody, always. */
export class FixedMembership implements Membership {
  private readonly all: readonly NodeId[];

  constructor(nodes: number) {
    this.all = [...Array(nodes).keys()];
  }

  start(): void {}

  onHeartbeat(): void {}

  onBeat(): void {}

  present(): readonly NodeId[] {
    return this.all;
  }

  standingOf(node: NodeId): Standing {
    return node < this.all.length ? "alive" : "unknown";
  }

  incarnationOf(): number {
    return 0;
  }
}

/** All to all: each tells each other now and then that it is there, and whoever is silent for long enough is not. */
export class Heartbeats implements Membership {
  private readonly env: MembershipEnv;
  private readonly everyUs: Micros;
  private readonly suspectUs: Micros;
  private readonly heardAt: Micros[];
  private alive: readonly NodeId[];

  constructor(env: MembershipEnv, nodes: number, everyUs: Micros, suspectUs: Micros) {
    this.env = env;
    this.everyUs = everyUs;
    this.suspectUs = suspectUs;
    // Who has just begun believes in everybody until it has had time to hear them.
    this.heardAt = Array.from({ length: nodes }, () => env.now);
    this.alive = [...Array(nodes).keys()];
  }

  start(): void {
    this.onBeat();
  }

  onHeartbeat(from: NodeId): void {
    this.heardAt[from] = this.env.now;
    if (!this.alive.includes(from)) this.look();
  }

  onBeat(): void {
    const { env } = this;
    for (let node = 0; node < this.heardAt.length; node++) {
      if (node !== env.self) env.sendEarly(node, { kind: "heartbeat" });
    }
    this.look();
    env.after(this.everyUs, "beat", 0);
  }

  present(): readonly NodeId[] {
    return this.alive;
  }

  standingOf(node: NodeId): Standing {
    if (node >= this.heardAt.length) return "unknown";
    return this.alive.includes(node) ? "alive" : "dead";
  }

  incarnationOf(): number {
    return 0;
  }

  private look(): void {
    const { self, now } = this.env;
    const nodes = [...this.heardAt.keys()];
    this.alive = nodes.filter((node) => node === self || now - this.heardAt[node] <= this.suspectUs);
  }
}
