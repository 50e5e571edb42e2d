/**
 * Little's law, L = lambda W (Little, "A Proof for the Queuing Formula", Operations Research 1961): it holds for any queue, so whoever
 * breaks it has counted wrong. Its two sides come from different parts of the instrument: what was in the system from when operations
 * began and ended, the rate and the mean time from the counts and the histogram of latencies.
 */
import { second, type Micros } from "../../backend/kernel/units.ts";
import type { HistoryEntry } from "../../workloads/workload.ts";
import type { Calibration, RunResult } from "../results.ts";
import { meanAndError } from "./standard-error.ts";
import { withinShare } from "./within-share.ts";

type Named = Pick<Calibration, "oracle" | "tank">;

const quantity = "in the system, Little's law";
/** Short beside any service time here. */
const lookEveryUs: Micros = 1_000;

/**
 * Of many runs: operations in the system, looked at where rows of the timeline meet, all within the measured window. Between looks chance plays a part, so the differences of all runs together lie within 3 sigma of zero.
 */
export function littleOfTimelines(
  common: Named,
  runs: readonly RunResult[],
  warmUpUs: Micros,
  forUs: Micros,
): Calibration {
  const pairs = runs.map(({ timeline, metrics }) => {
    let present = 0;
    const looks: number[] = [];
    timeline.atS.forEach((atS, i) => {
      if (atS >= warmUpUs / second && atS < forUs / second) looks.push(present);
      present += timeline.offered[i] - timeline.ok[i] - timeline.refused[i] - timeline.unknown[i];
    });
    const inSystem = looks.reduce((sum, n) => sum + n, 0) / looks.length;
    return { inSystem, product: (metrics.offeredPerSecond * metrics.meanMs) / 1_000 };
  });
  const average = (of: (pair: (typeof pairs)[number]) => number): number =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const [difference, sigma] = meanAndError(pairs.map(({ inSystem, product }) => inSystem - product));
  return {
    ...common,
    quantity,
    theory: average(({ product }) => product),
    measured: average(({ inSystem }) => inSystem),
    tolerance: `3 sigma, ${(3 * sigma).toPrecision(2)}`,
    held: Math.abs(difference) <= 3 * sigma,
  };
}

/**
 * Of one run, from an empty system to an empty one, so that the law is exact and only the instrument can break it: operations in the
 * system, looked at every millisecond, within 5 %.
 */
export function littleOfHistory(
  common: Named,
  { metrics }: Pick<RunResult, "metrics">,
  history: readonly Pick<HistoryEntry, "startUs" | "endUs">[],
  forUs: Micros,
): Calibration {
  const untilUs = history.reduce((last, { endUs }) => Math.max(last, endUs), forUs);
  const looks = Math.floor(untilUs / lookEveryUs);
  let seen = 0;
  // Operation by operation, how many looks found it there: from the first at or after its start to the last before its end.
  for (const { startUs, endUs } of history) seen += Math.ceil(endUs / lookEveryUs) - Math.ceil(startUs / lookEveryUs);
  const operations = (metrics.offeredPerSecond * forUs) / second;
  const product = ((operations / (untilUs / second)) * metrics.meanMs) / 1_000;
  return withinShare({ ...common, quantity: `${quantity}, ${looks} looks` }, product, seen / looks, 0.05);
}

/**
 * Of a closed loop: users are what is in the system that they make by asking and thinking, so they are the rate times the mean time of
 * an answer and a thought.
 */
export function littleOfUsers(
  common: Named,
  users: number,
  measured: { readonly perSecond: number; readonly answerS: number; readonly thinkS: number },
  share: number,
): Calibration {
  const { perSecond, answerS, thinkS } = measured;
  return withinShare({ ...common, quantity: "users, Little's law" }, users, perSecond * (answerS + thinkS), share);
}
