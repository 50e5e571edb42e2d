/**
 * The simulated network: for each message sent, when it arrives, whether it does, and whether it arrives twice. Each sender
 * draws from its own stream, so one node's traffic never shifts another's delays.
 */
import type { Fault } from "../../kernel/fault.ts";
import { Random } from "../../kernel/random.ts";
import type { Delay, Topology } from "../../kernel/topology.ts";
import { drawDelay, linkDelay, none } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";

/** Disturbances of one directed link, all absent at first. */
interface LinkFault {
  delay: Delay;
  dropProbability: number;
  /** Kinds of messages that are dropped; undefined: all. */
  dropOnly: readonly string[] | undefined;
  duplicateProbability: number;
}

/** The delay of a message that never arrives. */
export const lost = -1;

export class SimulatedNetwork {
  copyDelayUs: Micros = lost;
  private readonly topology: Topology;
  private readonly count: number;
  private readonly streams: Random[];
  private readonly clients: Random;
  /** blocked[from * count + to] = 1 while a partition forbids that direction. */
  private readonly blocked: Uint8Array;
  private readonly disturbed = new Map<number, LinkFault>();
  private partitioned = false;
  dropped = 0;

  constructor(topology: Topology, seed: number) {
    this.topology = topology;
    this.count = topology.nodes.length;
    this.streams = topology.nodes.map((_, i) => Random.stream(seed, "network", i));
    this.clients = Random.stream(seed, "client links");
    this.blocked = new Uint8Array(this.count * this.count);
  }

  /**
   * Decides one message's fate: its delay, or `lost`. When the link doubled it, `copyDelayUs` holds the second copy's delay until
   * the next call; otherwise it is `lost` too.
   */
  transmit(from: NodeId, to: NodeId, message?: unknown): Micros {
    this.copyDelayUs = lost;
    if (from === to) return 0;
    if (this.partitioned && this.blocked[from * this.count + to] === 1) {
      this.dropped++;
      return lost;
    }
    const random = this.streams[from];
    const base = drawDelay(linkDelay(this.topology, from, to), random);
    if (this.disturbed.size === 0) return base;
    return this.disturb(from, to, message, base);
  }

  clientDelay(): Micros {
    return drawDelay(this.topology.links.client, this.clients);
  }

  /** Applies a link fault; returns false when the fault is none of the network's business. */
  inject(fault: Fault): boolean {
    switch (fault.kind) {
      case "partition":
        this.partitioned = true;
        for (const from of fault.from) {
          for (const to of fault.to) {
            if (from === to) continue;
            this.blocked[from * this.count + to] = 1;
            if (!fault.oneWay) this.blocked[to * this.count + from] = 1;
          }
        }
        return true;
      case "heal":
        this.partitioned = false;
        this.blocked.fill(0);
        this.disturbed.clear();
        return true;
      case "delay":
        this.onLinks(fault.from, fault.to, (link) => (link.delay = fault.delay));
        return true;
      case "drop":
        this.onLinks(fault.from, fault.to, (link) => {
          link.dropProbability = fault.probability;
          link.dropOnly = fault.only;
        });
        return true;
      case "duplicate":
        this.onLinks(fault.from, fault.to, (link) => (link.duplicateProbability = fault.probability));
        return true;
      default:
        return false;
    }
  }

  private disturb(from: NodeId, to: NodeId, message: unknown, base: Micros): Micros {
    const random = this.streams[from];
    const link = this.disturbed.get(from * this.count + to);
    if (link === undefined) return base;
    const spared = link.dropOnly?.includes((message as { kind: string }).kind) === false;
    if (!spared && random.chance(link.dropProbability)) {
      this.dropped++;
      return lost;
    }
    // A copy may come much later than the original: a retransmission, a switch that loops.
    if (random.chance(link.duplicateProbability)) this.copyDelayUs = base + random.between(0, 200_000);
    return base + drawDelay(link.delay, random);
  }

  private onLinks(from: readonly NodeId[], to: readonly NodeId[], change: (link: LinkFault) => void): void {
    for (const a of from) {
      for (const b of to) {
        if (a === b) continue;
        const index = a * this.count + b;
        let link = this.disturbed.get(index);
        if (link === undefined) {
          link = { delay: none, dropProbability: 0, dropOnly: undefined, duplicateProbability: 0 };
          this.disturbed.set(index, link);
        }
        change(link);
      }
    }
  }
}
