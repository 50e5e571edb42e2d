/** Histories written by hand for the check of orders, and the bookkeeping shared by all checks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkOrders, orderIn, submittedOrders } from "./order-check.ts";
import { effectOf, Findings, isBefore } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

function submission(
  order: string,
  outcome: HistoryEntry["outcome"],
  code = "",
  more: Partial<HistoryEntry> = {},
): HistoryEntry {
  const fact = { kind: "order", order, cart: "c", lines: ["x", "y"], code };
  return { arrival: 1, step: 1, startUs: 0, endUs: 10, outcome, fact, ...more };
}

function check(history: HistoryEntry[], ...finals: (string[] | "absent" | null)[]): CheckResult {
  const findings = new Findings();
  checkOrders(history, finals, findings);
  return findings.result("orders");
}

function rejects(reason: RegExp, history: HistoryEntry[], ...finals: (string[] | "absent" | null)[]): void {
  const result = check(history, ...finals);
  assert.equal(result.held, false);
  assert.match(result.violations.join("\n"), reason);
}

const lines = ["x", "y"];

test("rejects: an order placed twice", () => {
  rejects(/placed 2 times/, [submission("o", "ok"), submission("o", "ok")], lines);
});

test("rejects: an acknowledged order that is not there, or that a submission had found there", () => {
  rejects(/was acknowledged and is not there/, [submission("o", "ok")], "absent");
  rejects(/found there by a submission/, [submission("o", "refused", "condition-failed")], "absent");
});

test("rejects: an order that is there though it was refused", () => {
  rejects(/though every submission was refused/, [submission("o", "refused", "throttled")], lines);
});

test("rejects: an order with other lines, and one that could not be read", () => {
  rejects(/with lines x z instead of x y/, [submission("o", "ok")], ["x", "z"]);
  rejects(/with lines x instead/, [submission("o", "ok")], ["x"]);
  rejects(/could not be read/, [submission("o", "ok")], null);
});

test("accepts: unknown, then found there; resubmitted and refused; unknown and there or not", () => {
  const again = submission("o", "refused", "condition-failed");
  assert.ok(check([submission("o", "unknown", "timeout"), again], lines).held);
  assert.deepEqual(check([submission("o", "ok"), again], ["y", "x"]).counts, { ordersPlaced: 1 });
  assert.deepEqual(check([submission("o", "unknown")], lines).counts, { ordersUnknownPlaced: 1 });
  assert.deepEqual(check([submission("o", "unknown")], "absent").counts, { ordersUnknownAbsent: 1 });
  assert.ok(check([submission("o", "refused", "throttled", { attempts: 3 })], lines).held, "a lost attempt placed it");
  assert.ok(check([submission("o", "refused", "throttled")], "absent").held);
});

test("accepts and counts: a line ordered twice by two orders", () => {
  const { counts, held } = check([submission("o", "ok"), submission("p", "ok")], lines, lines);
  assert.ok(held);
  assert.equal(counts.linesOrderedTwice, 2);
  assert.deepEqual(submittedOrders([submission("o", "ok"), submission("p", "ok"), submission("o", "ok")]), ["o", "p"]);
});

test("an order's final read", () => {
  const read = { kind: "item", siblings: [], context: "", units: 1 } as const;
  assert.equal(orderIn({ kind: "ok", result: { ...read, item: null } }), "absent");
  assert.deepEqual(orderIn({ kind: "ok", result: { ...read, item: { lines: { M: { x: { M: {} } } } } } }), ["x"]);
  assert.equal(orderIn({ kind: "refused", code: "unavailable", message: "" }), null);
});

test("effects: what an outcome proves", () => {
  const at = (outcome: HistoryEntry["outcome"], attempts?: number): [string, number] => {
    const { happened, untilUs } = effectOf({ ...submission("o", outcome), attempts });
    return [happened, untilUs];
  };
  assert.deepEqual(at("ok"), ["certainly", 10]);
  assert.deepEqual(at("ok", 2), ["certainly", Infinity]);
  assert.deepEqual(at("unknown"), ["perhaps", Infinity]);
  assert.deepEqual(at("refused"), ["never", -Infinity]);
  assert.deepEqual(at("refused", 2), ["perhaps", Infinity]);
  const early = effectOf(submission("o", "ok"));
  const late = effectOf({ ...submission("o", "ok"), startUs: 12, endUs: 20 });
  assert.ok(isBefore(early, late, 0) && !isBefore(early, late, 2) && !isBefore(late, early, 0));
});

test("findings: nothing examined is not held; violations past the twentieth are counted", () => {
  assert.equal(new Findings().result("empty").held, false);
  const findings = new Findings("zero");
  findings.examine();
  for (let i = 0; i < 30; i++) findings.violate(`v${i}`);
  const { violations, counts } = findings.result("many");
  assert.equal(violations.length, 21);
  assert.equal(violations[20], "and 10 more");
  assert.deepEqual(counts, { zero: 0 });
});
