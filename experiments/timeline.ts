/** Figures that several experiments read off a run's timeline: what happened from one instant to another. */
import type { RunResult } from "../runners/results.ts";

/** Ok answers as a share of offered operations, over intervals that begin in [fromS, toS). NaN when nothing was offered. */
export function okShareBetween(run: RunResult, fromS: number, toS: number): number {
  const { atS, ok, offered } = run.timeline;
  let answered = 0;
  let asked = 0;
  for (let i = 0; i < atS.length; i++) {
    if (atS[i] < fromS || atS[i] >= toS) continue;
    answered += ok[i];
    asked += offered[i];
  }
  // Answers to what was offered before the window may be a little more than what was offered in it.
  return Math.min(1, answered / asked);
}

/**
 * Seconds from `endS` until ok answers are back at `share` of what is offered and stay there to the end of the run; Infinity
 * when they never do. Rows are smoothed over three, so that chance in one row is not taken for a relapse.
 */
export function recoverySeconds(run: RunResult, endS: number, untilS: number, share = 0.9): number {
  const { atS, ok, offered, intervalS } = run.timeline;
  let recoveredAt = Infinity;
  for (let i = 0; i < atS.length; i++) {
    if (atS[i] < endS || atS[i] + intervalS > untilS) continue;
    const rows = [i - 1, i, i + 1].filter((row) => row >= 0 && row < atS.length && atS[row] + intervalS <= untilS);
    const sum = (values: readonly number[]): number => rows.reduce((total, row) => total + values[row], 0);
    const healthy = sum(ok) >= share * sum(offered);
    if (!healthy) recoveredAt = Infinity;
    else if (recoveredAt === Infinity) recoveredAt = atS[i];
  }
  return Math.max(0, recoveredAt - endS);
}
