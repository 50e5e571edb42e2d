/**
 * A deadline travels as the time that is left, never as an instant: each hop turns what it got into an instant of its own clock and
 * passes on what remains when it sends. Clocks then need not agree; only the time on the wire is not subtracted, so a hop gives
 * up at most that much too late. gRPC does the same (grpc.io, Deadlines): "gRPC converts the deadline to a timeout from which the
 * already elapsed time is already deducted. This shields your system from any clock skew issues."
 */
import type { Micros } from "../kernel/units.ts";

/** The instant on this node's clock at which a request that arrived now has run out of time; Infinity when it has no limit. */
export function deadlineAfter(nowUs: Micros, timeoutUs: Micros | undefined): Micros {
  return timeoutUs === undefined ? Infinity : nowUs + timeoutUs;
}

/** Time left, at least 0; Infinity without a deadline. */
export function remainingUs(deadlineUs: Micros, nowUs: Micros): Micros {
  return Math.max(0, deadlineUs - nowUs);
}

/** Work begun now would answer nobody. */
export function isExpired(deadlineUs: Micros, nowUs: Micros): boolean {
  return nowUs >= deadlineUs;
}

/** What to allow the next hop: our own patience with it, cut to what is left of our caller's. */
export function hopTimeoutUs(patienceUs: Micros, deadlineUs: Micros, nowUs: Micros): Micros {
  return Math.min(patienceUs, remainingUs(deadlineUs, nowUs));
}
