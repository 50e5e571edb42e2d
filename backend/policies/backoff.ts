/**
 * How long to wait before trying again: the five rules that Brooker compared in "Exponential Backoff and Jitter" (AWS
 * Architecture Blog, 2015), as in the simulator published with it. Jitter matters more than the exponent: without it clients that
 * collided once come back together and collide again.
 */
import type { Random } from "../kernel/random.ts";
import type { Micros } from "../kernel/units.ts";
import type { BackoffSpec } from "./call.ts";

/**
 * Whole microseconds to wait before retry number `attempt` (1 = the first retry). `previousUs` is the wait before the last one,
 * 0 when there was none; only decorrelated jitter looks at it.
 */
export function backoffUs(spec: BackoffSpec, attempt: number, previousUs: Micros, random: Random): Micros {
  switch (spec.kind) {
    case "none":
      return 0;
    case "exponential":
      return ceilingUs(spec.baseUs, spec.capUs, attempt);
    case "equal-jitter": {
      const half = ceilingUs(spec.baseUs, spec.capUs, attempt) / 2;
      return Math.round(half + random.float() * half);
    }
    case "full-jitter":
      return Math.round(random.float() * ceilingUs(spec.baseUs, spec.capUs, attempt));
    case "decorrelated-jitter": {
      const { baseUs, capUs } = spec;
      const upper = 3 * Math.max(baseUs, previousUs);
      return Math.min(capUs, Math.round(baseUs + random.float() * (upper - baseUs)));
    }
  }
}

/** min(cap, base * 2^attempt): the simulator counts an attempt before it uses the count, so the first ceiling is 2 * base. */
function ceilingUs(baseUs: Micros, capUs: Micros, attempt: number): Micros {
  return Math.min(capUs, baseUs * 2 ** attempt);
}
