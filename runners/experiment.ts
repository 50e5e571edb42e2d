/**
 * What an experiment file is made of. An experiment is a question, the designs that answer it differently, one load for all of
 * them, and claims about what will be measured. Everything but the claims is data: it can be printed, overridden from the
 * command line by its path, and sent to another thread or machine.
 */
import type { Deployment } from "../backend/api.ts";
import type { FaultPlan } from "../backend/kernel/fault.ts";
import type { Micros } from "../backend/kernel/units.ts";
import type { CallPolicy } from "../backend/policies/call.ts";
import type { WorkloadSpec } from "../workloads/workload.ts";
import type { Chart, ClaimStatus, Estimate, RunResult } from "./results.ts";

/** Where a figure was made: this machine's threads and disk, or virtual time. */
export type Tank = "simulation" | "threads";

/** Arrivals a second over time. Every shape is open loop: a slow answer delays no arrival. */
export type LoadShape =
  | { readonly kind: "constant"; readonly perSecond: number }
  | { readonly kind: "poisson"; readonly perSecond: number }
  /** Linear from one rate to the other over the whole load; Poisson in between when `poisson`. */
  | { readonly kind: "ramp"; readonly fromPerSecond: number; readonly toPerSecond: number; readonly poisson?: boolean }
  /** Equal steps of rate, each held for an equal share of the load. */
  | { readonly kind: "step"; readonly ratesPerSecond: readonly number[]; readonly poisson?: boolean }
  /** `perSecond`, but `peakPerSecond` from `atUs` for `lengthUs`. */
  | {
      readonly kind: "spike";
      readonly perSecond: number;
      readonly peakPerSecond: number;
      readonly atUs: Micros;
      readonly lengthUs: Micros;
      readonly poisson?: boolean;
    }
  /** A wave: perSecond + amplitudePerSecond sin(2 pi (t + phaseUs) / periodUs), with an amplitude of at most `perSecond`. */
  | {
      readonly kind: "sine";
      readonly perSecond: number;
      readonly amplitudePerSecond: number;
      readonly periodUs: Micros;
      readonly phaseUs?: Micros;
      readonly poisson?: boolean;
    }
  /** `perSecond` for `onUs`, then `offPerSecond` (0 when absent) for `offUs`, over and over. */
  | {
      readonly kind: "bursts";
      readonly perSecond: number;
      readonly offPerSecond?: number;
      readonly onUs: Micros;
      readonly offUs: Micros;
      readonly poisson?: boolean;
    }
  /**
   * Partly open (Schroeder et al., NSDI 2006): visitors come as a Poisson process and after each visit return with
   * `returnChance`, an exponential think time of mean `thinkUs` after their last arrival. The load begins in its steady state.
   */
  | {
      readonly kind: "sessions";
      readonly sessionsPerSecond: number;
      readonly returnChance: number;
      readonly thinkUs: Micros;
    }
  /** The arrivals in a file (JSON lines or CSV), each time multiplied by `timeScale`, 1 when absent: at 0.5 twice as fast. */
  | { readonly kind: "trace"; readonly path: string; readonly timeScale?: number };

/** How one tank runs an experiment. */
export interface TankPlan {
  readonly load: LoadShape;
  /** Arrivals happen in [0, forUs). */
  readonly forUs: Micros;
  /** Cut from the start of every figure but the timeline. */
  readonly warmUpUs: Micros;
  /** Runs of each design, interleaved in random order with the same seed inside a round. */
  readonly rounds: number;
  readonly faults: FaultPlan;
  /** Only these designs run on this tank; all when absent. An empty list: the experiment is not for this tank. */
  readonly designs?: readonly string[];
  /**
   * Every duration of the designs' services and calling policies (members named `...Us`) is multiplied by this, so that a story
   * of minutes in virtual time is told in seconds on a real clock. Loads and faults are given in the tank's own time. Default 1.
   */
  readonly timeScale?: number;
}

export interface Design {
  readonly title: string;
  /** One sentence: what this design does and the others do not. */
  readonly description: string;
  readonly deployment: Deployment;
  readonly workload: WorkloadSpec;
  readonly calls: CallPolicy;
}

/** All the runs of one design, in round order. */
export interface DesignRuns {
  readonly name: string;
  readonly design: Design;
  readonly runs: readonly RunResult[];
}

/** What a claim sees. `of` throws on an unknown design, so that a typing error fails the suite and never passes silently. */
export interface Measured {
  readonly tank: Tank;
  readonly quick: boolean;
  readonly plan: TankPlan;
  readonly designs: readonly DesignRuns[];
  of(design: string): DesignRuns;
  /** One figure a run, by the metric's name. */
  values(design: string, metric: string): number[];
}

export interface Judgement {
  readonly status: ClaimStatus;
  /** What was measured, in words with figures and interval. */
  readonly measured: string;
  readonly estimate?: Estimate;
}

export interface Claim {
  /** A sentence that can be false. */
  readonly text: string;
  /** What theory or the paper says, with its tolerance. */
  readonly expected: string;
  readonly tanks?: readonly Tank[];
  judge(measured: Measured): Judgement;
}

/** The one comparison the report leads with. */
export interface Headline {
  readonly metric: string;
  readonly baseline: string;
  readonly candidate: string;
  readonly better: "higher" | "lower";
  /** The verdict in one sentence; `ratio` is candidate over baseline with its interval. */
  sentence(measured: Measured, ratio: Estimate): string;
}

export interface Experiment {
  /** Its file's name: `retry-storm`. */
  readonly name: string;
  readonly title: string;
  readonly question: string;
  readonly source: string;
  /** Where the popular version of the story is inexact, and where this experiment departs from its source. */
  readonly notes?: string;
  readonly designs: Readonly<Record<string, Design>>;
  readonly tanks: Readonly<Record<Tank, { readonly full: TankPlan; readonly quick: TankPlan }>>;
  readonly headline: Headline;
  /** Figures of this experiment's own, derived from one run; added to its metrics by name. */
  metrics?(run: RunResult, plan: TankPlan): Record<string, number>;
  readonly claims: readonly Claim[];
  charts(measured: Measured): Chart[];
}
