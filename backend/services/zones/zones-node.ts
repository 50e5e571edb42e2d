/**
 * One node of a cache that has a copy in every zone: parts wired by plain calls.
 *
 *     request ──> Coordinator ──┬──> Replica     this node's share of its zone's copy
 *                               ├──> Shadow      what is compared and thrown away
 *                               └──> RegionOutbox
 *     start   ──> CopyIn ──────────> Replica
 *
 * A request may enter anywhere and is coordinated there. Nothing is durable: a node that starts is empty.
 */
import type { CacheOperation, CacheOutcome, CacheRequest } from "../../api-cache.ts";
import type { ZonesService } from "../../api-zones.ts";
import type { Core, RequestId } from "../../kernel/env.ts";
import { second } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { Coordinator } from "./coordinator.ts";
import type { Ports } from "./coordinator.ts";
import { CopyIn } from "./copy-in.ts";
import type { ZonesEnv, ZonesMessage, ZonesTimer } from "./messages.ts";
import type { ZonesRoles } from "./mutants.ts";
import { RegionOutbox } from "./region-outbox.ts";
import type { Replica } from "./replica.ts";
import { Shadow } from "./shadow.ts";
import { Stamps } from "./stamps.ts";
import { ZoneCache } from "./zone-cache.ts";
import type { ZoneMap } from "./zone-map.ts";

export class ZonesNode implements Core<ZonesMessage, ZonesTimer, CacheRequest> {
  private readonly env: ZonesEnv;
  private readonly service: ZonesService;
  private readonly map: ZoneMap;
  private readonly stamps: Stamps;
  private readonly lateUs: Micros;
  private readonly coordinator: Coordinator;
  /** Gateways have none. */
  private readonly replica: Replica | undefined;
  private readonly shadow: Shadow | undefined;
  private readonly copyIn: CopyIn | undefined;
  private readonly outbox: RegionOutbox | undefined;

  constructor(env: ZonesEnv, service: ZonesService, map: ZoneMap, roles: ZonesRoles) {
    this.env = env;
    this.service = service;
    this.map = map;
    this.stamps = new Stamps(env.self);
    this.lateUs = service.lateAfterUs ?? second;
    this.coordinator = new Coordinator(env, service, map, this.ports(), roles.latch);
    const cache = this.cache();
    this.replica = cache === undefined ? undefined : new roles.replica(env, cache, this.lateUs);
    const { copy, regions, shadow } = service;
    if (shadow !== undefined) this.shadow = new Shadow(env, shadow, map, this.ports());
    if (regions !== undefined) this.outbox = new RegionOutbox(env, regions, this.stamps.next(env.wall));
    if (copy !== undefined && this.replica !== undefined && map.zoneOf[env.self] >= 0) {
      const others = map.near(env.self).slice(1);
      const sources = others.map((zone) => map.zones[zone].nodes);
      this.copyIn = new CopyIn(env, copy, sources, this.replica);
    }
  }

  start(): void {
    this.copyIn?.start(2 * this.lateUs);
  }

  onRequest(request: RequestId, { operations }: CacheRequest): void {
    this.coordinator.begin(request, operations);
  }

  onMessage(from: NodeId, message: ZonesMessage): void {
    switch (message.kind) {
      case "read":
        this.answer(from, message.call, this.replica?.read(message.operation));
        break;
      case "write":
        this.answer(from, message.call, this.replica?.write(message.call, message.operation, message.sentAt));
        break;
      case "outcome":
        if (this.shadow?.onOutcome(from, message.call, message.outcome) === true) break;
        this.coordinator.onOutcome(from, message.call, message.outcome);
        break;
      case "fill":
        this.replica?.fill(message.copy, message.sentAt);
        break;
      case "copy":
        this.giveCopies(from, message.page, message.cursor, message.items);
        break;
      case "copied":
        this.copyIn?.onCopied(from, message.page, message.next, message.copies);
        break;
      case "changes":
        this.takeChanges(from, message);
        break;
      case "changed":
        this.outbox?.onChanged(from, message);
        break;
    }
  }

  onTimer(timer: ZonesTimer, key: number): void {
    if (timer === "reads") this.coordinator.onReadTimer();
    else if (timer === "writes") this.coordinator.onWriteTimer();
    else if (timer === "copy") this.copyIn?.onTimer(key);
    else this.outbox?.onTimer();
  }

  check(): void {
    this.replica?.check();
  }

  atRest(): boolean {
    return this.coordinator.outstanding === 0 && (this.outbox?.outstanding ?? 0) === 0 && (this.copyIn?.done ?? true);
  }

  counters(): Record<string, number> {
    const { reads, writes } = this.coordinator;
    return {
      reads: reads.begun,
      hits: reads.hits,
      misses: reads.misses,
      readsFailed: reads.failed,
      fallbackHits: reads.fallbackHits,
      readErrors: reads.errors,
      readsAvoided: reads.avoided,
      writesAcknowledged: writes.acknowledged,
      writesFailed: writes.failed,
      answersAfterwards: writes.afterwards,
      answersLate: writes.late,
      copiesDropped: writes.dropped,
      ...this.replica?.counters(),
      ...this.shadow?.counters(),
      ...this.copyIn?.counters(),
      ...this.outbox?.counters(),
    };
  }

  private cache(): ZoneCache | undefined {
    const { cache, shadow } = this.service;
    if (shadow?.nodes.includes(this.env.self) === true) return new ZoneCache(this.env, { ...cache, ...shadow.cache });
    return this.map.zoneOf[this.env.self] < 0 ? undefined : new ZoneCache(this.env, cache);
  }

  /** Undefined: nothing was done, and nothing is said. */
  private answer(to: NodeId, call: number, outcome: CacheOutcome | undefined): void {
    if (outcome !== undefined) this.env.sendEarly(to, { kind: "outcome", call, outcome });
  }

  private giveCopies(to: NodeId, page: number, cursor: number, items: number): void {
    const zone = this.map.zoneOf[to];
    if (this.replica === undefined || zone < 0) return;
    const { copies, next } = this.replica.page(cursor, items, (key) => this.map.ownerIn(zone, key) === to);
    this.env.sendEarly(to, { kind: "copied", page, next, copies });
  }

  private takeChanges(from: NodeId, message: Extract<ZonesMessage, { kind: "changes" }>): void {
    const { replica, outbox } = this;
    if (replica === undefined || outbox === undefined || replica.isLate(message.sentAt)) return;
    for (const change of outbox.receive(from, message)) {
      replica.write(this.stamps.next(this.env.wall), change, message.sentAt);
    }
  }

  private ports(): Ports {
    return {
      read: (to, call, operation) => this.read(to, call, operation),
      write: (to, call, operation) => this.write(to, call, operation),
      fill: (to, { key }, { value, flags, ttlS, cas }, sentAt) => {
        const copy = { key, value, flags, ttlS, cas };
        if (to === this.env.self) this.replica?.fill(copy, sentAt);
        else this.env.sendEarly(to, { kind: "fill", copy, sentAt });
      },
      name: () => this.stamps.next(this.env.wall),
      mirror: (operation) => this.shadow?.mirror(operation) ?? 0,
      compare: (mirrored, outcome) => this.shadow?.onPrimary(mirrored, outcome),
      stats: () => ({ kind: "stats", stats: this.counters() }),
      tell: (call, change) => {
        if (this.outbox === undefined) return;
        for (const zone of this.map.far(this.env.self)) {
          const nodes = "key" in change ? [this.map.ownerIn(zone, change.key)] : this.map.zones[zone].nodes;
          for (const node of nodes) this.outbox.tell(node, call, change);
        }
      },
    };
  }

  private read(to: NodeId, call: number, operation: CacheOperation): void {
    if (to !== this.env.self) this.env.sendEarly(to, { kind: "read", call, operation });
    else this.coordinator.onOutcome(to, call, this.replica!.read(operation));
  }

  private write(to: NodeId, call: number, operation: CacheOperation): void {
    const { earliest: sentAt } = this.env.wall;
    if (to !== this.env.self) {
      this.env.sendEarly(to, { kind: "write", call, operation, sentAt });
      return;
    }
    const outcome = this.replica!.write(call, operation, this.env.wall.latest);
    if (outcome !== undefined) this.coordinator.onOutcome(to, call, outcome);
  }
}
