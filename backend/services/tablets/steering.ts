/**
 * What a node does about tablets without being asked by a client: keeps its copy of the directory's map, takes the next step of what is
 * under way with the tablets it leads, and, if it leads the directory, decides what should be begun.
 *
 *     directory's log ──map──> every node ──next step──> log of the tablet it leads, or the directory
 *     leaders of tablets ──load──> leader of the directory ──Balance──> directory's log, or "hand over" to a leader
 *
 * Nothing here has to arrive or to happen once: each is done again as long as it is due.
 */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Env } from "../../kernel/env.ts";
import type { Value } from "../../kernel/store.ts";
import type { Group } from "../../protocols/paxos/group.ts";
import { Balance } from "../../protocols/tablets/balance.ts";
import type { BalanceRules, TabletReport } from "../../protocols/tablets/balance.ts";
import type { Directory, DirectoryCommand, DirectoryEntry, DirectoryMap } from "../../protocols/tablets/directory.ts";
import type { RoutingMap } from "../../protocols/tablets/routing.ts";
import { nextStep } from "../../protocols/tablets/split.ts";
import type { MergeLimits, Neighbour } from "../../protocols/tablets/split.ts";
import type { RangeCommand, TabletId } from "../../protocols/tablets/tablet.ts";
import type { Holdings, TabletHolder, TabletReplica } from "./holdings.ts";
import { directoryGroup } from "./messages.ts";
import type { FleetMessage } from "./messages.ts";

export type FleetEnv = Pick<Env<FleetMessage, never, never>, "self" | "now" | "random" | "sendEarly">;

export interface DirectoryReplica {
  readonly group: Group;
  readonly machine: Directory;
}

export interface SteeringParts<M extends TabletHolder> {
  readonly env: FleetEnv;
  readonly holdings: Holdings<M>;
  readonly routing: RoutingMap;
  /** The directory's replica here, if this node has one. */
  readonly directory: DirectoryReplica | undefined;
  /** Nodes that keep the directory. */
  readonly keepers: readonly NodeId[];
  readonly heartbeatUs: Micros;
  readonly limits: MergeLimits;
  readonly rules: BalanceRules | undefined;
  readonly zoneOf: (node: NodeId) => string;
  /** Tablets that this node has no longer. */
  readonly onGivenUp: (replica: TabletReplica<M>) => void;
  /** The step that is due in the log of a tablet that is led here. It is asked for again until it has been taken. */
  readonly change: (replica: TabletReplica<M>, command: RangeCommand) => void;
}

export class Steering<M extends TabletHolder = TabletHolder> {
  private readonly parts: SteeringParts<M>;
  private readonly balance: Balance | undefined;
  private known: DirectoryMap = { version: 0, next: 0, entries: [] };
  /** The tablets that it names, those that splits begin included. */
  private named: ReadonlySet<TabletId> = new Set();
  private askedAt: Micros = -Infinity;
  private reportedAt: Micros = -Infinity;
  private guess: NodeId;

  constructor(parts: SteeringParts<M>) {
    this.parts = parts;
    this.guess = parts.keepers[0];
    if (parts.rules !== undefined) this.balance = new Balance(parts.rules, parts.zoneOf);
  }

  /** Something is under way, or was as of the map that is known here. */
  get busy(): boolean {
    return this.known.entries.some(({ intent }) => intent !== null) || !this.parts.holdings.spaces.isSwept;
  }

  /** What the directory said last. */
  get map(): DirectoryMap {
    return this.known;
  }

  /** There was such a tablet and there will be no more: its keys, and all it had to say, are another's. */
  isOver(tablet: TabletId): boolean {
    return tablet > directoryGroup && tablet < this.known.next && !this.named.has(tablet);
  }

  /** Whom to ask about the directory. */
  get keeper(): NodeId {
    const leader = this.parts.directory?.group.leader ?? -1;
    return leader >= 0 ? leader : this.guess;
  }

  /** Who leads it, as somebody said; -1: whoever was asked does not. */
  onKeeper(leader: NodeId): void {
    this.guess = leader >= 0 ? leader : this.parts.env.random.pick(this.parts.keepers);
  }

  tick(): void {
    const { env, heartbeatUs } = this.parts;
    if (env.now - this.askedAt >= 2 * heartbeatUs) this.refresh();
    for (const replica of this.parts.holdings.all()) this.steer(replica);
    this.onGivenUp();
    if (this.balance === undefined || env.now - this.reportedAt < 2 * heartbeatUs) return;
    this.reportedAt = env.now;
    this.report();
    this.decide();
  }

  /** Looks at the directory again: here, if this node keeps it, else by asking. */
  refresh(): void {
    const { env, directory, keepers } = this.parts;
    this.askedAt = env.now;
    if (directory?.group.readable === true)
      this.onMap(directory.machine.read({ kind: "map", since: this.known.version }));
    else {
      const others = keepers.filter((node) => node !== env.self);
      if (others.length > 0) env.sendEarly(env.random.pick(others), { kind: "map-ask", since: this.known.version });
    }
  }

  onMapAsk(from: NodeId, since: number): void {
    const { env, directory } = this.parts;
    if (directory?.group.readable !== true) return;
    const map = directory.machine.read({ kind: "map", since });
    env.sendEarly(from, { kind: "map", map, leader: directory.group.leader });
  }

  onMap(map: DirectoryMap): void {
    if (map.version <= this.known.version || map.entries.length === 0) return;
    this.known = map;
    this.named = new Set(map.entries.flatMap(namedBy));
    for (const entry of map.entries) this.parts.routing.learn(entry);
    for (const replica of this.parts.holdings.all()) this.steerNow(replica);
    this.onGivenUp();
  }

  /** Returns whether the tablet's own log has changed what it is; here that is known at once. */
  onApplied(replica: TabletReplica<M>): boolean {
    const { meta } = replica.machine.tablet;
    if (meta === undefined || meta === replica.counted) return false;
    replica.counted = meta;
    replica.meter.reset(this.parts.env.now);
    replica.census.restart();
    if (meta.sealedInto === 0) this.parts.routing.learn(meta);
    this.steerNow(replica);
    const heir = this.parts.holdings.get(meta.sealedInto);
    if (heir !== undefined) this.steerNow(heir);
    return true;
  }

  private steerNow(replica: TabletReplica<M>): void {
    replica.steppedAt = -Infinity;
    this.steer(replica);
  }

  onSteer(command: DirectoryCommand): void {
    this.parts.directory?.group.propose(undefined, command as unknown as Value);
  }

  onLoad(reports: readonly TabletReport[]): void {
    if (this.parts.directory?.group.leading !== true) return;
    for (const report of reports) this.balance?.onReport(report, this.parts.env.now);
  }

  onHandOver(tablet: TabletId, to: NodeId): void {
    this.parts.holdings.get(tablet)?.group.handOver(to);
  }

  private onGivenUp(): void {
    const { holdings, onGivenUp } = this.parts;
    for (const replica of holdings.reconcile(this.known)) onGivenUp(replica);
  }

  private steer(replica: TabletReplica<M>): void {
    const { env, heartbeatUs, holdings, limits } = this.parts;
    const { tablet, group, machine } = replica;
    const { meta } = machine.tablet;
    if (!group.leading || meta === undefined || env.now - replica.steppedAt < heartbeatUs) return;
    const entry = this.known.entries.find((known) => known.tablet === tablet);
    if (entry === undefined) return;
    const step = nextStep(entry, meta, (id) => neighbour(holdings.get(id)), limits);
    if (step === undefined) return;
    replica.steppedAt = env.now;
    if (step.to === "tablet") this.parts.change(replica, step.command);
    else this.command(step.command);
  }

  /** To whoever leads the directory. It may be lost. */
  command(command: DirectoryCommand): void {
    const { env, directory } = this.parts;
    if (directory?.group.propose(undefined, command as unknown as Value) === true) return;
    const to = this.keeper;
    if (to !== env.self) env.sendEarly(to, { kind: "steer", command });
    else this.onKeeper(-1);
  }

  /** Lets another lead a tablet. It may be lost. */
  handOver(leader: NodeId, tablet: TabletId, to: NodeId): void {
    const { env } = this.parts;
    if (leader === env.self) this.onHandOver(tablet, to);
    else env.sendEarly(leader, { kind: "hand-over", tablet, to });
  }

  private report(): void {
    const { env, holdings } = this.parts;
    const reports: TabletReport[] = [];
    for (const { tablet, group, machine, meter, census, store } of holdings.all()) {
      const { meta } = machine.tablet;
      if (!group.leading || meta === undefined) continue;
      census.step(store, `s${tablet}/`, env.now);
      const { rows, bytes, middle } = census.last ?? { rows: null, bytes: 0, middle: null };
      reports.push({
        tablet,
        version: meta.version,
        leader: env.self,
        perSecond: meter.perSecond(env.now),
        rows,
        bytes,
        loadKey: meter.halvingKey() ?? null,
        sizeKey: middle === null ? null : machine.keyOf(middle),
      });
    }
    if (reports.length === 0) return;
    const to = this.keeper;
    if (to === env.self) this.onLoad(reports);
    else env.sendEarly(to, { kind: "load", reports });
  }

  private decide(): void {
    const { env, directory } = this.parts;
    if (directory?.group.leading !== true || this.balance === undefined) return;
    const { entries } = directory.machine.read({ kind: "map", since: 0 });
    for (const decision of this.balance.decide(entries, env.now)) {
      if (decision.kind === "begin") this.onSteer(decision.command);
      else this.handOver(decision.from, decision.tablet, decision.to);
    }
  }
}

function namedBy({ tablet, intent }: DirectoryEntry): TabletId[] {
  return intent?.kind === "split" ? [tablet, intent.child] : [tablet];
}

function neighbour(replica: TabletReplica | undefined): Neighbour | undefined {
  const meta = replica?.machine.tablet.meta;
  // While a snapshot is being received the metadata may be ahead of the rows.
  if (replica === undefined || meta === undefined || !replica.group.readable) return undefined;
  return { meta, rows: () => replica.machine.rows() };
}
