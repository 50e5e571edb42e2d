/** What a hedge's description must be for its policy to mean anything. */
import type { HedgeSpec } from "../api-tails.ts";

/** @throws RangeError that says which member, what it is and what it must be */
export function checkHedge({ copies, delay, budget }: HedgeSpec): void {
  require(Number.isInteger(copies) && copies >= 2, "hedge.copies", copies, "a whole number of at least 2");
  if (delay.kind === "fixed") {
    const grows = delay.afterUs.every((us, i) => us >= (i === 0 ? 0 : delay.afterUs[i - 1]));
    const fits = delay.afterUs.length > 0 && grows;
    require(fits, "hedge.delay.afterUs", delay.afterUs.join(", "), "at least one time, none before the one before it");
  } else {
    require(delay.quantile > 0 && delay.quantile < 1, "hedge.delay.quantile", delay.quantile, "above 0 and below 1");
    require(delay.window >= 10, "hedge.delay.window", delay.window, "10 answers or more");
    require(delay.initialUs >= 0, "hedge.delay.initialUs", delay.initialUs, "0 or more");
  }
  if (budget?.kind === "tokens") {
    require(budget.max > 0 && budget.max <= 1_000, "hedge.budget.max", budget.max, "above 0, at most 1,000");
    require(budget.ratio > 0, "hedge.budget.ratio", budget.ratio, "above 0");
  } else if (budget?.kind === "share") {
    require(budget.share >= 0 && budget.share <= 1, "hedge.budget.share", budget.share, "0 to 1");
    require(budget.burst >= 1, "hedge.budget.burst", budget.burst, "1 or more");
  }
}

function require(fits: boolean, member: string, got: unknown, expected: string): void {
  if (!fits) throw new RangeError(`${member}: got ${String(got)}, expected ${expected}`);
}
