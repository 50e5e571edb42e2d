/**
 * TrueTime's questions (Spanner, OSDI 2012, section 3, table 1), asked of `env.wall`, which is TT.now(). A core asks these and
 * nothing else about time of day; how the bounds come about is the runtime's business.
 *
 *     t:  ──────────────── earliest ════════════════ latest ────────────────>
 *             after(t)                 neither                 before(t)
 *
 * Bounds may step back at a poll, so a commit wait or a lease that is over is remembered as over, never asked about again.
 */
import type { Wall } from "../../kernel/env.ts";
import type { Micros } from "../../kernel/units.ts";

/** `t` has definitely passed. */
export function after(wall: Wall, t: Micros): boolean {
  return wall.earliest > t;
}

/** `t` has definitely not arrived. */
export function before(wall: Wall, t: Micros): boolean {
  return wall.latest < t;
}

/**
 * How long to set a timer for until `after(t)` should hold, microseconds by the monotonic clock; 0 when it holds already. One
 * part in 4,096 is added, because `earliest` lags behind the quartz by what the bound allows for drift: 200 us/s at Spanner.
 * A poll in between can move `earliest` back: ask `after` when the timer fires and, if it does not hold, wait again.
 */
export function commitWaitUs(wall: Wall, t: Micros): Micros {
  if (after(wall, t)) return 0;
  const shortUs = t - wall.earliest + 1;
  return shortUs + Math.ceil(shortUs / 4_096);
}
