/** How long one row of a timeline is: a length people read easily, so that a run has 40 to 120 of them. */
import { second, type Micros } from "../../backend/kernel/units.ts";

const mantissas = [1, 2, 5];

/** The longest of 1, 2, 5 times a power of ten microseconds that cuts `forUs` into at least 40 rows. */
export function timelineInterval(forUs: Micros): Micros {
  let chosen = 1_000;
  for (let scale = 1_000; scale <= 10_000 * second; scale *= 10) {
    for (const mantissa of mantissas) {
      if (forUs / (mantissa * scale) >= 40) chosen = mantissa * scale;
    }
  }
  return chosen;
}
