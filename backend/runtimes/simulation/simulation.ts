/**
 * The simulation runtime: nodes, network, disks, clocks and clients on one thread, one heap, one seed. Equal seeds give equal
 * runs, event for event, and a running digest of the trace proves it.
 *
 * True time is the simulation's; nodes only see their clocks. The harness schedules callbacks (arrivals, faults) in true time and
 * talks to nodes as a client would: over a link with a delay, through an entry node that may be down.
 */
import type { Counters } from "../../kernel/counters.ts";
import { mergeCounters } from "../../kernel/counters.ts";
import type { CoreFactory, RequestId, TimerId } from "../../kernel/env.ts";
import type { Fault } from "../../kernel/fault.ts";
import { RunningHash } from "../../kernel/hash.ts";
import { Random } from "../../kernel/random.ts";
import type { Delay, Topology } from "../../kernel/topology.ts";
import { drawDelay, none } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { TimeSource } from "./clock.ts";
import { SimulatedClock } from "./clock.ts";
import { EventQueue, eventKinds } from "./event-queue.ts";
import { lost, SimulatedNetwork } from "./network.ts";
import type { Surroundings } from "./node.ts";
import { inputKinds, SimulatedNode } from "./node.ts";

/** What the simulation answers for a node that cannot: refused before it was reached, unknown after. */
export interface ConnectionAnswers {
  readonly refused: unknown;
  readonly lost: unknown;
}

export interface SimulationOptions {
  readonly topology: Topology;
  readonly seed: number;
  readonly createCore: CoreFactory;
  readonly connection: ConnectionAnswers;
  /** Processor time a turn takes. */
  readonly turnUs?: Micros;
  readonly durable?: boolean;
  readonly acknowledgeBeforeDurable?: boolean;
  /** Time a flush takes. Default: 0.2 ms plus an exponential of 0.1 ms, a data-centre SSD. */
  readonly flush?: Delay;
  /** Error bound that every clock claims when there is no `time`. */
  readonly clockBoundUs?: Micros;
  readonly time?: TimeSource;
  /** Runs each core's `check` after every so many events of the whole simulation; 0 never. */
  readonly checkEvery?: number;
}

interface Outstanding {
  readonly node: NodeId;
  readonly onAnswer: (answer: unknown) => void;
}

export class Simulation implements Surroundings {
  now: Micros = 0;
  events = 0;
  readonly nodes: SimulatedNode[];
  private readonly options: SimulationOptions;
  private readonly queue = new EventQueue();
  private readonly network: SimulatedNetwork;
  private readonly disks: Random[];
  private readonly entries: Random;
  private readonly diskDelay: Delay[];
  /** By node: nothing of its messages arrives before. */
  private readonly heldUntil: Float64Array;
  private readonly outstanding = new Map<RequestId, Outstanding>();
  private readonly trace = new RunningHash();
  private nextRequest: RequestId = 1;
  private messagesInFlight = 0;

  constructor(options: SimulationOptions) {
    const { topology, seed } = options;
    this.options = options;
    this.network = new SimulatedNetwork(topology, seed);
    this.disks = topology.nodes.map((_, i) => Random.stream(seed, "disk", i));
    this.entries = Random.stream(seed, "entries");
    this.diskDelay = topology.nodes.map(() => none);
    this.heldUntil = new Float64Array(topology.nodes.length);
    this.nodes = topology.nodes.map(
      (_, i) =>
        new SimulatedNode(i, this, options.createCore, {
          seed,
          turnUs: options.turnUs ?? 0,
          durable: options.durable ?? true,
          acknowledgeBeforeDurable: options.acknowledgeBeforeDurable ?? false,
          clock: options.time?.createClock(i) ?? new SimulatedClock(options.clockBoundUs ?? millisecond),
        }),
    );
    for (const node of this.nodes) node.boot();
  }

  /* ---- harness ---- */

  /** Runs `callback` at a true time, never in the past. */
  at(timeUs: Micros, callback: () => void): void {
    this.queue.push(Math.max(timeUs, this.now), eventKinds.callback, -1, 0, 0, callback, null);
  }

  /**
   * A client asks `entry`, or a random live node when `entry` is negative (a load balancer with good health checks). The answer
   * comes back over the client's link. It never comes if the node forgets the request; a crash answers it as lost.
   */
  request(entry: NodeId, body: unknown, onAnswer: (answer: unknown) => void): void {
    const node = entry >= 0 ? entry : this.liveNode();
    const request = this.nextRequest++;
    this.outstanding.set(request, { node, onAnswer });
    this.queue.push(this.now + this.network.clientDelay(), eventKinds.request, node, 0, request, body, null);
  }

  /** Runs every event up to and including `untilUs`; time then stands at `untilUs`. */
  run(untilUs: Micros): void {
    const { queue, options } = this;
    const checkEvery = options.checkEvery ?? 0;
    while (queue.earliest <= untilUs) {
      this.step(queue.pop());
      if (checkEvery > 0 && this.events % checkEvery === 0) this.check();
    }
    this.now = Math.max(this.now, untilUs);
  }

  /**
   * Ends every fault, restarts what is down and lets the system come to rest: no message, no flush, every core at rest.
   * Returns whether it did within `limitUs`.
   */
  settle(limitUs: Micros): boolean {
    this.inject({ kind: "heal" });
    this.diskDelay.fill(none);
    this.heldUntil.fill(0);
    for (const node of this.nodes) {
      node.slowness = 1;
      node.pausedUntil = Math.min(node.pausedUntil, this.now);
      if (!node.alive) node.boot();
    }
    const limit = this.now + limitUs;
    while (this.now < limit) {
      this.run(Math.min(limit, this.now + 100 * millisecond));
      if (this.atRest()) return true;
    }
    return false;
  }

  atRest(): boolean {
    if (this.messagesInFlight > 0 || this.outstanding.size > 0) return false;
    return this.nodes.every((node) => node.broken || (node.quiet && (node.core?.atRest?.() ?? true)));
  }

  check(): void {
    for (const node of this.nodes) node.core?.check();
  }

  /** Every node's counters: see `mergeCounters`. */
  counters(): Counters {
    return mergeCounters(this.nodes.map((node) => node.core?.counters?.() ?? {}));
  }

  /** Sixteen hexadecimal digits: the trace so far and what every disk holds now. */
  digest(): string {
    for (const node of this.nodes) {
      node.disk.entries((key, value) => {
        this.trace.addText(key);
        this.trace.addText(JSON.stringify(value));
      });
    }
    return this.trace.digest();
  }

  inject(fault: Fault): void {
    this.trace.addText(fault.kind);
    if (this.network.inject(fault)) return;
    switch (fault.kind) {
      case "crash":
        for (const id of fault.nodes) this.crash(this.nodes[id], fault.wipe ?? false);
        break;
      case "restart":
        for (const id of fault.nodes) if (!this.nodes[id].alive) this.nodes[id].boot();
        break;
      case "pause":
        for (const id of fault.nodes) this.nodes[id].pausedUntil = this.now + fault.forUs;
        break;
      case "hold":
        for (const id of fault.nodes) this.heldUntil[id] = this.now + fault.forUs;
        break;
      case "slow":
        for (const id of fault.nodes) this.nodes[id].slowness = fault.factor;
        break;
      case "clock":
        for (const id of fault.nodes) this.nodes[id].clock.disturb(this.now, fault);
        break;
      case "masters":
        if (this.options.time === undefined) {
          throw new Error(
            'the fault "masters" needs clocks that poll some: give the deployment a `time`, or take it out of the plan',
          );
        }
        this.options.time.disturbMasters(this.now, fault);
        break;
      case "disk":
        for (const id of fault.nodes) this.diskDelay[id] = fault.delay;
        break;
      case "corrupt":
        for (const id of fault.nodes) this.corrupt(this.nodes[id]);
        break;
    }
  }

  /* ---- surroundings of a node ---- */

  transmit(from: NodeId, to: NodeId, message: unknown, afterUs: Micros): void {
    const delay = this.network.transmit(from, to, message);
    const copy = this.network.copyDelayUs;
    const leavesUs = Math.max(afterUs, this.heldUntil[from] - this.now, this.heldUntil[to] - this.now);
    if (delay !== lost) this.deliver(from, to, message, leavesUs + delay);
    if (copy !== lost) this.deliver(from, to, message, leavesUs + copy);
  }

  answer(_node: NodeId, request: RequestId, reply: unknown, afterUs: Micros): void {
    this.queue.push(this.now + afterUs + this.network.clientDelay(), eventKinds.answer, -1, 0, request, reply, null);
  }

  scheduleDrain(node: SimulatedNode, afterUs: Micros): void {
    this.queue.push(this.now + afterUs, eventKinds.drain, node.self, node.epoch, 0, null, null);
  }

  scheduleFlushed(node: SimulatedNode, afterUs: Micros): void {
    this.queue.push(this.now + afterUs, eventKinds.flushed, node.self, node.epoch, 0, null, null);
  }

  scheduleTimer(node: SimulatedNode, afterUs: Micros, timer: string, key: number): TimerId {
    return this.queue.timerId(
      this.queue.push(this.now + afterUs, eventKinds.timer, node.self, node.epoch, key, timer, null),
    );
  }

  cancelTimer(timer: TimerId): void {
    this.queue.cancel(timer);
  }

  flushDelay(node: NodeId): Micros {
    const random = this.disks[node];
    const flush = this.options.flush ?? { kind: "exponential", minUs: 200, meanUs: 100 };
    return drawDelay(flush, random) + drawDelay(this.diskDelay[node], random);
  }

  /* ---- inside ---- */

  private step(slot: number): void {
    const { queue } = this;
    const kind = queue.kind[slot];
    const id = queue.node[slot];
    const epoch = queue.epoch[slot];
    const number = queue.number[slot];
    const first = queue.first[slot];
    this.now = queue.time[slot];
    queue.release(slot);
    if (kind === eventKinds.none) return;
    this.events++;
    this.trace.addWide(this.now);
    this.trace.add(kind * 4_096 + id + number * 65_536);
    if (kind === eventKinds.message) this.onDelivery(this.nodes[id], number, first);
    else if (kind === eventKinds.timer) this.onTimer(this.nodes[id], epoch, number, first as string);
    else if (kind === eventKinds.drain) {
      if (this.nodes[id].epoch === epoch) this.nodes[id].drain();
    } else if (kind === eventKinds.flushed) {
      if (this.nodes[id].epoch === epoch) this.nodes[id].onFlushed();
    } else if (kind === eventKinds.request) this.onRequest(this.nodes[id], number, first);
    else if (kind === eventKinds.answer) this.onAnswer(number, first);
    else (first as () => void)();
  }

  private deliver(from: NodeId, to: NodeId, message: unknown, delayUs: Micros): void {
    this.messagesInFlight++;
    this.queue.push(this.now + delayUs, eventKinds.message, to, 0, from, message, null);
  }

  private onDelivery(node: SimulatedNode, from: NodeId, message: unknown): void {
    this.messagesInFlight--;
    this.trace.addText((message as { kind: string }).kind);
    if (node.alive) node.accept(inputKinds.message, from, message);
  }

  private onTimer(node: SimulatedNode, epoch: number, key: number, timer: string): void {
    if (node.alive && node.epoch === epoch) node.accept(inputKinds.timer, key, timer);
  }

  private onRequest(node: SimulatedNode, request: RequestId, body: unknown): void {
    if (node.alive) node.accept(inputKinds.request, request, body);
    else this.answer(node.self, request, this.options.connection.refused, 0);
  }

  private onAnswer(request: RequestId, answer: unknown): void {
    const waiting = this.outstanding.get(request);
    if (waiting === undefined) return;
    this.outstanding.delete(request);
    this.trace.addText((answer as { kind: string }).kind);
    waiting.onAnswer(answer);
  }

  private crash(node: SimulatedNode, wipe: boolean): void {
    if (!node.alive) return;
    node.crash(wipe);
    for (const [request, { node: at }] of this.outstanding) {
      if (at === node.self) this.answer(at, request, this.options.connection.lost, 0);
    }
  }

  /** Damages what was durable. A decoder that notices keeps the node down for good; one that does not lets it run on rubbish. */
  private corrupt(node: SimulatedNode): void {
    this.crash(node, false);
    if (!node.broken) node.broken = node.disk.corrupt(this.disks[node.self]);
  }

  private liveNode(): NodeId {
    const from = this.entries.below(this.nodes.length);
    for (let i = 0; i < this.nodes.length; i++) {
      const id = (from + i) % this.nodes.length;
      if (this.nodes[id].alive) return id;
    }
    return from;
  }
}
