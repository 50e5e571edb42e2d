/**
 * What EVCache's client does, at the node where a request entered.
 *
 *     write, delete, touch   ──> the key's owner in every zone; told when the latch says so; the rest go on
 *     read                   ──> the owner in the first zone ── miss, error ──> the next zone's ── hit ──> a copy for the local zone
 *
 * Operations of one request on the same key are carried out one after the other, others at the same time. When zones answer a conditional write
 * differently, those that disagree with what the client was told drop their copy: a cache may forget, and the next miss brings what the others have.
 */
import type { CacheGet, CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { ZonesService } from "../../api-zones.ts";
import type { RequestId } from "../../kernel/env.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { AvoidedNodes } from "./avoided-nodes.ts";
import { Batch } from "./batch.ts";
import { assumed, compares, isDone } from "./latch.ts";
import type { Latch } from "./latch.ts";
import type { Change, ZonesEnv } from "./messages.ts";
import type { ZonesRoles } from "./mutants.ts";
import { ReadTally, WriteTally } from "./tallies.ts";
import type { ZoneMap } from "./zone-map.ts";

/** A read under way: one zone has been asked and owes an answer. */
interface Reading {
  readonly batch: Batch;
  readonly index: number;
  readonly operation: CacheGet;
  /** Zones in the order in which they are asked. */
  readonly order: readonly number[];
  tried: number;
  /** Some zone said that it has no such item. */
  missed: boolean;
  /** The local owner said so. */
  missedHere: boolean;
  to: NodeId;
  deadline: Micros;
  sentAt: Micros;
  /** Of the shadow's comparison; 0: none. */
  readonly mirrored: number;
}

/** A write some of whose nodes have not answered. */
interface Writing {
  readonly call: number;
  readonly batch: Batch;
  readonly index: number;
  readonly operation: Change;
  /** The owner in each zone. */
  readonly nodes: readonly NodeId[];
  readonly latch: Latch;
  readonly deadline: Micros;
  /** What its client was told. */
  told: CacheOutcome | undefined;
}

/** What the coordinator has others do. */
export interface Ports {
  /** To a node that may be this one. */
  read(to: NodeId, call: number, operation: CacheOperation): void;
  write(to: NodeId, call: number, operation: CacheOperation): void;
  fill(to: NodeId, operation: CacheGet, hit: Extract<CacheOutcome, { kind: "hit" }>, sentAt: Micros): void;
  name(): number;
  /** Begins a comparison; 0: this key is not mirrored. */
  mirror(operation: CacheOperation): number;
  compare(mirrored: number, outcome: CacheOutcome): void;
  /** A write was told, or failed: the other regions shall know of it. */
  tell(call: number, change: Change): void;
  stats(): CacheOutcome;
}

export class Coordinator {
  readonly reads = new ReadTally();
  readonly writes = new WriteTally();
  private readonly env: ZonesEnv;
  private readonly service: ZonesService;
  private readonly map: ZoneMap;
  private readonly near: readonly number[];
  private readonly avoided: AvoidedNodes;
  private readonly ports: Ports;
  private readonly makeLatch: ZonesRoles["latch"];
  private readonly readTimeoutUs: Micros;
  private readonly writeTimeoutUs: Micros;
  /** By call, in the order of their deadlines. */
  private readonly reading = new Map<number, Reading>();
  private readonly writing = new Map<number, Writing>();
  private readsArmed = false;
  private writesArmed = false;

  constructor(env: ZonesEnv, service: ZonesService, map: ZoneMap, ports: Ports, makeLatch: ZonesRoles["latch"]) {
    this.env = env;
    this.service = service;
    this.map = map;
    this.near = map.near(env.self);
    this.ports = ports;
    this.makeLatch = makeLatch;
    this.readTimeoutUs = service.reads?.timeoutUs ?? 20 * millisecond;
    this.writeTimeoutUs = service.writes?.timeoutUs ?? 100 * millisecond;
    const { afterErrors = 3, forUs = second } = service.avoid ?? {};
    this.avoided = new AvoidedNodes(env, map.zoneOf.length, afterErrors, forUs);
  }

  get outstanding(): number {
    return this.reading.size + this.writing.size;
  }

  begin(request: RequestId, operations: readonly CacheOperation[]): void {
    const batch = new Batch(request, operations);
    for (const index of batch.ready()) this.start(batch, index);
    this.maybeReply(batch);
  }

  onOutcome(from: NodeId, call: number, outcome: CacheOutcome): void {
    this.avoided.onAnswer(from);
    const reading = this.reading.get(call);
    if (reading !== undefined && reading.to === from) {
      this.reading.delete(call);
      this.onRead(reading, outcome);
      return;
    }
    const writing = this.writing.get(call);
    if (writing === undefined) this.writes.late++;
    else this.onWritten(call, writing, from, outcome);
  }

  onReadTimer(): void {
    this.readsArmed = false;
    for (const [call, reading] of this.reading) {
      if (reading.deadline > this.env.now) break;
      this.reading.delete(call);
      this.reads.errors++;
      this.avoided.onError(reading.to);
      this.ask(reading);
    }
    this.armReads();
  }

  onWriteTimer(): void {
    this.writesArmed = false;
    for (const [call, writing] of this.writing) {
      if (writing.deadline > this.env.now) break;
      const { latch, nodes } = writing;
      this.writing.delete(call);
      nodes.forEach((node, place) => {
        if (latch.answers[place] === undefined) this.avoided.onError(node);
      });
      if (writing.told === undefined) this.tell(writing, latch.failure());
      this.dropDissent(writing);
    }
    this.armWrites();
  }

  private start(batch: Batch, index: number): void {
    const operation = batch.operations[index];
    if (operation.kind === "stats") this.finish(batch, index, this.ports.stats());
    else if (operation.kind === "get") this.startRead(batch, index, operation);
    else this.startWrite(batch, index, operation);
  }

  private finish(batch: Batch, index: number, outcome: CacheOutcome): void {
    for (const next of batch.finish(index, outcome)) this.start(batch, next);
    this.maybeReply(batch);
  }

  private maybeReply(batch: Batch): void {
    const answer = batch.takeAnswer();
    if (answer !== undefined) this.env.replyEarly(batch.request, answer);
  }

  /* ---- reads ---- */

  private startRead(batch: Batch, index: number, operation: CacheGet): void {
    const { first = "local", zones = this.near.length } = this.service.reads ?? {};
    const others = this.env.random.shuffle(first === "local" ? this.near.slice(1) : [...this.near]);
    const order = (first === "local" ? [this.near[0], ...others] : others).slice(0, zones);
    const mirrored = this.ports.mirror(operation);
    const progress = { tried: 0, missed: false, missedHere: false, to: -1, deadline: 0, sentAt: 0 };
    this.reads.begun++;
    this.ask({ batch, index, operation, order, mirrored, ...progress });
    // A touch is for every copy, whoever is read.
    if (operation.touchS !== undefined) {
      const touch = { kind: "touch", key: operation.key, ttlS: operation.touchS } as const;
      for (const zone of this.near.slice(1))
        this.ports.write(this.map.ownerIn(zone, touch.key), this.ports.name(), touch);
    }
  }

  /** Asks the next zone whose owner is worth asking; where none is, the first all the same. */
  private ask(reading: Reading): void {
    const { order, operation } = reading;
    while (reading.tried < order.length) {
      const to = this.map.ownerIn(order[reading.tried++], operation.key);
      if (this.avoided.mayAsk(to)) return this.askNode(reading, to);
      this.reads.avoided++;
    }
    if (reading.to < 0) return this.askNode(reading, this.map.ownerIn(order[0], operation.key));
    const message = "No zone that was asked answered in time";
    this.endRead(reading, reading.missed ? { kind: "missing" } : { kind: "failed", happened: "no", message });
  }

  private askNode(reading: Reading, to: NodeId): void {
    const call = this.ports.name();
    reading.to = to;
    reading.sentAt = this.env.wall.earliest;
    reading.deadline = this.env.now + this.readTimeoutUs;
    this.reading.set(call, reading);
    this.armReads();
    this.ports.read(to, call, reading.operation);
  }

  private onRead(reading: Reading, outcome: CacheOutcome): void {
    if (outcome.kind === "missing" && reading.tried < reading.order.length) {
      reading.missed = true;
      if (this.map.zoneOf[reading.to] === this.near[0]) reading.missedHere = true;
      this.ask(reading);
      return;
    }
    if (outcome.kind === "hit" && reading.missedHere && (this.service.reads?.fill ?? true)) {
      const owner = this.map.ownerIn(this.near[0], reading.operation.key);
      this.ports.fill(owner, reading.operation, outcome, reading.sentAt);
    }
    this.endRead(reading, outcome);
  }

  private endRead(reading: Reading, outcome: CacheOutcome): void {
    this.reads.onEnd(outcome, reading.tried > 1);
    this.ports.compare(reading.mirrored, outcome);
    this.finish(reading.batch, reading.index, outcome);
  }

  /* ---- writes ---- */

  private startWrite(batch: Batch, index: number, operation: Change): void {
    const policy = this.service.writes?.latch ?? "quorum";
    const nodes = this.nodesOf(operation);
    const latch = this.makeLatch(operation, operation.kind === "flush" ? "all" : policy, nodes.length);
    const call = this.ports.name();
    const deadline = this.env.now + this.writeTimeoutUs;
    const writing: Writing = { call, batch, index, operation, nodes, latch, deadline, told: undefined };
    this.writing.set(call, writing);
    this.armWrites();
    this.ports.mirror(operation);
    // A node that is avoided is told all the same: it may be back, and would keep the old value.
    nodes.forEach((node, place) => {
      if (this.avoided.avoids(node)) latch.giveUp(place);
    });
    for (const node of nodes) this.ports.write(node, call, operation);
    if (writing.told !== undefined) return;
    if (latch.needed === 0 && !compares(operation)) this.tell(writing, assumed(operation, call));
    else this.maybeTell(writing);
  }

  private nodesOf(operation: Change): readonly NodeId[] {
    if (operation.kind === "flush") return this.near.flatMap((zone) => this.map.zones[zone].nodes);
    return this.near.map((zone) => this.map.ownerIn(zone, operation.key));
  }

  private onWritten(call: number, writing: Writing, from: NodeId, outcome: CacheOutcome): void {
    const { latch, nodes } = writing;
    const place = nodes.indexOf(from);
    if (place < 0) return;
    latch.record(place, outcome);
    if (writing.told === undefined) this.maybeTell(writing);
    else this.writes.afterwards++;
    if (latch.answers.every((answer) => answer !== undefined) && this.writing.delete(call)) this.dropDissent(writing);
  }

  private maybeTell(writing: Writing): void {
    const verdict = writing.latch.verdict();
    if (verdict !== undefined) this.tell(writing, verdict);
  }

  private tell(writing: Writing, outcome: CacheOutcome): void {
    writing.told = outcome;
    this.writes.onTold(outcome);
    this.ports.tell(writing.call, writing.operation);
    this.finish(writing.batch, writing.index, outcome);
  }

  private dropDissent({ operation, latch, nodes, told }: Writing): void {
    const conditional = compares(operation) || (operation.kind === "store" && operation.mode !== "set");
    if (!conditional || told === undefined || told.kind === "failed" || !("key" in operation)) return;
    latch.answers.forEach((answer, place) => {
      if (answer === undefined || isDone(answer) === isDone(told)) return;
      this.writes.dropped++;
      this.ports.write(nodes[place], this.ports.name(), { kind: "delete", key: operation.key });
    });
  }

  /* ---- timers ---- */

  private armReads(): void {
    if (this.readsArmed || this.reading.size === 0) return;
    const [first] = this.reading.values();
    this.readsArmed = true;
    this.env.after(Math.max(0, first.deadline - this.env.now), "reads", 0);
  }

  private armWrites(): void {
    if (this.writesArmed || this.writing.size === 0) return;
    const [first] = this.writing.values();
    this.writesArmed = true;
    this.env.after(Math.max(0, first.deadline - this.env.now), "writes", 0);
  }
}
