/** All that can be checked of work that leaves nothing behind: each operation is there once, has an outcome, and is over after it began. */
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

const outcomes = ["ok", "refused", "unknown"];

/** `what` an operation is called. Counts: ok, refused, unknown. */
export function checkOneOutcome(history: readonly HistoryEntry[], what: string): CheckResult {
  const findings = new Findings(...outcomes);
  const seen = new Set<number>();
  for (const { arrival, startUs, endUs, outcome } of history) {
    findings.examine();
    if (seen.has(arrival)) findings.violate(`${what} ${arrival} has two outcomes`);
    seen.add(arrival);
    if (!(endUs >= startUs)) findings.violate(`${what} ${arrival} ended at ${endUs}, before its start at ${startUs}`);
    if (outcomes.includes(outcome)) findings.count(outcome);
    else findings.violate(`${what} ${arrival} has no outcome: got ${outcome}`);
  }
  return findings.result(`every ${what} has one outcome`);
}
