/**
 * Who is alive, as one node believes: what its ring is built from. Two nodes may believe different things at one moment, and nothing that is
 * promised rests on it.
 */
import type { DispatchMembership } from "../../api-dispatch.ts";
import type { NodeId } from "../../kernel/units.ts";
import type { MembersView, Standing } from "../../protocols/ringpop/view.ts";
import { isPresent } from "../../protocols/swim/claims.ts";
import type { Version } from "../../protocols/swim/claims.ts";
import type { FailureDetector, MembersObserver } from "../../protocols/swim/detector.ts";
import { Heartbeats } from "../../protocols/swim/heartbeats.ts";
import type { Heartbeat } from "../../protocols/swim/heartbeats.ts";
import type { SwimMessage } from "../../protocols/swim/messages.ts";
import { Swim } from "../../protocols/swim/swim.ts";
import type { SwimTimer } from "../../protocols/swim/swim.ts";
import { heartbeatOptions, swimOptions } from "../members/settings.ts";
import type { DispatchEnv } from "./messages.ts";

export type MembershipMessage = SwimMessage | Heartbeat;

export type MembershipTimer = SwimTimer | "beat";

/** After each input, `takeChange` says whether somebody came or went. */
export interface Membership {
  readonly view: MembersView;
  start(): void;
  onMessage(from: NodeId, message: MembershipMessage): void;
  onTimer(timer: string, key: number): void;
  /** True once after each change. */
  takeChange(): boolean;
}

export function membershipOf(env: DispatchEnv, nodes: number, spec: DispatchMembership): Membership {
  return spec.kind === "fixed" ? new FixedMembership(nodes) : new WatchedMembership(env, nodes, spec);
}

/** Everybody, always. */
class FixedMembership implements Membership, MembersView {
  readonly view = this;
  private readonly all: readonly NodeId[];

  constructor(nodes: number) {
    this.all = [...Array(nodes).keys()];
  }

  start(): void {}

  onMessage(): void {}

  onTimer(): void {}

  takeChange(): boolean {
    return false;
  }

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

/** Whoever the failure detector holds for alive, or suspects: a suspect may be well, and keeps its cells until it is declared dead. */
class WatchedMembership implements Membership, MembersObserver {
  private readonly detector: FailureDetector<never>;
  private changed = false;

  constructor(env: DispatchEnv, nodes: number, spec: Exclude<DispatchMembership, { kind: "fixed" }>) {
    this.detector =
      spec.kind === "swim"
        ? new Swim(env, swimOptions(nodes, spec), this)
        : new Heartbeats(env, heartbeatOptions(nodes, spec), this);
  }

  get view(): MembersView {
    return this.detector.table;
  }

  start(): void {
    this.detector.start();
  }

  onMessage(from: NodeId, message: MembershipMessage): void {
    this.detector.onMessage(from, message as never);
  }

  onTimer(timer: string, key: number): void {
    this.detector.onTimer(timer, key);
  }

  takeChange(): boolean {
    const { changed } = this;
    this.changed = false;
    return changed;
  }

  onClaim(_member: NodeId, before: Version, version: Version): void {
    if (isPresent(before) !== isPresent(version)) this.changed = true;
  }

  onMissed(): void {}

  /** What it gave away meanwhile the keepers know, and what it keeps is claimed from it: nothing has to be forgotten. */
  onBuried(): void {}
}
