/**
 * What several masters' answers say together: the least interval that contains every point that at least `quorum` of them allow
 * (Marzullo and Owicki, "Maintaining the time in a distributed system", PODC 1983).
 *
 *     a   ├───────────┤                      quorum 3 of 4: d is a liar and gets no say
 *     b       ├───────────┤
 *     c     ├──────┤
 *     d                            ├────┤
 *             ╞════╡
 *
 * If at most n - quorum masters lie, true time is one of those points. The variant that takes the points on which the *most*
 * masters agree is narrower and unsafe: a liar whose interval overlaps the honest ones pulls the fullest stretch away from true
 * time.
 */

/** Both ends belong to it. Invariant: low <= high. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Null when no point is in `quorum` of the intervals. */
export function agreement(intervals: readonly Interval[], quorum: number): Interval | null {
  const edges = intervals.flatMap(({ low, high }) => [
    { at: low, opens: true },
    { at: high, opens: false },
  ]);
  // Where one closes as another opens, both contain the point.
  edges.sort((a, b) => a.at - b.at || Number(b.opens) - Number(a.opens));
  let inside = 0;
  let low: number | null = null;
  let high = 0;
  for (const { at, opens } of edges) {
    if (opens) {
      inside++;
      if (inside >= quorum) low ??= at;
    } else {
      if (inside >= quorum) high = at;
      inside--;
    }
  }
  return low === null ? null : { low, high };
}

/** More than half, of all there are and not of those that answer: a node that hears only a liar must not believe it. */
export function majority(masters: number): number {
  return Math.floor(masters / 2) + 1;
}
