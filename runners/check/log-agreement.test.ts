import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogRule } from "./log-agreement.ts";
import { LogAgreement } from "./log-agreement.ts";

const bad: readonly (readonly [LogRule, string, (log: LogAgreement) => void, RegExp])[] = [
  [
    "two-values",
    "two leaders choose in one slot",
    (log) => {
      log.onChosen("a", 3, "x");
      log.onChosen("b", 3, "y");
    },
    /slot 3 has y at node b, but x at node a/,
  ],
  [
    "two-values",
    "a node that was wiped applies another value than it had before",
    (log) => {
      log.onApplied("a", 1, "x");
      log.onRestored("a", 0);
      log.onApplied("a", 1, "y");
    },
    /slot 1 has y at node a, but x at node a/,
  ],
  [
    "out-of-order",
    "a learner applies over a gap",
    (log) => {
      log.onApplied("a", 1, "x");
      log.onApplied("a", 3, "z");
    },
    /node a applied slot 3; expected slot 2/,
  ],
  [
    "out-of-order",
    "a slot is applied again without a crash",
    (log) => {
      log.onApplied("a", 1, "x");
      log.onApplied("a", 1, "x");
    },
    /node a applied slot 1; expected slot 2/,
  ],
  [
    "states-differ",
    "a command that is not deterministic",
    (log) => {
      log.onApplied("a", 1, "x", 77);
      log.onApplied("b", 1, "x", 78);
    },
    /after slot 1 node b holds state 78, but node a held 77/,
  ],
  [
    "states-differ",
    "a snapshot that holds more than its slot says",
    (log) => {
      log.onApplied("a", 1, "x", 77);
      log.onApplied("a", 2, "y", 88);
      log.onRestored("b", 1, 88);
    },
    /after slot 1 node b holds state 88/,
  ],
  [
    "applied-twice",
    "a retry is proposed again and not recognised",
    (log) => {
      log.onEffect("a", 1, "put 1 of client 7");
      log.onEffect("b", 2, "put 1 of client 7");
    },
    /command put 1 of client 7 took effect in slot 2 at node b, and in slot 1 at node a/,
  ],
  [
    "acknowledged-but-not-applied",
    "an answer for what no log has",
    (log) => {
      log.onAcknowledged("put 1");
      log.checkAcknowledged();
    },
    /command put 1 was acknowledged, but took effect in no slot/,
  ],
];

for (const [rule, name, events, text] of bad)
  test(`no agreement: ${name}`, () => {
    const log = new LogAgreement();
    events(log);
    assert.equal(log.violations.of(rule), 1);
    assert.equal(log.violations.count, 1);
    assert.match(log.violations.text(), text);
  });

test("agreement: one lags, one crashes and applies again, one comes late by a snapshot", () => {
  const log = new LogAgreement();
  for (const [slot, value] of ["x", "no-op", "y"].entries()) {
    log.onChosen("a", slot + 1, value);
    log.onApplied("a", slot + 1, value, `after ${value}`);
  }
  log.onEffect("a", 1, "put 1");
  log.onEffect("a", 3, "put 2");
  log.onAcknowledged("put 1");
  log.onAcknowledged("put 2");
  log.onApplied("b", 1, "x", "after x");
  log.onEffect("b", 1, "put 1");
  // Its store lost nothing but the flag that it had applied: the same command, in the same slot.
  log.onRestored("b", 0);
  log.onApplied("b", 1, "x", "after x");
  log.onEffect("b", 1, "put 1");
  // The retry of a command that took effect already is in the log again, and has none.
  log.onApplied("a", 4, "x", "after y");
  log.onRestored("c", 3, "after y");
  log.onApplied("c", 4, "x", "after y");
  log.checkAcknowledged();
  log.checkAcknowledged();
  assert.equal(log.violations.text(), "");
});

test("slots may count from zero", () => {
  const log = new LogAgreement(0);
  log.onApplied("a", 0, "x");
  log.onApplied("a", 1, "y");
  assert.equal(log.violations.count, 0);
});
