/** One run as both tanks take it: what to run, and who is told how it goes. */
import type { Design } from "./experiment.ts";
import type { TankExperiment } from "./settings.ts";
import type { OwnSlice, RunProgress, RunWatch, TargetSpec } from "./suite-types.ts";

export interface RunOrder {
  readonly design: Design;
  readonly settled: TankExperiment;
  readonly round: number;
  readonly seed: number;
  readonly target: TargetSpec;
  /** Generator workers, threads tank only. */
  readonly slices: number;
  /** Only this part of the load is made here, by hand. */
  readonly slice?: OwnSlice;
  readonly signal?: AbortSignal;
  onProgress(progress: RunProgress): void;
  /** Whoever wants more of this run than its progress and its result. */
  readonly watch?: RunWatch;
}

/** The suite was aborted while a run was under way; the run's figures would cover another window than its plan says. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new Interrupted("the suite was interrupted");
}
