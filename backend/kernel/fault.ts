/**
 * The one fault interface of both runtimes. A plan is data: it can be printed, cut in half and replayed. A fault lasts until
 * its opposite is injected (restart, heal, slow with factor 1) unless it carries its own duration.
 */
import type { Delay } from "./topology.ts";
import type { Micros, NodeId } from "./units.ts";

export type Fault =
  /** The process dies: volatile state and writes not yet durable are gone. `wipe` loses the disk too. */
  | { readonly kind: "crash"; readonly nodes: readonly NodeId[]; readonly wipe?: boolean }
  | { readonly kind: "restart"; readonly nodes: readonly NodeId[] }
  /** The process stands still (a long collection, a stopped virtual machine); its inputs queue and its timers fire late. */
  | { readonly kind: "pause"; readonly nodes: readonly NodeId[]; readonly forUs: Micros }
  /**
   * Simulation only: what the process sends and what is sent to it is held until this ends, while its timers run: a starved network
   * thread, a full buffer.
   */
  | { readonly kind: "hold"; readonly nodes: readonly NodeId[]; readonly forUs: Micros }
  /** Each turn takes `factor` times as long; 1 ends it. */
  | { readonly kind: "slow"; readonly nodes: readonly NodeId[]; readonly factor: number }
  /** Nothing passes from `from` to `to` and, unless `oneWay`, nothing back. */
  | {
      readonly kind: "partition";
      readonly from: readonly NodeId[];
      readonly to: readonly NodeId[];
      readonly oneWay?: boolean;
    }
  /** Ends every partition, added delay, drop and duplication. */
  | { readonly kind: "heal" }
  /** Added to each message from `from` to `to`. */
  | {
      readonly kind: "delay";
      readonly from: readonly NodeId[];
      readonly to: readonly NodeId[];
      readonly delay: Delay;
    }
  | {
      readonly kind: "drop";
      readonly from: readonly NodeId[];
      readonly to: readonly NodeId[];
      readonly probability: number;
      /** Simulation only: of these kinds of messages; all when absent. */
      readonly only?: readonly string[];
    }
  | {
      readonly kind: "duplicate";
      readonly from: readonly NodeId[];
      readonly to: readonly NodeId[];
      readonly probability: number;
    }
  /**
   * Simulation only: wall clocks jump by `stepUs`, then run `driftPpm` fast; `boundUs` is what they claim as their error. Clocks
   * that poll time masters (`PolledTime`) are put right by their next poll, unless `polls` is false, which cuts them off until a
   * later fault says true; the bound then grows at the claimed rate, so a drift beyond that rate makes it a lie in the end.
   */
  | {
      readonly kind: "clock";
      readonly nodes: readonly NodeId[];
      readonly stepUs: Micros;
      readonly driftPpm: number;
      readonly boundUs?: Micros;
      readonly polls?: boolean;
    }
  /**
   * Simulation with polled clocks only: what time masters say is off by `offsetUs` from now on, or they do not answer. Masters
   * count from 0 in the order of the deployment's `time.masters`; what is absent stays as it is.
   */
  | {
      readonly kind: "masters";
      readonly masters: readonly number[];
      readonly offsetUs?: Micros;
      readonly reachable?: boolean;
    }
  /** Added to each flush of the nodes' disks. */
  | { readonly kind: "disk"; readonly nodes: readonly NodeId[]; readonly delay: Delay }
  /** Simulation only: one byte of a record that was durable flips; the node crashes and must notice when it restarts. */
  | { readonly kind: "corrupt"; readonly nodes: readonly NodeId[] };

export type FaultKind = Fault["kind"];

/** What a clock fault does to each of its nodes' clocks. */
export type ClockChange = Omit<Extract<Fault, { readonly kind: "clock" }>, "kind" | "nodes">;

export type MastersChange = Omit<Extract<Fault, { readonly kind: "masters" }>, "kind">;

export interface FaultAt {
  readonly atUs: Micros;
  readonly fault: Fault;
}

export type FaultPlan = readonly FaultAt[];

/** One line for a log, a chart band or a replay. */
export function describeFault(fault: Fault): string {
  const list = (nodes: readonly NodeId[]): string => nodes.map((n) => `n${n}`).join(" ");
  switch (fault.kind) {
    case "crash":
      return `crash ${list(fault.nodes)}${fault.wipe ? " and wipe its disk" : ""}`;
    case "restart":
      return `restart ${list(fault.nodes)}`;
    case "pause":
      return `pause ${list(fault.nodes)} for ${duration(fault.forUs)}`;
    case "hold":
      return `hold the messages of ${list(fault.nodes)} for ${duration(fault.forUs)}`;
    case "slow":
      return fault.factor === 1 ? `${list(fault.nodes)} at full speed` : `slow ${list(fault.nodes)} x${fault.factor}`;
    case "partition":
      return `partition ${list(fault.from)} ${fault.oneWay ? "->" : "|"} ${list(fault.to)}`;
    case "heal":
      return "heal";
    case "delay":
      return `delay ${list(fault.from)} -> ${list(fault.to)}`;
    case "drop":
      return `drop ${fault.probability * 100} %${fault.only ? ` of ${fault.only.join(", ")}` : ""} ${list(fault.from)} -> ${list(fault.to)}`;
    case "duplicate":
      return `duplicate ${fault.probability * 100} % ${list(fault.from)} -> ${list(fault.to)}`;
    case "clock":
      return `clock of ${list(fault.nodes)} ${fault.stepUs >= 0 ? "+" : ""}${fault.stepUs / 1_000} ms, ${fault.driftPpm} ppm${fault.polls === false ? ", no polls" : ""}`;
    case "masters": {
      const off = fault.offsetUs === undefined ? "" : ` off by ${fault.offsetUs / 1_000} ms`;
      const reached = fault.reachable === undefined ? "" : fault.reachable ? " reachable" : " unreachable";
      return `time masters ${fault.masters.join(" ")}${off}${reached}`;
    }
    case "disk":
      return `slow disk on ${list(fault.nodes)}`;
    case "corrupt":
      return `corrupt a record of ${list(fault.nodes)}`;
  }
}

function duration(us: Micros): string {
  return us >= 1_000_000 ? `${us / 1_000_000} s` : `${us / 1_000} ms`;
}
