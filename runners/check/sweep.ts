/**
 * Real time as one pass: the invocations and completions of intervals, in order of time. What completes and what is invoked at
 * one instant are concurrent, so invocations come first.
 */
import type { Micros } from "../../backend/kernel/units.ts";

export interface Interval {
  readonly invokedAt: Micros;
  /** Infinity: never completes; nothing comes after it. */
  readonly completedAt: Micros;
}

/**
 * Calls `onInvoked` when everything that completed before the interval began has been through `onCompleted`, and nothing else.
 * O(n log n).
 */
export function sweep<Item extends Interval>(
  items: readonly Item[],
  onInvoked: (item: Item) => void,
  onCompleted: (item: Item) => void,
): void {
  const byCompletion = items.filter(({ completedAt }) => completedAt < Infinity);
  byCompletion.sort((a, b) => a.completedAt - b.completedAt);
  let completed = 0;
  for (const item of items.toSorted((a, b) => a.invokedAt - b.invokedAt)) {
    while (completed < byCompletion.length && byCompletion[completed].completedAt < item.invokedAt)
      onCompleted(byCompletion[completed++]);
    onInvoked(item);
  }
}
