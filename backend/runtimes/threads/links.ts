/**
 * The network between nodes as their senders see it: the topology's delays, and the faults laid over them. Each sender asks for the fate
 * of each message; a link's draws come from its own stream, so a fault on one link does not shift another's delays.
 */
import type { Fault } from "../../kernel/fault.ts";
import { Random } from "../../kernel/random.ts";
import { drawDelay, linkDelay } from "../../kernel/topology.ts";
import type { Delay, Topology } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";

interface Link {
  readonly base: Delay;
  readonly random: Random;
  blocked: boolean;
  added: Delay[];
  drop: number;
  duplicate: number;
}

export class Links {
  private readonly nodes: number;
  private readonly links: (Link | undefined)[] = [];
  private readonly topology: Topology;
  private readonly seed: number;
  /** True while no message can be delayed, lost or doubled: senders need not ask. */
  calm: boolean;
  private readonly undelayed: boolean;

  constructor(topology: Topology, seed: number) {
    this.topology = topology;
    this.seed = seed;
    this.nodes = topology.nodes.length;
    const { sameZone, betweenZones, betweenRegions } = topology.links;
    this.undelayed = [sameZone, betweenZones, betweenRegions].every((delay) => delay.kind === "none");
    this.calm = this.undelayed;
  }

  /** Delays of the copies of one message from `from` to `to`: none when it is lost, two when it is doubled. */
  fate(from: NodeId, to: NodeId): readonly Micros[] {
    if (from === to) return [0];
    const link = this.link(from, to);
    const { random } = link;
    if (link.blocked || random.chance(link.drop)) return [];
    return random.chance(link.duplicate) ? [delayOf(link), delayOf(link)] : [delayOf(link)];
  }

  /** Applies a fault of the network; other kinds are not its affair. */
  inject(fault: Fault): void {
    switch (fault.kind) {
      case "heal":
        for (const link of this.links) if (link !== undefined) calmLink(link);
        this.calm = this.undelayed;
        return;
      case "partition":
        this.each(fault.from, fault.to, (link) => (link.blocked = true));
        if (!fault.oneWay) this.each(fault.to, fault.from, (link) => (link.blocked = true));
        break;
      case "delay":
        this.each(fault.from, fault.to, (link) => link.added.push(fault.delay));
        break;
      case "drop":
        this.each(fault.from, fault.to, (link) => (link.drop = fault.probability));
        break;
      case "duplicate":
        this.each(fault.from, fault.to, (link) => (link.duplicate = fault.probability));
        break;
      default:
        return;
    }
    this.calm = false;
  }

  private each(from: readonly NodeId[], to: readonly NodeId[], apply: (link: Link) => void): void {
    for (const a of from) for (const b of to) if (a !== b) apply(this.link(a, b));
  }

  private link(from: NodeId, to: NodeId): Link {
    const index = from * this.nodes + to;
    return (this.links[index] ??= {
      base: linkDelay(this.topology, from, to),
      random: Random.stream(this.seed, "link", from, to),
      blocked: false,
      added: [],
      drop: 0,
      duplicate: 0,
    });
  }
}

function calmLink(link: Link): void {
  link.blocked = false;
  link.added = [];
  link.drop = 0;
  link.duplicate = 0;
}

function delayOf(link: Link): Micros {
  let delay = drawDelay(link.base, link.random);
  for (const added of link.added) delay += drawDelay(added, link.random);
  return delay;
}
