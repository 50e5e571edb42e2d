/**
 * What the exit code says, worst first. A broken promise of the backend outweighs a claim that failed, and both outweigh a run
 * that proves nothing; an interruption outweighs all of them, since what was judged is not all that was asked for.
 */
import { isIncomplete } from "./missing-slices.ts";
import type { Results } from "./results.ts";

export const exitCodes = {
  ok: 0,
  /** A bug of ours. */
  internal: 1,
  usage: 2,
  /** The generator could not keep its promise, or lost a part of the load: the figures prove nothing. */
  invalid: 96,
  /** A confirmed regression against the nights before, or a candidate that is worse than its baseline. */
  regressed: 98,
  /** A check found a broken promise: an acknowledged write lost, an order placed twice. */
  violated: 97,
  /** A claim that should hold does not. */
  failed: 99,
  /** SIGINT, SIGTERM, SIGHUP: 128 and the signal's number. */
  interrupted: 130,
  terminated: 143,
  hungUp: 129,
} as const;

export const exitCodeHelp = `
Exit codes:
  0    every claim held or is undecided
  99   a claim failed
  97   a check found a promise broken (an acknowledged write lost, an order placed twice)
  98   nightly: a figure is worse than it was for a confirmed 5 % or more; compare: the candidate is worse
  96   a run was invalid: the generator could not keep its schedule, or a slice of the load is missing
  2    a wrong command, option or file
  1    a bug in wavetank
  130  stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP; the report holds what was finished
`;

/** The exit code of a suite that ran to its end. */
export function exitCodeOf(results: Results): number {
  const runs = results.experiments.flatMap((e) => e.designs.flatMap((d) => d.runs));
  if (runs.some((run) => !run.check.held)) return exitCodes.violated;
  // Claims were judged over a part of the load, so that they say nothing.
  if (runs.some(isIncomplete)) return exitCodes.invalid;
  const experiments = results.experiments;
  if (experiments.some((e) => e.status === "failed" || e.claims.some((c) => c.status === "failed")))
    return exitCodes.failed;
  if (experiments.some((e) => e.status === "invalid")) return exitCodes.invalid;
  // An instrument that misses what theory knows measures nothing.
  if (results.calibration?.some(({ held }) => !held) === true) return exitCodes.invalid;
  return exitCodes.ok;
}
