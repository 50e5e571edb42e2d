/**
 * What must hold of orders. An order may have been submitted several times: by the session, or by retries below it.
 *
 * - **None placed twice.** Of all submissions of one order at most one is acknowledged as placed; the others must fail their
 *   condition.
 * - **None lost.** An order whose placing was acknowledged, or one that a submission found there already, is there, with exactly
 *   the lines it was submitted with.
 * - **None from a refusal.** An order all of whose submissions are known never to have happened is not there.
 *
 * Two carts' versions that were checked out at once may order one line twice, as Dynamo's carts permit: those lines are counted.
 */
import type { Answer } from "../backend/api.ts";
import type { OrderFact } from "./cart.ts";
import type { Findings } from "./real-time-order.ts";
import { effectOf } from "./real-time-order.ts";
import type { HistoryEntry } from "./workload.ts";

export const orderCounts = ["ordersPlaced", "ordersUnknownPlaced", "ordersUnknownAbsent", "linesOrderedTwice"] as const;

/** Orders submitted, in order of first appearance. */
export function submittedOrders(history: readonly HistoryEntry[]): string[] {
  const orders = new Set<string>();
  for (const { fact } of history) if (fact.kind === "order") orders.add(String(fact.order));
  return [...orders];
}

/** `finals` by the order of `submittedOrders`: the stored order's lines, "absent", or null when the final read failed. */
export function checkOrders(
  history: readonly HistoryEntry[],
  finals: readonly (readonly string[] | "absent" | null)[],
  findings: Findings,
): void {
  const submissions = new Map<string, HistoryEntry[]>();
  for (const entry of history) {
    if (entry.fact.kind !== "order") continue;
    const { order } = entry.fact as OrderFact;
    submissions.set(order, [...(submissions.get(order) ?? []), entry]);
  }
  const ordered = new Set<string>();
  [...submissions].forEach(([order, entries], i) => {
    findings.examine();
    const final = finals[i] ?? null;
    checkOrder(order, entries, final, findings);
    if (final === null || final === "absent") return;
    for (const line of final) {
      if (ordered.has(line)) findings.count("linesOrderedTwice");
      ordered.add(line);
    }
  });
}

function checkOrder(
  order: string,
  entries: readonly HistoryEntry[],
  final: readonly string[] | "absent" | null,
  findings: Findings,
): void {
  const placed = entries.filter(({ outcome }) => outcome === "ok").length;
  const foundThere = entries.some(({ fact }) => fact.code === "condition-failed");
  const possible = foundThere || entries.some((entry) => effectOf(entry).happened !== "never");
  if (placed > 1) findings.violate(`order ${order} was placed ${placed} times`);
  if (final === null) {
    findings.violate(`order ${order}: its final state could not be read`);
    return;
  }
  if (final === "absent") {
    if (placed > 0) findings.violate(`order ${order} was acknowledged and is not there`);
    else if (foundThere) findings.violate(`order ${order} was found there by a submission and is not there`);
    else if (possible) findings.count("ordersUnknownAbsent");
    return;
  }
  if (!possible) findings.violate(`order ${order} is there though every submission was refused`);
  const { lines } = entries[0].fact as OrderFact;
  if (lines.length !== final.length || lines.some((line) => !final.includes(line))) {
    findings.violate(`order ${order} is there with lines ${final.join(" ")} instead of ${lines.join(" ")}`);
  }
  findings.count(placed > 0 || foundThere ? "ordersPlaced" : "ordersUnknownPlaced");
}

/** The lines of an order in its final read. */
export function orderIn(answer: Answer): string[] | "absent" | null {
  if (answer.kind !== "ok" || answer.result.kind !== "item") return null;
  const { item } = answer.result;
  return item === null ? "absent" : Object.keys(item.lines?.M ?? {});
}
