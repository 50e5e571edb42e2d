/** The scenarios that `wavetank simulate` knows: a system, its faults, and what must hold whatever the seed. */
import type { FaultPlan } from "../../backend/kernel/fault.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import type { Violation } from "./line-history.ts";
import { runQuorumScenario } from "./quorum-scenario.ts";

export interface ScenarioRun {
  readonly violations: readonly Violation[];
  readonly events: number;
  readonly virtualUs: Micros;
  readonly acknowledged: number;
  readonly reads: number;
  readonly staleReads: number;
  readonly digest: string;
  readonly plan: FaultPlan;
}

export interface Scenario {
  readonly name: string;
  readonly promise: string;
  /** Planted bugs that this scenario is expected to catch. */
  readonly catches: readonly string[];
  run(seed: number, plant?: string): ScenarioRun;
}

const strict = { n: 3, r: 2, w: 2, sloppy: false };

export const scenarios: readonly Scenario[] = [
  {
    name: "quorum",
    promise: "R + W > N, strict: no stale read, no lost write, replicas converge after the heal",
    catches: ["too-few-answers", "dropped-hint", "hint-deleted-on-send", "repair-with-oldest", "no-dot"],
    run: (seed, plant) =>
      runQuorumScenario(
        {
          nodes: [3, 4, 5],
          replication: strict,
          merge: "union",
          nemeses: ["crash", "partition", "pause", "slow", "link", "clock", "disk"],
          faults: 8,
          clients: 6,
          records: 4,
        },
        seed,
        plant,
      ),
  },
  {
    name: "sloppy",
    promise: "sloppy quorum: stale reads are counted, no write is lost, hints reach their replicas",
    catches: ["dropped-hint", "hint-deleted-on-send", "no-dot"],
    run: (seed, plant) =>
      runQuorumScenario(
        {
          nodes: [5, 6],
          replication: { ...strict, sloppy: true },
          merge: "union",
          nemeses: ["crash", "partition", "pause", "link"],
          faults: 8,
          clients: 6,
          records: 4,
        },
        seed,
        plant,
      ),
  },
  {
    name: "power-loss",
    promise: "all nodes lose power at once, again and again: every acknowledged write is there",
    catches: ["acknowledge-before-durable"],
    run: (seed, plant) =>
      runQuorumScenario(
        {
          nodes: [1, 3],
          replication: strict,
          merge: "union",
          nemeses: ["power", "disk"],
          faults: 8,
          clients: 8,
          records: 4,
        },
        seed,
        plant,
      ),
  },
];
