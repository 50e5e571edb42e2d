/**
 * Where nodes stand and how long a message travels between them. A node has a region and, in it, a zone; the delay of a link
 * depends only on what its ends share. Both runtimes draw delays from the same distributions: the simulation in virtual time,
 * the threads by holding a frame back.
 */
import type { Random } from "./random.ts";
import type { Micros, NodeId } from "./units.ts";

/** A distribution of non-negative delays. Parameters in microseconds. */
export type Delay =
  | { readonly kind: "none" }
  | { readonly kind: "constant"; readonly us: Micros }
  | { readonly kind: "uniform"; readonly fromUs: Micros; readonly toUs: Micros }
  /** `minUs` plus an exponential of mean `meanUs`: propagation plus queueing. */
  | { readonly kind: "exponential"; readonly minUs: Micros; readonly meanUs: Micros }
  | { readonly kind: "lognormal"; readonly medianUs: Micros; readonly sigma: number }
  | { readonly kind: "pareto"; readonly minUs: Micros; readonly shape: number };

export interface Place {
  readonly region: string;
  readonly zone: string;
}

/** One-way delays by what two ends share. `client` is the way between a client and its entry node. */
export interface LinkDelays {
  readonly sameZone: Delay;
  readonly betweenZones: Delay;
  readonly betweenRegions: Delay;
  readonly client: Delay;
}

export interface Topology {
  /** Indexed by NodeId. */
  readonly nodes: readonly Place[];
  readonly links: LinkDelays;
}

export const none: Delay = { kind: "none" };

/** No injected delay anywhere: what the machine itself costs. */
export const noDelays: LinkDelays = { sameZone: none, betweenZones: none, betweenRegions: none, client: none };

/** Round figures of a public cloud, one way: 0.1 ms in a zone, 0.5 ms between zones, 30 ms between regions. */
export const cloudDelays: LinkDelays = {
  sameZone: { kind: "exponential", minUs: 80, meanUs: 20 },
  betweenZones: { kind: "exponential", minUs: 400, meanUs: 100 },
  betweenRegions: { kind: "exponential", minUs: 29_000, meanUs: 1_000 },
  client: { kind: "exponential", minUs: 80, meanUs: 20 },
};

/** `nodes` nodes dealt round robin over `zones` zones of one region. */
export function oneRegion(nodes: number, zones = 3, links: LinkDelays = noDelays): Topology {
  return {
    nodes: Array.from({ length: nodes }, (_, i) => ({ region: "r1", zone: `r1-z${(i % zones) + 1}` })),
    links,
  };
}

/** One draw, a whole number of microseconds. */
export function drawDelay(delay: Delay, random: Random): Micros {
  switch (delay.kind) {
    case "none":
      return 0;
    case "constant":
      return delay.us;
    case "uniform":
      return random.between(delay.fromUs, delay.toUs);
    case "exponential":
      return Math.round(delay.minUs + random.exponential(delay.meanUs));
    case "lognormal":
      return Math.round(delay.medianUs * Math.exp(delay.sigma * random.normal()));
    case "pareto":
      return Math.round(delay.minUs / Math.pow(1 - random.float(), 1 / delay.shape));
  }
}

/** The delay of the link between two nodes; a node talks to itself at once. */
export function linkDelay(topology: Topology, from: NodeId, to: NodeId): Delay {
  if (from === to) return none;
  const a = topology.nodes[from];
  const b = topology.nodes[to];
  if (a.region !== b.region) return topology.links.betweenRegions;
  return a.zone === b.zone ? topology.links.sameZone : topology.links.betweenZones;
}
