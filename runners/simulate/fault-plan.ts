/**
 * Random fault plans, as data. Each seed draws which kinds of fault it uses at all (swarm testing, Groce et al., ISSTA 2012):
 * a seed with only one-way partitions finds what a seed with a bit of everything hides. Every fault ends within the plan.
 */
import type { Fault, FaultAt, FaultPlan } from "../../backend/kernel/fault.ts";
import type { Random } from "../../backend/kernel/random.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import { millisecond } from "../../backend/kernel/units.ts";

/** "wipe" and "corrupt" always hit the same node, the seed's victim: two lost disks of three are no fault to survive. */
export type Nemesis =
  | "crash"
  | "wipe"
  | "corrupt"
  | "power"
  | "partition"
  | "pause"
  | "slow"
  | "link"
  | "clock"
  /** As "clock", within what any clock may drift: it costs time, and must cost nothing else. */
  | "drift"
  | "disk";

export interface PlanShape {
  readonly nodes: number;
  readonly fromUs: Micros;
  readonly toUs: Micros;
  /** Disturbances in the window, about. */
  readonly count: number;
  readonly kinds: readonly Nemesis[];
}

/** The plan in order of time. Every kind that the seed's mask allows is equally likely. */
export function drawFaultPlan(shape: PlanShape, random: Random): FaultPlan {
  const mask = shape.kinds.filter(() => random.chance(0.5));
  const kinds = mask.length > 0 ? mask : [random.pick(shape.kinds)];
  const victim = random.below(shape.nodes);
  const plan: FaultAt[] = [];
  for (let i = 0; i < shape.count; i++) {
    const atUs = random.between(shape.fromUs, shape.toUs);
    const endUs = Math.min(shape.toUs, atUs + Math.round(random.exponential(600 * millisecond)));
    plan.push(...disturbance(random.pick(kinds), atUs, endUs, shape.nodes, victim, random));
  }
  return plan.sort((a, b) => a.atUs - b.atUs);
}

function disturbance(
  kind: Nemesis,
  atUs: Micros,
  endUs: Micros,
  nodes: number,
  victim: NodeId,
  random: Random,
): FaultAt[] {
  const node = random.below(nodes);
  const begin = (fault: Fault): FaultAt => ({ atUs, fault });
  const end = (fault: Fault): FaultAt => ({ atUs: endUs, fault });
  switch (kind) {
    case "crash":
      return [begin({ kind: "crash", nodes: [node] }), end({ kind: "restart", nodes: [node] })];
    case "wipe":
      return [begin({ kind: "crash", nodes: [victim], wipe: true }), end({ kind: "restart", nodes: [victim] })];
    case "corrupt":
      return [begin({ kind: "corrupt", nodes: [victim] }), end({ kind: "restart", nodes: [victim] })];
    case "power": {
      const all = everyNode(nodes);
      return [begin({ kind: "crash", nodes: all }), end({ kind: "restart", nodes: all })];
    }
    case "partition":
      return [begin(drawPartition(nodes, random)), end({ kind: "heal" })];
    case "pause":
      return [begin({ kind: "pause", nodes: [node], forUs: endUs - atUs })];
    case "slow":
      return [
        begin({ kind: "slow", nodes: [node], factor: random.between(5, 200) }),
        end({ kind: "slow", nodes: [node], factor: 1 }),
      ];
    case "link": {
      const [from, to] = [everyNode(nodes), everyNode(nodes)];
      const delay = { kind: "exponential", minUs: 0, meanUs: random.between(1, 40) * millisecond } as const;
      return [
        begin(
          random.pick<Fault>([
            { kind: "drop", from, to, probability: random.float() * 0.4 },
            { kind: "duplicate", from, to, probability: random.float() * 0.5 },
            { kind: "delay", from, to, delay },
          ]),
        ),
        end({ kind: "heal" }),
      ];
    }
    case "clock": {
      const stepUs = random.between(-500, 500) * millisecond;
      return [begin({ kind: "clock", nodes: [node], stepUs, driftPpm: random.between(-200, 200) })];
    }
    case "drift":
      return [begin({ kind: "clock", nodes: [node], stepUs: 0, driftPpm: random.between(-180, 180) })];
    case "disk": {
      const slow = { kind: "exponential", minUs: 0, meanUs: random.between(5, 150) * millisecond } as const;
      return [
        begin({ kind: "disk", nodes: [node], delay: slow }),
        end({ kind: "disk", nodes: [node], delay: { kind: "none" } }),
      ];
    }
  }
}

/** Isolate one node, or split at random; both ways or one way. */
function drawPartition(nodes: number, random: Random): Fault {
  const all = everyNode(nodes);
  const side = random.chance(0.5) ? [random.below(nodes)] : all.filter(() => random.chance(0.5));
  const from = side.length === 0 || side.length === nodes ? [random.below(nodes)] : side;
  const to = all.filter((node) => !from.includes(node));
  const oneWay = random.chance(0.3);
  return random.chance(0.5)
    ? { kind: "partition", from, to, oneWay }
    : { kind: "partition", from: to, to: from, oneWay };
}

function everyNode(nodes: number): NodeId[] {
  return Array.from({ length: nodes }, (_, i) => i);
}
