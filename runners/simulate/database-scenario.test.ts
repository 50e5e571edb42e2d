/** What commit wait buys, and what it rests on: clocks that are within the bound they claim. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { millisecond } from "../../backend/kernel/units.ts";
import { runDatabaseScenario } from "./database-scenario.ts";
import type { DatabaseScenarioSpec } from "./database-scenario.ts";

const calm: DatabaseScenarioSpec = {
  shapes: [{ nodes: 4, groups: 4 }],
  log: { leaseUs: 500 * millisecond },
  nemeses: ["drift"],
  faults: 4,
  clients: 8,
  accounts: 8,
};

/** Violations by their rule. */
function violated(spec: DatabaseScenarioSpec, seeds: number): Set<string> {
  const rules = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) {
    for (const { invariant, detail } of runDatabaseScenario(spec, seed).violations) {
      rules.add(invariant === "external-consistency" ? detail.split(":")[0] : invariant);
    }
  }
  return rules;
}

test("within the bound there is no violation, with drift as with perfect quartz", () => {
  assert.deepEqual([...violated(calm, 8)], []);
});

test("without commit wait the order of timestamps is not that of real time, though each is a serial order", () => {
  const rules = violated({ ...calm, commitWait: false }, 4);
  assert(rules.has("real-time-order"), [...rules].join(" "));
  assert(!rules.has("read") && !rules.has("money"), [...rules].join(" "));
});

test("clocks beyond their bound are caught", () => {
  const rules = violated({ ...calm, nemeses: ["clock"] }, 6);
  assert(rules.has("real-time-order") || rules.has("early-acknowledgement"), [...rules].join(" "));
});
